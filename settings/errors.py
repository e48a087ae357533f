"""What a person reads when the stack config is wrong: one line a mistake, each names the key, what it got and what it takes."""

from dataclasses import dataclass

NAMESPACE = "gateway"


@dataclass(frozen=True)
class ConfigError:
    """One mistake in the config. ``got`` must never be a secret's value."""

    key: str
    """Path of the key without the namespace, such as ``app.name``."""
    got: str
    takes: str

    def __str__(self) -> str:
        return f"config {NAMESPACE}:{self.key}: got {self.got}; takes {self.takes}"


class ConfigErrors(ValueError):
    """All mistakes that were found together, so that they are mended together. ``str()`` is one line each."""

    def __init__(self, errors: list[ConfigError]) -> None:
        self.errors = errors
        super().__init__("\n".join(str(error) for error in errors))

"""What can go wrong inside the engine, in words for the person who runs it."""

from collections.abc import Mapping
from typing import Any


class EngineError(Exception):
    """The update cannot go on; ``str()`` is the message."""


class Locked(EngineError):
    """Another update of the stack is at work."""


class WrongPassphrase(EngineError):
    """The passphrase does not decrypt what the stack has."""


class Cancelled(EngineError):
    """Another step failed before this one began."""


class NotSupported(EngineError):
    """Something that only the Pulumi CLI can do."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the embedded engine has no {what}; way out: put the Pulumi CLI on PATH (docs/engines.md)")


class StepError(EngineError):
    """A resource's step failed; nothing of it is stored."""


class InitError(StepError):
    """The thing was made and is stored, but never became ready: the next update replaces it."""

    def __init__(self, message: str, id_: str, outputs: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.id, self.outputs = id_, dict(outputs)

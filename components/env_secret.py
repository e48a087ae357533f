"""EnvSecret: an env file with plain and secret values, named by a keyed hash of its content."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from rendering import envfile
from targets.base import Target


@dataclass(frozen=True, kw_only=True)
class EnvSecretArgs:
    """The variables of one instance. Values must be known when the program runs (stack config is), since they name the file."""

    target: Target
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Kept out of logs, command lines, plain state and image layers."""
    observed: str = ""
    """What is wrong with the file, if that was seen; makes the engine write it again."""


class EnvSecret(pulumi.ComponentResource):
    """An immutable env file: another value is another file, so a rollback finds the values that its release had."""

    id: str
    """10 hex digits."""
    secret_names: tuple[str, ...]
    file: pulumi.Output[str]
    """The id once the file is there; what needs the file depends on it."""

    def __init__(self, name: str, args: EnvSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gateway:index:EnvSecret", name, None, opts)
        values = {**args.env, **args.secrets}
        self.id = envfile.digest(values)
        self.secret_names = tuple(sorted(args.secrets))
        text = pulumi.Output.secret(envfile.render(values))
        self.file = args.target.env_file(f"{name}-{self.id}", self.id, text, self, args.observed)
        self.register_outputs({"id": self.id})

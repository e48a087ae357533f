"""Release: code and dependencies, made once and named by their content."""

from dataclasses import dataclass

import pulumi

from targets.base import ReleaseSpec, Target


@dataclass(frozen=True, kw_only=True)
class ReleaseArgs:
    """What a release is made of, and where."""

    target: Target
    spec: ReleaseSpec


class Release(pulumi.ComponentResource):
    """A release on its target. The same content is the same release: it is never built twice, and kept for rollback."""

    code: pulumi.Output[str]
    """What the target runs code from: an image id on Docker."""

    def __init__(self, name: str, args: ReleaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gateway:index:Release", name, None, opts)
        self.id = args.spec.release
        self.kept = args.spec.kept
        self.code = args.target.release(f"{name}-{args.spec.release}", args.spec, self)
        self.register_outputs({"code": self.code})

"""ReleaseTasks: what must have happened in the new code with the new env before any instance of it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from components.env_secret import EnvSecret
from components.release import Release
from rendering.identity import short_hash
from targets.base import Target, Task, TaskSpec

TASKS: tuple[Task, ...] = ("check", "migrate", "collectstatic")


@dataclass(frozen=True, kw_only=True)
class ReleaseTasksArgs:
    """Which code, with which env."""

    target: Target
    release: Release
    env: EnvSecret
    settings_module: str
    switch: str = ""
    """``wsgi -> asgi`` when a migration must not come with it."""
    site: Mapping[str, Any] = field(default_factory=dict)
    """What the project's settings have to agree with (``settings.agreement``); nothing is not asked."""
    newer_schema: bool = False
    """Whether a kept release may start that does not know applied migrations."""
    static_observed: str = ""
    """What is wrong with static files, if that was seen; makes the engine collect them again."""


class ReleaseTasks(pulumi.ComponentResource):
    """``check --deploy``, then ``migrate``, then ``collectstatic``: once per release and env. A failure switches nothing.

    A kept release has had them all: only its place in the schema is asked again.
    """

    last: pulumi.Resource
    """The last task: what must wait for all of them depends on it."""
    told: pulumi.Output[str] | None = None
    """What the check says of the project's settings; None for a kept release."""

    def __init__(self, name: str, args: ReleaseTasksArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gateway:index:ReleaseTasks", name, None, opts)
        spec = TaskSpec(
            release=args.release.id,
            env_id=args.env.id,
            secret_names=args.env.secret_names,
            settings_module=args.settings_module,
            switch=args.switch,
            newer_schema=args.newer_schema,
            site=args.site,
            kept=args.release.kept,
        )
        code = pulumi.Output.all(args.release.code, args.env.file).apply(lambda both: str(both[0]))
        once = short_hash(spec.release, spec.env_id, spec.settings_module)
        after: list[pulumi.Resource] = []
        tasks: tuple[Task, ...] = TASKS
        if spec.kept:  # its files are collected again only where they were lost
            tasks = ("migrate", "collectstatic") if args.static_observed else ("migrate",)
        for task in tasks:
            own = replace(spec, observed=args.static_observed) if task == "collectstatic" else spec
            after = [args.target.task(f"{name}-{task}-{once}", task, code, own, self, after)]
            if task == "check":
                self.told = args.target.told(after[0])
        self.last = after[0]
        self.register_outputs({})

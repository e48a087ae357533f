"""A Pulumi engine that does nothing and writes everything down: which resources a program asks for, and with what."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pulumi
from pulumi.output import Unknown
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.stack import run_pulumi_func

IMAGE_ID = "sha256:" + "1" * 64

_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Marks a secret where a map stands for a value (Pulumi's wire format)."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource as the engine is asked for it. ``parent`` and ``dependencies`` are keys of a Recording."""

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    dependencies: frozenset[str]
    protect: bool
    ignore_changes: tuple[str, ...]
    secret_outputs: tuple[str, ...]

    @property
    def request(self) -> dict[str, Any]:
        """What a step of the agent reads on standard input."""
        text = self.inputs["stdin"]
        return dict(json.loads(text["value"] if is_secret(text) else text))


@dataclass
class Recording:
    """What a program asked for, by kind and logical name (``Command shop-storage``), and the Outputs that it returned."""

    resources: dict[str, Resource] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Resource:
        return self.resources[key]

    def kind(self, kind: str) -> dict[str, Resource]:
        """Logical name -> resource, for all of that kind."""
        return {key.split()[1]: resource for key, resource in self.resources.items() if key.split()[0] == kind}

    def key(self, verb: str, holding: str = "") -> str:
        """Of the only command with that verb, and that in its name."""
        (found,) = [key for key, one in self.resources.items() if one is self.step(verb, holding)]
        return found

    def step(self, verb: str, holding: str = "") -> Resource:
        """The only command with that verb, and that in its name."""
        found = [r for r in self.resources.values() if r.inputs.get("create") == verb and holding in r.name]
        assert len(found) == 1, f"{verb}: {[r.name for r in found]}"
        return found[0]

    def before(self, key: str) -> set[str]:
        """Everything that must have been made before that, by dependencies alone."""
        done: set[str] = set()
        left = [key]
        while left:
            new = self.resources[left.pop()].dependencies - done
            done |= new
            left += new
        return done


def key_of(urn: str) -> str:
    """``urn:pulumi:...$command:local:Command::shop-storage`` -> ``Command shop-storage``."""
    *_, type_, name = urn.split("::")
    return f"{type_.split(':')[-1]} {name}"


def is_secret(value: object) -> bool:
    return isinstance(value, dict) and _SIGNATURE in value


def public(value: Any) -> Any:
    """The inputs as anybody may read them in state."""
    if is_secret(value):
        return "[secret]"
    if isinstance(value, Unknown):
        return "[unknown]"
    if isinstance(value, dict):
        return {key: public(inner) for key, inner in value.items()}
    return [public(inner) for inner in value] if isinstance(value, list) else value


class _Answers(Mocks):
    """What the steps of the agent would print."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return f"{args.name}-id", {**args.inputs, **_stdout(args)}

    def call(self, args: Any) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"nobody should call {args.token}")


def _stdout(args: MockResourceArgs) -> dict[str, str]:
    if not args.typ.endswith(":Command") or pulumi.runtime.is_dry_run():
        return {}
    match args.inputs["create"]:
        case "release" | "base":
            return {"stdout": IMAGE_ID}
        case "switch":
            text = args.inputs["stdin"]
            told = json.loads(text["value"] if is_secret(text) else text)
            serving = told["request"] if "request" in told else told["serving"]
            return {"stdout": json.dumps({**serving, "hosts": {"docker": {}}, "previous": None})}
        case verb:
            return {"stdout": f"{verb} done"}


class _Monitor(MockMonitor):
    def __init__(self, recording: Recording) -> None:
        super().__init__(_Answers())
        self.recording = recording

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - Pulumi's name
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            assert key_of(answer.urn) not in self.recording.resources, f"{answer.urn} twice"
            self.recording.resources[key_of(answer.urn)] = Resource(
                type=request.type,
                name=request.name,
                inputs=pulumi.runtime.rpc.deserialize_properties(request.object, keep_unknowns=True),
                parent=key_of(request.parent),
                dependencies=frozenset(map(key_of, request.dependencies)),
                protect=request.protect,
                ignore_changes=tuple(request.ignoreChanges),
                secret_outputs=tuple(request.additionalSecretOutputs),
            )
        return answer


@cache
def record(program: Callable[[], object], preview: bool = False) -> Recording:
    """Run the program as ``pulumi up`` (or ``preview``) would. What it returns, if a map of Outputs, is kept resolved."""
    recording = Recording()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    async def run() -> None:
        returned = program()
        if isinstance(returned, dict):
            for key, value in returned.items():
                output = pulumi.Output.from_input(value)
                future: Awaitable[Any] = output.future()
                recording.kept[key] = await future

    try:
        set_mocks(_Answers(), project="gateway", stack="test", preview=preview, monitor=_Monitor(recording))
        loop.run_until_complete(run_pulumi_func(run))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    return recording

"""The SDK's seam: what a Pulumi program calls in place of the CLI, in this process."""

import asyncio
import contextlib
import gc
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import empty_pb2
from google.protobuf.message import Message
from pulumi.runtime import settings
from pulumi.runtime import stack as sdk
from pulumi.runtime.proto import engine_pb2, resource_pb2
from pulumi.runtime.rpc_manager import RPCManager

from embedded.deployment import Deployment
from embedded.errors import Cancelled, EngineError, NotSupported
from embedded.plan import Goal
from embedded.state import Resource
from embedded.values import from_wire, to_wire

REFUSED = {
    "remote": "remote components",
    "importId": "import option",
    "provider": "explicit providers",
    "providers": "explicit providers",
    "aliases": "aliases",
    "aliasURNs": "aliases",
    "transforms": "transforms",
    "hooks": "resource hooks",
    "deletedWith": "deleted_with option",
    "replace_with": "replace_with option",
    "replacement_trigger": "replacement_trigger option",
    "customTimeouts": "custom_timeouts option",
    "packageRef": "parameterized packages",
}
"""Fields of a registration that the program does not use, by the name that a person knows."""


OBJECTS = 50_000
"""New objects between two garbage collections: the SDK makes many small ones, and Python's 700 would cost a tenth of the time."""


class Monitor:
    """Takes registrations, each in a thread of its own, and hands them to the deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        """Bring one resource to its goal and answer with its outputs."""
        try:
            done = self.deployment.register(self._goal(request), request.version)
        except Cancelled:
            raise
        except EngineError as error:
            if not self.deployment.errors:
                self.deployment.fail(str(error))
            raise Cancelled(str(error)) from None
        return resource_pb2.RegisterResourceResponse(urn=done.urn, id=done.id, object=to_wire(done.outputs))

    def _goal(self, request: Any) -> Goal:
        for name, words in REFUSED.items():
            value = getattr(request, name)
            if value.ByteSize() if isinstance(value, Message) else value:
                raise NotSupported(words)
        return Goal(
            Resource(
                urn=self.deployment.urn(request.parent, request.type, request.name),
                type=request.type,
                custom=request.custom,
                inputs={key: value for key, value in from_wire(request.object).items() if value is not None},
                parent=request.parent,
                dependencies=list(request.dependencies),
                property_dependencies={key: list(value.urns) for key, value in request.propertyDependencies.items()},
                protect=request.protect,
                retain_on_delete=request.retainOnDelete,
                additional_secret_outputs=list(request.additionalSecretOutputs),
                ignore_changes=list(request.ignoreChanges),
                replace_on_changes=list(request.replaceOnChanges),
                source_position=_position(request.sourcePosition),
            ),
            request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        )

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        """What a component, or the stack, tells."""
        self.deployment.outputs(request.urn, from_wire(request.outputs))
        return empty_pb2.Empty()

    def GetDeploymentInfo(self, request: Any) -> Any:  # noqa: N802
        """What the SDK may use of the engine."""
        return resource_pb2.DeploymentInfo(supportedFeatures=[resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS])

    def SignalAndWaitForShutdown(self, request: Any) -> Any:  # noqa: N802
        """Nothing of the program is needed once it has run."""
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        """Functions of providers are not for this engine."""
        raise NotSupported(f"function {request.tok}")

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        """Nor are resources of others."""
        raise NotSupported("lookup of existing resources (get)")


class Log:
    """The engine's side of ``pulumi.log``."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    def Log(self, request: Any) -> Any:  # noqa: N802
        """Errors end the update, the rest is told."""
        if request.severity == engine_pb2.ERROR:
            self.deployment.fail(request.message)
        elif request.severity != engine_pb2.DEBUG:
            self.deployment.sink.info(request.message)
        return empty_pb2.Empty()


def run(deployment: Deployment, config: Mapping[str, str], secret_keys: list[str], program: Callable[[], object]) -> None:
    """Run ``program`` to its end against the deployment. What went wrong is in ``deployment.errors``."""
    pulumi.runtime.set_all_config(dict(config), secret_keys)
    before = gc.get_threshold()
    gc.set_threshold(OBJECTS, *before[1:])
    try:
        asyncio.run(_run(deployment, program))
    finally:
        gc.set_threshold(*before)


async def _run(deployment: Deployment, program: Callable[[], object]) -> None:
    workers = ThreadPoolExecutor(deployment.parallel * 2, thread_name_prefix="register")
    asyncio.get_running_loop().set_default_executor(workers)
    # After a failure nobody asks for the outputs of what was not done: that is no news.
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    settings.configure(
        settings.Settings(
            project=deployment.project,
            stack=deployment.stack,
            monitor=Monitor(deployment),
            engine=Log(deployment),
            dry_run=deployment.preview,
            organization="organization",
            root_directory=str(Path.cwd()),
        )
    )
    settings.SETTINGS.rpc_manager = RPCManager()  # type: ignore[no-untyped-call]
    settings.set_root_resource(None)  # type: ignore[arg-type]
    try:
        await sdk.run_in_stack(lambda: _settled(program))
    except pulumi.RunError as error:
        deployment.fail(str(error))
    except Exception as error:
        if not deployment.errors:
            deployment.fail(f"the program failed: {error}\n{traceback.format_exc()}")
    finally:
        settings.set_root_resource(None)  # type: ignore[arg-type]
        workers.shutdown(wait=True)


async def _settled(program: Callable[[], object]) -> None:
    """The program and all that it began, at once: the SDK's own wait looks at every open output after each that is done."""
    program()
    manager, outputs = settings.SETTINGS.rpc_manager, settings.SETTINGS.outputs
    while pending := [task for task in (*manager.rpcs, *outputs) if not task.done()]:
        await asyncio.wait(pending)


def main_file(folder: Path) -> Callable[[], object]:
    """The program of a Pulumi project: its ``__main__.py``, run as the CLI's language host runs it."""

    def program() -> None:
        with _importable(folder):
            runpy.run_path(str(folder), run_name="__main__")

    return program


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _position(position: Any) -> str:
    """``project:///__main__.py#25`` for a file of the project, empty for any other."""
    inside = position.uri.removeprefix(f"{Path.cwd().as_uri()}/")
    return f"project:///{inside}#{position.line}" if inside and inside != position.uri else ""

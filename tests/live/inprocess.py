"""The program on a real Docker engine, on the embedded engine in this process: no CLI, no other process but the agent's."""

from pathlib import Path
from typing import Any

import docker
import yaml

from embedded.monitor import main_file
from embedded.plan import Step
from embedded.stack import EmbeddedStack
from ops.embedded_stack import Embedded
from ops.sight import open_watch
from ops.workspace import Workspace
from tests.deployment import ROOT


class StepFailed(Exception):
    """A step's own message."""


class _Silent:
    """Nobody watches."""

    def begun(self, step: Step) -> None:
        pass

    def ended(self, step: Step, seconds: float) -> None:
        pass

    def failed(self, step: Step, seconds: float, message: str) -> None:
        pass

    def error(self, message: str) -> None:
        pass

    def info(self, message: str) -> None:
        pass


class InProcessSite:
    """One site with its own state and config in ``folder``; the program and the example are those of this checkout."""

    def __init__(self, app: str, port: int, engine: docker.DockerClient, folder: Path) -> None:
        self.app, self.port, self.engine, self.folder = app, port, engine, folder
        (folder / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
        env = {"PULUMI_BACKEND_URL": f"file://{folder}/state", "PULUMI_CONFIG_PASSPHRASE": "live"}
        self.workspace = Workspace(folder, env)
        self._config = folder / "Pulumi.dev.yaml"
        self._stack = EmbeddedStack(folder, env, "dev")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def look(self) -> dict[str, Any]:
        """What ``make status --json`` prints."""
        return open_watch(Embedded(self.workspace, "dev")).look()

    def up(self, config: dict[str, Any]) -> dict[str, str]:
        """Bring the site to this config; returns what serves. Raises ``StepFailed`` with the first step's message."""
        kept = yaml.safe_load(self._config.read_text()) if self._config.exists() else {}
        plain = {f"gateway:{key}": value for key, value in config.items() if key != "secrets"}
        self._config.write_text(yaml.safe_dump({**kept, "config": plain}))
        self._stack.create()
        for name, value in config.get("secrets", {}).items():
            self._stack.set_config(f"gateway:secrets.{name}", value, secret=True, path=True)
        done = self._stack.up(main_file(ROOT), _Silent())
        if done.errors:
            raise StepFailed(done.errors[0])
        return {key: str(value) for key, value in done.outputs.items()}

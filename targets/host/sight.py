"""What is on the hosts and how they do, asked of the agent on each: one login per host, also of a watch."""

import contextlib
import json
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from targets.common.errors import AgentError
from targets.host.client.connection import Connection
from targets.host.client.hosts import Host, each

Facts = dict[str, Any]


class Sight:
    """One site on its hosts. ``every`` is the seconds between looks that follow one another, 0 for looks that are asked for."""

    def __init__(self, hosts: Sequence[Connection], request: dict[str, Any], every: float = 0) -> None:
        self.hosts, self.every = [Host(one) for one in hosts], every
        self.request = {**request, "every": every}
        self._followed: dict[str, subprocess.Popen[bytes]] = {}

    def look(self) -> dict[str, Facts | str]:
        """Host -> what is there, or in words why nobody can tell."""
        begun = time.monotonic()
        answers = each(self.hosts, self._follow if self.every else self._ask)
        if any(isinstance(one, AgentError) for one in answers):  # a refusal comes at once, and is no pace
            time.sleep(max(0.0, self.every - (time.monotonic() - begun)))
        told = (str(one) if isinstance(one, AgentError) else one for one in answers)
        return {host.name: one for host, one in zip(self.hosts, told, strict=True)}

    def _ask(self, host: Host) -> Facts:
        facts: Facts = json.loads(host.agent("look", json.dumps(self.request)))
        return facts

    def _follow(self, host: Host) -> Facts:
        """The next line of the agent's, which is begun where it does not run."""
        process = self._followed.get(host.name)
        if process is None or process.poll() is not None:
            process = self._followed[host.name] = host.follow("look", json.dumps(self.request))
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            words = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
            raise AgentError(host.told(words.splitlines()[0] if words else "the agent ended"))
        facts: Facts = json.loads(line)
        return facts

    def around(self, moments: Sequence[float]) -> dict[str, list[Facts] | str]:
        """Counted on the hosts."""
        about = {"app": self.request["app"], "owner": self.request["owner"], "moments": list(moments)}
        answers = each(self.hosts, lambda host: json.loads(host.agent("around", json.dumps(about)))["around"])
        told = (str(one) if isinstance(one, AgentError) else one for one in answers)
        return {host.name: one for host, one in zip(self.hosts, told, strict=True)}

    def close(self) -> None:
        """End what follows."""
        for process in self._followed.values():
            with contextlib.suppress(OSError):
                process.kill()
            process.communicate()

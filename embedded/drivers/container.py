"""Containers on a Docker engine; the outputs are those of the real provider, so that it can go on with them."""

import json
import re
import time
from typing import Any

from docker.models.containers import Container as Made

from embedded.drivers.base import Values
from embedded.drivers.docker import DockerDriver, client, labels, remove, there, told, without_defaults
from embedded.errors import InitError, StepError

TIMEOUTS = {"e2bfb730-ecaa-11e6-8f88-34363bc7c4c0": dict.fromkeys(("create", "delete", "update"), 1_200_000_000_000)}
META = json.dumps({**TIMEOUTS, "schema_version": "2"}, separators=(",", ":"))
UNITS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
HEALTH_DEFAULTS = {"startInterval": "0s", "startPeriod": "0s", "interval": "0s", "timeout": "0s", "retries": 0}
UNSET: dict[str, Any] = {
    **dict.fromkeys(("attach", "logs", "privileged", "publishAllPorts", "readOnly", "rm", "stdinOpen", "tty", "wait"), False),
    **dict.fromkeys(("bridge", "cpuSet", "domainname", "stopSignal", "user", "usernsMode", "workingDir"), ""),
    **dict.fromkeys(("cpuShares", "maxRetryCount", "memory", "memoryReservation", "memorySwap", "stopTimeout"), 0),
    **dict.fromkeys(("capabilities", "cgroupParent", "cgroupnsMode", "containerLogs", "cpuPeriod", "cpuQuota", "cpus")),
    **dict.fromkeys(("destroyGraceSeconds", "dns", "dnsOpts", "dnsSearches", "exitCode", "gpus", "groupAdds", "healthcheck")),
    **dict.fromkeys(("pidMode", "storageOpts", "sysctls", "tmpfs", "logOpts")),
    **{key: [] for key in ("deviceReadBps", "deviceReadIops", "deviceRequests", "deviceWriteBps", "deviceWriteIops")},
    **{key: [] for key in ("devices", "envs", "hosts", "mounts", "networksAdvanced", "ports", "securityOpts", "ulimits")},
    "uploads": [],
}
"""What the provider writes for what nobody asked for."""


class Container(DockerDriver):
    """One container; ``wait`` with a health check makes it ready before anything that needs it goes on."""

    known = frozenset(
        ("name", "image", "command", "entrypoints", "envs", "volumes", "ports", "labels", "networkMode", "restart", "logOpts")
    ) | {"healthcheck", "wait", "waitTimeout", "mustRun", "start", "removeVolumes", "containerReadRefreshTimeoutMilliseconds"}
    in_place = frozenset(("restart", "wait", "waitTimeout", "mustRun", "start", "removeVolumes"))
    defaults = {  # noqa: RUF012 - of the class, and never changed
        "containerReadRefreshTimeoutMilliseconds": 15000,
        "mustRun": True,
        "removeVolumes": True,
        "start": True,
        "waitTimeout": 60,
    }

    def check(self, inputs: Values) -> Values:
        found = super().check(inputs)
        if isinstance(health := found.get("healthcheck"), dict):
            filled = {key: value for key, value in HEALTH_DEFAULTS.items() if key not in health}
            found["healthcheck"] = {"__defaults": sorted(filled), **health, **filled}
        if "ports" in found:
            found["ports"] = [_port(port) for port in found["ports"]]
        return found

    def clashes(self, old_inputs: Values, inputs: Values) -> bool:
        """The provider deletes first whatever the name is."""
        return True

    def create(self, name: str, inputs: Values) -> tuple[str, Values]:
        with told(f"create container {inputs['name']}"):
            made = _create(inputs)
        with told(f"start container {inputs['name']}"):
            try:
                made.start()
            except Exception:
                made.remove(force=True, v=True)
                raise
        fault = _await(made, inputs)
        outputs = _outputs(made, inputs)
        if fault:
            raise InitError(fault, str(made.id), outputs)
        return str(made.id), outputs

    def update(self, id_: str, old_outputs: Values, inputs: Values) -> Values:
        with told(f"update container {inputs['name']}"):
            made = client().containers.get(id_)
            made.update(restart_policy={"Name": inputs.get("restart", "no")})
        return {**old_outputs, **without_defaults(inputs)}

    def delete(self, id_: str, inputs: Values, outputs: Values) -> None:
        remove(f"container {id_[:12]}", lambda: client().containers.get(id_).remove(force=True, v=True))

    def read(self, id_: str) -> bool:
        """A container that has stopped is taken away, as by the provider: it is made again."""
        if not there(lambda: client().containers.get(id_)):
            return False
        with told("look"):
            made = client().containers.get(id_)
            if made.status == "running":
                return True
            made.remove(force=True, v=True)
        return False


def _create(inputs: Values) -> Made:
    health = inputs.get("healthcheck")
    options: dict[str, Any] = {
        "name": inputs["name"],
        "entrypoint": inputs.get("entrypoints"),
        "environment": inputs.get("envs") or None,
        "volumes": [
            f"{row['volumeName']}:{row['containerPath']}{':ro' if row.get('readOnly') else ''}"
            for row in inputs.get("volumes", [])
        ],
        "ports": {
            f"{row['internal']}/{row.get('protocol', 'tcp')}": (row.get("ip", "0.0.0.0"), row.get("external"))
            for row in inputs.get("ports", [])
        },
        "labels": labels(inputs),
        "restart_policy": {"Name": inputs.get("restart", "no")},
    }
    mode = inputs.get("networkMode", "bridge")
    options["network_mode" if mode in ("none", "host", "bridge") else "network"] = mode
    if inputs.get("logOpts"):
        options["log_config"] = {"Type": "json-file", "Config": dict(inputs["logOpts"])}
    if health:
        times = {"interval": "interval", "timeout": "timeout", "start_period": "startPeriod"}
        options["healthcheck"] = {
            "test": health["tests"],
            "retries": health.get("retries", 0),
            **{key: nanoseconds(health.get(name, "0s")) for key, name in times.items()},
        }
    return client().containers.create(inputs["image"], inputs.get("command"), detach=True, **options)


def _await(made: Made, inputs: Values) -> str:
    """Wait until it is healthy where that is asked for; returns what is wrong with it."""
    name, end = inputs["name"], time.monotonic() + inputs.get("waitTimeout", 60)
    while True:
        with told(f"inspect container {name}"):
            made.reload()
        state = made.attrs["State"]
        health = (state.get("Health") or {}).get("Status", "")
        if inputs.get("mustRun", True) and not state["Running"] and not state.get("Restarting"):
            return f"container {name} exited at once with status {state['ExitCode']}"
        if not inputs.get("wait") or health == "healthy":
            return ""
        if health == "unhealthy" or time.monotonic() > end:
            return f"container {name} is {health or 'without a health check'} after {inputs.get('waitTimeout', 60)} s at most"
        time.sleep(0.1)


def _outputs(made: Made, inputs: Values) -> Values:
    with told(f"inspect container {inputs['name']}"):
        made.reload()
    attrs, host = made.attrs, made.attrs["HostConfig"]
    networks = [
        {
            "gateway": row["Gateway"],
            "globalIpv6Address": row["GlobalIPv6Address"],
            "globalIpv6PrefixLength": row["GlobalIPv6PrefixLen"],
            "ipAddress": row["IPAddress"],
            "ipPrefixLength": row["IPPrefixLen"],
            "ipv6Gateway": row["IPv6Gateway"],
            "macAddress": row["MacAddress"],
            "networkName": network,
        }
        for network, row in (attrs["NetworkSettings"]["Networks"] or {}).items()
    ]
    volumes = [
        {"fromContainer": "", "hostPath": "", "readOnly": None, "selinuxRelabel": "", **row}
        for row in sorted(without_defaults(inputs.get("volumes", [])), key=lambda row: str(row["containerPath"]))
    ]
    return {
        **UNSET,
        "__meta": META,
        **without_defaults(inputs),
        "command": attrs["Config"]["Cmd"] or [],
        "entrypoints": attrs["Config"]["Entrypoint"] or [],
        "hostname": attrs["Config"]["Hostname"],
        "id": made.id,
        "init": bool(host.get("Init")),
        "ipcMode": host["IpcMode"],
        "logDriver": host["LogConfig"]["Type"],
        "networkDatas": networks,
        "platform": attrs["Platform"],
        "restart": host["RestartPolicy"]["Name"] or "no",
        "runtime": host["Runtime"],
        "shmSize": host["ShmSize"] // 2**20,
        "volumes": volumes,
    }


def nanoseconds(duration: str) -> int:
    """``1m30s`` as Docker wants it. Raises ``StepError`` for anything else."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", duration)
    if "".join(number + unit for number, unit in parts) != duration:
        raise StepError(f"'{duration}' is no duration")
    return sum(int(float(number) * UNITS[unit]) for number, unit in parts)


def _port(port: Any) -> Any:
    """A published port with the protocol that the provider fills in."""
    if not isinstance(port, dict) or "protocol" in port:
        return port
    return {**port, "__defaults": ["protocol"], "protocol": "tcp"}

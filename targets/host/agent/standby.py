"""The instance that is kept running although it does not serve: which it is, what it costs, whether it knows the schema."""

import dataclasses
import json

from targets.common import processes
from targets.common.causes import cause, redact
from targets.common.errors import AgentError
from targets.common.inside import REFUSED
from targets.common.unasked import refusal
from targets.host.agent import code, instances, releases, stacks, system, tasks, traffic
from targets.host.agent.places import Places
from targets.host.agent.requests import CodeRequest, FinishRequest, SchemaRequest, TaskRequest


def finish(request: FinishRequest) -> dict[str, object]:
    """The end of a switch, once it has been done on all hosts: who stays as the standby, and nobody else does."""
    places = Places(request.app)
    with system.lock(request.app, "traffic"):
        if traffic.live(places) != request.instance:
            return {"standby": "", "memory": 0}
        parked = _parked(places, request)
        traffic.settle(places, request.instance, parked)
        for stray in stacks.units_of(places, request.mine) - {request.instance, request.before, parked}:
            instances.remove(places, stray)
        releases.collect_records(places)
    return {"standby": parked, "memory": memory(places, parked) if parked else 0}


def _parked(places: Places, request: FinishRequest) -> str:
    """The stack's own instance that was just left, or that was the standby before."""
    if not request.standby:
        return ""
    told, left = stacks.records(places).get(request.mine, {}), request.before
    if stacks.of(places, left) not in ("", request.mine):
        left = told.get("previous", "")  # another stack had the traffic meanwhile
    running = system.units_of(places) - {request.instance}
    return next((one for one in (left, told.get("standby", "")) if one in running), "")


def memory(places: Places, instance: str) -> int:
    """MiB that its processes hold."""
    main, _ = system.process_of(places, instance)
    groups = processes.groups_of(main) if main else {}
    if not groups:
        return 0
    pids = [pid for pid, *_ in processes.of_cgroup(processes.group_folder(groups, "pids"))]
    return round(processes.memory(processes.group_folder(groups, "memory"), pids) / 2**20)


def ask_schema(request: SchemaRequest) -> str:
    """Raises where the standby's code does not know migrations that were applied since it served.

    Where the database cannot be asked, what was noted of the releases tells: traffic moves before an update could ask again.
    """
    places = Places(request.app)
    known = system.read_json(places.instances / f"{request.instance}.json")
    if not known:
        return "unknown"
    names = {field.name for field in dataclasses.fields(CodeRequest)}
    values = json.loads(json.dumps({name: known[name] for name in names}))
    rules: dict[str, str | bool] = {"switch": "", "newer": False, "kept": False, "only": True}
    asked = TaskRequest(**values, task="migrate", properties=request.properties, rules=rules)
    with system.lock(request.app, "task"):
        done = system.run(*tasks.command(asked, places), timeout=tasks.LIMITS["check"])
    said = redact(done.stdout + done.stderr, code.secrets(places, asked.env_id, asked.secret_names))
    if done.returncode:
        words = cause(said) if done.returncode == REFUSED else _lacks(places, asked.release, cause(said))
        if words:
            raise AgentError(words)
    return "known"


def _lacks(places: Places, release: str, reason: str) -> str:
    """What the project's migrations of the release that serves have and these have not, in words; '' for nothing."""
    serving = str(system.read_json(places.instances / f"{traffic.live(places)}.json").get("release", ""))
    brought, known = (releases.told(places, one).get("migrations", ()) for one in (serving, release))
    return refusal(release, known, serving, brought, reason)

"""What is wrong with a site that is there: what was looked at on its target, judged. Pure; standard library only."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from targets.common.diagnosis import Finding, Line, in_log
from targets.common.rules import NGINX_RULES

LOW_MIB = 200
"""Less free space than this is told before it runs out."""
GUNICORN_SECONDS = 30
"""gunicorn's own default for --timeout."""


@dataclass(frozen=True)
class Process:
    """A container or unit."""

    name: str
    running: bool
    told: str = ""
    """Why it does not run: ``exited with status 1``, Docker's own words, ``there is none``."""
    oom: bool = False
    """Whether the kernel killed something in it for lack of memory."""
    restarts: int = 0


@dataclass(frozen=True)
class Disk:
    """Free space where something of the site is written."""

    path: str
    free_mib: int


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was seen on one target."""

    asked: str
    """What was asked for, such as ``GET /health/ with Host shop.example``."""
    live: str
    """Id of the instance that has the traffic, '' for none."""
    instance: Process
    nginx: Process
    services: tuple[Process, ...] = ()
    socket: bool = True
    """Whether the live instance's socket has its file."""
    own: tuple[int, str] = (0, "")
    """Answer on the instance's own socket: status (0 for none) and detail."""
    through: tuple[int, str] = (0, "")
    """Answer through Nginx."""
    disks: tuple[Disk, ...] = ()
    command: tuple[str, ...] = ()
    """The server's command line."""
    nginx_text: str = ""
    stop_seconds: int = 0
    """When a server that does not end is killed."""
    upstream_seconds: int = 0
    """How long Nginx may keep an idle connection to the server."""
    app_log: tuple[Line, ...] = ()
    nginx_log: tuple[Line, ...] = ()


def findings(facts: Facts) -> list[Finding]:
    """Everything that is wrong, what is so now first; each kind once. Empty where all is well."""
    logs = (*in_log(facts.app_log, facts.instance.name), *in_log(facts.nginx_log, facts.nginx.name, NGINX_RULES))
    now = (*_memory(facts), *_disks(facts), *_services(facts), *_way(facts, [one for one in logs if "502" in one.name]))
    read = re.search(r"proxy_read_timeout (\d+)s", facts.nginx_text)
    clash = timeouts(facts.command, int(read[1]) if read else 60, facts.upstream_seconds, facts.stop_seconds)
    stuck = any("502" in one.name for one in now)  # and what Nginx says of that is in its evidence
    found = [*now, *(one for one in logs if not (stuck and "502" in one.name)), *clash]
    if not found and not _well(facts):
        found.append(_unhealthy(facts))
    return [one for index, one in enumerate(found) if one.name not in [earlier.name for earlier in found[:index]]]


def summary(facts: Facts) -> str:
    """What was asked and what was answered."""
    own = f"on its own socket {_answer(facts.own)}, " if facts.own != facts.through else ""
    return f"instance {facts.live or '-'}; {facts.asked}: {own}through Nginx {_answer(facts.through)}"


def _answer(answer: tuple[int, str]) -> str:
    return str(answer[0]) if answer[0] else f"no answer ({answer[1]})"


def _well(facts: Facts) -> bool:
    """200 counts; where Nginx sends people to HTTPS, what the instance itself says."""
    answers = [one for one in (facts.through, facts.own) if not (300 <= one[0] < 400 and one[1].startswith("https://"))]
    return not answers or answers[0][0] == 200


def _memory(facts: Facts) -> Iterator[Finding]:
    for one in (facts.instance, facts.nginx, *facts.services):
        if one.oom:
            sentence = f"a process in {one.name} was killed for lack of memory"
            fix = "lower workers, raise memory.max (on hosts) or give the machine more"
            yield Finding("out of memory", sentence, one.told or "the kernel's OOM killer", fix)


def _disks(facts: Facts) -> Iterator[Finding]:
    for disk in facts.disks:
        if disk.free_mib < LOW_MIB:
            evidence = f"{disk.free_mib} MiB free below {disk.path}"
            fix = "free disk space: df -h, docker system df; lower keepReleases"
            yield Finding("disk full", f"the disk is {'full' if disk.free_mib < 1 else 'nearly full'}", evidence, fix)


def _services(facts: Facts) -> Iterator[Finding]:
    for one in facts.services:
        if not one.running:
            yield Finding("database refused", f"{one.name} does not run", one.told, f"make up; docker logs {one.name} tells why")


def _way(facts: Facts, logged: Sequence[Finding]) -> Iterator[Finding]:
    """Where a request gets stuck on its way from Nginx to the instance."""
    said = "".join(f"; Nginx: {one.evidence}" for one in logged)
    if not facts.nginx.running:
        sentence = "Nginx does not run, so nobody is answered"
        taken = re.search(r"[Aa]ddress already in use|port is already allocated|\(98: ", facts.nginx.told)
        fix = "find out who has its port: ss -ltnp; then make up" if taken else "make up; its log tells why it ended"
        yield Finding("port taken" if taken else "Nginx down", sentence, facts.nginx.told, fix)
    if not facts.live:
        yield Finding("nothing serves", "no instance has the traffic", "live.sock names none", "make up")
    elif not facts.instance.running:
        sentence = f"the live instance {facts.live} is dead; Nginx answers {facts.through[0] or 502}"
        evidence = f"{facts.instance.name}: {facts.instance.told}{said}"
        yield Finding("502: instance dead", sentence, evidence, "make up starts it again")
    elif not facts.socket:
        sentence = f"the socket of the live instance {facts.live} is gone; Nginx answers 502"
        evidence = f"its file is not there, although {facts.instance.name} runs{said}"
        yield Finding("502: socket gone", sentence, evidence, f"restart it: {restart(facts)}")
    elif facts.nginx.running and facts.own[0] not in (0, 502) and facts.through[0] in (0, 502):
        sentence = "Nginx cannot reach the instance, which answers on its own socket"
        evidence = f"{facts.own[0]} there, {_answer(facts.through)} through Nginx"
        evidence += said
        fix = "look at owner and mode of the socket and its folder, and at Nginx's own log; make up puts Nginx's settings back"
        yield Finding("502: Nginx may not", sentence, evidence, fix)
    elif facts.own[0] == 0:
        sentence = f"the live instance {facts.live} runs, and does not answer"
        fix = f"restart it: {restart(facts)}; find out what blocks it: more workers or threads, timeouts of calls to others"
        yield Finding("504: too slow", sentence, f"{facts.asked}: {facts.own[1]}", fix)
    if facts.instance.restarts:
        sentence = f"the live instance {facts.live} ended and was started again, {facts.instance.restarts} times so far"
        evidence = f"{facts.instance.name}: {facts.instance.told or 'restarts counted by its supervisor'}"
        yield Finding("crash loop", sentence, evidence, "its log tells why; make rollback, if it was well before")


def restart(facts: Facts) -> str:
    """How a person starts the live instance again."""
    name = facts.instance.name
    if name.endswith(".service"):
        socket = name.replace(".service", ".socket")
        return f"systemctl stop {name} {socket}; systemctl start {socket} {name}"
    return f"docker restart {name}"


def _unhealthy(facts: Facts) -> Finding:
    evidence = f"{facts.asked} got {_answer(facts.through)}{' to ' + facts.through[1] if 300 <= facts.through[0] < 400 else ''}"
    fix = "look into the instance's log; make rollback, if it was well before"
    return Finding("unhealthy", "the site does not say that it is healthy", evidence, fix)


def timeouts(command: Sequence[str], read: int, upstream: int, stop: int) -> Iterator[Finding]:
    """Limits that work against each other, from the server's command line.

    Seconds: ``read`` is what Nginx waits for an answer, ``upstream`` what it keeps idle connections, ``stop`` when a server that
    was told to end is killed.
    """
    option = dict(pairwise(command))

    def number(name: str) -> int | None:
        value = option.get(f"--{name}", "")
        return int(value) if value.isdigit() else None

    def clash(evidence: str, sentence: str, fix: str) -> Finding:
        return Finding("timeouts disagree", sentence, evidence, fix)

    limit = number("timeout") if number("timeout") is not None else GUNICORN_SECONDS
    # With threads gunicorn takes its gthread worker, whatever was asked for.
    sync = option.get("--worker-class") == "sync" and number("threads") in (None, 0, 1)
    if command and command[0].endswith("gunicorn") and sync and limit and limit < read:
        sentence = f"gunicorn kills a sync worker after {limit} s, and Nginx waits {read} s: a slow request is an error"
        yield clash(
            f"--worker-class sync, --timeout {limit}",
            sentence,
            "timeouts.request sets both; by hand changed: make up",
        )
    for name in ("graceful-timeout", "timeout-graceful-shutdown"):
        grace = number(name)
        if stop and grace is not None and grace >= stop:
            sentence = f"the server may take {grace} s to end, and is killed after {stop} s"
            yield clash(f"--{name} {grace}", sentence, f"serverOptions.{name} below {stop}, or leave it out")
    for name in ("keep-alive", "timeout-keep-alive"):
        alive = number(name)
        if upstream and alive is not None and alive <= upstream:
            sentence = f"the server closes idle connections after {alive} s, Nginx uses them for {upstream} s: a 502 now and then"
            yield clash(f"--{name} {alive}", sentence, f"serverOptions.{name} above {upstream}, or leave it out")

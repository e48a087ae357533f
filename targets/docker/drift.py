"""What on the engine is other than the stack made it: containers, env file, Nginx's configuration, static files. It only reads.

Each finding names the part of an update that mends it: ``env``, ``static``, ``proxy``, ``instance`` or ``traffic``.
"""

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import docker
from docker.models.containers import Container

from rendering import envfile
from rendering.identity import short_hash
from targets.docker import names
from targets.docker.agent import code, engine, limits
from targets.docker.agent.proxy import CONF, KEPT
from targets.docker.near import content, near
from targets.observation import Finding

CODE = (".py", ".so", ".html")
"""Endings of files that decide how a release behaves: changed in a container they are another release that nobody knows."""
MODIFIED, DELETED = 0, 2


@dataclass(frozen=True)
class Wanted:
    """What serves by the stack's state; where it is empty, nobody knows and nothing is compared."""

    instance: str = ""
    proxy: str = ""
    """Hash of Nginx's configuration."""
    roles: tuple[str, ...] = ()
    """Containers that there must be beside the instances: ``proxy``, ``postgres``, ``redis``."""
    stack: str = ""
    """``project/stack``: the instances of other stacks of the site are no strays."""


def found(
    client: docker.DockerClient, own: names.Names, wanted: Wanted, containers: Sequence[Container], live: str
) -> list[Finding]:
    """Everything that is other than it should be, in the order of an update."""
    by_role = {one.labels.get(names.LABEL_ROLE, ""): one for one in containers}
    instances = {one.labels.get(names.LABEL_INSTANCE, ""): one for one in containers if _is_instance(one)}
    serving = wanted.instance or live
    mine = instances.get(serving)
    return [
        *(_env(mine) if mine else ()),
        *(_static(mine, by_role.get("proxy")) if mine else ()),
        *_proxy(by_role.get("proxy"), wanted),
        *_kept(client, by_role, wanted.roles, own),
        *_instance(client, mine, serving),
        *_traffic(wanted, live, instances, standby(mine)),
    ]


def _is_instance(container: Container) -> bool:
    return container.labels.get(names.LABEL_ROLE) == "instance"


def standby(container: Container | None) -> str:
    """The instance that is kept running although it does not serve."""
    return (content(container, names.STANDBY) or b"").decode() if container is not None else ""


def _env(instance: Container) -> list[Finding]:
    env_id = code.env_of(instance)
    text = content(instance, f"{names.ENV}/{env_id}.env")
    if not text:
        return [Finding("env", f"env file {env_id} is {'gone' if text is None else 'empty'}")]
    try:
        values = dict(word.partition("=")[::2] for word in shlex.split(text.decode(), posix=True))
    except ValueError:
        values = {}
    return [Finding("env", f"env file {env_id} was changed")] if envfile.digest(values) != env_id else []


def _static(instance: Container, proxy: Container | None) -> list[Finding]:
    """The manifest that the release was served with, and the files that it names."""
    release = instance.labels.get(names.LABEL_RELEASE, "")
    manifest, there = content(instance, f"{names.FACTS}/{release}.manifest"), _static_files(proxy)
    if manifest is None:
        # The copy that the instance got of it tells; one that the project itself brings along names files that we never had.
        named = _named(_copy(instance, release))
        gone = bool(named and there and named <= there)
        return [Finding("static", f"the static manifest of release {release} is gone")] if gone else []
    named = _named(manifest)
    if named is None:
        return [Finding("static", f"the static manifest of release {release} was changed")]
    lost = sorted(named - there) if there is not None else []
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    return [Finding("static", f"static file {lost[0]}{more} {'are' if more else 'is'} gone")] if lost else []


def _copy(instance: Container, release: str) -> bytes:
    """The manifest in the instance's own STATIC_ROOT."""
    told = content(instance, f"{names.FACTS}/{release}.json")
    root = json.loads(told)["static_root"] if told else ""
    return (content(instance, f"{root}/staticfiles.json") or b"") if root else b""


def _named(manifest: bytes) -> set[str] | None:
    """Files that a manifest names, None where it is none."""
    try:
        return set(json.loads(manifest)["paths"].values())
    except (ValueError, KeyError, AttributeError, TypeError):
        return None


def _static_files(proxy: Container | None) -> set[str] | None:
    """Files that Nginx has, None where it does not run."""
    if proxy is None or proxy.status != "running":
        return None
    known = near(proxy)
    if known is not None:
        root = known.root / names.FILES.lstrip("/")
        return {str(path.relative_to(root)) for path in root.rglob("*")}
    status, listing = engine.run_in(proxy, "find", names.FILES, "-type", "f")
    return {line.removeprefix(f"{names.FILES}/") for line in listing.splitlines()} if status == 0 else None


def _proxy(proxy: Container | None, wanted: Wanted) -> list[Finding]:
    """Nginx's file: what was ever applied is kept by its hash, so what has no such copy was written by somebody else."""
    if proxy is None:
        return []
    text = content(proxy, CONF)
    if text is None:
        return [Finding("proxy", "Nginx's configuration is gone")]
    present = short_hash(text.decode(errors="replace"))
    if (wanted.proxy and present != wanted.proxy) or content(proxy, f"{KEPT}/{present}.conf") is None:
        return [Finding("proxy", "Nginx's configuration was changed")]
    return []


def _kept(client: docker.DockerClient, by_role: dict[str, Container], roles: Iterable[str], own: names.Names) -> list[Finding]:
    """Containers that Pulumi's Docker provider keeps: a refresh finds out, and the update starts or makes them again."""
    wrong = []
    for role in roles:
        name = own.proxy if role == "proxy" else f"{own.app}-{role}"
        container = by_role.get(role)
        if container is None:
            wrong.append(Finding("kept", f"container {name} is gone"))
        elif container.status == "paused" and role == "proxy":
            wrong.append(Finding("proxy", f"container {name} is paused"))
        elif container.status != "running":
            wrong.append(Finding("kept", f"container {name} does not run: it is {container.status}"))
        elif role == "proxy" and (changed := limits.found(client, container, "unless-stopped")):
            wrong.append(Finding("proxy", f"container {name} was changed: {changed}"))
    return wrong


def _instance(client: docker.DockerClient, instance: Container | None, wanted: str) -> list[Finding]:
    if instance is None:
        return [Finding("instance", f"container of instance {wanted} is gone")] if wanted else []
    if instance.status != "running":
        return [Finding("instance", f"container of instance {wanted} does not run: it is {instance.status}")]
    if changed := limits.found(client, instance, "always"):
        return [Finding("instance", f"container of instance {wanted} was changed: {changed}")]
    return []


def edited(instance: Container) -> list[Finding]:
    """Code that was changed inside the container. It takes the engine a second to find out."""
    wanted, edited = instance.labels.get(names.LABEL_INSTANCE, ""), edited_files(instance)
    more = f" and {len(edited) - 1} more" if len(edited) > 1 else ""
    return [Finding("files", f"{edited[0]}{more} changed inside the container of instance {wanted}")] if edited else []


def edited_files(container: Container) -> list[str]:
    """Files of the image that were changed or deleted."""
    changes = container.diff() or []
    return sorted(path for one in changes if one["Kind"] in (MODIFIED, DELETED) and (path := str(one["Path"])).endswith(CODE))


def _traffic(wanted: Wanted, live: str, instances: dict[str, Container], parked: str) -> list[Finding]:
    wrong = []
    if wanted.instance and live != wanted.instance and instances.get(live) is None:
        wrong.append(Finding("traffic", f"live.sock names {live or 'nothing'}, not {wanted.instance}"))
    elif wanted.instance and live != wanted.instance and _mine(instances[live], wanted):
        wrong.append(Finding("traffic", f"traffic is on {live}, not on {wanted.instance}"))
    known = {wanted.instance, live, parked}
    strays = sorted(name for name, one in instances.items() if wanted.instance and name not in known and _mine(one, wanted))
    return wrong + [Finding("traffic", f"instance {one} is there, and nobody asked for it") for one in strays]


def _mine(instance: Container, wanted: Wanted) -> bool:
    return wanted.stack in ("", engine.stack_of(instance))

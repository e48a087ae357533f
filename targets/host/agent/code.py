"""What instances and release tasks have in common: the release's files, its env, and what it says of itself."""

import contextlib
import shlex
from pathlib import Path

from targets.common.errors import AgentError
from targets.host.agent import system
from targets.host.agent.places import Places
from targets.host.agent.requests import CodeRequest


def expect(request: CodeRequest) -> Places:
    """The places of the site; raises where code or env are not there."""
    places = Places(request.app)
    again = "way out: run the update again"
    if not places.release(request.release).is_dir():
        raise AgentError(f"release {request.release} of {request.app} is not on this host; {again}")
    if not places.env_file(request.env_id).exists():
        raise AgentError(f"env file {request.env_id} of {request.app} is not on this host; {again}")
    return places


def secrets(places: Places, env_id: str, names: tuple[str, ...]) -> list[str]:
    """The values to strike out of logs."""
    with contextlib.suppress(OSError):
        words = shlex.split(places.env_file(env_id).read_bytes().decode(), posix=True)
        return [value for name, _, value in (word.partition("=") for word in words) if name in names]
    return []


def binds(places: Places, release: str, user: str) -> list[str]:
    """systemd properties that put uploads and the static manifest where the project's own settings look for them.

    MEDIA_ROOT and STATIC_ROOT are usually inside the release, which is new each time and nobody may write.
    """
    facts = system.read_json(places.facts / f"{release}.json")
    found = []
    media = str(facts.get("media_root") or "")
    if media and Path(media) != places.media:
        _place(Path(media), places)
        found.append(f"BindPaths={places.media}:{media}")
    static, manifest = str(facts.get("static_root") or ""), places.facts / f"{release}.manifest"
    if static and manifest.exists() and Path(static) != places.static:
        _place(Path(static), places)
        (Path(static) / "staticfiles.json").touch()
        found.append(f"BindReadOnlyPaths={manifest}:{static}/staticfiles.json")
    return found


def _place(path: Path, places: Places) -> None:
    """A folder to mount onto."""
    if not path.is_relative_to(places.root) and not path.exists():
        raise AgentError(
            f"the project's settings name {path}, which is not there; way out: a folder below BASE_DIR, or make it on the host"
        )
    with system.room(path):
        path.mkdir(parents=True, exist_ok=True)

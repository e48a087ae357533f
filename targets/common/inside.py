"""What runs beside the project's code. Standard library only and one file: it is copied into whatever image or host a site has.

python3 inside.py serve SOCKET ENV_FILE -- COMMAND...   become the server, listening on SOCKET, with the env file's variables
python3 inside.py run ENV_FILE -- COMMAND...            become COMMAND with the env file's variables
python3 inside.py probe HOST PATH ADDRESS [SCHEME]      one GET of a socket or host:port; prints [status, detail]
python3 inside.py wait HOST PATH SECONDS SOCKET SCHEME  GET until the answer is final; prints [status, detail]
python3 inside.py prove HOST PATH SECONDS ADDRESS ID   GET until that instance answers 200; prints [status, detail]
python3 inside.py switch LINK SOCKET                    point LINK at SOCKET by one rename; prints what it named before
python3 inside.py check FACTS RELEASE                   check --deploy; what the settings say of files into the folder FACTS
python3 inside.py collect FILES FACTS RELEASE           collectstatic into the folder FILES, the manifest into FACTS
"""

import gzip
import http.client
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

REFUSED = 3
"""Exit status of a guard that refuses; its words are the last line. 1 is a failure of the code, or of the database."""

BACKLOG = 2048
LISTEN_FD = 3
COMPRESSED = (".css", ".js", ".mjs", ".map", ".json", ".svg", ".txt", ".xml", ".html", ".wasm", ".ttf", ".otf", ".ico")
COMPRESSED_FROM = 512
"""Bytes; a smaller file is one packet anyway."""


def read_env(path: str) -> dict[str, str]:
    """Variables of an env file in shell quoting, as ``rendering.envfile`` writes it."""
    words = shlex.split(Path(path).read_bytes().decode(), posix=True)  # read_text would turn a value's \r\n into \n
    return dict(word.partition("=")[::2] for word in words)


def run(env_file: str, command: list[str]) -> NoReturn:
    """Become ``command`` (exec), so that signals reach it and nothing stands between."""
    os.environ.update(read_env(env_file))
    try:
        os.execvp(command[0], command)
    except FileNotFoundError:
        sys.exit(f"{command[0]}: not found in this image")


def serve(path: str, env_file: str, command: list[str]) -> NoReturn:
    """Listen first, then become the server: after a crash, clients wait in the queue while Django boots, and are not refused.

    The socket is inherited as fd 3, with the variables of systemd's protocol (LISTEN_FDS), so each server takes it its own way.
    """
    Path(path).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o666)  # who may reach it is decided by the volume that it is in
    listener.listen(BACKLOG)
    if listener.fileno() != LISTEN_FD:
        os.dup2(listener.fileno(), LISTEN_FD)
    os.set_inheritable(LISTEN_FD, True)
    os.environ.update(LISTEN_FDS="1", LISTEN_FDNAMES="http", LISTEN_PID=str(os.getpid()), GATEWAY_SOCKET=path)
    # For gateway_entry.py, beside this file.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
    run(env_file, command)


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket (a path) or TCP (``host:port``)."""

    def __init__(self, address: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.address = address

    def connect(self) -> None:
        if self.address.startswith("/"):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(self.address)
        else:
            name, _, port = self.address.rpartition(":")
            self.sock = socket.create_connection((name, int(port)), self.timeout)


def probe(host: str, path: str, address: str, timeout: float = 5.0, scheme: str = "http") -> tuple[int, str]:
    """Status of one GET with the real Host header, and where it redirects to. Status 0 and the reason when nothing answers.

    ``scheme`` is what the app is told of, where it is asked directly: as Nginx would tell it.
    """
    status, detail, _ = _ask(host, path, address, timeout, scheme)
    return status, detail


def _ask(host: str, path: str, address: str, timeout: float, scheme: str = "http") -> tuple[int, str, str]:
    """As ``probe``, and the instance that answered, which ``gateway_entry.py`` tells whoever asks with this header."""
    connection = _Connection(address, timeout)
    headers = {"Host": host, "X-Forwarded-Proto": scheme, "User-Agent": "gateway-probe", "X-Gateway-Probe": "1"}
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Location", ""), answer.getheader("X-Gateway-Instance", "")
    except (OSError, http.client.HTTPException) as error:
        return 0, f"{type(error).__name__}: {error}", ""
    finally:
        connection.close()


def prove(host: str, path: str, seconds: float, address: str, instance: str) -> tuple[int, str]:
    """Ask through the proxy until ``instance`` itself answers 200; what it answers else is final after a few more tries.

    Nginx sends requests over connections to the old instance for a moment after a switch: an answer from there proves nothing.
    """
    end = time.monotonic() + seconds
    status, detail, tries = 0, "no answer", 5
    while time.monotonic() < end and tries:
        status, detail, answered = _ask(host, path, address, timeout=5.0)
        if answered == instance:
            if status == 200:
                return status, detail
            tries -= 1
        elif status == 200:
            status, detail = 0, f"instance {answered or 'unknown'} still answers"
        time.sleep(0.1)
    return status, detail


def wait(host: str, path: str, seconds: float, address: str, scheme: str = "http") -> tuple[int, str]:
    """Ask until 200, or until an answer comes that waiting will not mend (3xx, 4xx), or the time is over.

    5xx and silence are asked again: a database may still be starting.
    """
    end = time.monotonic() + seconds
    status, detail = 0, "no answer"
    while (left := end - time.monotonic()) > 0:
        answered = probe(host, path, address, max(left, 0.1), scheme)
        if answered[0] or not status:  # the last try is cut short by the limit: an answer before it tells more than its silence
            status, detail = answered
        if status == 200 or 300 <= status < 500:
            break
        time.sleep(0.1)
    return status, detail


def switch(link: str, name: str) -> str:
    """Point ``link`` at ``name`` (beside it) by one rename, never without it. Returns what it named before, or ''."""
    try:
        before = os.readlink(link)
    except FileNotFoundError:
        before = ""
    if not name:
        Path(link).unlink(missing_ok=True)
    elif before != name:
        beside = f"{link}.{os.getpid()}"
        Path(beside).unlink(missing_ok=True)  # of a killed switch: in containers, process ids soon come again
        os.symlink(name, beside)
        os.replace(beside, link)
    return before


def check(facts: str, release: str) -> None:
    """``check --deploy`` and what the settings say of files, for whoever starts this release."""
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    found = {
        "static_root": str(settings.STATIC_ROOT or ""),
        "static_url": str(settings.STATIC_URL or ""),
        "media_root": str(settings.MEDIA_ROOT or ""),
        "sqlite": [str(db["NAME"]) for db in settings.DATABASES.values() if db["ENGINE"].endswith("sqlite3")],
    }
    path = Path(facts, f"{release}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(found), encoding="utf-8")
    beside.replace(path)
    call_command("check", deploy=True, fail_level="ERROR")
    print(f"gateway-settings: {json.dumps({interface: _settings(interface) for interface in ('wsgi', 'asgi')})}")


def _settings(interface: str) -> dict[str, object]:
    """What the settings say where they are told this interface: by a process of its own, since settings are read once."""
    command = [sys.executable, str(Path(__file__).with_name("settings_facts.py"))]
    done = subprocess.run(command, env={**os.environ, "GATEWAY_INTERFACE": interface}, capture_output=True, check=False)
    return dict(json.loads(done.stdout.splitlines()[-1])) if done.returncode == 0 else {}


def collect(files: str, facts: str, release: str) -> str:
    """``collectstatic`` into a folder aside, then file by file into the shared one, where nothing is ever removed.

    Hashed files that are there already are left alone: an open page and the other instance read them meanwhile. The manifest does
    not go into the shared folder, where the next release would overwrite it: each release has its own.
    """
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    if not settings.STATIC_ROOT:
        return "0 files: STATIC_ROOT is not set"
    with tempfile.TemporaryDirectory(dir=facts, prefix=".collecting-") as aside:
        settings.STATIC_ROOT = aside
        call_command("collectstatic", interactive=False, verbosity=0)
        manifest = Path(aside, "staticfiles.json")
        if manifest.exists():
            manifest.rename(Path(facts, f"{release}.manifest"))
        count = 0
        for path in sorted(Path(aside).rglob("*")):
            if path.is_file():
                _compress(path, Path(files) / path.relative_to(aside))
                count += _publish(path, Path(files) / path.relative_to(aside))
    return f"{count} new or changed files"


def _compress(path: Path, target: Path) -> None:
    """A ``.gz`` beside a file whose name has its hash, for Nginx to send: such a pair never changes, so the two always fit."""
    beside = target.with_name(f"{target.name}.gz")
    if not re.search(r"\.[0-9a-f]{12}\.", path.name) or path.suffix not in COMPRESSED or beside.exists():
        return
    content = path.read_bytes()
    small = gzip.compress(content, 9, mtime=0)
    if len(content) >= COMPRESSED_FROM and len(small) < len(content):
        aside = path.with_name(f".{path.name}.gz")
        aside.write_bytes(small)
        _publish(aside, beside)


def _publish(path: Path, target: Path) -> int:
    """Move a file into the shared folder by rename, unless the same content is there."""
    if target.is_file() and target.read_bytes() == path.read_bytes():
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    path.chmod(0o664)
    path.replace(target)
    return 1


def main(argv: list[str]) -> int:
    """Dispatch; the argument forms are in the module's docstring."""
    verb, *args = argv
    command = args[args.index("--") + 1 :] if "--" in args else []
    match verb:
        case "serve":
            serve(args[0], args[1], command)
        case "run":
            run(args[0], command)
        case "probe":
            print(json.dumps(probe(args[0], args[1], args[2], scheme=(args[3:] or ["http"])[0])))
        case "wait":
            print(json.dumps(wait(args[0], args[1], float(args[2]), *args[3:])))
        case "prove":
            print(json.dumps(prove(args[0], args[1], float(args[2]), args[3], args[4])))
        case "switch":
            print(switch(*args))
        case "check" | "collect":
            sys.path.insert(0, os.getcwd())
            os.umask(0o002)  # the group of the volume may write what the user of another image made
            print((check if verb == "check" else collect)(*args) or "ok")
        case _:
            sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

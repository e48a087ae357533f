"""The project's files: which ones belong to a release, and the hash that names them.

A git URL with a ref gives exactly the files of that commit; a directory gives what its ignore files leave.
"""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pathspec

from settings.checks import is_git_url
from settings.errors import ConfigError, ConfigErrors

CACHE = Path(".gateway/sources")
IGNORE_FILES = (".gitignore", ".dockerignore")
NEVER = (
    ".git/",
    "__pycache__/",
    "*.pyc",
    ".venv/",
    "venv/",
    ".gateway/",
    ".mypy_cache/",
    ".ruff_cache/",
    ".pytest_cache/",
)


@dataclass(frozen=True)
class Source:
    """A folder whose files make a release."""

    root: Path

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Paths relative to the root, sorted, ``/`` as separator. Links are kept as links when they stay inside the root."""
        return tuple(sorted(self._walk()))

    @cached_property
    def digest(self) -> str:
        """sha256 over path, executable bit and content of every file."""
        total = hashlib.sha256()
        for name in self.files:
            path = self.root / name
            content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
            mode = "l" if path.is_symlink() else "x" if os.access(path, os.X_OK) else "f"
            total.update(f"{mode} {name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
        return total.hexdigest()

    def text(self, name: str) -> str | None:
        """Content of a file, or None where the release has no such file."""
        path = self.root / name
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None

    def _walk(self) -> Iterator[str]:
        specs: dict[str, pathspec.GitIgnoreSpec] = {}
        for folder, folders, names in os.walk(self.root):
            relative = Path(folder).relative_to(self.root).as_posix()
            here = "" if relative == "." else relative + "/"
            patterns = [
                line for ignore in IGNORE_FILES if ignore in names for line in (Path(folder) / ignore).read_text().splitlines()
            ]
            specs[here] = pathspec.GitIgnoreSpec.from_lines([*NEVER, *patterns] if not here else patterns)
            above = [(base, spec) for base, spec in specs.items() if here.startswith(base)]

            def ignored(name: str, above: list[tuple[str, pathspec.GitIgnoreSpec]] = above) -> bool:
                return any(spec.match_file(name.removeprefix(base)) for base, spec in above)

            linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            folders[:] = [name for name in folders if name not in linked and not ignored(f"{here}{name}/")]
            yield from (f"{here}{name}" for name in [*names, *linked] if not ignored(f"{here}{name}"))


def open_source(source: str, ref: str | None) -> Source:
    """The files that ``app.source`` and ``app.ref`` name. Raises ``ConfigErrors`` where there are none."""
    if is_git_url(source):
        return Source(_checkout(source, ref or "HEAD"))
    root = Path(source).expanduser()
    if not root.is_dir():
        raise ConfigErrors(
            [ConfigError("app.source", f"'{source}', which is not a directory", "an existing directory or a git URL")]
        )
    if ref is not None:
        return Source(_checkout(str(root.resolve()), ref))
    found = Source(root)
    if not found.files:
        raise ConfigErrors([ConfigError("app.source", f"'{source}', which has no files", "the folder with manage.py")])
    return found


def _checkout(url: str, ref: str) -> Path:
    """A folder with exactly the files of the commit that ``ref`` names now; fetched once per commit."""
    commit = _commit_of(url, ref)
    folder = CACHE / commit
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    bare, unpacked = CACHE / f"{commit}.git.{os.getpid()}", CACHE / f"{commit}.{os.getpid()}"
    try:
        _git("init", "--quiet", "--bare", str(bare))
        _git("-C", str(bare), "fetch", "--quiet", "--depth", "1", url, commit if len(ref) == 40 else ref)
        unpacked.mkdir()
        archive = subprocess.run(["git", "-C", str(bare), "archive", commit], check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", str(unpacked)], input=archive.stdout, check=True)
        unpacked.rename(folder)
    except (subprocess.CalledProcessError, OSError) as error:
        raise ConfigErrors(
            [ConfigError("app.ref", f"'{ref}', which git cannot fetch ({_reason(error)})", "a ref of app.source")]
        ) from None
    finally:
        subprocess.run(["rm", "-rf", str(bare), str(unpacked)], check=False)
    return folder


def _commit_of(url: str, ref: str) -> str:
    if len(ref) == 40 and all(c in "0123456789abcdef" for c in ref):
        return ref
    try:
        listed = _git("ls-remote", url, ref, f"{ref}^{{}}")
    except (subprocess.CalledProcessError, OSError) as error:
        raise ConfigErrors(
            [ConfigError("app.source", f"'{url}', which git cannot read ({_reason(error)})", "a git URL")]
        ) from None
    if not listed:
        raise ConfigErrors([ConfigError("app.ref", f"'{ref}', which {url} does not have", "a branch, tag or full commit")])
    return listed.splitlines()[-1].split()[0]


def _git(*args: str) -> str:
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(["git", *args], check=True, capture_output=True, text=True, env=env).stdout


def _reason(error: Exception) -> str:
    text = getattr(error, "stderr", "") or str(error)
    return (text.decode() if isinstance(text, bytes) else text).strip().splitlines()[-1]

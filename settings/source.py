"""The project's files: which ones belong to a release, and the hash that names them.

A git URL with a ref gives exactly the files of that commit; a directory gives what its ignore files leave, as git and Docker
read them: a .gitignore counts in every folder and the deeper one wins, a .dockerignore only in the root.
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
_NEVER = pathspec.GitIgnoreSpec.from_lines(NEVER)


@dataclass(frozen=True)
class Source:
    """A folder whose files make a release."""

    root: Path
    exact: bool = False
    """Every file belongs to it, ignore files or not: those of a commit."""

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Paths relative to the root, sorted, ``/`` as separator. Links are kept as links."""
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
        known = Path(name).as_posix() in self.files
        return path.read_text(encoding="utf-8", errors="replace") if known and path.is_file() else None

    def _walk(self) -> Iterator[str]:
        layers: dict[str, pathspec.GitIgnoreSpec] = {}
        docker = [] if self.exact else _docker_patterns(self.root)
        reopened = any(pattern.startswith("!") for pattern in docker[:-1])
        for folder, folders, names in os.walk(self.root):
            relative = Path(folder).relative_to(self.root).as_posix()
            here = "" if relative == "." else relative + "/"
            patterns = [] if self.exact else _lines(Path(folder, ".gitignore"))
            layers[here] = pathspec.GitIgnoreSpec.from_lines(patterns if here else [*patterns, *docker])
            above = [(base, layers[base]) for base in sorted(layers, key=len, reverse=True) if here.startswith(base)]

            def ignored(name: str, above: list[tuple[str, pathspec.GitIgnoreSpec]] = above) -> bool:
                verdicts = (spec.check_file(name.removeprefix(base)).include for base, spec in above)
                return not self.exact and (_NEVER.match_file(name) or next((v for v in verdicts if v is not None), False))

            closed = _NEVER.match_file if reopened else ignored
            linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            folders[:] = [name for name in folders if name not in linked and not closed(f"{here}{name}/")]
            yield from (f"{here}{name}" for name in [*names, *linked] if not ignored(f"{here}{name}"))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []


def _docker_patterns(root: Path) -> list[str]:
    """``.dockerignore`` in the words of git: its patterns start at the root, and a Dockerfile is sent all the same."""
    lines = [line.strip() for line in _lines(root / ".dockerignore") if line.strip() and not line.startswith("#")]
    anchored = [("!" if line[0] == "!" else "") + "/" + line.lstrip("!").strip().strip("/") for line in lines]
    return [*anchored, "!/Dockerfile"] if anchored else []


def open_source(source: str, ref: str | None) -> Source:
    """The files that ``app.source`` and ``app.ref`` name. Raises ``ConfigErrors`` where there are none."""
    if is_git_url(source):
        return Source(_checkout(source, ref or "HEAD"), exact=True)
    root = Path(source).expanduser()
    if not root.is_dir():
        raise ConfigErrors(
            [ConfigError("app.source", f"'{source}', which is not a directory", "an existing directory or a git URL")]
        )
    if ref is not None:
        return Source(_checkout(str(root.resolve()), ref), exact=True)
    found = Source(root)
    if not found.files:
        raise ConfigErrors([ConfigError("app.source", f"'{source}', which has no files", "the folder with manage.py")])
    return found


def _checkout(url: str, ref: str) -> Path:
    """A folder with exactly the files of the commit that ``ref`` names now; fetched once per commit."""
    commit, name = _commit_of(url, ref)
    folder = CACHE / commit
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    bare, unpacked = CACHE / f"{commit}.git.{os.getpid()}", CACHE / f"{commit}.{os.getpid()}"
    try:
        _git("init", "--quiet", "--bare", str(bare))
        _git("-C", str(bare), "fetch", "--quiet", "--depth", "1", url, name)
        unpacked.mkdir()
        # Not `git archive`, which leaves out and rewrites what .gitattributes marks for release archives.
        _git("--git-dir", str(bare), "--work-tree", str(unpacked), "checkout", "--quiet", "--force", commit, "--", ".")
        unpacked.rename(folder)
    except (subprocess.CalledProcessError, OSError) as error:
        raise ConfigErrors(
            [ConfigError("app.ref", f"'{ref}', which git cannot fetch ({_reason(error)})", "a ref of app.source")]
        ) from None
    finally:
        subprocess.run(["rm", "-rf", str(bare), str(unpacked)], check=False)
    return folder


def _commit_of(url: str, ref: str) -> tuple[str, str]:
    """The commit that ``ref`` names, and the full name to fetch it by; a tag comes before a branch of its name, as in git."""
    if len(ref) == 40 and all(c in "0123456789abcdef" for c in ref):
        return ref, ref
    try:
        listed = _git("ls-remote", url, ref, f"{ref}^{{}}")
    except (subprocess.CalledProcessError, OSError) as error:
        raise ConfigErrors(
            [ConfigError("app.source", f"'{url}', which git cannot read ({_reason(error)})", "a git URL")]
        ) from None
    # ls-remote also lists refs that only end like this one, such as refs/heads/other/main for main.
    commits = {name: commit for commit, name in (line.split() for line in listed.splitlines())}
    for name in (ref, f"refs/tags/{ref}", f"refs/heads/{ref}"):
        if name in commits:
            return commits.get(f"{name}^{{}}", commits[name]), name
    raise ConfigErrors([ConfigError("app.ref", f"'{ref}', which {url} does not have", "a branch, tag or full commit")])


def _git(*args: str) -> str:
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(["git", *args], check=True, capture_output=True, text=True, env=env).stdout


def _reason(error: Exception) -> str:
    text = getattr(error, "stderr", "") or str(error)
    return (text.decode() if isinstance(text, bytes) else text).strip().splitlines()[-1]

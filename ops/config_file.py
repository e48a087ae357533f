"""Where a stack's config file is, and whether it can be read at all: asked before any engine is, which would tell less of it."""

from pathlib import Path
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ops.errors import BadConfig

if TYPE_CHECKING:
    from ops.engines import Engine


def path_of(root: Path, stack: str) -> Path:
    """``Pulumi.<stack>.yaml``, whatever organization and project the stack's name begins with."""
    return root / f"Pulumi.{stack.rpartition('/')[2]}.yaml"


def ensure(stack: "Engine") -> bool:
    """A clone without the stack's config file gets the one of the last update; returns whether it did."""
    if path_of(stack.workspace.root, stack.name).exists():
        return False
    stack.recover_config()
    return True


def expect_readable(root: Path, stack: str) -> None:
    """``Pulumi.<stack>.yaml`` is a map in YAML, with each key once; a stack without a file is fine. Raises ``BadConfig``."""
    path = path_of(root, stack)
    try:
        found = YAML(typ="safe", pure=True).load(path.read_text())
    except FileNotFoundError:
        return
    except MarkedYAMLError as error:
        raise _bad(path, error.problem or "", error.problem_mark.line + 1 if error.problem_mark else 0) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise _bad(path, str(error)) from None
    config = (found or {}).get("config") if isinstance(found or {}, dict) else found
    if not isinstance(config or {}, dict):
        raise _bad(path, f"a map of keys is wanted, got {config!r:.40}")


def _bad(path: Path, problem: str, line: int = 0) -> BadConfig:
    said = " ".join(problem.partition(" with value ")[0].split())  # a value may be a secret
    return BadConfig(f"{path.name}{f', line {line}' if line else ''}: {said}; way out: mend the file; nothing was touched")

"""What a Django project says of itself, read without running it: entry points, dependencies, use of Channels."""

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from settings.errors import ConfigError, ConfigErrors
from settings.model import Interface, Settings
from settings.source import Source

REQUIREMENTS = ("uv.lock", "requirements.txt", "pyproject.toml", "requirements/production.txt")


@dataclass(frozen=True)
class Project:
    """How the project is started and what it is built from."""

    wsgi: str
    asgi: str
    settings_module: str
    requirements: str | None
    """File in the source that names the dependencies; None with an own Dockerfile or a prebuilt image."""
    dockerfile: str | None
    """The project's own Dockerfile, relative to the source; None for our template."""
    python: str
    """Python version that the project asks for, such as ``3.13``; empty when it does not say."""

    def entry_point(self, interface: Interface) -> str:
        """``pkg.wsgi:application`` or its ASGI twin."""
        return self.wsgi if interface == "wsgi" else self.asgi


def inspect(settings: Settings, source: Source | None, kept_module: str = "") -> Project:
    """The project in ``source`` (None for a prebuilt image or a kept release). Raises ``ConfigErrors``.

    ``kept_module``: the settings module that a kept release brings along; today's source may name another one.
    """
    app = settings.app
    found = (settings.release and kept_module) or (_from_manage(source) if source else None)
    settings_module = app.settings or found or (f"{app.module}.settings" if app.module else None)
    module = app.module or (settings_module or "").split(".")[0]
    if not settings_module:
        where = f"no manage.py in '{app.source}' that sets DJANGO_SETTINGS_MODULE" if source else "no source to read it from"
        what = f"nothing, and {where}"
        raise ConfigErrors([ConfigError("app.module", what, "the package with wsgi.py and asgi.py")])
    built = None if settings.release else source  # a kept release is served as it is
    project = Project(
        wsgi=app.wsgi or f"{module}.wsgi:application",
        asgi=app.asgi or f"{module}.asgi:application",
        settings_module=settings_module,
        dockerfile=_dockerfile(settings, built),
        requirements=_requirements(settings, built),
        python=_python(built),
    )
    if built:
        _check_entry_point(settings, project, built)
        _check_websockets(settings, project, built)
    return project


def _from_manage(source: Source) -> str | None:
    """The module that manage.py gives to ``os.environ.setdefault("DJANGO_SETTINGS_MODULE", ...)``."""
    found = re.search(r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"]([\w.]+)['\"]", source.text("manage.py") or "")
    return found.group(1) if found else None


def _dockerfile(settings: Settings, source: Source | None) -> str | None:
    """The project's own Dockerfile; a host has no use for one."""
    app = settings.app
    if source is None or settings.target == "host":
        return None
    if app.dockerfile and source.text(app.dockerfile) is None:
        raise ConfigErrors(
            [ConfigError("app.dockerfile", f"'{app.dockerfile}', which the source does not have", "a file in app.source")]
        )
    return app.dockerfile or ("Dockerfile" if source.text("Dockerfile") is not None else None)


def _requirements(settings: Settings, source: Source | None) -> str | None:
    app = settings.app
    if source is None or _dockerfile(settings, source):
        return None
    if app.requirements:
        if source.text(app.requirements) is None:
            got = f"'{app.requirements}', which the source does not have"
            raise ConfigErrors([ConfigError("app.requirements", got, "a file in app.source")])
        return app.requirements
    for name in REQUIREMENTS:
        text = source.text(name)
        if text is not None and (name != "pyproject.toml" or "dependencies" in pyproject(source).get("project", {})):
            return name
    raise ConfigErrors(
        [ConfigError("app.requirements", "nothing, and none found in the source", "one of " + ", ".join(REQUIREMENTS))]
    )


def pyproject(source: Source) -> dict[str, Any]:
    """The project's pyproject.toml, empty where there is none or it cannot be read."""
    try:
        return tomllib.loads(source.text("pyproject.toml") or "")
    except tomllib.TOMLDecodeError:
        return {}


def own_packages(source: Source, file: str) -> set[str]:
    """Canonical names of the packages that the project's own dependency file names."""
    text = source.text(file) or ""
    if file.endswith(".lock"):
        return {canonicalize_name(name) for name in re.findall(r'^name = "([^"]+)"$', text, re.MULTILINE)}
    if file.endswith(".toml"):
        return requirement_names("\n".join(pyproject(source).get("project", {}).get("dependencies", [])))
    folder = PurePosixPath(file).parent
    included = re.findall(r"^\s*(?:-r|--requirement)[\s=]+(\S+)\s*$", text, re.MULTILINE)
    return requirement_names(text).union(*(own_packages(source, str(folder / name)) for name in included))


def requirement_names(text: str) -> set[str]:
    """Canonical names of the packages that a requirements file lists by name."""
    names: set[str] = set()
    for line in text.splitlines():
        try:
            names.add(canonicalize_name(Requirement(line.split(" #")[0].split("\\")[0].split(" --")[0].strip()).name))
        except InvalidRequirement:
            continue
    return names


def _python(source: Source | None) -> str:
    if source is None:
        return ""
    found = re.match(r"\s*(?:cpython-?)?(3\.\d+)", source.text(".python-version") or "")
    return found.group(1) if found else ""


def _check_entry_point(settings: Settings, project: Project, source: Source) -> None:
    module = project.entry_point(settings.speaks).split(":")[0]
    path = module.replace(".", "/")
    if not any(source.text(f"{root}{path}{end}") is not None for root in ("", "src/") for end in (".py", "/__init__.py")):
        got = f"'{settings.interface}', and the source has no {path}.py"
        raise ConfigErrors([ConfigError("interface", got, "an interface that the project has (or set app.module)")])


def _check_websockets(settings: Settings, project: Project, source: Source) -> None:
    """WebSockets need ASGI: a project whose asgi.py routes them is refused under WSGI unless somebody said that it may."""
    if settings.interface == "asgi":
        return
    if websockets_are_optional(source, settings.app.websockets):
        return
    path = project.asgi.split(":")[0].replace(".", "/") + ".py"
    line = websocket_route(source.text(path) or "")
    if line:
        got = f"'wsgi', and {path}:{line} routes WebSockets (Channels)"
        takes = "asgi; or accept the loss: pulumi config set --path gateway:app.websockets optional"
        raise ConfigErrors([ConfigError("interface", got, takes)])


def websockets_are_optional(source: Source, config: str | None = None) -> bool:
    """Whether config, or else the project's ``[tool.gateway]``, says that the site can do without its WebSockets."""
    return (config or pyproject(source).get("tool", {}).get("gateway", {}).get("websockets")) == "optional"


def websocket_route(asgi_text: str) -> int | None:
    """Line of the ``"websocket"`` key in a ``ProtocolTypeRouter({...})``, or None."""
    try:
        tree = ast.parse(asgi_text)
    except SyntaxError:
        return None
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) == "ProtocolTypeRouter":
            for constant in ast.walk(call):
                if isinstance(constant, ast.Constant) and constant.value == "websocket":
                    return constant.lineno
    return None

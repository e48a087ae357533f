"""What config and engine say together, before anything is touched: another stack's site, a taken port."""

import errno
import os
import socket

from settings.errors import ConfigError, ConfigErrors
from settings.model import Settings
from targets.docker.names import Names
from targets.observation import Observation


def check_engine(settings: Settings, owner: str, observed: Observation) -> None:
    """Raises ``ConfigErrors`` when the site's name or port belongs to somebody else."""
    errors = []
    site = f"{owner.rpartition('/')[0]}/{settings.joins}" if settings.joins else owner
    others = sorted(observed.owners - {site})
    if settings.joins and observed.at and site not in observed.owners:
        got = f"'{settings.joins}', which serves no '{settings.app.name}' on this engine"
        errors.append(ConfigError("joins", got, f"a stack that does: make up STACK={settings.joins} first"))
    elif others:
        got = f"'{settings.app.name}', which stack {', '.join(others)} serves on this engine"
        errors.append(ConfigError("app.name", got, "a name that no other stack has; or joins, where both serve one site"))
    wanted = {"httpPort": settings.port, **({"httpsPort": settings.tls_port} if settings.tls.on else {})}
    mine = Names(settings.app.name).proxy
    for key, port in wanted.items():
        holder = observed.ports.get(port)
        if holder not in (None, mine):
            errors.append(ConfigError(key, f"{port}, which container {holder} has", "a free port"))
        elif holder is None and _taken(settings.listen_address, port):
            errors.append(ConfigError(key, f"{port}, which another program on this machine has", "a free port"))
    if errors:
        raise ConfigErrors(errors)


def _taken(address: str, port: int) -> bool:
    """Whether somebody listens there; nobody can tell for an engine on another machine."""
    if os.environ.get("DOCKER_HOST", "unix:").partition(":")[0] not in ("unix", "npipe"):
        return False
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False

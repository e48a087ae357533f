"""The data services beside a site: how each is started, where its data is, and what tells that it takes connections."""

from dataclasses import dataclass

from targets.docker.names import SERVICE_SOCKETS


@dataclass(frozen=True, kw_only=True)
class DataService:
    """It listens on a unix socket only: no port, no password, reachable by this site's containers alone."""

    image: str
    argv: tuple[str, ...]
    data: str
    """Where the volume with its data is mounted."""
    socket: str
    """Where the volume with its socket is mounted, in its own container and in the app's."""
    ready: tuple[str, ...]
    """A command in its container that succeeds once it takes connections.

    Asked while an update waits, and never after: as a Docker health check it would start a process every second for ever.
    """
    variables: tuple[str, ...] = ()


def data_service(name: str, app: str) -> DataService:
    """``postgres`` with a role and a database named after the site, or ``redis``."""
    if name == "postgres":
        return DataService(
            image="postgres:17",
            argv=("postgres", "-c", "listen_addresses="),
            data="/var/lib/postgresql/data",
            socket=SERVICE_SOCKETS[name],
            # The image's own set-up runs a server for a moment, before process 1 becomes the one that stays.
            ready=("sh", "-c", f'test "$(cat /proc/1/comm)" = postgres && pg_isready -q -U {app}'),
            variables=(
                f"POSTGRES_USER={app}",
                f"POSTGRES_DB={app}",
                "POSTGRES_HOST_AUTH_METHOD=trust",
                "PGDATA=/var/lib/postgresql/data/db",
            ),
        )
    own = f"{SERVICE_SOCKETS[name]}/redis.sock"
    return DataService(
        image="redis:7",
        argv=(
            *("redis-server", "--port", "0", "--unixsocket", own, "--unixsocketperm", "777"),
            *("--appendonly", "yes", "--dir", "/data"),
        ),
        data="/data",
        socket=SERVICE_SOCKETS[name],
        # While it loads its data it answers too, with an error that does not show in the exit status.
        ready=("sh", "-c", f"redis-cli -s {own} ping | grep -q PONG"),
    )

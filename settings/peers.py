"""Which servers the project will call, read from its environment: a database, Redis, a broker."""

from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit

PORTS = {
    **dict.fromkeys(("postgres", "postgresql", "psql", "pgsql", "postgis"), 5432),
    **dict.fromkeys(("mysql", "mysql2", "mariadb"), 3306),
    **dict.fromkeys(("redis", "rediss", "valkey"), 6379),
    **dict.fromkeys(("amqp", "amqps"), 5672),
}
Peer = tuple[str, ...]
"""(host, port), or (path of a unix socket,)."""


def peers(env: Mapping[str, str]) -> dict[str, Peer]:
    """Variable -> where it leads, for URLs of data services and for DB_HOST. Passwords never leave the URL."""
    found = {name: peer for name, value in env.items() if (peer := _of_url(value))}
    host = env.get("DB_HOST") or env.get("DATABASE_HOST")
    if host:
        port = env.get("DB_PORT") or env.get("DATABASE_PORT") or str(PORTS["postgres"])
        found["DB_HOST"] = _postgres_socket(host, port) if host.startswith("/") else (host, port)
    return found


def _of_url(value: str) -> Peer | None:
    try:
        url = urlsplit(value)
        scheme, host, port = url.scheme.partition("+")[0], unquote(url.hostname or ""), url.port
    except ValueError:
        return None
    if scheme in ("unix", "redis+socket") and url.path:
        return (url.path,)
    if scheme not in PORTS:
        return None
    host = host or parse_qs(url.query).get("host", [""])[0]
    number = str(port or PORTS[scheme])
    if host.startswith("/"):
        # A host name is lower-cased by urlsplit; a path must stay as it is written.
        exact = unquote(url.netloc.rpartition("@")[2].rpartition(":")[0] or url.netloc.rpartition("@")[2])
        return _postgres_socket(exact if exact.startswith("/") else host, number)
    return (host, number) if host else None


def _postgres_socket(folder: str, port: str) -> Peer:
    return (f"{folder.rstrip('/')}/.s.PGSQL.{port}",)

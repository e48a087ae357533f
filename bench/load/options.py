"""What load to send, and to whom."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Options:
    """One load against one site. Numbers of clients are how many run side by side, all the time."""

    base_url: str
    """Scheme, address and port; ``https`` is not verified."""
    host: str | None = None
    """Host header; None for the one of ``base_url``."""
    paths: Mapping[str, float] = field(default_factory=lambda: {"/": 1.0})
    """Path to GET -> its weight."""
    rate: float = 100.0
    """GETs per second: one half over kept connections, one half over a new connection each."""
    clients: int = 16
    """Of each half; a client that waits for an answer sends nothing else."""
    post_rate: float = 0.0
    """POSTs per second, by halves too; the answer must be JSON with the body's ``sha256``."""
    post_path: str = "/echo/"
    slow: int = 0
    """Slow requests always in flight."""
    slow_path: str = "/slow/?seconds=3"
    websockets: int = 0
    ws_path: str = "/ws/echo/"
    ws_interval: float = 0.5
    sse: int = 0
    sse_path: str = "/events/"
    idle: int = 0
    """Kept connections on which nothing is sent (but for one GET in ``idle_refresh`` seconds)."""
    idle_refresh: float = 20.0
    timeout: float = 10.0
    """For one request, and for the silence on a stream."""
    retry: float = 0.1
    """Wait before a stream or an idle connection is opened again."""
    grace: float = 4.0
    """How long requests in flight may still take when the load stops."""
    headers: tuple[str, ...] = ("X-Instance", "X-Interface")
    """Count answers by the values of these."""
    seed: int = 1


@dataclass(frozen=True)
class Origin:
    """Where connections go."""

    address: str
    port: int
    tls: bool
    host: str

    @classmethod
    def of(cls, options: Options) -> "Origin":
        """From the base URL and the Host header."""
        url = urlsplit(options.base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"base_url: got '{options.base_url}', takes http://HOST[:PORT]")
        tls = url.scheme == "https"
        return cls(url.hostname, url.port or (443 if tls else 80), tls, options.host or url.netloc)

    @property
    def context(self) -> ssl.SSLContext | None:
        """Takes any certificate: a self-signed site is loaded like any other."""
        if not self.tls:
            return None
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

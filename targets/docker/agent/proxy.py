"""Nginx's configuration: rendered aside, tested, swapped, reloaded, probed; the old file is put back on failure."""

import time
from pathlib import Path

import docker
from docker.errors import ContainerError
from docker.models.containers import Container

from rendering.identity import short_hash
from targets.common import dialect
from targets.common.errors import AgentError
from targets.common.maintenance import expect_closable
from targets.docker import names
from targets.docker.agent import engine, limits
from targets.docker.requests import ProxyRequest

CONF = f"{names.PROXY}/nginx.conf"
CANDIDATE = f"{names.PROXY}/candidate.conf"
OLD = f"{names.PROXY}/old.conf"
KEPT = f"{names.PROXY}/kept"
"""Every configuration that was ever applied, by its hash: a rollback brings back what was, whatever the template says today."""
RELOAD_SECONDS = 10
ENTRY = Path(__file__).resolve().parents[3] / "templates/docker/proxy-entrypoint.sh"


def apply(client: docker.DockerClient, request: ProxyRequest) -> str:
    """Put the configuration in place, in a running Nginx without a moment of rest; returns its hash."""
    own = names.Names(request.app)
    volumes = {
        own.volume("nginx"): names.PROXY,
        own.volume("static"): names.STATIC,
        own.volume("sockets"): names.SOCKETS,
        **({own.volume("tls"): names.TLS} if request.tls else {}),
    }
    with engine.lock(request.app, "proxy"):
        with engine.stub(client, request.app, volumes) as writer:
            text = _kept(writer, request.kept) if request.kept else request.configuration.encode()
            text = _translated(client, request, text)
            expect_closable(text.decode(), request.maintenance, names.MAINTENANCE)
            before = engine.get(writer, names.MAINTENANCE)
            files = {CANDIDATE: text, names.MAINTENANCE: request.maintenance.encode()}
            for path, content in {**files, **{f"{names.PAGES}/{name}": t.encode() for name, t in request.pages.items()}}.items():
                engine.put(writer, path, content)
            if request.tls:
                engine.put(writer, names.PROXY_ENTRY, ENTRY.read_bytes(), mode=0o755)
        try:
            _test(client, request, volumes)
            running = engine.find(client, own.proxy)
            if running is not None and running.status == "paused":
                running.unpause()
            if running is not None:
                limits.lift(client, running, "unless-stopped")
            if running is not None and engine.inspect_state(running)["Running"] and not _outgrown(running, request):
                _swap_and_reload(running)
            else:
                with engine.stub(client, request.app, volumes) as writer:
                    engine.put(writer, CONF, text)
        except AgentError:
            if before is not None:
                with engine.stub(client, request.app, volumes) as writer:
                    engine.put(writer, names.MAINTENANCE, before)
            raise
        with engine.stub(client, request.app, volumes) as writer:
            engine.put(writer, f"{KEPT}/{_hash(text)}.conf", text)
    return _hash(text)


def _outgrown(running: Container, request: ProxyRequest) -> bool:
    """Whether TLS has just been turned on: this container has neither port nor certificate, and the next step replaces it."""
    return request.tls and names.TLS not in {mount["Destination"] for mount in running.attrs["Mounts"]}


def _translated(client: docker.DockerClient, request: ProxyRequest, text: bytes) -> bytes:
    """For the Nginx of the image; only TLS has words that depend on it."""
    if b" ssl http2" not in text:
        return text
    told = client.containers.run(
        request.image,
        ["nginx", "-V"],
        entrypoint=[],
        remove=True,
        network_mode="none",
        labels=engine.temporary(request.app, "question"),
        stderr=True,
    )
    return dialect.translate(text.decode(), told.decode(errors="replace"), names.TLS).encode()


def _hash(text: bytes) -> str:
    return short_hash(text.decode())


def _kept(reader: Container, wanted: str) -> bytes:
    """An earlier configuration, as it was: a damaged one is not used."""
    text = engine.get(reader, f"{KEPT}/{wanted}.conf")
    if text is None or _hash(text) != wanted:
        state = "is gone" if text is None else "is damaged"
        raise AgentError(
            f"the kept Nginx configuration {wanted} {state}; the present one stays; way out: pulumi config rm gateway:rollback, "
            "which serves with the configuration that today's templates give"
        )
    return text


def _test(client: docker.DockerClient, request: ProxyRequest, volumes: dict[str, str]) -> None:
    """``nginx -t`` on the candidate in a container of its own, so that a bad file never comes near the running one."""
    try:
        client.containers.run(
            request.image,
            ["nginx", "-t", "-q", "-c", CANDIDATE],
            entrypoint=[],
            remove=True,
            network_mode="none",
            labels=engine.temporary(request.app, "test"),
            volumes=[f"{name}:{path}" for name, path in volumes.items()],
            stderr=True,
        )
    except ContainerError as error:
        words = str(error.stderr, "utf-8", "replace").splitlines() if isinstance(error.stderr, bytes) else [str(error)]
        emerg = next((line for line in words if "[emerg]" in line), words[-1] if words else "it gave no reason")
        raise AgentError(f"Nginx refuses the new configuration, the old one stays: {emerg}") from None


def _workers(proxy: Container) -> set[str]:
    processes = proxy.top(ps_args="-eo pid,args") or {"Processes": []}
    return {pid for pid, args in processes["Processes"] if "worker process" in args and "shutting down" not in args}


def _swap_and_reload(proxy: Container) -> None:
    engine.run_in(proxy, "cp", CONF, OLD)
    _replace(proxy, CANDIDATE)
    if not _reload(proxy):
        _replace(proxy, OLD)
        _reload(proxy)
        raise AgentError("Nginx did not take the new configuration over, the old one is back; way out: docker logs of the proxy")


def _replace(proxy: Container, file: str) -> None:
    engine.run_in(proxy, "mv", "-f", file, CONF)


def _reload(proxy: Container) -> bool:
    """Reload and wait for new workers: the command itself returns before they serve."""
    before = _workers(proxy)
    status, _ = engine.run_in(proxy, "nginx", "-c", CONF, "-s", "reload")
    end = time.monotonic() + RELOAD_SECONDS
    while status == 0 and time.monotonic() < end:
        if _workers(proxy) - before:
            return True
        time.sleep(0.1)
    return False

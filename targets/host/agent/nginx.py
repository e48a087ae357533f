"""Nginx's site: put in place, tested, reloaded, asked; on failure the old one is put back. Others' sites are left alone."""

import hashlib
import json
import os
import re
import time
from pathlib import Path

from targets.common import dialect, handshake, inside, pairs
from targets.common.errors import AgentError
from targets.common.maintenance import expect_closable
from targets.host.agent import error_log, nginx_service, system
from targets.host.agent.places import ENABLED, NOBODY, SITES, Places
from targets.host.agent.requests import ProxyRequest

ANSWER_SECONDS = 10
DISTRIBUTION = ENABLED / "default"
"""The page that Debian puts on port 80."""


def apply(request: ProxyRequest) -> str:
    """The site in place in a running Nginx, without a moment of rest; returns its hash."""
    places = Places(request.app)
    with system.lock("nginx"):
        if not _edited(places):  # a site of ours that somebody has broken is mended here; whoever else's is not
            nginx_service.expect_sound()
        text = _kept(places, request) if request.kept else request.site
        expect_closable(text, request.maintenance, str(places.maintenance))
        for name, page in request.pages.items():
            path = places.pages / name
            system.folder(places.pages)
            system.folder(path.parent)
            system.write(path, page)
        if not places.upstream.exists():
            system.write(places.upstream, places.server_line)
        told = nginx_service.version()
        wanted: dict[Path, str | None] = {places.site: dialect.translate(text, told, str(NOBODY))}
        for port, default in ((request.port, request.default), (request.tls_port, request.tls_default)):
            path = SITES / f"gateway-default-{port}.conf"
            if default and not _other_default(port, path):
                if dialect.needs_nobody(default, told):
                    _make_nobody()
                wanted[path] = dialect.translate(default, told, str(NOBODY))
        wanted |= dict.fromkeys(_needless_defaults(places.site, text), None)
        _swap(request, wanted)
        nginx_service.expect_running()
        system.folder(places.sites)
        system.write(places.sites / f"{site_hash(text)}.conf", text)
    return site_hash(text)


def _edited(places: Places) -> bool:
    """Whether the site's file is none that was ever applied."""
    return places.site.exists() and not any(is_site(places, path.stem) for path in places.sites.glob("*.conf"))


def is_site(places: Places, wanted: str) -> bool:
    """Whether the site's file is the one of that hash, be it in the words of this host's Nginx."""
    text, kept = places.site.read_text(), places.sites / f"{wanted}.conf"
    if site_hash(text) == wanted or not kept.exists():
        return site_hash(text) == wanted
    return dialect.translate(kept.read_text(), nginx_service.version(), str(NOBODY)) == text


def _make_nobody() -> None:
    """A certificate for no name, once for all sites."""
    if not (NOBODY / "fullchain.pem").exists():
        system.folder(NOBODY, 0o700)
        chain, key = pairs.make(())
        system.write(NOBODY / "privkey.pem", key, 0o600)
        system.write(NOBODY / "fullchain.pem", chain)


def _needless_defaults(site: Path, text: str | None) -> list[Path]:
    """Our refusals of unknown names on ports that no site listens on, once ``site`` has that text (None: is gone)."""
    mine = {path: path.stem.rpartition("-")[2] for path in SITES.glob("gateway-default-*.conf")}
    others = [path for path in ENABLED.glob("*") if path.is_file() and path.name not in (site.name, *(one.name for one in mine))]
    texts = [*(path.read_text(errors="replace") for path in others), text or ""]
    return [path for path, port in mine.items() if not any(_listens(port).search(one) for one in texts)]


def _listens(port: str) -> "re.Pattern[str]":
    return re.compile(rf"^\s*listen\s+(?:\S+:)?{port}[\s;]", re.MULTILINE)


def _swap(request: ProxyRequest, wanted: dict[Path, str | None]) -> None:
    """New files in, tested and taken over, or the old ones back."""
    before = {path: path.read_text() if path.exists() else None for path in wanted}
    page = _distribution_page(request.port)
    closing = Places(request.app).maintenance
    closed = closing.read_text() if closing.exists() else ""
    same = before == wanted and closed == request.maintenance
    if same and all(os.path.lexists(ENABLED / path.name) for path in wanted) and not page:
        return
    try:
        system.write(closing, request.maintenance)
        _put(wanted)
        if page:
            DISTRIBUTION.unlink()
        _take_over(request)
    except BaseException:
        _put(before)
        if closed:
            system.write(closing, closed)
        if page:
            DISTRIBUTION.symlink_to(page)
        nginx_service.reload()
        raise


def site_hash(text: str) -> str:
    """As ``rendering.identity`` has it."""
    return hashlib.sha256(json.dumps([text]).encode()).hexdigest()[:10]


def kept_site(request: ProxyRequest) -> dict[str, object]:
    """An earlier site for a host that has lost it; empty where this one has not got it either."""
    path = Places(request.app).sites / f"{request.kept}.conf"
    text = path.read_text() if path.exists() else ""
    return {"text": text if site_hash(text) == request.kept else ""}


def _kept(places: Places, request: ProxyRequest) -> str:
    """An earlier site, as it was, from here or as another host has it: a damaged one is not used."""
    wanted, path = request.kept, places.sites / f"{request.kept}.conf"
    text = path.read_text() if path.exists() else ""
    if site_hash(text) != wanted:
        if site_hash(request.site) == wanted:
            return request.site
        raise AgentError(
            f"the kept Nginx site {wanted} {'is damaged' if text else 'is gone'}; the present one stays; way out: "
            "pulumi config rm gateway:rollback, which serves with the site that today's templates give"
        )
    return text


def _put(files: dict[Path, str | None]) -> None:
    for path, text in files.items():
        enabled = ENABLED / path.name
        if text is None:
            enabled.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        else:
            system.write(path, text)
            system.link(enabled, str(path))


def _take_over(request: ProxyRequest) -> None:
    words = nginx_service.refusal()
    if words:
        raise AgentError(f"Nginx refuses the new configuration, the old one stays: {words}")
    taken = nginx_service.conflict()
    if taken:
        raise AgentError(f"another site of Nginx on this host has {taken}, the old configuration stays; way out: other domains")
    begun = time.time()
    if not nginx_service.reload():
        raise AgentError(f"Nginx did not take the new configuration over, the old one is back{error_log.why(begun)}")
    address = loopback(request.address)
    if not system.until(lambda: inside.probe(request.host, "/", f"{address}:{request.port}", 5)[0] != 0, ANSWER_SECONDS, 0.1):
        raise AgentError(f"Nginx does not answer for {request.host} on port {request.port}, the old configuration is back")
    if request.tls_port and not system.until(
        lambda: bool(handshake.shown(request.host, address, request.tls_port)), ANSWER_SECONDS, 0.1
    ):
        raise AgentError(f"Nginx has no TLS for {request.host} on port {request.tls_port}, the old configuration is back")


def loopback(address: str) -> str:
    """Where this host reaches an Nginx that listens there."""
    return "127.0.0.1" if address in ("", "0.0.0.0", "::") else address


def _distribution_page(port: int) -> str:
    """Target of the link to Debian's own page, where it is as the package made it: it would take the place of ours."""
    if port != 80 or not DISTRIBUTION.is_symlink():
        return ""
    page = DISTRIBUTION.resolve()
    ours = page == SITES / "default" and page.exists() and "Welcome" not in page.name and "/var/www/html" in page.read_text()
    return os.readlink(DISTRIBUTION) if ours else ""


def _other_default(port: int, own: Path) -> bool:
    """Whether somebody else already answers for names that nobody serves on that port."""
    listens = re.compile(rf"^\s*listen\s+(?:\S+:)?{port}\s[^;]*\bdefault_server", re.MULTILINE)
    skipped = {own.name, DISTRIBUTION.name} if _distribution_page(port) else {own.name}
    files = [path for path in [*ENABLED.glob("*"), *Path("/etc/nginx/conf.d").glob("*.conf")] if path.name not in skipped]
    return any(listens.search(path.read_text(errors="replace")) for path in files if path.is_file())


def remove(request: ProxyRequest) -> str:
    """Take the site away; the last one of a port takes the refusal of unknown names along."""
    places = Places(request.app)
    with system.lock("nginx"):
        _put({places.site: None, **dict.fromkeys(_needless_defaults(places.site, None), None)})
        if not nginx_service.refusal():
            nginx_service.reload()
    return "removed"

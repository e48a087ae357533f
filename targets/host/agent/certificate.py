"""A site's certificate on this host: put in place, taken over by the running Nginx, renewed by a timer."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from targets.common import acme, certificates, handshake
from targets.common.acme import Account
from targets.common.errors import AgentError
from targets.common.pairs import Store
from targets.host.agent import nginx, nginx_service, prepare, system
from targets.host.agent.places import UNITS, Places
from targets.host.agent.requests import CertificateRequest, IssueRequest

TAKE_OVER_SECONDS = 10
ENDINGS = (".service", ".timer")


def put(request: CertificateRequest) -> str:
    """The certificate in its place; a running Nginx that shows one of this site shows this one then."""
    places = Places(request.app)
    _need("openssl")
    asked = {name: value for name, value in asdict(request).items() if name not in ("app", "owner", "address", "port")}
    store = Store(places.tls)
    with system.room(places.tls), _taken_over(places, (request.names[0], request.address, request.port)):
        certificates.ensure(store, Account(places.acme), asked)
    return certificates.words(store)


def issue(request: IssueRequest) -> str:
    """Ask the server now, and by a timer from now on. A refusal is told and is no failure: the site serves with what it has."""
    places = Places(request.app)
    _need(acme.CLIENT, "curl")
    changed = system.write(UNITS / f"{places.renewal}.service", request.service)
    changed |= system.write(UNITS / f"{places.renewal}.timer", request.timer)
    if changed:
        system.must("systemctl", "daemon-reload")
    system.must("systemctl", "enable", "--now", f"{places.renewal}.timer")
    try:
        renew(places, address=request.address, port=request.port)
    except AgentError as error:
        print(f"gateway: {error}", file=sys.stderr)
    return certificates.words(Store(places.tls))


def renew(places: Places, *, address: str = "", port: int = 0, force: bool = False) -> bool:
    """Ask for a new certificate where one is due. Raises with the server's reason; then the one before goes on serving."""
    store, account = Store(places.tls), Account(places.acme)
    asked = account.asked()
    if asked is None:
        return False
    with _taken_over(places, (asked.names[0], address, port)):
        return acme.renew(store, account, force=force) is not None


def end(request: IssueRequest) -> str:
    """No timer any more; account and certificates stay."""
    places = Places(request.app)
    system.systemctl("disable", "--now", f"{places.renewal}.timer")
    for ending in ENDINGS:
        (UNITS / f"{places.renewal}{ending}").unlink(missing_ok=True)
    system.systemctl("daemon-reload")
    return "ended"


@contextmanager
def _taken_over(places: Places, where: tuple[str, str, int]) -> Iterator[None]:
    """What is done here to ``live`` is taken over by Nginx and seen from outside, or the link is put back."""
    store = Store(places.tls)
    before = _target(store)
    yield
    if _target(store) == before or not _shows(places):
        return
    with system.lock("nginx"):
        fault = _fault(store, where)
        if not fault:
            return
        if before:
            system.link(store.live, before)
            nginx_service.reload()
    raise AgentError(f"the new certificate cannot be used, the one before serves again: {fault}")


def _fault(store: Store, where: tuple[str, str, int]) -> str:
    """Why Nginx does not show the live certificate; '' once it does."""
    if words := nginx_service.refusal():
        return words
    if not nginx_service.reload():
        return "Nginx did not take it over (journalctl -u nginx)"
    name, address, port = where
    wanted = handshake.expected(store.live / "fullchain.pem")
    here = nginx.loopback(address)
    if port and not system.until(lambda: handshake.shown(name, here, port) == wanted, TAKE_OVER_SECONDS, 0.1):
        return f"Nginx does not show it on port {port}"
    return ""


def _target(store: Store) -> str:
    return os.readlink(store.live) if store.live.is_symlink() else ""


def _shows(places: Places) -> bool:
    """Whether Nginx's site names the certificate."""
    return places.site.exists() and str(places.tls) in places.site.read_text()


def _need(*commands: str) -> None:
    missing = [command for command in commands if not shutil.which(command)]
    with system.lock("host"):
        prepare.install(missing)

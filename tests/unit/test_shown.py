"""Which certificate a server shows: asked over a real socket."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from targets.common import handshake
from targets.common.pairs import Store, self_made
from targets.shown import fault
from tests.authority import authority


@contextmanager
def server(folder: Path) -> Iterator[int]:
    """Shows the certificate in that folder; returns its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "fullchain.pem", folder / "privkey.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
                context.wrap_socket(client, server_side=True).close()
            except OSError:
                if listener.fileno() < 0:
                    return

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_a_self_made_one_and_one_for_other_names_are_told_and_a_fitting_one_is_not(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    with server(self_made(store, ["shop.example"], time.time()).folder) as port:
        assert fault(["shop.example"], "127.0.0.1", port) == "a self-made certificate is shown"
    with server(store.install("acme", *authority().issue(["shop.example"])[1:]).folder) as port:
        assert fault(["shop.example"], "127.0.0.1", port) == ""
        assert fault(["shop.example", "b.example"], "127.0.0.1", port) == "the certificate that is shown is not for b.example"
    assert fault(["shop.example"], "127.0.0.1", port) is None, "nobody listens there any more"


def test_the_proof_of_a_new_certificate_is_that_it_is_the_one_that_is_shown(tmp_path: Path) -> None:
    store, ca = Store(tmp_path), authority()
    store.prepare()
    first, second = (store.install("files", *ca.issue(["shop.example"])[1:]) for _ in range(2))
    with server(first.folder) as port:
        shown = handshake.shown("shop.example", "127.0.0.1", port)
    assert shown == handshake.expected(first.folder / "fullchain.pem") != handshake.expected(second.folder / "fullchain.pem")
    assert handshake.shown("shop.example", "127.0.0.1", port) == ""

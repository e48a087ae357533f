"""How long the certificate of a place lives, asked of the place itself."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ops import certificates

NOW = datetime.now(timezone.utc)


def make(days_left: float, days: float = 90) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    end = NOW + timedelta(days=days_left)
    return builder.not_valid_before(end - timedelta(days=days)).not_valid_after(end).sign(key, hashes.SHA256()), key


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A server with a certificate that has 10 of its 90 days left."""
    certificate, key = make(10.5)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "both.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            # A test that never asks closes the listener under it.
            with contextlib.suppress(OSError), listener.accept()[0] as plain, context.wrap_socket(plain, server_side=True):
                pass

        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])


def test_a_certificate_near_its_end_is_told_by_whoever_serves_it(port: int) -> None:
    found = certificates.look("web1", "127.0.0.1", port, "shop.example")
    assert (found.status, found.told) == ("warning", "10 of 90 days left")


@pytest.mark.parametrize(("left", "status"), [(60.5, "ok"), (20.5, "warning"), (-1, "failed")])
def test_what_is_left_of_a_life_decides(left: float, status: str) -> None:
    assert certificates.life("web1", make(left)[0]).status == status


def test_before_the_first_update_nobody_serves_one() -> None:
    assert certificates.look("web1", "127.0.0.1", 1, "shop.example").status == "ok"

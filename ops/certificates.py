"""The certificate that a place serves, and how long it lives."""

import socket
import ssl
from datetime import datetime, timezone

from cryptography import x509

from targets.common.preflight import Result, failed, ok, warning

SECONDS = 5.0
LAST = 4
"""A certificate in the last quarter of its life should have been renewed: ACME clients do it in the last third."""


def served(address: str, port: int, name: str) -> x509.Certificate:
    """The certificate for ``name`` at that address, whoever signed it. Raises ``OSError``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((address, port), SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")


def life(place: str, certificate: x509.Certificate, now: datetime | None = None) -> Result:
    """How much of its life is left."""
    now = now or datetime.now(timezone.utc)
    left, whole = certificate.not_valid_after_utc - now, certificate.not_valid_after_utc - certificate.not_valid_before_utc
    told = f"{left.days} of {whole.days} days left"
    if left.total_seconds() <= 0:
        return failed(place, "certificate", f"ran out on {certificate.not_valid_after_utc:%Y-%m-%d}", "renew it, then make up")
    if left < whole / LAST:
        return warning(place, "certificate", told, "find out why it was not renewed yet")
    return ok(place, "certificate", told)


def look(place: str, address: str, port: int, name: str) -> Result:
    """As ``life``; before the first update nobody answers there."""
    try:
        return life(place, served(address, port, name))
    except (OSError, ValueError) as error:
        return ok(place, "certificate", f"none is served yet ({error})")

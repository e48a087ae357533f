"""Which certificate a server shows for a name: the proof that a new one is in use. Standard library only."""

import hashlib
import socket
import ssl
from pathlib import Path

SECONDS = 5.0


def shown(name: str, address: str, port: int) -> str:
    """Hash of the certificate that a browser is shown, '' where there is no handshake. Whether it is trusted is not asked."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name) as secured,
        ):
            return hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
    except (OSError, ValueError):
        return ""


def expected(chain: Path) -> str:
    """Hash of the first certificate in that file."""
    text = chain.read_text()
    end = "-----END CERTIFICATE-----"
    first = text[text.index("-----BEGIN CERTIFICATE-----") :].partition(end)[0] + end
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()

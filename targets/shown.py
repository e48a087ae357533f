"""The certificate that a site shows to browsers now, looked at from the deploying machine before an update."""

import os
import socket
import ssl

SECONDS = 3.0


def self_made(name: str, address: str, port: int) -> bool:
    """Whether the one shown for that name is signed by itself; False too where nobody can tell from here."""
    from cryptography import x509

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name) as secured,
        ):
            certificate = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError):
        return False
    return certificate.issuer == certificate.subject


def remote_engine() -> bool:
    """Whether the Docker engine is on another machine, so that its ports are not here."""
    return os.environ.get("DOCKER_HOST", "unix:").partition(":")[0] not in ("unix", "npipe")

"""The certificate that a site shows to browsers now, looked at from the deploying machine before an update."""

import os
import socket
import ssl
from collections.abc import Sequence

SECONDS = 3.0


def fault(names: Sequence[str], address: str, port: int) -> str | None:
    """Why a CA has still to be asked for these names, '' where one has issued for all of them; None where nobody can tell."""
    from cryptography import x509

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=names[0]) as secured,
        ):
            certificate = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
        covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return None
    if certificate.issuer == certificate.subject:
        return "a self-made certificate is shown"
    missing = [name for name in names if name not in covered.get_values_for_type(x509.DNSName)]
    return f"the certificate that is shown is not for {', '.join(missing)}" if missing else ""


def remote_engine() -> bool:
    """Whether the Docker engine is on another machine, so that its ports are not here."""
    return os.environ.get("DOCKER_HOST", "unix:").partition(":")[0] not in ("unix", "npipe")

"""As a browser finds a site with TLS: by name and certificate, over a real socket."""

import hashlib
import socket
import ssl

import httpx
from cryptography import x509


class Browser:
    """What trusts that CA, or nobody, and finds every name at this machine."""

    def __init__(self, port: int, ca: str = "", address: str = "127.0.0.1") -> None:
        self.port, self.address, self.context = port, address, ssl.create_default_context(cadata=ca or None)
        if not ca:
            self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.context.set_alpn_protocols(["h2", "http/1.1"])

    def handshake(self, name: str) -> tuple[str, str]:
        """Hash of the certificate that is shown for the name, and the protocol that is agreed on."""
        with (
            socket.create_connection((self.address, self.port), 10) as plain,
            self.context.wrap_socket(plain, server_hostname=name) as secured,
        ):
            found = secured.getpeercert(binary_form=True)
            return hashlib.sha256(found or b"").hexdigest(), secured.selected_alpn_protocol() or ""

    def sees(self, certificate: str, name: str = "localhost") -> bool:
        """Whether that certificate (PEM text) is shown for the name, and trusted."""
        der = ssl.PEM_cert_to_DER_cert(certificate)
        try:
            return self.handshake(name)[0] == hashlib.sha256(der).hexdigest()
        except OSError:
            return False

    def issuer(self, name: str) -> str:
        """Who has signed the certificate that is shown for the name, whoever trusts it; '' without a handshake."""
        try:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with (
                socket.create_connection((self.address, self.port), 10) as plain,
                context.wrap_socket(plain, server_hostname=name) as secured,
            ):
                return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"").issuer.rfc4514_string()
        except OSError:
            return ""

    def get(self, path: str, name: str = "localhost", **headers: str) -> httpx.Response:
        """A page, whoever trusts the certificate."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with httpx.Client(verify=context) as client:
            url = f"https://{self.address}:{self.port}{path}"
            return client.get(url, headers={"Host": f"{name}:{self.port}", **headers}, extensions={"sni_hostname": name})

"""What a target needs to have a certificate. Apart from ``base``, so that who checks the config need not load Pulumi."""

from dataclasses import dataclass, field
from typing import Literal

NOT_ISSUED = "the ACME server has not issued for all names yet"
"""What an update says that succeeded all the same."""


@dataclass(frozen=True, kw_only=True)
class CertificateSpec:
    """Where a certificate comes from."""

    mode: Literal["self-signed", "files", "acme"]
    names: tuple[str, ...]
    """Host names that it is for, first the primary one."""
    chain: str = ""
    """With ``files``: PEM text of the certificate and of those that signed it."""
    key: str = field(default="", repr=False)
    """With ``files``: PEM text of the private key. Kept out of logs, command lines and plain state."""
    email: str = ""
    server: str = ""
    """With ``acme``: the directory URL."""
    ca: str = ""
    """With ``acme``: PEM text of the CA certificate of a private server."""

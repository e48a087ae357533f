"""A certificate and its key before they are used: would browsers take them, today and for these names."""

import contextlib
import itertools
import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
"""The roots that this machine knows."""
RSA_BITS = 2048
Finding = tuple["Fault", str, str]


class Fault(Enum):
    """Which of the two is wrong."""

    CERTIFICATE = "certificate"
    KEY = "key"


def faults(chain: str, key: str, names: Sequence[str], now: datetime) -> Iterator[Finding]:
    """What is wrong with the pair, what was got, and what is taken; nothing of the key's text is repeated."""
    try:
        certificates = x509.load_pem_x509_certificates(chain.encode())
    except ValueError:
        yield Fault.CERTIFICATE, "no certificate in PEM form", "-----BEGIN CERTIFICATE----- and what belongs to it"
        return
    yield from _key(certificates, key)
    yield from _dates(certificates, now)
    yield from _names(certificates[0], names)
    yield from _chain(certificates)


def last_day(chain: str) -> datetime:
    """When the first certificate of the chain ends."""
    return x509.load_pem_x509_certificates(chain.encode())[0].not_valid_after_utc


def _key(certificates: Sequence[x509.Certificate], text: str) -> Iterator[Finding]:
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except TypeError:
        yield Fault.KEY, "a key with a passphrase", "one without: openssl pkey -in KEY_FILE"
        return
    except ValueError:
        yield Fault.KEY, "no private key in PEM form", "-----BEGIN PRIVATE KEY----- and what belongs to it"
        return
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < RSA_BITS:
        yield Fault.KEY, f"an RSA key of {key.key_size} bits", f"{RSA_BITS} bits or more, or an elliptic curve"
    own = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    matching = [_public(one) == own for one in certificates]
    if not any(matching):
        yield Fault.KEY, "a key that does not belong to the certificate", f"the key of {_who(certificates[0])}"
    elif not matching[0]:
        yield Fault.CERTIFICATE, f"{_who(certificates[0])} first", "the site's own certificate first, then the one that signed it"


def _public(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _dates(certificates: Sequence[x509.Certificate], now: datetime) -> Iterator[Finding]:
    for one in certificates:
        if now > one.not_valid_after_utc:
            yield Fault.CERTIFICATE, f"{_who(one)} expired on {one.not_valid_after_utc:%Y-%m-%d}", "one that is valid today"
        if now < one.not_valid_before_utc:
            yield (
                Fault.CERTIFICATE,
                f"{_who(one)} is valid from {one.not_valid_before_utc:%Y-%m-%d %H:%M} UTC only",
                "one that is valid now",
            )


def _names(leaf: x509.Certificate, wanted: Sequence[str]) -> Iterator[Finding]:
    try:
        covered = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        covered = []
    missing = [name for name in wanted if not any(_covers(pattern.lower(), name) for pattern in covered)]
    if missing:
        got = f"a certificate for {', '.join(covered) or 'no name'} and not for {', '.join(missing)}"
        yield Fault.CERTIFICATE, got, "one for every name in domains and redirects"
    try:
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if ExtendedKeyUsageOID.SERVER_AUTH not in uses:
        yield Fault.CERTIFICATE, "a certificate that is not for servers", "one with the use 'TLS Web Server Authentication'"


def _covers(pattern: str, name: str) -> bool:
    """A star stands for one label (RFC 6125)."""
    return pattern == name or (pattern.startswith("*.") and name.partition(".")[2] == pattern[2:])


def _chain(certificates: Sequence[x509.Certificate]) -> Iterator[Finding]:
    """Each is signed by the next; a lone one by a root that browsers have, or by itself."""
    for one, signer in itertools.pairwise(certificates):
        if not _signed(one, signer):
            got = f"{_who(one)} followed by {_who(signer)}, which has not signed it"
            yield Fault.CERTIFICATE, got, "each certificate followed by the one that signed it"
            return
    alone = certificates[0]
    if len(certificates) == 1 and not _signed(alone, alone) and not any(_signed(alone, root) for root in _roots(alone)):
        got = f"the certificate of {_who(alone)} without its chain (signed by {alone.issuer.rfc4514_string()})"
        yield Fault.CERTIFICATE, got, "the certificate, then each one that signed it: often called fullchain.pem"


def _signed(one: x509.Certificate, signer: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(signer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _roots(certificate: x509.Certificate) -> Iterator[x509.Certificate]:
    """Known roots of the issuer's name. One that cannot be read, as very old ones may, is no reason not to know the others."""
    end = b"-----END CERTIFICATE-----\n"
    parts = TRUSTED.read_bytes().split(end)[:-1] if TRUSTED.exists() else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for part in parts:
            with contextlib.suppress(ValueError):
                root = x509.load_pem_x509_certificate(part + end)
                if root.subject == certificate.issuer:
                    yield root


def _who(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or "a certificate without a subject"

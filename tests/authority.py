"""A certificate authority for tests: a root, a CA that the root has signed, and certificates of that one with any flaw."""

import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
NOW = datetime.now(timezone.utc)


def pem(key: Key, password: str = "") -> str:
    locked = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked).decode()


def new_key(bits: int = 0) -> Key:
    """On an elliptic curve, or RSA with that many bits."""
    return rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Signer:
    """A CA."""

    key: Key
    certificate: x509.Certificate

    @property
    def text(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()


@dataclass(frozen=True)
class Authority:
    """Root and intermediate CA."""

    root: Signer
    middle: Signer

    def issue(
        self,
        names: Sequence[str],
        *,
        key: Key | None = None,
        begins: datetime = NOW - timedelta(days=1),
        ends: datetime = NOW + timedelta(days=90),
        servers: bool = True,
        by: Signer | None = None,
    ) -> tuple[str, str, str]:
        """A certificate without its chain, with it, and its key, as texts."""
        own, signer = key or new_key(), by or self.middle
        use = ExtendedKeyUsageOID.SERVER_AUTH if servers else ExtendedKeyUsageOID.CODE_SIGNING
        made = (
            _builder(names[0], signer.certificate.subject, own, begins, ends)
            .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.CRLDistributionPoints([_point("http://ca.example/crl")]), critical=False)
            .add_extension(_usage(ca=False), critical=True)
            .sign(signer.key, hashes.SHA256())
        )
        alone = made.public_bytes(Encoding.PEM).decode()
        return alone, alone + signer.text, pem(own)


def authority() -> Authority:
    root_key, middle_key = new_key(), new_key()
    root = _ca("Test Root", root_key, None)
    return Authority(root, _ca("Test CA", middle_key, root))


def write(folder: Path, chain: str, key: str) -> dict[str, str]:
    """Both as files; ``tls`` of a config that names them."""
    (folder / "chain.pem").write_text(chain)
    (folder / "key.pem").write_text(key)
    return {"mode": "files", "certificateFile": str(folder / "chain.pem"), "keyFile": str(folder / "key.pem")}


def openssl_days(chain: str) -> float:
    """Days until the first certificate of that PEM text ends, as ``openssl x509 -enddate`` tells."""
    asked = ["openssl", "x509", "-noout", "-enddate"]
    told = subprocess.run(asked, input=chain, capture_output=True, text=True, check=True).stdout
    end = ssl.cert_time_to_seconds(told.strip().removeprefix("notAfter="))
    return (end - datetime.now(timezone.utc).timestamp()) / 86400


def _name(name: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(name)) if name.replace(".", "").isdigit() else x509.DNSName(name)


def _point(url: str) -> x509.DistributionPoint:
    return x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(name: str, issuer: x509.Name, key: Key, begins: datetime, ends: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _ca(name: str, key: Key, signer: Signer | None) -> Signer:
    issuer = signer.certificate.subject if signer else _subject(name)
    builder = _builder(name, issuer, key, NOW - timedelta(days=400), NOW + timedelta(days=3650))
    made = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .sign(signer.key if signer else key, hashes.SHA256())
    )
    return Signer(key, made)

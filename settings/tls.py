"""What the config says of TLS, and what is wrong with that: told on the deploying machine, before anything is touched."""

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from settings.errors import ConfigError
from settings.model import Settings
from targets.certificate import CertificateSpec

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
SOON_DAYS = 21
"""A certificate from files that ends within this time is told of in every update."""


def certificate(settings: Settings) -> CertificateSpec | None:
    """What the target needs to have a certificate; None where TLS ends elsewhere. The settings have been checked."""
    tls = settings.tls
    if tls.mode == "off":
        return None
    if tls.mode == "files":
        chain, key = (part if isinstance(part, str) else "" for part in _pair(settings))
        return CertificateSpec(mode="files", names=settings.names, chain=chain, key=key)
    if tls.mode == "self-signed":
        return CertificateSpec(mode="self-signed", names=settings.names)
    return CertificateSpec(
        mode="acme",
        names=settings.names,
        email=tls.email or "",
        server=tls.acme_server or LETS_ENCRYPT,
        ca=Path(tls.acme_ca).expanduser().read_text() if tls.acme_ca else "",
    )


def warnings(settings: Settings) -> tuple[str, ...]:
    """What a person should do something about before long."""
    if settings.tls.mode == "files":
        from settings.certificates import last_day

        last = last_day(str(_pair(settings)[0]))
        left = (last - datetime.now(timezone.utc)).days
        if left < SOON_DAYS:
            return (f"the certificate in tls ends on {last:%Y-%m-%d}, in {left} days: set the next one, then make up",)
    if settings.tls.mode == "acme" and settings.port != 80:
        return (f"the ACME server asks port 80 of {', '.join(settings.names)}: it has to lead to httpPort {settings.port} here",)
    return ()


def mistakes(settings: Settings) -> Iterator[ConfigError]:
    """Every mistake in ``tls``, in words."""
    yield from _strangers(settings)
    if settings.tls.on and settings.port == settings.tls_port:
        yield ConfigError("httpsPort", f"{settings.tls_port}, which is httpPort too", "another port")
    if settings.tls.mode == "files":
        yield from _files(settings)
    if settings.tls.mode == "acme":
        yield from _acme(settings)


def _strangers(settings: Settings) -> Iterator[ConfigError]:
    """What means nothing in this mode is refused, and not passed over."""
    tls = settings.tls
    given: dict[str, dict[str, object]] = {
        "files": {
            "certificate": tls.certificate,
            "certificateFile": tls.certificate_file,
            "key": tls.key,
            "keyFile": tls.key_file,
        },
        "acme": {"email": tls.email, "acmeServer": tls.acme_server, "acmeCa": tls.acme_ca},
    }
    for mode, values in given.items():
        for name, value in values.items():
            if value is not None and tls.mode != mode:
                yield ConfigError(f"tls.{name}", f"a value with tls.mode '{tls.mode}'", f"one with tls.mode '{mode}' only")
    if tls.hsts_seconds and not tls.on:
        yield ConfigError("tls.hstsSeconds", f"{tls.hsts_seconds} with tls.mode 'off'", "one where TLS ends here only")


def _acme(settings: Settings) -> Iterator[ConfigError]:
    tls = settings.tls
    if len(settings.hosts) > 1:
        yield ConfigError(
            "tls.mode",
            f"'acme' with {len(settings.hosts)} hosts, of which the ACME server would ask any",
            "acme with one host; files for several",
        )
    for key, names in (("domains", settings.domains), ("redirects", settings.redirects)):
        for name in names if not tls.acme_server else ():
            if (
                "." not in name
                or name.rpartition(".")[2].isdigit()
                or name.endswith((".localhost", ".local", ".internal", ".test"))
            ):
                yield ConfigError(key, f"'{name}' with tls.mode 'acme'", "public names, for which a public CA can issue")
    if tls.acme_ca:
        text = _read("acmeCa", tls.acme_ca)
        if isinstance(text, ConfigError):
            yield text
        elif "-----BEGIN CERTIFICATE-----" not in text:
            yield ConfigError("tls.acmeCa", f"'{tls.acme_ca}', which has no certificate", "a PEM file with a CA certificate")


def _files(settings: Settings) -> Iterator[ConfigError]:
    from settings.certificates import Fault, faults  # here: reading certificates takes a while to load, and most sites have none

    tls = settings.tls
    for name, text, file in (
        ("certificate", tls.certificate, tls.certificate_file),
        ("key", tls.key, tls.key_file),
    ):
        if text is None and file is None:
            yield ConfigError(f"tls.{name}", "nothing, with tls.mode 'files'", f"tls.{name} or tls.{name}File")
        if text is not None and file is not None:
            yield ConfigError(f"tls.{name}", f"a text beside tls.{name}File", "one of the two")
    pair = _pair(settings)
    unread = [part for part in pair if isinstance(part, ConfigError)]
    yield from unread
    chain, key = pair
    if not unread and chain and key:
        where = {Fault.CERTIFICATE: ("certificate", tls.certificate_file), Fault.KEY: ("key", tls.key_file)}
        for kind, got, takes in faults(str(chain), str(key), settings.names, datetime.now(timezone.utc)):
            name, file = where[kind]
            yield ConfigError(f"tls.{name}File" if file else f"tls.{name}", f"'{file}': {got}" if file else got, takes)


def _pair(settings: Settings) -> tuple[str | ConfigError, str | ConfigError]:
    """Certificate and key as texts; '' where the config has none."""
    tls = settings.tls
    chain = _read("certificateFile", tls.certificate_file) if tls.certificate_file else tls.certificate or ""
    secret = tls.key.get_secret_value() if tls.key else ""
    return chain, _read("keyFile", tls.key_file) if tls.key_file else secret


def _read(name: str, file: str) -> str | ConfigError:
    try:
        return Path(file).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text"
        return ConfigError(f"tls.{name}", f"'{file}', which cannot be read ({reason})", "a PEM file on the machine that deploys")

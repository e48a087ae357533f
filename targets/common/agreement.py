"""Does the project's settings module agree with how it is served? Standard library only: it runs beside the project's code too.

``facts`` are the settings as they are with the deployed env, without a secret; ``disagreements`` says which of them do not agree
with the site, and what to write. A mistake that breaks the site for people is an error, all else a warning.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from targets.common.errors import AgentError

WRITE = "; write: "
MARK = "gateway-settings: "
"""Begins the line of ``inside.py check`` that has the facts of both interfaces."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """How the project is served."""

    domains: tuple[str, ...]
    origins: tuple[str, ...]
    """What a browser sends as Origin."""
    dev: bool = False
    """Whether DEBUG may be on."""
    health_path: str = "/health/"
    hsts_by_nginx: bool = False
    interface: str = "wsgi"
    processes: int = 3
    body_limit_mb: int = 20

    @property
    def https(self) -> bool:
        """Whether people may come over https."""
        return any(origin.startswith("https://") for origin in self.origins)


@dataclass(frozen=True)
class Finding:
    """One setting that does not agree."""

    setting: str
    says: str
    """What is wrong, as half a sentence."""
    write: str
    """The line to write, or what to do."""
    error: bool = field(default=False, kw_only=True)

    def __str__(self) -> str:
        return f"{self.setting} {self.says}{WRITE}{self.write}"


def is_finding(text: str) -> bool:
    """Whether a message is about the project's settings."""
    return WRITE in text


def read(log: str) -> dict[str, dict[str, Any]]:
    """Facts of both interfaces from what the check printed, empty where there are none."""
    line = next((line for line in reversed(log.splitlines()) if line.startswith(MARK)), "")
    try:
        return dict(json.loads(line.removeprefix(MARK))) if line else {}
    except ValueError:
        return {}


def judge(log: str, site: dict[str, Any]) -> str:
    """The line with the facts, for those who warn. Raises where people would find the site broken."""
    facts = read(log)
    known = facts.get("wsgi")
    broken = [found for found in disagreements(known, Site(**site)) if found.error] if known and site else []
    if broken:
        raise AgentError("the project's settings break the site, nothing was switched: " + "\n".join(map(str, broken)))
    return MARK + json.dumps(facts, separators=(",", ":")) if facts else "done"


def disagreements(facts: dict[str, Any], site: Site) -> list[Finding]:
    """Every setting that does not agree with the site, errors first."""
    found = [*_names(facts, site), *_scheme(facts, site), *_files(facts, site), *_processes(facts, site), *_seen(facts, site)]
    return sorted(found, key=lambda finding: not finding.error)


def _matches(host: str, pattern: str) -> bool:
    """Django's rule (django.http.request.is_same_domain)."""
    pattern = pattern.lower()
    return pattern in ("*", host) or (pattern.startswith(".") and (host.endswith(pattern) or host == pattern[1:]))


def _names(facts: dict[str, Any], site: Site) -> Iterator[Finding]:
    hosts = facts["ALLOWED_HOSTS"] or ([".localhost", "127.0.0.1"] if facts["DEBUG"] else [])
    missing = [domain for domain in site.domains if not any(_matches(domain, pattern) for pattern in hosts)]
    line = f"ALLOWED_HOSTS = {list(site.domains)}"
    if missing:
        yield Finding("ALLOWED_HOSTS", f"refuses {', '.join(missing)}, which is in domains", line, error=True)
    if "*" in hosts:
        yield Finding("ALLOWED_HOSTS", "takes every name", line)
    origins = facts["CSRF_TRUSTED_ORIGINS"]
    served = [origin.partition("://")[2].partition(":")[0].removeprefix("*") for origin in origins]
    strange = [o for o, name in zip(origins, served, strict=True) if not any(_matches(d, name) for d in site.domains)]
    if strange:
        yield Finding("CSRF_TRUSTED_ORIGINS", f"trusts {', '.join(strange)}, not in domains", f"only {list(site.origins)}")
    if site.https and not any(origin.startswith("https://") for origin in origins):
        yield Finding("CSRF_TRUSTED_ORIGINS", "has no https origin", f"CSRF_TRUSTED_ORIGINS = {list(site.origins)}")
    for name in ("SESSION_COOKIE_DOMAIN", "CSRF_COOKIE_DOMAIN"):
        own = (facts[name] or "").removeprefix(".")
        if own and not all(_matches(domain, f".{own}") for domain in site.domains):
            says = f"is '{facts[name]}': browsers drop the cookie for other domains, and nobody can log in there"
            yield Finding(name, says, f"{name} = None")
    www = f"www.{site.domains[0]}"
    if facts["PREPEND_WWW"] and not site.domains[0].startswith("www.") and www not in site.domains:
        yield Finding("PREPEND_WWW", f"sends people to {www}, which is not in domains", "PREPEND_WWW = False", error=True)
    for name in ("USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT"):
        if facts[name]:
            yield Finding(name, "reads a header that Nginx empties: the Host header is the real one", f"{name} = False")


def _scheme(facts: dict[str, Any], site: Site) -> Iterator[Finding]:
    wanted = ["HTTP_X_FORWARDED_PROTO", "https"]
    header, line = facts["SECURE_PROXY_SSL_HEADER"], 'SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")'
    if header and list(header) != wanted:
        yield Finding("SECURE_PROXY_SSL_HEADER", f"names {header[0]}: '{header[1]}', which Nginx does not set", line)
    if not header and site.https:
        yield Finding("SECURE_PROXY_SSL_HEADER", "is not set, and people come over https", line)
    exempt = any(_found(pattern, site.health_path.lstrip("/")) for pattern in facts["SECURE_REDIRECT_EXEMPT"])
    if facts["SECURE_SSL_REDIRECT"] and not site.https:
        says = "sends everybody to https, which this site does not have"
        yield Finding("SECURE_SSL_REDIRECT", says, "SECURE_SSL_REDIRECT = False, or set tls or trustedProxies", error=True)
    elif facts["SECURE_SSL_REDIRECT"] and not exempt:
        line = f'SECURE_REDIRECT_EXEMPT = [r"^{site.health_path.strip("/")}/?$"]'
        yield Finding("SECURE_REDIRECT_EXEMPT", f"does not spare {site.health_path}, which is asked over plain HTTP", line)
    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"):
        if site.https and not facts[name]:
            yield Finding(name, "is off, and people come over https: the cookie goes over plain HTTP too", f"{name} = True")
        if facts[name] and not site.https:
            yield Finding(name, "is on without https: browsers keep the cookie back, nobody can log in", f"{name} = False")
    if facts["SECURE_HSTS_SECONDS"] and not site.https:
        yield Finding("SECURE_HSTS_SECONDS", "is set, and the site has no https", "SECURE_HSTS_SECONDS = 0")
    elif facts["SECURE_HSTS_SECONDS"] and site.hsts_by_nginx:
        yield Finding("SECURE_HSTS_SECONDS", "is set, and Nginx says it too: one place is enough", "SECURE_HSTS_SECONDS = 0")


def _found(pattern: str, path: str) -> bool:
    import re

    try:
        return re.search(pattern, path) is not None
    except re.error:
        return False


def _files(facts: dict[str, Any], site: Site) -> Iterator[Finding]:
    if facts["staticfiles"] and not facts["STATIC_ROOT"]:
        yield Finding("STATIC_ROOT", "is not set: static files are not collected", 'STATIC_ROOT = BASE_DIR / "staticfiles"')
    for name, wanted, used in (("STATIC_URL", "/static/", facts["STATIC_ROOT"]), ("MEDIA_URL", "/media/", facts["MEDIA_ROOT"])):
        if used and "://" not in (facts[name] or "") and "/" + (facts[name] or "").strip("/") + "/" != wanted:
            yield Finding(name, f"is '{facts[name]}', and Nginx serves {wanted}", f'{name} = "{wanted}"')
    most = facts["DATA_UPLOAD_MAX_MEMORY_SIZE"]
    if most is None or most > site.body_limit_mb * 2**20:
        value = "no limit" if most is None else f"{most} bytes"
        write = f"{site.body_limit_mb * 2**20} at most, or a larger bodyLimitMb"
        yield Finding("DATA_UPLOAD_MAX_MEMORY_SIZE", f"is {value}, and Nginx refuses more than {site.body_limit_mb} MiB", write)
    if facts["FORCE_SCRIPT_NAME"]:
        says = f"is '{facts['FORCE_SCRIPT_NAME']}', and the site is served at /"
        yield Finding("FORCE_SCRIPT_NAME", says, "FORCE_SCRIPT_NAME = None")


def _processes(facts: dict[str, Any], site: Site) -> Iterator[Finding]:
    if site.interface == "asgi":
        for name, age in sorted(facts["CONN_MAX_AGE"].items()):
            if age != 0:
                says = f"of database {name} is {age} under asgi: connections stay open with threads that are gone"
                yield Finding("CONN_MAX_AGE", says, 'CONN_MAX_AGE = 0 and OPTIONS = {"pool": True}')
        if facts["CHANNEL_LAYERS"].endswith("InMemoryChannelLayer"):
            says = "is in the memory of one process: messages do not reach the others, nor the next instance"
            yield Finding("CHANNEL_LAYERS", says, "channels_redis.core.RedisChannelLayer, with services.redis")
    local = facts["CACHES"].endswith("LocMemCache")
    if local and site.processes > 1:
        says = f"default is in the memory of each of {site.processes} processes: what one puts there the others do not see"
        yield Finding("CACHES", says, "django.core.cache.backends.redis.RedisCache, with services.redis")
    engine = facts["SESSION_ENGINE"].rpartition(".")[2]
    if engine == "cache" and local:
        yield Finding("SESSION_ENGINE", "is a cache in the memory of one process: people are logged out at random", _SESSIONS)
    if engine == "file":
        yield Finding("SESSION_ENGINE", "keeps sessions in files of one instance: each update logs people out", _SESSIONS)


_SESSIONS = 'SESSION_ENGINE = "django.contrib.sessions.backends.db"'


def _seen(facts: dict[str, Any], site: Site) -> Iterator[Finding]:
    if facts["DEBUG"] and not site.dev:
        yield Finding("DEBUG", "is on: error pages show code and settings to everybody", "DEBUG = False", error=True)
    logging = facts["LOGGING"]
    if not logging["stderr"] and not facts["DEBUG"]:
        says = "sends errors of views nowhere that gateway looks"
        yield Finding("LOGGING", says, 'a logging.StreamHandler for "root"')
    if logging["files"]:
        says = f"writes to {', '.join(logging['files'])}, lost with the instance"
        yield Finding("LOGGING", says, "logging.StreamHandler instead")

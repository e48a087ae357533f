"""The meaning checks: values that are well formed and still cannot work, or would not be safe in public."""

from collections.abc import Iterator

from settings import agree, tls
from settings.errors import ConfigError
from settings.model import SERVERS, Settings
from settings.sections import Login

SECRET_KEY_NAMES = ("SECRET_KEY", "DJANGO_SECRET_KEY")
DEV_STACK = "dev"


def mistakes(settings: Settings, stack: str) -> list[ConfigError]:
    """Every mistake that the config alone shows, in the order of the keys."""
    return [
        *_source(settings),
        *(server_mistakes(settings) if settings.interface != "auto" else ()),
        *agree.mistakes(settings),
        *_domains(settings),
        *_trusted_proxies(settings),
        *tls.mistakes(settings),
        *_closed(settings),
        *_secret_key(settings),
        *_debug(settings, stack),
        *_allowed_hosts(settings),
        *_csrf_origins(settings),
        *_doubles(settings),
        *_hosts(settings),
        *_hosts_only(settings),
    ]


def prefix(settings: Settings) -> str:
    """``DJANGO_`` where the project calls its variables so, as its secret key tells; else empty."""
    return "DJANGO_" if "DJANGO_SECRET_KEY" in settings.secrets else ""


def _source(settings: Settings) -> Iterator[ConfigError]:
    app = settings.app
    if app.image and app.source:
        yield ConfigError("app.image", "an image beside app.source", "one of the two")
    if not (app.image or app.source or settings.release):
        yield ConfigError("app.source", "nothing", "a directory, or a git URL together with app.ref")
    if app.source and is_git_url(app.source) and not app.ref:
        yield ConfigError("app.ref", "nothing, with the git URL in app.source", "a git branch, tag or commit")
    if app.image and settings.interface == "auto":
        yield ConfigError("interface", "'auto' with app.image, of which no files can be read", "wsgi or asgi")
    elif app.image and not (app.module or (app.wsgi if settings.interface == "wsgi" else app.asgi)):
        yield ConfigError("app.module", "nothing, with app.image", "the package with wsgi.py and asgi.py")
    if app.image and not (app.settings or app.module):
        yield ConfigError("app.settings", "nothing, with app.image", "the Django settings module")


def is_git_url(source: str) -> bool:
    """Whether ``app.source`` names a repository to fetch and not a directory."""
    return "://" in source or (source.endswith(".git") and ":" in source)


def server_mistakes(settings: Settings) -> Iterator[ConfigError]:
    """Server options that do not fit the interface; with ``auto`` they are looked at once that is decided."""
    fitting = SERVERS[settings.speaks]
    if settings.server and settings.server not in fitting:
        yield ConfigError("server", f"'{settings.server}' with interface '{settings.interface}'", " or ".join(fitting))
    if settings.effective_server == "daphne" and (settings.workers or 1) > 1:
        yield ConfigError("workers", f"{settings.workers} with server 'daphne'", "1: daphne serves from one process")
    if settings.threads and settings.effective_server != "gunicorn":
        yield ConfigError(
            "threads", f"{settings.threads} with server '{settings.effective_server}'", "threads with gunicorn only"
        )


def _domains(settings: Settings) -> Iterator[ConfigError]:
    for key, names in (("domains", settings.domains), ("redirects", settings.names)):
        twice = next((name for name in names if names.count(name) > 1), "")
        if twice:
            yield ConfigError(key, f"'{twice}' more than once", "each name once, in domains or in redirects")
            return


def _trusted_proxies(settings: Settings) -> Iterator[ConfigError]:
    """Whoever is trusted chooses the client's address and scheme: that cannot be everybody."""
    for number, network in enumerate(settings.trusted_proxies):
        if network in ("0.0.0.0/0", "::/0"):
            yield ConfigError(
                f"trustedProxies[{number}]", f"'{network}', which is everybody", "the networks of your own proxy or CDN only"
            )


def _closed(settings: Settings) -> Iterator[ConfigError]:
    if settings.maintenance and settings.joins:
        where = f"it in stack {settings.joins}, whose Nginx it is"
        yield ConfigError("maintenance", f"'true' with joins '{settings.joins}'", where)


def _secret_key(settings: Settings) -> Iterator[ConfigError]:
    """Django's own measure of a strong key (check security.W009): 50 characters, 5 different ones, not the generated prefix."""
    set_as_plain = [name for name in SECRET_KEY_NAMES if name in settings.env]
    for plain in set_as_plain:
        yield ConfigError(f"env.{plain}", "a secret in plain config", f"it under secrets: {_set_secret(plain)}")
    name = next((name for name in SECRET_KEY_NAMES if name in settings.secrets), None)
    if name is None:
        if not set_as_plain:
            yield ConfigError("secrets.SECRET_KEY", "nothing", f"50 or more random characters: {_set_secret('SECRET_KEY')}")
        return
    value = settings.secrets[name].get_secret_value()
    if len(value) < 50 or len(set(value)) < 5 or value.startswith("django-insecure-"):
        yield ConfigError(f"secrets.{name}", "a weak key", f"50 or more random characters: {_set_secret(name)}")


def _set_secret(name: str) -> str:
    return f"openssl rand -base64 48 | pulumi config set --secret --path gateway:secrets.{name}"


def _debug(settings: Settings, stack: str) -> Iterator[ConfigError]:
    if stack == DEV_STACK:
        return
    for name in ("DEBUG", "DJANGO_DEBUG"):
        if settings.env.get(name, "").strip().lower() in ("1", "true", "yes", "on"):
            yield ConfigError(f"env.{name}", f"'{settings.env[name]}' in stack '{stack}'", f"off outside stack '{DEV_STACK}'")


def _listed(settings: Settings, name: str) -> tuple[str, list[str]] | None:
    for key in (name, f"DJANGO_{name}"):
        if key in settings.env:
            return f"env.{key}", settings.env[key].replace(",", " ").split()
    return None


def _allowed_hosts(settings: Settings) -> Iterator[ConfigError]:
    given = _listed(settings, "ALLOWED_HOSTS")
    if given is None:
        return
    key, patterns = given
    for domain in settings.domains:
        if not any(_host_matches(domain, pattern) for pattern in patterns):
            yield ConfigError(key, f"'{settings.env[key.removeprefix('env.')]}' without '{domain}'", "every name in domains")


def _host_matches(host: str, pattern: str) -> bool:
    """Django's rule (django.http.request.is_same_domain): '*' is any host, a leading dot is the domain and what is below it."""
    pattern = pattern.lower()
    return pattern in ("*", host) or (pattern.startswith(".") and (host.endswith(pattern) or host == pattern[1:]))


def _csrf_origins(settings: Settings) -> Iterator[ConfigError]:
    given = _listed(settings, "CSRF_TRUSTED_ORIGINS")
    if given is None:
        return
    key, origins = given
    for origin in origins:
        scheme, separator, rest = origin.partition("://")
        host = rest.split(":")[0].removeprefix("*")
        if not separator or scheme not in ("http", "https") or not host:
            yield ConfigError(key, f"'{origin}'", "origins with a scheme, such as https://shop.example")
        elif not any(_host_matches(domain, host) for domain in settings.domains):
            yield ConfigError(key, f"'{origin}', which is not in domains", "origins of names in domains")
        elif settings.tls.on and scheme != "https":
            got = f"'{origin}' with tls.mode '{settings.tls.mode}'"
            yield ConfigError(key, got, f"origins as browsers send them then, such as {settings.origins[0]}")


def _doubles(settings: Settings) -> Iterator[ConfigError]:
    for name in sorted(settings.env.keys() & settings.secrets.keys()):
        yield ConfigError(f"env.{name}", "a name that is under secrets too", "each name in one of the two")
    for name in [*settings.env, *settings.secrets]:
        if name.startswith("GATEWAY_") or name in ("LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID"):
            key = "env" if name in settings.env else "secrets"
            yield ConfigError(f"{key}.{name}", "a name that gateway sets itself", "another name")
    values = {f"env.{name}": value for name, value in settings.env.items()}
    values |= {f"secrets.{name}": value.get_secret_value() for name, value in settings.secrets.items()}
    for key, value in values.items():
        if "\0" in value:
            yield ConfigError(key, "a NUL character", "text without one")


def _hosts(settings: Settings) -> Iterator[ConfigError]:
    if settings.target != "host":
        if settings.hosts:
            yield ConfigError("hosts", "hosts with target 'docker'", "target host: pulumi config set gateway:target host")
        return
    if not settings.hosts:
        yield ConfigError(
            "hosts", "nothing, with target 'host'", "at least one: pulumi config set --path gateway:hosts[0].address local"
        )
    for number, host in enumerate(settings.hosts):
        for key, login in ((f"hosts[{number}]", host), (f"hosts[{number}].proxy", host.proxy)):
            if login is not None:
                yield from _login(key, login)
    names = [(host.address, host.port) for host in settings.hosts]
    if len(set(names)) < len(names):
        yield ConfigError("hosts", "the same host more than once", "each host once")
    yield from _docker_only(settings)


def _docker_only(settings: Settings) -> Iterator[ConfigError]:
    """Images and data services are Docker's."""
    for name, options in settings.services:
        if options is not None:
            yield ConfigError(
                f"services.{name}",
                "a data service with target 'host'",
                "nothing there: services are for the docker target; "
                "give the address of one that you run in env or secrets (DATABASE_URL, REDIS_URL)",
            )
    for key in ("image", "dockerfile"):
        if getattr(settings.app, key):
            yield ConfigError(
                f"app.{key}", f"'{getattr(settings.app, key)}' with target 'host'", "app.source: hosts run no images"
            )


def _login(key: str, login: Login) -> Iterator[ConfigError]:
    if login.address == "local":
        return
    if not login.host_key:
        port = "" if login.port == 22 else f"-p {login.port} "
        yield ConfigError(
            f"{key}.hostKey",
            "nothing",
            f"the host's public key, which `ssh-keyscan {port}-t ed25519 {login.address}` shows; "
            "compare it with /etc/ssh/ssh_host_ed25519_key.pub on the host itself",
        )
    if login.private_key and login.key_file:
        yield ConfigError(f"{key}.keyFile", "a file beside privateKey", "one of the two")


def _hosts_only(settings: Settings) -> Iterator[ConfigError]:
    """What is written on a host has no place in a container."""
    if settings.metrics and settings.target != "host":
        takes = "it with target 'host'; here: python -m ops metrics --listen 9469"
        yield ConfigError("metrics", f"'true' with target '{settings.target}'", takes)

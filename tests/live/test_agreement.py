"""The settings of a copy of the example with one mistake each, as ``python -m ops check`` reads them. Django is the real one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.check import facts
from settings.agreement import site_of
from targets.common.agreement import Finding, disagreements
from tests.deployment import ROOT
from tests.unit.conftest import SECRET, settings_of

SHOP = ROOT / "examples/shop"
ENV = {
    "SECRET_KEY": SECRET,
    "DJANGO_SETTINGS_MODULE": "shop.settings",
    "DATABASE_URL": "postgres://shop@%2Frun/shop",
    "REDIS_URL": "unix:///run/redis/redis.sock",
}
HTTP = {"domains": ["shop.example", "www.shop.example"]}
TLS = {**HTTP, "tls": {"mode": "self-signed", "hstsSeconds": 3600}}
HTTPS = {**HTTP, "trustedProxies": ["10.0.0.0/8"]}
REQUIREMENTS = (SHOP / "requirements.txt").read_text()


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., list[Finding]]:
    """What does not agree once ``mistake`` is at the end of the example's settings."""

    def read(mistake: str = "", config: dict[str, Any] | None = None, **env: str) -> list[Finding]:
        settings = settings_of(**{**HTTP, **(config or {})})
        (tmp_path / "shop").mkdir(exist_ok=True)
        (tmp_path / "shop/__init__.py").touch()
        (tmp_path / "shop/settings.py").write_text(f"{(SHOP / 'shop/settings.py').read_text()}\n{mistake}\n")
        hosts = {"ALLOWED_HOSTS": ",".join(settings.domains), "CSRF_TRUSTED_ORIGINS": ",".join(settings.origins)}
        https = {"HTTPS": "1"} if any(origin.startswith("https:") for origin in settings.origins) else {}
        given = {**ENV, **hosts, **https, "GATEWAY_INTERFACE": settings.speaks, **env}
        return disagreements(facts(tmp_path, REQUIREMENTS, given), site_of(settings, dev=False))

    return read


@pytest.mark.parametrize(
    "config", [{}, {"interface": "asgi"}, TLS, HTTPS, {**HTTPS, "interface": "asgi", "workers": "8"}], ids=str
)
def test_nothing_is_wrong_in_the_example(found: Callable[..., list[Finding]], config: dict[str, Any]) -> None:
    assert found("", config) == []


IN_MEMORY = 'CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}'
LOCMEM = 'CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}'
ERRORS: dict[str, tuple[str, dict[str, Any]]] = {
    'ALLOWED_HOSTS = ["shop.example"]': ("ALLOWED_HOSTS", {}),
    "ALLOWED_HOSTS = []": ("ALLOWED_HOSTS", {}),
    "DEBUG = True": ("DEBUG", {}),
    "SECURE_SSL_REDIRECT = True": ("SECURE_SSL_REDIRECT", {}),
    "PREPEND_WWW = True": ("PREPEND_WWW", {"domains": ["shop.example"]}),
}
WARNINGS: dict[str, tuple[str, dict[str, Any]]] = {
    'ALLOWED_HOSTS = ["*"]': ("ALLOWED_HOSTS", {}),
    'CSRF_TRUSTED_ORIGINS = ["http://old.example"]': ("CSRF_TRUSTED_ORIGINS", {}),
    'CSRF_TRUSTED_ORIGINS = ["http://shop.example"]': ("CSRF_TRUSTED_ORIGINS", HTTPS),
    'SESSION_COOKIE_DOMAIN = ".old.example"': ("SESSION_COOKIE_DOMAIN", {}),
    'CSRF_COOKIE_DOMAIN = "www.shop.example"': ("CSRF_COOKIE_DOMAIN", {}),
    "USE_X_FORWARDED_HOST = True": ("USE_X_FORWARDED_HOST", {}),
    "USE_X_FORWARDED_PORT = True": ("USE_X_FORWARDED_PORT", {}),
    "SECURE_PROXY_SSL_HEADER = None": ("SECURE_PROXY_SSL_HEADER", HTTPS),
    'SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_SSL", "on")': ("SECURE_PROXY_SSL_HEADER", {}),
    "SECURE_REDIRECT_EXEMPT = []": ("SECURE_REDIRECT_EXEMPT", HTTPS),
    "SESSION_COOKIE_SECURE = False": ("SESSION_COOKIE_SECURE", HTTPS),
    "CSRF_COOKIE_SECURE = True": ("CSRF_COOKIE_SECURE", {}),
    "SECURE_HSTS_SECONDS = 3600": ("SECURE_HSTS_SECONDS", {}),
    "SECURE_HSTS_SECONDS = 7200": ("SECURE_HSTS_SECONDS", TLS),
    "SESSION_COOKIE_SECURE = None": ("SESSION_COOKIE_SECURE", TLS),
    'STATIC_URL = "/assets/"': ("STATIC_URL", {}),
    "STATIC_ROOT = None": ("STATIC_ROOT", {}),
    'MEDIA_URL = "/uploads/"': ("MEDIA_URL", {}),
    "DATA_UPLOAD_MAX_MEMORY_SIZE = 50 * 2**20": ("DATA_UPLOAD_MAX_MEMORY_SIZE", {}),
    "DATA_UPLOAD_MAX_MEMORY_SIZE = None": ("DATA_UPLOAD_MAX_MEMORY_SIZE", {}),
    'FORCE_SCRIPT_NAME = "/shop"': ("FORCE_SCRIPT_NAME", {}),
    'DATABASES["default"]["CONN_MAX_AGE"] = 60': ("CONN_MAX_AGE", {"interface": "asgi"}),
    'DATABASES["default"]["CONN_MAX_AGE"] = None': ("CONN_MAX_AGE", {"interface": "asgi"}),
    IN_MEMORY: (
        "CHANNEL_LAYERS",
        {"interface": "asgi"},
    ),
    LOCMEM: ("CACHES", {}),
    'SESSION_ENGINE = "django.contrib.sessions.backends.file"': ("SESSION_ENGINE", {}),
    f'{LOCMEM}; SESSION_ENGINE = "django.contrib.sessions.backends.cache"': ("SESSION_ENGINE", {"workers": "1"}),
    "LOGGING = {}": ("LOGGING", {}),
    'LOGGING["handlers"]["stderr"] = {"class": "logging.FileHandler", "filename": "/tmp/x.log"}': ("LOGGING", {}),
    'LOGGING["handlers"]["stderr"] = {"class": "django.utils.log.AdminEmailHandler"}': ("LOGGING", {}),
}


@pytest.mark.parametrize("mistake", [*ERRORS, *WARNINGS])
def test_a_planted_mistake_is_found_with_the_line_to_write(found: Callable[..., list[Finding]], mistake: str) -> None:
    setting, config = {**ERRORS, **WARNINGS}[mistake]
    findings = found(mistake, config)
    assert {one.setting for one in findings} == {setting}, findings
    assert {one.error for one in findings} == {mistake in ERRORS}, findings
    assert all("; write: " in str(one) for one in findings)


@pytest.mark.parametrize(
    ("mistake", "config"),
    [
        ('DATABASES["default"]["CONN_MAX_AGE"] = 60', {}),
        (IN_MEMORY, {}),
        (LOCMEM, {"workers": "1"}),
        ("DATA_UPLOAD_MAX_MEMORY_SIZE = 50 * 2**20", {"bodyLimitMb": "50"}),
        ('STATIC_URL = "https://cdn.example/static/"', {}),
        ('ALLOWED_HOSTS = [".shop.example"]', {}),
        ("PREPEND_WWW = True", {}),
    ],
)
def test_what_fits_this_site_is_no_mistake(found: Callable[..., list[Finding]], mistake: str, config: dict[str, Any]) -> None:
    assert found(mistake, config) == []


ALL_WRONG = """
ALLOWED_HOSTS, CSRF_TRUSTED_ORIGINS, USE_X_FORWARDED_HOST = ["old.example"], ["https://old.example"], True
SECURE_PROXY_SSL_HEADER, SECURE_SSL_REDIRECT, SECURE_REDIRECT_EXEMPT = ("HTTP_X_FORWARDED_SSL", "on"), True, []
SESSION_COOKIE_SECURE = not HTTPS
DATABASES["default"]["CONN_MAX_AGE"] = 600
"""
HELPER = """
try:
    import gateway_settings
except ImportError:
    pass
else:
    gateway_settings.apply(globals())
"""


@pytest.mark.parametrize("config", [HTTP, {**HTTPS, "interface": "asgi"}], ids=["http", "https-asgi"])
def test_the_settings_helper_sets_all_of_it_right(found: Callable[..., list[Finding]], config: dict[str, Any]) -> None:
    assert found(ALL_WRONG, config)
    assert found(ALL_WRONG + HELPER, config) == []


def test_a_project_that_calls_its_variables_django_is_helped_too(found: Callable[..., list[Finding]]) -> None:
    names = {"ALLOWED_HOSTS": "", "DJANGO_ALLOWED_HOSTS": "shop.example,www.shop.example"}
    assert found(HELPER, **names) == []

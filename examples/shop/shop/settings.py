"""One settings file for every environment: what differs between them comes from environment variables."""

import os
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str = "") -> str:
    """An empty variable counts as unset: that is how most tools spell "no value"."""
    return os.environ.get(name) or default


def env_required(name: str) -> str:
    if value := env(name):
        return value
    raise ImproperlyConfigured(f"Set the environment variable {name}.")


def env_flag(name: str) -> bool:
    return env(name).lower() in {"1", "on", "true", "yes"}


def env_list(name: str) -> list[str]:
    return [item.strip() for item in env(name).split(",") if item.strip()]


# What the gateway tells every process about itself; shown by /health/ and in the response headers.
RELEASE = env("GATEWAY_RELEASE", "dev")
INTERFACE = env("GATEWAY_INTERFACE", "wsgi")
INSTANCE = env("GATEWAY_INSTANCE", "local")

# Makes a healthy process claim another status, so that a deployment's handling of faults can be tested.
HEALTH_STATUS = int(env("HEALTH_STATUS", "200"))


# Core

SECRET_KEY = env_required("SECRET_KEY")
DEBUG = env_flag("DEBUG")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS")

ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
ASGI_APPLICATION = "shop.asgi.application"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "store",
]

MIDDLEWARE = [
    # First, so that responses made by the middleware below carry its headers too.
    "store.middleware.identify",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

TIME_ZONE = "UTC"


# Data

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES = {
    "default": dj_database_url.parse(
        env("DATABASE_URL", f"sqlite:///{BASE_DIR / 'db.sqlite3'}"),
        # A WSGI worker keeps its few threads, so each may keep its connection. Under ASGI every request gets a
        # thread of its own: connections kept by those would only pile up.
        conn_max_age=0 if INTERFACE == "asgi" else 60,
        conn_health_checks=True,
    )
}
if INTERFACE == "asgi" and DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # One pool per process: processes times max_size must stay below PostgreSQL's max_connections.
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {"min_size": 1, "max_size": 8, "timeout": 5}

REDIS_URL = env("REDIS_URL")
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
    # The layer waits 5 seconds at a time for messages, as long as redis-py 8 by default waits for any answer: without
    # a longer timeout every idle WebSocket breaks (https://github.com/django/channels_redis/issues/422).
    REDIS_HOST = {"address": REDIS_URL, "socket_timeout": 15}
    CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS_HOST]}}
    }
else:
    # Both live inside one process: enough for development, not for several workers.
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


# Files

STATIC_URL = "/static/"
STATIC_ROOT = Path(env("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
MEDIA_URL = "/media/"
MEDIA_ROOT = Path(env("MEDIA_ROOT", str(BASE_DIR / "media")))

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        # Names with a hash of the content let browsers keep static files for ever, but need collectstatic.
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    },
}


# Security

HTTPS = env_flag("HTTPS")

CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = HTTPS
# Said by Nginx, where TLS ends there (tls.hstsSeconds); behind another proxy by the project.
SECURE_HSTS_SECONDS = int(env("HSTS_SECONDS", "0"))
SECURE_SSL_REDIRECT = HTTPS
# The gateway asks for the health of a process directly, over plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^health/$"]
# Safe only behind a proxy which always sets this header itself, as the gateway's Nginx does.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]


# Logging: everything to stderr, where the service manager or the container runtime picks it up.

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Naming the logger drops Django's own handlers for it, which mail admins and print only in DEBUG.
    "loggers": {"django": {"level": "INFO"}},
}

"""Settings that follow from how the project is served, for a project that does not spell them out. At the end of settings.py:

    try:
        import gateway_settings  # beside the code where gateway serves it, and nowhere else
    except ImportError:
        pass
    else:
        gateway_settings.apply(globals())

Standard library only; what it sets is what ``python -m ops check`` asks for.
"""

import os
from collections.abc import MutableMapping
from typing import Any


def _listed(name: str) -> list[str]:
    """A variable that gateway derives from ``domains``, under the project's own name for it."""
    text = os.environ.get(name) or os.environ.get(f"DJANGO_{name}") or ""
    return [item for item in text.replace(",", " ").split() if item]


def apply(settings: MutableMapping[str, Any]) -> None:
    """Hosts, origins, scheme, cookies and database connections. ``settings`` are a settings module's ``globals()``."""
    origins = _listed("CSRF_TRUSTED_ORIGINS")
    https = any(origin.startswith("https://") for origin in origins)
    settings["ALLOWED_HOSTS"] = _listed("ALLOWED_HOSTS")
    settings["CSRF_TRUSTED_ORIGINS"] = origins
    # Nginx always sets this one, and passes the real Host on; it sends people to https itself.
    settings["SECURE_PROXY_SSL_HEADER"] = ("HTTP_X_FORWARDED_PROTO", "https")
    settings["USE_X_FORWARDED_HOST"] = settings["USE_X_FORWARDED_PORT"] = settings["SECURE_SSL_REDIRECT"] = False
    settings["SESSION_COOKIE_SECURE"] = settings["CSRF_COOKIE_SECURE"] = https
    if not https:
        settings["SECURE_HSTS_SECONDS"] = 0
    if os.environ.get("GATEWAY_INTERFACE") == "asgi":
        for database in settings.get("DATABASES", {}).values():
            database["CONN_MAX_AGE"] = 0

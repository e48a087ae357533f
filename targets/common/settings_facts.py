"""The project's settings as they are with this environment, as far as ``agreement.py`` asks for them. No value is a secret.

python3 settings_facts.py     in the project's folder: prints JSON. Standard library and Django only; no app is loaded.
"""

import json
import os
import sys
from typing import Any

PLAIN = (
    *("DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "SESSION_COOKIE_DOMAIN", "CSRF_COOKIE_DOMAIN", "PREPEND_WWW"),
    *("USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT", "SECURE_PROXY_SSL_HEADER", "SECURE_SSL_REDIRECT", "SECURE_REDIRECT_EXEMPT"),
    *("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS", "STATIC_URL", "MEDIA_URL", "FORCE_SCRIPT_NAME"),
    *("DATA_UPLOAD_MAX_MEMORY_SIZE", "SESSION_ENGINE"),
)
SILENT = ("NullHandler", "AdminEmailHandler")


def facts(settings: Any) -> dict[str, Any]:
    """What is asked for, as JSON has it. Patterns and other objects become text."""
    found = {name: getattr(settings, name, None) for name in PLAIN}
    found["CSRF_TRUSTED_ORIGINS"] = list(found["CSRF_TRUSTED_ORIGINS"] or ())
    found["SECURE_REDIRECT_EXEMPT"] = [getattr(one, "pattern", one) for one in found["SECURE_REDIRECT_EXEMPT"] or ()]
    return {
        **found,
        "STATIC_ROOT": str(settings.STATIC_ROOT or ""),
        "MEDIA_ROOT": str(settings.MEDIA_ROOT or ""),
        "staticfiles": "django.contrib.staticfiles" in settings.INSTALLED_APPS,
        "CONN_MAX_AGE": {name: one.get("CONN_MAX_AGE", 0) for name, one in settings.DATABASES.items()},
        "CACHES": str(settings.CACHES.get("default", {}).get("BACKEND", "")),
        "CHANNEL_LAYERS": str(getattr(settings, "CHANNEL_LAYERS", {}).get("default", {}).get("BACKEND", "")),
        "LOGGING": logging(settings),
    }


def logging(settings: Any) -> dict[str, Any]:
    """Whether an error of a view is written where others look, and to which files."""
    given = settings.LOGGING or {}
    if not settings.LOGGING_CONFIG:
        return {"stderr": True, "files": []}  # set up in code: nobody can tell
    loggers = [given.get("root", {}), *(given.get("loggers", {}).get(name, {}) for name in ("", "django", "django.request"))]
    names = {name for logger in loggers for name in logger.get("handlers", ())}
    only_in_debug = {name for name, one in given.get("filters", {}).items() if "RequireDebugTrue" in str(one.get("()", ""))}
    handlers = [given.get("handlers", {}).get(name, {}) for name in sorted(names)]
    files = [str(one["filename"]) for one in handlers if "filename" in one]
    heard = [
        one
        for one in handlers
        if "filename" not in one
        and not str(one.get("class", one.get("()", ""))).endswith(SILENT)
        and not only_in_debug & set(one.get("filters", ()))
    ]
    return {"stderr": bool(heard), "files": files}


def main() -> None:
    """Print the facts."""
    sys.path.insert(0, os.getcwd())
    from django.conf import settings

    print(json.dumps(facts(settings), default=str))


if __name__ == "__main__":
    main()

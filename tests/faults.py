"""Releases that are broken, each in its way, and what a person must read about it."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.deployment import Deployment


@dataclass(frozen=True)
class Fault:
    """A way to break a release, and what a person must read about it."""

    name: str
    words: tuple[str, ...]
    """In the first line of the message."""
    below: str
    """In the lines below: the failing process's own words."""
    edit: dict[str, tuple[str, str]] = field(default_factory=dict)
    """File -> (old text, new text); an empty old text appends."""
    config: dict[str, object] = field(default_factory=dict)


FAULTS = [
    Fault(
        "import error",
        ("No module named 'nonexistent'", "way out"),
        "ModuleNotFoundError",
        edit={"shop/wsgi.py": ("", "\nimport nonexistent\n")},
    ),
    Fault(
        "bad settings module",
        ("No module named 'shop.nosuch'", "app.settings"),
        "ModuleNotFoundError",
        config={"app": {"settings": "shop.nosuch"}},
    ),
    Fault(
        "missing variable",
        ("PAYMENT_URL", "pulumi config set"),
        "KeyError",
        edit={"shop/settings.py": ("", '\nPAYMENT_URL = os.environ["PAYMENT_URL"]\n')},
    ),
    Fault("health answers 500", ("answered 500", "/health/"), "", config={"env": {"HEALTH_STATUS": "500"}}),
    Fault("health answers 301", ("answered 301", "/health/"), "", config={"env": {"HEALTH_STATUS": "301"}}),
    Fault("health answers 400", ("answered 400", "/health/"), "", config={"env": {"HEALTH_STATUS": "400"}}),
    Fault(
        "settings redirect to https",
        ("SECURE_SSL_REDIRECT sends everybody to https, which this site does not have", "nothing was switched"),
        "",
        edit={"shop/settings.py": ("", "\nSECURE_SSL_REDIRECT = True\nSECURE_REDIRECT_EXEMPT = []\n")},
    ),
    Fault(
        "settings refuse the domain",
        ("ALLOWED_HOSTS refuses {domain}, which is in domains", "nothing was switched"),
        "",
        edit={"shop/settings.py": ("", '\nALLOWED_HOSTS = ["other.example"]\n')},
    ),
    Fault(
        "health never answers",
        ("no answer in 3 seconds",),
        "",
        edit={"shop/wsgi.py": ("", "\nimport time\n\napplication = lambda environ, start: time.sleep(3600)\n")},
        config={"health": {"timeout": 3}},
    ),
    Fault(
        "process exits at once",
        ("exited at once with status 2", "--no-such-flag"),
        "usage: gunicorn",
        config={"serverOptions": {"no-such-flag": "1"}},
    ),
    Fault(
        "migration fails",
        ("migrate of release", "nothing was switched", 'relation "no_such_table" does not exist'),
        "no_such_table",
        edit={
            "store/migrations/9999_broken.py": (
                "",
                "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
                "    dependencies = [('store', '0002_products')]\n"
                "    operations = [migrations.RunSQL('SELECT * FROM no_such_table')]\n",
            )
        },
    ),
]


@contextlib.contextmanager
def broken(site: Deployment, fault: Fault) -> Iterator[None]:
    """The site's source and config have that fault; afterwards they are as they were."""
    good, kept = json.loads(json.dumps(site.config)), _break(site, fault)
    try:
        yield
    finally:
        for path, text in kept.items():
            path.unlink() if text is None else path.write_text(text)
        site.config = good


def _break(site: Deployment, fault: Fault) -> dict[Path, str | None]:
    kept: dict[Path, str | None] = {}
    for name, (old, new) in fault.edit.items():
        path = site.source / name
        text = path.read_text() if path.exists() else None
        kept[path] = text
        path.write_text((text or "").replace(old, new) if old else (text or "") + new)
    for key, value in fault.config.items():
        present = site.config.get(key)
        site.config[key] = {**present, **value} if isinstance(present, dict) and isinstance(value, dict) else value
    return kept

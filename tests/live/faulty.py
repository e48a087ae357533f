"""The example with faults in it: ``FAULT`` in its environment breaks it at its start, ``/fault/<what>/`` while it runs."""

import shutil
from pathlib import Path
from typing import Any

from settings import Settings, load
from tests.deployment import KEY, ROOT

FAULTS = '''"""Breaks on purpose."""

import os
import time

FAULT = os.environ.get("FAULT", "")


def in_settings():
    if FAULT == "variable":
        os.environ["PAYMENT_URL"]


def at_start():
    if FAULT == "import":
        import nonexistent  # noqa: F401
    if FAULT == "permission":
        open("/etc/gateway-may-not", "w")
    if FAULT == "memory":
        kept = b"x" * (1024 * 1024 * 1024)
        time.sleep(30)
        print(len(kept))


def view(request, what):
    from django.http import HttpResponse

    if what == "static":
        from django.templatetags.static import static

        return HttpResponse(static("store/not-there.css"))
    if what == "host":
        request.META["HTTP_HOST"] = "second.example"
        return HttpResponse(request.get_host())
    if what == "memory":
        return HttpResponse(len(b"x" * (1024 * 1024 * 1024)))
    if what == "disk":
        with open("/dev/shm/full", "wb") as file:
            try:
                while True:
                    file.write(b"x" * 2**20)
            finally:
                os.unlink("/dev/shm/full")
    time.sleep(float(what))
    return HttpResponse("slept")
'''
EDITS = {
    "shop/settings.py": "\nfrom shop import faults\n\nfaults.in_settings()\n"
    'ALLOWED_HOSTS = ["other.example"] if faults.FAULT == "hosts" else ALLOWED_HOSTS\n',
    "shop/urls.py": '\nfrom shop import faults\n\nurlpatterns.insert(0, path("fault/<str:what>/", faults.view))\n',
    "shop/wsgi.py": "\nfrom shop import faults\n\nfaults.at_start()\n",
    "shop/asgi.py": "\nfrom shop import faults\n\nfaults.at_start()\n",
}
BROKEN_MIGRATION = (
    "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
    "    dependencies = [('store', '0002_products')]\n"
    "    operations = [migrations.RunSQL('SELECT * FROM no_such_table')]\n"
)


def project(folder: Path) -> Path:
    """A copy of the example in ``folder`` that can be broken."""
    copy = folder / "project"
    shutil.copytree(ROOT / "examples/shop", copy, ignore=shutil.ignore_patterns("__pycache__", "db.sqlite3"))
    (copy / "shop/faults.py").write_text(FAULTS)
    for name, text in EDITS.items():
        with (copy / name).open("a") as file:
            file.write(text)
    return copy


def settings_of(config: dict[str, Any]) -> Settings:
    """As ``make diagnose`` reads them."""
    return load({f"gateway:{key}": value for key, value in {"secrets": {"SECRET_KEY": KEY}, **config}.items()}, "dev")

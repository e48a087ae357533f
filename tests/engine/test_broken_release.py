"""The next release is broken: it never takes traffic, the message says why, and the next good one leaves nothing of it behind."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bench.load import Load
from tests.deployment import Deployment


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    site = deploy("broken")
    site.must_up(health={"timeout": 8})
    return site


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


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_broken_release_never_takes_traffic_and_the_message_says_why(site: Deployment, fault: Fault) -> None:
    before = site.health()
    good = json.loads(json.dumps(site.config))
    kept = _break(site, fault)
    try:
        with Load(base_url=site.url, host="localhost", rate=50, post_rate=10) as load:
            result = site.ops("up")
        assert load.report.failed == 0, load.report.summary()
        assert result.status == 1, result.text
        first, _, below = result.err.partition("\n")
        for word in fault.words:
            assert word.format(domain="localhost") in first, result.err
        assert ("preflight: here: variable: shop/settings.py" in result.out) == (fault.name == "missing variable"), result.out
        assert fault.below in below, result.err
        assert "Traceback (most recent call last)" not in first
        assert f"instance {before['instance']}" in result.err.strip().splitlines()[-1]
        assert site.health() == before
        assert site.outputs()["instance"] == before["instance"]
    finally:
        for path, text in kept.items():
            path.unlink() if text is None else path.write_text(text)
        site.config = good


def test_the_next_good_up_leaves_one_instance_and_nothing_else(site: Deployment) -> None:
    (site.source / "store/static/store/new.txt").write_text("a good release")
    site.must_up()
    serving = site.health()
    assert site.containers("instance") == {f"{site.app}-{serving['instance']}": "running"}
    assert site.containers("task") == {}
    assert not json.loads(site.state())["deployment"].get("pending_operations")


def test_diagnosis_says_all_is_well_and_names_an_instance_that_somebody_stopped(site: Deployment) -> None:
    well = site.ops("diagnose", "--minutes", "1")
    assert (well.status, well.out.splitlines()[-1]) == (0, "all is well (logs of the last 1 minute)"), well.text
    site.docker.containers.get(f"{site.app}-{site.health()['instance']}").stop(timeout=3)
    ill = site.ops("diagnose", "--minutes", "1")
    assert ill.status == 1, ill.text
    assert "is dead; Nginx answers 502" in ill.out
    assert "way out: make up starts it again" in ill.out
    site.must_up()
    assert site.health()


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

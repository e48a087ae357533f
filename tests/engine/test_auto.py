"""``interface: auto`` on the real engine: the first verdict serves; another one waits until a person accepts it."""

from collections.abc import Callable

import pytest

from tests.deployment import Deployment

SQLITE = {"DATABASE_URL": "sqlite:////srv/media/db.sqlite3", "MEDIA_ROOT": "/srv/media"}


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    return deploy("autoshop")


def test_the_verdict_is_told_in_the_preview_and_what_serves_stays_until_it_is_accepted(site: Deployment) -> None:
    first = site.must_up(interface="auto", services={}, env=SQLITE, health={"timeout": 60})
    assert "interface auto: asgi, since shop/asgi.py:" in first.out
    assert site.outputs()["interface"] == "asgi"

    settings = site.source / "shop/settings.py"
    settings.write_text(settings.read_text().replace('0 if INTERFACE == "asgi" else 60', "60"))
    seen = site.preview()
    assert "the advisor's verdict is wsgi now" in seen.text
    assert "shop/settings.py:" in seen.text
    stays = site.must_up()
    assert "asgi serves and stays until you accept: pulumi config set gateway:interface wsgi" in stays.out
    assert site.health()["interface"] == "asgi"

    site.must_up(interface="wsgi")
    assert site.health()["interface"] == "wsgi"

    back = site.rollback()
    assert back.status == 0, back.text
    assert site.health()["interface"] == "asgi"
    assert site.outputs()["interface"] == "asgi"

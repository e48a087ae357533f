"""Somebody has been at it by hand: status names what is other than it was made, and the next up makes it right under load."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.load import Load
from targets.docker import names
from targets.docker.agent import engine
from targets.docker.agent.proxy import CONF
from tests.deployment import eventually
from tests.live.conftest import shop_config
from tests.live.inprocess import InProcessSite

pytestmark = pytest.mark.docker
Tamper = Callable[["Site"], None]


class Site:
    """A site, and the ways to spoil it."""

    def __init__(self, site: InProcessSite) -> None:
        self.inner, self.config = site, shop_config(site, drainSeconds=5, interface="asgi")
        self.own = names.Names(site.app)
        self.serving = site.up(self.config)

    @property
    def instance(self) -> Any:
        return self.inner.engine.containers.get(self.own.instance(self.serving["instance"]))

    @property
    def proxy(self) -> Any:
        return self.inner.engine.containers.get(self.own.proxy)

    def sh(self, script: str) -> None:
        """As root, where all volumes are."""
        volumes = {self.own.volume(role): path for role, path in VOLUMES.items()}
        self.inner.engine.containers.run(
            self.instance.attrs["Image"],
            ["-c", script],
            entrypoint=["sh"],
            user="0",
            remove=True,
            volumes=[f"{name}:{path}" for name, path in volumes.items()],
        )

    def found(self) -> list[str]:
        """What status calls wrong."""
        return [one["what"] for one in self.inner.look()["wrong"]]


VOLUMES = {"sockets": names.SOCKETS, "env": names.ENV, "static": names.STATIC, "nginx": names.PROXY}


@pytest.fixture(scope="module")
def site(make_site: Callable[[str], InProcessSite]) -> Site:
    return Site(make_site("drifting"))


def test_status_agrees_with_who_asked_within_a_percent(site: Site) -> None:
    before = site.inner.look()["hosts"][0]["requests"]["count"]
    with Load(base_url=site.inner.url, host="localhost", rate=60, post_rate=5, clients=4, websockets=3) as load:
        eventually(lambda: load.report.ok > 300, 30, "a few hundred answers")
        open_now = site.inner.look()["hosts"][0]["instances"][0]
    asked, seen = load.report.sent, 0

    def written() -> bool:
        nonlocal seen
        seen = int(site.inner.look()["hosts"][0]["requests"]["count"]) - before
        return bool(seen >= asked)

    eventually(written, 15, "Nginx has written its last lines")
    assert seen <= asked * 1.01 + load.report.websockets["opened"]
    assert open_now["connections"] >= open_now["websockets"] == 3


def limit(site: Site) -> None:
    site.instance.update(mem_limit="900m", memswap_limit="900m", restart_policy={"Name": "no"})
    site.proxy.update(restart_policy={"Name": "no"})


def a_kept_stray(site: Site) -> None:
    labels = {**site.instance.labels, names.LABEL_INSTANCE: "feedfeedfe"}
    site.inner.engine.containers.create(engine.EMPTY_IMAGE, ["-"], name=site.own.instance("feedfeedfe"), labels=labels)


GENTLE: dict[str, tuple[Tamper, str]] = {
    "env file edited": (lambda site: site.sh(f"for one in {names.ENV}/*.env; do echo DEBUG=1 >> $one; done"), "env file"),
    "static file removed": (lambda site: site.sh(f"rm {names.FILES}/store/shop.*.css"), "static file store/shop."),
    "Nginx's file edited": (lambda site: site.sh(f"echo '# mine' >> {CONF}"), "Nginx's configuration was changed"),
    "limits by docker update": (limit, "was changed: restart policy no, not always, memory limited"),
    "a stray": (a_kept_stray, "instance feedfeedfe is there, and nobody asked for it"),
}
"""What nobody notices until it is too late."""


def test_what_was_changed_by_hand_is_named_and_put_right_under_load(site: Site) -> None:
    assert site.found() == []
    for spoil, _ in GENTLE.values():
        spoil(site)
    found = site.found()
    for kind, (_, words) in GENTLE.items():
        assert any(words in one for one in found), (kind, found)
    with Load(base_url=site.inner.url, host="localhost", rate=30, clients=4) as load:
        site.inner.up(site.config)
    assert load.report.lost == 0, load.report.summary()
    assert site.found() == []
    site.sh(f'test -n "$(ls {names.FILES}/store/shop.*.css)" && ! grep -q DEBUG=1 {names.ENV}/*.env && ! grep -q mine {CONF}')


BREAKING: dict[str, tuple[Tamper, str]] = {
    "instance stopped": (lambda site: site.instance.stop(timeout=1), "does not run: it is exited"),
    "instance paused": (lambda site: site.instance.pause(), "does not run: it is paused"),
    "instance removed": (lambda site: site.instance.remove(force=True), "is gone"),
    "live.sock moved": (lambda site: site.sh(f"ln -sfn nowhere.sock {names.LIVE}"), "live.sock names nowhere, not"),
    "live.sock removed": (lambda site: site.sh(f"rm {names.LIVE}"), "live.sock names nothing, not"),
    "env file removed": (lambda site: site.sh(f"rm {names.ENV}/*.env"), "is gone"),
    "Nginx's file broken": (lambda site: site.sh(f"echo 'nonsense' > {CONF}"), "Nginx's configuration was changed"),
    "Nginx paused": (lambda site: site.proxy.pause(), "-nginx is paused"),
    "manifest removed": (lambda site: site.sh(f"rm {names.FACTS}/*.manifest"), "the static manifest of release"),
    "manifest broken": (lambda site: site.sh(f"for one in {names.FACTS}/*.manifest; do echo x > $one; done"), "was changed"),
}


@pytest.mark.long
@pytest.mark.parametrize("kind", BREAKING, ids=[name.replace(" ", "-") for name in BREAKING])
def test_each_kind_of_damage_is_named_and_the_next_up_serves_as_before(site: Site, kind: str) -> None:
    spoil, words = BREAKING[kind]
    spoil(site)
    found = site.found()
    assert any(words in one for one in found), (kind, found)
    assert site.inner.up(site.config)["instance"] == site.serving["instance"]
    assert site.found() == []
    assert engine.run_in(site.proxy, "true")[0] == 0


@pytest.mark.long
def test_code_that_was_edited_inside_the_container_is_told_with_what_to_do(site: Site) -> None:
    assert engine.run_in(site.instance, "sh", "-c", "echo '# mine' >> /app/shop/wsgi.py")[0] == 0
    (wrong,) = site.inner.look()["wrong"]
    assert "wsgi.py changed inside the container of instance" in wrong["what"]
    assert "remove the container and make up" in wrong["fix"]
    site.instance.remove(force=True)
    site.inner.up(site.config)
    assert site.found() == []

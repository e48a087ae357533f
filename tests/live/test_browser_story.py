"""Somebody has the shop open in a real browser, over https, while its interface is switched under the open page and back."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from targets.docker import names
from targets.docker.agent import engine as agent_engine
from tests.deployment import eventually
from tests.devtools import PATIENCE, Chromium, Tab, browsing, chromium
from tests.live.conftest import shop_config
from tests.live.inprocess import InProcessSite
from tests.own_network import unshare
from tests.ports import free_port

pytestmark = pytest.mark.long

APP = "browsed"
PASSWORD = "correct horse battery staple"
REFUSED = re.compile(r"WebSocket connection to 'wss://\S+/ws/chat/lobby/' failed.* 426")
"""What the console says of an attempt to come back while the site is served over WSGI: the one error that is no fault."""


@dataclass(frozen=True)
class Shop:
    """The site, and how to switch it."""

    site: InProcessSite
    tls_port: int
    config: dict[str, Any]

    @property
    def url(self) -> str:
        return f"https://localhost:{self.tls_port}"

    def switch(self, interface: str) -> str:
        """The instance that serves now."""
        served = self.site.up(shop_config(self.site, **self.config, interface=interface))
        assert served["interface"] == interface
        return served["instance"]


@pytest.fixture(scope="module")
def shop(make_site: Callable[[str], InProcessSite]) -> Shop:
    """With a superuser, and as a site with TLS should be: cookies for https alone, and http leads there."""
    chromium(), unshare()  # or skip, before anything is built
    port = free_port()
    shop = Shop(
        make_site(APP), port, {"tls": {"mode": "self-signed"}, "httpsPort": port, "env": {"HTTPS": "on"}, "drainSeconds": 4}
    )
    instance = shop.site.engine.containers.get(f"{APP}-{shop.switch('asgi')}")
    env_file = next(word for word in instance.attrs["Args"] if word.endswith(".env"))
    manage = ("python", "manage.py", "createsuperuser", "--noinput", "--username", "ada", "--email", "ada@shop.example")
    made = ("env", f"DJANGO_SUPERUSER_PASSWORD={PASSWORD}", "python3", names.INSIDE, "run", env_file, "--", *manage)
    status, said = agent_engine.run_in(instance, *made)
    assert status == 0, said
    return shop


@pytest.fixture(scope="module")
def browser(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with browsing(tmp_path_factory.mktemp("browser"), shop.site.port, shop.tls_port) as browser:
        yield browser


def test_a_shop_in_an_open_browser_outlives_a_switch_to_wsgi_and_back(shop: Shop, browser: Chromium, tmp_path: Path) -> None:
    admin = browser.tab(f"{shop.site.url.replace('127.0.0.1', 'localhost')}/admin/")
    _log_in(admin, shop)
    form = browser.tab(f"{shop.url}/order/")
    _order(form, "Grace")
    _upload(form, shop, tmp_path / "receipt.txt")
    form.go(f"{shop.url}/order/")  # with a token of before the switch, which is sent after it

    chat = browser.tab(f"{shop.url}/chat/lobby/")
    instance = shop.switch("asgi")  # as it is already
    chat.shows("WebSocket: connected", f"from {instance}")
    _say(chat, "under ASGI", ["under ASGI"])
    assert _errors(admin, form, chat) == []

    instance = shop.switch("wsgi")
    chat.shows(f"from {instance}")
    chat.shows("WebSocket: reconnecting", "under ASGI")
    _order(form, "Hopper")
    _still_logged_in(admin, "Orders")
    form.go(f"{shop.url}/order/")
    refused = _until_refused(chat)
    assert _errors(admin, form) == []

    instance = shop.switch("asgi")
    chat.shows(f"from {instance}")
    chat.shows("WebSocket: connected")
    _say(chat, "under ASGI again", ["under ASGI", "under ASGI again"])
    _order(form, "Lovelace")
    _still_logged_in(admin, "Products")
    assert _errors(admin, form) == []
    assert [error for error in [*refused, *chat.errors()] if not REFUSED.search(error)] == []


def _errors(*tabs: Tab) -> list[str]:
    """But for the icon that browsers ask for where a page names none, as Django's admin does."""
    return [error for tab in tabs for error in tab.errors() if not error.endswith("/favicon.ico")]


def _log_in(tab: Tab, shop: Shop) -> None:
    """Who comes without TLS is led to https; a wrong password first, as people do: that page has another token."""
    assert tab.url == f"{shop.url}/admin/login/?next=/admin/"
    for password, then in (("wrong", "Please enter the correct username and password"), (PASSWORD, "WELCOME, ADA")):
        tab.fill("#id_username", "ada")
        tab.fill("#id_password", password)
        tab.click("[type=submit]")
        tab.shows(then)
    cookies = {cookie["name"]: cookie["secure"] for cookie in tab.tell("Storage.getCookies")["cookies"]}
    assert cookies == {"csrftoken": True, "sessionid": True}


def _order(tab: Tab, customer: str) -> None:
    """Fill the form that is open and place the order."""
    tab.choose("[name=product]", "mug")
    tab.fill("[name=quantity]", "2")
    tab.fill("[name=customer]", customer)
    tab.click("main button")
    tab.shows("Latest orders", f"2 × Enamel mug for {customer}")


def _upload(tab: Tab, shop: Shop, path: Path) -> None:
    path.write_text("one enamel mug")
    tab.go(f"{shop.url}/upload/")
    tab.attach("[type=file]", path)
    tab.click("main button")
    tab.shows("uploads/receipt", within=".rows")
    tab.click(".rows a")
    tab.shows("one enamel mug")
    assert tab.url.startswith(f"{shop.url}/media/uploads/receipt")


def _say(tab: Tab, words: str, all_of_it: list[str]) -> None:
    """Send a message; it comes back over the WebSocket, below those that the page has shown since it was opened."""
    tab.fill("#text", words)
    tab.click("#chat button")
    eventually(lambda: tab.read("#messages li") == all_of_it, PATIENCE, f"{all_of_it} in the chat")


def _still_logged_in(tab: Tab, link: str) -> None:
    """Go on in the admin by a link of the page that was open."""
    tab.click(f"a[href$='/{link.lower().removesuffix('s')}/']")
    tab.shows("WELCOME, ADA", f"Select {link.lower().removesuffix('s')} to change")


def _until_refused(tab: Tab) -> list[str]:
    """What the console has said once the page has tried to come back in vain: else its reconnecting would prove nothing."""
    told: list[str] = []

    def refused() -> bool:
        told.extend(tab.errors())
        return any(REFUSED.search(error) for error in told)

    eventually(refused, PATIENCE, "the page tries to connect again")
    return told

"""The seven that a rollback brings back together: code, dependency, interface, server, env value, secret, Nginx template."""

from dataclasses import dataclass

import httpx

from tests import revealing
from tests.deployment import Deployment
from tests.hosting import HostDeployment
from tests.live.hosts import TestHost

SERVERS = (("wsgi", "gunicorn"), ("asgi", "uvicorn"), ("asgi", "gunicorn-asgi"))


@dataclass(frozen=True)
class State:
    """All that one update brought, as the site itself, its files and Nginx tell it."""

    update: int
    facts: dict[str, str]
    """From the running process: code, version of a dependency, an env value, a secret."""
    health: dict[str, str]
    """Interface, release and instance."""
    server: str
    template: str
    """A header that only that state's Nginx template sets."""
    static: str
    """Path of a static file with a hashed name, and so of that release alone."""


def deploy(site: Deployment, number: int, *, six: str = "") -> State:
    """An update that differs from that of every other number in all seven; with ``six`` but for the dependency: quicker."""
    revealing.code(site, number)
    (site.source / "store/static/store/shop.css").write_text(f"body {{ margin: {number}px; }}\n")
    requirement(site, f"six=={six or f'1.{16 + number % 2}.0'}")
    template(site, str(number))
    interface, server = SERVERS[number % len(SERVERS)]
    site.config |= {"interface": interface, "server": server}
    site.config["env"] = {**site.config.get("env", {}), "LEVEL": f"level {number}"}
    site.write_config()
    if number == 0:
        site.init()
    site.set_secret("gateway:secrets.API_TOKEN", f"token {number}")
    site.must_up()
    return state(site, number + 1)


def requirement(site: Deployment, line: str) -> None:
    """The version of ``six`` that the project asks for."""
    path = site.source / "requirements.txt"
    kept = [text for text in path.read_text().splitlines() if not text.startswith("six")]
    path.write_text("\n".join([*kept, line, ""]))


def template(site: Deployment, marker: str) -> None:
    """A template of Nginx that sets a header."""
    path = site.folder / "templates/nginx/headers.conf.j2"
    lines = [line for line in path.read_text().splitlines() if "X-Template" not in line]
    path.write_text("\n".join([*lines, f'add_header X-Template "{marker}" always;', ""]))


def state(site: Deployment, update: int, host: TestHost | None = None) -> State:
    """What serves now, on that host where there are several."""
    with browser_of(site, host) as browser:
        page = browser.get("/")
        css = page.text.partition('href="/static/store/shop.')[2].partition('"')[0]
        return State(
            update=update,
            facts=browser.get("/facts/").json(),
            health=site.health_of(host) if isinstance(site, HostDeployment) and host else site.health(),
            server=site.outputs()["server"],
            template=page.headers["X-Template"],
            static=f"/static/store/shop.{css}",
        )


def browser_of(site: Deployment, host: TestHost | None = None) -> httpx.Client:
    """A browser that asks that host."""
    client = site.client()
    if isinstance(site, HostDeployment) and host:
        client.base_url = httpx.URL(site.url_of(host))
    return client

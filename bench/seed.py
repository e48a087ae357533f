"""The practice compared with: stop the old server, start the new one, swap the file, reload Nginx. As a person does it."""

from dataclasses import dataclass

from bench import stacks
from bench.lab import Lab, docker
from bench.wrk import await_page

TEXT = {"wsgi": stacks.ARTICLE_WSGI, "asgi": stacks.ARTICLE_ASGI}
SERVER = {"wsgi": stacks.GUNICORN_SYNC, "asgi": stacks.UVICORN_SINGLE}


@dataclass
class Seed:
    """One Nginx container, and one app container for each interface, of which one runs."""

    lab: Lab
    proxy: str
    apps: dict[str, str]
    interface: str = "wsgi"

    @classmethod
    def start(cls, lab: Lab) -> "Seed":
        """Serving over WSGI. Both containers are made beforehand, as both units are installed beforehand."""
        proxy = lab.proxy("seed-nginx", TEXT["wsgi"], "--publish", "127.0.0.1::80")
        beside = ("--network", f"container:{proxy}")
        apps = {name: lab.app(f"seed-{name}", SERVER[name], *beside, start=name == "wsgi") for name in TEXT}
        seed = cls(lab, proxy, apps)
        await_page(f"http://{seed.address}/")
        return seed

    @property
    def address(self) -> str:
        """Through the published port, as ours."""
        return docker("port", self.proxy, "80/tcp").splitlines()[0]

    def switch(self) -> None:
        """To the other interface, in the article's order."""
        new = "asgi" if self.interface == "wsgi" else "wsgi"
        docker("stop", self.apps[self.interface])
        docker("start", self.apps[new])
        self.lab.rewrite("seed-nginx", TEXT[new])
        docker("exec", self.proxy, "nginx", "-t", "-q", "-c", "/etc/bench/nginx.conf")
        docker("exec", self.proxy, "nginx", "-c", "/etc/bench/nginx.conf", "-s", "reload")
        self.interface = new

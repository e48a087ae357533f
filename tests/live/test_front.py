"""Who is believed: what a client, or a proxy in front, can make the app and the log believe. A real Nginx, no container."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rendering.front import FrontSpec
from rendering.nginx import ProxySpec
from tests.live.local_nginx import Answer, LocalNginx, local_nginx


def spec(folder: Path, **front: Any) -> ProxySpec:
    """A site with a file in its static folder, one in its media folder, and one that lies beside both."""
    for name, text in {"static/site.css": "body {}", "media/cat.txt": "cat", "secret.env": "TOKEN=1"}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return ProxySpec(
        domains=("shop.example",),
        live_socket="",
        static_root=str(folder / "static"),
        media_root=str(folder / "media"),
        front=FrontSpec(**front),
    )


FORMS = pytest.mark.parametrize("nginx", [False, True], ids=["container", "host"], indirect=True)


@pytest.fixture(scope="module")
def nginx(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNginx]:
    folder = tmp_path_factory.mktemp("front")
    with local_nginx(folder, spec(folder), host=request.param) as running:
        yield running


@pytest.fixture(scope="module", params=[False, True], ids=["container", "host"])
def behind_a_proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNginx]:
    """127.0.0.1 is anybody, 127.0.0.2 is in the trusted network."""
    folder = tmp_path_factory.mktemp("trusting")
    with local_nginx(folder, spec(folder, trusted_proxies=("127.0.0.2/32", "10.0.0.0/8")), host=request.param) as running:
        yield running


def seen(answer: Answer) -> dict[str, str]:
    """The headers that the app got; one that came twice would be an error of its own."""
    pairs = json.loads(answer.body)["headers"]
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), names
    return {name.lower(): value for name, value in pairs}


FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Ssl": "on",
    "X-Forwarded-Protocol": "https",
    "Forwarded": "for=6.6.6.6;proto=https",
    "X-Real-IP": "6.6.6.6",
    "X-Request-ID": "forged-by-the-client",
}


@FORMS
def test_no_forged_header_of_a_client_reaches_the_app(nginx: LocalNginx) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in FORGED.items())
    told = seen(nginx.raw(f"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n{lines}\r\n".encode()))
    assert (told["x-forwarded-for"], told["x-real-ip"], told["x-forwarded-proto"]) == ("127.0.0.1", "127.0.0.1", "http")
    assert not {"x-forwarded-host", "x-forwarded-port", "x-forwarded-ssl", "x-forwarded-protocol", "forwarded"} & set(told)
    assert len(told["x-request-id"]) == 32


@FORMS
@pytest.mark.parametrize("name", ["X_Forwarded_For", "X-Forwarded_Proto", "REMOTE_USER", "SCRIPT_NAME", "HTTP_X_FORWARDED_FOR"])
def test_a_header_with_underscores_which_wsgi_would_take_for_another_is_dropped(nginx: LocalNginx, name: str) -> None:
    told = seen(nginx.raw(f"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n{name}: 6.6.6.6\r\n\r\n".encode()))
    assert "6.6.6.6" not in told.values()


TO_SHOP = b"Host: shop.example\r\n"
POST = b"POST / HTTP/1.1\r\n" + TO_SHOP
BAD_REQUESTS = {
    "two-hosts": b"GET / HTTP/1.1\r\nHost: shop.example\r\nHost: evil.example\r\n\r\n",
    "no-host": b"GET / HTTP/1.1\r\n\r\n",
    "two-lengths": POST + b"Content-Length: 4\r\nContent-Length: 40\r\n\r\nbody",
    "length-and-chunks": (POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n"),
    "unknown-coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two-codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    "length-of-words": POST + b"Content-Length: +4\r\n\r\nbody",
    "chunk-of-words": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nbody\r\n0\r\n\r\n",
    "space-before-colon": b"GET / HTTP/1.1\r\nHost : shop.example\r\n\r\n",
    "long-header": b"GET / HTTP/1.1\r\nHost: shop.example\r\nX-Long: " + b"x" * 40_000 + b"\r\n\r\n",
    "many-headers": b"GET / HTTP/1.1\r\nHost: shop.example\r\n"
    + b"X-Many: "
    + b"x" * 4000
    + b"\r\n" * 1
    + b"Y: y\r\n" * 9000
    + b"\r\n",
    "long-path": b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: shop.example\r\n\r\n",
    "nul-in-header": b"GET / HTTP/1.1\r\nHost: shop.example\r\nX: a\0b\r\n\r\n",
    "trace": b"TRACE / HTTP/1.1\r\nHost: shop.example\r\n\r\n",
    "connect": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: shop.example\r\n\r\n",
}


@FORMS
@pytest.mark.parametrize("request_", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_a_request_that_two_programs_could_read_in_two_ways_never_reaches_the_app(nginx: LocalNginx, request_: bytes) -> None:
    before = len(nginx.app.asked)
    answer = nginx.raw(request_)
    assert answer.status in (0, 400, 405, 414, 431, 501), answer.received[:200]
    assert len(nginx.app.asked) == before


@FORMS
@pytest.mark.parametrize("host", ["evil.example", "shop.example.evil.example", "127.0.0.1", ""])
def test_a_request_for_another_name_gets_no_answer(nginx: LocalNginx, host: str) -> None:
    assert nginx.ask(host=host).status in (0, 400)


@FORMS
@pytest.mark.parametrize("root", ["/static/", "/media/", "/static", "/media"])
@pytest.mark.parametrize(
    "way",
    [
        *("../secret.env", "..%2fsecret.env", "%2e%2e/secret.env", "%2e%2e%2fsecret.env", "..\\secret.env", "....//secret.env"),
        *(
            "..%252fsecret.env",
            "%c0%ae%c0%ae/secret.env",
            "./../secret.env",
            "//../secret.env",
            "x/../../secret.env",
            "..;/secret.env",
        ),
    ],
)
def test_nothing_beside_static_and_media_is_served(nginx: LocalNginx, root: str, way: str) -> None:
    answer = nginx.ask(root + way)
    assert b"TOKEN" not in answer.body
    assert nginx.ask("/static/site.css").body == b"body {}"


@FORMS
def test_folders_are_not_listed(nginx: LocalNginx) -> None:
    assert (nginx.ask("/static/").status, nginx.ask("/media/").status) == (403, 403)


def test_a_trusted_proxy_says_who_asks_and_over_which_scheme(behind_a_proxy: LocalNginx) -> None:
    told = seen(by(behind_a_proxy, "127.0.0.2", X_Forwarded_For="203.0.113.7", X_Forwarded_Proto="https"))
    assert (told["x-forwarded-for"], told["x-real-ip"], told["x-forwarded-proto"]) == ("203.0.113.7", "203.0.113.7", "https")


def test_what_a_client_told_the_trusted_proxy_is_not_believed(behind_a_proxy: LocalNginx) -> None:
    """A proxy appends the address that it saw: what is left of that came from the client."""
    told = seen(by(behind_a_proxy, "127.0.0.2", X_Forwarded_For="6.6.6.6, 203.0.113.7, 10.1.2.3"))
    assert told["x-forwarded-for"] == "203.0.113.7"


@pytest.mark.parametrize("scheme", ["gopher", "https, http", "javascript"])
def test_a_scheme_that_is_none_is_not_passed_on(behind_a_proxy: LocalNginx, scheme: str) -> None:
    assert seen(by(behind_a_proxy, "127.0.0.2", X_Forwarded_Proto=scheme))["x-forwarded-proto"] == "http"


def test_whoever_comes_past_the_trusted_proxy_is_believed_nothing(behind_a_proxy: LocalNginx) -> None:
    told = seen(by(behind_a_proxy, "127.0.0.1", X_Forwarded_For="203.0.113.7", X_Forwarded_Proto="https", X_Request_ID="f" * 16))
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert told["x-request-id"] != "f" * 16


def test_the_request_id_of_a_trusted_proxy_is_kept_where_it_is_harmless(behind_a_proxy: LocalNginx) -> None:
    kept = by(behind_a_proxy, "127.0.0.2", X_Request_ID="a1b2c3d4-e5f6-4711")
    assert seen(kept)["x-request-id"] == kept.header("X-Request-ID") == "a1b2c3d4-e5f6-4711"
    assert "<script>" not in by(behind_a_proxy, "127.0.0.2", X_Request_ID="<script>12345678").header("X-Request-ID")


def by(nginx: LocalNginx, address: str, **headers: str) -> Answer:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return nginx.raw(f"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n{lines}\r\n".encode(), address)


@FORMS
@pytest.mark.parametrize(
    ("request_", "host"),
    [
        (b"GET / HTTP/1.1\r\nHost: shop.example:8080\r\n", "shop.example:8080"),
        (b"GET / HTTP/1.1\r\nHost: Shop.Example\r\n", "shop.example"),
        (b"GET http://shop.example/ HTTP/1.1\r\nHost: evil.example\r\n", "shop.example"),
        (b"GET http://shop.example/ HTTP/1.1\r\nHost: evil.example:81\r\n", "shop.example:81"),
        (b"GET / HTTP/1.1\r\nHost: shop.example:80x\r\n", "shop.example"),
    ],
)
def test_the_app_gets_the_name_that_the_site_was_chosen_by(nginx: LocalNginx, request_: bytes, host: str) -> None:
    answer = nginx.raw(request_ + b"Connection: close\r\n\r\n")
    assert seen(answer)["host"] == host


@FORMS
def test_a_compressed_twin_is_sent_to_who_takes_it(nginx: LocalNginx) -> None:
    static = nginx.folder / "static"
    (static / "app.0123456789ab.js").write_bytes(b"let x\n" * 50)
    (static / "app.0123456789ab.js.gz").write_bytes(b"the twin")
    packed = nginx.ask("/static/app.0123456789ab.js", Accept_Encoding="gzip")
    assert (packed.body, packed.header("Content-Encoding"), packed.header("Vary")) == (b"the twin", "gzip", "Accept-Encoding")
    assert packed.header("Content-Type").partition(";")[0].endswith("/javascript")
    assert packed.header("Cache-Control") == "public, max-age=31536000, immutable"
    assert nginx.ask("/static/app.0123456789ab.js").body == b"let x\n" * 50

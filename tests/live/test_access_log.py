"""The access log: one line of JSON per request, with an id that client, app and log have in common, and no secrets of a query."""

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from targets.common.access_log import Entry, Log, parse
from targets.common.answers import Seen
from tests.deployment import eventually
from tests.live.local_nginx import LocalNginx, local_nginx
from tests.live.test_front import seen, spec

FORMS = pytest.mark.parametrize("host", [False, True], ids=["container", "host"])
FIELDS = {
    *("time", "remote_addr", "method", "host", "uri", "status", "bytes", "request_time", "upstream_time", "upstream_status"),
    *("request_id", "scheme", "protocol", "instance"),
}
"""What others read the log by: a name that is changed here breaks them."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., LocalNginx]]:
    with ExitStack() as stack:

        def run(host: bool = False, **front: Any) -> LocalNginx:
            return stack.enter_context(local_nginx(tmp_path, spec(tmp_path, **front), host=host))

        yield run


@FORMS
def test_a_request_is_one_line_of_json_with_numbers_as_numbers(start: Callable[..., LocalNginx], host: bool) -> None:
    nginx = start(host)
    answer = nginx.ask("/basket/?token=s3cret", User_Agent='say "x"\\')
    (line,) = nginx.logged()
    told = json.loads(line)
    assert set(told) == FIELDS
    known = {"remote_addr": "127.0.0.1", "method": "GET", "host": "shop.example", "uri": "/basket/", "status": 200}
    assert {key: told[key] for key in known} == known
    assert (told["bytes"], told["upstream_status"], told["scheme"]) == (len(answer.body), "200", "http")
    assert (told["protocol"], told["instance"]) == ("HTTP/1.1", "0123456789")
    assert isinstance(told["request_time"], float | int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", told["time"])
    assert float(told["upstream_time"]) >= 0


@FORMS
def test_one_id_is_in_the_log_the_answer_and_the_request_that_the_app_gets(start: Callable[..., LocalNginx], host: bool) -> None:
    nginx = start(host)
    nginx.app.headers["X-Request-ID"] = "of-the-app-itself"
    answer = nginx.ask("/")
    ids = [value for name, value in answer.headers if name == "x-request-id"]
    assert ids == [seen(answer)["x-request-id"]] == [json.loads(nginx.logged()[0])["request_id"]]


@FORMS
@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("path", ["/reset/?token=s3cret", "/?s3cret", "http://shop.example/x?a=s3cret", "/static/../a?s3cret"])
def test_a_query_is_never_in_the_log(start: Callable[..., LocalNginx], host: bool, form: str, path: str) -> None:
    nginx = start(host, access_log=form)
    nginx.ask(path)
    assert "s3cret" not in nginx.logged()[0]


@pytest.mark.parametrize("path", ['/"quoted"', "/back\\slash", "/%22%0a%7f", "/ümlaut", "/{}"])
def test_whatever_is_asked_for_the_line_is_still_json(start: Callable[..., LocalNginx], path: str) -> None:
    nginx = start()
    nginx.raw(f"GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n".encode())
    assert set(json.loads(nginx.logged()[0])) == FIELDS


def test_what_is_no_http_is_nobodys_and_not_logged(start: Callable[..., LocalNginx]) -> None:
    nginx = start()
    for request in (b"\x16\x03\x01 hello\r\n\r\n", b"GET /old\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n"):
        nginx.raw(request)
    nginx.ask("/last/")
    assert [json.loads(line)["uri"] for line in nginx.logged()] == ["/last/"]


def test_which_instance_answered_is_for_the_log_and_for_a_probe(start: Callable[..., LocalNginx]) -> None:
    nginx = start()
    assert nginx.ask("/").header("X-Gateway-Instance") == ""
    assert nginx.ask("/", X_Gateway_Probe="1").header("X-Gateway-Instance") == "0123456789"


def test_a_plain_line_is_there_for_those_who_read_with_their_eyes(start: Callable[..., LocalNginx]) -> None:
    nginx = start(access_log="text")
    nginx.ask("/basket/")
    assert re.match(
        r'127\.0\.0\.1 "GET shop\.example/basket/" 200 \d+ upstream=\S+ total=\S+ id=[0-9a-f]{32}$', nginx.logged()[0]
    )


@FORMS
@pytest.mark.parametrize("form", ["json", "text"])
def test_what_nginx_writes_is_what_the_watch_after_a_switch_counts(
    start: Callable[..., LocalNginx], host: bool, form: str
) -> None:
    nginx, seen = start(host, access_log=form), Seen()
    nginx.app.status = 500
    for _ in range(3):
        nginx.ask("/pay/?card=4711")
    nginx.ask("/media/none")
    seen.add(one for line in nginx.logged(4) if (one := parse(line)))
    assert (seen.answers, seen.verdict(5)) == (3, "3 of 3 answers were 5xx (GET shop.example/pay/ 500 3 times)")


def test_reading_on_loses_nothing_while_nginx_rotates_its_log(start: Callable[..., LocalNginx]) -> None:
    nginx = start()
    path = nginx.folder / "access.log"
    nginx.ask("/before/")
    nginx.logged()
    log, found = Log(path, Log(path).end()), list[Entry]()
    path.rename(path.with_name("access.log.1"))
    path.touch()  # as logrotate does it: Nginx is told only then
    assert log.more() == []
    nginx.ask("/late/")
    nginx.process.send_signal(signal.SIGUSR1)
    eventually(lambda: bool(nginx.ask("/new/").status) and path.stat().st_size > 0, 10, "Nginx writes to the new file")

    def read() -> bool:
        found.extend(log.more())
        return "/new/" in [one.path for one in found]

    eventually(read, 10)
    assert next(iter(found)).path == "/late/"
    assert {one.path for one in found} == {"/late/", "/new/"}


def test_files_of_the_project_are_not_logged_and_uploads_are(start: Callable[..., LocalNginx]) -> None:
    nginx = start()
    nginx.ask("/static/site.css")
    nginx.ask("/media/cat.txt")
    (told,) = (json.loads(line) for line in nginx.logged())
    assert (told["uri"], told["upstream_time"], told["instance"]) == ("/media/cat.txt", "", "")


@pytest.mark.parametrize("path", ["/static/site.css", "/media/cat.txt", "/static/none", "/"])
def test_headers_of_every_answer_are_on_those_of_nginx_itself_too(start: Callable[..., LocalNginx], path: str) -> None:
    answer = start().ask(path)
    assert len(answer.header("X-Request-ID")) == 32
    if path != "/":
        assert answer.header("X-Content-Type-Options") == "nosniff"

"""Nginx's log becomes figures: lines of both forms, pages with ids folded, tails of big and of rotated files."""

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from targets.common import access_log
from targets.common.access_log import Entry, Log, endpoint, parse
from targets.common.requests_seen import NOT_FOUND, OTHER, SHOWN, Window

NOON = 1_795_262_400.0


def line(at: float = NOON, uri: str = "/", status: int = 200, seconds: float = 0.02) -> str:
    """As the template writes it."""
    told = {
        "time": datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="seconds"),
        "remote_addr": "10.0.0.1",
        "method": "GET",
        "host": "shop.example",
        "uri": uri,
        "status": status,
        "bytes": 10,
        "request_time": seconds,
        "upstream_time": "0.019",
        "upstream_status": str(status),
        "request_id": "0f",
        "scheme": "http",
        "protocol": "HTTP/1.1",
    }
    return json.dumps(told) + "\n"


def test_a_json_line_is_an_entry_without_its_query() -> None:
    assert parse(line(uri="/search/?q=socks", status=502)) == Entry(
        NOON, "GET", "/search/", 502, 0.02, "502", host="shop.example"
    )


def test_an_answer_of_nginx_itself_was_not_asked_of_the_app() -> None:
    told = json.loads(line()) | {"upstream_status": "", "upstream_time": ""}
    found = parse(json.dumps(told))
    assert found is not None
    assert found.upstream == "-"


def test_the_text_form_of_before_is_read_with_the_time_that_the_engine_noted() -> None:
    text = '172.18.0.1 "POST localhost/item/7/?a=b" 201 12 upstream=0.004, 0.001 total=0.005 id=ab'
    assert parse(text, NOON) == Entry(NOON, "POST", "/item/7/", 201, 0.005, "0.004, 0.001", host="localhost")


def test_a_websocket_has_no_latency() -> None:
    window = Window()
    window.add([Entry(NOON, "GET", "/ws/", 101, 3600.0, "101", "stream"), Entry(NOON, "GET", "/", 200, 0.01, "200")])
    told = window.told(NOON)
    assert (told["count"], told["p99"]) == (2, 10.0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"status": "x"}', "2026/11/21 [error] 7#7: upstream timed out", '{"time":1}'])
def test_any_other_line_is_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/", "/"),
        ("/item/123/", "/item/*/"),
        ("/user/7f3c9e1a-4b2d-4c8e-9f10-0123456789ab/cart/", "/user/*/cart/"),
        ("/o/9f86d081884c7d65/", "/o/*/"),
        ("/archive/2026-11-21/", "/archive/*/"),
        ("/reset/MQ/c1abcd-0123456789abcdef0123456789abcdef/", "/reset/MQ/*/"),
        ("/blog/ten-reasons-to-wear-socks/", "/blog/ten-reasons-to-wear-socks/"),
        ("/deadbeef/", "/deadbeef/"),
        ("/media/a/b/1.png", "/media/*"),
        ("/a/b/c/d/e/f/g/h", "/a/b/c/d/e/f/..."),
    ],
)
def test_ids_and_tokens_in_a_path_are_folded_and_names_are_not(path: str, page: str) -> None:
    assert endpoint(path) == page


def test_counts_rates_errors_and_latencies_are_told_by_page() -> None:
    window = Window(seconds=100)
    window.add(Entry(NOON + n, "GET", f"/item/{n}/", 502 if n == 9 else 200, n / 100, "x") for n in range(10))
    told = window.told(NOON + 99)
    assert (told["count"], told["per_second"], told["errors"], told["bad_gateway"]) == (10, 0.1, 1, 1)
    assert told["endpoints"]["/item/*/"] | {"p50": 50.0, "p95": 90.0, "p99": 90.0} == told["endpoints"]["/item/*/"]
    assert told["statuses"] == {"200": 9, "502": 1}


def test_what_is_older_than_the_window_is_forgotten() -> None:
    window = Window(seconds=60)
    window.add([Entry(NOON, "GET", "/old/", 200, 1, "x"), Entry(NOON + 50, "GET", "/new/", 200, 1, "x")])
    assert list(window.told(NOON + 61)["endpoints"]) == ["/new/"]


def test_robots_that_try_paths_and_rare_pages_do_not_fill_the_table() -> None:
    window = Window()
    window.add(Entry(NOON, "GET", f"/wp-{chr(97 + n)}x/", 404, 0.1, "404") for n in range(20))
    window.add(Entry(NOON, "GET", f"/{chr(97 + n // 10)}{chr(97 + n % 10)}/", 200, 0.1, "200") for n in range(SHOWN + 5))
    told = window.told(NOON)["endpoints"]
    assert told[NOT_FOUND]["count"] == 20
    assert told[OTHER]["count"] == 6
    assert len(told) == SHOWN + 1


def test_the_tail_of_a_big_log_is_read_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "BLOCK", 4096)
    path = tmp_path / "shop.access.log"
    path.write_text("".join(line(NOON + n) for n in range(1000)))
    log = Log(path)
    assert [one.at for one in log.since(NOON + 990)] == [NOON + n for n in range(990, 1000)]
    assert log.more() == []


def test_reading_goes_on_where_it_was_left_over_half_lines_and_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "shop.access.log"
    path.write_text(line(NOON))
    log = Log(path)
    assert len(log.since(NOON)) == 1
    with path.open("a") as file:
        file.write(line(NOON + 1) + line(NOON + 2)[:40])
    assert [one.at for one in log.more()] == [NOON + 1]
    with path.open("a") as file:
        file.write(line(NOON + 2)[40:])
    path.rename(tmp_path / "shop.access.log.1")
    path.write_text(line(NOON + 3))
    assert [one.at for one in log.more()] == [NOON + 2, NOON + 3]


def test_what_nginx_still_writes_to_a_rotated_file_is_read_too(tmp_path: Path) -> None:
    path, rotated = tmp_path / "shop.access.log", tmp_path / "shop.access.log.1"
    path.write_text(line(NOON))
    log = Log(path)
    log.since(NOON)
    path.rename(rotated)
    path.write_text("")
    assert log.more() == []
    with rotated.open("a") as file:
        file.write(line(NOON + 1))
    path.write_text(line(NOON + 2))
    assert [one.at for one in log.more()] == [NOON + 1, NOON + 2]
    assert log.more() == []


@pytest.mark.parametrize("opened", [0, 1], ids=["before it", "in between"])
def test_a_rotation_in_the_middle_of_a_look_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: int) -> None:
    path, rotated = tmp_path / "shop.access.log", tmp_path / "shop.access.log.1"
    rotated.write_text(line(NOON - 9))
    path.write_text(line(NOON))
    log, real, done = Log(path, Log(path).end()), Path.open, list[Path]()
    with path.open("a") as file:
        file.write(line(NOON + 1))

    def rotating(self: Path, mode: str) -> object:
        if len(done) == opened:
            path.rename(rotated)
            path.touch()
        found = real(self, mode)
        done.append(self)
        return found

    monkeypatch.setattr(Path, "open", rotating)
    found = log.more()
    monkeypatch.undo()
    with rotated.open("a") as file:
        file.write(line(NOON + 2))
    path.write_text(line(NOON + 3))
    assert [one.at for one in (*found, *log.more())] == [NOON + 1, NOON + 2, NOON + 3]


def test_half_a_line_at_the_first_look_is_an_entry_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "shop.access.log"
    path.write_text(line(NOON) + line(NOON + 1)[:40])
    log = Log(path)
    assert [one.at for one in log.since(NOON)] == [NOON]
    with path.open("a") as file:
        file.write(line(NOON + 1)[40:])
    assert [one.at for one in log.more()] == [NOON + 1]


def test_a_log_that_somebody_has_emptied_is_read_from_its_begin(tmp_path: Path) -> None:
    path = tmp_path / "shop.access.log"
    path.write_text(line(NOON) * 3)
    log = Log(path)
    log.since(NOON)
    path.write_text(line(NOON + 1))
    assert [one.at for one in log.more()] == [NOON + 1]


@pytest.mark.parametrize("before", [None, "", line(NOON)], ids=["no log", "empty", "some"])
@pytest.mark.parametrize("rotated", [False, True])
def test_another_process_reads_on_from_where_the_log_ended(tmp_path: Path, before: "str | None", rotated: bool) -> None:
    path = tmp_path / "shop.access.log"
    if before is not None:
        path.write_text(before)
    left = json.loads(json.dumps(Log(path).end()))
    if rotated and before is not None:
        path.rename(tmp_path / "shop.access.log.1")
    with path.open("a") as file:
        file.write(line(NOON + 1))
    log = Log(path, left)
    assert [one.at for one in log.more()] == [NOON + 1]
    assert log.more() == []


def test_after_a_rotation_the_file_before_it_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "shop.access.log.1").write_text(line(NOON) + line(NOON + 1))
    (tmp_path / "shop.access.log").write_text(line(NOON + 2))
    assert [one.at for one in Log(tmp_path / "shop.access.log").since(NOON + 1)] == [NOON + 1, NOON + 2]


def test_a_log_that_is_not_there_is_silent(tmp_path: Path) -> None:
    log = Log(tmp_path / "none.log")
    assert log.since(0) == log.more() == []

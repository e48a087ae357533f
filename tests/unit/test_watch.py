"""After a switch: which answers in Nginx's log are bad enough to take it back."""

import json

import pytest

from targets.common.access_log import entries
from targets.common.answers import Seen

TEXT = '10.0.0.1 "GET localhost{path}" {status} 12 upstream={upstream} total=0.010 id=abc'


def seen(*answers: tuple[str, int, str], text: bool = False) -> Seen:
    found = Seen()
    for path, status, upstream in answers:
        fields = {"method": "GET", "host": "localhost", "uri": path, "status": status, "request_time": 0.01}
        told = json.dumps({**fields, "upstream_status": "" if upstream == "-" else str(status), "upstream_time": upstream})
        found.add(entries(TEXT.format(path=path, status=status, upstream=upstream) if text else told))
    return found


GOOD, BAD = ("/", 200, "0.010"), ("/pay/", 500, "0.010")


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ([], False),
        ([GOOD] * 100, False),
        ([BAD] * 2, False),
        ([BAD] * 3, True),
        ([BAD] * 3 + [GOOD] * 97, False),
        ([BAD] * 6 + [GOOD] * 94, True),
        ([("/gone/", 404, "0.010")] * 50, False),
        ([("/", 502, "0.000")] * 3, True),
        ([("/static/x.css", 500, "-")] * 50, False),
    ],
)
@pytest.mark.parametrize("text", [False, True], ids=["json", "text"])
def test_more_than_the_limit_of_at_least_three_bad_answers_is_wrong(
    answers: list[tuple[str, int, str]], wrong: bool, text: bool
) -> None:
    assert bool(seen(*answers, text=text).verdict(5)) is wrong


@pytest.mark.parametrize("text", [False, True], ids=["json", "text"])
def test_the_verdict_names_the_worst_without_what_people_typed(text: bool) -> None:
    told = seen(*[("/pay/?card=4711", 500, "0.1")] * 4, ("/", 200, "0.1"), text=text).verdict(5)
    assert told == "4 of 5 answers were 5xx (GET localhost/pay/ 500 4 times)"


def _json(status: object, upstream: str, uri: str = "/pay/?card=4711") -> str:
    line = {"time": "2026-11-21T07:00:00+00:00", "remote_addr": "10.0.0.1", "method": "POST", "host": "localhost", "uri": uri}
    return json.dumps({**line, "status": status, "bytes": 12, "request_time": "0.010", "upstream_status": upstream})


def test_the_log_as_json_counts_as_its_text_does() -> None:
    found = Seen()
    found.add(entries("\n".join([_json(500, "500"), _json("502", "502"), _json(500, "502, 500"), _json(200, "200", "/")])))
    assert found.verdict(5) == "3 of 4 answers were 5xx (POST localhost/pay/ 500 2 times, POST localhost/pay/ 502 1 times)"


@pytest.mark.parametrize("line", [_json(500, "-"), _json(500, ""), "{broken", '{"status": 500}', "[]"])
def test_what_nginx_answered_by_itself_and_what_is_no_answer_does_not_count(line: str) -> None:
    found = Seen()
    found.add(entries(f"{line}\n" * 5))
    assert (found.answers, found.verdict(5)) == (0, "")


def test_lines_of_other_kinds_are_passed_over() -> None:
    found = Seen()
    found.add(entries("2026/11/21 07:00:00 [notice] 1#1: start worker process 7\n\n{not json\n[1]\n"))
    assert found.answers == 0

"""The report: one page that needs nothing else, whose numbers are the log's, and that shows no markup of others."""

import re
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import Any

from ops import charts, judgement, report_page
from ops.updates import Update
from targets.common.access_log import Entry
from targets.common.around import AFTER, BEFORE, around
from targets.served import Served
from tests.unit.test_status import NOW, SETTINGS, A, B, host, told

SWITCH = NOW - 600


def entries() -> list[Entry]:
    """Ten answers a second: the old instance until the switch, then the new one, slower; two of them fail."""
    found = []
    for tenth in range(-600, 1200):
        at = SWITCH + tenth / 10 + 0.01
        failed = tenth in (3, 4)
        old = tenth < 0
        found.append(Entry(at, "GET", "/", 502 if failed else 200, 0.02 if old else 0.03, "x", "http", A if old else B))
    return found


def served(instance: str, moment: float, interface: str = "wsgi", **more: Any) -> Served:
    at = datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="milliseconds")
    server = "gunicorn" if interface == "wsgi" else "uvicorn"
    return Served(interface=interface, server=server, release="0" * 10, instance=instance, at=at, by="me@there", **more)


SERVED = (served(B, SWITCH, "asgi"), served(A, SWITCH - 86400))


def update(number: int, one: Served, **more: Any) -> Update:
    begun = datetime.fromisoformat(one.at)
    return Update(number=number, begun=begun - timedelta(seconds=9), ended=begun, serving=one, moved=True, **more)


def page(*, log: list[Entry] | None = None, **changes: Any) -> str:
    facts = told(host(live=B), serving=SERVED[0].model_dump(), **changes)
    facts["wrong"] = judgement.wrong(facts, SETTINGS, updating=False)
    facts["ok"] = not facts["wrong"]
    seen = around(entries() if log is None else log, [SWITCH, SWITCH - 86400])
    found = [update(2, SERVED[0], message="<b>bold</b> (by me@there)"), update(1, SERVED[1])]
    return report_page.page(facts, found, SERVED, {"web1": seen}, last=2)


class Parsed(HTMLParser):
    """Tags that are opened and not closed, and whatever would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href") and value != "data:,"]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Closed at once."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_around_a_switch_every_answer_is_counted_once_on_its_side() -> None:
    (seen,) = around(entries(), [SWITCH])
    assert (seen["before"]["count"], seen["after"]["count"]) == (BEFORE * 10, AFTER * 10)
    assert (seen["before"]["p95"], seen["after"]["p95"]) == (20.0, 30.0)
    assert (seen["before"]["errors"], seen["after"]["errors"]) == (0, 2)
    assert sum(one["count"] for one in seen["seconds"]) == (BEFORE + AFTER) * 10
    at = {one["t"]: one for one in seen["seconds"]}
    assert at[-1]["instances"] == {A: 10}
    assert at[0] | {"errors": 2, "instances": {B: 10}} == at[0]


def test_the_page_is_whole_and_fetches_nothing() -> None:
    parsed = Parsed(page())
    assert parsed.open == []
    assert parsed.fetched == []
    assert "<script" not in page()


def test_its_numbers_are_those_of_the_log() -> None:
    text = page()
    assert "900 answers in 90 s, 2 failed; p95 20 ms before and 30 ms after." in text
    assert "wsgi (gunicorn) → asgi (uvicorn)" in text
    chart = text[text.index('<svg viewBox="0 0 380') : text.index("</svg>")]
    bars = {kind: len(re.findall(rf'class="{kind}"', chart)) for kind in ("old", "new", "bad")}
    assert bars == {"old": BEFORE, "new": AFTER, "bad": 1}


def test_a_switch_that_the_log_does_not_reach_back_to_says_so() -> None:
    assert "The access log does not go that far back." in page()
    assert "Nobody asked for anything at that time." in page(log=[Entry(SWITCH - 90000, "GET", "/", 200, 0.1, "x")])


def test_hosts_are_added_up_and_the_slowest_latency_is_told() -> None:
    (one,) = around(entries(), [SWITCH])
    (other,) = around([entry._replace(seconds=0.5) for entry in entries()], [SWITCH])
    both = report_page.together([one, other])
    assert both["after"] == {"count": 1200, "errors": 4, "p50": 500.0, "p95": 500.0}
    assert both["seconds"][0]["count"] == 20


def test_one_stream_that_ended_does_not_press_the_latencies_of_all_others_flat() -> None:
    def tops(values: list[float]) -> list[float]:
        seconds = [{"t": t, "count": 1, "errors": 0, "p95": value, "instances": {B: 1}} for t, value in enumerate(values)]
        chart = charts.switch_chart({"seconds": seconds}, B, BEFORE, AFTER, "")
        points = re.findall(r'<polyline points="([^"]*)"', chart)[0].split()
        return [float(point.partition(",")[2]) for point in points]

    many = tops([20.0, 10.0] * 25 + [56000.0])
    assert many[1] - many[0] > 10, "20 ms and 10 ms are told apart"
    few = tops([20.0, 10.0, 40.0])
    assert few[2] < few[0] < few[1], "and of few the slowest is shown as it is"


def test_what_others_wrote_is_text_and_no_markup() -> None:
    found = {"part": "proxy", "what": "<img src=x onerror=alert(1)> was changed"}
    text = page(hosts=[host(live=B, drift=[found])])
    assert "<img" not in text
    assert "&lt;img src=x" in text
    assert Parsed(text).fetched == []

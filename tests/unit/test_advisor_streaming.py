"""Streaming responses: an iterator of either kind streams under its own interface only."""

import pytest

from tests.unit.advising import MakeProject, only, places, with_view

IMPORTS = "from django.http import StreamingHttpResponse, FileResponse\nimport asyncio, itertools, time\n"
SYNC = "def rows():\n    for row in table:\n        yield row\n"
ASYNC = "async def rows():\n    for row in table:\n        yield row\n"
ENDLESS = "def rows():\n    while True:\n        yield 'x'\n"
COUNTING = "def rows():\n    for number in itertools.count():\n        yield number\n"
PAGE = "def page(request):\n    return StreamingHttpResponse({})\n"
EVENTS = "rows(), content_type='text/event-stream'"


def streamed(text: str, argument: str = "rows()") -> str:
    return IMPORTS + text + PAGE.format(argument)


def test_a_download_from_a_generator_is_fine_under_wsgi_and_no_reason_for_asgi(project: MakeProject) -> None:
    advice = with_view(project, streamed(SYNC))
    assert (advice.interface, advice.sure, only(advice).weight, only(advice).where) == ("wsgi", True, "fix", "shop/views.py:7")
    assert "collected in memory first under ASGI" in only(advice).says


@pytest.mark.parametrize(
    "argument", ["(row for row in table)", "[1, 2]", "iter(table)", "Order.objects.iterator()", "map(str, table)"]
)
def test_every_sync_iterator_is_known_as_one(project: MakeProject, argument: str) -> None:
    assert only(with_view(project, streamed("", argument))).weight == "fix"


def test_an_async_generator_streams_under_asgi_only(project: MakeProject) -> None:
    advice = with_view(project, streamed(ASYNC))
    assert (advice.interface, only(advice).weight) == ("asgi", "gains")


@pytest.mark.parametrize("text", ["async " + ENDLESS, "async " + COUNTING])
def test_an_async_stream_without_an_end_needs_asgi(project: MakeProject, text: str) -> None:
    advice = with_view(project, streamed(text))
    assert (advice.interface, only(advice).weight) == ("asgi", "needs")
    assert "under WSGI it would never answer" in only(advice).says


def test_async_server_sent_events_need_asgi(project: MakeProject) -> None:
    assert only(with_view(project, streamed(ASYNC, EVENTS))).weight == "needs"


@pytest.mark.parametrize(("text", "argument"), [(ENDLESS, "rows()"), (COUNTING, "rows()"), (SYNC, EVENTS)])
def test_events_from_a_sync_generator_stay_on_wsgi_until_they_are_rewritten(
    project: MakeProject, text: str, argument: str
) -> None:
    advice = with_view(project, streamed(text, argument))
    assert (advice.interface, only(advice).weight) == ("wsgi", "spoils")
    assert [one.fix for one in advice.first] == ["write the generator as async def: then it is a reason for ASGI"]


def test_a_loop_that_ends_is_not_taken_for_an_endless_one(project: MakeProject) -> None:
    text = "def rows():\n    while True:\n        if done:\n            break\n        yield 'x'\n"
    assert only(with_view(project, streamed(text))).weight == "fix"


def test_a_view_that_chooses_by_interface_streams_under_both(project: MakeProject) -> None:
    both = ASYNC.replace("rows", "arows") + SYNC
    assert only(with_view(project, streamed(both, "arows() if asgi(request) else rows()"))).weight == "gains"


def test_generators_are_found_behind_names_and_inside_the_view(project: MakeProject) -> None:
    inside = (
        "def page(request):\n    async def rows():\n        yield 1\n    made = rows()\n    return StreamingHttpResponse(made)\n"
    )
    assert only(with_view(project, IMPORTS + inside)).weight == "gains"


def test_generators_are_found_in_other_files_and_as_methods(project: MakeProject) -> None:
    other = with_view(project, IMPORTS + "from shop.feeds import rows\n" + PAGE.format("rows()"), feeds=ASYNC)
    assert only(other).weight == "gains"
    view = "class Page(View):\n    def get(self, request):\n        return StreamingHttpResponse(self.rows())\n"
    text = view + "    async def rows(self):\n        yield 1\n"
    assert only(with_view(project, IMPORTS + text, view="Page")).weight == "gains"


def test_a_stream_that_nobody_can_tell_decides_nothing(project: MakeProject) -> None:
    assert only(with_view(project, streamed("", "elsewhere(request)"))).weight == "note"


def test_a_file_response_is_read_whole_under_asgi(project: MakeProject) -> None:
    advice = with_view(project, IMPORTS + "def page(request):\n    return FileResponse(open('x', 'rb'))\n")
    assert (advice.interface, advice.sure, only(advice).weight) == ("wsgi", True, "fix")


def test_long_polling_holds_a_thread(project: MakeProject) -> None:
    text = "import time\ndef page(request):\n    while not news():\n        time.sleep(1)\n    return HttpResponse()\n"
    assert "long polling" in only(with_view(project, text)).says


def test_a_loop_with_a_sleep_outside_a_view_is_left_alone(project: MakeProject) -> None:
    assert not places(with_view(project, "import time\ndef page(queue):\n    while not queue:\n        time.sleep(1)\n"))

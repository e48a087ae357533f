"""What a server process notes of itself: open streams and how late its event loop is; and how that is read."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from targets.common import gateway_entry, processes
from targets.common.gateway_entry import Asgi, Figures, Message

WEBSOCKET: Message = {"type": "websocket", "headers": []}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "live.sock").touch()
    for name, value in (("SOCKET", tmp_path / "live.sock"), ("INSTANCE", "0123456789"), ("FIGURES", tmp_path / "figures")):
        monkeypatch.setenv(f"GATEWAY_{name}", str(value))
    monkeypatch.setattr(gateway_entry, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(gateway_entry, "NOTE_SECONDS", 0.02)
    return tmp_path / "figures"


async def chatting(scope: Message, receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})
    await asyncio.sleep(60)


async def nothing() -> Message:
    return {}


async def unheard(message: Message) -> None:
    """Nobody listens."""


async def noted(folder: Path, wanted: dict[str, float]) -> None:
    """Wait until these are the figures."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        found = processes.entry_figures(folder, time.time())
        if found.items() >= wanted.items():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(processes.entry_figures(folder, time.time()))


def test_open_websockets_are_counted_and_those_that_ended_are_not(folder: Path) -> None:
    async def story() -> None:
        application = Asgi(chatting)
        streams = [asyncio.create_task(application(dict(WEBSOCKET), nothing, unheard)) for _ in range(3)]
        await noted(folder, {"websockets": 3, "streams": 0})
        streams.pop().cancel()
        await noted(folder, {"websockets": 2})
        for one in streams:
            one.cancel()

    asyncio.run(story())


def test_a_loop_that_was_blocked_tells_for_how_long(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lags: list[float] = []
    note = Figures._note

    def noting(self: Figures) -> None:
        note(self)
        lags.append(processes.entry_figures(folder, time.time())["loop_lag_ms"])

    async def story() -> None:
        monkeypatch.setattr(Figures, "_note", noting)
        stream = asyncio.create_task(Asgi(chatting)(dict(WEBSOCKET), nothing, unheard))
        await noted(folder, {"websockets": 1})
        lags.clear()
        time.sleep(0.3)
        end = time.monotonic() + 5
        while max(lags, default=0) < 250 and time.monotonic() < end:
            await asyncio.sleep(0.01)
        stream.cancel()

    asyncio.run(story())
    assert max(lags) >= 250


def test_a_folder_that_cannot_be_written_costs_no_request(folder: Path) -> None:
    folder.write_text("a file is in the way")

    async def page(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await asyncio.sleep(0.1)

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Asgi(page)({"type": "http", "headers": []}, nothing, send))
    assert [one["status"] for one in sent] == [200]


def test_processes_are_added_up_and_what_a_dead_one_left_is_passed_over(tmp_path: Path) -> None:
    for pid, (websockets, lag, at) in enumerate([(3, 2.0, 100.0), (4, 9.0, 95.0), (50, 99.0, 10.0)]):
        told = {"websockets": websockets, "streams": 1, "lag_ms": lag, "at": at}
        (tmp_path / f"{pid}.json").write_text(json.dumps(told))
    (tmp_path / "9.json").write_text("half a li")
    assert processes.entry_figures(tmp_path, 100.0) == {"websockets": 7, "streams": 2, "loop_lag_ms": 9.0}
    assert processes.entry_figures(tmp_path / "none", 100.0) == {}

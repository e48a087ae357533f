"""What depends on the interface: server-sent events, and the refusal of WebSockets asked for over HTTP."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Iterator

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

INTERVAL = 0.5
# How soon (in milliseconds) a browser comes back after the stream ended, say because this process was replaced.
PREAMBLE = "retry: 500\n\n"


@require_GET
async def events(request: HttpRequest) -> StreamingHttpResponse:
    """An endless stream: under ASGI it costs a coroutine, under WSGI one of the worker's threads."""
    return StreamingHttpResponse(
        _ticks_async() if isinstance(request, ASGIRequest) else _ticks(),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache"},
    )


def upgrade_required(request: HttpRequest) -> HttpResponse:
    """Answers plain HTTP requests to /ws/, which are all of them under WSGI."""
    if isinstance(request, ASGIRequest):
        return HttpResponse(
            "Connect to this address with a WebSocket client.\n",
            status=426,
            content_type="text/plain",
            headers={"Upgrade": "websocket"},
        )
    # WSGI forbids applications to send hop-by-hop headers, so Upgrade has to be missing here.
    return HttpResponse(
        "WebSockets need the ASGI interface; this site is served over WSGI.\n", status=426, content_type="text/plain"
    )


def _event(counter: int) -> str:
    return f"data: {json.dumps({'counter': counter, 'instance': settings.INSTANCE})}\n\n"


def _ticks() -> Iterator[str]:
    """Ends when the server closes it: on the first write to a client which has gone, or with the worker."""
    yield PREAMBLE
    for counter in itertools.count(1):
        yield _event(counter)
        time.sleep(INTERVAL)


async def _ticks_async() -> AsyncIterator[str]:
    """Ends by the CancelledError which a leaving client or a stopping server raises in the sleep."""
    yield PREAMBLE
    for counter in itertools.count(1):
        yield _event(counter)
        await asyncio.sleep(INTERVAL)

from itertools import islice
from unittest import mock

from django.http import HttpResponseBase
from django.test import AsyncClient, SimpleTestCase

from store.tests.base import isolated

START = [
    b"retry: 500\n\n",
    b'data: {"counter": 1, "instance": "blue-1"}\n\n',
    b'data: {"counter": 2, "instance": "blue-1"}\n\n',
]


@isolated
@mock.patch("store.views.streams.INTERVAL", 0)
class EventTests(SimpleTestCase):
    def assert_is_event_stream(self, response: HttpResponseBase) -> None:
        self.assertEqual(response["Content-Type"], "text/event-stream")
        self.assertEqual(response["Cache-Control"], "no-cache")

    def test_under_wsgi(self) -> None:
        response = self.client.get("/events/")
        self.assert_is_event_stream(response)
        self.assertFalse(response.is_async)
        self.assertEqual(list(islice(response, 3)), START)

    async def test_under_asgi(self) -> None:
        response = await AsyncClient().get("/events/")
        self.assert_is_event_stream(response)
        self.assertTrue(response.is_async)
        chunks = aiter(response)
        self.assertEqual([await anext(chunks) for _ in START], START)
        await chunks.aclose()


@isolated
class UpgradeRequiredTests(SimpleTestCase):
    def test_under_wsgi(self) -> None:
        response = self.client.get("/ws/chat/lobby/")
        self.assertContains(response, "this site is served over WSGI.", status_code=426)
        self.assertEqual(response["Content-Type"], "text/plain")
        self.assertNotIn("Upgrade", response)

    async def test_under_asgi(self) -> None:
        response = await AsyncClient().get("/ws/echo/")
        self.assertContains(response, "WebSocket client", status_code=426)
        self.assertEqual(response["Upgrade"], "websocket")

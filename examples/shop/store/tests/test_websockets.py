import json

from channels.testing import WebsocketCommunicator
from django.test import SimpleTestCase

from shop.asgi import application
from store.tests.base import isolated


def client(path: str, origin: str = "http://testserver") -> WebsocketCommunicator:
    return WebsocketCommunicator(application, path, headers=[(b"origin", origin.encode())])


@isolated
class EchoTests(SimpleTestCase):
    async def test_echoes(self) -> None:
        socket = client("/ws/echo/")
        self.assertTrue((await socket.connect())[0])
        await socket.send_to(text_data="hello")
        self.assertEqual(await socket.receive_from(), "hello")
        await socket.disconnect()


@isolated
class OriginTests(SimpleTestCase):
    async def accepted(self, socket: WebsocketCommunicator) -> bool:
        connected, _ = await socket.connect()
        await socket.disconnect()
        return connected

    async def test_own_host_is_accepted(self) -> None:
        self.assertTrue(await self.accepted(client("/ws/echo/", "https://testserver:8443")))

    async def test_other_sites_are_refused(self) -> None:
        self.assertFalse(await self.accepted(client("/ws/echo/", "https://elsewhere.example")))

    async def test_unknown_paths_are_refused(self) -> None:
        for path in ("/", "/ws/", "/ws/chat/two words/", f"/ws/chat/{'x' * 51}/"):
            with self.subTest(path):
                self.assertFalse(await self.accepted(client(path)))


@isolated
class ChatTests(SimpleTestCase):
    async def test_message_reaches_everyone_in_the_room_and_nobody_else(self) -> None:
        ada, bob, eve = client("/ws/chat/tea/"), client("/ws/chat/tea/"), client("/ws/chat/coffee/")
        for socket in (ada, bob, eve):
            self.assertTrue((await socket.connect())[0])
        await ada.send_to(text_data="hello")
        for socket in (ada, bob):
            self.assertEqual(json.loads(await socket.receive_from()), {"text": "hello", "instance": "blue-1"})
        self.assertTrue(await eve.receive_nothing())
        for socket in (ada, bob, eve):
            await socket.disconnect()

    async def test_long_messages_are_cut(self) -> None:
        socket = client("/ws/chat/tea/")
        await socket.connect()
        await socket.send_to(text_data="x" * 1000)
        self.assertEqual(json.loads(await socket.receive_from())["text"], "x" * 500)
        await socket.disconnect()

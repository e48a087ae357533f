import json
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

MESSAGE_LENGTH = 500


class EchoConsumer(AsyncWebsocketConsumer):
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(text_data=text_data, bytes_data=bytes_data)


class ChatConsumer(AsyncWebsocketConsumer):
    """Text in, JSON out: whatever one visitor sends, the channel layer carries to all in the same room."""

    async def connect(self) -> None:
        self.group = f"chat.{self.scope['url_route']['kwargs']['room']}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data:
            message = {"text": text_data[:MESSAGE_LENGTH], "instance": settings.INSTANCE}
            await self.channel_layer.group_send(self.group, {"type": "chat.message", "message": message})

    async def chat_message(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(event["message"]))


class RefuseConsumer(AsyncWebsocketConsumer):
    """For unknown paths: without a route Channels would log a traceback for every stray client."""

    async def connect(self) -> None:
        await self.close()

from django.urls import path, re_path

from store.consumers import ChatConsumer, EchoConsumer, RefuseConsumer
from store.urls import ROOM

websocket_urlpatterns = [
    path("ws/echo/", EchoConsumer.as_asgi()),
    re_path(rf"^ws/chat/{ROOM}/$", ChatConsumer.as_asgi()),
    re_path(r"", RefuseConsumer.as_asgi()),
]

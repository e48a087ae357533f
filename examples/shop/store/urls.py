from django.urls import path, re_path

from store.views import pages, probes, streams

# Names of groups in a channel layer must be short and plain ASCII.
ROOM = r"(?P<room>[-A-Za-z0-9_]{1,50})"

urlpatterns = [
    path("", pages.ProductList.as_view(), name="home"),
    path("order/", pages.OrderCreate.as_view(), name="order"),
    path("orders/", pages.OrderList.as_view(), name="orders"),
    path("upload/", pages.UploadCreate.as_view(), name="upload"),
    re_path(rf"^chat/{ROOM}/$", pages.chat, name="chat"),
    path("health/", probes.health, name="health"),
    path("sync/", probes.sync_probe, name="sync"),
    path("async/", probes.async_probe, name="async"),
    path("slow/", probes.slow, name="slow"),
    path("echo/", probes.echo, name="echo"),
    path("events/", streams.events, name="events"),
    re_path(r"^ws/", streams.upgrade_required),
]

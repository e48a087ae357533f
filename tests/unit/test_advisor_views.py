"""Async views: what they await, followed through the project, and what blocks the event loop meanwhile."""

import pytest

from tests.unit.advising import MakeProject, advised, only, places, with_view

VIEW = "async def page(request):\n"


def view(body: str, imports: str = "") -> str:
    """An async view with this body, its first line always 2 or, after an import, 3."""
    return (f"{imports}\n" if imports else "\n") + VIEW + "".join(f"    {line}\n" for line in body.splitlines())


@pytest.mark.parametrize(
    ("imports", "body"),
    [
        ("import asyncio", "await asyncio.sleep(1)"),
        ("import asyncio", "await asyncio.gather(asyncio.sleep(1), asyncio.sleep(1))"),
        ("from asyncio import sleep as nap", "await nap(1)"),
        ("import httpx", "async with httpx.AsyncClient() as client:\n    await client.get('x')"),
        ("import aiohttp", "async with aiohttp.ClientSession() as s:\n    await s.get('x')"),
        ("from redis import asyncio as redis", "await redis.Redis().get('x')"),
        ("from openai import AsyncOpenAI\nclient = AsyncOpenAI()", "await client.chat.completions.create()"),
        ("from openai import AsyncOpenAI", "ai = AsyncOpenAI()\nasync for part in await ai.chat.create(stream=True): pass"),
    ],
)
def test_waiting_for_the_network_on_an_async_library_is_a_gain(project: MakeProject, imports: str, body: str) -> None:
    advice = with_view(project, view(body, imports))
    assert (advice.interface, only(advice).weight) == ("asgi", "gains")
    assert "no thread waits" in only(advice).says


@pytest.mark.parametrize(
    ("imports", "body"),
    [
        ("from shop.models import Order", "await Order.objects.acount()"),
        ("from shop.models import Order", "order = await Order.objects.aget(pk=1)\nawait order.asave()"),
        ("from shop.models import Order", "async for order in Order.objects.filter(paid=True): pass"),
        ("from shop.models import Order", "rows = [row async for row in Order.objects.all()]"),
        ("from asgiref.sync import sync_to_async", "await sync_to_async(work)(1)"),
        ("from asgiref.sync import sync_to_async", "await sync_to_async(lambda: Order.objects.first())()"),
        ("import asyncio, requests", "await asyncio.to_thread(requests.get, 'x')"),
        ("import asyncio", "await asyncio.get_running_loop().run_in_executor(None, work)"),
        ("", "user = await request.auser()"),
    ],
)
def test_awaiting_what_runs_in_a_thread_is_no_gain(project: MakeProject, imports: str, body: str) -> None:
    advice = with_view(project, view(body, imports))
    assert (advice.interface, advice.sure, only(advice).weight) == ("wsgi", True, "note")
    assert "awaits only what runs in a thread" in only(advice).says


def test_an_async_view_that_awaits_nothing_is_no_gain(project: MakeProject) -> None:
    assert "awaits nothing" in only(with_view(project, view("return HttpResponse('ok')"))).says


def test_what_is_not_known_counts_for_nothing(project: MakeProject) -> None:
    advice = with_view(project, view("await oracle.ask()", "from somewhere import oracle"))
    assert (advice.interface, only(advice).weight) == ("wsgi", "note")
    assert "oracle.ask (shop/views.py:3)" in only(advice).says


@pytest.mark.parametrize(
    ("imports", "body", "instead"),
    [
        ("import time", "time.sleep(1)", "asyncio.sleep"),
        ("from time import sleep", "sleep(1)", "asyncio.sleep"),
        ("import requests", "requests.get('x')", "httpx.AsyncClient"),
        ("import requests", "with requests.Session() as s:\n    s.get('x')", "httpx.AsyncClient"),
        ("import httpx", "httpx.get('x')", "httpx.AsyncClient"),
        ("import httpx", "client = httpx.Client()\nclient.get('x')", "httpx.AsyncClient"),
        ("from urllib.request import urlopen", "urlopen('x')", "httpx.AsyncClient"),
        ("import subprocess", "subprocess.run(['x'])", "asyncio.create_subprocess_exec"),
        ("import redis", "r = redis.Redis()\nr.get('x')", "redis.asyncio"),
        ("from django.core.cache import cache", "cache.get('x')", "cache.aget, cache.aset, ..."),
    ],
)
def test_a_sync_call_in_an_async_view_blocks_everybody(project: MakeProject, imports: str, body: str, instead: str) -> None:
    advice = with_view(project, view(body, imports))
    (spoiled,) = advice.with_weight("spoils")
    assert (spoiled.rule, spoiled.fix, spoiled.line) == ("blocking", f"use {instead}", 2 + len(body.splitlines()))
    assert "async view page" in spoiled.says


@pytest.mark.parametrize(
    "body",
    [
        "Order.objects.get(pk=1)",
        "Order.objects.filter(paid=True).first()",
        "orders = Order.objects.all()\nfor order in orders: pass",
        "orders = list(Order.objects.filter(paid=True))",
        "order = await Order.objects.aget(pk=1)\norder.save()",
        "order = Order(name='x')\norder.save()",
        "order = get_object_or_404(Order, pk=1)",
        "with transaction.atomic(): pass",
    ],
)
def test_sync_orm_in_an_async_view_is_an_error_and_no_reason(project: MakeProject, body: str) -> None:
    imports = "from shop.models import Order; from django.shortcuts import get_object_or_404; from django.db import transaction"
    advice = with_view(project, view(body, imports))
    (spoiled,) = advice.with_weight("spoils")
    assert advice.interface == "wsgi"
    assert "SynchronousOnlyOperation" in spoiled.says


@pytest.mark.parametrize(
    "body",
    [
        "orders = Order.objects.filter(paid=True)",
        "form.save()",
        "data.get('x')",
        "cache = {}\ncache.get('x')",
        "names = list(names)",
    ],
)
def test_what_only_looks_like_a_query_is_left_alone(project: MakeProject, body: str) -> None:
    assert not places(with_view(project, view(body, "from shop.models import Order")), "spoils")


def test_a_view_that_waits_truly_and_blocks_as_well_gains_nothing(project: MakeProject) -> None:
    advice = with_view(project, view("await asyncio.sleep(1)\ntime.sleep(1)", "import asyncio, time"))
    assert (advice.interface, places(advice, "gains"), places(advice, "spoils")) == ("wsgi", [], ["shop/views.py:4"])


HELPER = "import requests, httpx\ndef fetch():\n    return requests.get('x')\n"
HELPER += "async def afetch():\n    await httpx.AsyncClient().get('x')\n"


def test_blocking_is_found_in_what_the_view_calls(project: MakeProject) -> None:
    advice = with_view(project, view("helper()\n", "from shop.service import fetch as helper"), service=HELPER)
    assert places(advice, "spoils") == ["shop/service.py:3"]


def test_a_query_is_found_in_what_the_view_calls(project: MakeProject) -> None:
    helper = "from shop.models import Order\ndef newest():\n    return Order.objects.first()\n"
    advice = with_view(project, view("newest()\n", "from shop.service import newest"), service=helper)
    assert places(advice, "spoils") == ["shop/service.py:3"]


def test_waiting_is_found_in_what_the_view_calls(project: MakeProject) -> None:
    advice = with_view(project, view("await service.afetch()\n", "from . import service"), service=HELPER)
    assert (only(advice).weight, only(advice).where) == ("gains", "shop/views.py:2")
    assert "shop/service.py:5" in only(advice).says


def test_it_is_followed_through_a_package_that_only_passes_names_on(project: MakeProject) -> None:
    passed = {"shop/services/__init__.py": "from .web import fetch\n", "shop/services/web.py": HELPER}
    urls = "from shop import views\nurlpatterns = [views.page]\n"
    root = project({**passed, "shop/views.py": view("fetch()", "from shop.services import fetch"), "shop/urls.py": urls})
    assert places(advised(root), "spoils") == ["shop/services/web.py:3"]


def test_what_a_method_calls_on_its_own_object_is_followed(project: MakeProject) -> None:
    text = (
        "import httpx, time\nfrom django.views import View\nclass Page(View):\n    def __init__(self):\n"
        "        self.client = httpx.AsyncClient()\n    async def get(self, request):\n        self.slow()\n"
        "        await self.client.get('x')\n    def slow(self):\n        time.sleep(1)\n"
    )
    advice = with_view(project, text, view="Page.as_view()")
    assert places(advice, "spoils") == ["shop/views.py:10"]
    assert "httpx.AsyncClient.get (shop/views.py:8), and blocks" in advice.with_weight("note")[0].says


def test_functions_that_call_each_other_are_read_once(project: MakeProject) -> None:
    text = "import time\nasync def page(request):\n    one()\ndef one():\n    two()\ndef two():\n    one()\n    time.sleep(1)\n"
    assert places(with_view(project, text), "spoils") == ["shop/views.py:8"]


def test_a_function_that_is_handed_to_a_thread_does_not_block(project: MakeProject) -> None:
    text = "from asgiref.sync import sync_to_async\n@sync_to_async\ndef work():\n    requests.get('x')\n" + view("await work()")
    assert not places(with_view(project, "import requests\n" + text), "spoils", "gains")


def test_a_generator_that_is_only_made_does_not_block(project: MakeProject) -> None:
    text = "import time\ndef ticks():\n    yield 1\n    time.sleep(1)\n" + view("return Response(ticks())")
    assert not places(with_view(project, text), "spoils")


def test_an_async_view_without_a_route_is_no_reason(project: MakeProject) -> None:
    advice = with_view(project, "import asyncio\nasync def old(request):\n    await asyncio.sleep(1)\n", view="page")
    assert (advice.interface, only(advice).says) == ("wsgi", "async view old: no route leads to it")


def test_a_view_that_a_decorator_routes_counts_even_inside_a_function(project: MakeProject) -> None:
    text = (
        "import asyncio\ndef register(api):\n    @api.get('/x')\n    async def wait(request):\n        await asyncio.sleep(1)\n"
    )
    assert only(advised(project({"shop/api.py": text}))).weight == "gains"


@pytest.mark.parametrize("file", ["shop/management/commands/bot.py", "shop/tests/test_bot.py", "tests_e2e/bot.py", "docs/bot.py"])
def test_async_code_that_answers_no_request_is_left_alone(project: MakeProject, file: str) -> None:
    text = "import asyncio, time\nasync def handle(request):\n    time.sleep(1)\n    await asyncio.sleep(1)\n"
    assert not advised(project({file: text, "shop/urls.py": "urlpatterns = [handle]\n"})).evidence


def test_an_async_consumer_that_blocks_is_to_mend(project: MakeProject) -> None:
    text = (
        "import time\nfrom channels.generic.websocket import AsyncJsonWebsocketConsumer\n"
        "class Chat(AsyncJsonWebsocketConsumer):\n    async def receive_json(self, content):\n        time.sleep(1)\n"
    )
    advice = advised(project({"shop/consumers.py": text}))
    assert places(advice, "spoils") == ["shop/consumers.py:5"]
    assert "consumer Chat.receive_json" in advice.with_weight("spoils")[0].says


def test_a_file_that_is_opened_is_told_and_decides_nothing(project: MakeProject) -> None:
    advice = with_view(project, view("await asyncio.sleep(1)\nopen('x')", "import asyncio"))
    assert (advice.interface, places(advice, "fix")) == ("asgi", ["shop/views.py:4"])

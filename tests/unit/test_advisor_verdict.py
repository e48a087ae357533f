"""WSGI or ASGI: verdicts on whole projects, and the traps that look like a reason for ASGI and are none."""

from pathlib import Path

import pytest

from advisor import Entry
from settings.source import Source
from tests.unit.advising import MakeProject, advised, only, places, with_view
from tests.unit.conftest import CHANNELS

TRULY = "import httpx\nasync def page(request):\n    async with httpx.AsyncClient() as client:\n        await client.get('x')\n"
ROUTER = "from channels.routing import ProtocolTypeRouter, URLRouter\nfrom shop.routing import routes\n"
ROUTED = ROUTER + "application = ProtocolTypeRouter({\n    'websocket': Auth(URLRouter(routes)),\n})\n"
EXAMPLE = Path(__file__).parents[2] / "examples/shop"


def test_a_plain_project_is_wsgi_without_a_doubt(project: MakeProject) -> None:
    advice = advised(project({"shop/views.py": "def page(request):\n    return render(request, 'page.html')\n"}))
    assert (advice.interface, advice.sure, advice.evidence) == ("wsgi", True, ())
    assert advice.because == "nothing in the project needs ASGI or gains from it"


def test_a_project_that_routes_websockets_is_asgi(project: MakeProject) -> None:
    advice = advised(project({"shop/asgi.py": CHANNELS}))
    assert (advice.interface, advice.sure, places(advice, "needs")) == ("asgi", True, ["shop/asgi.py:3"])
    assert advice.because == "shop/asgi.py:3 routes WebSockets (Channels): only ASGI has them"


def test_websockets_that_the_project_can_do_without_are_a_gain_and_no_need(project: MakeProject) -> None:
    root = project({"shop/asgi.py": CHANNELS})
    advice = advised(root, Entry(websockets_optional=True))
    assert (advice.interface, places(advice, "needs"), places(advice, "gains")) == ("asgi", [], ["shop/asgi.py:3"])


def test_an_asgi_app_of_ones_own_that_takes_websockets_is_asgi(project: MakeProject) -> None:
    own = "async def application(scope, receive, send):\n    if scope['type'] == 'websocket':\n        await chat(scope)\n"
    assert places(advised(project({"shop/asgi.py": own})), "needs") == ["shop/asgi.py:2"]


def test_another_asgi_app_beside_django_needs_asgi(project: MakeProject) -> None:
    both = "from fastapi import FastAPI\nfrom django.core.asgi import get_asgi_application\napi = FastAPI()\n"
    advice = advised(project({"shop/asgi.py": both}))
    assert (advice.interface, places(advice, "needs")) == ("asgi", ["shop/asgi.py:3"])


def test_a_project_without_wsgi_py_is_asgi(project: MakeProject) -> None:
    advice = advised(project(without=("shop/wsgi.py",)))
    assert (advice.interface, only(advice).where) == ("asgi", "shop/asgi.py:1")


def test_channels_that_is_only_installed_is_no_reason(project: MakeProject) -> None:
    advice = advised(project({"requirements.txt": "Django==5.2\nchannels==4.3\nchannels-redis\n"}))
    assert (advice.interface, advice.sure) == ("wsgi", True)
    assert (only(advice).where, only(advice).weight) == ("requirements.txt:2", "note")


@pytest.mark.parametrize("routes", ["routes = []\n", "routes: list = []\n"])
def test_a_websocket_router_without_routes_is_no_reason(project: MakeProject, routes: str) -> None:
    advice = advised(project({"shop/asgi.py": ROUTED, "shop/routing.py": routes}))
    assert (advice.interface, only(advice).weight, only(advice).where) == ("wsgi", "note", "shop/asgi.py:4")


def test_routes_that_are_filled_in_another_file_are_a_reason(project: MakeProject) -> None:
    assert advised(project({"shop/asgi.py": ROUTED, "shop/routing.py": "routes = [path('ws/', Chat)]\n"})).interface == "asgi"


def test_a_consumer_that_no_route_leads_to_is_no_reason(project: MakeProject) -> None:
    consumer = "from channels.generic.websocket import AsyncWebsocketConsumer\nclass Chat(AsyncWebsocketConsumer):\n    pass\n"
    advice = advised(project({"shop/consumers.py": consumer}))
    assert (advice.interface, only(advice).where, only(advice).weight) == ("wsgi", "shop/consumers.py:2", "note")


def test_a_layer_inside_one_process_is_to_mend_before_several_serve(project: MakeProject) -> None:
    layers = "CHANNEL_LAYERS = {\n    'default': {'BACKEND': 'channels.layers.InMemoryChannelLayer'},\n}\n"
    advice = advised(project({"shop/asgi.py": CHANNELS, "shop/settings.py": layers}))
    assert [one.where for one in advice.first] == ["shop/settings.py:2"]
    assert next(change.says for change in advice.changes if change.topic == "Redis").startswith("the channel layer needs one")


def test_a_redis_layer_with_a_fallback_for_development_is_fine(project: MakeProject) -> None:
    layers = "CHANNEL_LAYERS = {'a': 'channels_redis.core.RedisChannelLayer'}\nCHANNEL_LAYERS = {'a': 'x.InMemoryChannelLayer'}\n"
    assert not advised(project({"shop/asgi.py": CHANNELS, "shop/settings.py": layers})).first


def test_an_async_view_that_truly_waits_gains_from_asgi(project: MakeProject) -> None:
    advice = with_view(project, TRULY)
    assert (advice.interface, advice.sure, places(advice, "gains")) == ("asgi", True, ["shop/views.py:2"])


def test_what_only_gains_does_not_count_where_something_speaks_against_it(project: MakeProject) -> None:
    advice = with_view(project, TRULY, settings="CONN_MAX_AGE = 60\n")
    assert (advice.interface, advice.sure) == ("wsgi", False)
    assert "shop/settings.py:1 speaks against it" in advice.because


def test_what_needs_asgi_decides_even_so_and_the_rest_is_to_mend(project: MakeProject) -> None:
    advice = advised(project({"shop/asgi.py": CHANNELS, "shop/settings.py": "CONN_MAX_AGE = 60\n"}))
    assert (advice.interface, advice.sure, [one.where for one in advice.first]) == ("asgi", False, ["shop/settings.py:1"])


def test_few_async_views_among_many_are_too_few_to_be_sure(project: MakeProject) -> None:
    many = "".join(f"def page_{number}(request): ...\n" for number in range(20))
    advice = with_view(project, TRULY + many)
    assert (advice.interface, advice.sure) == ("wsgi", False)
    assert advice.because.startswith("only 1 of about 21 views")


def test_what_needs_asgi_in_a_project_without_asgi_py_stays_wsgi_for_now(project: MakeProject) -> None:
    events = (
        "async def ticks():\n    while True:\n        yield 'x'\ndef page(request):\n    return StreamingHttpResponse(ticks())\n"
    )
    root = project({"shop/views.py": "from django.http import StreamingHttpResponse\n" + events}, without=("shop/asgi.py",))
    advice = advised(root)
    assert (advice.interface, advice.sure) == ("wsgi", False)
    assert [one.fix for one in advice.first] == ["add one: get_asgi_application() in an asgi.py"]


@pytest.mark.parametrize(("pin", "bars"), [("Django==2.2.28", 1), ("django>=1.11,<2", 1), ("Django<5", 0), ("Django>=3.2", 0)])
def test_a_django_without_asgi_bars_it(project: MakeProject, pin: str, bars: int) -> None:
    assert len(places(advised(project({"requirements.txt": pin + "\n"})), "bars")) == bars


def test_the_example_is_asgi_and_nothing_is_left_to_mend() -> None:
    optional = advised(EXAMPLE, Entry(websockets_optional=True))
    assert (advised(EXAMPLE).interface, optional.interface, optional.sure, optional.first) == ("asgi", "asgi", True, ())


def test_advice_reads_files_and_runs_none(project: MakeProject, tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    root = project({"shop/settings.py": trap, "shop/asgi.py": trap + CHANNELS, "manage.py": trap})
    advised(root)
    assert Source(root).files
    assert not (tmp_path / "ran").exists()

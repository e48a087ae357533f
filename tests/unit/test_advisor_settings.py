"""What settings and middleware say against ASGI, and background work that belongs in a queue under either interface."""

import pytest

from advisor import Entry
from tests.unit.advising import MakeProject, advised, only, places, with_view

SYNC_ONLY = "class Stamp:\n    def __init__(self, get_response): ...\n    def __call__(self, request): ...\n"
MIXIN = (
    "from django.utils.deprecation import MiddlewareMixin\nclass Stamp(MiddlewareMixin):\n    def process_request(self, r): ...\n"
)
FUNCTION = "def Stamp(get_response):\n    def middleware(request): ...\n    return middleware\n"
BOTH = "from django.utils.decorators import sync_and_async_middleware\n@sync_and_async_middleware\n" + FUNCTION
LIST = "MIDDLEWARE = [\n    'django.middleware.common.CommonMiddleware',\n    'shop.middleware.Stamp',\n]\n"


@pytest.mark.parametrize("text", [SYNC_ONLY, FUNCTION, SYNC_ONLY.replace("Stamp:", "Stamp(object):\n    async_capable = False")])
def test_middleware_of_ones_own_that_is_sync_only_takes_a_thread(project: MakeProject, text: str) -> None:
    advice = advised(project({"shop/settings.py": LIST, "shop/middleware.py": text}))
    assert (advice.interface, advice.sure, only(advice).weight, only(advice).where) == (
        "wsgi",
        True,
        "spoils",
        "shop/middleware.py:1",
    )


@pytest.mark.parametrize("text", [MIXIN, BOTH, SYNC_ONLY.replace("Stamp:", "Stamp:\n    async_capable = True")])
def test_middleware_that_can_do_both_is_fine(project: MakeProject, text: str) -> None:
    assert not advised(project({"shop/settings.py": LIST, "shop/middleware.py": text})).evidence


def test_middleware_that_inherits_from_capable_middleware_is_fine(project: MakeProject) -> None:
    base = "class Base:\n    async_capable = True\n"
    text = "from shop.base import Base\n" + SYNC_ONLY.replace("Stamp:", "Stamp(Base):")
    assert not advised(project({"shop/settings.py": LIST, "shop/middleware.py": text, "shop/base.py": base})).evidence


@pytest.mark.parametrize(
    "text",
    [
        "MIDDLEWARE = ['whitenoise.middleware.WhiteNoiseMiddleware']\n",
        "MIDDLEWARE = []\nMIDDLEWARE += ['whitenoise.middleware.WhiteNoiseMiddleware']\n",
        "MIDDLEWARE = []\nMIDDLEWARE.insert(1, 'whitenoise.middleware.WhiteNoiseMiddleware')\n",
        "MIDDLEWARE = [] + ['whitenoise.middleware.WhiteNoiseMiddleware']\n",
    ],
)
def test_known_sync_middleware_is_found_however_it_is_listed(project: MakeProject, text: str) -> None:
    found = only(advised(project({"shop/settings.py": text})))
    assert (found.weight, found.line, found.fix) == ("spoils", text.count("\n"), "take it out: Nginx serves the static files")


def test_middleware_that_is_not_used_is_left_alone(project: MakeProject) -> None:
    assert not advised(project({"shop/settings.py": "MIDDLEWARE = []\n", "shop/middleware.py": SYNC_ONLY})).evidence


def test_sync_middleware_takes_the_gain_of_an_async_view_away(project: MakeProject) -> None:
    text = "import asyncio\nasync def page(request):\n    await asyncio.sleep(1)\n"
    advice = with_view(project, text, settings=LIST, middleware=SYNC_ONLY)
    assert (advice.interface, advice.sure) == ("wsgi", False)
    assert "shop/middleware.py:1 speaks against it" in advice.because


@pytest.mark.parametrize(
    "text",
    [
        "DATABASES = {'default': {'CONN_MAX_AGE': 60}}\n",
        "DATABASES = {'default': {'CONN_MAX_AGE': None}}\n",
        "DATABASES = {}\nDATABASES['default']['CONN_MAX_AGE'] = env.int('CONN_MAX_AGE', default=60)\n",
        "DATABASES = {'default': dj_database_url.config(conn_max_age=600)}\n",
        "DATABASES = {'default': {'CONN_MAX_AGE': int(os.environ.get('AGE', '300'))}}\n",
        "CONN_MAX_AGE = 5 * 60\n",
    ],
)
def test_connections_that_are_kept_leak_under_asgi(project: MakeProject, text: str) -> None:
    found = only(advised(project({"shop/settings.py": text})))
    assert (found.rule, found.weight, found.line) == ("database", "spoils", text.count("\n"))


@pytest.mark.parametrize(
    "value", ["0", "0 if os.environ.get('GATEWAY_INTERFACE') == 'asgi' else 60", "env.int('AGE', default=0)", "AGE_OF_OLD"]
)
def test_connections_that_end_with_the_request_are_fine(project: MakeProject, value: str) -> None:
    assert not advised(project({"shop/settings.py": f"DATABASES = {{'default': {{'CONN_MAX_AGE': {value}}}}}\n"})).evidence


@pytest.mark.parametrize(("value", "found"), [("True", 1), ("env.bool('ATOMIC', True)", 1), ("False", 0)])
def test_atomic_requests_breaks_every_async_view(project: MakeProject, value: str, found: int) -> None:
    text = "import asyncio\nasync def page(request):\n    await asyncio.sleep(1)\n"
    advice = with_view(project, text, settings=f"DATABASES = {{'default': {{'ATOMIC_REQUESTS': {value}}}}}\n")
    assert len(places(advice, "spoils")) == found
    assert advice.interface == ("wsgi" if found else "asgi")


def test_atomic_requests_without_async_views_is_fine(project: MakeProject) -> None:
    assert not advised(project({"shop/settings.py": "DATABASES = {'default': {'ATOMIC_REQUESTS': True}}\n"})).evidence


def test_the_check_against_sync_orm_must_stay_on(project: MakeProject) -> None:
    found = only(advised(project({"shop/settings.py": "import os\nos.environ['DJANGO_ALLOW_ASYNC_UNSAFE'] = '1'\n"})))
    assert (found.weight, found.line) == ("spoils", 2)


SERVED = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings.production')\n"


def test_the_settings_that_are_served_with_count_and_those_they_begin_from(project: MakeProject) -> None:
    files = {
        "shop/wsgi.py": SERVED,
        "shop/settings/__init__.py": "",
        "shop/settings/production.py": "from .base import *\n",
        "shop/settings/base.py": "CONN_MAX_AGE = 60\n",
        "shop/settings/local.py": "CONN_MAX_AGE = 90\n",
    }
    root = project(files, without=("shop/settings.py",))
    assert only(advised(root)).where == "shop/settings/base.py:1"
    assert only(advised(root, Entry(settings="shop.settings.local"))).where == "shop/settings/local.py:1"


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("import threading", "threading.Thread(target=work).start()"),
        ("from concurrent.futures import ThreadPoolExecutor", "ThreadPoolExecutor().submit(work)"),
        ("from multiprocessing import Process", "Process(target=work).start()"),
        ("from apscheduler.schedulers.background import BackgroundScheduler", "BackgroundScheduler().start()"),
    ],
)
def test_background_work_in_the_server_process_belongs_in_a_queue(project: MakeProject, imports: str, call: str) -> None:
    advice = with_view(project, f"{imports}\ndef page(request):\n    {call}\n")
    assert (advice.interface, advice.sure) == ("wsgi", True)
    assert (only(advice).rule, only(advice).where) == ("background", "shop/views.py:3")
    assert only(advice).fix == "a task queue with its own worker process"


def test_a_queue_that_the_project_has_is_named(project: MakeProject) -> None:
    text = "import threading\ndef page(request):\n    threading.Thread(target=work).start()\n"
    root = project({"shop/views.py": text, "requirements.txt": "Django\nCelery[redis]>=5\n"})
    assert only(advised(root)).fix == "hand it to celery, which the project has"


def test_a_task_that_nobody_awaits_is_lost(project: MakeProject) -> None:
    advice = with_view(project, "import asyncio\nasync def page(request):\n    asyncio.create_task(work())\n")
    (lost,) = [one for one in advice.evidence if one.rule == "background"]
    assert "WSGI cancels it when the view has answered" in lost.says


def test_threads_of_a_command_are_left_alone(project: MakeProject) -> None:
    text = "import threading\nthreading.Thread(target=work).start()\n"
    assert not advised(project({"shop/management/commands/run.py": text, "shop/tasks.py": text})).evidence

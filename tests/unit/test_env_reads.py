"""Which variables the settings cannot do without, read without running them; and which servers a URL leads to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from settings.env_reads import missing
from settings.peers import peers
from settings.source import Source
from tests.deployment import ROOT

NEEDED = [
    ('KEY = os.environ["PAYMENT_KEY"]', ["PAYMENT_KEY"]),
    ('from os import environ\nKEY = environ["PAYMENT_KEY"].strip()', ["PAYMENT_KEY"]),
    ('X = {"default": parse(os.environ["DATABASE_URL"])}', ["DATABASE_URL"]),
    (
        'import environ\nenv = environ.Env()\nA = env("A_KEY")\nB = env.int("B_KEY")\nC = env("C_KEY", default="x")',
        ["A_KEY", "B_KEY"],
    ),
    ('from decouple import config\nA = config("A_KEY")\nB = config("B_KEY", default="")', ["A_KEY"]),
]
NOT_NEEDED = [
    'KEY = os.environ.get("PAYMENT_KEY")',
    'KEY = os.environ["PAYMENT_KEY"] if PROD else ""',
    'if PROD:\n    KEY = os.environ["PAYMENT_KEY"]',
    'try:\n    KEY = os.environ["PAYMENT_KEY"]\nexcept KeyError:\n    KEY = ""',
    'def f():\n    return os.environ["PAYMENT_KEY"]',
    'env = lambda name: ""\nA = env("A_KEY")',
    'os.environ["TZ"] = "UTC"',
    'M = os.environ["DJANGO_SETTINGS_MODULE"]\nI = os.environ["GATEWAY_INTERFACE"]',
    "KEY = os.environ[",
]


@pytest.mark.parametrize(("text", "names"), NEEDED)
def test_a_variable_without_a_default_is_needed(text: str, names: list[str], project: Callable[..., Path]) -> None:
    source = Source(project({"shop/settings.py": text + "\n"}))
    assert [one.name for one in missing(source, "shop.settings", ())] == names
    assert missing(source, "shop.settings", names) == []


@pytest.mark.parametrize("text", NOT_NEEDED)
def test_a_choice_or_a_default_needs_nothing(text: str, project: Callable[..., Path]) -> None:
    assert missing(Source(project({"shop/settings.py": text + "\n"})), "shop.settings", ()) == []


def test_the_modules_that_the_settings_import_from_count_too(project: Callable[..., Path]) -> None:
    files = {
        "shop/settings/__init__.py": "",
        "shop/settings/base.py": '\nKEY = os.environ["BASE_KEY"]\n',
        "shop/settings/prod.py": 'from .base import *\nMAIL = os.environ["MAIL_KEY"]\n',
    }
    found = missing(Source(project(files, without=("shop/settings.py",))), "shop.settings.prod", ())
    assert [(one.name, one.file, one.line) for one in found] == [
        ("MAIL_KEY", "shop/settings/prod.py", 2),
        ("BASE_KEY", "shop/settings/base.py", 2),
    ]


def test_the_example_needs_nothing_that_a_site_does_not_get() -> None:
    assert missing(Source(ROOT / "examples/shop"), "shop.settings", ("SECRET_KEY",)) == []


@pytest.mark.parametrize(
    ("url", "peer"),
    [
        ("postgres://u:p@db.example/shop", ("db.example", "5432")),
        ("postgresql+psycopg://u:p@db.example:6432/shop", ("db.example", "6432")),
        ("postgres://shop@%2Fvar%2Frun%2Fpostgresql/shop", ("/var/run/postgresql/.s.PGSQL.5432",)),
        ("postgres://u:p@%2FVar%2FRun:6432/shop", ("/Var/Run/.s.PGSQL.6432",)),
        ("mysql://u:p@[::1]/shop", ("::1", "3306")),
        ("rediss://:p@cache.example:6380/0", ("cache.example", "6380")),
        ("unix:///run/redis/redis.sock?db=0", ("/run/redis/redis.sock",)),
    ],
)
def test_a_url_of_a_data_service_leads_somewhere(url: str, peer: tuple[str, ...]) -> None:
    assert peers({"URL": url}) == {"URL": peer}


@pytest.mark.parametrize(
    "value", ["", "x", "https://shop.example", "sqlite:////srv/shop/data/db.sqlite3", "postgres://[bad", "redis://"]
)
def test_other_values_lead_nowhere(value: str) -> None:
    assert peers({"URL": value}) == {}


def test_a_host_and_a_port_in_variables_of_their_own_lead_somewhere_too() -> None:
    assert peers({"DB_HOST": "db.example", "DB_PORT": "6432"}) == {"DB_HOST": ("db.example", "6432")}
    assert peers({"DB_HOST": "/run/postgresql"}) == {"DB_HOST": ("/run/postgresql/.s.PGSQL.5432",)}

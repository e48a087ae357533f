import os
import runpy
from typing import Any
from unittest import mock

from channels_redis.core import RedisChannelLayer
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase

from shop import settings as settings_module

SOCKET_URL = "postgres://shop@%2Frun%2Fservices/shop"


def settings(**env: str) -> dict[str, Any]:
    """The settings as a process with just this environment would see them."""
    with mock.patch.dict(os.environ, env, clear=True):
        return runpy.run_path(settings_module.__file__)


class EnvironmentTests(SimpleTestCase):
    def test_secret_key_is_required(self) -> None:
        for env in ({}, {"SECRET_KEY": ""}):
            with self.subTest(env), self.assertRaisesMessage(ImproperlyConfigured, "SECRET_KEY"):
                settings(**env)

    def test_defaults_suit_a_developer_but_are_not_debug(self) -> None:
        values = settings(SECRET_KEY="x")
        self.assertFalse(values["DEBUG"])
        self.assertFalse(values["SESSION_COOKIE_SECURE"])
        self.assertEqual(values["DATABASES"]["default"]["NAME"], str(values["BASE_DIR"] / "db.sqlite3"))
        self.assertIn("InMemory", values["CHANNEL_LAYERS"]["default"]["BACKEND"])
        self.assertIn("Manifest", values["STORAGES"]["staticfiles"]["BACKEND"])

    def test_lists_are_split_at_commas(self) -> None:
        values = settings(SECRET_KEY="x", ALLOWED_HOSTS="a.example, b.example,")
        self.assertEqual(values["ALLOWED_HOSTS"], ["a.example", "b.example"])

    def test_https_turns_on_all_that_depends_on_it(self) -> None:
        values = settings(SECRET_KEY="x", HTTPS="on", HSTS_SECONDS="3600")
        for name in ("CSRF_COOKIE_SECURE", "SESSION_COOKIE_SECURE", "SECURE_HSTS_SECONDS", "SECURE_SSL_REDIRECT"):
            with self.subTest(name):
                self.assertTrue(values[name])

    def test_redis_serves_cache_and_channel_layer(self) -> None:
        url = "unix:///run/services/redis.sock?db=0"
        values = settings(SECRET_KEY="x", REDIS_URL=url)
        self.assertEqual(values["CACHES"]["default"]["LOCATION"], url)
        (host,) = values["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"]
        self.assertEqual(host["address"], url)
        self.assertGreater(host["socket_timeout"], RedisChannelLayer.brpop_timeout)


class DatabaseTests(SimpleTestCase):
    def database(self, interface: str, url: str = SOCKET_URL) -> dict[str, Any]:
        return settings(SECRET_KEY="x", GATEWAY_INTERFACE=interface, DATABASE_URL=url)["DATABASES"]["default"]

    def test_socket_directory_is_a_host(self) -> None:
        database = self.database("wsgi")
        self.assertEqual((database["HOST"], database["USER"], database["NAME"]), ("/run/services", "shop", "shop"))

    def test_connections_are_kept_under_wsgi(self) -> None:
        database = self.database("wsgi")
        self.assertEqual((database["CONN_MAX_AGE"], database["CONN_HEALTH_CHECKS"]), (60, True))
        self.assertNotIn("OPTIONS", database)

    def test_connections_are_pooled_under_asgi(self) -> None:
        database = self.database("asgi")
        self.assertEqual(database["CONN_MAX_AGE"], 0)
        self.assertIn("pool", database["OPTIONS"])

    def test_sqlite_has_no_pool(self) -> None:
        self.assertNotIn("OPTIONS", self.database("asgi", "sqlite:///shop.db"))

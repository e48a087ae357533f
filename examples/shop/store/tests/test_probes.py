import hashlib
from unittest import mock

from django.db import OperationalError, connection
from django.test import AsyncClient, TestCase, override_settings

from store.tests.base import isolated

IDENTITY = {"release": "2026.11", "interface": "test", "instance": "blue-1"}


@isolated
class HealthTests(TestCase):
    def test_says_who_answers(self) -> None:
        response = self.client.get("/health/")
        self.assertEqual(response.json(), {"status": "ok", **IDENTITY})
        self.assertIn("no-store", response["Cache-Control"])

    @override_settings(HEALTH_STATUS=500)
    def test_fault_can_be_ordered(self) -> None:
        response = self.client.get("/health/")
        self.assertEqual((response.status_code, response.json()["status"]), (500, "error"))

    def test_needs_the_database(self) -> None:
        with (
            mock.patch.object(connection, "cursor", side_effect=OperationalError("gone")),
            self.assertLogs("store", "ERROR"),
        ):
            self.assertEqual(self.client.get("/health/").status_code, 503)

    @override_settings(SECURE_SSL_REDIRECT=True)
    def test_is_not_redirected_to_https(self) -> None:
        self.assertEqual(self.client.get("/health/").status_code, 200)
        self.assertEqual(self.client.get("/").status_code, 301)
        self.assertEqual(self.client.get("/", headers={"X-Forwarded-Proto": "https"}).status_code, 200)


@isolated
class IdentityHeaderTests(TestCase):
    def assert_identity(self, headers: dict[str, str]) -> None:
        self.assertEqual({name: headers[f"X-{name.title()}"] for name in IDENTITY}, IDENTITY)

    def test_are_in_every_response(self) -> None:
        for path in ("/", "/health/", "/async/", "/missing/", "/ws/echo/"):
            with self.subTest(path):
                self.assert_identity(self.client.get(path).headers)

    async def test_are_in_every_response_under_asgi(self) -> None:
        for path in ("/", "/health/", "/async/", "/missing/", "/ws/echo/"):
            with self.subTest(path):
                self.assert_identity((await AsyncClient().get(path)).headers)

    def test_are_in_responses_of_other_middleware(self) -> None:
        with self.assertLogs("django.security.DisallowedHost"):
            response = self.client.get("/", headers={"Host": "elsewhere.example"})
        self.assertEqual(response.status_code, 400)
        self.assert_identity(response.headers)


@isolated
class ProbeTests(TestCase):
    def test_sync(self) -> None:
        with self.assertNumQueries(0):
            self.assertEqual(self.client.get("/sync/").json(), {"view": "sync", **IDENTITY})

    def test_async_under_wsgi(self) -> None:
        self.assertEqual(self.client.get("/async/").json(), {"view": "async", "products": 5, **IDENTITY})

    async def test_async_under_asgi(self) -> None:
        response = await AsyncClient().get("/async/")
        self.assertEqual(response.json(), {"view": "async", "products": 5, **IDENTITY})

    def test_slow_sleeps_within_its_limits(self) -> None:
        for asked, slept in (("0.25", 0.25), ("-1", 0.0), ("99", 10.0), ("inf", 10.0), ("nan", 0.0)):
            with self.subTest(asked), mock.patch("asyncio.sleep") as sleep:
                self.assertEqual(self.client.get("/slow/", {"seconds": asked}).json()["seconds"], slept)
                sleep.assert_awaited_with(slept)

    def test_slow_refuses_words(self) -> None:
        self.assertEqual(self.client.get("/slow/?seconds=soon").status_code, 400)

    def test_echo_takes_bodies_larger_than_the_memory_limit(self) -> None:
        body = b"x" * 3_000_000
        response = self.client.post("/echo/", body, content_type="application/octet-stream")
        digest = hashlib.sha256(body).hexdigest()
        asked = {"client": "127.0.0.1", "scheme": "http", "host": "testserver", "id": ""}
        self.assertEqual(
            response.json(),
            {"length": len(body), "sha256": digest, "type": "application/octet-stream", "asked": asked, **IDENTITY},
        )

    async def test_echo_under_asgi(self) -> None:
        response = await AsyncClient(enforce_csrf_checks=True).post("/echo/", {"a": 1}, content_type="application/json")
        self.assertEqual(response.json()["length"], len(b'{"a": 1}'))

    def test_echo_wants_post(self) -> None:
        self.assertEqual(self.client.get("/echo/").status_code, 405)

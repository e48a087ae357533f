"""What config and engine say together: another stack's site, a taken port."""

import socket
from collections.abc import Iterator

import pytest

from settings import ConfigError, ConfigErrors
from settings.preflight import check_engine
from targets.observation import Observation
from tests import ports
from tests.unit.conftest import settings_of

OWNER = "gateway/prod"


def refused(port: int, observed: Observation, address: str = "127.0.0.1") -> list[ConfigError]:
    with pytest.raises(ConfigErrors) as caught:
        check_engine(settings_of(httpPort=port, listenAddress=address), OWNER, observed)
    return caught.value.errors


@pytest.fixture
def free_port() -> int:
    return ports.free_port()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield int(holder.getsockname()[1])


def test_an_empty_engine_and_a_free_port_are_fine(free_port: int) -> None:
    check_engine(settings_of(httpPort=free_port, listenAddress="127.0.0.1"), OWNER, Observation())


def test_a_port_that_another_program_has_is_refused(taken_port: int) -> None:
    (error,) = refused(taken_port, Observation())
    assert (error.key, error.got) == ("httpPort", f"{taken_port}, which another program on this machine has")


def test_a_port_that_is_taken_on_any_address_is_refused(taken_port: int) -> None:
    assert refused(taken_port, Observation(), "0.0.0.0")[0].key == "httpPort"


def test_a_port_that_another_container_has_is_refused_with_its_name(free_port: int) -> None:
    (error,) = refused(free_port, Observation(ports={free_port: "blog-nginx"}))
    assert (error.key, error.got) == ("httpPort", f"{free_port}, which container blog-nginx has")


def test_a_port_that_the_sites_own_proxy_has_is_fine(taken_port: int) -> None:
    check_engine(settings_of(httpPort=taken_port), OWNER, Observation(ports={taken_port: "shop-nginx"}))


def test_nobody_looks_for_a_port_of_an_engine_elsewhere(taken_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://root@elsewhere")
    check_engine(settings_of(httpPort=taken_port), OWNER, Observation())


def test_a_name_that_another_stack_serves_is_refused(free_port: int) -> None:
    (error,) = refused(free_port, Observation(owners=frozenset({OWNER, "gateway/staging"})))
    assert (error.key, error.got) == ("app.name", "'shop', which stack gateway/staging serves on this engine")
    assert error.takes == "a name that no other stack has; or joins, where both serve one site"


def test_a_site_of_its_own_stack_is_fine(free_port: int) -> None:
    check_engine(settings_of(httpPort=free_port), OWNER, Observation(owners=frozenset({OWNER})))


def test_name_and_port_are_told_together(taken_port: int) -> None:
    assert [error.key for error in refused(taken_port, Observation(owners=frozenset({"x/y"})))] == ["app.name", "httpPort"]


def test_a_stack_that_joins_another_ones_site_is_welcome_where_that_is() -> None:
    joined = settings_of(joins="first", listenAddress="127.0.0.1")
    there = Observation(at="now", owners=frozenset({"gateway/first"}), ports={8080: "shop-nginx"})
    check_engine(joined, OWNER, there)
    with pytest.raises(ConfigErrors, match="config gateway:joins: got 'first', which serves no 'shop' on this engine"):
        check_engine(joined, OWNER, Observation(at="now", ports={8080: "shop-nginx"}))

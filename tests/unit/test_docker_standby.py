"""Going back to a standby on Docker: whether its code fits the schema is asked of the database, or told by what was noted."""

from typing import Any

import pytest

from targets.common.errors import AgentError
from targets.common.inside import REFUSED
from targets.docker import way_back
from targets.docker.agent import code, engine
from targets.observation import KeptRelease, Observation
from targets.serving import Serving

OLD, NEW = "1" * 10, "2" * 10


class Standby:
    """A container whose guard ends like this."""

    def __init__(self, status: int, said: str) -> None:
        self.status, self.said = status, said

    def exec_run(self, _: list[str]) -> tuple[int, bytes]:
        return self.status, self.said.encode()


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(engine, "put", lambda *_: None)
    monkeypatch.setattr(code, "env_of", lambda _: "e" * 10)

    def asked(status: int, said: str, *brought: str) -> None:
        releases = {
            OLD: KeptRelease("", frozenset({"store.0001_a"})),
            NEW: KeptRelease("", frozenset({"store.0001_a", *brought})),
        }
        serving = Serving(interface="wsgi", server="gunicorn", release=NEW, instance="i" * 10)
        container: Any = Standby(status, said)
        way_back._ask_schema(container, OLD, Observation(serving=serving, releases=releases), ["hush-hush"])

    return asked


def test_a_database_that_knows_more_refuses_in_its_own_words(ask: Any) -> None:
    words = f"release {OLD} does not know migrations that have been applied to the database since it served: store.0002_b"
    with pytest.raises(AgentError) as caught:
        ask(REFUSED, f"some talk\n{words}\n")
    assert str(caught.value) == words


def test_a_database_that_cannot_be_asked_is_no_yes_for_code_that_lacks_migrations(ask: Any) -> None:
    said = "Traceback\ndjango.db.utils.OperationalError: connection of hush-hush failed\n"
    with pytest.raises(AgentError, match=r"which serves: store\.0002_b; ") as caught:
        ask(1, said, "store.0002_b")
    assert "(django.db.utils.OperationalError: connection of [secret] failed)" in str(caught.value)
    ask(1, said)


def test_a_schema_that_fits_is_a_yes_whatever_the_code_has(ask: Any) -> None:
    ask(0, "", "store.0002_b")

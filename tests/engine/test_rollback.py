"""Going back while people are shopping: code, dependency, interface, server, env, secret and Nginx's configuration together."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.load import Load
from tests import revealing, seven
from tests.deployment import Deployment
from tests.seven import State


@pytest.fixture(scope="module", params=[3, pytest.param(10, marks=pytest.mark.long)])
def releases(request: pytest.FixtureRequest) -> int:
    """How many differing updates are made; all but the first and the last are gone back to, at most five."""
    return int(request.param)


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment], releases: int) -> Deployment:
    site = deploy("returning")
    revealing.install(site)
    site.config |= {"drainSeconds": 5, "keepReleases": 20 + releases, "health": {"timeout": 60}}
    return site


@pytest.fixture(scope="module")
def states(site: Deployment, releases: int) -> list[State]:
    """As many updates, each another in all of the seven."""
    return [seven.deploy(site, number) for number in range(releases)]


def _same_site(site: Deployment, state: State) -> None:
    """The seven are as they were; and config file, state and hosts say the same."""
    now = seven.state(site, state.update)
    assert now == state
    outputs = site.outputs()
    assert {key: outputs[key] for key in ("interface", "release", "instance")} == {
        key: state.health[key] for key in ("interface", "release", "instance")
    }
    written = site.file_config()
    assert (written["interface"], written["server"]) == (state.health["interface"], state.server)
    assert written["env"] == {"LEVEL": state.facts["LEVEL"]}
    assert site.containers("instance") == {f"{site.app}-{state.health['instance']}": "running"}
    assert site.would_change() == ""


def test_any_of_the_last_five_comes_back_whole_and_nobody_notices(site: Deployment, states: list[State]) -> None:
    wanted = states[max(0, len(states) - 6) : -1]
    random.Random(6).shuffle(wanted)
    for state in wanted:
        with Load(base_url=site.url, host="localhost", rate=40, post_rate=5, slow=1, idle=4, clients=4) as load:
            result = site.rollback(state.update)
        assert result.status == 0, result.text
        # Another template is a reload of Nginx, which closes idle clients; one that sends at that moment has to send again.
        assert load.report.lost == 0, load.report.summary()
        assert load.report.errors == ()
        assert f"goes back to update {state.update} " in result.out
        assert f"token {state.update - 1}" not in result.text
        _same_site(site, state)
        with site.client() as browser:
            for other in states:
                assert browser.get(other.static).status_code == 200, f"static files of update {other.update}"


def test_two_rollbacks_in_a_row_go_back_two_steps(site: Deployment, states: list[State]) -> None:
    site.config |= {"interface": "wsgi", "server": "gunicorn", "env": {"LEVEL": "onwards"}}
    site.must_up()
    newest = seven.state(site, site.updates())
    latest = states[-1]
    site.must_rollback(latest.update)
    for state in (states[-2], states[-3]):
        result = site.rollback()
        assert result.status == 0, result.text
        assert f"traffic is back on instance {state.health['instance']} after " in result.out
        _same_site(site, state)
    site.must_rollback(newest.update)
    assert site.health() == newest.health


def test_after_a_rollback_an_up_stays_there_until_the_source_is_another(site: Deployment, states: list[State]) -> None:
    back = states[1]
    site.must_rollback(back.update)
    again = site.again()
    assert again.status == 0, again.text
    assert f"rolled back to update {back.update}" in again.out
    assert "nothing to do" in again.out
    revealing.code(site, "mended")
    forward = site.again()
    assert forward.status == 0, forward.text
    with site.client() as browser:
        assert browser.get("/facts/").json()["code"] == "mended"
    assert {"release"}.isdisjoint(site.file_config())
    site.must_rollback()
    assert site.health() == back.health


def test_after_failed_updates_a_rollback_takes_them_back_and_the_next_goes_on(site: Deployment, states: list[State]) -> None:
    site.must_rollback(states[2].update)
    serving = site.health()
    for status in ("500", "503"):
        revealing.code(site, status)
        site.config |= {"env": {"LEVEL": "broken", "HEALTH_STATUS": status}, "health": {"timeout": 2}}
        assert site.up().status == 1
    site.config["health"] = {"timeout": 60}
    taken_back = site.rollback()
    assert taken_back.status == 0, taken_back.text
    assert site.health() == serving
    assert site.file_config()["env"] == {"LEVEL": states[2].facts["LEVEL"]}
    site.must_rollback()
    _same_site(site, states[1])


def test_a_second_clone_without_the_source_goes_back_too(site: Deployment, states: list[State], tmp_path: Path) -> None:
    ignore = shutil.ignore_patterns(".gateway", "examples", "__pycache__")
    clone = tmp_path / "gateway"
    shutil.copytree(site.folder, clone, symlinks=True, ignore=ignore)
    (clone / "Pulumi.dev.yaml").unlink()
    folder, env = site.folder, dict(site.env)
    try:
        site.learn()
        site.folder = clone
        result = site.rollback(states[-1].update)
        assert result.status == 0, result.text
        _same_site(site, states[-1])
        assert "nothing to do" in site.again().out
        shutil.copy(clone / "Pulumi.dev.yaml", folder)
    finally:
        site.folder, site.env = folder, env


def test_history_tells_what_served_and_what_changed_and_no_value(site: Deployment, states: list[State]) -> None:
    told = site.ops("history", "--last", "100")
    assert told.status == 0, told.text
    lines = [line for line in told.out.splitlines() if line[:1].isdigit()]
    assert len(lines) == site.updates()
    second = next(line for line in lines if line.startswith(f"{states[1].update} "))
    for word in ("succeeded", "asgi", "uvicorn", states[1].health["release"], states[1].health["instance"], "env LEVEL"):
        assert word in second, second
    assert "secret API_TOKEN" in second
    assert sum("succeeded, serves" in line for line in lines) == 1
    assert sum("succeeded, rollback" in line for line in lines) <= 1
    assert "token" not in told.out.replace("API_TOKEN", "")
    assert "level" not in told.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--to", "999"), "cannot go back to update 999: there is no such update; those that served:"),
        (("--to", "0"), "Invalid value for '--to'"),
    ],
)
def test_an_update_that_is_not_there_is_refused_and_nothing_is_touched(
    site: Deployment, states: list[State], arguments: tuple[str, ...], words: str
) -> None:
    before: tuple[Any, Any] = (site.health(), site.file_config())
    result = site.ops("rollback", *arguments)
    assert result.status == 2, result.text
    assert words in result.err
    assert (site.health(), site.file_config()) == before


def test_a_release_that_is_no_longer_kept_is_said_so_with_those_that_are(site: Deployment, states: list[State]) -> None:
    gone = states[0].health["release"]
    for tag in (f"gateway/{site.app}:{gone}",):
        site.docker.images.remove(tag, force=True)
    before: tuple[Any, Any] = (site.health(), site.file_config())
    result = site.rollback(states[0].update)
    assert result.status == 2, result.text
    first = result.err.splitlines()[0]
    assert first.startswith(f"release {gone} is not kept any more; kept are: ")
    assert f"{before[0]['release']} (update " in first
    assert "way out" in first
    assert (site.health(), site.file_config()) == before


def test_secrets_of_another_passphrase_are_refused_and_never_written(site: Deployment, states: list[State]) -> None:
    if not shutil.which("pulumi"):
        pytest.skip("no pulumi on PATH, which changes a passphrase")
    site.learn()
    passphrase = site.folder / "other-passphrase"
    passphrase.write_text("another passphrase")
    changed = site.pulumi("stack", "change-secrets-provider", "passphrase", text="another passphrase\nanother passphrase\n")
    assert changed.status == 0, changed.text
    site.env["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(passphrase)
    before: tuple[Any, Any] = (site.health(), site.file_config())
    target = next(state for state in states[1:] if state.health != before[0])
    refused = site.rollback(target.update)
    assert refused.status == 2, refused.text
    assert "is encrypted with another passphrase" in refused.err.splitlines()[0]
    assert f"TO={target.update} SECRETS=today" in refused.err
    assert (site.health(), site.file_config()) == before

    token = json.loads(site.pulumi("config", "--json", "--show-secrets").out)["gateway:secrets"]["objectValue"]["API_TOKEN"]
    done = site.rollback(target.update, "--secrets", "today")
    assert done.status == 0, done.text
    with site.client() as browser:
        told = browser.get("/facts/").json()
    assert told == {**target.facts, "API_TOKEN": token}
    assert "ERROR_UNABLE" not in (site.folder / "Pulumi.dev.yaml").read_text()

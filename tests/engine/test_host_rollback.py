"""Going back on hosts while people are shopping: all seven come back, also where a host was rebuilt, damaged, down or killed."""

import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bench.load import Load
from tests import revealing, seven
from tests.deployment import eventually, kill
from tests.hosting import HostDeployment
from tests.live.database import Database
from tests.live.hosts import TestHost
from tests.seven import State

RELEASES = 10
"""So many updates are made on two hosts; the last five before the present one are gone back to."""


@contextmanager
def people(site: HostDeployment) -> Iterator[None]:
    """Load on every host; no request is lost. Another template is a reload of Nginx, which closes idle clients."""
    with ExitStack() as stack:
        loads = [
            stack.enter_context(
                Load(base_url=site.url_of(host), host=site.domain, rate=20, post_rate=3, slow=1, idle=2, clients=3)
            )
            for host in site.hosts
        ]
        yield
    for load in loads:
        assert load.report.lost == 0, load.report.summary()
        assert load.report.errors == ()
        assert load.report.ok > 0, "or nobody was there"


def expect(site: HostDeployment, state: State, *, running: int = 1) -> None:
    """The seven are as they were on every host; and config file, state and hosts say the same."""
    for host in site.hosts:
        assert seven.state(site, state.update, host) == state, host.address
        assert state.health["instance"] in site.units(host)
        assert len(site.units(host)) == running
        assert json.loads(host.run("cat", f"/etc/{site.app}/serving.json"))["live"] == state.health["instance"]
        assert host.run("readlink", f"/srv/{site.app}/current").strip() == f"releases/{state.health['release']}"
    outputs, written = site.outputs(), site.file_config()
    assert (outputs["instance"], outputs["release"]) == (state.health["instance"], state.health["release"])
    assert (written["interface"], written["env"]["LEVEL"]) == (state.health["interface"], state.facts["LEVEL"])


def static_files(site: HostDeployment, states: list[State]) -> set[int]:
    """Statuses with which the static files of those states answer, on every host."""
    found = set()
    for host in site.hosts:
        with seven.browser_of(site, host) as browser:
            found |= {browser.get(state.static).status_code for state in states}
    return found


@pytest.fixture(scope="module")
def site(linux: Callable[..., TestHost], deploy_to_hosts: Callable[..., HostDeployment]) -> HostDeployment:
    site = deploy_to_hosts("turnback", [linux("back")])
    revealing.install(site)
    site.config |= {"workers": 1, "drainSeconds": 3, "health": {"timeout": 60}}
    return site


def test_everything_comes_back_on_a_host_and_nobody_notices(site: HostDeployment) -> None:
    first, second = (seven.deploy(site, number, six="1.17.0") for number in (0, 1))
    with people(site):
        result = site.rollback()
    assert result.status == 0, result.text
    assert "goes back to update 1 " in result.out
    assert "token" not in result.text.replace("API_TOKEN", "")
    expect(site, first)
    assert static_files(site, [first, second]) == {200}
    logins = site.logins()
    again = site.again()
    assert "rolled back to update 1" in again.out
    assert "nothing to do" in again.out
    assert site.logins() == logins, "and nobody has to log in to see that"


def test_with_a_standby_going_back_is_one_rename_and_starts_nothing(site: HostDeployment) -> None:
    first, (host,) = site.health()["instance"], site.hosts
    done = site.must_up(standby=True, watchSeconds=1)
    assert re.search(rf"instance {first} is kept running, \d\d+ MiB of memory", done.out), done.out
    assert site.outputs()["hosts"][host.address]["standby"] == first
    process = _process(site, first)
    with people(site):
        back = site.rollback()
    assert back.status == 0, back.text
    assert f"traffic is back on the standby {first} after " in back.out
    assert site.health()["instance"] == site.outputs()["instance"] == first
    assert _process(site, first) == process
    assert len(site.units()) == 2, "now the other one is the standby"


def _process(site: HostDeployment, instance: str) -> str:
    return site.hosts[0].run("systemctl", "show", f"{site.app}-{instance}.service", "-p", "MainPID,NRestarts")


@pytest.fixture(scope="module")
def pair(linux: Callable[..., TestHost], deploy_to_hosts: Callable[..., HostDeployment], database: Database) -> HostDeployment:
    site = deploy_to_hosts("turnpair", [linux("pair0"), linux("pair1")], database=database.url("turnpair"))
    revealing.install(site)
    site.config |= {"workers": 1, "drainSeconds": 3, "keepReleases": 20, "health": {"timeout": 60}}
    return site


@pytest.fixture(scope="module")
def states(pair: HostDeployment) -> list[State]:
    """As many updates, each another in all of the seven."""
    return [seven.deploy(pair, number) for number in range(RELEASES)]


@pytest.mark.long
@pytest.mark.parametrize("number", random.Random(5).sample(range(RELEASES - 6, RELEASES - 1), 5))
def test_any_of_them_comes_back_whole_on_two_hosts(pair: HostDeployment, states: list[State], number: int) -> None:
    with people(pair):
        result = pair.rollback(states[number].update)
    assert result.status == 0, result.text
    expect(pair, states[number])
    assert static_files(pair, states) == {200}
    preview = pair.pulumi("preview", "--expect-no-changes")
    assert preview.status == 0, preview.text


@pytest.mark.long
def test_after_a_failed_update_the_failure_is_taken_back_and_the_next_rollback_goes_on(
    pair: HostDeployment, states: list[State]
) -> None:
    pair.must_rollback(states[2].update)
    revealing.code(pair, "500")
    pair.config["env"] = {**pair.config["env"], "LEVEL": "broken", "HEALTH_STATUS": "500"}
    pair.config["health"] = {"timeout": 3}
    with people(pair):
        assert pair.up().status == 1
        del pair.config["env"]["HEALTH_STATUS"]
        taken_back = pair.rollback()
    assert taken_back.status == 0, taken_back.text
    expect(pair, states[2])
    pair.must_rollback()
    expect(pair, states[1])


@pytest.mark.long
def test_a_second_clone_without_the_source_goes_back_too(pair: HostDeployment, states: list[State], tmp_path: Path) -> None:
    clone = tmp_path / "gateway"
    ignore = shutil.ignore_patterns(".gateway", "examples", "__pycache__")
    shutil.copytree(pair.folder, clone, symlinks=True, ignore=ignore)
    (clone / "Pulumi.dev.yaml").unlink()
    folder = pair.folder
    pair.outputs()  # learns the environment
    env = dict(pair.env)
    try:
        pair.folder = clone
        result = pair.rollback(states[3].update)
        assert result.status == 0, result.text
        expect(pair, states[3])
        logins = pair.logins()
        assert "nothing to do" in pair.again().out
        assert pair.logins() == logins
        shutil.copy(clone / "Pulumi.dev.yaml", folder)
    finally:
        pair.folder, pair.env = folder, env


@pytest.mark.long
def test_what_a_rebuilt_host_has_lost_comes_from_the_other_one(
    pair: HostDeployment, states: list[State], linux: Callable[..., TestHost]
) -> None:
    pair.must_rollback(states[3].update)
    address = pair.hosts[1].address
    pair.hosts[1].remove()
    pair.hosts[1] = linux("pair1", address=address)
    pair.config["hosts"] = [host.config for host in pair.hosts]
    done = pair.pulumi("config", "set", "--path", "gateway:hosts[1].hostKey", pair.hosts[1].host_key)
    assert done.status == 0, done.text
    with Load(base_url=pair.url, host=pair.domain, rate=20, clients=3) as load:
        result = pair.rollback(states[1].update)
    assert result.status == 0, result.text
    assert load.report.lost == 0, load.report.summary()
    expect(pair, states[1])
    assert static_files(pair, [states[1]]) == {200}, "on the rebuilt one too"


@pytest.mark.long
def test_a_damaged_release_comes_from_the_other_host_and_where_all_are_damaged_it_is_not_served(
    pair: HostDeployment, states: list[State]
) -> None:
    path = f"/srv/turnpair/releases/{states[2].health['release']}/store/facts.py"
    pair.must_rollback(states[2].update)  # both have it, the rebuilt one too
    pair.must_rollback(states[1].update)
    pair.hosts[0].sh(f"echo '# changed' >> {path}")
    pair.must_rollback(states[2].update)
    expect(pair, states[2])
    assert "# changed" not in pair.hosts[0].run("cat", path)

    pair.must_rollback(states[1].update)
    before, config = pair.health(), pair.file_config()
    kept = pair.hosts[0].get(path)
    for host in pair.hosts:
        host.sh(f"echo '# changed' >> {path}")
    with people(pair):
        refused = pair.rollback(states[2].update)
    assert refused.status == 1, refused.text
    first = refused.err.splitlines()[0]
    assert f"the kept release {states[2].health['release']} is damaged (store/facts.py is not what was deployed)" in first
    assert "way out: deploy its source again, or go back to another release" in first
    assert (pair.health(), pair.file_config()) == (before, config)
    for host in pair.hosts:
        host.put(path, kept)
    pair.must_rollback(states[2].update)


@pytest.mark.long
def test_a_full_disk_on_one_host_costs_the_rollback_on_both_and_no_request(pair: HostDeployment, states: list[State]) -> None:
    before, config, (_, host) = pair.health(), pair.file_config(), pair.hosts
    kept = states[3]
    with people(pair), host.full("/etc/turnpair"):
        refused = pair.rollback(kept.update)
    assert refused.status == 1, refused.text
    first = refused.err.splitlines()[0]
    assert re.search(r"no space left below /etc/turnpair\S* \(0 MiB free\); way out: free disk space", first), first
    assert host.address in first
    assert {pair.health_of(host)["instance"] for host in pair.hosts} == {before["instance"]}
    assert pair.file_config() == config
    pair.must_rollback(kept.update)
    expect(pair, kept)


@pytest.mark.long
def test_a_host_that_is_down_is_told_before_anything_is_touched(pair: HostDeployment, states: list[State]) -> None:
    before, config = pair.health(), pair.file_config()
    pair.hosts[1].sh("systemctl stop ssh.socket ssh; pkill -x sshd; true")
    try:
        refused = pair.rollback(states[1].update)
    finally:
        pair.hosts[1].sh("systemctl start ssh")
    assert refused.status == 3, refused.text
    assert f"host {pair.hosts[1].address} cannot be reached" in refused.err
    assert (pair.health(), pair.file_config()) == (before, config)


@pytest.mark.long
def test_a_release_that_is_no_longer_kept_is_said_so_with_those_that_are(pair: HostDeployment, states: list[State]) -> None:
    gone, before, config = states[0].health["release"], pair.health(), pair.file_config()
    for host in pair.hosts:
        host.run("rm", "-rf", f"/srv/turnpair/releases/{gone}")
    refused = pair.rollback(states[0].update)
    assert refused.status == 2, refused.text
    first = refused.err.splitlines()[0]
    assert first.startswith(f"release {gone} is not kept any more; kept are: ")
    assert f"{before['release']} (update " in first
    assert (pair.health(), pair.file_config()) == (before, config)


def _drains(site: HostDeployment, bad: str) -> bool:
    return all(site.health_of(host)["instance"] != bad for host in site.hosts)


MOMENTS: dict[str, Callable[[HostDeployment, str], bool]] = {
    "when the config file is written": lambda site, bad: "rollback" in site.file_config(),
    "while the old instance comes back": lambda site, bad: set(site.units(site.hosts[1])) != {bad},
    "while the bad one drains": _drains,
}


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS, ids=[name.replace(" ", "-") for name in MOMENTS])
def test_a_rollback_that_is_killed_harms_nobody_and_an_up_finishes_it(
    pair: HostDeployment, states: list[State], moment: str
) -> None:
    revealing.code(pair, "forward")
    pair.config["env"] = {**pair.config["env"], "LEVEL": moment}
    assert pair.up().status == 0
    bad = pair.health()["instance"]
    with people(pair):
        update = pair.start("--to", str(states[1].update), verb="rollback")
        eventually(lambda: MOMENTS[moment](pair, bad), 120, moment)
        kill(update)
        finished = pair.again()
    assert finished.status == 0, finished.text
    expect(pair, states[1])
    assert "nothing to do" in pair.again().out

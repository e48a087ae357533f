"""Two stacks of one site: each with an instance and a config of its own, and exactly one of them has the traffic."""

import shutil
from collections.abc import Callable

import pytest

from bench.load import Load
from tests.deployment import Deployment
from tests.stacks import Stacks

pytestmark = pytest.mark.long

APP = "twostacks"


@pytest.fixture(scope="module")
def stacks(deploy: Callable[..., Deployment]) -> Stacks[Deployment]:
    site = deploy(APP)
    site.config |= {"drainSeconds": 5, "health": {"timeout": 60}}
    return Stacks(site)


def test_a_stack_joins_only_a_site_that_is_there(stacks: Stacks[Deployment]) -> None:
    result = stacks("prod-asgi").up()
    assert result.status == 2, result.text
    assert "config gateway:joins: got 'prod-wsgi', which serves no 'twostacks' on this engine" in result.err
    assert "make up STACK=prod-wsgi first" in result.err


def test_two_stacks_with_one_name_by_accident_are_still_refused(stacks: Stacks[Deployment]) -> None:
    stacks("prod-wsgi").must_up()
    other = stacks("prod-asgi")
    joins = other.config.pop("joins")
    try:
        refused = other.up()
    finally:
        other.config["joins"] = joins
    assert refused.status == 2, refused.text
    assert "gateway:app.name" in refused.err


def test_the_stack_that_is_brought_up_has_the_traffic_to_and_fro_and_nobody_notices(stacks: Stacks[Deployment]) -> None:
    stacks("prod-asgi").must_up()
    site = stacks.site
    assert site.health()["interface"] == "asgi"
    both = site.containers("instance")
    assert sorted(both.values()) == ["running", "running"]
    for stack, interface in (("prod-wsgi", "wsgi"), ("prod-asgi", "asgi"), ("prod-wsgi", "wsgi")):
        shutil.copy(site.folder / f"Pulumi.{stack}.yaml", site.folder / "before.yaml")
        stacks(stack)
        with Load(base_url=site.url, host="localhost", rate=40, post_rate=5, slow=1, idle=4, clients=4) as load:
            done = site.pulumi("up", "--yes", "--skip-preview")
        assert done.status == 0, done.text
        assert load.report.failed == 0, load.report.summary()
        assert load.report.closed_idle == 0
        assert site.health()["interface"] == site.outputs()["interface"] == interface
        assert site.containers("instance") == both, "both run, before and after"
        assert (site.folder / f"Pulumi.{stack}.yaml").read_text() == (site.folder / "before.yaml").read_text()


def test_the_preview_of_the_other_one_says_that_it_does_not_serve(stacks: Stacks[Deployment]) -> None:
    preview = stacks("prod-asgi").pulumi("preview")
    assert preview.status == 0, preview.text
    assert "this stack does not serve: stack prod-wsgi does, wsgi (gunicorn)" in preview.text
    assert "this stack does not serve" not in stacks("prod-wsgi").pulumi("preview").text


def test_a_new_release_of_one_leaves_the_instance_of_the_other_alone(stacks: Stacks[Deployment]) -> None:
    site = stacks("prod-wsgi")
    before = {name for name in site.containers("instance") if not name.endswith(site.health()["instance"])}
    site.must_up(env={"LEVEL": "2"})
    assert before <= set(site.containers("instance"))
    assert len(site.containers("instance")) == 2
    assert "nothing to do" in site.must_up().out


def test_each_goes_back_in_its_own_history(stacks: Stacks[Deployment]) -> None:
    site = stacks("prod-wsgi")
    now = site.health()
    site.must_rollback()
    assert site.health()["interface"] == "wsgi"
    assert site.health()["instance"] != now["instance"]
    assert len(site.containers("instance")) == 2


def test_the_first_stays_as_long_as_another_needs_it_and_gets_the_traffic_when_that_goes(stacks: Stacks[Deployment]) -> None:
    refused = stacks("prod-wsgi").ops("down")
    assert refused.status == 2, refused.text
    assert "stack prod-asgi has joined this site and needs it; way out: make down STACK=prod-asgi first" in refused.err
    site = stacks("prod-asgi")
    site.must_up()
    assert site.health()["interface"] == "asgi"
    with Load(base_url=site.url, host="localhost", rate=20, clients=2) as load:
        assert site.ops("down").status == 0
    assert load.report.failed == 0, load.report.summary()
    assert site.health()["interface"] == "wsgi"
    assert stacks("prod-wsgi").ops("down").status == 0
    assert site.containers() == {}

"""A mistake in the config: exit 2 before anything is touched, and one line that names key, value and what it takes."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.deployment import Deployment


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    return deploy("mistaken")


MISTAKES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("an unknown key", {"workes": 3}, ("gateway:workes", "did you mean workers")),
    (
        "an unknown key below app",
        {"app": {"name": "mistaken", "source": "examples/shop", "modul": "x"}},
        ("gateway:app.modul", "module"),
    ),
    ("a wrong type", {"workers": "many"}, ("workers", "many", "1 to 256")),
    ("a server of the other interface", {"server": "uvicorn"}, ("gateway:server", "'uvicorn'", "gunicorn")),
    ("a missing source", {"app": {"name": "mistaken"}}, ("gateway:app.source", "nothing", "a directory")),
    ("a source that is not there", {"app": {"name": "mistaken", "source": "no/such"}}, ("gateway:app.source", "no/such")),
    ("a bad domain", {"domains": ["http://shop.example"]}, ("gateway:domains", "http://shop.example", "host names")),
    ("secrets in plain text", {"secrets": {"SECRET_KEY": "x" * 60}}, ("gateway:secrets", "plain text", "--secret --path")),
    ("a target that is not there", {"target": "kubernetes"}, ("gateway:target", "kubernetes", "docker")),
]


@pytest.mark.parametrize(("name", "config", "words"), MISTAKES, ids=[mistake[0].replace(" ", "-") for mistake in MISTAKES])
def test_a_mistake_is_refused_before_anything_is_touched(
    site: Deployment, name: str, config: dict[str, Any], words: tuple[str, ...]
) -> None:
    good = dict(site.config)
    try:
        result = site.up(**config)
    finally:
        site.config = good
    assert result.status == 2, result.text
    lines = result.err.strip().splitlines()
    assert len(lines) == 1, result.err
    for word in words:
        assert word in lines[0]
    assert site.containers() == {}


def test_a_key_that_is_there_twice_is_told_with_its_line(site: Deployment) -> None:
    site.write_config()
    path = site.folder / "Pulumi.dev.yaml"
    text = path.read_text()
    twice = text.replace("config:\n", "config:\n  gateway:threads: 2\n  gateway:threads: 3\n", 1)
    path.write_text(twice)
    try:
        result = site.again()
    finally:
        path.write_text(text)
    assert result.status == 2, result.text
    line = twice.splitlines().index("  gateway:threads: 3") + 1
    assert result.err.startswith(f'Pulumi.dev.yaml, line {line}: found duplicate key "gateway:threads"'), result.err
    assert site.containers() == {}


def test_channels_in_use_under_wsgi_is_refused_with_both_ways_out(site: Deployment) -> None:
    marking = site.source / "pyproject.toml"
    text = marking.read_text()
    marking.unlink()
    try:
        result = site.up()
    finally:
        marking.write_text(text)
    assert result.status == 2, result.text
    assert "gateway:interface: got 'wsgi', and shop/asgi.py:" in result.err
    assert "app.websockets optional" in result.err


def test_a_weak_secret_key_is_refused_without_being_repeated(site: Deployment) -> None:
    site.write_config()
    path = site.config_path
    before = path.read_text()
    site.set_secret("gateway:secrets.SECRET_KEY", "hunter2")
    result = site.up()
    assert result.status == 2, result.text
    assert "gateway:secrets.SECRET_KEY: got a weak key; takes 50 or more random characters" in result.err
    assert "hunter2" not in result.text
    path.write_text(before)


def test_a_taken_port_is_named(site: Deployment) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        good = dict(site.config)
        result = site.up(httpPort=other.getsockname()[1])
        site.config = good
    assert result.status == 2, result.text
    assert "gateway:httpPort" in result.err
    assert site.containers() == {}


def test_two_stacks_with_one_name_do_not_share_a_site(site: Deployment, deploy: Callable[..., Deployment]) -> None:
    site.must_up(services={}, env={"DATABASE_URL": "sqlite:////srv/media/db.sqlite3", "MEDIA_ROOT": "/srv/media"})
    serving = site.health()
    site.stack = "prod"
    try:
        result = site.up()
    finally:
        site.stack = "dev"
    assert result.status == 2, result.text
    assert f"gateway:app.name: got '{site.app}', which stack gateway/dev serves" in result.err
    assert site.health() == serving


def test_plain_pulumi_refuses_a_mistake_in_the_same_words(site: Deployment) -> None:
    if site.kind == "embedded":
        pytest.skip("plain pulumi is the CLI's")
    site.config["server"] = "daphne"
    site.write_config()
    try:
        result = site.pulumi("up", "--yes", "--skip-preview")
    finally:
        del site.config["server"]
    assert result.status != 0
    assert "config gateway:server: got 'daphne' with interface 'wsgi'; takes gunicorn" in result.text

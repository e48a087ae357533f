"""Keys of the stack config: the wrong ones are refused in words that name the key, what it got and what it takes."""

import json
from typing import Any

import pytest

from settings import ConfigErrors, load
from settings.model import SERVERS
from tests.unit.conftest import SECRET, config, error_of, errors_of, settings_of


def app(**changes: Any) -> dict[str, Any]:
    return {"name": "shop", "source": ".", **changes}


def test_the_smallest_config_gets_the_documented_defaults() -> None:
    settings = settings_of()
    assert (settings.interface, settings.effective_server, settings.effective_workers) == ("wsgi", "gunicorn", 3)
    assert (settings.target, settings.domains, settings.port) == ("docker", ("localhost",), 8080)
    assert (settings.health.path, settings.health.timeout, settings.drain_seconds, settings.keep_releases) == (
        "/health/",
        30,
        30,
        5,
    )
    assert settings.services.postgres is None
    assert settings.release is None


def test_asgi_without_a_server_is_served_by_uvicorn() -> None:
    assert settings_of(interface="asgi").effective_server == "uvicorn"


def test_numbers_come_as_text_from_pulumi_and_are_numbers_inside() -> None:
    assert settings_of(httpPort="8001", workers="5").port == 8001


@pytest.mark.parametrize(
    ("changes", "key", "got"),
    [
        ({"interfase": "asgi"}, "interfase", "an unknown key (did you mean interface?)"),
        ({"app": app(nam="x")}, "app.nam", "an unknown key (did you mean name?)"),
        ({"health": {"pth": "/"}}, "health.pth", "an unknown key (did you mean path?)"),
        ({"services": {"postgress": True}}, "services.postgress", "an unknown key (did you mean postgres?)"),
        ({"services": {"redis": {"imag": "x"}}}, "services.redis.imag", "an unknown key (did you mean image?)"),
        ({"secret": {"SECRET_KEY": SECRET}}, "secret", "an unknown key (did you mean secrets?)"),
        ({"zzz": "1"}, "zzz", "an unknown key"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(changes: dict[str, Any], key: str, got: str) -> None:
    error = error_of(**changes)
    assert (error.key, error.got) == (key, got)
    assert error.takes.startswith("one of ")


def test_a_key_that_was_set_without_path_is_told_how_to_set_it() -> None:
    error = error_of(**{"app.source": "."})
    assert (error.key, error.got) == ("app.source", "a key with a dot")
    assert error.takes == "a path: pulumi config set --path gateway:app.source"


def test_an_unknown_key_within_app_lists_what_app_has() -> None:
    assert "source" in error_of(app=app(sauce="x")).takes.split(", ")


def test_camel_case_is_the_only_spelling_that_is_suggested() -> None:
    assert "httpPort" in error_of(httpport="1").got


@pytest.mark.parametrize(
    ("changes", "key", "got", "takes"),
    [
        ({"interface": "cgi"}, "interface", "'cgi'", "wsgi or asgi"),
        ({"server": "apache"}, "server", "'apache'", "wsgi: gunicorn; asgi:"),
        ({"target": "cloud"}, "target", "'cloud'", "docker"),
        ({"httpPort": "-1"}, "httpPort", "'-1'", "1 to 65535"),
        ({"httpPort": "65536"}, "httpPort", "'65536'", "1 to 65535"),
        ({"httpPort": "http"}, "httpPort", "'http'", "a TCP port"),
        ({"listenAddress": "everywhere"}, "listenAddress", "'everywhere'", "the address"),
        ({"workers": "257"}, "workers", "'257'", "1 to 256"),
        ({"workers": "-1"}, "workers", "'-1'", "1 to 256"),
        ({"threads": "many"}, "threads", "'many'", "1 to 256"),
        ({"bodyLimitMb": "0"}, "bodyLimitMb", "'0'", "1 to 10240"),
        ({"drainSeconds": "-5"}, "drainSeconds", "'-5'", "0 to 3600"),
        ({"keepReleases": "0"}, "keepReleases", "'0'", "1 to 100"),
        ({"release": "latest"}, "release", "'latest'", "10 hex digits"),
        ({"health": {"path": "health"}}, "health.path", "'health'", "starts with '/'"),
        ({"health": {"timeout": 0}}, "health.timeout", "0", "1 to 600"),
        ({"health": "/up"}, "health", "'/up'", "path and timeout"),
        ({"tls": {"mode": "on"}}, "tls.mode", "'on'", "self-signed, files or acme"),
        ({"tls": {"mode": "acme", "acmeServer": "http://ca.example/dir"}}, "tls.acmeServer", "'http://ca.example/dir'", "URL"),
        ({"tls": {"mode": "self-signed", "hstsSeconds": -1}}, "tls.hstsSeconds", "-1", "0: no HSTS"),
        ({"tls": "files"}, "tls", "a value that does not fit", "mode (off, self-signed, files, acme)"),
        ({"redirects": ["https://x.example"]}, "redirects[0]", "'https://x.example'", "redirected to the first"),
        ({"services": {"postgres": "sure"}}, "services.postgres", "'sure'", "true or options"),
        ({"services": {"redis": {"image": ""}}}, "services.redis.image", "''", "official image"),
        ({"serverOptions": {"reload": [1]}}, "serverOptions.reload", "[1]", "server flags"),
        ({"env": "DEBUG=1"}, "env", "'DEBUG=1'", "a map of plain"),
        ({"env": {"MY-VAR": "1"}}, "env.MY-VAR", "'MY-VAR'", "a map of plain"),
        ({"secrets": {"A-B": "x"}}, "secrets.A-B", "a value or name that no environment variable can have", "A-Z, 0-9"),
        ({"secrets": {"LIST": ["x"]}}, "secrets.LIST", "a value or name that no environment variable can have", "text"),
        ({"secrets": "x"}, "secrets", "text that is not a JSON object or list", "pulumi config set --secret --path"),
        ({"domains": []}, "domains", "[]", "a list of lower-case host names"),
        ({"domains": "shop.example"}, "domains", "'shop.example'", "a list of lower-case host names"),
        ({"domains": ["shop.example", "Shop.Example"]}, "domains[1]", "'Shop.Example'", "lower-case"),
        ({"domains": ["https://shop.example"]}, "domains[0]", "'https://shop.example'", "without scheme"),
        ({"domains": ["shop.example:80"]}, "domains[0]", "'shop.example:80'", "port"),
        ({"domains": ["shop example; }"]}, "domains[0]", "'shop example; }'", "host names"),
        ({"domains": ["*.example"]}, "domains[0]", "'*.example'", "host names"),
        ({"app": app(name="Shop")}, "app.name", "'Shop'", "2 to 31 of a-z"),
        ({"app": {"source": "."}}, "app.name", "nothing", "2 to 31 of a-z"),
        ({"app": app(source="")}, "app.source", "''", "a directory, or a git URL"),
        ({"app": app(image="shop:latest", source=None)}, "app.image", "'shop:latest'", "by digest"),
        ({"app": app(wsgi="shop.wsgi")}, "app.wsgi", "'shop.wsgi'", "pkg.mod:attr"),
        ({"app": app(asgi="shop/asgi.py")}, "app.asgi", "'shop/asgi.py'", "pkg.mod:attr"),
        ({"app": app(module="shop/")}, "app.module", "'shop/'", "wsgi.py and asgi.py"),
        ({"app": app(settings="a b")}, "app.settings", "'a b'", "settings module"),
        ({"app": app(websockets="maybe")}, "app.websockets", "'maybe'", "required or optional"),
        ({"app": app(requirements="")}, "app.requirements", "''", "requirements file"),
        ({"app": app(dockerfile="")}, "app.dockerfile", "''", "Dockerfile"),
        ({"app": app(ref="")}, "app.ref", "''", "branch, tag or commit"),
        ({"app": "shop"}, "app", "'shop'", "the Django project"),
        ({"app": None}, "app", "nothing", "the Django project"),
    ],
)
def test_a_wrong_value_is_refused_with_key_value_and_what_is_taken(
    changes: dict[str, Any], key: str, got: str, takes: str
) -> None:
    error = error_of(**changes)
    assert (error.key, error.got) == (key, got)
    assert takes in error.takes


def test_several_mistakes_are_told_together_one_line_each() -> None:
    errors = errors_of(interface="cgi", httpPort="x", app={"source": "."})
    assert {error.key for error in errors} == {"interface", "httpPort", "app.name"}


def test_a_line_reads_key_got_takes() -> None:
    assert (
        str(error_of(target="cloud"))
        == "config gateway:target: got 'cloud'; takes docker, or host (Linux with systemd, over SSH or local)"
    )


def test_keys_of_other_programs_and_providers_are_passed_over() -> None:
    assert load({**config(), "docker:host": "x", "aws:region": "y"}, "prod").app.name == "shop"


def test_no_config_at_all_asks_for_app() -> None:
    with pytest.raises(ConfigErrors) as caught:
        load({}, "dev")
    assert [error.key for error in caught.value.errors] == ["app"]


@pytest.mark.parametrize(("value", "text"), [(True, "True"), (False, "False"), (8, "8"), (0.5, "0.5"), ("on", "on")])
def test_yaml_values_of_env_and_options_become_text(value: object, text: str) -> None:
    settings = settings_of(env={"LEVEL": value}, serverOptions={"flag": value})
    assert (settings.env["LEVEL"], settings.server_options["flag"]) == (text, text)


@pytest.mark.parametrize("yes", [True, "true"])
def test_a_service_is_switched_on_by_true(yes: object) -> None:
    assert settings_of(services={"postgres": yes}).services.postgres is not None


@pytest.mark.parametrize("no", [False, "false"])
def test_a_service_is_switched_off_by_false(no: object) -> None:
    assert settings_of(services={"postgres": no}).services.postgres is None


def test_the_origin_of_a_site_on_port_80_has_no_port() -> None:
    assert settings_of(httpPort="80", domains=["a.example", "b.example"]).origins == ("http://a.example", "http://b.example")
    assert settings_of(httpPort="8080").origins == ("http://localhost:8080",)


@pytest.mark.parametrize(("interface", "server"), [(i, s) for i, servers in SERVERS.items() for s in servers])
def test_every_server_is_taken_with_its_own_interface(interface: str, server: str) -> None:
    assert settings_of(interface=interface, server=server).effective_server == server


def test_settings_cannot_be_changed_after_they_were_checked() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings_of().http_port = 1  # type: ignore[misc]


def test_values_that_are_parsed_already_are_taken_too() -> None:
    raw = {key: json.loads(value) if value[0] in "[{" else value for key, value in config(interface="asgi").items()}
    assert load(raw, "prod") == settings_of(interface="asgi")

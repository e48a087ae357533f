"""Values that are well formed and still cannot work, or would not be safe in public."""

from typing import Any

import pytest

from settings import ConfigErrors, agree, load
from tests.unit.conftest import DEV, SECRET, config, error_of, errors_of, settings_of

IMAGE = "registry.example/shop@sha256:" + "a" * 64


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn-uvicorn", "gunicorn-asgi", "daphne", "hypercorn"])
def test_a_server_that_does_not_fit_wsgi_is_refused_with_the_one_that_fits(server: str) -> None:
    error = error_of(interface="wsgi", server=server)
    assert (error.key, error.got, error.takes) == ("server", f"'{server}' with interface 'wsgi'", "gunicorn")


def test_a_server_that_does_not_fit_the_interface_is_refused_with_the_ones_that_fit() -> None:
    error = error_of(interface="asgi", server="gunicorn")
    assert error.takes == "uvicorn or gunicorn-uvicorn or gunicorn-asgi or daphne or hypercorn"


def test_daphne_with_more_than_one_worker_is_refused() -> None:
    error = error_of(interface="asgi", server="daphne", workers="2")
    assert (error.key, error.got) == ("workers", "2 with server 'daphne'")


def test_daphne_alone_has_one_process() -> None:
    assert settings_of(interface="asgi", server="daphne").effective_workers == 1


def test_threads_of_a_server_that_has_none_are_refused() -> None:
    assert error_of(interface="asgi", threads="8").key == "threads"
    assert settings_of(threads="8").threads == 8


@pytest.mark.parametrize(
    ("app", "key", "takes"),
    [
        ({"name": "shop"}, "app.source", "a directory, or a git URL together with app.ref"),
        ({"name": "shop", "source": "https://git.example/shop"}, "app.ref", "a git branch, tag or commit"),
        ({"name": "shop", "source": "git@git.example:shop.git"}, "app.ref", "a git branch, tag or commit"),
        ({"name": "shop", "source": ".", "image": IMAGE, "module": "shop"}, "app.image", "one of the two"),
    ],
)
def test_where_the_code_is_must_be_clear(app: dict[str, Any], key: str, takes: str) -> None:
    error = error_of(app=app)
    assert (error.key, error.takes) == (key, takes)


def test_a_prebuilt_image_needs_to_be_told_its_module() -> None:
    assert {error.key for error in errors_of(app={"name": "shop", "image": IMAGE})} == {"app.module", "app.settings"}
    assert settings_of(app={"name": "shop", "image": IMAGE, "module": "shop"}).app.image == IMAGE


def test_a_prebuilt_image_needs_the_entry_point_of_its_own_interface() -> None:
    app = {"name": "shop", "image": IMAGE, "wsgi": "a:b", "settings": "s"}
    assert settings_of(app=app).app.wsgi == "a:b"
    assert error_of(app=app, interface="asgi").key == "app.module"


def test_a_kept_release_needs_no_source() -> None:
    assert settings_of(app={"name": "shop", "module": "shop"}, release="0123456789").release == "0123456789"


def test_a_domain_twice_is_told_once() -> None:
    error = error_of(domains=["a.example", "b.example", "a.example"])
    assert (error.key, error.got) == ("domains", "'a.example' more than once")


def test_a_missing_secret_key_is_told_with_the_command_that_sets_one() -> None:
    error = error_of(secrets={})
    assert (error.key, error.got) == ("secrets.SECRET_KEY", "nothing")
    assert "openssl rand" in error.takes
    assert "pulumi config set --secret --path gateway:secrets.SECRET_KEY" in error.takes


@pytest.mark.parametrize("weak", ["short", "a" * 60, "abcd" * 20, "django-insecure-" + SECRET, SECRET[:49]])
@pytest.mark.parametrize("name", ["SECRET_KEY", "DJANGO_SECRET_KEY"])
def test_a_weak_secret_key_is_refused(name: str, weak: str) -> None:
    error = error_of(secrets={name: weak})
    assert (error.key, error.got) == (f"secrets.{name}", "a weak key")


@pytest.mark.parametrize("name", ["SECRET_KEY", "DJANGO_SECRET_KEY"])
def test_a_secret_key_in_plain_env_is_refused_once(name: str) -> None:
    error = error_of(env={name: SECRET}, secrets={})
    assert (error.key, error.got) == (f"env.{name}", "a secret in plain config")


def test_secrets_that_pulumi_does_not_encrypt_are_refused() -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(config(), "prod", encrypted=[])
    assert [(error.key, error.got) for error in caught.value.errors] == [("secrets", "values in plain text")]
    assert load(config(), "prod", encrypted=["gateway:secrets"]).secrets


@pytest.mark.parametrize("name", ["DEBUG", "DJANGO_DEBUG"])
@pytest.mark.parametrize("value", ["1", "True", "yes", " on ", "TRUE"])
def test_debug_is_refused_outside_dev(name: str, value: str) -> None:
    error = error_of(env={name: value})
    assert (error.key, error.takes) == (f"env.{name}", "off outside stack 'dev'")
    assert settings_of(DEV, env={name: value}).env[name] == value


@pytest.mark.parametrize("value", ["0", "false", "", "off"])
def test_debug_that_is_off_is_taken_everywhere(value: str) -> None:
    assert settings_of(env={"DEBUG": value}).env["DEBUG"] == value


@pytest.mark.parametrize("key", ["ALLOWED_HOSTS", "DJANGO_ALLOWED_HOSTS"])
@pytest.mark.parametrize("hosts", ["other.example", "", "hop.example", "shop.example.org", ".b.example"])
def test_allowed_hosts_without_a_served_domain_are_refused(key: str, hosts: str) -> None:
    error = error_of(domains=["shop.example"], env={key: hosts})
    assert (error.key, error.got) == (f"env.{key}", f"'{hosts}' without 'shop.example'")


@pytest.mark.parametrize(
    "hosts", ["shop.example", "a.example,shop.example", "a.example shop.example", "*", ".example", ".shop.example"]
)
def test_allowed_hosts_with_every_served_domain_are_taken(hosts: str) -> None:
    assert settings_of(domains=["shop.example"], env={"ALLOWED_HOSTS": hosts}).env["ALLOWED_HOSTS"] == hosts


@pytest.mark.parametrize("key", ["CSRF_TRUSTED_ORIGINS", "DJANGO_CSRF_TRUSTED_ORIGINS"])
@pytest.mark.parametrize(
    ("origin", "takes"),
    [
        ("shop.example", "origins with a scheme"),
        ("ftp://shop.example", "origins with a scheme"),
        ("https://", "origins with a scheme"),
        ("https://other.example", "origins of names in domains"),
    ],
)
def test_csrf_origins_that_no_browser_of_this_site_sends_are_refused(key: str, origin: str, takes: str) -> None:
    error = error_of(domains=["shop.example"], env={key: f"https://shop.example,{origin}"})
    assert error.key == f"env.{key}"
    assert origin in error.got
    assert takes in error.takes


@pytest.mark.parametrize("origin", ["https://shop.example", "http://shop.example:8080", "https://*.example"])
def test_csrf_origins_of_served_domains_are_taken(origin: str) -> None:
    assert settings_of(domains=["shop.example"], env={"CSRF_TRUSTED_ORIGINS": origin})


def test_a_name_in_env_and_in_secrets_is_refused() -> None:
    error = error_of(env={"TOKEN": "x"}, secrets={"SECRET_KEY": SECRET, "TOKEN": "y"})
    assert (error.key, error.got) == ("env.TOKEN", "a name that is under secrets too")


@pytest.mark.parametrize("name", ["GATEWAY_RELEASE", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"])
@pytest.mark.parametrize("where", ["env", "secrets"])
def test_names_that_gateway_sets_itself_are_refused(where: str, name: str) -> None:
    changes: dict[str, Any] = {where: {"SECRET_KEY": SECRET, name: "1"} if where == "secrets" else {name: "1"}}
    error = error_of(**changes)
    assert (error.key, error.got) == (f"{where}.{name}", "a name that gateway sets itself")


@pytest.mark.parametrize("where", ["env", "secrets"])
def test_a_nul_character_is_refused(where: str) -> None:
    changes: dict[str, Any] = {where: {"SECRET_KEY": SECRET, "TOKEN": "a\0b"} if where == "secrets" else {"TOKEN": "a\0b"}}
    assert error_of(**changes).key == f"{where}.TOKEN"


def test_all_mistakes_of_meaning_are_told_together() -> None:
    keys = [error.key for error in errors_of(server="daphne", secrets={}, env={"DEBUG": "1"})]
    assert keys == ["server", "secrets.SECRET_KEY", "env.DEBUG"]


def test_trusted_proxies_are_networks_as_nginx_writes_them() -> None:
    settings = settings_of(trustedProxies=["10.1.2.3/8", "192.0.2.7", "2001:db8::/32"])
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")


@pytest.mark.parametrize("network", ["shop.example", "10.0.0.0/33", "", "10.0.0.0/8; }"])
def test_a_trusted_proxy_that_is_no_network_is_refused(network: str) -> None:
    error = error_of(trustedProxies=["10.0.0.0/8", network])
    assert (error.key, error.got) == ("trustedProxies[1]", repr(network))
    assert "10.0.0.0/8" in error.takes


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "1.2.3.4/0"])
def test_everybody_cannot_be_a_trusted_proxy(network: str) -> None:
    error = error_of(trustedProxies=[network])
    assert (error.key, error.takes) == ("trustedProxies[0]", "the networks of your own proxy or CDN only")


def test_behind_a_trusted_proxy_a_browser_may_come_over_https() -> None:
    settings = settings_of(domains=["shop.example"], trustedProxies=["10.0.0.0/8"])
    assert settings.origins == ("http://shop.example:8080", "https://shop.example")
    assert settings_of(domains=["shop.example"]).origins == ("http://shop.example:8080",)


@pytest.mark.parametrize(
    ("options", "key", "takes"),
    [
        ({"keep-alive": 2}, "serverOptions.keep-alive", "more than 2"),
        ({"timeout-keep-alive": 1}, "serverOptions.timeout-keep-alive", "more than 2"),
        ({"graceful-timeout": 30}, "serverOptions.graceful-timeout", "drainSeconds"),
        ({"timeout-graceful-shutdown": 6}, "serverOptions.timeout-graceful-shutdown", "drainSeconds"),
        ({"timeout": 30}, "serverOptions.timeout", "timeouts.request"),
    ],
)
def test_a_time_that_does_not_agree_with_the_rest_of_the_path_is_refused(options: dict[str, int], key: str, takes: str) -> None:
    error = error_of(serverOptions=options)
    assert error.key == key
    assert takes in error.takes


@pytest.mark.parametrize(
    "options", [{"keep-alive": 3}, {"keep-alive": 0}, {"graceful-timeout": 5}, {"timeout": 0}, {"timeout": 90}]
)
def test_times_that_agree_are_taken(options: dict[str, int]) -> None:
    assert settings_of(serverOptions=options)


def test_a_request_may_take_longer_than_a_drain_and_that_is_said() -> None:
    assert agree.warnings(settings_of(timeouts={"request": 300}, drainSeconds="300")) == ()
    (said,) = agree.warnings(settings_of(timeouts={"request": 300}))
    assert "drainSeconds is 30" in said


@pytest.mark.parametrize("path", ["admin/login/", "/login/;", '/login/"', "/a b/", "/$uri"])
def test_a_login_path_that_is_none_is_refused(path: str) -> None:
    assert error_of(limits={"login": {"paths": [path]}}).key == "limits.login.paths[0]"


def test_a_stack_that_joins_another_cannot_close_its_site() -> None:
    error = error_of(joins="blue", maintenance="true")
    assert (error.key, error.takes) == ("maintenance", "it in stack blue, whose Nginx it is")

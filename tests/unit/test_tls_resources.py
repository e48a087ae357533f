"""Which steps TLS adds to a site, and in which order, by dependencies alone."""

from functools import partial
from typing import Any

import pytest

from components.site import DjangoSite, DjangoSiteArgs
from settings.plan import plan
from targets.host.client.connection import Connection
from targets.host.observe import HostObservation
from targets.host.target import HostTarget
from targets.observation import Observation
from tests.authority import authority
from tests.unit.conftest import SECRET, settings_of
from tests.unit.recording import Recording, is_secret, record
from tests.unit.sites import instance_of, recorded_site

ACME = {"mode": "acme", "acmeServer": "https://ca.example/dir"}
SELF = {"mode": "self-signed"}


def on_host(**changes: Any) -> Recording:
    settings = settings_of(
        **{"app": {"name": "shop", "module": "shop"}, "release": "0123456789", "secrets": {"SECRET_KEY": SECRET}, **changes}
    )

    def program() -> dict[str, Any]:
        target = HostTarget("shop", owner="gateway/test", hosts=[Connection(address="web1", host_key="ssh-ed25519 A")])
        return {
            "outputs": DjangoSite("shop", DjangoSiteArgs(plan=plan(settings), target=target, observed=HostObservation())).outputs
        }

    return record(partial(program), False)


def test_without_tls_nothing_is_added() -> None:
    kinds = {resource.inputs.get("create") for resource in recorded_site().resources.values()}
    assert kinds.isdisjoint({"certificate", "issue", "certificate-image"})
    assert not [key for key in recorded_site().resources if key.startswith("Certificate")]


def test_the_certificate_is_in_its_place_before_nginx_needs_it() -> None:
    recording = recorded_site(tls=SELF)
    assert recording.key("certificate") in recording.before(recording.key("proxy"))
    nginx = recording["Container shop-nginx"].inputs
    assert {port["internal"]: port["external"] for port in nginx["ports"]} == {80: 8080, 443: 8443}
    assert [volume["containerPath"] for volume in nginx["volumes"] if volume["volumeName"] == "shop-tls"] == ["/etc/gateway/tls"]
    assert "shop-acme" not in {volume["volumeName"] for volume in nginx["volumes"]}, "Nginx has no business with the account"


def test_a_server_is_asked_when_nginx_shows_the_answers_and_again_while_it_has_not_issued() -> None:
    recording = recorded_site(tls=ACME, domains=["shop.example"])
    assert "Container shop-nginx" in recording.before(recording.key("issue"))
    assert not recording.step("issue").inputs.get("environment")
    seen = recorded_site(Observation(certificate="a self-made certificate is shown"), tls=ACME, domains=["shop.example"])
    assert seen.step("issue").inputs["environment"] == {"GATEWAY_OBSERVED": "a self-made certificate is shown"}


@pytest.mark.parametrize("tls", [SELF, ACME])
def test_the_switch_waits_for_no_certificate_and_a_switch_makes_no_new_one(tls: dict[str, str]) -> None:
    wsgi, asgi = (recorded_site(tls=tls, domains=["shop.example"], interface=interface) for interface in ("wsgi", "asgi"))
    assert wsgi.step("certificate").request == asgi.step("certificate").request
    assert wsgi.step("proxy").request == asgi.step("proxy").request
    asked = {key for key in wsgi.before(wsgi.key("switch")) if "-issue" in key}
    assert asked == set()


def test_a_key_is_a_secret_on_both_targets_and_in_no_other_step() -> None:
    _, chain, key = authority().issue(["shop.example"])
    changes: dict[str, Any] = {"domains": ["shop.example"], "tls": {"mode": "files", "certificate": chain, "key": key}}
    host = on_host(target="host", hosts=[{"address": "web1", "hostKey": "ssh-ed25519 AAAA"}], **changes)
    line = key.splitlines()[1]
    for recording in (recorded_site(**changes), host):
        holders = [name for name, one in recording.resources.items() if line in str(one.inputs)]
        assert holders == [recording.key("certificate")]
        assert is_secret(recording.step("certificate").inputs["stdin"])


def test_turning_tls_on_is_another_instance_since_browsers_send_another_origin() -> None:
    assert instance_of(recorded_site(tls=SELF)) != instance_of(recorded_site())
    own: dict[str, Any] = {"env": {"CSRF_TRUSTED_ORIGINS": "https://localhost"}}
    assert instance_of(recorded_site(tls=SELF, **own)) == instance_of(recorded_site(**own))


def test_on_a_host_the_timer_is_taken_away_with_acme_and_the_probe_comes_as_browsers_do() -> None:
    host = {"target": "host", "hosts": [{"address": "web1", "hostKey": "ssh-ed25519 AAAA"}], "domains": ["shop.example"]}
    recording = on_host(tls=ACME, **host)
    assert recording.step("issue").inputs["delete"] == "end-issue"
    assert "OnCalendar=hourly" in recording.step("issue").request["request"]["timer"]
    assert recording.step("start").request["request"]["scheme"] == "https"
    assert on_host(**host).step("start").request["request"]["scheme"] == "http"

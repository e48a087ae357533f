"""Steps as a person reads them while an update runs."""

import io

import pytest
from pulumi.automation.events import DiagnosticEvent, EngineEvent
from rich.console import Console

from ops.progress import Progress, in_words
from targets.certificate import NOT_ISSUED
from targets.common.agreement import Finding


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shop-release-0123456789", "release 0123456789"),
        ("shop-release-0123456789-web1.example", "release 0123456789 on web1.example"),
        ("shop-0123456789-10.0.0.7-2222", "instance 0123456789 on 10.0.0.7-2222"),
        ("shop-0123456789", "instance 0123456789"),
        ("shop-task-collectstatic-0123456789-web1", "collectstatic on web1"),
        ("shop-task-migrate-0123456789", "migrate"),
        ("shop-host-web1", "packages, user and folders on web1"),
        ("shop-nginx-web1", "Nginx site on web1"),
        ("shop-nginx-conf", "Nginx configuration"),
        ("shop-certificate-files", "certificate (files)"),
        ("shop-certificate-self-signed-web1", "certificate (self-signed) on web1"),
        ("shop-certificate-issue-ask", "certificate: ACME server asked"),
        ("shop-certificate-issue-10.0.0.7", "certificate: ACME server asked on 10.0.0.7"),
        ("shop-certificate-issue-image", "image of the ACME client"),
        ("shop-traffic-live", "switch: traffic"),
    ],
)
def test_a_step_is_told_by_what_it_makes_and_where(name: str, words: str) -> None:
    assert in_words(f"urn:pulumi:dev::gateway::gateway:index:X$command:local:Command::{name}") == words


def test_what_a_provider_says_of_known_trouble_begins_with_the_cause() -> None:
    progress = Progress(Console())
    said = "unable to start container: driver failed: listen tcp4 0.0.0.0:8080: bind: address already in use"
    progress.errors.append(said)
    first, below = progress.failure()[0].splitlines()
    assert first.startswith("somebody else has the port or socket (unable to start container")
    assert "way out: find out who: ss -ltnp" in first
    assert below == said
    progress.errors[:] = ["something that nobody knows"]
    assert progress.failure()[0] == "something that nobody knows"


FOUND = str(Finding("CONN_MAX_AGE", "of database default is 60 under asgi", "CONN_MAX_AGE = 0"))


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize(
    ("severity", "message", "shown"),
    [
        ("warning", f"warning: shop: {FOUND}", f"warning: shop: {FOUND}\n"),
        ("warning", "a new version of Pulumi is available", ""),
        ("error", "gateway: broken", ""),
    ],
)
def test_what_was_found_in_the_projects_settings_is_shown_and_other_talk_is_not(
    preview: bool, severity: str, message: str, shown: str
) -> None:
    output = io.StringIO()
    progress = Progress(Console(file=output, soft_wrap=True), preview=preview)
    heard = DiagnosticEvent(message=message, color="never", severity=severity)
    progress(EngineEvent(sequence=1, timestamp=1, diagnostic_event=heard))
    assert output.getvalue() == shown
    assert progress.errors == (["gateway: broken"] if severity == "error" else [])


def test_a_refusal_of_an_acme_server_is_shown_although_the_update_succeeds() -> None:
    console = Console(record=True, width=200)
    progress = Progress(console)
    for message in (f"shop.example: {NOT_ISSUED}: self-signed", "shop: something else"):
        told = DiagnosticEvent(message=f"<{{%reset%}}>warning: {message}<{{%reset%}}>", color="", severity="warning")
        progress(EngineEvent(sequence=1, timestamp=1, diagnostic_event=told))
    assert console.export_text().strip() == f"warning: shop.example: {NOT_ISSUED}: self-signed"

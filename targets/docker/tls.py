"""Certificates on Docker: the volumes that keep them, the step that puts one there, the container that asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import pulumi
import pulumi_docker as docker

from rendering.identity import short_hash
from targets.certificate import CertificateSpec
from targets.docker import names, requests
from targets.docker.commands import command

if TYPE_CHECKING:
    from targets.docker.target import DockerTarget

PYTHON = "python:3.13-slim"
"""Has Python and openssl; a site of ours has it already."""
VOLUMES = ("tls", "acme")
"""They outlive the site: neither a rollback nor ``tls.mode: off`` nor ``make down`` loses a certificate or an account."""


def put(name: str, target: DockerTarget, spec: CertificateSpec, parent: pulumi.Resource) -> pulumi.Resource:
    """The certificate in the volume."""
    keep = pulumi.ResourceOptions(parent=target, retain_on_delete=True)
    volumes = [target.volume(role, keep) for role in VOLUMES]

    def request(image: str) -> str:
        return requests.CertificateRequest(app=target.app, owner=target.owner, image=image, **asdict(spec)).model_dump_json()

    text: pulumi.Output[str] = pulumi.Output.secret(target.image(PYTHON)).apply(request)  # type: ignore[arg-type]
    return command(name, "certificate", text, parent, after=volumes)


def issue(
    name: str,
    target: DockerTarget,
    spec: CertificateSpec,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource],
    observed: str,
) -> pulumi.Output[str]:
    """A container that asks for a certificate when one is due, and the first question."""
    code = short_hash(*(path.read_text() for path in names.CERTIFICATES))

    def build(base: str) -> str:
        return requests.CertificateImageRequest(app=target.app, owner=target.owner, base=base, code=code).model_dump_json()

    image = command(f"{name}-image", "certificate-image", target.image(PYTHON).apply(build), parent)
    paths = {"tls": names.TLS, "acme": names.ACME}
    container = docker.Container(
        name,
        name=target.names.acme,
        image=image.stdout,
        entrypoints=["python3"],
        command=["-m", "targets.common.certificates", "loop"],
        volumes=[
            docker.ContainerVolumeArgs(volume_name=target.names.volume(role), container_path=path) for role, path in paths.items()
        ],
        labels=target.container_labels("acme"),
        network_mode=target.network.name,
        restart="unless-stopped",
        log_opts={"max-size": "1m", "max-file": "3"},
        opts=pulumi.ResourceOptions(parent=parent, depends_on=list(after)),
    )

    def ask(container_id: str) -> str:
        return requests.IssueRequest(
            app=target.app, owner=target.owner, container=container_id, names=spec.names, server=spec.server
        ).model_dump_json()

    return command(f"{name}-ask", "issue", container.id.apply(ask), parent, observed=observed).stdout

"""Certificates on hosts: which step on which host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import pulumi

from rendering import units
from targets.certificate import CertificateSpec
from targets.host.agent import requests
from targets.host.commands import command, label

if TYPE_CHECKING:
    from targets.host.target import HostTarget


def put(
    name: str, target: HostTarget, spec: CertificateSpec, where: tuple[str, int], parent: pulumi.Resource
) -> list[pulumi.Resource]:
    """The certificate on every host; ``where`` Nginx shows it (address, port)."""
    address, port = where
    request = requests.CertificateRequest(app=target.app, owner=target.owner, **asdict(spec), address=address, port=port).json()
    return [
        command(f"{name}-{label(host)}", "certificate", [host], request, parent, after=[ready])
        for host, ready in target.ready.items()
    ]


def issue(
    name: str,
    target: HostTarget,
    spec: CertificateSpec,
    where: tuple[str, int],
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource],
    observed: str,
) -> pulumi.Output[str]:
    """On the one host (the config's checks allow no more): the client, its timer, and the first question."""
    (host,) = target.hosts
    address, port = where
    service, timer = units.renewal(target.app, str(target.places.tls), str(target.places.acme))
    request = requests.IssueRequest(
        app=target.app,
        owner=target.owner,
        names=spec.names,
        server=spec.server,
        address=address,
        port=port,
        service=service,
        timer=timer,
    ).json()
    step = command(f"{name}-{label(host)}", "issue", [host], request, parent, delete="end-issue", after=after, observed=observed)
    return step.stdout

"""What the project's own settings say, held against the stack's config: what an update and ``python -m ops check`` warn of."""

from dataclasses import asdict
from typing import Any

from settings.model import Settings
from targets.common.agreement import Finding, Site, disagreements, read


def site_of(settings: Settings, dev: bool) -> Site:
    """How the project is served, as far as its settings have to know."""
    return Site(
        domains=settings.domains,
        origins=settings.origins,
        dev=dev,
        health_path=settings.health.path,
        hsts_by_nginx=settings.tls.on and settings.tls.hsts > 0,
        interface=settings.speaks,
        processes=settings.effective_workers,
        body_limit_mb=settings.body_limit_mb,
    )


def asked(settings: Settings, dev: bool) -> dict[str, Any]:
    """What a release task is told: only what changes with the domains, so that a switch does not run it again."""
    kept = ("domains", "origins", "dev", "health_path")
    return {name: value for name, value in asdict(site_of(settings, dev)).items() if name in kept}


def findings(told: str, settings: Settings, dev: bool) -> list[Finding]:
    """What does not agree; ``told`` is what the check printed, with the facts of both interfaces."""
    facts = read(told).get(settings.speaks)
    return disagreements(facts, site_of(settings, dev)) if facts else []

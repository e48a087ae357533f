"""DjangoSite: the components of one site, wired in the order of an update."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pulumi

from components.certificate import Certificate, CertificateArgs
from components.django_app_server import DjangoAppServer, DjangoAppServerArgs
from components.env_secret import EnvSecret, EnvSecretArgs
from components.nginx_proxy import NginxProxy, NginxProxyArgs
from components.release import Release, ReleaseArgs
from components.release_tasks import ReleaseTasks, ReleaseTasksArgs
from components.traffic import Traffic, TrafficArgs
from rendering.front import front
from rendering.nginx import rendered_from
from settings import agreement
from settings.plan import Plan
from targets.base import Target
from targets.common.agreement import Finding
from targets.observation import Observation
from targets.serving import Serving


@dataclass(frozen=True, kw_only=True)
class DjangoSiteArgs:
    """A planned site, and where it goes."""

    plan: Plan
    target: Target
    observed: Observation
    dev: bool = False
    """Whether DEBUG may be on."""


class DjangoSite(pulumi.ComponentResource):
    """Release and env -> tasks -> a new instance, healthy -> the switch -> the old instance is drained and stopped."""

    def __init__(self, name: str, args: DjangoSiteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gateway:index:DjangoSite", name, None, opts)
        plan, target, settings = args.plan, args.target, args.plan.settings
        host = settings.domains[0]
        inside = pulumi.ResourceOptions(parent=self)
        release = Release(f"{name}-release", ReleaseArgs(target=target, spec=plan.release), inside)
        env = EnvSecret(
            f"{name}-env",
            EnvSecretArgs(target=target, env=plan.env, secrets=plan.secrets, observed=args.observed.drift_fault("env")),
            inside,
        )
        module = plan.project.settings_module
        tasks = ReleaseTasks(
            f"{name}-task",
            ReleaseTasksArgs(
                target=target,
                release=release,
                env=env,
                settings_module=module,
                switch="" if settings.allow_migrations_on_switch else args.observed.switch_to(settings.interface),
                newer_schema=settings.allow_newer_schema,
                static_observed=args.observed.drift_fault("static"),
                site=agreement.asked(settings, args.dev),
            ),
            inside,
        )
        if tasks.told is not None:
            tasks.told.apply(lambda told: _warn(name, agreement.findings(told, settings, args.dev)))
        certificate = None
        if plan.certificate is not None:
            shown = CertificateArgs(
                target=target,
                spec=plan.certificate,
                address=settings.listen_address,
                port=settings.tls_port,
                observed=args.observed.certificate,
                issued=args.observed.issued,
            )
            certificate = Certificate(f"{name}-certificate", shown, inside)
        proxy = NginxProxy(
            f"{name}-nginx",
            NginxProxyArgs(
                target=target,
                domains=settings.domains,
                address=settings.listen_address,
                port=settings.port,
                https_port=settings.tls_port if certificate else 0,
                certificate=certificate.ready if certificate else None,
                redirects=settings.redirects,
                hsts_seconds=settings.tls.hsts,
                health_path=settings.health.path,
                body_limit_mb=settings.body_limit_mb,
                front=front(settings),
                pages=plan.pages,
                closed=settings.maintenance,
                closed_but_for=settings.maintenance_allow,
                kept=plan.kept_proxy,
                observed=args.observed.drift_fault("proxy"),
            ),
            inside,
        )
        if certificate:
            certificate.issue(proxy.serving)
        server_args = DjangoAppServerArgs(
            target=target,
            release=release,
            env=env,
            server=plan.server,
            settings_module=module,
            host=host,
            health_path=settings.health.path,
            health_timeout=settings.health.timeout,
            scheme="https" if certificate else "http",
            drain_seconds=settings.drain_seconds,
            after=(tasks.last,),
        )
        fault = args.observed.instance_fault(server_args.instance)
        server = DjangoAppServer(name, replace(server_args, observed=fault), inside)
        traffic = Traffic(
            f"{name}-traffic",
            TrafficArgs(
                target=target,
                server=server,
                proxy=proxy,
                host=host,
                health_path=settings.health.path,
                observed=args.observed.traffic_fault(server.instance),
                source=(plan.release.digest or "")[:10],
                rendered_from="" if plan.kept_proxy else rendered_from(settings),
                watch_seconds=settings.watch_seconds,
                watch_errors=settings.watch_errors,
                standby=settings.standby,
                back=plan.rolled_back,
            ),
            inside,
        )
        self.asked = Serving(interface=server.interface, server=server.server, release=server.release, instance=server.instance)
        told = traffic.result.apply(lambda serving: {key: value for key, value in serving.items() if key != "served"})
        self.outputs = told.apply(lambda serving: {**serving, "url": proxy.url})
        """What serves now: url, interface, server, release, instance, hosts, previous. A failed update leaves it as it was."""
        self.register_outputs({"serving": self.outputs})


def _warn(name: str, found: Sequence[Finding]) -> None:
    """What of the project's settings does not agree with how it is served; what breaks it has stopped the update before."""
    for one in found:
        pulumi.log.warn(f"{name}: {one}")

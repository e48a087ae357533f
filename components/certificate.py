"""Certificate: what Nginx shows to browsers, apart from releases and instances."""

from dataclasses import dataclass

import pulumi

from targets.base import Target
from targets.certificate import NOT_ISSUED, CertificateSpec


@dataclass(frozen=True, kw_only=True)
class CertificateArgs:
    """Which certificate, and where Nginx shows it."""

    target: Target
    spec: CertificateSpec
    address: str = "0.0.0.0"
    port: int = 443
    observed: str = ""
    """What is wrong with the one that is shown, if that was seen."""
    issued: bool = False
    """Whether one is shown that a CA has issued for all names."""


class Certificate(pulumi.ComponentResource):
    """A certificate in its place, before Nginx needs it; with an ACME server a self-made one until that has issued."""

    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gateway:index:Certificate", name, None, opts)
        self._name, self._args = name, args
        self.ready = args.target.certificate(f"{name}-{args.spec.mode}", args.spec, args.address, args.port, self)
        self.register_outputs({})

    def issue(self, proxy: pulumi.Resource) -> None:
        """Once Nginx shows the answers to an ACME server's questions, the server is asked."""
        args = self._args
        if args.spec.mode != "acme":
            return
        told = args.target.issue(
            f"{self._name}-issue", args.spec, args.address, args.port, self, (self.ready, proxy), args.observed
        )
        told.apply(self._tell)

    def _tell(self, told: str) -> None:
        """A refusal of the server fails no update, so it is said. An old one, that was mended since, is not."""
        refused = "not renewed" in told or (told and not told.startswith("acme"))
        if refused and not self._args.issued:
            pulumi.log.warn(f"{self._args.spec.names[0]}: {NOT_ISSUED}: {told}")

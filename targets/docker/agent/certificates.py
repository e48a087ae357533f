"""Certificates on the engine: put in place in a container that ends, asked for in one that stays."""

import io
import tarfile

import docker
from docker.errors import APIError, BuildError

from rendering import dockerfile
from rendering.identity import short_hash
from targets.common.acme import CLIENT
from targets.common.errors import AgentError
from targets.docker import names
from targets.docker.agent import engine
from targets.docker.requests import CertificateImageRequest, CertificateRequest, IssueRequest

SECONDS = 120
RUN = ("python3", "-m", "targets.common.certificates")
ASKED = "/gateway/asked.json"


def put(client: docker.DockerClient, request: CertificateRequest) -> str:
    """The certificate in its place; returns in words what serves then."""
    own = names.Names(request.app)
    asked = request.model_dump_json(include={"mode", "names", "chain", "key", "email", "server", "ca"})
    with engine.lock(request.app, "certificate"):
        container = client.containers.create(
            request.image,
            entrypoint=[*RUN, "ensure", ASKED],
            command=[],
            working_dir="/gateway",
            user="0",
            network_mode="none",
            labels=engine.temporary(request.app, "certificate"),
            volumes=[f"{own.volume('tls')}:{names.TLS}", f"{own.volume('acme')}:{names.ACME}"],
        )
        try:
            for path in names.CERTIFICATES:
                engine.put(container, f"/gateway/{path.relative_to(names.ROOT)}", path.read_bytes())
            engine.put(container, ASKED, asked.encode(), mode=0o600)
            container.start()
            status = int(container.wait(timeout=SECONDS)["StatusCode"])
            lines = container.logs().decode(errors="replace").strip().splitlines() or ["it gave no reason"]
        finally:
            engine.remove(container)
    if status:
        raise AgentError(f"the certificate cannot be put in place: {lines[-1].removeprefix('gateway: ')}")
    return lines[-1]


def image(client: docker.DockerClient, request: CertificateImageRequest) -> str:
    """Id of the image with the ACME client of the distribution and our code, built where it is missing."""
    text = dockerfile.certificate(base=request.base, client=CLIENT)
    tag = f"gateway/acme:{short_hash(text, request.code)}"
    with engine.lock("acme-image"):
        found = client.images.list(name=tag)
        if found:
            return str(found[0].id)
        try:
            made, _ = client.images.build(fileobj=_context(text), custom_context=True, rm=True, forcerm=True, tag=tag)
        except (BuildError, APIError) as error:
            raise AgentError(
                f"the image with {CLIENT} cannot be built ({str(error).splitlines()[0]}); way out: make the distribution's "
                "package mirror reachable for docker build, or take tls.mode files"
            ) from None
        return str(made.id)


def _context(text: str) -> io.BytesIO:
    """The Dockerfile and the code, without dates, so that Docker's cache holds."""
    files = {"Dockerfile": text.encode(), **{str(path.relative_to(names.ROOT)): path.read_bytes() for path in names.CERTIFICATES}}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            tar.addfile(info, io.BytesIO(content))
    buffer.seek(0)
    return buffer


def issue(client: docker.DockerClient, request: IssueRequest) -> str:
    """Ask the server now, if one is due. A refusal is told and is no failure: the site serves with what it has."""
    container = client.containers.get(request.container)
    status, output = engine.run_in(container, *RUN, "renew")
    lines = output.splitlines() or ["it gave no reason"]
    if status:
        raise AgentError(f"no certificate could be asked for: {lines[-1].removeprefix('gateway: ')}")
    return lines[-1]

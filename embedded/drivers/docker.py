"""Networks and volumes on a Docker engine; the outputs are those of the real provider, so that it can go on with them."""

import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import docker as sdk
from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from embedded.drivers.base import Diff, Driver, Values, changes
from embedded.errors import NotSupported, StepError
from embedded.values import UNKNOWN, is_secret

SECONDS = 600
IN_USE_SECONDS = 20
"""A thing that is still in use by a container on its way out is tried again so long."""


@cache
def client() -> sdk.DockerClient:
    """The engine that DOCKER_HOST names, else the local one; asked for only when something has to be done."""
    with told("connect"):
        return sdk.from_env(timeout=SECONDS)


@contextmanager
def told(what: str) -> Any:
    """Docker's own words as the step's message."""
    try:
        yield
    except (DockerException, RequestException, OSError) as error:
        reason = getattr(error, "explanation", None) or error
        raise StepError(f"Docker: unable to {what}: {reason}") from None


class DockerDriver(Driver):
    """What networks, volumes and containers have in common."""

    known: frozenset[str] = frozenset()
    """Inputs that this engine can do; any other is refused."""
    in_place: frozenset[str] = frozenset()
    """Inputs that change without another thing."""
    defaults: Mapping[str, Any] = {}

    def check(self, inputs: Values) -> Values:
        strange = sorted(inputs.keys() - self.known)
        if strange:
            raise NotSupported(f"Docker option {', '.join(strange)}")
        filled = {key: value for key, value in self.defaults.items() if key not in inputs}
        return {"__defaults": sorted(filled), **{key: _marked(value) for key, value in inputs.items()}, **filled}

    def diff(self, old_inputs: Values, old_outputs: Values, inputs: Values) -> Diff:
        found = Diff(tuple(changes(old_inputs, inputs)))
        replace = bool(set(found.keys) - self.in_place)
        return Diff(found.changed, replace, replace and self.clashes(old_inputs, inputs))

    def clashes(self, old_inputs: Values, inputs: Values) -> bool:
        """Two things of one name cannot be there at once."""
        return bool(old_inputs.get("name") == inputs.get("name"))

    def preview(self, inputs: Values, old_outputs: Values | None) -> Values:
        return {**(old_outputs or {}), **without_defaults(inputs), **({} if old_outputs else {"id": UNKNOWN})}

    def read(self, id_: str) -> bool:
        """Whether it is there as the state says."""
        raise NotImplementedError


class Volume(DockerDriver):
    """A named volume."""

    known = frozenset(("name", "labels", "driver"))

    def create(self, name: str, inputs: Values) -> tuple[str, Values]:
        with told(f"create volume {inputs['name']}"):
            made = client().volumes.create(inputs["name"], driver=inputs.get("driver"), labels=labels(inputs))
        return str(made.id), {
            **without_defaults(inputs),
            "__meta": '{"schema_version":"1"}',
            "cluster": None,
            "driver": made.attrs["Driver"],
            "driverOpts": made.attrs.get("Options") or None,
            "id": made.id,
            "mountpoint": made.attrs["Mountpoint"],
        }

    def delete(self, id_: str, inputs: Values, outputs: Values) -> None:
        remove(f"volume {id_}", lambda: client().volumes.get(id_).remove())

    def read(self, id_: str) -> bool:
        return there(lambda: client().volumes.get(id_))


class Network(DockerDriver):
    """A bridge network."""

    known = frozenset(("name", "labels", "driver", "ipamDriver", "internal"))
    defaults = {"ipamDriver": "default"}  # noqa: RUF012 - of the class, and never changed

    def create(self, name: str, inputs: Values) -> tuple[str, Values]:
        with told(f"create network {inputs['name']}"):
            made = client().networks.create(
                inputs["name"], driver=inputs.get("driver"), labels=labels(inputs), internal=bool(inputs.get("internal"))
            )
            made.reload()
        pools = [
            {"auxAddress": {}, "gateway": pool.get("Gateway", ""), "ipRange": "", "subnet": pool.get("Subnet", "")}
            for pool in made.attrs["IPAM"]["Config"] or []
        ]
        return str(made.id), {
            **without_defaults(inputs),
            "__meta": '{"schema_version":"1"}',
            "attachable": made.attrs["Attachable"],
            "driver": made.attrs["Driver"],
            "id": made.id,
            "ingress": made.attrs["Ingress"],
            "internal": made.attrs["Internal"],
            "ipamConfigs": pools,
            "ipamOptions": None,
            "ipv6": made.attrs["EnableIPv6"],
            "options": made.attrs["Options"] or {},
            "scope": made.attrs["Scope"],
        }

    def delete(self, id_: str, inputs: Values, outputs: Values) -> None:
        remove(f"network {id_[:12]}", lambda: client().networks.get(id_).remove())

    def read(self, id_: str) -> bool:
        return there(lambda: client().networks.get(id_))


def labels(inputs: Values) -> dict[str, str]:
    """The provider's list of pairs as Docker's map."""
    return {row["label"]: row["value"] for row in inputs.get("labels", [])}


def without_defaults(value: Any) -> Any:
    """Outputs do not tell which inputs were defaults."""
    if isinstance(value, Mapping):
        return {key: without_defaults(part) for key, part in value.items() if key != "__defaults"}
    return [without_defaults(part) for part in value] if isinstance(value, list) else value


def _marked(value: Any) -> Any:
    """Each map inside an input says that none of it is a default, as the provider's check does."""
    if isinstance(value, list) and not is_secret(value):
        return [{"__defaults": [], **part} if isinstance(part, Mapping) else part for part in value]
    return value


def remove(what: str, act: Callable[[], object]) -> None:
    """Do it until nobody uses the thing; one that is gone is gone."""
    end = time.monotonic() + IN_USE_SECONDS
    with told(f"remove {what}"):
        while True:
            try:
                act()
                return
            except NotFound:
                return
            except APIError as error:
                if time.monotonic() > end or error.status_code not in (403, 409):
                    raise
            time.sleep(0.2)


def there(look: Callable[[], object]) -> bool:
    """Whether Docker finds it."""
    with told("look"):
        try:
            look()
        except NotFound:
            return False
    return True

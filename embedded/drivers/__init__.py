"""One driver per resource type, each loaded when the first resource of its type is seen."""

from collections.abc import Callable
from functools import cache
from importlib import import_module

from embedded.drivers.base import Driver
from embedded.errors import NotSupported

TYPES = {
    "command:local:Command": "command:LocalCommand",
    "command:remote:Command": "remote:RemoteCommand",
    "command:remote:CopyToRemote": "copy:CopyToRemote",
    "docker:index/network:Network": "docker:Network",
    "docker:index/volume:Volume": "docker:Volume",
    "docker:index/container:Container": "container:Container",
}


@cache
def driver(type_: str) -> Driver:
    """The driver of a type. Raises ``NotSupported`` for one that this engine does not have."""
    if type_ not in TYPES:
        raise NotSupported(f"driver for resources of type {type_}")
    module, _, name = TYPES[type_].partition(":")
    made: Callable[[], Driver] = getattr(import_module(f"embedded.drivers.{module}"), name)
    return made()

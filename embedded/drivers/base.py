"""What the engine asks of a resource type. Drivers see plain values; the engine keeps the marks of secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embedded.values import UNKNOWN, has_unknown

Values = dict[str, Any]


@dataclass(frozen=True)
class Diff:
    """What a change of inputs means for the thing."""

    changed: tuple[str, ...] = ()
    """Paths of inputs: ``image``, ``triggers[0]``."""
    replace: bool = False
    delete_first: bool = False
    """Old and new cannot be there at the same time."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The inputs that changed, without what is inside them."""
        return tuple(dict.fromkeys(path.partition("[")[0].partition(".")[0] for path in self.changed))


class Driver:
    """One resource type. Errors are ``StepError`` with the message for the person."""

    def check(self, inputs: Values) -> Values:
        """The inputs with their defaults; refuses what the type cannot do here."""
        return inputs

    def diff(self, old_inputs: Values, old_outputs: Values, inputs: Values) -> Diff:
        """What changed; ``inputs`` may have unknowns in a preview."""
        return Diff(tuple(changes(old_inputs, inputs)))

    def preview(self, inputs: Values, old_outputs: Values | None) -> Values:
        """The outputs as far as they are known before the step."""
        return dict(inputs)

    def create(self, name: str, inputs: Values) -> tuple[str, Values]:
        """Make it; returns id and outputs."""
        raise NotImplementedError

    def update(self, id_: str, old_outputs: Values, inputs: Values) -> Values:
        """Change it in place; returns the outputs."""
        raise NotImplementedError

    def delete(self, id_: str, inputs: Values, outputs: Values) -> None:
        """Take it away; one that is gone already is no error."""
        raise NotImplementedError


def changes(old: Any, new: Any, path: str = "") -> list[str]:
    """Paths at which two values differ, the shortest that tell it; ``__defaults`` is nobody's change."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [key for key in {**old, **new} if key != "__defaults"]
        inside = [changes(old.get(key), new.get(key), f"{path}.{key}" if path else key) for key in keys]
        return [one for found in inside for one in found]
    if isinstance(old, list) and isinstance(new, list):
        pairs = [(old[n] if n < len(old) else None, new[n] if n < len(new) else None) for n in range(max(len(old), len(new)))]
        return [one for number, (a, b) in enumerate(pairs) for one in changes(a, b, f"{path}[{number}]")]
    if new is UNKNOWN or has_unknown(new):
        return [path]
    return [] if old == new and type(old) is type(new) else [path]

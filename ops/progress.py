"""What a person sees while the engine works: one line per step that changes something, in words."""

import re
import time
from dataclasses import dataclass, field

from pulumi.automation import EngineEvent, OpType
from rich.console import Console

QUIET = {OpType.SAME, OpType.READ, OpType.REFRESH}
_WORDS = (
    (r"-image-(?P<what>[a-z]+)-\S+$", "base image {what}"),
    (r"-storage$", "folders in the volumes"),
    (r"-release-(?P<what>[0-9a-f]{10})$", "release {what}"),
    (r"-env-(?P<what>[0-9a-f]{10})$", "env file {what}"),
    (r"-task-(?P<what>[a-z]+)-[0-9a-f]{10}$", "{what}"),
    (r"-nginx-conf$", "Nginx configuration"),
    (r"-traffic-live$", "switch: traffic"),
    (r"-(?P<what>[0-9a-f]{10})$", "instance {what}"),
)
_VERBS = {
    OpType.CREATE: "+",
    OpType.UPDATE: "~",
    OpType.DELETE: "-",
    OpType.REPLACE: "±",
    OpType.CREATE_REPLACEMENT: "+",
    OpType.DELETE_REPLACED: "-",
}


def in_words(urn: str) -> str:
    """``urn:...::command:local:Command::shop-1a2b3c4d5e`` -> ``instance 1a2b3c4d5e``."""
    kind, name = urn.split("::")[-2].split("$")[-1], urn.split("::")[-1]
    if kind == "command:local:Command":
        for pattern, words in _WORDS:
            if found := re.search(pattern, name):
                return words.format(**found.groupdict())
    return f"{kind.split(':')[-1].lower()} {name}"


@dataclass
class Progress:
    """Collects the engine's events: shows steps as they end, and keeps what failed."""

    console: Console
    started: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    """Messages of resources that failed, and of the program."""
    changed: int = 0

    def __call__(self, event: EngineEvent) -> None:
        """One event of the engine."""
        if event.resource_pre_event:
            self.started[event.resource_pre_event.metadata.urn] = time.monotonic()
        elif event.res_outputs_event:
            self._done(event.res_outputs_event.metadata.urn, event.res_outputs_event.metadata.op)
        elif event.res_op_failed_event:
            urn = event.res_op_failed_event.metadata.urn
            self.console.print(f"  [red]✗[/] {in_words(urn)} [dim]failed after {self._seconds(urn)}[/]", highlight=False)
        elif event.diagnostic_event and event.diagnostic_event.severity == "error":
            self.errors.append(event.diagnostic_event.message)

    def _done(self, urn: str, op: OpType) -> None:
        if (
            op in QUIET
            or "pulumi:providers:" in urn
            or "gateway:index:" in urn.split("::")[-2].split("$")[-1]
            or "pulumi:pulumi:Stack" in urn
        ):
            return
        self.changed += 1
        self.console.print(f"  {_VERBS.get(op, op.value)} {in_words(urn)} [dim]{self._seconds(urn)}[/]", highlight=False)

    def _seconds(self, urn: str) -> str:
        return f"{time.monotonic() - self.started.get(urn, time.monotonic()):.1f} s"

    def failure(self) -> tuple[str, bool]:
        """What a person reads first, and whether it is a mistake in the config (nothing was touched)."""
        texts = [_strip(error) for error in self.errors]
        config = [text for text in texts if text.startswith("config gateway:")]
        if config:
            return "\n".join(config), True
        ours = [text.partition("gateway: ")[2] for text in texts if "gateway: " in text]
        if ours:
            return "\n".join(dict.fromkeys(ours)), False
        rest = [text for text in texts if text and not text.startswith(("update failed", "resource registration"))]
        return (rest[0] if rest else "the update failed without a reason"), False


def _strip(message: str) -> str:
    text = re.sub(r"<\{%[^%]*%\}>|\x1b\[[0-9;]*m", "", message).strip()
    return text.removeprefix("error:").strip()

"""What a person sees while the engine works: one line per step that changes something, in words."""

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console

from targets.certificate import NOT_ISSUED
from targets.common.agreement import is_finding
from targets.common.diagnosis import recognise

if TYPE_CHECKING:
    from pulumi.automation import EngineEvent
    from pulumi.automation.events import DiagnosticEvent

_HOST = r"(?:-(?P<host>\S+))?$"
"""At the end of the names of steps on a host."""
_WORDS = (
    (r"-image-(?P<what>[a-z]+)-\S+$", "base image {what}"),
    (r"-storage$", "folders in the volumes"),
    (r"-host-(?P<host>\S+)$", "packages, user and folders"),
    (rf"-release-(?P<what>[0-9a-f]{{10}}){_HOST}", "release {what}"),
    (rf"-env-(?P<what>[0-9a-f]{{10}}){_HOST}", "env file {what}"),
    (rf"-task-(?P<what>[a-z]+)-[0-9a-f]{{10}}{_HOST}", "{what}"),
    (r"-nginx-conf$", "Nginx configuration"),
    (r"-certificate-issue-image$", "image of the ACME client"),
    (r"-certificate-issue(?:-ask|-(?P<host>\S+))$", "certificate: ACME server asked"),
    (r"-certificate-(?P<what>self-signed|files|acme)(?:-(?P<host>\S+))?$", "certificate ({what})"),
    (r"-nginx-(?P<host>\S+)$", "Nginx site"),
    (r"-traffic-live$", "switch: traffic"),
    (rf"-(?P<what>[0-9a-f]{{10}}){_HOST}", "instance {what}"),
)
VERBS = {
    "create": ("+", "will be made"),
    "update": ("~", "will be changed"),
    "delete": ("-", "will be taken away"),
    "create-replacement": ("+", "will be made anew"),
    "delete-replaced": ("-", "will be taken away: another one takes its place"),
}
"""Operations that a person cares about: the mark, and the words of a preview."""


def in_words(urn: str) -> str:
    """``urn:...::command:local:Command::shop-1a2b3c4d5e`` -> ``instance 1a2b3c4d5e``."""
    kind, name = urn.split("::")[-2].split("$")[-1], urn.split("::")[-1]
    if kind == "command:local:Command":
        for pattern, words in _WORDS:
            if found := re.search(pattern, name):
                told = found.groupdict()
                return words.format(**told) + (f" on {told['host']}" if told.get("host") else "")
    return f"{kind.split(':')[-1].lower()} {name}"


@dataclass
class Progress:
    """Collects what an engine does: shows steps as they end, and keeps what failed."""

    console: Console
    preview: bool = False
    """Nothing is done: steps are told with the reason, without a time."""
    started: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    """Messages of resources that failed, and of the program."""
    changed: int = 0

    def __call__(self, event: "EngineEvent") -> None:
        """One event of the Pulumi CLI."""
        if event.resource_pre_event:
            metadata = event.resource_pre_event.metadata
            self.begun(metadata.urn)
            if self.preview:
                self.done(metadata.urn, metadata.op.value, tuple(metadata.diffs or ()))
        elif event.res_outputs_event and not self.preview:
            metadata = event.res_outputs_event.metadata
            self.done(metadata.urn, metadata.op.value, tuple(metadata.diffs or ()))
        elif event.res_op_failed_event:
            self.failed(event.res_op_failed_event.metadata.urn)
        elif event.diagnostic_event:
            self._heard(event.diagnostic_event)

    def _heard(self, event: "DiagnosticEvent") -> None:
        text = _strip(event.message)
        if event.severity == "error":
            self.errors.append(event.message)
        elif (event.severity == "info" and not event.ephemeral) or (event.severity == "warning" and _told_always(text)):
            self.info(text.removeprefix("warning:").strip())

    def begun(self, urn: str) -> None:
        """A step begins."""
        self.started[urn] = time.monotonic()

    def done(self, urn: str, op: str, keys: tuple[str, ...] = ()) -> None:
        """A step ended well, or would be done."""
        if op not in VERBS or any(hidden in urn for hidden in ("pulumi:providers:", "pulumi:pulumi:Stack")):
            return
        if "gateway:index:" in urn.split("::")[-2].split("$")[-1]:
            return
        self.changed += 1
        mark, verb = VERBS[op]
        why = f" ({', '.join(keys)} changed)" if keys and op != "delete-replaced" else ""
        rest = f"{verb}{why}" if self.preview else self._seconds(urn)
        self.console.print(f"  {mark} {in_words(urn)} [dim]{rest}[/]", highlight=False)

    def failed(self, urn: str) -> None:
        """A step ended badly."""
        self.console.print(f"  [red]✗[/] {in_words(urn)} [dim]failed after {self._seconds(urn)}[/]", highlight=False)

    def info(self, message: str) -> None:
        """What the program itself says; an update shows its steps instead, and what a person should do something about."""
        if self.preview or _told_always(message):
            self.console.print(f"warning: {message}" if _told_always(message) else message, highlight=False, markup=False)

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
        return (_explained(rest[0]) if rest else "the update failed without a reason"), False


def _told_always(message: str) -> bool:
    """Findings in the project's settings, and a refusal of an ACME server: the update succeeds all the same."""
    return is_finding(message) or NOT_ISSUED in message


def _explained(text: str) -> str:
    """A provider's own words, with ours before them where they are known trouble."""
    found = next((one for one in map(recognise, text.splitlines()) if one), None)
    return f"{found.words}{found.way_out}\n{text}" if found else text


def _strip(message: str) -> str:
    text = re.sub(r"<\{%[^%]*%\}>|\x1b\[[0-9;]*m", "", message).strip()
    return text.removeprefix("error:").removeprefix("warning:").strip()

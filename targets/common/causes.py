"""From a log to a sentence: why the project's code did not start, and what to do about it."""

import re

from targets.common.diagnosis import explain, recognise

LAST_LINES = 12

_EXCEPTION = re.compile(
    r"^(?P<type>(?:[A-Za-z_]\w*\.)*(?=[A-Z])\w*(?:Error|Exception|Configured|NotReady|DisallowedHost|Exit))(?:: (?P<text>.*))?$"
)


def exception(log: str) -> str:
    """The last exception in the log as one line, '' where there is none."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    for index in range(len(lines) - 1, -1, -1):
        found = _EXCEPTION.match(lines[index])
        name = found["type"].rpartition(".")[2] if found else ""
        if name == "SystemCheckError":
            return " ".join(line.strip() for line in lines[index : index + 4])
        if name not in ("", "SystemExit"):
            return lines[index]
    return ""


def cause(log: str) -> str:
    """The last exception in the log, or its last line, or that there is nothing in it."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return exception(log) or (lines[-1] if lines else "nothing in its log")


def report(what: str, log: str, reason: str = "") -> str:
    """First line: what failed, why, the way out. Below: the process's own last lines, and those that led to the cause.

    ``reason`` is what is known from elsewhere than the log.
    """
    found = recognise(reason) if reason else explain(log, cause(log))
    told = reason or (found.words if found else cause(log))
    first = f"{what}: {told}" + (found.way_out if found else "")
    lines = _telling(log)
    return "\n".join([first, *(["its last lines:"] if lines else []), *(f"  | {line}" for line in lines)])


def _telling(log: str) -> list[str]:
    """The last lines; where a server's own talk came after the exception, also the exception and what led to it."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    found = exception(log)
    at = max((index for index, line in enumerate(lines) if found and line.startswith(found[:80])), default=len(lines))
    last = lines[-LAST_LINES:]
    if not found or at >= len(lines) - LAST_LINES:
        return last
    return [*lines[max(0, at - LAST_LINES + 5) : at + 1], "...", *lines[-4:]]


def redact(log: str, secrets: list[str]) -> str:
    """The log without the values of secrets (whole values, and their lines where one has several)."""
    parts = {part for secret in secrets for part in [secret, *secret.splitlines()] if len(part) >= 4}
    for part in sorted(parts, key=len, reverse=True):
        log = log.replace(part, "[secret]")
    return log


def unhealthy(what: str, asked_for: tuple[str, str, float], answer: tuple[int, str], log: str) -> str:
    """Why the answer to the health check (Host header, path, seconds) does not do, and what to do about it."""
    (host, path, seconds), (status, detail) = asked_for, answer
    asked = f"GET {path} with Host {host}"
    never = f"{what} never became healthy and never took traffic"
    if status == 0:
        return report(never, log, f"{asked} had no answer in {seconds:g} seconds ({detail}); {_from_log(log)}")
    if 300 <= status < 400:
        mend = "exempt the path from the redirect (SECURE_REDIRECT_EXEMPT) or correct health.path"
        return report(never, log, f"{asked} answered {status} to {detail}, not 200; {mend}")
    if status == 400:
        return report(never, log, f"{asked} answered 400 (DisallowedHost?); ALLOWED_HOSTS must have {host}")
    if status == 404:
        return report(never, log, f"{asked} answered 404; add the view or correct health.path")
    return report(never, log, f"{asked} answered {status}, not 200; {_from_log(log)}")


def _from_log(log: str) -> str:
    found = explain(log, exception(log))
    return found.words if found else exception(log) or ("its log tells more" if log.strip() else "its log is empty")

"""What Nginx says of itself in its error log, and why it did not do what it was told."""

import re
import time
from pathlib import Path

from targets.common.diagnosis import Line, recognise, shorten
from targets.common.rules import NGINX_RULES
from targets.host.agent import ports

NGINX_LOG = Path("/var/log/nginx/error.log")
TAIL_BYTES = 512 * 1024


def why(since: float, path: Path = NGINX_LOG) -> str:
    """The end of a message: why it did not start, or did not take its configuration over, and the way out."""
    said = [line.text.partition("[emerg] ")[2] for line in lines(since, path) if "[emerg] " in line.text]
    text = next((one for one in reversed(said) if "(98: " in one), said[-1] if said else "")
    found = recognise(text, NGINX_RULES)
    if not found:
        return f"{': ' if text else ''}{shorten(text)}; way out: journalctl -u nginx"
    port = re.search(r"bind\(\) to \S+:(\d+) ", found.evidence)
    holder = ports.holder(int(port[1])) if port else ""
    return f": {found.sentence} ({found.evidence}{'; ' if holder else ''}{holder}); way out: {found.fix}"


def lines(since: float, path: Path = NGINX_LOG) -> tuple[Line, ...]:
    """What Nginx said since then in its error log."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ()
    begun = time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(since))
    found = (re.match(r"(\d{4}/\d\d/\d\d (\d\d:\d\d:\d\d)) (.*)", line) for line in text.splitlines())
    return tuple(Line(one[2], one[3]) for one in found if one and one[1] >= begun)

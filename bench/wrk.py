"""One run of wrk, and the wait until there is something to run it against."""

import re
import subprocess
import time
import urllib.error
import urllib.request


def wrk(url: str, seconds: int, connections: int) -> tuple[float, str, int]:
    """Requests per second, p99 and errors."""
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s", "--latency"]
    text = subprocess.run([*command, "--header", "Host: localhost", url], capture_output=True, text=True, check=True).stdout
    rate, p99 = re.search(r"Requests/sec:\s+([\d.]+)", text), re.search(r"99%\s+(\S+)", text)
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    errors = int(wrong.group(1)) if wrong else 0
    errors += sum(int(part) for part in sockets.groups()) if sockets else 0
    return float(rate.group(1)) if rate else 0.0, p99.group(1) if p99 else "", errors


def await_page(url: str, seconds: float = 30) -> int:
    """Length of the page once it is there: proof that all serve the same."""
    end, why = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        try:
            request = urllib.request.Request(url, headers={"Host": "localhost"})
            with urllib.request.urlopen(request, timeout=5) as answer:
                return len(answer.read())
        except (OSError, urllib.error.URLError) as error:
            why = str(error)
            time.sleep(0.2)
    raise RuntimeError(f"{url} does not answer: {why}")

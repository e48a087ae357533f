#!/usr/bin/env python3
"""loadgap.py - a steady HTTP (and websocket) load that measures what a switch costs.

Standard library only (Python 3.9+). It sends requests at a fixed rate, counts
every failure by kind, and reports the longest gap between two successful
responses. A command can be run in the middle of the load (--run, --run-at).

  loadgap.py --url http://127.0.0.1:8080/ --duration 15 --run-at 4 --run './switch.sh'
  loadgap.py --url http://127.0.0.1:8080/ --url 1:http://127.0.0.1:8080/slow \
             --websockets 20 --ws-url ws://127.0.0.1:8080/ws/echo --json out.json

The rate is held per client: a client that waits for an answer sends nothing else.
Two kinds of HTTP client run side by side:
  keep-alive  one connection each, used again for every request (like a browser or a proxy)
  fresh       a new connection for every request (like curl)

Kinds of failure:
  status_NNN        an answer that is not 2xx (502, 503, ...)
  refused           the connection was refused
  connect_error     any other failure to connect
  stale_keepalive   a used-again connection was closed before one byte of the answer came
                    (browsers send such a GET again; --retry-stale does the same, and counts it apart)
  no_answer         a fresh connection was closed before one byte of the answer came
  cut_answer        the connection was closed in the middle of an answer
  timeout           no full answer within --timeout
  bad_answer        something that is not HTTP
`missed` counts the ticks a client could not use because its previous request was not over.
The exit code is 0 when there was no failure, 1 when there was, 2 for wrong use.
"""

import argparse, asyncio, base64, collections, json, os, random, signal, ssl, struct, sys, time
from urllib.parse import urlsplit


class Fail(Exception):
    def __init__(self, kind):
        self.kind = kind


class Stats:
    def __init__(self):
        self.t0 = time.monotonic()
        self.ok = []  # (end time, latency)
        self.fails = []  # (end time, kind, client class)
        self.sent = self.missed = self.retried = 0
        self.by = collections.OrderedDict()  # header value -> [count, first, last]
        self.closed_idle = 0  # keep-alive connections the server closed while idle (harmless)
        self.last_ok = {}  # client class -> time
        self.gap = {}  # client class -> (length, start)

    def now(self):
        return time.monotonic() - self.t0

    def success(self, cls, started, value):
        t = self.now()
        self.ok.append((t, t - started))
        for c in (cls, "all"):
            g = t - self.last_ok.get(c, 0.0)
            if g > self.gap.get(c, (0, 0))[0]:
                self.gap[c] = (g, self.last_ok.get(c, 0.0))
            self.last_ok[c] = t
        if value is not None:
            e = self.by.setdefault(value, [0, t, t])
            e[0] += 1
            e[2] = t


async def connect(u, timeout):
    ctx = None
    if u.scheme in ("https", "wss"):
        ctx = ssl.create_default_context()
        ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    port = u.port or (443 if ctx else 80)
    try:
        return await asyncio.wait_for(asyncio.open_connection(u.hostname, port, ssl=ctx), timeout)
    except ConnectionRefusedError:
        raise Fail("refused")
    except asyncio.TimeoutError:
        raise Fail("timeout")
    except OSError:
        raise Fail("connect_error")


async def read_answer(r, reused):
    """-> (status, headers, must_close); raises Fail."""
    try:
        line = await r.readline()
    except (ConnectionError, OSError):
        line = b""
    if not line:
        raise Fail("stale_keepalive" if reused else "no_answer")
    try:
        parts = line.split(None, 2)
        status = int(parts[1])
        head = {}
        while True:
            line = await r.readline()
            if not line:
                raise Fail("cut_answer")
            line = line.strip()
            if not line:
                break
            k, _, v = line.partition(b":")
            head[k.strip().lower().decode("latin1")] = v.strip().decode("latin1")
        if status == 101 or status == 204 or status == 304:
            pass
        elif "chunked" in head.get("transfer-encoding", ""):
            while True:
                n = int((await r.readline()).split(b";")[0], 16)
                await r.readexactly(n + 2)
                if n == 0:
                    break
        elif "content-length" in head:
            await r.readexactly(int(head["content-length"]))
        else:
            await r.read()
            head["connection"] = "close"
        return status, head, head.get("connection", "").lower() == "close"
    except (asyncio.IncompleteReadError, ConnectionError, OSError):
        raise Fail("cut_answer")
    except (ValueError, IndexError):
        raise Fail("bad_answer")


class HttpClient:
    def __init__(self, a, s, urls, keep, n, of, interval, stop):
        self.a, self.s, self.keep, self.n, self.of, self.interval, self.stop = a, s, keep, n, of, interval, stop
        self.cls = "keepalive" if keep else "fresh"
        self.urls, self.weights = [u for _, u in urls], [w for w, _ in urls]
        self.rnd = random.Random(a.seed * 1000 + n + (500 if keep else 0))
        self.conn = None
        self.host = None

    def drop(self):
        if self.conn:
            self.conn[1].close()
        self.conn = None

    async def once(self, u):
        host = (u.hostname, u.port)
        if self.conn and (
            self.host != host or self.conn[0].at_eof() or self.conn[1].is_closing() or self.conn[0].exception()
        ):
            if self.host == host:
                self.s.closed_idle += 1
            self.drop()
        reused = self.conn is not None
        if not reused:
            self.conn, self.host = await connect(u, self.a.timeout), host
        r, w = self.conn
        path = (u.path or "/") + ("?" + u.query if u.query else "")
        req = "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: loadgap\r\nAccept: */*\r\n%s\r\n" % (
            path,
            self.a.host or u.netloc,
            "" if self.keep else "Connection: close\r\n",
        )
        try:
            w.write(req.encode())
            await w.drain()
        except (ConnectionError, OSError):
            raise Fail("stale_keepalive" if reused else "no_answer")
        status, head, close = await read_answer(r, reused)
        if close or not self.keep:
            self.drop()
        if not 200 <= status < 300:
            raise Fail("status_%d" % status)
        return head.get(self.a.by_header.lower()) if self.a.by_header else None

    async def request(self, u):
        started = self.s.now()
        self.s.sent += 1
        for attempt in (0, 1):
            try:
                v = await asyncio.wait_for(self.once(u), self.a.timeout)
                self.s.success(self.cls, started, v)
                return
            except Fail as e:
                kind = e.kind
            except asyncio.TimeoutError:
                kind = "timeout"
            if not kind.startswith("status_"):
                self.drop()
            if kind == "stale_keepalive" and self.a.retry_stale and not attempt:
                self.s.retried += 1
                continue
            break
        self.s.fails.append((self.s.now(), kind, self.cls))

    async def run(self):
        # clients start spread evenly over one interval (fresh ones half a step later), so a quiet server shows a small gap
        nxt = self.interval * (self.n + (0.25 if self.keep else 0.75)) / self.of
        await asyncio.sleep(nxt)
        while not self.stop.is_set():
            await self.request(self.rnd.choices(self.urls, self.weights)[0])
            if self.interval:
                nxt += self.interval
                late = self.s.now() - nxt
                if late > self.interval:
                    k = int(late / self.interval)
                    self.s.missed += k
                    nxt += k * self.interval
                if late < 0:
                    await asyncio.sleep(-late)
        self.drop()


class WsClient:
    """Opens a websocket, sends a text every --ws-interval, waits for the same text back."""

    def __init__(self, a, s, n, stop, log):
        self.a, self.s, self.n, self.stop, self.log = a, s, n, stop, log

    async def open(self, u):
        r, w = await connect(u, self.a.timeout)
        key = base64.b64encode(os.urandom(16)).decode()
        origin = "%s://%s" % ("https" if u.scheme == "wss" else "http", u.netloc)
        w.write(
            (
                "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: %s\r\n"
                "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n"
                % (u.path or "/", self.a.host or u.netloc, origin, key)
            ).encode()
        )
        try:
            status, _, _ = await asyncio.wait_for(read_answer(r, False), self.a.timeout)
        except asyncio.TimeoutError:
            w.close()
            raise Fail("timeout")
        except Fail:
            w.close()
            raise
        if status != 101:
            w.close()
            raise Fail("status_%d" % status)
        return r, w

    def send(self, w, op, data):
        mask = os.urandom(4)
        head = bytes([0x80 | op, 0x80 | len(data)])
        w.write(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    async def recv(self, r):
        b0, b1 = await r.readexactly(2)
        n = b1 & 0x7F
        if n == 126:
            n = struct.unpack(">H", await r.readexactly(2))[0]
        elif n == 127:
            n = struct.unpack(">Q", await r.readexactly(8))[0]
        return b0 & 0x0F, await r.readexactly(n)

    async def run(self):
        u, st = urlsplit(self.a.ws_url), self.log
        down_since = None
        await asyncio.sleep(random.random() * min(1.0, self.a.ws_interval))
        while not self.stop.is_set():
            try:
                r, w = await self.open(u)
            except Fail as e:
                st["open_failed"][e.kind] += 1
                if down_since is None:
                    down_since = self.s.now()
                await asyncio.sleep(self.a.ws_retry)
                continue
            st["opened"] += 1
            if down_since is not None:
                st["down"].append(self.s.now() - down_since)
                down_since = None
            how, code = "eof", None
            try:
                while not self.stop.is_set():
                    text = b"%d-%f" % (self.n, self.s.now())
                    self.send(w, 1, text)
                    await w.drain()
                    st["sent"] += 1
                    end = self.s.now() + self.a.ws_interval
                    got = False
                    while True:
                        left = end - self.s.now()
                        if left <= 0:
                            if got:
                                break
                            left = self.a.timeout
                        try:
                            op, data = await asyncio.wait_for(self.recv(r), left)
                        except asyncio.TimeoutError:
                            if got:
                                break
                            raise Fail("echo_timeout")
                        if op == 8:
                            how = "close_frame"
                            code = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else None
                            raise Fail("closed")
                        if op == 9:
                            self.send(w, 10, data)
                        elif data == text:
                            got = True
                            st["echoed"] += 1
            except Fail as e:
                if e.kind != "closed":
                    how = e.kind
            except asyncio.IncompleteReadError:
                how = "eof"
            except (ConnectionError, OSError):
                how = "reset"
            w.close()
            if not self.stop.is_set():
                down_since = self.s.now()
                st["cuts"].append((round(self.s.now(), 3), how, code))
        if down_since is not None:
            st["down"].append(self.s.now() - down_since)
            st["down_at_end"] += 1


def pct(v, p):
    return v[min(len(v) - 1, int(len(v) * p))] if v else None


async def main(a):
    s, stop = Stats(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for sig in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sig, stop.set)
    urls = []
    for x in a.url:
        w, sep, rest = x.partition(":")
        weight, url = (float(w), rest) if sep and w.replace(".", "", 1).isdigit() else (19.0, x)
        urls.append((weight, urlsplit(url)))
    tasks = []
    for keep, n, rate in ((True, a.keepalive, a.keepalive_rate), (False, a.fresh, a.fresh_rate)):
        for i in range(n):
            c = HttpClient(a, s, urls, keep, i, n, n / rate if rate else 0, stop)
            tasks.append(asyncio.create_task(c.run()))
    ws = {
        "opened": 0,
        "open_failed": collections.Counter(),
        "sent": 0,
        "echoed": 0,
        "cuts": [],
        "down": [],
        "down_at_end": 0,
    }
    for i in range(a.websockets):
        tasks.append(asyncio.create_task(WsClient(a, s, i, stop, ws).run()))
    cmd = {}

    async def command():
        await asyncio.sleep(a.run_at)
        cmd["start"] = s.now()
        p = await asyncio.create_subprocess_shell(a.run, stdout=sys.stderr, stderr=sys.stderr)
        cmd["rc"] = await p.wait()
        cmd["end"] = s.now()
        if a.tail is not None:
            await asyncio.sleep(a.tail)
            stop.set()

    side = asyncio.create_task(command()) if a.run else None
    try:
        await asyncio.wait_for(stop.wait(), a.duration)
    except asyncio.TimeoutError:
        pass
    stop.set()
    total = s.now()
    if side and "end" not in cmd:
        await side
    await asyncio.wait(tasks, timeout=a.timeout + 1) if tasks else None
    for t in tasks:
        t.cancel()
    g = total - s.last_ok.get("all", 0.0)
    if g > s.gap.get("all", (0, 0))[0]:
        s.gap["all"] = (g, s.last_ok.get("all", 0.0))
    lat = sorted(x for _, x in s.ok)
    kinds = collections.Counter(k for _, k, _ in s.fails)
    out = {
        "label": a.label,
        "seconds": round(total, 3),
        "sent": s.sent,
        "ok": len(s.ok),
        "failed": len(s.fails),
        "failed_by_kind": dict(kinds),
        "failed_by_client": dict(collections.Counter(c for _, _, c in s.fails)),
        "first_failure_s": round(s.fails[0][0], 3) if s.fails else None,
        "last_failure_s": round(s.fails[-1][0], 3) if s.fails else None,
        "missed": s.missed,
        "retried_stale": s.retried,
        "closed_idle": s.closed_idle,
        "longest_gap_ms": round(s.gap.get("all", (total, 0))[0] * 1000, 1),
        "longest_gap_at_s": round(s.gap.get("all", (0, 0))[1], 3),
        "longest_gap_by_client_ms": {k: round(v[0] * 1000, 1) for k, v in s.gap.items() if k != "all"},
        "latency_ms": {
            k: round(v * 1000, 1)
            for k, v in (("p50", pct(lat, 0.5)), ("p99", pct(lat, 0.99)), ("max", lat[-1] if lat else None))
            if v is not None
        },
        "answers_by_header": {
            k: {"count": v[0], "first_s": round(v[1], 3), "last_s": round(v[2], 3)} for k, v in s.by.items()
        },
        "command": {k: round(v, 3) for k, v in cmd.items()} or None,
    }
    if a.websockets:
        cuts = sorted(ws["cuts"])
        out["websockets"] = {
            "clients": a.websockets,
            "opened": ws["opened"],
            "sent": ws["sent"],
            "echoed": ws["echoed"],
            "cut": len(cuts),
            "cut_how": dict(collections.Counter("%s %s" % (h, c) if c else h for _, h, c in cuts)),
            "first_cut_s": cuts[0][0] if cuts else None,
            "last_cut_s": cuts[-1][0] if cuts else None,
            "open_failed": dict(ws["open_failed"]),
            "down_at_end": ws["down_at_end"],
            "longest_down_ms": round(max(ws["down"]) * 1000, 1) if ws["down"] else 0,
        }
    text = json.dumps(out, indent=None if a.one_line else 2)
    print(text)
    if a.json:
        with open(a.json, "a") as f:
            f.write(json.dumps(out) + "\n")
    return 1 if s.fails else 0


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument(
        "--url",
        action="append",
        required=True,
        metavar="[WEIGHT:]URL",
        help="address to GET; more than one may be given, with a weight (default weight 19)",
    )
    p.add_argument("--duration", type=float, default=15, metavar="S", help="longest time to run (default 15)")
    p.add_argument("--keepalive", type=int, default=16, metavar="N", help="keep-alive clients (default 16)")
    p.add_argument(
        "--keepalive-rate",
        type=float,
        default=100,
        metavar="R",
        help="their requests per second, all together; 0 = as fast as they can (default 100)",
    )
    p.add_argument("--fresh", type=int, default=16, metavar="N", help="new-connection clients (default 16)")
    p.add_argument("--fresh-rate", type=float, default=100, metavar="R", help="as above (default 100)")
    p.add_argument("--timeout", type=float, default=10, metavar="S", help="for one request (default 10)")
    p.add_argument("--host", help="Host header to send (default: from the URL)")
    p.add_argument("--retry-stale", action="store_true", help="send a stale keep-alive GET once more, as browsers do")
    p.add_argument(
        "--by-header", metavar="NAME", help="count answers by this header (which release answered, and when)"
    )
    p.add_argument("--websockets", type=int, default=0, metavar="N", help="websocket clients (default 0)")
    p.add_argument("--ws-url", metavar="URL", help="ws:// address of an echo service")
    p.add_argument("--ws-interval", type=float, default=0.5, metavar="S", help="time between messages (default 0.5)")
    p.add_argument("--ws-retry", type=float, default=0.1, metavar="S", help="time between tries to open (default 0.1)")
    p.add_argument("--run", metavar="CMD", help="shell command to run in the middle of the load")
    p.add_argument("--run-at", type=float, default=3, metavar="S", help="when to start it (default 3)")
    p.add_argument("--tail", type=float, metavar="S", help="stop this long after the command ended")
    p.add_argument("--label", default="", help="a name that goes into the result")
    p.add_argument("--json", metavar="FILE", help="append the result to this file, one line each")
    p.add_argument("--one-line", action="store_true", help="print the result on one line")
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    if args.websockets and not args.ws_url:
        p.error("--websockets needs --ws-url")
    sys.exit(asyncio.run(main(args)))

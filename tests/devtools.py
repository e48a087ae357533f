"""A real browser, headless Chromium, driven over its DevTools protocol by a pipe: selenium would bring ten packages."""

import contextlib
import hashlib
import json
import os
import select
import shutil
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.deployment import ROOT, eventually
from tests.own_network import unshared, way_out

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe")
PATIENCE = 60
"""Seconds for what a person would wait for, on a machine that does much else."""


def chromium() -> str:
    """Path of the browser; without one the test is skipped."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium on PATH (apt install chromium)")
    return found


class DevToolsError(Exception):
    """What the browser says of a command, or of a script's exception."""


class Chromium:
    """One browser with a profile of its own; its tabs share cookies."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write, self._left = read, write, b""
        self._count = 0
        self._tabs: dict[str, Tab] = {}

    def tab(self, url: str) -> "Tab":
        """A new tab that shows that address."""
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        session = self.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = self._tabs[session] = Tab(self, session)
        for domain in ("Page", "Runtime", "Log"):
            tab.tell(f"{domain}.enable")
        tab.go(url)
        return tab

    def tell(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """One command and its result; what the tabs' consoles say meanwhile is kept with them."""
        self._count += 1
        number = self._count
        to = {"sessionId": session} if session else {}
        os.write(self._write, json.dumps({"id": number, "method": method, "params": params, **to}).encode() + b"\0")
        while (message := self._next()).get("id") != number:
            if tab := self._tabs.get(message.get("sessionId", "")):
                tab.heard(message)
        if "error" in message:
            raise DevToolsError(f"{method}: {message['error']['message']}")
        result: dict[str, Any] = message["result"]
        return result

    def _next(self) -> dict[str, Any]:
        """What the browser says next; messages end with a NUL."""
        while b"\0" not in self._left:
            if not select.select([self._read], [], [], PATIENCE)[0]:
                raise DevToolsError(f"Chromium says nothing for {PATIENCE} s")
            part = os.read(self._read, 65536)
            if not part:
                raise DevToolsError("Chromium has ended")
            self._left += part
        message, _, self._left = self._left.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told


class Tab:
    """What a person sees and does in one tab."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser, self._session = browser, session
        self._errors: list[str] = []

    def tell(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.tell(method, self._session, **params)

    def heard(self, event: dict[str, Any]) -> None:
        """Errors and warnings of the console: of scripts, of the network, and exceptions that nobody caught."""
        params = event.get("params", {})
        if event["method"] == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self._errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif event["method"] == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self._errors.append(" ".join(str(argument.get("value")) for argument in params["args"]))
        elif event["method"] == "Runtime.exceptionThrown":
            self._errors.append(json.dumps(params["exceptionDetails"]))

    def errors(self) -> list[str]:
        """What the console has told since this was asked last."""
        self.run("0")  # so that what is on its way is here
        told, self._errors = self._errors, []
        return told

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        done = self.tell("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in done:
            raise DevToolsError(json.dumps(done["exceptionDetails"]))
        return done["result"].get("value")

    def go(self, url: str) -> None:
        """Type an address."""
        failed = self.tell("Page.navigate", url=url).get("errorText")
        assert not failed, f"{url}: {failed}"
        eventually(lambda: bool(self._now("document.readyState === 'complete'")), PATIENCE, f"{url} is there")

    @property
    def url(self) -> str:
        return str(self._now("location.href"))

    @property
    def text(self) -> str:
        """What can be read on the page; '' between two pages."""
        return str(self._now("document.body.innerText") or "")

    def read(self, selector: str) -> list[str]:
        """What can be read in each such element."""
        found: list[str] = self._now(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.innerText)") or []
        return found

    def shows(self, *words: str, within: str = "body") -> None:
        """Wait until all of these can be read, each somewhere in such an element."""

        def seen() -> bool:
            text = "\n".join(self.read(within))
            return all(word in text for word in words)

        with self._told():
            eventually(seen, PATIENCE, f"{words} can be read in {within}")

    def fill(self, selector: str, text: str) -> None:
        """Type into a field in place of what is in it."""
        self._await(selector)
        self.tell("Page.bringToFront")
        self.run(f"{_one(selector)}.focus(), {_one(selector)}.select()")
        self.tell("Input.insertText", text=text)

    def choose(self, selector: str, word: str) -> None:
        """The option of a list that has this word in it."""
        self._await(selector)
        option = f"[...{_one(selector)}.options].find(o => o.text.includes({json.dumps(word)}))"
        self.run(f"{option}.selected = true, {_one(selector)}.dispatchEvent(new Event('change', {{bubbles: true}}))")

    def attach(self, selector: str, path: Path) -> None:
        """Choose a file."""
        self._await(selector)
        root = self.tell("DOM.getDocument")["root"]["nodeId"]
        node = self.tell("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.tell("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def click(self, selector: str) -> None:
        """With the mouse, where it is: what lies under something else cannot be clicked."""
        self._await(selector)
        self.tell("Page.bringToFront")
        middle = "r => ({x: r.x + r.width / 2, y: r.y + r.height / 2})"
        self.run(f"{_one(selector)}.scrollIntoView({{block: 'center'}})")
        at = self.run(f"({middle})({_one(selector)}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self.tell("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    def _await(self, selector: str) -> None:
        with self._told():
            eventually(lambda: bool(self._now(f"{_one(selector)} !== null")), PATIENCE, f"there is {selector}")

    def _now(self, script: str) -> Any:
        """None while there is no page to ask."""
        try:
            return self.run(script)
        except DevToolsError:
            return None

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Who waits in vain is told what the page shows instead."""
        try:
            yield
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.url} shows:\n{self.text[:1000]}\nconsole: {self._errors}") from None


def _one(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)})"


@contextlib.contextmanager
def browsing(folder: Path, port: int, tls_port: int) -> Iterator[Chromium]:
    """A browser that trusts the very key that a site shows now, as a person would who has looked at it, and no other."""
    shown = x509.load_pem_x509_certificate(ssl.get_server_certificate(("localhost", tls_port)).encode())
    key = shown.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = b64encode(hashlib.sha256(key).digest()).decode()
    trust = (f"--ignore-certificate-errors-spki-list={pin}", f"--user-data-dir={folder}/profile")
    (commands, write), (read, answers) = os.pipe(), os.pipe()
    ports, theirs = (port, tls_port), (commands, answers)
    command = unshared(ports, folder, *theirs, [chromium(), *FLAGS, *trust])
    with contextlib.ExitStack() as stack:
        stack.enter_context(way_out(ports, folder))
        log = stack.enter_context((folder / "chromium.log").open("wb"))
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, pass_fds=theirs)
        stack.callback(process.wait, PATIENCE)
        for own in (read, write):  # it ends when nobody is there any more to tell it what to do
            stack.callback(os.close, own)
        for given in theirs:
            os.close(given)
        yield Chromium(read, write)

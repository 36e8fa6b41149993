"""A headless Chromium, spoken to over its own pipe: no driver, no library, no port."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
INSTALL = "no Chromium on the PATH: install it, such as with `apt-get install chromium`, or name one in CHROMIUM"
ANSWER = 30.0
"""Seconds for one command of the protocol."""

HAND_OVER = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
"""The browser reads its commands from descriptor 3 and answers on 4."""


def find_chromium() -> str:
    """Return the command of the browser; a missing one is no skip."""
    found = next(filter(None, map(shutil.which, filter(None, (os.environ.get("CHROMIUM"), *NAMES)))), None)
    assert found, INSTALL
    return found


class Browser:
    """One tab of a browser, and what it said while it worked."""

    def __init__(self, commands: int, answers: int) -> None:
        """Speak over these descriptors."""
        self._commands, self._answers = commands, answers
        self._buffer = b""
        self._number = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []

    def open_tab(self) -> None:
        """Open the tab that everything else is about."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give a command and return its result."""
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        deadline = time.monotonic() + ANSWER
        while True:
            message = self._next(deadline, method)
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])

    def _next(self, deadline: float, what: str) -> dict[str, Any]:
        """Return the next message; events are kept."""
        while b"\0" not in self._buffer:
            readable, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            assert readable, f"no answer within {ANSWER} s: {what}"
            received = os.read(self._answers, 1 << 16)
            assert received, f"the browser ended: {what}"
            self._buffer += received
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message

    def visit(self, url: str) -> None:
        """Load a page with all that belongs to it."""
        self.events.clear()
        answer = self.call("Page.navigate", url=url)
        assert not answer.get("errorText"), f"{url}: {answer['errorText']}"
        self.wait_for("Page.loadEventFired", url)

    def wait_for(self, event: str, what: str) -> None:
        """Wait until the browser reports an event."""
        deadline = time.monotonic() + ANSWER
        while not any(each["method"] == event for each in self.events):
            self._next(deadline, f"{event} of {what}")

    def ask(self, script: str) -> Any:
        """Return the value of an expression in the page, awaited when it is a promise."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def complaints(self) -> list[str]:
        """Return the errors and warnings of the console, exceptions and requests that failed, since the last visit."""
        found = []
        for event in self.events:
            known = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(known["exceptionDetails"].get("exception", known["exceptionDetails"])))
            elif event["method"] == "Runtime.consoleAPICalled" and known["type"] in ("error", "warning", "assert"):
                found.append(str([each.get("value") for each in known["args"]]))
            elif event["method"] == "Log.entryAdded" and known["entry"]["level"] in ("error", "warning"):
                found.append(f"{known['entry']['text']} {known['entry'].get('url', '')}")
            elif event["method"] == "Network.loadingFailed" and not known.get("canceled"):
                found.append(known["errorText"])
            elif event["method"] == "Network.responseReceived" and known["response"]["status"] >= 400:
                found.append(f"{known['response']['status']} {known['response']['url']}")
        return found

    def requested(self) -> list[str]:
        """Return the addresses that were asked for since the last visit."""
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        """Give the page the size of a screen."""
        size = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def prefer(self, scheme: str) -> None:
        """Prefer a light or a dark page."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def photograph(self, file: Path, *, whole: bool = False) -> None:
        """Write what can be seen, or the whole page, as PNG."""
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(picture["data"]))


@contextmanager
def browsing() -> Iterator[Browser]:
    """Start a browser with a profile of its own; nothing of it is left."""
    chromium = find_chromium()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command_in, command_out = os.pipe()
        answer_in, answer_out = os.pipe()
        options = [
            "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run",
            "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
            "--disable-default-apps", "--disable-sync", "--mute-audio", "--hide-scrollbars",
        ]  # fmt: skip
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # it refuses to sandbox what root started; the pages are our own
        launcher = [sys.executable, "-c", HAND_OVER, str(command_in), str(answer_out), chromium, *options]
        process = subprocess.Popen(
            launcher,
            pass_fds=(command_in, answer_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(command_in)
        os.close(answer_out)
        try:
            browser = Browser(command_out, answer_in)
            browser.open_tab()
            yield browser
        finally:
            os.close(command_out)
            os.close(answer_in)
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the browser with all its processes."""
    family = [process.pid]
    try:
        family += [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        os.killpg(process.pid, signal.SIGKILL)
    except (psutil.NoSuchProcess, ProcessLookupError):
        pass
    process.wait(timeout=ANSWER)
    left = [psutil.Process(pid) for pid in family if psutil.pid_exists(pid)]
    for child in left:
        child.kill()
    psutil.wait_procs(left, timeout=ANSWER)

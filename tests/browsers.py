"""A real Chromium without a window, told what to do over its own protocol on two pipes."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["DESKTOP", "PHONE", "Chromium", "chromium", "program"]

DESKTOP, PHONE = (1280, 900, False), (390, 844, True)
PATIENCE = 30.0


def program() -> str | None:
    """The program of a Chromium, if this machine has one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


class Chromium:
    """One page in a browser.

    Attributes
    ----------
    complaints : list of str
        Errors of the console: blocked by the policy, scripts that broke, things not found.
    """

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive, self._left = send, receive, b""
        self._number = 0
        self._events: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        target = self._tell("Target.createTarget", url="about:blank")["targetId"]
        asked = self._tell("Target.attachToTarget", targetId=target, flatten=True)
        self._page = asked["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.tell(f"{domain}.enable")

    def _tell(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        self._number += 1
        told = {"id": self._number, "method": method, "params": parameters}
        if session:
            told["sessionId"] = session
        os.write(self._send, json.dumps(told).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            self._heard(answer)

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._receive], [], [], deadline - time.monotonic())
            assert ready, "the browser is silent"
            self._left += os.read(self._receive, 1 << 20)
        message, _, self._left = self._left.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _heard(self, event: dict[str, Any]) -> None:
        self._events.append(event)
        told = event.get("params", {})
        if event.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]["text"]))
        if event.get("method") == "Page.javascriptDialogOpening":
            self.complaints.append(f"a dialog: {told['message']}")

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Tell the page something and return what it answers."""
        return self._tell(method, self._page, **parameters)

    def screen(self, width: int, height: int, mobile: bool) -> None:
        """Give the page the size of a screen."""
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=mobile)  # fmt: skip

    def wait(self, name: str) -> None:
        """Wait for an event of the page."""
        deadline = time.monotonic() + PATIENCE
        while not any(event.get("method") == name for event in self._events):
            self._heard(self._next(deadline))

    def open(self, address: str) -> None:
        """Open an address and wait until it is loaded."""
        self._events.clear()
        self.tell("Page.navigate", url=address)
        self.wait("Page.loadEventFired")

    def click(self, selector: str) -> None:
        """Click what leads to another page, and wait until that is loaded."""
        self._events.clear()
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        self.wait("Page.loadEventFired")

    def run(self, script: str) -> Any:
        """Run a script in the page and return its value."""
        answer = self.tell("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str, patience: float = 60.0) -> Any:
        """Wait until an expression of the page is true, and return its value."""
        end = time.monotonic() + patience
        while not (found := self.run(expression)):
            assert time.monotonic() < end, f"{expression} is {found!r}"
            time.sleep(0.2)
        return found

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Move, press or release the mouse, or turn its wheel."""
        kinds = {"move": "mouseMoved", "press": "mousePressed", "release": "mouseReleased",
                 "wheel": "mouseWheel"}  # fmt: skip
        self.tell("Input.dispatchMouseEvent", type=kinds[kind], x=x, y=y, **more)

    def key(self, key: str, modifiers: int = 0) -> None:
        """Press and release a key."""
        text = {"text": key} if len(key) == 1 else {}
        self.tell("Input.dispatchKeyEvent", type="keyDown", key=key, modifiers=modifiers, **text)
        self.tell("Input.dispatchKeyEvent", type="keyUp", key=key, modifiers=modifiers)

    @property
    def text(self) -> str:
        """The text of the page as it is seen."""
        return str(self.run("document.body.innerText"))

    @property
    def overflow(self) -> int:
        """How many pixels of the page are beyond the right edge of the screen."""
        return int(self.run("document.documentElement.scrollWidth - innerWidth"))

    def picture(self, path: Path) -> None:
        """Write what is on the screen, the whole page."""
        size = self.tell("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 4000),
                "scale": 1}  # fmt: skip
        shot = self.tell("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def chromium() -> Iterator[Chromium]:
    """A browser without a window, gone at the end."""
    command = program()
    assert command is not None
    # the browser reads its descriptor 3 and writes its descriptor 4
    read, send = os.pipe()
    receive, write = os.pipe()
    profile = tempfile.mkdtemp(prefix="chromium-")
    # fmt: off
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             "--disable-dev-shm-usage", "--no-first-run", f"--user-data-dir={profile}"]
    # fmt: on
    shell = f"exec 3<&{read} 4>&{write}; exec \"$@\""
    process = subprocess.Popen(
        ["bash", "-c", shell, "chromium", command, *flags], pass_fds=(read, write),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(read)
    os.close(write)
    try:
        yield Chromium(send, receive)
    finally:
        process.kill()
        process.wait()
        os.close(send)
        os.close(receive)
        shutil.rmtree(profile, ignore_errors=True)

"""A headless Chromium whose mouse and keyboard tests use, spoken to through its own pipe."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["BROWSER_NEEDED", "Browser", "browser"]

PATIENCE = 60.0

BROWSER_NEEDED = [
    pytest.mark.window,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not shutil.which("chromium"), reason="chromium is not installed (apt install chromium)"
    ),
]


class Browser:
    """One page of a headless Chromium.

    Parameters
    ----------
    directory : Path
        Where its profile is.
    """

    def __init__(self, directory: Path) -> None:
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()

        def ends() -> None:
            # Chromium reads descriptor 3 and writes 4; copies first, they may be each other's
            read, write = os.dup(to_read), os.dup(to_write)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self._process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--remote-debugging-pipe", f"--user-data-dir={directory / 'profile'}",
             "--window-size=1400,1100", "--disable-dev-shm-usage", "about:blank"],
            preexec_fn=ends, close_fds=False, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._number = 0
        self._rest = b""
        self._session = ""
        end = time.monotonic() + PATIENCE
        while not (pages := self._pages()):
            assert time.monotonic() < end
            time.sleep(0.2)
        found = self.ask("Target.attachToTarget", targetId=pages[0], flatten=True)
        self._session = found["sessionId"]
        self.ask("Page.enable")

    def _pages(self) -> list[str]:
        found = self.ask("Target.getTargets")["targetInfos"]
        return [one["targetId"] for one in found if one["type"] == "page"]

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of Chromium's protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._rest:
                got = os.read(self._read, 1 << 20)
                assert got, "chromium ended"
                self._rest += got
            one, _, self._rest = self._rest.partition(b"\0")
            answer = json.loads(one)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return dict(answer["result"])

    def go(self, address: str) -> None:
        self.ask("Page.navigate", url="about:blank")
        self.ask("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """Return the value of an expression of the page, waiting for a promise."""
        found = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, expression: str, patience: float = PATIENCE) -> Any:
        """Wait until an expression of the page is true, and return its value."""
        end = time.monotonic() + patience
        while not (found := self.value(expression)):
            assert time.monotonic() < end, f"{expression} is {found!r}"
            time.sleep(0.2)
        return found

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Move, press or release the mouse, or turn its wheel."""
        kind = {"wheel": "Wheel"}.get(kind, kind.capitalize())
        kind = {"Move": "mouseMoved", "Press": "mousePressed", "Release": "mouseReleased",
                "Wheel": "mouseWheel"}[kind]  # fmt: skip
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def key(self, key: str, modifiers: int = 0) -> None:
        """Press and release a key."""
        text = {"text": key} if len(key) == 1 else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, modifiers=modifiers, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, modifiers=modifiers)

    def picture(self, path: Path) -> None:
        """Write what the page looks like as a PNG file."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    opened = Browser(tmp_path)
    yield opened
    opened.close()

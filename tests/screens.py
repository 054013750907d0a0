"""Virtual screens for tests: their windows, their keyboard, and the toolkits awe chooses there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from prompt_process import PATIENCE

__all__ = ["NEEDED", "Screen", "desktop", "screen", "toolkit"]

#: marks of a test that opens windows
NEEDED = [
    pytest.mark.window,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not (shutil.which("Xvfb") and shutil.which("xdotool")),
        reason="Xvfb or xdotool is not installed (apt install xvfb xdotool)",
    ),
]

MODULES = {"QT": "PySide6", "TK": "tkinter"}


class Typed(Protocol):
    """Something that prints, and has to be read meanwhile."""

    def drain(self) -> None: ...


def _settings(name: str, directory: Path) -> dict[str, str]:
    """Return settings under which awe chooses that toolkit by itself."""
    if importlib.util.find_spec(MODULES[name]) is None:
        pytest.skip(f"this python has no {MODULES[name]}")
    if name == "QT":
        return {"WANTED": "QT"}
    hidden = directory / "hidden" / "PySide6"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('hidden by a test')\n")
    paths = [str(hidden.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"WANTED": "TK", "PYTHONPATH": os.pathsep.join(paths)}


class Screen:
    """A virtual screen, its windows and its keyboard."""

    def __init__(self, size: str = "1400x1000", manager: str = "") -> None:
        reading, writing = os.pipe()
        self.server = subprocess.Popen(
            # a server that starts anew when its last client leaves is away when the next one comes
            ["Xvfb", "-displayfd", str(writing), "-noreset", "-screen", "0", f"{size}x24"],
            pass_fds=[writing],
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        with os.fdopen(reading) as stream:
            self.name = f":{stream.readline().strip()}"
        self.manager = None
        if manager:
            settings = {**os.environ, "DISPLAY": self.name}
            self.manager = subprocess.Popen([manager], env=settings, stderr=subprocess.DEVNULL)
            time.sleep(1)

    def close(self) -> None:
        for process in filter(None, (self.manager, self.server)):
            process.terminate()
            process.wait(10)

    def do(self, *arguments: str) -> str:
        done = subprocess.run(
            ["xdotool", *arguments],
            env={**os.environ, "DISPLAY": self.name},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return done.stdout

    def windows(self, title: str) -> list[str]:
        return self.do("search", "--onlyvisible", "--name", title).split()

    def wait(self, prompt: Typed, title: str, number: int) -> list[str]:
        """Wait until so many windows of that title are there; keep the prompt's output flowing."""
        end = time.monotonic() + PATIENCE
        while len(found := self.windows(title)) != number:
            assert time.monotonic() < end, f"{len(found)} windows {title!r}, not {number}"
            time.sleep(0.2)
            prompt.drain()
        return found

    def press(self, window: str, key: str, x: int, y: int) -> None:
        self.do("windowfocus", window)
        self.do("mousemove", "--window", window, str(x), str(y))
        time.sleep(0.4)
        self.do("key", key)

    def press_until(
        self,
        prompt: Typed,
        window: str,
        key: str,
        place: tuple[int, int],
        title: str,
        number: int,
    ) -> list[str]:
        """Press a key until so many windows of that title are there.

        A window that is still being drawn, on a machine that does much else, hears nothing yet.
        """
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.press(window, key, *place)
            again = time.monotonic() + 10
            while time.monotonic() < again:
                prompt.drain()
                if len(found := self.windows(title)) == number:
                    return found
        pytest.fail(f"{key!r} was pressed, but there are not {number} windows {title!r}")

    def picture(self, path: Path) -> None:
        if shutil.which("import"):
            subprocess.run(
                ["import", "-window", "root", str(path)],
                env={**os.environ, "DISPLAY": self.name},
                timeout=20,
                check=False,
            )


@pytest.fixture(params=["QT", "TK"])
def toolkit(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings under which awe chooses that toolkit by itself."""
    return _settings(request.param, tmp_path)


@pytest.fixture
def screen() -> Iterator[Screen]:
    opened = Screen()
    yield opened
    opened.close()


@pytest.fixture
def desktop() -> Iterator[Screen]:
    """A laptop's screen with a window manager that gives new windows the keyboard."""
    if not shutil.which("openbox"):
        pytest.skip("openbox is not installed (apt install openbox)")
    opened = Screen("1366x768", "openbox")
    yield opened
    opened.close()

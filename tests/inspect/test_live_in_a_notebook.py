"""`%matplotlib widget` in a real JupyterLab in a headless Chromium: the same keys."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from browsers import Chromium, chromium, program

lacks = [name for name in ("jupyterlab", "ipympl") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.window,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not program(), reason="no chromium here (apt install chromium)"),
    pytest.mark.skipif(bool(lacks), reason="no jupyterlab or ipympl (awe-prompt[notebook])"),
]

OPEN = """%matplotlib widget
import numpy as np
from awe.inspect.frame import inspect
y, x = np.mgrid[1:301, 1:401]
star = 5000 * np.exp(-((x - 200) ** 2 + (y - 150) ** 2) / 18)
pixels = np.random.default_rng(1).normal(300, 3, star.shape) + star
ins = inspect(pixels.astype("f4"))
"""


class Lab:
    """A JupyterLab and the page of a notebook in it."""

    def __init__(self, browser: Chromium, directory: Path) -> None:
        self.browser, self._directory = browser, directory
        cell = {"cell_type": "code", "id": "one", "metadata": {}, "outputs": [], "source": OPEN,
                "execution_count": None}  # fmt: skip
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4,
                "nbformat_minor": 5}  # fmt: skip
        (directory / "night.ipynb").write_text(json.dumps(book))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
             f"--ServerApp.port={port}", "--IdentityProvider.token=t",
             f"--ServerApp.root_dir={directory}", "--LabApp.expose_app_in_browser=True"],
            cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._base = f"http://127.0.0.1:{port}"

    def open(self) -> None:
        """Open the notebook in the browser and run its cell."""
        base, browser, end = self._base, self.browser, time.monotonic() + 120
        while True:
            try:
                httpx.get(f"{base}/api?token=t").raise_for_status()
            except httpx.HTTPError:
                assert time.monotonic() < end, "JupyterLab does not start"
                assert self.process.poll() is None, "JupyterLab ended"
                time.sleep(0.5)
            else:
                break
        browser.screen(1400, 1400, False)
        browser.open(f"{base}/lab/tree/night.ipynb?token=t")
        browser.until("!!document.querySelector('.jp-Notebook .jp-Cell')", 180)
        self.until("jupyterapp.shell.currentWidget?.context?.sessionContext?.session?.kernel"
                   "?.status === 'idle'")  # fmt: skip
        browser.run("void jupyterapp.commands.execute('notebook:run-all-cells')")
        self.until("document.querySelector('canvas')?.width > 300")

    def until(self, expression: str) -> None:
        self.browser.until(expression, 180)

    def run(self, code: str) -> str:
        """Run a line in the kernel; what it writes to the file `told` comes back."""
        target = self._directory / "told"
        target.unlink(missing_ok=True)
        code += "\nopen('part', 'w').write(str(told)); import os; os.replace('part', 'told')"
        kernel = "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel"
        self.browser.run(f"void {kernel}.requestExecute({{code: {json.dumps(code)}}})")
        end = time.monotonic() + 120
        while not target.exists():
            assert time.monotonic() < end, code
            time.sleep(0.2)
        return target.read_text()

    def centre(self, number: int) -> tuple[float, float]:
        """Where the middle of a canvas is that takes the keys."""
        x, y = self.browser.run(
            f"(() => {{const c = [...document.querySelectorAll('.jupyter-matplotlib-canvas-div')]"
            f"[{number}]; c.scrollIntoView({{block: 'center'}});"
            "const r = c.getBoundingClientRect();"
            "return [r.left + r.width / 2, r.top + r.height / 2]})()"
        )
        return float(x), float(y)

    def press(self, key: str, number: int = 0) -> None:
        x, y = self.centre(number)
        self.browser.mouse("move", x, y)
        # the keyboard is with the figure that was clicked
        self.browser.mouse("press", x, y, button="left", buttons=1, clickCount=1)
        self.browser.mouse("release", x, y, button="left", clickCount=1)
        time.sleep(0.3)
        self.browser.key(key)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with chromium() as browser:
        opened = Lab(browser, tmp_path)
        try:
            opened.open()
            yield opened
        finally:
            opened.process.terminate()
            opened.process.wait(30)


def test_keys_measure_and_draw_below_the_cell(lab: Lab, tmp_path: Path) -> None:
    canvases = "document.querySelectorAll('.jupyter-matplotlib-canvas-div').length"
    assert lab.browser.run(canvases) == 1, "the picture is there twice"
    lab.press("m")
    lab.until("/m at \\(\\d+\\.\\d, \\d+\\.\\d\\): pixels 2601/.test(document.body.innerText)")
    lab.press("r")
    lab.until(f"{canvases} === 2")
    lab.until("/r at .*flux/.test(document.body.innerText)")
    # the letters are not those of the notebook, where a makes a cell and x takes it away
    lab.press("x")
    lab.until("/x at /.test(document.body.innerText)")
    assert lab.browser.run("document.querySelectorAll('.jp-Cell').length") == 1
    lab.browser.picture(tmp_path / "notebook.png")
    told = lab.run("told = [str(k) for k in ins.table['key']]")
    assert told == "['m', 'r', 'x']"
    fwhm = float(lab.run("told = ins.press('a', 200, 150).values['fwhm']"))
    assert fwhm == pytest.approx(2.3548 * 3, rel=0.01)
    # a command behind the colon
    for key in [":", *"box 21", "Enter"]:
        lab.press(key)
    lab.until("/:box 21/.test(document.body.innerText)")
    assert lab.run("told = ins.press('m', 200, 150).values['pixels']") == "441"
    before = lab.run("told = ins._picture.axes.get_xlim()")
    lab.press("+")
    end = time.monotonic() + 60
    while lab.run("told = ins._picture.axes.get_xlim()") == before:
        assert time.monotonic() < end, "the picture does not zoom"
    lab.press("q", 1)
    lab.until(f"{canvases} === 1")
    lab.press("q")
    lab.until(f"{canvases} === 0")

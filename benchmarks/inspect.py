"""How soon a full chip is on the screen, in awe, in ginga's Qt widget and in DS9, in one run.

`python -m benchmarks.inspect` starts a screen of its own (Xvfb, with openbox if it is there) and
opens one file of 2144 x 4200 pixels in each program, in turns: from the start of the program, and
in one that runs already. The time ends when the picture is on the screen, whose pixels are looked
at. Then it opens ten windows of awe, and composes 32 chips. Programs that are not installed are
left out. Wall times depend on what else the machine does, so loads are printed, and the time of
the processor that each program had spent until its picture was there.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from astropy.io import fits

SHAPE = (4200, 2144)
SCREEN = (1366, 900)
ROUNDS = 3
PATIENCE = 60.0
#: grey levels, each in so many pixels of the screen, that a picture has and a window has not
LEVELS, PIXELS = 40, 60

AWE = """
import sys
from awe.inspect.frame import inspect
from awe.inspect import viewer
def warm():
    viewer.begin(); viewer.ready()
def show(path):
    return inspect(path, block=False)
"""
GINGA = """
import sys
import os
os.environ["QT_API"] = "pyside6"
from PySide6.QtWidgets import QApplication
from ginga.qtw.ImageViewQt import CanvasView
from ginga.misc import log
from ginga.util.loader import load_data
application = QApplication([])
logger = log.get_logger('bench', null=True)
def warm():
    pass
def show(path):
    view = CanvasView(logger)
    view.enable_autocuts('on'); view.set_autocut_params('zscale'); view.enable_autozoom('on')
    view.set_window_size(700, 800)
    view.set_image(load_data(path, logger=logger))
    window = view.get_widget(); window.resize(700, 800); window.show()
    return view, window
"""
LOOP = """
import select
if sys.argv[1:]:
    kept = show(sys.argv[1])
else:
    warm(); print('ready', flush=True)
while True:
    if 'application' in globals():
        application.processEvents()
    ready, _, _ = select.select([sys.stdin], [], [], 0.002)
    if ready:
        line = sys.stdin.readline().strip()
        if not line:
            break
        kept = show(line)
"""


class Eye:
    """Looks at the pixels of a screen.

    Parameters
    ----------
    name : str
        Name of the display.
    """

    def __init__(self, name: str) -> None:
        self._x11 = ctypes.CDLL("libX11.so.6")
        for call in (self._x11.XOpenDisplay, self._x11.XGetImage):
            call.restype = ctypes.c_void_p
        self._x11.XDefaultRootWindow.restype = ctypes.c_ulong
        self._display = ctypes.c_void_p(self._x11.XOpenDisplay(name.encode()))
        self._root = ctypes.c_ulong(self._x11.XDefaultRootWindow(self._display))

    def seen(self, left: int, upper: int, width: int, height: int) -> Any:
        """Return pixels, shape (height, width, 4)."""
        image = ctypes.c_void_p(self._x11.XGetImage(
            self._display, self._root, left, upper, width, height,
            ctypes.c_ulong(ctypes.c_ulong(-1).value), 2,
        ))  # fmt: skip
        data = ctypes.c_void_p.from_address((image.value or 0) + 16)
        found = np.frombuffer(ctypes.string_at(data.value or 0, 4 * width * height), np.uint8)
        self._x11.XDestroyImage(image)
        return found.reshape(height, width, 4)

    def picture(self) -> bool:
        """Return whether a grey picture is on the screen."""
        seen = self.seen(0, 0, *SCREEN)[::3, ::3]
        grey = seen[(seen[..., 0] == seen[..., 1]) & (seen[..., 1] == seen[..., 2])][:, 0]
        return int((np.bincount(grey, minlength=256) > PIXELS // 9).sum()) >= LEVELS

    def until(self, there: bool) -> None:
        """Wait until a picture is there, or is gone."""
        end = time.monotonic() + PATIENCE
        while self.picture() is not there:
            if time.monotonic() > end:
                raise TimeoutError
            time.sleep(0.01)


def main() -> None:
    """Print what was measured."""
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    folder = Path(tempfile.mkdtemp(prefix="awe-inspect-"))
    os.environ["AWE_HOME"] = str(folder)
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    try:
        with screen() as eye:
            path = chip(folder)
            programs = {name: way for name, way in WAYS.items() if way[0]()}
            first(eye, path, programs)
            many(path)
        composed()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"load {os.getloadavg()[0]:.1f}")


@contextlib.contextmanager
def screen() -> Iterator[Eye]:
    """Start a screen and look at it."""
    reading, writing = os.pipe()
    size = "x".join(map(str, SCREEN))
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-noreset", "-screen", "0", f"{size}x24"],
        pass_fds=[writing], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as stream:
        os.environ["DISPLAY"] = f":{stream.readline().strip()}"
    manager = subprocess.Popen(["openbox"]) if shutil.which("openbox") else None
    time.sleep(1)
    try:
        yield Eye(os.environ["DISPLAY"])
    finally:
        for process in filter(None, (manager, server)):
            process.terminate()
            process.wait()


def chip(folder: Path) -> Path:
    """Write a frame with a sky that is brighter above, noise and stars."""
    random = np.random.default_rng(1)
    y, _ = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
    pixels = (300 + 0.05 * y + random.normal(0, 10, SHAPE)).astype(np.float32)
    rows, columns = (random.integers(0, side, 3000) for side in SHAPE)
    pixels[rows, columns] += random.exponential(3000, 3000)
    path = folder / "Chip.fits"
    fits.PrimaryHDU(pixels).writeto(path)
    return path


# -- the programs --------------------------------------------------------------------------------


def spent(process: subprocess.Popen[str]) -> float:
    """Return the processor time of a process and its children [s]."""
    top = psutil.Process(process.pid)
    family = [top, *top.children(recursive=True)]
    return sum(sum(one.cpu_times()[:2]) for one in family)


def start(*command: str) -> subprocess.Popen[str]:
    """Start a program that is told what to do by lines."""
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    )  # fmt: skip


def end(process: subprocess.Popen[str]) -> None:
    """End a program and its children."""
    with contextlib.suppress(psutil.NoSuchProcess):
        top = psutil.Process(process.pid)
        for one in [*top.children(recursive=True), top]:
            one.kill()
    process.communicate()


def of_python(code: str) -> Callable[[str], subprocess.Popen[str]]:
    """Return what starts a program of Python, with a file or waiting for one."""

    def begin(path: str) -> subprocess.Popen[str]:
        process = start(sys.executable, "-c", code + LOOP, *filter(None, [path]))
        if not path:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        return process

    return begin


def tell(process: subprocess.Popen[str], path: str) -> None:
    """Let a program of Python open a file."""
    assert process.stdin is not None
    process.stdin.write(path + "\n")
    process.stdin.flush()


def ds9(path: str) -> subprocess.Popen[str]:
    """Start DS9, with a file or waiting for one."""
    options = ["-title", "bench", "-zscale", "-zoom", "to", "fit"]
    process = start("ds9", *options, *([path] if path else []))
    if not path:
        limit = time.monotonic() + PATIENCE
        while subprocess.run(["xpaget", "bench", "version"], capture_output=True).returncode:
            if time.monotonic() > limit:
                raise TimeoutError
            time.sleep(0.2)
        time.sleep(1)
    return process


def tell_ds9(process: subprocess.Popen[str], path: str) -> None:
    """Let DS9 open a file."""
    subprocess.run(["xpaset", "-p", "bench", "fits", path], check=True)
    subprocess.run(["xpaset", "-p", "bench", "zoom", "to", "fit"], check=True)


def has_ginga() -> bool:
    """Return whether ginga and its Qt widget are installed."""
    run = subprocess.run(
        [sys.executable, "-c", "import PySide6, ginga.qtw.ImageViewQt"],
        capture_output=True, check=False,
    )  # fmt: skip
    return run.returncode == 0


WAYS: dict[str, tuple[Callable[[], bool], Any, Any]] = {
    "awe": (lambda: True, of_python(AWE), tell),
    "ginga": (has_ginga, of_python(GINGA), tell),
    "DS9": (lambda: all(map(shutil.which, ("ds9", "xpaset", "xpaget"))), ds9, tell_ds9),
}


# -- what is measured ----------------------------------------------------------------------------


def first(eye: Eye, path: Path, programs: dict[str, Any]) -> None:
    """Print how soon each program shows the file, cold and warm."""
    walls: dict[tuple[str, str], list[float]] = {}
    work: dict[tuple[str, str], list[float]] = {}
    held: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, (_, begin, tell_it) in programs.items():
            for how in ("cold", "warm"):
                process = begin("") if how == "warm" else None
                before = spent(process) if process else 0.0
                clock = time.perf_counter()
                if process is None:
                    process = begin(str(path))
                else:
                    tell_it(process, str(path))
                eye.until(True)
                walls.setdefault((name, how), []).append(time.perf_counter() - clock)
                work.setdefault((name, how), []).append(spent(process) - before)
                top = psutil.Process(process.pid)
                family = [top, *top.children(recursive=True)]
                held[name] = sum(one.memory_full_info().pss for one in family) / 1e6
                end(process)
                eye.until(False)
    for (name, how), took in walls.items():
        cpu = statistics.median(work[name, how])
        print(f"{name:6} {how}: {statistics.median(took):.2f} s ({min(took):.2f} to "
              f"{max(took):.2f}), {cpu:.2f} s CPU, {held[name]:.0f} MB")  # fmt: skip


def many(path: Path) -> None:
    """Print the memory of ten windows."""
    code = AWE + "windows = [show(sys.argv[1]) for _ in range(10)]\nprint('ready', flush=True)\n"
    process = start(sys.executable, "-c", code + "sys.stdin.readline()", str(path))
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(2)
    top = psutil.Process(process.pid)
    for name, one in (("prompt", top), *(("viewer", child) for child in top.children())):
        memory = one.memory_full_info()
        print(f"awe: ten windows, {name} {memory.pss / 1e6:.0f} MB with pixels, "
              f"{memory.uss / 1e6:.0f} MB without those that are shared")  # fmt: skip
    end(process)


def composed() -> None:
    """Print what it takes to put 32 chips together, once their previews are here."""
    from awe.fits import preview
    from awe.inspect.mosaic import Piece
    from awe.inspect.mosaic import composed as put_together

    random = np.random.default_rng(2)
    made = preview.made_of(random.normal(300, 10, SHAPE).astype(np.float32))
    before = psutil.Process().memory_info().rss
    cpu, wall = time.process_time(), time.perf_counter()
    pieces = [
        Piece(name=f"chip {n}", values=preview.read(made.png, "chip").values, block=made.block,
              active=(0, 0, SHAPE[1], SHAPE[0]), corner=(n % 8 * 2200.0, n // 8 * 4300.0))
        for n in range(32)
    ]  # fmt: skip
    mosaic = put_together(pieces)
    wall = time.perf_counter() - wall
    print(f"32 previews to a picture of {mosaic.pixels.shape}: {wall:.2f} s, "
          f"{time.process_time() - cpu:.2f} s CPU, "
          f"{(psutil.Process().memory_info().rss - before) / 1e6:.0f} MB")  # fmt: skip


if __name__ == "__main__":
    main()

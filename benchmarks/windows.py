"""How soon a full chip is on the screen, how fast it moves, and what ten windows take.

`python -m benchmarks.windows` opens windows of 2144 x 4200 pixels on the display it finds (one of
Xvfb does) and prints the time of the first and of later ones until they answer, the memory of the
process that has them, and the processor time of a frame of a pan and of a zoom, drawn to memory.
"""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

import numpy as np
import psutil

from awe.inspect import backend, viewer
from awe.inspect.frame import inspect
from awe.inspect.picture import Look
from awe.inspect.sight import Sight
from awe.inspect.window import Window

SHAPE = (4200, 2144)
WINDOWS = 10
FRAMES = 40


class Chip:
    """A frame of noise."""

    filename = pathname = "Chip.fits"

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        self.data = np.random.default_rng(1).normal(300, 3, SHAPE).astype(np.float32)


def main() -> None:
    """Print what was measured."""
    print(f"load {os.getloadavg()[0]:.1f}")
    chip = Chip()
    if viewer.apart():
        opened(chip)
    moved(chip)


def opened(chip: Chip) -> None:
    """Print how soon windows answer, and their memory."""
    walls, windows = [], []
    for _ in range(WINDOWS):
        begin = time.perf_counter()
        windows.append(inspect(chip, block=False))
        walls.append(time.perf_counter() - begin)
    (process,) = psutil.Process().children()
    memory = process.memory_full_info()
    toolkit = backend.screen().name
    print(f"{toolkit}: first window {walls[0]:.2f} s, later {statistics.median(walls[1:]):.2f} s")
    spent = sum(process.cpu_times()[:2])
    print(f"{WINDOWS} windows: {memory.uss / 1e6:.0f} MB and pixels, {spent:.1f} s CPU")
    for window in windows:
        if window is not None:
            window.close()
    time.sleep(1)
    print(f"closed: {process.memory_full_info().uss / 1e6:.0f} MB, {process.num_fds()} open files")


def moved(chip: Chip) -> None:
    """Print the processor time of a frame."""
    backend.know(backend.Screen.FILE)
    look = Look(
        kappa=4, iterations=5, cmap="gray", lower=None, upper=None, interpolation="nearest"
    )
    window: Any = Window(
        Sight(pixels=chip.data, name="Chip.fits"), look=look, size=(9.4, 8.0)
    )
    window._figure.canvas.draw()
    hand, box = window._hand, window._picture.axes.bbox
    hand.zoom(3, box.x0 + 100, box.y0 + 100)
    window._figure.canvas.draw()
    hand._frame()
    begin = time.process_time()
    for number in range(FRAMES):
        hand._show(300 + 10 * number, 500 + 20 * number, 2.5)
        hand._frame()
    pan = (time.process_time() - begin) / FRAMES
    begin = time.process_time()
    for number in range(FRAMES):
        hand.zoom(1.25 if number % 2 else 0.8, box.x0 + 100, box.y0 + 100)
        hand._frame()
    zoom = (time.process_time() - begin) / FRAMES
    print(f"a frame: pan {1e3 * pan:.1f} ms CPU, zoom {1e3 * zoom:.1f} ms CPU")


if __name__ == "__main__":
    main()

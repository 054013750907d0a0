"""Keys pressed and pixels read without another process: how soon a window answers, in ms."""

from __future__ import annotations

import ctypes
import ctypes.util
import time
from types import TracebackType

__all__ = ["QuickKeys", "available"]

Z_PIXMAP, ALL_PLANES = 2, ctypes.c_ulong(-1).value


def _library(name: str) -> ctypes.CDLL | None:
    found = ctypes.util.find_library(name)
    return ctypes.CDLL(found) if found else None


def available() -> bool:
    """Whether this machine has what it takes."""
    return _library("X11") is not None and _library("Xtst") is not None


class QuickKeys:
    """The keyboard of a screen, and a part of a window.

    Parameters
    ----------
    screen : str
        Name of the display.
    window : str
        Number of the window, as xdotool tells it.
    part : tuple of int
        Left, upper, width, height of the part that is looked at.
    """

    def __init__(self, screen: str, window: str, part: tuple[int, int, int, int]) -> None:
        x11, xtst = _library("X11"), _library("Xtst")
        assert x11 is not None
        assert xtst is not None
        self._x11, self._xtst, self._window, self._part = x11, xtst, int(window), part
        x11.XOpenDisplay.restype = x11.XGetImage.restype = ctypes.c_void_p
        x11.XStringToKeysym.restype = ctypes.c_ulong
        self._display = ctypes.c_void_p(x11.XOpenDisplay(screen.encode()))
        assert self._display.value, f"the display {screen} does not answer"

    def __enter__(self) -> QuickKeys:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._x11.XCloseDisplay(self._display)

    def press(self, name: str) -> None:
        """Press and release a key that needs no other key held."""
        code = self._x11.XKeysymToKeycode(
            self._display, ctypes.c_ulong(self._x11.XStringToKeysym(name.encode()))
        )
        for down in (1, 0):
            self._xtst.XTestFakeKeyEvent(self._display, code, down, 0)
        self._x11.XFlush(self._display)

    def pixels(self) -> bytes:
        """Bytes of the part of the window that is looked at."""
        left, upper, width, height = self._part
        image = ctypes.c_void_p(self._x11.XGetImage(
            self._display, ctypes.c_ulong(self._window), left, upper, width, height,
            ctypes.c_ulong(ALL_PLANES), Z_PIXMAP,
        ))  # fmt: skip
        assert image.value
        # the third field of an XImage behind four numbers: its bytes
        data = ctypes.c_void_p.from_address(image.value + 16)
        found = ctypes.string_at(data.value or 0, 4 * width * height)
        self._x11.XDestroyImage(image)
        return found

    def answer(self, name: str, patience: float = 20.0) -> float:
        """Press a key and return the seconds until the window looks different and is still."""
        before, begin = self.pixels(), time.perf_counter()
        self.press(name)
        while self.pixels() == before:
            assert time.perf_counter() < begin + patience, f"{name} changed nothing"
            time.sleep(0.004)
        took = time.perf_counter() - begin
        self._settle()
        return took

    def _settle(self) -> None:
        last, since = self.pixels(), time.perf_counter()
        while time.perf_counter() < since + 0.3:
            time.sleep(0.05)
            if (now := self.pixels()) != last:
                last, since = now, time.perf_counter()

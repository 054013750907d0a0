"""Progress on standard error: one line that grows on a terminal, a few lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

__all__ = ["Progress"]

WIDTH = 30


class Progress:
    """How far a piece of work of known length is.

    Parameters
    ----------
    name : str
        What is being done.
    total : int
        Number of steps.
    stream : text stream, optional
        Where to write; standard error by default.
    """

    def __init__(self, name: str, total: int, stream: TextIO | None = None) -> None:
        self.name = name
        self.total = max(total, 1)
        self.done = 0
        self.stream = stream or sys.stderr
        self.started = time.monotonic()
        self._live = self.stream.isatty()
        self._quarters = 0
        if self._live:
            self._draw()

    def advance(self, steps: int = 1) -> None:
        """Record that a number of steps are done."""
        self.done = min(self.done + steps, self.total)
        if self._live:
            self._draw()
            return
        quarters = 4 * self.done // self.total
        if quarters > self._quarters:
            self._quarters = quarters
            self.stream.write(f"{self._state()}\n")
            self.stream.flush()

    def finish(self) -> None:
        """Record that nothing is left to do."""
        if self.done < self.total:
            self.advance(self.total - self.done)

    def _state(self) -> str:
        passed = time.monotonic() - self.started
        return f"{self.name:<28} {self.done:>4}/{self.total} {passed:5.1f} s"

    def _draw(self) -> None:
        filled = WIDTH * self.done // self.total
        bar = "#" * filled + "." * (WIDTH - filled)
        end = "\n" if self.done == self.total else ""
        self.stream.write(f"\r{self._state()} [{bar}]{end}")
        self.stream.flush()

"""How far long work is: a bar on a terminal, nothing at all where nobody looks at one.

The bar is drawn by tqdm, which is loaded when the first bar is shown. Lines that are printed
while a bar is there go through `say`, which keeps the two apart.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from awe.terminal import harmless, listeners

__all__ = ["Bar", "bar", "note", "say"]

_shown: list[Any] = []


class Bar:
    """What a piece of work tells of its progress."""

    def __init__(self, drawn: Any = None) -> None:
        self._drawn = drawn
        self._reached = False

    def advance(self, steps: int = 1) -> None:
        """Record that a number of steps are done."""
        if self._drawn is not None:
            self._drawn.update(steps)

    def reach(self, done: int, total: int, note: str = "") -> None:
        """Record how many steps of how many are done, with a note to show behind.

        What was done before the first call counts for nothing in the rate and the time left.
        """
        if self._drawn is not None:
            if not self._reached:
                self._reached = True
                self._drawn.initial = done
            self._drawn.total = total
            self._drawn.n = done
            self._drawn.set_postfix_str(note, refresh=False)
            self._drawn.refresh()


@contextmanager
def bar(name: str, total: int, unit: str) -> Iterator[Bar]:
    """Show a bar with count, total and time left for the block, on a terminal.

    Parameters
    ----------
    name : str
        Name of what is being done.
    total : int
        Number of steps; with one step no bar is shown.
    unit : str
        Name of a step.
    """
    if total < 2 or _shown or sys.stderr is None or not sys.stderr.isatty():
        yield Bar()
        return
    from tqdm import tqdm

    with tqdm(total=total, desc=name, unit=f" {unit}", file=sys.stderr, leave=False,
              **_size()) as drawn:  # fmt: skip
        _shown.append(drawn)
        try:
            yield Bar(drawn)
        finally:
            _shown.clear()


def _size() -> dict[str, Any]:
    """Return how wide a bar may be; of a terminal that does not know, tqdm would show nothing."""
    try:
        known = os.get_terminal_size(sys.stderr.fileno()).columns > 0
    except (OSError, ValueError):
        known = False
    return {"dynamic_ncols": True} if known else {"ncols": 80, "nrows": 24}


def say(line: str) -> None:
    """Print a line above the bar that is shown, if there is one."""
    _above(line, sys.stdout)


def note(line: str) -> None:
    """Print a line to standard error, above the bar that is shown, if there is one."""
    _above(line, sys.stderr)


def _above(line: str, stream: TextIO) -> None:
    for hear in listeners if stream is sys.stdout else ():
        hear(harmless(line))
    if _shown:
        _shown[0].write(harmless(line), file=stream)
    else:
        stream.write(harmless(line + "\n"))
    stream.flush()

"""Ctrl-C at moments when breaking in would leave the outcome in doubt.

Only the main thread hears Ctrl-C; elsewhere nothing is done. A block inside another one leaves
Ctrl-C to the outer one, which alone knows when everything is said and done.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["interrupts_deferred"]

#: one entry while the main thread defers interrupts
_deferring: list[None] = []


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Let Ctrl-C wait until the outermost block is done; a second one breaks in at once."""
    if threading.current_thread() is not threading.main_thread() or _deferring:
        yield
        return
    pressed = 0
    inside = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed += 1
        if pressed > 1 and inside and not _at_a_door(frame):
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    _deferring.append(None)
    inside = True
    try:
        yield
    finally:
        # From here on a second Ctrl-C only counts: it must not break in between these lines, or
        # the handler of before would never come back.
        inside = False
        _deferring.clear()
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def _at_a_door(frame: FrameType | None) -> bool:
    """Return whether a block is being entered or left: breaking in would leave it undone."""
    return frame is not None and frame.f_globals.get("__name__") == "contextlib"

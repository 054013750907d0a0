"""Figures of matplotlib that are drawn in a page of a browser: canvas, window and their list.

matplotlib loads this module by its name, as it does those of Qt and Tk. What is drawn is told to
whoever looks; how it gets there is the page's business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.backend_bases import CloseEvent
from matplotlib.backends.backend_webagg_core import (
    FigureCanvasWebAggCore,
    FigureManagerWebAgg,
    NavigationToolbar2WebAgg,
)

__all__ = ["FigureCanvas", "FigureManager", "appeared", "heard", "shown"]

shown: dict[int, Any] = {}
"""The windows that were shown and are not closed, by number."""
appeared: list[Callable[[Any], None]] = []
"""Who is told of a window that appears."""
#: what a page may tell of itself
HEARD = {
    "button_press", "button_release", "dblclick", "draw", "figure_enter", "figure_leave",
    "key_press", "key_release", "motion_notify", "refresh", "scroll", "set_device_pixel_ratio",
}  # fmt: skip


class FigureManager(FigureManagerWebAgg):
    """A window in the page."""

    _toolbar2_class: Any = NavigationToolbar2WebAgg
    num: Any

    def show(self) -> None:
        """Let it appear, or tell the page to bring it into view."""
        if self.num not in shown:
            shown[self.num] = self
            for tell in appeared:
                tell(self)

    def _tell(self, what: str) -> None:
        tell: Callable[[str], None] = self._send_event
        tell(what)

    def destroy(self) -> None:
        """Close it."""
        CloseEvent("close_event", self.canvas)._process()  # type: ignore[attr-defined]
        if shown.pop(self.num, None) is not None:
            self._tell("closed")
        self.web_sockets.clear()


class FigureCanvas(FigureCanvasWebAggCore):
    """What is drawn on."""

    manager_class = FigureManager
    # the page takes each frame whole or as what changed, whichever it was
    supports_blit = True


def heard(number: int, event: dict[str, Any]) -> None:
    """Let a window know what was done in the page.

    Parameters
    ----------
    number : int
        Which window.
    event : dict
        What was done, as matplotlib's own pages tell it.
    """
    from matplotlib import pyplot as plt

    window = shown.get(number)
    if window is None:
        return
    if event.get("type") == "close":
        plt.close(window.canvas.figure)
    elif event.get("type") in HEARD:
        window.handle_json(event)

"""A live window below a cell of a notebook: picture, plots, and the last lines of what is said.

With `%matplotlib widget` figures are widgets of ipympl. What a key draws or says has no cell of
its own, so that a box below the cell that opened the window takes it up.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

from awe.lazy import resolve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LiveCell", "chosen", "replaced"]

_opened: dict[str, tuple[str, list[WeakMethod[Callable[[], None]]]]] = {}
"""Of a cell its last run, and what closes the windows of it that are still there."""

#: Lines of what was said that stay in sight.
LINES = 12
BACKENDS = ("widget", "ipympl", "module://ipympl.backend_nbagg")


def chosen() -> bool:
    """Return whether `%matplotlib widget` is in force in this notebook."""
    # it is loaded when it is chosen
    if "ipympl.backend_nbagg" not in sys.modules:
        return False
    return str(sys.modules["matplotlib"].get_backend()).lower() in BACKENDS


def replaced(close: Callable[[], None]) -> None:
    """Close the windows that an earlier run of this cell opened: their place is gone.

    Parameters
    ----------
    close : callable
        Method that closes the window about to open, when the cell is run again.
    """
    shell = resolve("IPython:get_ipython")()
    asked = getattr(shell, "parent_header", None) or {}
    cell = asked.get("metadata", {}).get("cellId")
    if cell is None:
        return
    run = str(asked.get("header", {}).get("msg_id"))
    last, closing = _opened.get(cell, (run, []))
    if last != run:
        for one in filter(None, (method() for method in closing)):
            one()
        closing = []
    _opened[cell] = run, [*closing, WeakMethod(close)]


class LiveCell:
    """The box below the cell that opens a window."""

    def __init__(self) -> None:
        made = resolve("ipywidgets:HTML"), resolve("ipywidgets:HBox"), resolve("ipywidgets:VBox")
        text, row, column = made
        self._text: Any = text()
        #: a figure that is taken out stays in the page, unless what it is in goes
        self._frame = column
        self._frames: dict[Figure, Any] = {}
        wrapped = {"flex_flow": "row wrap"}
        self._figures: Any = row(layout=wrapped)
        self._box: Any = column([self._figures, self._text])
        self._lines: list[str] = []
        self._shown = False

    def show(self, figure: Figure) -> None:
        """Let a figure appear, next to those that are there.

        Parameters
        ----------
        figure : Figure
            Figure of ipympl.
        """
        if figure not in self._frames:
            self._frames[figure] = self._frame([figure.canvas])
            self._figures.children = tuple(self._frames.values())
        if not self._shown:
            self._shown = True
            resolve("IPython.display:display")(self._box)

    def remove(self, figure: Figure) -> None:
        """Take a figure away that is closed.

        Parameters
        ----------
        figure : Figure
            One that was shown.
        """
        self._frames.pop(figure, None)
        self._figures.children = tuple(self._frames.values())

    def say(self, text: str) -> None:
        """Write lines below the figures; the last ones stay.

        Parameters
        ----------
        text : str
            Lines.
        """
        new = text.splitlines()
        # a list of keys or settings is seen whole
        self._lines = [*self._lines, *new][-max(LINES, len(new)) :]
        told = resolve("html:escape")("\n".join(self._lines))
        self._text.value = f'<pre style="line-height: 1.3">{told}</pre>'

"""A figure that is not a window of its own kind: on the screen, in the notebook, or in a file.

Quality plots of products and plots of a query's values appear here. Importing this module loads
no plotting library.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, ref

from awe.errors import ArgumentError, UserMistake
from awe.inspect import backend
from awe.lazy import resolve
from awe.terminal import out

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from awe.inspect.keysettings import Settings

__all__ = ["Over", "figures", "limit", "present", "written"]

_drawn: WeakSet[Figure] = WeakSet()

#: dots per inch of a figure in a file
DPI = 110


def present(
    draw: Callable[[], Figure], path: str | Path | None, *, name: str, title: str
) -> Figure:
    """Draw a figure, show it or write it, and return it.

    On a screen a window opens; in a notebook the figure is drawn in place; elsewhere, or where a
    path is given, it is written to a file and named.

    Parameters
    ----------
    draw : callable
        Returns a new figure of pyplot.
    path : str or Path or None
        File to write; its ending says the format.
    name : str
        Name of the file where there is neither screen nor path.
    title : str
        Words for the line that names the file.

    Returns
    -------
    Figure
        The matplotlib figure.

    Raises
    ------
    ArgumentError
        The file cannot be written, or its ending says no format.
    """
    screen = backend.activate() if path is None else None
    figure = draw() if screen is not backend.Screen.WIDGET else _undisplayed(draw)
    _drawn.add(figure)
    if screen is backend.Screen.WIDGET:
        _with_keys(figure, Path(name).name, title)
        sys.modules["IPython"].display.display(figure.canvas)
    elif screen is not None and screen.has_windows:
        _with_keys(figure, Path(name).name, title)
        backend.fit(figure)
        figure.show()
    elif screen is backend.Screen.NOTEBOOK:
        _in_cell(figure)
    elif screen is None or screen is backend.Screen.FILE:
        target = written(figure, Path(path or name).expanduser())
        out(f"{title}: {target}\n")
        if backend.in_notebook():  # which would show it again below the cell
            sys.modules["matplotlib.pyplot"].close(figure)
    return figure


def _undisplayed(draw: Callable[[], Figure]) -> Figure:
    """Draw a figure that does not appear by itself at the end of the cell."""
    with resolve("matplotlib.pyplot:ioff")():
        return draw()


def _in_cell(figure: Figure) -> None:
    """Show a figure below the cell that draws it, and not again as the value of that cell."""
    ipython = sys.modules["IPython"]
    sys.modules["matplotlib.pyplot"].close(figure)
    ipython.display.display(figure)
    shell = ipython.get_ipython()
    drawn: Any = figure
    cell, found = shell.execution_count, ref(figure)

    def show() -> None:
        if shell.execution_count == cell:
            return
        again: Any = found()
        del again._ipython_display_
        ipython.display.display(again)
        again._ipython_display_ = show

    drawn._ipython_display_ = show


def _with_keys(figure: Figure, name: str, title: str) -> None:
    """Give a window with a plot the keys S and q of the other windows."""
    manager: Any = figure.canvas.manager
    manager.set_window_title(title)
    handler = getattr(manager, "key_press_handler_id", None)
    if handler is not None:
        figure.canvas.mpl_disconnect(handler)

    def press(event: Any) -> None:
        from matplotlib import pyplot as plt

        if event.key == "S":
            try:
                out(f"saved {written(figure, Path.cwd() / name)}\n")
            except UserMistake as mistake:
                out(f"{mistake}\n")
        elif event.key == "q":
            plt.close(figure)
        elif event.key and len(event.key) == 1:
            out("S saves the plot, q closes it\n")

    figure.canvas.mpl_connect("key_press_event", press)


def written(figure: Figure, path: Path) -> Path:
    """Write a figure to a file and return its path.

    Parameters
    ----------
    figure : Figure
        Figure to write.
    path : Path
        File; its ending says the format.

    Raises
    ------
    ArgumentError
        The file cannot be written, or its ending says no format.
    """
    try:
        figure.savefig(path, dpi=DPI)
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}; change to another directory"
        raise ArgumentError(msg) from error
    except ValueError as error:
        msg = f"{path} cannot be written: {' '.join(str(error).split())}"
        raise ArgumentError(msg) from error
    return path


def figures() -> set[Figure]:
    """Return the figures that were shown or written here."""
    return set(_drawn)


class Over:
    """A figure whose plots are drawn over those it has.

    Parameters
    ----------
    figure : Figure
        Figure with a plot.
    """

    def __init__(self, figure: Figure) -> None:
        self._figure = figure

    def add_subplot(self, *arguments: Any, **options: Any) -> Axes:
        """Return the axes that are there.

        Parameters
        ----------
        *arguments, **options
            As for `Figure.add_subplot`; what is there decides.
        """
        return self._figure.axes[0]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._figure, name)


def limit(figure: Figure, settings: Settings) -> None:
    """Give the flat axes of a plot the limits that were set.

    Parameters
    ----------
    figure : Figure
        Figure with its axes.
    settings : Settings
        Limits of x and y, or None.
    """
    for axes in figure.axes:
        if axes.name == "3d":
            continue
        if settings.x is not None:
            axes.set_xlim(*settings.x)
        if settings.y is not None:
            axes.set_ylim(*settings.y)

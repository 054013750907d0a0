"""Which window system shows the figures: asked once per process, never guessed twice.

In a notebook the notebook shows them. On a desktop Qt is used where PySide6 is installed and
starts, otherwise Tk. Qt is tried in a process of its own first, because it aborts the process
when a system library is missing. Without a display figures are drawn to PNG files. A backend
the user chose (`MPLBACKEND`) is kept.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import subprocess
import sys
from enum import Enum
from typing import TYPE_CHECKING, Any

from awe.imports import PYTHON

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Screen", "activate", "place_beside", "prompt_waits", "screen"]


class Screen(Enum):
    """Where figures appear; the value is matplotlib's name of the backend."""

    NOTEBOOK = "notebook"
    QT = "qtagg"
    TK = "tkagg"
    MAC = "macosx"
    FILE = "agg"
    CHOSEN = "chosen"

    @property
    def has_windows(self) -> bool:
        """True where a figure is a window with a pointer and a keyboard."""
        return self in (Screen.QT, Screen.TK, Screen.MAC, Screen.CHOSEN)


@functools.cache
def screen() -> Screen:
    """Return where figures of this process appear."""
    if _in_notebook():
        return Screen.NOTEBOOK
    if os.environ.get("MPLBACKEND"):
        chosen = os.environ["MPLBACKEND"].lower()
        return Screen.FILE if chosen in ("agg", "pdf", "svg", "ps", "cairo") else Screen.CHOSEN
    if sys.platform == "darwin":
        return Screen.MAC
    if sys.platform.startswith("linux") and not _display_named():
        return Screen.FILE
    if _qt_starts():
        return Screen.QT
    if _tk_starts():
        return Screen.TK
    return Screen.FILE


def activate() -> Screen:
    """Tell matplotlib and the prompt's event loop about `screen()`; return it."""
    import matplotlib as mpl

    where = screen()
    if where in (Screen.QT, Screen.TK, Screen.MAC, Screen.FILE):
        mpl.use(where.value)
    if where is Screen.NOTEBOOK:
        _draw_in_place()
    _join_event_loop(where)
    return where


def place_beside(figure: Figure, neighbour: Figure, shift: int) -> None:
    """Move a new window to the right of another, where the desktop lets programs do so.

    Parameters
    ----------
    figure, neighbour : Figure
        The window to move, and the one that must stay visible.
    shift : int
        How many windows stand there already; each is set off a little.
    """
    window: Any = getattr(figure.canvas.manager, "window", None)
    other: Any = getattr(neighbour.canvas.manager, "window", None)
    offset = 36 * shift
    if screen() is Screen.TK:
        right = other.winfo_x() + other.winfo_width() + 12
        width = int(figure.get_figwidth() * figure.dpi) + 4
        right = max(0, min(right, other.winfo_screenwidth() - width))
        window.wm_geometry(f"+{right}+{other.winfo_y() + offset}")
    elif screen() is Screen.QT:
        frame = other.frameGeometry()
        limit = other.screen().availableGeometry().right() - window.width()
        window.move(max(0, min(frame.right() + 12, limit)), frame.top() + offset)


def prompt_waits() -> bool:
    """Return True where somebody types at a prompt while windows live."""
    return _ipython() is not None or hasattr(sys, "ps1") or bool(sys.flags.interactive)


def _ipython() -> object | None:
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def _in_notebook() -> bool:
    shell = _ipython()
    return shell is not None and hasattr(shell, "kernel")


def _draw_in_place() -> None:
    """Let the notebook show figures as pictures, unless it does in a format of its user's."""
    from IPython.core.pylabtools import select_figure_formats
    from matplotlib.figure import Figure

    shell: Any = _ipython()
    for formatter in shell.display_formatter.formatters.values():
        if formatter.format_type.startswith(("image/", "application/pdf")):
            # KeyError: no way to show a figure is registered in this format
            with contextlib.suppress(KeyError):
                formatter.lookup_by_type(Figure)
                return
    select_figure_formats(shell, {"png"})  # type: ignore[no-untyped-call]


def _join_event_loop(where: Screen) -> None:
    shell = _ipython()
    loop = {Screen.QT: "qt", Screen.TK: "tk", Screen.MAC: "osx"}.get(where)
    if shell is None or loop is None or not hasattr(shell, "enable_gui"):
        return
    if getattr(shell, "active_eventloop", None) in (None, "", "asyncio"):
        shell.enable_gui(loop)


def _display_named() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _qt_starts() -> bool:
    if importlib.util.find_spec("PySide6") is None:
        return False
    probe = "from PySide6.QtWidgets import QApplication as A; A([])"
    try:
        done = subprocess.run(
            [*PYTHON, "-c", probe], capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _tk_starts() -> bool:
    try:
        import tkinter
    except ImportError:
        return False
    try:
        tkinter.Tk().destroy()
    except tkinter.TclError:
        return False
    return True

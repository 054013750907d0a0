"""Which window system shows the figures: asked once per process, never guessed twice.

In a notebook the notebook shows them, live where `%matplotlib widget` was chosen. On a desktop
Qt is used where PySide6 is installed and starts, otherwise Tk. Qt is tried in a process of its own
first, because it aborts the process when a system library is missing. Without a display figures
are drawn to PNG files. A backend the user chose (`MPLBACKEND`) is kept.
"""

from __future__ import annotations

import contextlib
import os
import sys
from enum import Enum
from typing import TYPE_CHECKING, Any

from awe.config import Environment
from awe.inspect import livecell, qt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Screen", "activate", "browser_wanted", "fit", "forget", "in_notebook", "know",
           "on_desktop", "place_beside", "prompt_waits", "release", "screen",
           "show_behind_keyboard"]  # fmt: skip

#: Pixels of a window that are not its figure: title, toolbar, status line, borders.
CHROME = (16, 116)
#: Milliseconds after which a new Tk window may have the keyboard again.
KEYBOARD_AWAY = 700
#: Inches around an image inside its figure.
MARGINS = (2.0, 1.5)


class Screen(Enum):
    """Where figures appear; the value is matplotlib's name of the backend."""

    NOTEBOOK = "notebook"
    WIDGET = "widget"
    QT = "qtagg"
    TK = "tkagg"
    MAC = "macosx"
    FILE = "agg"
    BROWSER = "module://awe.inspect.webcanvas"
    CHOSEN = "chosen"

    @property
    def has_windows(self) -> bool:
        """True where a figure is a window with a pointer and a keyboard."""
        return self not in (Screen.NOTEBOOK, Screen.FILE)


_known: list[Screen] = []
"""Where figures appear, once it is known."""


def know(where: Screen) -> None:
    """Take note of where figures appear.

    Parameters
    ----------
    where : Screen
        What a process that tried it has found.
    """
    _known[:] = [where]


def forget() -> None:
    """Look again next time where figures appear."""
    _known.clear()


def screen() -> Screen:
    """Return where figures of this process appear."""
    if in_notebook():  # its user may choose again
        return Screen.WIDGET if livecell.chosen() else Screen.NOTEBOOK
    if not _known:
        know(_found())
    return _known[0]


def on_desktop() -> bool:
    """Return True where windows are of Qt or Tk, if one of them starts."""
    chosen = in_notebook() or os.environ.get("MPLBACKEND")
    return sys.platform.startswith("linux") and not chosen and _display_named()


def browser_wanted() -> bool:
    """Return True where the configuration has windows in a browser, as there is no display."""
    if in_notebook() or os.environ.get("MPLBACKEND") or not sys.platform.startswith("linux"):
        return False
    return not _display_named() and Environment.load().inspect_viewer.lower() == "browser"


def _found() -> Screen:
    if os.environ.get("MPLBACKEND"):
        chosen = os.environ["MPLBACKEND"].lower()
        return Screen.FILE if chosen in ("agg", "pdf", "svg", "ps", "cairo") else Screen.CHOSEN
    if sys.platform == "darwin":
        return Screen.MAC
    if sys.platform.startswith("linux") and not _display_named():
        return Screen.FILE
    started, lack = qt.starts()
    if started:
        return Screen.QT
    tk = _tk_starts()
    if lack:
        sys.stdout.write(f"{lack}{'; Tk shows windows meanwhile' if tk else ''}\n")
    return Screen.TK if tk else Screen.FILE


def activate() -> Screen:
    """Tell matplotlib and the prompt's event loop about `screen()`; return it."""
    import matplotlib as mpl

    where = screen()
    if where not in (Screen.NOTEBOOK, Screen.WIDGET, Screen.CHOSEN):
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
        Number of windows that are there already; each is set off a little.
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


def fit(figure: Figure) -> None:
    """Make a figure smaller where its window would not fit the screen; keep its image's shape.

    Parameters
    ----------
    figure : Figure
        Figure with its window.
    """
    room = _room(figure)
    if room is None:
        return
    ratio = float(getattr(figure.canvas, "device_pixel_ratio", 1) or 1)
    scale = figure.dpi / ratio
    most_wide, most_high = (max(r - c, 200) / scale for r, c in zip(room, CHROME, strict=True))
    wide, high = figure.get_size_inches()
    if wide <= most_wide and high <= most_high:
        return
    left, up = MARGINS
    share = min((most_wide - left) / (wide - left), (most_high - up) / (high - up), 1.0)
    if share <= 0:
        figure.set_size_inches(min(wide, most_wide), min(high, most_high))
        return
    figure.set_size_inches(
        min(max(left + share * (wide - left), min(wide, 6.0)), most_wide),
        up + share * (high - up),
    )


def _room(figure: Figure) -> tuple[int, int] | None:
    """Return the pixels a window may cover, without panels where the desktop tells of them."""
    window: Any = getattr(figure.canvas.manager, "window", None)
    if window is not None and screen() is Screen.TK:
        return window.winfo_screenwidth(), window.winfo_screenheight()
    if window is not None and screen() is Screen.QT:
        free = window.screen().availableGeometry()
        return free.width(), free.height()
    return None


def release(figure: Figure) -> None:
    """Let go of a figure whose window is being closed, and of what it holds.

    matplotlib's window in Qt and its toolbar hold each other, and so the pixels, for ever.

    Parameters
    ----------
    figure : Figure
        Figure with a window.
    """
    window: Any = getattr(figure.canvas.manager, "window", None)
    if window is None or screen() is not Screen.QT:
        return
    from PySide6.QtCore import QTimer

    def free() -> None:
        figure.clear()
        window.deleteLater()

    QTimer.singleShot(0, free)


def show_behind_keyboard(figure: Figure, image: Figure) -> None:
    """Let a window appear, or come up again; one that is not the image leaves the keyboard be.

    The pointer stays over the image and the next key belongs to it.

    Parameters
    ----------
    figure : Figure
        Figure to show.
    image : Figure
        Figure of the image, which keeps the keyboard.
    """
    import matplotlib as mpl

    manager: Any = figure.canvas.manager
    window: Any = getattr(manager, "window", None)
    if figure is image or window is None or screen() not in (Screen.QT, Screen.TK):
        manager.show()
        return
    new = not (window.isVisible() if screen() is Screen.QT else window.winfo_viewable())
    if screen() is Screen.QT:
        from PySide6.QtCore import Qt

        window.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, True)
    elif new:
        # a window whose focus model is active gets no keyboard from the desktop by itself
        window.wm_focusmodel("active")
        window.after(KEYBOARD_AWAY, _may_have_keyboard, window)
    # matplotlib raises and activates in Qt; in Tk it only raises, which a new window cannot bear
    with mpl.rc_context({"figure.raise_window": screen() is Screen.TK and not new}):
        manager.show()
    if screen() is Screen.QT:
        window.raise_()


def _may_have_keyboard(window: Any) -> None:
    from tkinter import TclError

    with contextlib.suppress(TclError):  # closed meanwhile
        window.wm_focusmodel("passive")


def prompt_waits() -> bool:
    """Return True where somebody types at a prompt while windows live."""
    return _ipython() is not None or hasattr(sys, "ps1") or bool(sys.flags.interactive)


def _ipython() -> object | None:
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def in_notebook() -> bool:
    """Return True in the kernel of a notebook."""
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

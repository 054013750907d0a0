"""The window of one inspected image: picture, pointer, hot-keys, and what they measured.

The window takes matplotlib's own single-letter keys away from its figures only, so `q`, `s` or
`l` mean here what the table of hot-keys says and keep their meaning in other figures. It never
blocks the prompt; whoever opens it decides whether to wait.
"""

from __future__ import annotations

import atexit
import functools
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.errors import ArgumentError, UserMistake, nearest
from awe.inspect import backend
from awe.inspect.colon import Colon
from awe.inspect.controls import Controls
from awe.inspect.inspection import Inspection
from awe.inspect.keys import KEYS, Key, help_text, used
from awe.inspect.keysettings import Settings, changed, listed
from awe.inspect.livecell import LiveCell, replaced
from awe.inspect.measurements import row_of
from awe.inspect.panel import fitting
from awe.inspect.picture import Look
from awe.inspect.shown import Over, limit, written
from awe.inspect.sight import Sight
from awe.inspect.spot import Reading
from awe.inspect.tiled import Tiled
from awe.terminal import out

if TYPE_CHECKING:
    from matplotlib.backend_bases import Event, KeyEvent
    from matplotlib.figure import Figure

    from awe.inspect.reel import Reel

__all__ = ["Window", "figures"]

HINT = "? lists the hot-keys"

_open: set[Window] = set()
"""Windows that live: matplotlib itself keeps only weak references to their methods."""


def say(text: str) -> None:
    """Write a line to the prompt.

    Parameters
    ----------
    text : str
        Line to write, without its end.
    """
    out(text + "\n")
    sys.stdout.flush()


def _figure_without_window(size: tuple[float, float]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


@functools.cache
def _close_at_exit() -> None:
    """Close all windows before matplotlib does, which would close the plots a second time."""

    def leave() -> None:
        for window in list(_open):
            window.close()

    atexit.register(leave)


def figures() -> set[Figure]:
    """Return the figures of all open windows."""
    return {figure for window in _open for figure in window.every_figure}


def _close(figures: Iterable[Figure]) -> None:
    import matplotlib.pyplot as plt

    for figure in figures:
        plt.close(figure)


class Window(Controls, Tiled, Inspection):
    """The window of an image, in this process.

    Parameters
    ----------
    sight : Sight
        The image, its names and its header.
    look : Look
        Display range, colours, interpolation.
    size : tuple of float
        Width and height of the window in inches.
    fit : bool
        Make the window smaller where the screen is.
    reel : Reel, optional
        Frames of which this is one.
    other : Sight, optional
        An image to compare with.
    side : bool
        Show both next to each other.
    """

    def __init__(
        self,
        sight: Sight,
        *,
        look: Look,
        size: tuple[float, float],
        fit: bool = True,
        reel: Reel | None = None,
        other: Sight | None = None,
        side: bool = False,
    ) -> None:
        super().__init__(sight.name, sight.unit)
        self._settings = Settings()
        self._reel = reel
        self._before: dict[str, tuple[float, float]] = {}
        self._over = False
        self._typed: Colon | None = None
        self._plots: dict[str, Figure] = {}
        self._screen = backend.activate()
        self._cell = LiveCell() if self._screen is backend.Screen.WIDGET else None
        self._figure = self._new_figure(self.name, size)
        if fit:
            backend.fit(self._figure)
        self._arrange(sight, look, other, side=side)
        self._with_tiles(sight)
        self._message = self._figure.text(
            0.02, 0.012, HINT, fontsize=8, color="#44505c"
        )
        if self._screen.has_windows:
            _open.add(self)
            _close_at_exit()

    def set(self, name: str, *values: float) -> None:
        """Change a setting of the hot-keys; see `Inspection.set`."""
        self._settings = changed(self._settings, name, *values)

    def _press(self, key: str, x: float, y: float) -> Reading | None:
        if key not in KEYS:
            msg = f"no hot-key {key!r}{nearest(key, list(KEYS))}; expected one of {' '.join(KEYS)}"
            raise ArgumentError(msg)
        if KEYS[key].of_window:
            self._place = (x, y)
            try:
                self._command(KEYS[key], self._figure)
            finally:
                self._place = None
            return None
        sight = self._panel.sight
        if not sight.contains(*self._picture.own(x, y)):
            msg = f"({x:g}, {y:g}) is not on {self.name}; expected {sight.bounds}"
            raise ArgumentError(msg)
        return self._measure(KEYS[key], x, y)

    def show(self, *, block: bool) -> None:
        """Bring the window to the screen, or write it to a file if there is no screen.

        Parameters
        ----------
        block : bool
            Return only when the window has been closed.
        """
        import matplotlib.pyplot as plt

        if self._cell is not None:
            replaced(self.close)
            self._cell.show(self._figure)
        elif self._screen.has_windows:
            plt.show(block=block)
        else:
            self._present(self._figure, "inspect")

    @property
    def every_figure(self) -> tuple[Figure, ...]:
        """The plots and the image."""
        return (*self._plots.values(), self._figure)

    def close(self) -> None:
        """Close the window and the plots made from it."""
        closing, self._plots = self.every_figure, {}
        self._gone()
        self._out_of_cell(*closing)
        _close(closing)

    # who is told

    def _say(self, text: str) -> None:
        """Write a line to the prompt."""
        say(text)
        if self._cell is not None:
            self._cell.say(text)

    def _keep(self, row: dict[str, Any]) -> None:
        """Take up a measurement."""
        self._made.add(row)

    def _gone(self) -> None:
        """Forget this window: it is being closed."""
        _open.discard(self)

    # figures

    def _new_figure(self, title: str, size: tuple[float, float]) -> Figure:
        if not self._screen.has_windows:
            return _figure_without_window(size)
        import matplotlib.pyplot as plt

        with (
            plt.ioff(),
            plt.rc_context({"figure.raise_window": False, "figure.max_open_warning": 0}),
        ):
            figure = plt.figure(figsize=size, facecolor="white")
        manager: Any = figure.canvas.manager
        if manager is not None:
            manager.set_window_title(title)
            handler = getattr(manager, "key_press_handler_id", None)
            if handler is not None:
                figure.canvas.mpl_disconnect(handler)
        figure.canvas.mpl_connect("key_press_event", self._on_key)
        figure.canvas.mpl_connect("close_event", self._on_close)
        return figure

    def _plot_figure(self, entry: Key) -> Figure:
        figure = self._plots.get(entry.key)
        if figure is None:
            figure = self._new_figure(f"{entry.title} - {self.name}", (6.4, 5.2))
            backend.place_beside(figure, self._figure, len(self._plots))
            self._plots[entry.key] = figure
        over, self._over = self._over, False
        if over and figure.axes:
            return Over(figure)  # type: ignore[return-value]  # has what tools use of a Figure
        figure.clear()
        title = f"{entry.title} - {self.name}"
        figure.suptitle(title, fontsize=fitting(title, figure.get_figwidth(), 9))
        return figure

    def _present(self, figure: Figure, label: str) -> None:
        """Let a figure that was drawn appear."""
        if self._cell is not None:
            figure.canvas.draw_idle()
            self._cell.show(figure)
        elif self._screen.has_windows:
            figure.canvas.draw_idle()
            backend.show_behind_keyboard(figure, self._figure)
        elif self._screen is backend.Screen.NOTEBOOK:
            from IPython.display import display

            display(figure)  # type: ignore[no-untyped-call]
        else:
            self._say(f"no display: wrote {self._write(figure, label)}")

    def _write(self, figure: Figure, label: str) -> Path:
        return written(figure, Path.cwd() / f"{Path(self.name).stem}.{label}.png")

    # keys

    def _on_key(self, event: Event) -> None:
        pressed: KeyEvent = event  # type: ignore[assignment]
        entry = KEYS.get(pressed.key or "")
        over = self._under(pressed.inaxes)
        try:
            if self._typed is not None:
                self._type(pressed.key)
            elif entry is None:
                self._pass_on(pressed)
            elif entry.of_window:
                self._command(entry, pressed.canvas.figure)
            elif over:
                x, y = float(pressed.xdata or 0), float(pressed.ydata or 0)
                if self._panel.sight.contains(*self._picture.own(x, y)):
                    self._measure(entry, x, y)
        except UserMistake as mistake:
            self._say(f"{mistake.code}: {mistake}")

    def _pass_on(self, event: KeyEvent) -> None:
        """Give keys that are not plain characters (ctrl+s, home) to matplotlib."""
        if event.key and len(event.key) == 1 and event.key.isprintable():
            self._note(f"{event.key} is not a hot-key; {HINT}")
        from matplotlib.backend_bases import key_press_handler

        manager: Any = event.canvas.manager
        if event.key and len(event.key) > 1 and manager is not None:
            key_press_handler(event, event.canvas, manager.toolbar)

    def _measure(self, entry: Key, x: float, y: float) -> Reading | None:
        x, y = self._picture.own(x, y)
        start = self._before.pop(entry.key, None) if entry.places == 2 else None
        if entry.places == 2 and start is None:
            self._before[entry.key] = (x, y)
            self._say(f"{entry.key} at ({x:.1f}, {y:.1f}): and now {entry.key} at the other place")
            return None
        if entry.key == "y":
            start, self._before["y"] = self._before.get("y"), (x, y)
        spot = self._panel.spot(x, y, self._settings, start)
        drawn: list[Figure] = []

        def figure() -> Figure:
            sheet = self._plot_figure(entry)
            drawn.append(self._plots[entry.key])
            return sheet

        reading = used(entry, spot, figure)
        self._keep({"frame": self.name, **row_of(entry.key, x, y, reading)})
        self._say(f"{entry.key} at ({x:.1f}, {y:.1f}): {reading}")
        self._note(f"{entry.key} ({x:.0f}, {y:.0f})  {str(reading).splitlines()[-1]}")
        for plot in drawn:
            limit(plot, self._settings)
            self._present(plot, entry.title.replace(" ", "-"))
        return reading

    def flags(self, figure: Figure) -> None:
        """Draw the reason bits of the pixels over the picture, or take them away.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._tell(self._panel.layers.flags(self._panel.axes))

    def compass(self, figure: Figure) -> None:
        """Draw north, east and a grid over the picture, or take them away.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._tell(self._panel.layers.compass(self._panel.axes))

    def _tell(self, text: str) -> None:
        """Say a line at the prompt and in the window."""
        self._say(text)
        self._note(text)

    def overplot(self, figure: Figure) -> None:
        """Let the next plot be drawn over the last one of its kind.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._over = True
        self._say("the next plot is drawn over the last one of its kind")

    def settings(self, figure: Figure) -> None:
        """List the settings, and take one that is typed behind the colon.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._say(listed(self._settings))
        if self._screen.has_windows:
            self._typed = Colon()
            self._note(self._typed.text)

    def _type(self, key: str | None) -> None:
        """Take a key of a colon command."""
        assert self._typed is not None
        words = self._typed.take(key)
        if words:
            self.set(words[0], *words[1:])  # type: ignore[arg-type]  # texts of numbers
            self._say(f":{' '.join(words)}")
        self._note(self._typed.text if self._typed.open else HINT)
        if not self._typed.open:
            self._typed = None

    def _note(self, text: str) -> None:
        self._message.set_text(text if len(text) < 110 else text[:107] + "...")
        self._figure.canvas.draw_idle()

    def _command(self, entry: Key, figure: Figure) -> None:
        getattr(self, entry.target.partition(":")[2])(figure)

    def save(self, target: Figure | str | Path | None = None) -> None:
        """Write the image to a file, or a figure as PNG to the working directory; say where.

        Parameters
        ----------
        target : str or Path, optional
            The file; its ending says of what kind. Without it a name is made from the frame's.
            The hot-key gives the figure under the pointer instead.
        """
        if isinstance(target, str | Path):
            self._say(f"saved {written(self._figure, Path(target).expanduser())}")
            return
        figure = target or self._figure
        label = next((KEYS[k].title for k, f in self._plots.items() if f is figure), "inspect")
        self._say(f"saved {self._write(figure, label.replace(' ', '-'))}")

    def show_help(self, figure: Figure) -> None:
        """Print the table of hot-keys.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._say(help_text())

    def quit(self, figure: Figure) -> None:
        """Close a figure of this window; the image takes its plots with it.

        Parameters
        ----------
        figure : Figure
            Figure to close.
        """
        import matplotlib.pyplot as plt

        if figure is self._figure:
            self.close()
        else:
            self._out_of_cell(figure)
            plt.close(figure)

    def _out_of_cell(self, *closing: Figure) -> None:
        """Forget figures of a notebook, which does not tell that they are closed."""
        if self._cell is not None:
            for figure in closing:
                self._cell.remove(figure)
            self._plots = {k: f for k, f in self._plots.items() if f not in closing}

    def _on_close(self, event: Event) -> None:
        """Forget a window that was closed, by its key or by the desktop."""
        backend.release(event.canvas.figure)
        if event.canvas.figure is self._figure:
            # the image is on its way out: closing it again would find nothing to close
            plots, self._plots = [*self._plots.values()], {}
            self._gone()
            _close(plots)
            return
        self._plots = {k: f for k, f in self._plots.items() if f is not event.canvas.figure}

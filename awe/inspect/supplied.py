"""Keys for which a window needs something that only the prompt has: another frame, a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from awe.inspect.panel import Panel
    from awe.inspect.reel import Reel
    from awe.inspect.sight import Sight

__all__ = ["Supplied"]


class Supplied:
    """The part of a window that asks for other images and shows them."""

    _panel: Panel
    _reel: Reel | None
    _figure: Figure
    _before: dict[str, tuple[float, float]]
    _note: Callable[[str], None]
    _tell: Callable[[str], None]
    name: str

    def _want(self, want: str, **about: Any) -> None:
        """Ask for something of the frames; it comes by `take`."""
        if self._reel is not None:
            self._reel.serve(self, want, **about)

    def following(self, figure: Figure) -> None:
        """Show the next frame.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._want("step", by=1)

    def preceding(self, figure: Figure) -> None:
        """Show the frame before.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._want("step", by=-1)

    def tell(self, text: str) -> None:
        """Say a line at the prompt and in the window.

        Parameters
        ----------
        text : str
            The line.
        """
        self._tell(text)

    def take(self, sight: Sight, text: str) -> None:
        """Show another image at the same place, in the same way, and say a line.

        Parameters
        ----------
        sight : Sight
            The image.
        text : str
            The line.
        """
        self._panel.show(sight)
        self.name = sight.name
        self._before.clear()
        manager = self._figure.canvas.manager
        if manager is not None:
            manager.set_window_title(sight.name)
        self._tell(text)

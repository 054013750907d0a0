"""What a window does with regions: draws those of files and tables, and those of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.errors import ArgumentError
from awe.inspect.marks import Marks
from awe.inspect.supplied import Supplied

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from awe.inspect.sight import Sight

__all__ = ["Marked"]


class Marked(Supplied):
    """The part of a window that has marks over its pictures."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._marks = Marks()

    def mark(self, text: str) -> None:
        """Draw regions.

        Parameters
        ----------
        text : str
            Regions in the format of DS9.
        """
        told = self._marks.read(text, self._sights[0].header)
        self._tell(f"{told}{self._redrawn()}")

    def mark_places(self, kind: str, first: list[float], second: list[float]) -> None:
        """Draw places.

        Parameters
        ----------
        kind : str
            "sky" or "pixel".
        first, second : list of float
            Coordinates.
        """
        self._marks.places(kind, first, second)
        self._tell(f"{len(first)} places are drawn{self._redrawn()}")

    def marked(self, *, sky: bool) -> str:
        """Return the regions in the format of DS9.

        Parameters
        ----------
        sky : bool
            In coordinates of the sky.
        """
        return self._marks.text(self._sights[0], sky=sky)

    def unmark(self) -> None:
        """Take all regions and places away."""
        self._marks.clear()
        self._redrawn()

    def _redrawn(self) -> str:
        lost = self._marks.draw([panel.axes for panel in self._panels], self._sights[0])
        self._figure.canvas.draw_idle()
        return f"; {lost}" if lost else ""

    def _put(self, which: int, sight: Sight) -> None:
        super()._put(which, sight)
        if which == 0:
            self._redrawn()

    def circle(self, figure: Figure) -> None:
        """Draw a circle around the pointer.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        x, y = self._pointed()
        self._drew(f"circle({x:.3f},{y:.3f},{self._settings.region})")

    def rectangle(self, figure: Figure) -> None:
        """Draw a box around the pointer.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        x, y = self._pointed()
        side = 2 * self._settings.region
        self._drew(f"box({x:.3f},{y:.3f},{side},{side},0)")

    def undo_region(self, figure: Figure) -> None:
        """Take the region away that was drawn last.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._marks.undo()
        self._redrawn()

    def _pointed(self) -> tuple[float, float]:
        x, y = self._place or self._hand.pointer()
        if not self._sights[0].contains(x, y):
            msg = f"({x:g}, {y:g}) is not on the image; expected {self._sights[0].bounds}"
            raise ArgumentError(msg)
        return x, y

    def _drew(self, shape: str) -> None:
        self._marks.add(shape)
        self._redrawn()
        self._tell(f"{shape}; ins.save_regions(path) writes it")

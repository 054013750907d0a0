"""What keys do to the picture of a window: stretch, range, colours, zoom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from awe.inspect import remembered
from awe.inspect.stretch import COLOURS, RANGES, STRETCHES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from awe.inspect.hand import Hand
    from awe.inspect.picture import Picture

__all__ = ["Controls"]


class Controls:
    """The part of a window that changes how its picture is shown."""

    _picture: Picture
    _hand: Hand
    _figure: Figure
    _note: Callable[[str], None]

    def next_stretch(self, figure: Figure) -> None:
        """Change to the next stretch: linear, log, sqrt, asinh.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._choose("stretch", _after(self._picture.stretch, tuple(STRETCHES)))

    def next_range(self, figure: Figure) -> None:
        """Change to the next display range: sigma, zscale, percentile, full.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._choose("range", _after(self._picture.range, RANGES))

    def next_colours(self, figure: Figure) -> None:
        """Change to the next colour map.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._choose("cmap", _after(self._picture.cmap, COLOURS))

    def _choose(self, what: str, name: str) -> None:
        getattr(self._picture, f"choose_{what}")(name)
        remembered.keep(**{what: name})
        self._note(f"{what} {name}")

    def larger(self, figure: Figure) -> None:
        """Zoom in about the pointer.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._hand.zoom_here(2.0)

    def smaller(self, figure: Figure) -> None:
        """Zoom out about the pointer.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._hand.zoom_here(0.5)

    def all_of_it(self, figure: Figure) -> None:
        """Show the whole image.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._picture.view(*self._picture.limits)
        self._figure.canvas.draw_idle()


def _after(name: str, names: Sequence[str]) -> str:
    """Return the name behind another, round and round."""
    return names[(names.index(name) + 1) % len(names)] if name in names else names[0]

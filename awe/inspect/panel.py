"""One frame in a figure: its axes with titles, colour bar, mouse and layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.inspect.facts import sexagesimal
from awe.inspect.hand import Hand
from awe.inspect.keysettings import Settings
from awe.inspect.layers import Layers
from awe.inspect.picture import Look, Picture
from awe.inspect.spot import Spot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from awe.inspect.match import Match
    from awe.inspect.sight import Sight

__all__ = ["Panel", "fitting"]

#: inches from the edges of the figure to the axes: left, right, below, above
LEFT, RIGHT, BELOW, ABOVE = 0.8, 1.2, 0.8, 0.7


class Panel:
    """A frame in a part of a figure.

    Parameters
    ----------
    figure : Figure
        Figure it is drawn in.
    sight : Sight
        What it shows.
    look : Look
        How it is shown.
    part : tuple of float
        Left and right end of the part of the figure it fills.
    """

    def __init__(
        self, figure: Figure, sight: Sight, look: Look, part: tuple[float, float] = (0.0, 1.0)
    ) -> None:
        self._figure = figure
        width, height = figure.get_size_inches()
        left, right = part
        self._width = (right - left) * width
        axes = figure.add_axes(
            (left + LEFT / width, BELOW / height,
             right - left - (LEFT + RIGHT) / width, 1 - (BELOW + ABOVE) / height)
        )  # fmt: skip
        self.axes = axes
        self.picture = Picture(axes, sight, look)
        self.picture.more = self._on_sky
        self.hand = Hand(self.picture)
        axes.set_anchor("C")
        axes.set_xlabel("x [pixel]")
        axes.set_ylabel("y [pixel]")
        axes.tick_params(direction="out", labelsize=8)
        middle = (left + right) / 2
        self._title, self._caption = (
            figure.text(middle, 1 - down / height, "", ha="center", va="center")
            for down in (0.28, 0.5)
        )
        self._caption.set(fontsize=8, color="#44505c")
        bar_axes = axes.inset_axes((1.02, 0, 0.035 * height / self._width, 1))
        self._bar = figure.colorbar(self.picture.image, cax=bar_axes)
        self._bar.ax.tick_params(labelsize=8)
        #: which of the frames that are compared it shows
        self.which = 0
        self._label(sight, None)

    def _label(self, sight: Sight, match: Match | None) -> None:
        """Write what is shown, and forget what was drawn over another image."""
        self.sight = sight
        self._title.set(text=sight.name, fontsize=fitting(sight.name, self._width, 10))
        self._caption.set_text(sight.caption)
        self._bar.set_label(sight.unit, fontsize=8)
        self.layers = Layers(sight, match)

    def show(self, sight: Sight, match: Match | None = None) -> None:
        """Show another image at the same place and zoom, in the same way.

        Parameters
        ----------
        sight : Sight
            The image.
        match : Match, optional
            Where its pixels are, if the axes keep the coordinates of another frame.
        """
        shown = self.layers.taken_away()
        self.picture.exchange(sight, match)
        self._label(sight, match)
        self.layers.draw(self.axes, shown)

    def spot(
        self, x: float, y: float, settings: Settings, start: tuple[float, float] | None
    ) -> Spot:
        """Return a place in the image, for the tools.

        Parameters
        ----------
        x, y : float
            FITS pixel coordinates, of the image itself.
        settings : Settings
            Radii and sizes of boxes.
        start : tuple of float or None
            The place before this one.
        """
        sight = self.sight
        return Spot(
            pixels=self.picture.grey, x=x, y=y, name=sight.name, first=sight.first,
            settings=settings, facts=sight.facts, start=start,
        )  # fmt: skip

    def _on_sky(self, x: float, y: float) -> str:
        """Return where a place is on the sky, as text."""
        sky = self.sight.facts.sky
        if sky is None:
            return ""
        ra, dec = sky(x, y)
        return f"{sexagesimal(ra, dec)}  {ra:.5f} {dec:+.5f}"


def fitting(text: str, width: float, size: float) -> float:
    """Return the font size at which a line fits.

    Parameters
    ----------
    text : str
        The line.
    width : float
        Its room [inch].
    size : float
        Size at most.
    """
    return min(size, 0.96 * width * 72 / (0.62 * max(len(text), 1)))

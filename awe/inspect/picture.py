"""One image inside matplotlib axes: its range, its colours, and what of it is visible.

The whole image keeps its shape; a part of it fills the window. Which pixels are drawn follows
from the limits of the axes alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.inspect.stretch import display_range, found_range
from awe.lazy import resolve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from awe.inspect.match import Match
    from awe.inspect.sight import Sight

__all__ = ["Look", "Picture", "RangeNow"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """How an image is shown; the arguments of `inspect` of the same names."""

    kappa: float
    iterations: int
    cmap: str
    lower: float | None
    upper: float | None
    interpolation: str
    stretch: str = "linear"
    range: str = "sigma"


@dataclass(frozen=True, kw_only=True)
class RangeNow:
    """How the display range is chosen now: the ends that were given or set, and its name."""

    ends: tuple[float | None, float | None]
    moved: bool
    lower: float
    upper: float


class Picture:
    """The image in its axes.

    Parameters
    ----------
    axes : matplotlib Axes
        Empty axes; the picture sets limits, labels and the readout of coordinates.
    sight : Sight
        The image.
    look : Look
        How to show it.
    """

    def __init__(self, axes: Axes, sight: Sight, look: Look) -> None:
        self.axes = axes
        self._look = look
        #: name of the range that is shown
        self.range = look.range
        #: whether the range was set with the mouse, and holds for other images too
        self._by_hand = False
        self._ends = (look.lower, look.upper)
        #: what the readout adds for a place
        self.more: Callable[[float, float], str] = lambda x, y: ""
        self._hold(sight, None)
        self.lower, self.upper = self._given()
        #: called when another part is visible
        self.followed: Callable[[], None] = lambda: None
        self.image = self._draw(sight, look)
        axes.set_aspect("equal")
        axes.set_xlim(self.limits[:2])
        axes.set_ylim(self.limits[2:])
        axes.format_coord = self.readout  # type: ignore[method-assign]
        axes.callbacks.connect("xlim_changed", self._moved)
        axes.callbacks.connect("ylim_changed", self._moved)

    def _hold(self, sight: Sight, match: Match | None) -> None:
        self._first, self.grey = sight.first, sight.grey
        self._match = match
        self.limits = (match.reference if match is not None else sight).edges

    def exchange(self, sight: Sight, match: Match | None = None) -> None:
        """Show another image at the same place and zoom, with the same stretch and colours.

        A range that has a name is found anew; one that was set with the mouse stays.

        Parameters
        ----------
        sight : Sight
            The image.
        match : Match, optional
            Where its pixels are, if the axes keep the coordinates of another frame.
        """
        whole = self.whole
        self._hold(sight, match)
        self.image.exchange(sight.pyramids, self.limits, match)
        if not self._by_hand:
            self.choose_range(self.range)
        if whole:
            self.view(*self.limits)

    def own(self, x: float, y: float) -> tuple[float, float]:
        """Return the place on the image of a place in the axes; NaN where it has none.

        Parameters
        ----------
        x, y : float
            FITS pixel coordinates, of the frame whose coordinates the axes have.
        """
        return (x, y) if self._match is None else self._match.place(x, y)

    def _given(self) -> tuple[float, float]:
        """Return the range of the look, with its own ends where it has some."""
        look = self._look
        with np.errstate(all="ignore"):  # values near the ends of what a float holds
            if self.range == "sigma":
                found = display_range(self.grey, kappa=look.kappa, iterations=look.iterations)
            else:
                found = found_range(self.grey, self.range)
        lower, upper = (f if e is None else e for f, e in zip(found, self._ends, strict=True))
        return lower, upper if upper != lower else lower + 1.0

    def _draw(self, sight: Sight, look: Look) -> Any:
        drawn: Any = resolve("awe.inspect.chip:Chip")  # it loads matplotlib
        image = drawn(
            self.axes,
            sight.pyramids,
            self.limits,
            ends=(self.lower, self.upper),
            stretch=look.stretch,
            cmap=look.cmap,
            interpolation=look.interpolation,
        )
        self.axes.add_image(image)
        return image

    def readout(self, x: float, y: float) -> str:
        """Return the coordinates and the pixel value at a place, for the window's status line.

        Parameters
        ----------
        x, y : float
            FITS pixel coordinates.
        """
        x, y = self.own(x, y)
        if not np.isfinite((x, y)).all():
            return ""
        column = int(np.floor(x + 0.5)) - self._first[0]
        row = int(np.floor(y + 0.5)) - self._first[1]
        ny, nx = self.grey.shape
        place = f"x {x:.1f}  y {y:.1f}"
        if 0 <= row < ny and 0 <= column < nx:
            place = f"{place}  value {float(self.grey[row, column]):.6g}"
        more = self.more(x, y)
        return f"{place}\n{more}" if more else place

    # what is visible

    def view(self, x0: float, x1: float, y0: float, y1: float) -> None:
        """Show a part.

        Parameters
        ----------
        x0, x1, y0, y1 : float
            Edges, in FITS pixel coordinates.
        """
        with self.axes.callbacks.blocked():
            self.axes.set_xlim(x0, x1)
            self.axes.set_ylim(y0, y1)
        self._moved(self.axes)

    @property
    def whole(self) -> bool:
        """True while all of the image is shown."""
        shown = (*self.axes.get_xlim(), *self.axes.get_ylim())
        return bool(np.allclose(shown, self.limits, rtol=0, atol=1e-6))

    def _moved(self, axes: Axes) -> None:
        axes.set_adjustable("box" if self.whole else "datalim")
        self.followed()

    # how it is shown

    def show_range(self, lower: float, upper: float) -> None:
        """Change the display range.

        Parameters
        ----------
        lower, upper : float
            Ends, in the unit of the pixels.
        """
        self._by_hand = True
        self.lower, self.upper = lower, upper
        self.image.set_clim(lower, upper)

    def choose_range(self, name: str) -> None:
        """Change to a range by its name.

        Parameters
        ----------
        name : str
            One of `RANGES`.
        """
        self.range = name
        self.show_range(*self._given())
        self._by_hand = False

    def range_now(self) -> RangeNow:
        """Return how the display range is chosen now."""
        return RangeNow(
            ends=self._ends, moved=self._by_hand, lower=self.lower, upper=self.upper
        )

    def own_range(self) -> None:
        """Let the next pixels have a range of their own, not that of other ones."""
        self._ends, self._by_hand = (None, None), False

    def put_range(self, kept: RangeNow) -> None:
        """Choose the display range again as it was.

        Parameters
        ----------
        kept : RangeNow
            What `range_now` returned.
        """
        self._ends, self._by_hand = kept.ends, kept.moved
        if kept.moved:
            self.show_range(kept.lower, kept.upper)

    @property
    def stretch(self) -> str:
        """Name of the stretch."""
        return str(self.image.norm.stretch)

    @property
    def cmap(self) -> str:
        """Name of the colour map."""
        return str(self.image.get_cmap().name)

    def choose_stretch(self, name: str) -> None:
        """Change to a stretch by its name.

        Parameters
        ----------
        name : str
            One of `STRETCHES`.
        """
        self.image.choose_stretch(name)

    def choose_cmap(self, name: str) -> None:
        """Change to a colour map by its name.

        Parameters
        ----------
        name : str
            As matplotlib knows it.
        """
        self.image.choose_cmap(name)

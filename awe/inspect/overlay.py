"""Reason bits over the picture: each bit in its colour, a legend, their names at the pointer."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch
from numpy.typing import NDArray

from awe.calib.flags import ANY_FLAG, PixelFlag, counts, names
from awe.inspect.onscreen import OnScreen
from awe.inspect.pyramid import Pyramid, either

if TYPE_CHECKING:
    from awe.inspect.match import Match

__all__ = ["Overlay"]

#: colours of the bits, the rarer ones over the others
COLOURS = {
    PixelFlag.NON_FINITE: "#8c564b", PixelFlag.SATURATED: "#e377c2", PixelFlag.BLEED: "#ff9896",
    PixelFlag.DEAD: "#7f7f7f", PixelFlag.HOT: "#ff7f0e", PixelFlag.COLD: "#17becf",
    PixelFlag.BAD_FLAT: "#bcbd22", PixelFlag.COSMIC: "#d62728", PixelFlag.SATELLITE: "#2ca02c",
    PixelFlag.INTERPOLATED: "#1f77b4", PixelFlag.OUTSIDE: "#9467bd",
}  # fmt: skip
#: how much of the picture a colour hides
OPACITY = 0.75


class Overlay(OnScreen):
    """Flags over an image.

    Parameters
    ----------
    axes : Axes
        Axes of the image.
    flags : ndarray of integers, shape (ny, nx)
        Reason bits; 0 = good.
    first : tuple of int
        FITS pixel coordinates (x, y) of `flags[0, 0]`.
    match : Match, optional
        Where they are, if the axes have the coordinates of another frame.
    """

    def __init__(
        self,
        axes: Axes,
        flags: NDArray[Any],
        first: tuple[int, int],
        match: Match | None = None,
    ) -> None:
        ny, nx = flags.shape
        left, low = first[0] - 0.5, first[1] - 0.5
        edges = (left, left + nx, low, low + ny)
        super().__init__(axes, edges if match is None else match.reference.edges)
        self.match = match
        self._flags = flags
        self._first = first
        self._pyramid = Pyramid(flags, either)
        self.set_zorder(2)
        axes.add_image(self)
        self._legend = self._explained()
        self._readout = axes.format_coord
        axes.format_coord = self.readout  # type: ignore[method-assign]

    def remove(self) -> None:
        """Take the flags away."""
        axes = self.axes
        super().remove()
        if self._legend is not None:
            self._legend.remove()
        axes.format_coord = self._readout  # type: ignore[method-assign]

    def sampled(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return the colours of a grid of points, of a block those of any of its pixels."""
        drawn = np.zeros((y.size, x.size, 4), np.uint8)
        flags, where = self.seen(self._pyramid, x, y)
        drawn[where] = _colours()[flags & int(ANY_FLAG)]
        return drawn

    def readout(self, x: float, y: float) -> str:
        """Return the readout of the image with the names of the bits of the pixel.

        Parameters
        ----------
        x, y : float
            FITS pixel coordinates.
        """
        told = self._readout(x, y)
        if self.match is not None:
            x, y = self.match.place(x, y)
            if not np.isfinite((x, y)).all():
                return told
        row = int(np.floor(y + 0.5)) - self._first[1]
        column = int(np.floor(x + 0.5)) - self._first[0]
        ny, nx = self._flags.shape
        if not (0 <= row < ny and 0 <= column < nx):
            return told
        bits = names(int(self._flags[row, column]))
        return f"{told}  {', '.join(bits)}" if bits else told

    def summary(self) -> str:
        """Return how many pixels of the image have each bit."""
        found = counts(self._flags).items()
        told = [f"{PixelFlag[name].short} {number}" for name, number in found if number]
        return ", ".join(told) or "no pixel is flagged"

    def _explained(self) -> Any:
        """Draw the legend of the bits there are."""
        present = int(np.bitwise_or.reduce(self._flags, axis=None))
        there = [flag for flag in PixelFlag if present & flag]
        if not there:
            return None
        patches = [Patch(color=COLOURS[flag], label=flag.short) for flag in there]
        legend = self.axes.legend(handles=patches, loc="upper right", fontsize=7, framealpha=0.8)
        legend.set_zorder(3)
        return legend


@functools.cache
def _colours() -> NDArray[np.uint8]:
    """Return the colour of each sum of bits, shape (n, 4), transparent without a bit."""
    table = np.zeros((int(ANY_FLAG) + 1, 4))
    sums = np.arange(len(table))
    for flag in PixelFlag:
        table[(sums & flag) != 0] = (*to_rgb(COLOURS[flag]), OPACITY)
    return np.round(255 * table).astype(np.uint8)

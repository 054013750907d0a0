"""Reason bits over the picture: each bit in its colour, a legend, their names at the pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib.flags import PixelFlag, names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["Overlay"]

#: how many blocks of pixels are drawn a side
SHOWN = 1100
#: colours of the bits, the rarer ones over the others
COLOURS = {
    PixelFlag.NON_FINITE: "#8c564b", PixelFlag.SATURATED: "#e377c2", PixelFlag.BLEED: "#ff9896",
    PixelFlag.DEAD: "#7f7f7f", PixelFlag.HOT: "#ff7f0e", PixelFlag.COLD: "#17becf",
    PixelFlag.BAD_FLAT: "#bcbd22", PixelFlag.COSMIC: "#d62728", PixelFlag.SATELLITE: "#2ca02c",
}  # fmt: skip
#: how much of the picture a colour hides
OPACITY = 0.75


class Overlay:
    """Flags over an image, drawn again when the visible part changes.

    Parameters
    ----------
    axes : Axes
        Axes of the image.
    flags : ndarray of integers, shape (ny, nx)
        Reason bits; 0 = good.
    first : tuple of int
        FITS pixel coordinates (x, y) of `flags[0, 0]`.
    """

    def __init__(self, axes: Axes, flags: NDArray[Any], first: tuple[int, int]) -> None:
        self._axes = axes
        self._flags = flags
        self._first = first
        self._readout = axes.format_coord
        part, extent = self._visible()
        self._image = axes.imshow(
            part, origin="lower", extent=extent, interpolation="nearest", zorder=2
        )
        self._image.set_mouseover(False)
        self._legend = self._explained()
        axes.format_coord = self.readout  # type: ignore[method-assign]
        self._watched = [
            axes.callbacks.connect(f"{side}lim_changed", self._refresh) for side in "xy"
        ]

    def remove(self) -> None:
        """Take the flags away."""
        for number in self._watched:
            self._axes.callbacks.disconnect(number)
        self._image.remove()
        if self._legend is not None:
            self._legend.remove()
        self._axes.format_coord = self._readout  # type: ignore[method-assign]

    def readout(self, x: float, y: float) -> str:
        """Return the readout of the image with the names of the bits of the pixel.

        Parameters
        ----------
        x, y : float
            FITS pixel coordinates.
        """
        told = self._readout(x, y)
        row = int(np.floor(y + 0.5)) - self._first[1]
        column = int(np.floor(x + 0.5)) - self._first[0]
        ny, nx = self._flags.shape
        if not (0 <= row < ny and 0 <= column < nx):
            return told
        bits = names(int(self._flags[row, column]))
        return f"{told}  {', '.join(bits)}" if bits else told

    def summary(self) -> str:
        """Return how many pixels of the image have each bit."""
        found = [(flag, int(np.count_nonzero(self._flags & flag))) for flag in PixelFlag]
        told = [f"{flag.short} {number}" for flag, number in found if number]
        return ", ".join(told) or "no pixel is flagged"

    def _explained(self) -> Any:
        """Draw the legend of the bits there are."""
        from matplotlib.patches import Patch

        present = int(np.bitwise_or.reduce(self._flags, axis=None))
        there = [flag for flag in PixelFlag if present & flag]
        if not there:
            return None
        patches = [Patch(color=COLOURS[flag], label=flag.short) for flag in there]
        legend = self._axes.legend(handles=patches, loc="upper right", fontsize=7, framealpha=0.8)
        legend.set_zorder(3)
        return legend

    def _refresh(self, axes: Axes) -> None:
        part, extent = self._visible()
        self._image.set_data(part)
        self._image.set_extent(extent)
        # extents of images move the limits of axes
        axes.figure.canvas.draw_idle()

    def _visible(self) -> tuple[NDArray[np.float32], tuple[float, float, float, float]]:
        """Return the colours of the visible part, a block the colour of any of its pixels."""
        x0, x1 = sorted(self._axes.get_xlim())
        y0, y1 = sorted(self._axes.get_ylim())
        ny, nx = self._flags.shape
        fx, fy = self._first
        step = max(1, int(max(min(x1 - x0, nx), min(y1 - y0, ny)) / SHOWN))
        left = int(np.clip(x0 - fx, 0, nx - 1)) // step * step
        low = int(np.clip(y0 - fy, 0, ny - 1)) // step * step
        right = int(np.clip(np.ceil(x1 - fx + 1), left + 1, nx))
        top = int(np.clip(np.ceil(y1 - fy + 1), low + 1, ny))
        part = self._flags[low:top, left:right]
        if step > 1:
            rows, columns = (np.arange(0, side, step) for side in part.shape)
            part = np.bitwise_or.reduceat(np.bitwise_or.reduceat(part, rows, 0), columns, 1)
        extent = (left + fx - 0.5, left + fx - 0.5 + part.shape[1] * step,
                  low + fy - 0.5, low + fy - 0.5 + part.shape[0] * step)  # fmt: skip
        return _coloured(part), extent


def _coloured(flags: NDArray[Any]) -> NDArray[np.float32]:
    """Return the colours of flags, shape (ny, nx, 4), transparent where there is no bit."""
    from matplotlib.colors import to_rgb

    drawn = np.zeros((*flags.shape, 4), np.float32)
    for flag in PixelFlag:
        drawn[(flags & flag) != 0] = (*to_rgb(COLOURS[flag]), OPACITY)
    return drawn

"""One image inside matplotlib axes: reduced for the screen, sharper where one zooms in.

A chip of 2144 x 4200 pixels is drawn from block means of about a thousand pixels a side;
whenever the visible part changes it is cut and averaged anew, down to single pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from awe.inspect.stretch import block_mean, display_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Look", "Picture"]

SHOWN = 1100


@dataclass(frozen=True, kw_only=True)
class Look:
    """How an image is shown; the arguments of `inspect` of the same names."""

    kappa: float
    iterations: int
    cmap: str
    lower: float | None
    upper: float | None
    interpolation: str


class Picture:
    """The image in its axes.

    Parameters
    ----------
    axes : matplotlib Axes
        Empty axes; the picture sets limits, labels and the readout of coordinates.
    pixels : ndarray, shape (ny, nx) or (ny, nx, 3)
        Not modified.
    first : tuple of int
        FITS pixel coordinates (x, y) of `pixels[0, 0]`.
    look : Look
        How to show it.
    """

    def __init__(
        self, axes: Axes, pixels: NDArray[Any], first: tuple[int, int], look: Look
    ) -> None:
        self._axes = axes
        self._pixels = pixels
        self._first = first
        self._step = 0
        grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
        self.grey: NDArray[Any] = grey
        found = display_range(grey, kappa=look.kappa, iterations=look.iterations)
        self.lower = found[0] if look.lower is None else look.lower
        self.upper = found[1] if look.upper is None else look.upper
        ny, nx = grey.shape
        # The centre of a pixel has the whole number, its edges the halves (FITS 4.0, 8.1).
        self._limits = (first[0] - 0.5, first[0] + nx - 0.5, first[1] - 0.5, first[1] + ny - 0.5)
        self.image = self._draw(look)
        axes.set_xlim(self._limits[:2])
        axes.set_ylim(self._limits[2:])
        axes.format_coord = self.readout  # type: ignore[method-assign]
        axes.callbacks.connect("xlim_changed", self._refresh)
        axes.callbacks.connect("ylim_changed", self._refresh)

    def _draw(self, look: Look) -> Any:
        import matplotlib as mpl

        colours = mpl.colormaps[look.cmap].with_extremes(bad="#6d3b47")
        part, extent = self._visible(*self._limits)
        image = self._axes.imshow(
            part,
            origin="lower",
            extent=extent,
            cmap=colours,
            vmin=self.lower,
            vmax=self.upper,
            interpolation=look.interpolation,
            aspect="equal",
        )
        # the status line shows the true pixel by readout(), not the value of the overview
        image.set_mouseover(False)
        return image

    def readout(self, x: float, y: float) -> str:
        """Return the coordinates and the pixel value at a place, for the window's status line.

        Parameters
        ----------
        x, y : float
            Zero-based position in the image [pixel].
        """
        column = int(np.floor(x + 0.5)) - self._first[0]
        row = int(np.floor(y + 0.5)) - self._first[1]
        ny, nx = self.grey.shape
        place = f"x {x:.1f}  y {y:.1f}"
        if 0 <= row < ny and 0 <= column < nx:
            return f"{place}  value {float(self.grey[row, column]):.6g}"
        return place

    def _refresh(self, axes: Axes) -> None:
        x0, x1 = sorted(axes.get_xlim())
        y0, y1 = sorted(axes.get_ylim())
        # the whole image keeps its shape; a part of it fills the window
        whole = (x0, x1, y0, y1) == self._limits
        axes.set_adjustable("box" if whole else "datalim")
        part, extent = self._visible(x0, x1, y0, y1)
        if part.size:
            self.image.set_data(part)
            self.image.set_extent(extent)
            axes.figure.canvas.draw_idle()

    def _visible(
        self, x0: float, x1: float, y0: float, y1: float
    ) -> tuple[NDArray[np.float32], tuple[float, float, float, float]]:
        ny, nx = self.grey.shape
        step = max(1, int(max(min(x1 - x0, nx), min(y1 - y0, ny)) / SHOWN))
        fx, fy = self._first
        # Whole steps from the corner: blocks keep their pixels while one pans.
        left = int(np.clip(x0 - fx, 0, nx - 1)) // step * step
        bottom = int(np.clip(y0 - fy, 0, ny - 1)) // step * step
        right = int(np.clip(np.ceil(x1 - fx + 1), left + 1, nx))
        top = int(np.clip(np.ceil(y1 - fy + 1), bottom + 1, ny))
        part = self._reduced(bottom, top, left, right, step)
        extent = (
            left + fx - 0.5,
            left + fx - 0.5 + part.shape[1] * step,
            bottom + fy - 0.5,
            bottom + fy - 0.5 + part.shape[0] * step,
        )
        return part, extent

    def _reduced(
        self, bottom: int, top: int, left: int, right: int, step: int
    ) -> NDArray[np.float32]:
        part = self._pixels[bottom:top, left:right]
        if part.ndim == 2:
            return block_mean(part, step)
        planes = [block_mean(part[..., i], step) for i in range(part.shape[2])]
        scaled = (np.dstack(planes) - self.lower) / (self.upper - self.lower)
        colour: NDArray[np.float32] = np.nan_to_num(np.clip(scaled, 0.0, 1.0))
        return colour.astype(np.float32)

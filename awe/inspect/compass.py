"""North and east over the picture, and lines of equal right ascension and declination."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from awe.inspect.facts import Sky

__all__ = ["Compass"]

INK = "#f1c40f"
#: part of the shorter side that an arrow is long
LENGTH = 0.09
#: spacings of lines [arcsec], of which the one with four to eight lines is taken
SPACINGS = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 18000)
#: points along each side on which lines are drawn
POINTS = 60


class Compass:
    """A compass and a grid over an image.

    Parameters
    ----------
    axes : Axes
        Axes of the image.
    sky : Sky
        Place of pixels on the sky.
    """

    def __init__(self, axes: Axes, sky: Sky) -> None:
        self._drawn: list[Any] = []
        x0, x1 = axes.get_xlim()
        y0, y1 = axes.get_ylim()
        self._arrows(axes, sky, (x0, x1, y0, y1))
        self._grid(axes, sky, (x0, x1, y0, y1))

    def remove(self) -> None:
        """Take compass and grid away."""
        for one in self._drawn:
            one.remove()

    def _arrows(self, axes: Axes, sky: Sky, limits: tuple[float, ...]) -> None:
        x0, x1, y0, y1 = limits
        size = LENGTH * min(abs(x1 - x0), abs(y1 - y0))
        x, y = x0 + 0.14 * (x1 - x0), y0 + 0.14 * (y1 - y0)
        for name, (dx, dy) in directions(sky, x, y).items():
            arrow = axes.annotate(
                "", (x + size * dx, y + size * dy), (x, y),
                arrowprops={"arrowstyle": "->", "color": INK, "lw": 1.5},
            )  # fmt: skip
            place = (x + 1.25 * size * dx, y + 1.25 * size * dy)
            text = axes.text(*place, name, color=INK, ha="center", va="center", fontsize=9)
            self._drawn += [arrow, text]

    def _grid(self, axes: Axes, sky: Sky, limits: tuple[float, ...]) -> None:
        """Draw contours of both coordinates, right ascension about that of the middle."""
        x0, x1, y0, y1 = limits
        xs, ys = np.linspace(x0, x1, POINTS), np.linspace(y0, y1, POINTS)
        ra0, dec0 = sky((x0 + x1) / 2, (y0 + y1) / 2)
        ra, dec = sky.places(*np.meshgrid(xs, ys))
        east = (ra - ra0 + 180) % 360 - 180
        if not (np.isfinite(east).all() and np.isfinite(dec).all()):
            return
        narrow = math.cos(math.radians(dec0))
        for values, middle, stretch in ((east, ra0, narrow), (dec - dec0, dec0, 1.0)):
            levels = _levels(values, middle, max(stretch, 0.01))
            if len(levels):
                lines = axes.contour(xs, ys, values, levels=levels, colors=INK, linewidths=0.5,
                                     linestyles=":")  # fmt: skip
                self._drawn.append(lines)


def directions(sky: Sky, x: float, y: float) -> dict[str, tuple[float, float]]:
    """Return the directions of north and east at a place, as unit vectors in pixels.

    Parameters
    ----------
    sky : Sky
        Place of pixels on the sky.
    x, y : float
        FITS pixel coordinates.
    """
    ra0, dec0 = sky(x, y)
    columns, rows = np.array([x + 1, x, x]), np.array([y, y + 1, y])
    ra, dec = sky.places(columns, rows)
    east = ((ra - ra0 + 180) % 360 - 180) * math.cos(math.radians(dec0))
    # rows: what a step in x and one in y are to east and to north; the inverse tells the rest
    steps = np.array([[east[0], east[1]], [dec[0] - dec0, dec[1] - dec0]])
    to_pixels = np.linalg.inv(steps)
    found = {}
    for name, column in (("N", 1), ("E", 0)):
        dx, dy = to_pixels[:, column]
        length = math.hypot(dx, dy)
        found[name] = (float(dx / length), float(dy / length))
    return found


def _levels(values: NDArray[np.float64], middle: float, stretch: float) -> NDArray[np.float64]:
    """Return round values of a coordinate, as differences from its middle."""
    reach = float(np.ptp(values)) * 3600
    spacing = next((one for one in SPACINGS if reach * stretch / one <= 8), SPACINGS[-1])
    step = spacing / stretch if stretch < 1 else spacing
    step = min(SPACINGS, key=lambda one: abs(math.log(one / step))) / 3600
    first = math.ceil((middle + float(values.min())) / step)
    last = math.floor((middle + float(values.max())) / step)
    levels: NDArray[np.float64] = np.arange(first, last + 1, dtype=np.float64) * step - middle
    return levels

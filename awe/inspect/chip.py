"""The image as matplotlib draws it: taken from a pyramid at the resolution of the screen.

Values become colours through a table, so that a frame of a pan or a zoom costs milliseconds
however large the image is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from awe.inspect.norm import Norm
from awe.inspect.onscreen import OnScreen
from awe.inspect.pyramid import Pyramid

if TYPE_CHECKING:
    from awe.inspect.match import Match

__all__ = ["BAD", "Chip"]

#: Colour of pixels without a value.
BAD = "#6d3b47"
#: Steps between the ends of the display range.
STEPS = 1 << 16
#: Most pixels a side that are smoothed at once.
SMOOTHED = 2200


class Chip(OnScreen):
    """An image of any size in axes.

    Parameters
    ----------
    axes : Axes
        Where it is drawn.
    pyramids : list of Pyramid
        One, or three for red, green and blue.
    extent : tuple of float
        Left, right, bottom and top edge, in coordinates of the axes.
    ends : tuple of float
        Display range.
    stretch : str
        One of `STRETCHES`.
    cmap : str
        Name of a colour map.
    interpolation : str
        As matplotlib knows them; only "nearest" is fast.
    """

    def __init__(
        self,
        axes: Axes,
        pyramids: list[Pyramid],
        extent: tuple[float, float, float, float],
        *,
        ends: tuple[float, float],
        stretch: str,
        cmap: str,
        interpolation: str,
    ) -> None:
        norm = Norm(*ends, stretch)
        super().__init__(
            axes, extent, cmap=_colours(cmap), norm=norm, interpolation=interpolation
        )
        self._pyramids = pyramids
        self._part: tuple[float, float, float, float] | None = None
        self._table: tuple[Any, NDArray[np.uint32]] | None = None

    def exchange(
        self,
        pyramids: list[Pyramid],
        extent: tuple[float, float, float, float],
        match: Match | None,
    ) -> None:
        """Draw other pixels.

        Parameters
        ----------
        pyramids : list of Pyramid
            One, or three for red, green and blue.
        extent : tuple of float
            Left, right, bottom and top edge, in coordinates of the axes.
        match : Match or None
            Where the pixels are, if the axes have the coordinates of another frame.
        """
        self._pyramids, self.match = pyramids, match
        self._extent: Any = extent
        self.stale = True

    def choose_stretch(self, name: str) -> None:
        """Change to a stretch.

        Parameters
        ----------
        name : str
            One of `STRETCHES`.
        """
        now: Any = self.norm
        self.set_norm(Norm(now.vmin, now.vmax, name))

    def choose_cmap(self, name: str) -> None:
        """Change to a colour map.

        Parameters
        ----------
        name : str
            As matplotlib knows it.
        """
        self.set_cmap(_colours(name))

    def get_extent(self) -> tuple[float, float, float, float]:
        """Return the edges of what is drawn."""
        return self._part or self._extent

    def _made(
        self, x: NDArray[np.float64], y: NDArray[np.float64], corner: tuple[int, int], how: Any
    ) -> Any:
        if how[2] or self._smooth(x, y):
            return self._smoothed(x, y, *how)
        return super()._made(x, y, corner, how)

    def _smooth(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
        if self.match is not None:
            return False
        few = bool(max(np.ptp(x), np.ptp(y)) < SMOOTHED)
        return few and self.get_interpolation() not in ("nearest", "none", "auto", "antialiased")

    def _smoothed(self, x: NDArray[np.float64], y: NDArray[np.float64], *how: Any) -> Any:
        """Let matplotlib draw, from the pixels that are visible and some around."""
        plane = self._pyramids[0].level(0)
        edge: Any = self._extent
        rows = slice(*np.clip((int(y[0]) - 16, int(y[-1]) + 16), 0, plane.shape[0]))
        columns = slice(*np.clip((int(x[0]) - 16, int(x[-1]) + 16), 0, plane.shape[1]))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return None, 0, 0, None
        planes = [pyramid.level(0)[rows, columns] for pyramid in self._pyramids]
        scaled = np.stack([np.asarray(self.norm(plane)) for plane in planes], axis=-1)
        self.set_data(planes[0] if len(planes) == 1 else np.nan_to_num(scaled))
        self._part = (
            edge[0] + columns.start, edge[0] + columns.stop,
            edge[2] + rows.start, edge[2] + rows.stop,
        )  # fmt: skip
        made = AxesImage.make_image(self, *how)
        self._part = None
        return made

    def sampled(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return the colours of a grid of points; see `OnScreen.sampled`."""
        out = np.zeros((y.size, x.size), np.uint32)
        places = []
        for pyramid in self._pyramids:
            values, where = self.seen(pyramid, x, y)
            places.append((values, self._steps(values)))
        if len(places) == 1:
            values, steps = places[0]
            table = self._colours()
            colours = table[steps]
            bad = np.isnan(values)
            if bad.any():
                colour = np.array(self.get_cmap().get_bad() * 255, np.uint8)
                colours[bad] = colour.view(np.uint32)[0]
            out[where] = colours
            return out.view(np.uint8).reshape(y.size, x.size, 4)
        rgba = out.view(np.uint8).reshape(y.size, x.size, 4)
        for plane, (_, steps) in enumerate(places):
            rgba[..., plane][where] = steps >> 8
        rgba[..., 3][where] = 255
        return rgba

    def _steps(self, values: NDArray[np.float32]) -> NDArray[np.uint16]:
        """Return where values are in the display range, in steps."""
        norm: Any = self.norm
        low, high = float(norm.vmin), float(norm.vmax)
        with np.errstate(all="ignore"):
            place = (values - np.float32(low)) * np.float32((STEPS - 1) / (high - low))
        np.nan_to_num(place, copy=False, nan=0.0)
        np.clip(place, 0, STEPS - 1, out=place)
        return place.astype(np.uint16)

    def _colours(self) -> NDArray[np.uint32]:
        norm: Any = self.norm
        key = (self.get_cmap().name, norm.stretch)
        if self._table is None or self._table[0] != key:
            levels = norm.bent(np.linspace(0.0, 1.0, STEPS))
            colours = self.get_cmap()(levels, bytes=True)
            self._table = (key, np.ascontiguousarray(colours).view(np.uint32)[:, 0])
        return self._table[1]


def _colours(name: str) -> Any:
    return mpl.colormaps[name].with_extremes(bad=BAD)

"""The image as matplotlib draws it: taken from a pyramid at the resolution of the screen.

Values become colours through a table, so that a frame of a pan or a zoom costs milliseconds
however large the image is.
"""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from awe.inspect.norm import Norm
from awe.inspect.pyramid import Pyramid

__all__ = ["BAD", "Chip"]

#: Colour of pixels without a value.
BAD = "#6d3b47"
#: Steps between the ends of the display range.
STEPS = 1 << 16
#: Most pixels a side that are smoothed at once.
SMOOTHED = 2200


class Chip(AxesImage):
    """An image of any size in axes.

    Parameters
    ----------
    axes : Axes
        Where it is drawn.
    planes : list of ndarray, shape (ny, nx)
        One plane, or three for red, green and blue; not modified.
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
        planes: list[NDArray[Any]],
        extent: tuple[float, float, float, float],
        *,
        ends: tuple[float, float],
        stretch: str,
        cmap: str,
        interpolation: str,
    ) -> None:
        norm = Norm(*ends, stretch)
        super().__init__(
            axes, cmap=_colours(cmap), norm=norm, origin="lower", extent=extent,
            interpolation=interpolation,
        )  # fmt: skip
        self._pyramids = [Pyramid(plane) for plane in planes]
        self._part: tuple[float, float, float, float] | None = None
        self._table: tuple[Any, NDArray[np.uint32]] | None = None
        self.set_data(np.zeros((2, 2), np.float32))
        self.set_clip_path(axes.patch)
        self.set_mouseover(False)

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
        return self._part or self._extent  # type: ignore[attr-defined]

    def make_image(
        self, renderer: Any, magnification: float = 1.0, unsampled: bool = False
    ) -> Any:
        """Return the visible part in colours, and where it is; matplotlib calls it.

        Parameters
        ----------
        renderer : RendererBase
            What draws.
        magnification : float
            Pixels of the picture for one of the screen.
        unsampled : bool
            Whether the renderer scales pictures itself.
        """
        figure: Any = self.get_figure(root=True)
        box = Bbox.intersection(self.axes.bbox, figure.bbox)
        if box is None or box.width < 1 or box.height < 1:
            return None, 0, 0, None
        left, bottom = (int(np.floor(v * magnification)) for v in (box.x0, box.y0))
        right, top = (int(np.ceil(v * magnification)) for v in (box.x1, box.y1))
        ends = np.array([(left + 0.5, bottom + 0.5), (right - 0.5, top - 0.5)]) / magnification
        (x0, y0), (x1, y1) = self.get_transform().inverted().transform(ends)
        edge: Any = self._extent  # type: ignore[attr-defined]
        x = np.linspace(x0, x1, right - left) - edge[0]
        y = np.linspace(y0, y1, top - bottom) - edge[2]
        if unsampled or self._smooth(x, y):
            return self._smoothed(x, y, renderer, magnification, unsampled)
        return self._sampled(x, y), left / magnification, bottom / magnification, None

    def _smooth(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
        few = bool(max(np.ptp(x), np.ptp(y)) < SMOOTHED)
        return few and self.get_interpolation() not in ("nearest", "none", "auto", "antialiased")

    def _smoothed(self, x: NDArray[np.float64], y: NDArray[np.float64], *how: Any) -> Any:
        """Let matplotlib draw, from the pixels that are visible and some around."""
        plane = self._pyramids[0].level(0)
        edge: Any = self._extent  # type: ignore[attr-defined]
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
        made = super().make_image(*how)
        self._part = None
        return made

    def _sampled(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.uint8]:
        out = np.zeros((y.size, x.size), np.uint32)
        places = []
        for pyramid in self._pyramids:
            values, where = pyramid.seen(x, y)
            places.append((values, self._steps(values)))
        if len(places) == 1:
            values, steps = places[0]
            table = self._colours()
            out[where] = table[steps]
            bad = np.isnan(values)
            if bad.any():
                colour = np.array(self.get_cmap().get_bad() * 255, np.uint8)
                out[where][bad] = colour.view(np.uint32)[0]
            return out.view(np.uint8).reshape(y.size, x.size, 4)
        rgba = out.view(np.uint8).reshape(y.size, x.size, 4)
        for plane, (_, steps) in enumerate(places):
            rgba[(*where, plane)] = steps >> 8
        rgba[(*where, 3)] = 255
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

"""The measurements of the hot-keys as calls, without a window: on frames, files and arrays.

`raw.aperture(260, 203)` measures one object, `examine('any.fits')` gives an object whose methods
are the tools and whose `table` has a row for every call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.errors import ArgumentError
from awe.inspect.keys import KEYS, used
from awe.inspect.keysettings import Settings, changed
from awe.inspect.measurements import Measured, row_of
from awe.inspect.source import source_of
from awe.inspect.spot import Reading, Spot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Examination", "aperture", "growth", "radial"]


class Examination(Measured):
    """A frame, and what is measured on it.

    Parameters
    ----------
    frame : frame, path, CCDData or ndarray
        What to measure on, as `inspect` takes it.
    extension : int or str, optional
        Number or name of the extension of a file.
    **settings : float
        Settings of the measuring keys: radius, buffer, width, magzero, box, ...

    Attributes
    ----------
    table : astropy.table.Table
        A row for every measurement so far, with units.
    figure : Figure or None
        The plot of the last measurement that has one.
    """

    def __init__(
        self, frame: Any, *, extension: int | str | None = None, **settings: float
    ) -> None:
        shown = source_of(frame, extension)
        super().__init__(shown.name, shown.unit)
        self.figure: Figure | None = None
        self._pixels = shown.pixels if shown.pixels.ndim == 2 else shown.pixels.mean(axis=2)
        self._facts = shown.facts
        self._settings = Settings()
        for name, value in settings.items():
            self.set(name, value)

    def set(self, name: str, *values: float) -> None:
        """Change a setting of the tools; without a value it is as at first again.

        Parameters
        ----------
        name : str
            Name of the setting: radius, buffer, width, magzero, box, average, ...
        *values : float
            Its value.
        """
        self._settings = changed(self._settings, name, *values)

    def aperture(self, x: float, y: float) -> Reading:
        """Return the photometry and shape of the object at a place."""
        return self._do("a", x, y)

    def radial(self, x: float, y: float) -> Reading:
        """Return what the radial profile of the object at a place tells."""
        return self._do("r", x, y)

    def growth(self, x: float, y: float) -> Reading:
        """Return flux and half-light radius of the object at a place."""
        return self._do("G", x, y)

    def centre(self, x: float, y: float) -> Reading:
        """Return the centre of mass of the light near a place."""
        return self._do("d", x, y)

    def fit_line(self, x: float, y: float) -> Reading:
        """Return the Gaussian fitted along the lines through a place."""
        return self._do("j", x, y)

    def fit_column(self, x: float, y: float) -> Reading:
        """Return the Gaussian fitted along the columns through a place."""
        return self._do("k", x, y)

    def statistics(self, x: float, y: float) -> Reading:
        """Return the statistics of the box around a place."""
        return self._do("m", x, y)

    def value(self, x: float, y: float) -> Reading:
        """Return the value of a pixel."""
        return self._do("x", x, y)

    def values(self, x: float, y: float) -> Reading:
        """Return the pixel values around a place."""
        return self._do("z", x, y)

    def line(self, x: float, y: float) -> Reading:
        """Return the summary of the row through a place."""
        return self._do("l", x, y)

    def column(self, x: float, y: float) -> Reading:
        """Return the summary of the column through a place."""
        return self._do("c", x, y)

    def histogram(self, x: float, y: float) -> Reading:
        """Return the summary of the pixel values around a place; `figure` is their histogram."""
        return self._do("h", x, y)

    def wireframe(self, x: float, y: float) -> Reading:
        """Draw the wire-frame around a place into `figure`."""
        return self._do("w", x, y)

    def surface(self, x: float, y: float) -> Reading:
        """Draw the surface around a place into `figure`."""
        return self._do("s", x, y)

    def contour(self, x: float, y: float) -> Reading:
        """Draw the contours around a place into `figure`."""
        return self._do("e", x, y)

    def box(self, x0: float, y0: float, x1: float, y1: float) -> Reading:
        """Return the statistics of the box between two corners."""
        return self._do("b", x1, y1, (x0, y0))

    def vector(self, x0: float, y0: float, x1: float, y1: float) -> Reading:
        """Return the summary of the cut between two places; `figure` shows it."""
        return self._do("v", x1, y1, (x0, y0))

    def centred_vector(self, x0: float, y0: float, x1: float, y1: float) -> Reading:
        """Return the summary of the cut whose middle is the first place."""
        return self._do("u", x1, y1, (x0, y0))

    def offset(self, x0: float, y0: float, x1: float, y1: float) -> Reading:
        """Return how far the second place is from the first, on the sky too."""
        return self._do("y", x1, y1, (x0, y0))

    def _do(
        self, key: str, x: float, y: float, start: tuple[float, float] | None = None
    ) -> Reading:
        """Use the tool of a key at a place, of two the second."""
        for place in filter(None, (start, (x, y))):
            self._require_inside(*place)
        spot = Spot(
            pixels=self._pixels, x=float(x), y=float(y), name=self.name, start=start,
            settings=self._settings, facts=self._facts,
        )  # fmt: skip
        reading = used(KEYS[key], spot, self._figure)
        self._made.add(row_of(key, float(x), float(y), reading))
        return reading

    def _require_inside(self, x: Any, y: Any) -> None:
        ny, nx = self._pixels.shape
        try:
            inside = 0.5 <= float(x) < nx + 0.5 and 0.5 <= float(y) < ny + 0.5
        except (TypeError, ValueError):
            inside = False
        if not inside:
            msg = (
                f"({x}, {y}) is not on {self.name}; expected x 1 to {nx}, y 1 to {ny} "
                "(FITS pixels)"
            )
            raise ArgumentError(msg)

    def _figure(self) -> Figure:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(6.4, 5.2), facecolor="white")
        FigureCanvasAgg(self.figure)
        return self.figure

    def __repr__(self) -> str:
        return f"<examine {self.name}: {len(self._made)} measurements in .table>"


def aperture(frame: Any, x: float, y: float, **settings: Any) -> Reading:
    """Return the photometry and shape of the object at a place: the hot-key `a` without a window.

    Parameters
    ----------
    x, y : float
        FITS pixel coordinates.
    **settings : float
        Settings of the tools, such as `radius=5`.
    """
    return Examination(frame, **settings).aperture(x, y)


def radial(frame: Any, x: float, y: float, **settings: Any) -> Reading:
    """Return the profile of the object at a place: the hot-key `r` without a window.

    Parameters
    ----------
    x, y : float
        FITS pixel coordinates.
    **settings : float
        Settings of the tools, such as `width=8`.
    """
    return Examination(frame, **settings).radial(x, y)


def growth(frame: Any, x: float, y: float, **settings: Any) -> Reading:
    """Return flux and half-light radius at a place: the hot-key `G` without a window.

    Parameters
    ----------
    x, y : float
        FITS pixel coordinates.
    **settings : float
        Settings of the tools, such as `grow=40`.
    """
    return Examination(frame, **settings).growth(x, y)

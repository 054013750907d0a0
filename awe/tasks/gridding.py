"""One reduced frame on its way to a grid: its planes, its sky, its part of the grid."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.wcs import WCS

from awe import fits
from awe.calib.flags import FLAG_DTYPE, PixelFlag
from awe.calib.resample import Kernel, Mapping, Regridded, mapping, regrid
from awe.calib.sky import background, seeing
from awe.errors import BadHeader, WrongShape
from awe.fits import planes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.model.regridded import GridTarget

__all__ = ["Work", "box_of", "coordinates_of", "mapped", "projection"]

#: points of each edge of a frame whose places on the grid give its box
_EDGE = 33


class Work:
    """The planes of one reduced frame.

    Parameters
    ----------
    red : ReducedScienceFrame
        The frame; its file is here.
    weight : ndarray of float32, shape (ny, nx), or None
        Relative weight of its pixels.
    parameters : RegriddedFrameParameters
        What is done.
    solution : AstrometricParameters, optional
        Where its pixels are; by default the header says it.

    Raises
    ------
    BadHeader
        The header has no world coordinates of the sky.
    WrongShape
        A plane has another shape than the image.
    """

    def __init__(
        self, red: Any, weight: NDArray[Any] | None, parameters: Any, solution: Any = None
    ) -> None:
        self.wcs = coordinates_of(red, solution)
        self.level = 0.0
        self.noise = 0.0
        self.area = 1.0
        self.rows = self.columns = slice(0, 0)
        self._parameters = parameters
        path = Path(red.pathname)
        self.image = np.ascontiguousarray(fits.read_pixels(path, None), np.float32)
        shape = self.image.shape
        flags = planes.pixels(path, planes.FLAGS)
        # a frame of other makers has no planes
        self.flags = flags if flags is not None else np.zeros(shape, FLAG_DTYPE)
        variance = planes.pixels(path, planes.VARIANCE)
        spread = red.imstat.stdev if red.imstat is not None else 1.0
        self.variance = variance if variance is not None else np.full(shape, spread**2, np.float32)
        self.weight = weight if weight is not None else np.ones(shape, np.float32)
        for plane in (self.flags, self.variance, self.weight):
            if plane.shape != shape:
                msg = (
                    f"a plane of {red.filename} has the shape {plane.shape}, its image {shape}; "
                    "reduce the frame again"
                )
                raise WrongShape(msg)
        odd = ~np.isfinite(self.image) & (self.flags == 0)
        if odd.any():
            self.flags = self.flags.copy()
            self.flags[odd] = PixelFlag.NON_FINITE

    def subtract_sky(self) -> None:
        """Subtract the sky from the image, and keep its level and noise."""
        surface = background.estimate(
            self.image, box=self._parameters.BACK_SIZE, bad=self.flags != 0,
            clip=self._parameters.IMAGE_THRESHOLD,
        )  # fmt: skip
        self.noise = float(np.median(surface.spread))
        how = self._parameters.BACKGROUND_SUBTRACTION_TYPE
        if how != "NONE":
            self.level = surface.level
            sky = surface.rows() if how == "MESH" else np.float32(surface.level)
            self.image = self.image - sky

    def regrid(self, target: GridTarget) -> Regridded:
        """Return the frame on a grid; `rows`, `columns` and `area` are set.

        Parameters
        ----------
        target : GridTarget
            The grid.
        """
        ny, nx = self.image.shape
        self.rows, self.columns = box_of(self.wcs, (ny, nx), target)
        place = mapped(
            self.wcs, target, self.rows, self.columns, tolerance=self._parameters.PROJECTION_ERR
        )
        self.area = float(place.area.mean())
        kernel = Kernel(self._parameters.RESAMPLING_TYPE)
        variance = np.asarray(self.variance, np.float32)
        return regrid(self.image, variance, self.flags, self.weight, place, kernel=kernel)

    def seeing(self, new: Regridded, gain: float, target: GridTarget) -> float | None:
        """Return the width of the stars of a regridded frame [arcsec], None if there is none.

        Parameters
        ----------
        new : Regridded
            The frame on the grid.
        gain : float
            Electrons per count [e-/ADU].
        target : GridTarget
            The grid.
        """
        stars = seeing.measure(
            new.image, threshold=self._parameters.PSF_THRESHOLD, saturation=float("inf"),
            narrowest=self._parameters.PSF_NARROWEST, gain=gain or 1.0, bad=new.weight <= 0,
        )  # fmt: skip
        return stars.fwhm * target.pixelscale if stars.known else None


def coordinates_of(red: Any, solution: Any = None) -> WCS:
    """Return the world coordinates of a reduced frame: those of a solution, or of its header.

    Parameters
    ----------
    red : ReducedScienceFrame
        The frame.
    solution : AstrometricParameters, optional
        Its solution.

    Raises
    ------
    BadHeader
        There are none of the sky.
    """
    found: WCS = red.wcs if solution is None else solution.wcs()
    if not found.has_celestial:
        msg = (
            f"{red.filename} has no world coordinates in its header (CTYPE, CRVAL, CRPIX and "
            "CD, PC or CDELT); solve the astrometry first, or leave it out of red_filenames"
        )
        raise BadHeader(msg)
    return found


def projection(target: GridTarget) -> WCS:
    """Return the world coordinates of a grid, the tangent point at the pixel (0, 0).

    Parameters
    ----------
    target : GridTarget
        The grid.
    """
    found = WCS(naxis=2)
    found.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    found.wcs.crval = [target.ra, target.dec]
    found.wcs.crpix = [1.0, 1.0]
    side = target.pixelscale / 3600.0
    found.wcs.cdelt = [-side, side]
    found.wcs.set()
    return found


def box_of(wcs: WCS, shape: tuple[int, int], target: GridTarget) -> tuple[slice, slice]:
    """Return the rows and columns of the grid that a frame takes, from the tangent point on.

    Parameters
    ----------
    wcs : WCS
        World coordinates of the frame.
    shape : (int, int)
        (ny, nx) of the frame.
    target : GridTarget
        The grid.
    """
    ny, nx = shape
    u = np.linspace(0, 1, _EDGE)
    x = np.concatenate([u, u, 0 * u, 0 * u + 1]) * (nx - 1)
    y = np.concatenate([0 * u, 0 * u + 1, u, u]) * (ny - 1)
    gx, gy = projection(target).all_world2pix(*wcs.all_pix2world(x, y, 0), 0)
    return (
        slice(math.floor(gy.min()), math.ceil(gy.max()) + 1),
        slice(math.floor(gx.min()), math.ceil(gx.max()) + 1),
    )


def mapped(
    wcs: WCS, target: GridTarget, rows: slice, columns: slice, *, tolerance: float
) -> Mapping:
    """Return where the pixels of a part of a grid fall on a frame.

    Parameters
    ----------
    wcs : WCS
        World coordinates of the frame.
    target : GridTarget
        The grid.
    rows, columns : slice
        The part, from the tangent point on.
    tolerance : float
        Largest error [pixel].
    """
    grid = projection(target)

    def place(x: Any, y: Any) -> Any:
        sky = grid.all_pix2world(x + columns.start, y + rows.start, 0)
        # outside the frame a polynomial may not be inverted: the mapping judges what comes back
        return wcs.all_world2pix(*sky, 0, quiet=True)

    shape = (rows.stop - rows.start, columns.stop - columns.start)
    return mapping(place, shape, tolerance=tolerance)

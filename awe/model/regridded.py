"""Frames on common grids of pixels: the grid, the regridded frame and its weight.

A pixel of such a frame has weight 0 where it may not be used: a reason bit other than
INTERPOLATED is set, or it is outside the frame.
"""

from __future__ import annotations

from typing import Any, ClassVar

from awe.db.objects.base import DBObject, persistent
from awe.model.observing import Astrom, ObservingBlock, Template
from awe.model.parameters import GridWeightFrameParameters, RegriddedFrameParameters
from awe.model.science import ReducedScienceFrame, ScienceProduct

__all__ = ["GridTarget", "GridWeightFrame", "RegriddedFrame"]


class GridTarget(DBObject):
    """A tangential projection of the sky that frames are regridded to, north up, east left."""

    ra = persistent("Right ascension of the tangent point [deg]", float, 0.0)
    dec = persistent("Declination of the tangent point [deg]", float, 0.0)
    pixelscale = persistent("Side of a pixel [arcsec]", float, 0.0)

    __order__: ClassVar[tuple[str, ...]] = ("dec", "ra")
    __indexes__: ClassVar[tuple[Any, ...]] = (("ra", "dec", "pixelscale"),)
    __sky__ = ("ra", "dec")

    def same(self, other: GridTarget) -> bool:
        """Return True if pixels of frames on this grid and on another are the same.

        Parameters
        ----------
        other : GridTarget
            The other one.
        """
        mine, theirs = ((g.ra, g.dec, g.pixelscale) for g in (self, other))
        return mine == theirs

    def astrom(self, columns: int = 0, rows: int = 0) -> Astrom:
        """Return the world coordinates of a frame on the grid.

        Parameters
        ----------
        columns, rows : int
            First column and row of the frame, counted from the tangent point [pixel].
        """
        side = self.pixelscale / 3600.0
        return Astrom(
            CRVAL1=self.ra, CRVAL2=self.dec, CRPIX1=1.0 - columns, CRPIX2=1.0 - rows,
            CD1_1=-side, CD2_2=side,
        )  # fmt: skip

    def arguments(self) -> str:
        """Return the arguments of Regrid that choose this target."""
        return f"gra={self.ra!r}, gdec={self.dec!r}, gps={self.pixelscale!r}"


class GridWeightFrame(ScienceProduct):
    """Relative weight of each pixel of a frame on a grid, 0 where it may not be used."""

    grid_target = persistent("Grid of the pixels [None]", GridTarget, None)
    astrom = persistent("World coordinates of the frame [None]", Astrom, None)
    process_params = persistent("Process parameters [None]", GridWeightFrameParameters, None)


class RegriddedFrame(ScienceProduct):
    """A reduced frame on a common grid of pixels; the light of a pixel is its sum [ADU]."""

    reduced = persistent("Reduced frame it was made of [None]", ReducedScienceFrame, None)
    grid_target = persistent("Grid of the pixels [None]", GridTarget, None)
    weight = persistent("Weight of the pixels [None]", GridWeightFrame, None)
    astrom = persistent("World coordinates, linear only [None]", Astrom, None)
    observing_block = persistent("Block the frame was taken in [None]", ObservingBlock, None)
    template = persistent("Template the frame was taken with [None]", Template, None)
    EXPTIME = persistent("Exposure time [sec]", float, 0.0)
    FLXSCALE = persistent("Factor to one flux scale, 1 without photometry [None]", float, 1.0)
    gain = persistent("Gain of the pixels [e-/ADU]", float, 0.0)
    background = persistent("Median of the sky that was subtracted [ADU]", float, 0.0)
    background_noise = persistent("Noise of a pixel of the sky [ADU]", float, 0.0)
    correlation = persistent(
        "How much larger the noise of a large area is than its pixels tell [None]", float, 1.0
    )
    area = persistent("Mean area of a pixel [pixel of the reduced frame]", float, 0.0)
    zeropnt = persistent("Magnitude of 1 ADU/s, none without photometry [mag]", float, None)
    zeropnt_error = persistent("Error of the zero point [mag]", float, None)
    psf_radius = persistent(
        "Full width of a star at half its maximum, none where none can be told [arcsec]",
        float,
        None,
    )
    process_params = persistent("Process parameters [None]", RegriddedFrameParameters, None)

    __indexes__: ClassVar[tuple[Any, ...]] = (
        ("instrument", "chip", "filter", "DATE_OBS"),
        "raw",
        "DATE_OBS",
        "reduced",
        "grid_target",
    )

"""Frames on common grids of pixels: the grid, regridded frames, their sums and weights.

A pixel of such a frame has weight 0 where it may not be used: a reason bit other than
INTERPOLATED is set, or it is outside the frame.
"""

from __future__ import annotations

import datetime
from typing import Any, ClassVar

from awe.db.objects.base import DBObject, behaviour, persistent
from awe.model.mixins import Product
from awe.model.observing import Astrom, Chip, Filter, Instrument, ObservingBlock, Template
from awe.model.parameters import (
    CoaddedRegriddedFrameParameters,
    GridWeightFrameParameters,
    RegriddedFrameParameters,
)
from awe.model.science import ReducedScienceFrame, ScienceProduct, SkyFrame

__all__ = ["CoaddedRegriddedFrame", "GridTarget", "GridWeightFrame", "RegriddedFrame"]


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


class RegriddedFrame(ScienceProduct, SkyFrame):
    """A reduced frame on a common grid of pixels; the light of a pixel is its sum [ADU]."""

    reduced = persistent("Reduced frame it was made of [None]", ReducedScienceFrame, None)
    astrom_params = persistent(
        "Solution that places its pixels, none: the coordinates of the reduced frame [None]",
        "AstrometricParameters",
        None,
    )
    photom = persistent(
        "Zero point of its chip, filter and night, none without photometry [None]",
        "PhotometricParameters",
        None,
    )
    choices = persistent("Zero point that was named: 'by hand: who' [None]", dict, {})
    grid_target = persistent("Grid of the pixels [None]", GridTarget, None)
    weight = persistent("Weight of the pixels [None]", GridWeightFrame, None)
    astrom = persistent("World coordinates, linear only [None]", Astrom, None)
    observing_block = persistent("Block the frame was taken in [None]", ObservingBlock, None)
    template = persistent("Template the frame was taken with [None]", Template, None)
    EXPTIME = persistent("Exposure time [sec]", float, 0.0)
    FLXSCALE = persistent(
        "Factor from ADU to the light of magnitude 0, 1 without photometry [1/ADU]", float, 1.0
    )
    gain = persistent("Gain of the pixels [e-/ADU]", float, 0.0)
    background = persistent("Median of the sky that was subtracted [ADU]", float, 0.0)
    background_noise = persistent("Noise of a pixel of the sky [ADU]", float, 0.0)
    correlation = persistent(
        "How much larger the noise of a large area is than its pixels tell [None]", float, 1.0
    )
    area = persistent("Mean area of a pixel [pixel of the reduced frame]", float, 0.0)
    zeropnt = persistent(
        "Magnitude of 1 ADU/s at the airmass of the frame, none without photometry [mag]",
        float,
        None,
    )
    zeropnt_error = persistent("Error of the zero point of this frame [mag]", float, None)
    mag_id = persistent(
        "Band of the magnitudes, with the camera where they are in its system [None]", str, ""
    )
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

    why = behaviour("awe.rules.made_from:why")


class CoaddedRegriddedFrame(Product, SkyFrame):
    """The mean of regridded frames of one filter on one grid [ADU/s]."""

    regridded_frames = persistent("Frames that are in it [None]", RegriddedFrame, [])
    instrument = persistent("Camera that took the frames [None]", Instrument, None)
    chip = persistent("Detector, where all frames are of one [None]", Chip, None)
    detectors = persistent("Detectors the frames are of [None]", Chip, [])
    filter = persistent("Filter of the exposures [None]", Filter, None)
    grid_target = persistent("Grid of the pixels [None]", GridTarget, None)
    weight = persistent("Weight of the pixels [None]", GridWeightFrame, None)
    astrom = persistent("World coordinates, linear only [None]", Astrom, None)
    observing_block = persistent("Block of the first frame [None]", ObservingBlock, None)
    template = persistent("Template of the first frame [None]", Template, None)
    OBJECT = persistent("Name of the target [None]", str, "")
    DATE_OBS = persistent("Start of the first exposure [UTC]", datetime.datetime, None)
    EXPTIME = persistent("Exposure time of all exposures together [sec]", float, 0.0)
    NAXIS1 = persistent("Columns of the frame [pixel]", int, 0)
    NAXIS2 = persistent("Rows of the frame [pixel]", int, 0)
    gain = persistent("Photons where all frames are, per ADU/s [e-/ADU]", float, 0.0)
    background_noise = persistent(
        "Noise of a pixel of the sky where all frames are [ADU/s]", float, 0.0
    )
    correlation = persistent(
        "How much larger the noise of a large area is than its pixels tell [None]", float, 1.0
    )
    zeropnt = persistent("Magnitude of 1 ADU/s, none without photometry [mag]", float, None)
    zeropnt_error = persistent("Error of the zero point [mag]", float, None)
    mag_id = persistent(
        "Band of the magnitudes, with the camera where they are in its system [None]", str, ""
    )
    psf_radius = persistent(
        "Full width of a star at half its maximum, none where none can be told [arcsec]",
        float,
        None,
    )
    psf_radii_per_detector = persistent(
        "Median width of the stars in the frames of each detector, 0 for none [arcsec]", float, []
    )
    contributions = persistent(
        "Of every frame, in or out: weight, pixels used, comparison of its stars [None]", dict, {}
    )
    prev = persistent("Previous version [None]", "CoaddedRegriddedFrame", None)
    process_params = persistent(
        "Process parameters [None]", CoaddedRegriddedFrameParameters, None
    )

    __order__: ClassVar[tuple[str, ...]] = ("DATE_OBS",)
    __indexes__: ClassVar[tuple[Any, ...]] = (("instrument", "filter", "DATE_OBS"), "DATE_OBS")

    verify = behaviour("awe.rules.quality:verify")
    compare = behaviour("awe.rules.comparison:compare")
    plot = behaviour("awe.inspect.quality:plot")
    losses = behaviour("awe.rules.losses:losses")
    colour_picture = behaviour("awe.inspect.colours:colour_picture")
    why = behaviour("awe.rules.made_from:why")

"""Astrometric solutions: where on the sky the pixels of a reduced frame are, and how well.

A solution was verified when it was made, or it was not made: there is none with an RMS of 0.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from awe import fits
from awe.db.objects.base import behaviour, persistent
from awe.model.data import DataObject
from awe.model.mixins import FromReduced, Product
from awe.model.observing import Chip, Filter, Instrument, ObservingBlock, Template
from awe.model.photparameters import GAstrometricParameters
from awe.model.science import ReducedScienceFrame
from awe.model.skyparameters import AstrometricParametersParameters
from awe.model.sources import SourceList

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.table import Table
    from astropy.wcs import WCS

__all__ = ["AstrometricParameters", "GAstrometric"]

#: numbers of the terms of TPV up to the third degree
_TERMS = range(11)


def _term(axis: int, number: int) -> Any:
    return persistent(f"Term {number} of the distortion along axis {axis} [None]", float, 0.0)


class AstrometricParameters(FromReduced, DataObject):
    """The astrometric solution of a reduced frame; its file has the residuals of the stars."""

    reduced = persistent("Frame that was solved [None]", ReducedScienceFrame, None)
    instrument = persistent("Camera that took the frame [None]", Instrument, None)
    chip = persistent("Detector of the frame [None]", Chip, None)
    filter = persistent("Filter of the exposure [None]", Filter, None)
    observing_block = persistent("Block the frame was taken in [None]", ObservingBlock, None)
    template = persistent("Template the frame was taken with [None]", Template, None)
    OBJECT = persistent("Name of the target [None]", str, "")
    DATE_OBS = persistent("Start of the observation [UTC]", datetime.datetime, None)
    refcat = persistent("Reference catalogue [None]", SourceList, None)
    refcat_slid = persistent("Number of the reference catalogue [None]", int, 0)
    CTYPE1 = persistent("Kind of the first coordinate [None]", str, "RA---TPV")
    CTYPE2 = persistent("Kind of the second coordinate [None]", str, "DEC--TPV")
    CRVAL1 = persistent("Right ascension of the reference point [deg]", float, 0.0)
    CRVAL2 = persistent("Declination of the reference point [deg]", float, 0.0)
    CRPIX1 = persistent("Column of the reference point, counted from 1 [pixel]", float, 0.0)
    CRPIX2 = persistent("Row of the reference point, counted from 1 [pixel]", float, 0.0)
    CD1_1 = persistent("Change of the first coordinate along x [deg/pixel]", float, 0.0)
    CD1_2 = persistent("Change of the first coordinate along y [deg/pixel]", float, 0.0)
    CD2_1 = persistent("Change of the second coordinate along x [deg/pixel]", float, 0.0)
    CD2_2 = persistent("Change of the second coordinate along y [deg/pixel]", float, 0.0)
    PV1_0, PV1_1, PV1_2, PV1_3 = (_term(1, n) for n in range(4))
    PV1_4, PV1_5, PV1_6, PV1_7 = (_term(1, n) for n in range(4, 8))
    PV1_8, PV1_9, PV1_10 = (_term(1, n) for n in range(8, 11))
    PV2_0, PV2_1, PV2_2, PV2_3 = (_term(2, n) for n in range(4))
    PV2_4, PV2_5, PV2_6, PV2_7 = (_term(2, n) for n in range(4, 8))
    PV2_8, PV2_9, PV2_10 = (_term(2, n) for n in range(8, 11))
    NREF = persistent("Reference stars used [None]", int, 0)
    RMS = persistent("Rms distance of stars and reference [arcsec]", float, 0.0)
    RMS_LEFT_OUT = persistent(
        "The same of stars left out of the fit, none where too few are there [arcsec]", float, None
    )
    MEAN_DRA = persistent("Mean of reference minus frame, right ascension [arcsec]", float, 0.0)
    MEAN_DDEC = persistent("Mean of reference minus frame, declination [arcsec]", float, 0.0)
    SIGMA_DRA = persistent("Scatter of it, right ascension [arcsec]", float, 0.0)
    SIGMA_DDEC = persistent("Scatter of it, declination [arcsec]", float, 0.0)
    N_OVERLAP = persistent(
        "Stars also in other frames of a common solution, none of one alone [None]", int, None
    )
    RMS_OVERLAP = persistent(
        "Rms distance of those from their mean place in all frames [arcsec]", float, None
    )
    MEAN_DRA_OVERLAP = persistent("Mean of it, right ascension [arcsec]", float, None)
    MEAN_DDEC_OVERLAP = persistent("Mean of it, declination [arcsec]", float, None)
    SIGMA_DRA_OVERLAP = persistent("Scatter of it, right ascension [arcsec]", float, None)
    SIGMA_DDEC_OVERLAP = persistent("Scatter of it, declination [arcsec]", float, None)
    n_fit_parm = persistent("Numbers that were fitted [None]", int, 0)
    chance = persistent("So often such a match comes by chance, power of ten [None]", float, 0.0)
    turn = persistent("Turn of the coordinates of the header [deg]", float, 0.0)
    scale = persistent("Scale over that of the header [None]", float, 1.0)
    shift = persistent("Shift of the coordinates of the header [arcsec]", float, 0.0)
    flipped = persistent("Whether the header has the other sense [None]", bool, False)
    seeing = persistent("Width of stars of the frame, none if unknown [arcsec]", float, None)
    process_params = persistent(
        "Process parameters [None]", AstrometricParametersParameters, None
    )

    __order__: ClassVar[tuple[str, ...]] = ("DATE_OBS", "chip.name")
    __indexes__: ClassVar[tuple[Any, ...]] = ("reduced", "DATE_OBS")
    __sky__ = ("CRVAL1", "CRVAL2")

    def header(self) -> Header:
        """Return the cards of the solution, as TPV."""
        from astropy.io.fits import Header

        found = Header()
        for name in ("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2",
                     "CD2_1", "CD2_2"):  # fmt: skip
            found[name] = getattr(self, name)
        found["CUNIT1"] = found["CUNIT2"] = "deg"
        for axis in (1, 2):
            for number in _TERMS:
                found[f"PV{axis}_{number}"] = getattr(self, f"PV{axis}_{number}")
        return found

    def wcs(self) -> WCS:
        """Return the world coordinates of the solution."""
        return fits.wcs_of(self.header(), self.filename)

    def write_head(self, path: str | Path) -> Path:
        """Write the cards as lines, as SWarp reads them next to a frame, and return the path.

        Parameters
        ----------
        path : str or Path
            Name of the file; that of the frame with the ending `.head` is found by SWarp.
        """
        target = Path(path).expanduser()
        text = self.header().tostring(sep="\n", endcard=True, padding=False)
        target.write_text(text + "\n", encoding="ascii")
        return target

    @property
    def residuals(self) -> Table:
        """The stars used, with reference minus frame, from the file."""
        return fits.read_table(self._here(), "RESIDUALS")

    make = behaviour("awe.tasks.begun:make")
    inspect = behaviour("awe.inspect.quality:plot")

    @property
    def gastrom(self) -> GAstrometric | None:
        """The common solution of many frames this one is part of, None of one alone."""
        found: GAstrometric | None = GAstrometric.solutions.contains(self).max("creation_date")
        return found


class GAstrometric(Product, DataObject):
    """A common astrometric solution of frames that overlap; each frame has its own part of it.

    Its file has the stars seen in several frames, each with its distance from its mean place.
    """

    solutions = persistent("Solution of each frame [None]", AstrometricParameters, [])
    refcat = persistent("Reference catalogue [None]", SourceList, None)
    instrument = persistent("Camera that took the frames [None]", Instrument, None)
    chip = persistent("Detector, where all frames are of one [None]", Chip, None)
    filter = persistent("Filter of the exposures [None]", Filter, None)
    OBJECT = persistent("Name of the target [None]", str, "")
    DATE_OBS = persistent("Start of the first exposure [UTC]", datetime.datetime, None)
    NREF = persistent("Stars of frames with a reference [None]", int, 0)
    RMS = persistent("Rms distance of stars and reference [arcsec]", float, 0.0)
    N_OVERLAP = persistent("Stars of frames that are in other frames too [None]", int, 0)
    RMS_OVERLAP = persistent(
        "Rms distance of those from their mean place [arcsec]", float, 0.0
    )
    free = persistent("Numbers measured beyond those fitted [None]", int, 0)
    condition = persistent("Condition of the system that was solved [None]", float, 0.0)
    alone = persistent("Frames that overlap with no other [None]", str, [])
    process_params = persistent("Process parameters [None]", GAstrometricParameters, None)

    __order__: ClassVar[tuple[str, ...]] = ("DATE_OBS",)
    __indexes__: ClassVar[tuple[Any, ...]] = ("DATE_OBS",)

    verify = behaviour("awe.rules.quality:verify")
    compare = behaviour("awe.rules.comparison:compare")
    plot = behaviour("awe.inspect.quality:plot")
    why = behaviour("awe.rules.made_from:why")

    @property
    def residuals(self) -> Table:
        """The stars in several frames: RA, DEC, frame, Xpos, Ypos, DRA, DDEC, from the file."""
        return fits.read_table(self._here(), "OVERLAPS")

    inspect = behaviour("awe.inspect.quality:plot")

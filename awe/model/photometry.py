"""Photometry: standard stars in frames, the extinction of a night, the zero point of a chip.

A magnitude is zero point - 2.5 log10(light in the circle / second) - extinction * airmass, in the
system of the camera: that of the standards with the transformation. Zero points and extinctions
are calibrations: they are chosen by their range of validity.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from awe import fits
from awe.db.objects.base import DBObject, behaviour, persistent
from awe.lazy import class_behaviour
from awe.model.astrometry import AstrometricParameters
from awe.model.calibrations import FilterCalibration
from awe.model.data import DataObject
from awe.model.mixins import Calibration, FromReduced
from awe.model.observing import Chip, Filter, Instrument
from awe.model.photparameters import (
    AtmosphericExtinctionParameters,
    PhotometricParametersParameters,
    PhotSrcCatalogParameters,
    PhotTransformationParameters,
)
from awe.model.science import ReducedScienceFrame
from awe.model.sources import SourceList

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = [
    "AtmosphericExtinction",
    "NightCalibration",
    "PhotExtinctionCurve",
    "PhotSrcCatalog",
    "PhotTransformation",
    "PhotometricParameters",
    "Zeropoint",
]


class NightCalibration(Calibration, abstract=True):
    """A calibration of all chips of a camera in one filter."""

    instrument = persistent("Camera the calibration is for [None]", Instrument, None)
    filter = persistent("Filter the calibration is for [None]", Filter, None)
    mag_id = persistent("Band of the standards, such as SloanR [None]", str, "")
    choices = persistent("Calibrations that were named: 'by hand: who' [None]", dict, {})

    __order__: ClassVar[tuple[str, ...]] = ("creation_date",)
    __indexes__: ClassVar[tuple[Any, ...]] = (
        ("instrument", "filter", "timestamp_start", "timestamp_end"),
    )

    validity_days: ClassVar[int] = 0
    """Days before and after its night that a new object is valid for."""

    why = behaviour("awe.rules.validity:why")
    verify = behaviour("awe.rules.quality:verify")
    compare = behaviour("awe.rules.comparison:compare")
    plot = behaviour("awe.inspect.quality:plot")
    inspect = behaviour("awe.inspect.quality:plot")
    select = class_behaviour("awe.rules.select:calibration")
    get = class_behaviour("awe.tasks.nighttargets:get")

    @property
    def chip(self) -> None:
        """None: it is for all chips."""
        return


class PhotTransformation(NightCalibration):
    """From magnitudes of standards to those in the system of the camera.

    Magnitude = primary band + coefficient + color_term * (secondary - tertiary band).
    """

    coefficient = persistent("Constant that is added [mag]", float, 0.0)
    coefficient_error = persistent("Standard error of it [mag]", float, 0.0)
    color_term = persistent("Factor of the colour [None]", float, 0.0)
    color_term_error = persistent("Standard error of it [None]", float, 0.0)
    primary_band = persistent("Band of the magnitude, such as SloanR [None]", str, "")
    secondary_band = persistent("First band of the colour [None]", str, "")
    tertiary_band = persistent("Band that is subtracted from it [None]", str, "")
    process_params = persistent("Process parameters [None]", PhotTransformationParameters, None)
    prev = persistent("Previous version [None]", "PhotTransformation", None)


class PhotExtinctionCurve(DBObject):
    """How much the air dims at the zenith, by wavelength."""

    name = persistent("Name of the curve [None]", str, "")
    wavelengths = persistent("Wavelengths, rising [nm]", float, [])
    extinctions = persistent("Extinction there [mag/airmass]", float, [])

    __order__: ClassVar[tuple[str, ...]] = ("name",)

    def at(self, wavelength: float) -> float:
        """Return the extinction at a wavelength [mag/airmass], on straight lines in between.

        Parameters
        ----------
        wavelength : float
            Wavelength [nm].
        """
        points = sorted(zip(self.wavelengths, self.extinctions, strict=True))
        before = points[0]
        for point in points:
            if point[0] >= wavelength:
                span = point[0] - before[0]
                part = (wavelength - before[0]) / span if span > 0 else 0.0
                return before[1] + part * (point[1] - before[1])
            before = point
        return before[1]


class PhotSrcCatalog(FromReduced, DataObject):
    """The standard stars in a reduced frame, each with its raw zero point; its file has them."""

    frame = persistent("Frame the stars were measured in [None]", ReducedScienceFrame, None)
    refcat = persistent("Catalogue of the standards [None]", SourceList, None)
    transform = persistent("Transformation that was applied [None]", PhotTransformation, None)
    astrom_params = persistent(
        "Solution the places are from, none: the coordinates of the frame [None]",
        AstrometricParameters,
        None,
    )
    instrument = persistent("Camera that took the frame [None]", Instrument, None)
    chip = persistent("Detector of the frame [None]", Chip, None)
    filter = persistent("Filter of the exposure [None]", Filter, None)
    OBJECT = persistent("Name of the target [None]", str, "")
    DATE_OBS = persistent("Start of the observation [UTC]", datetime.datetime, None)
    mag_id = persistent("Band of the standards, such as SloanR [None]", str, "")
    airmass = persistent("Airmass in the middle of the exposure [None]", float, 0.0)
    source_count = persistent("Standard stars that agree [None]", int, 0)
    seeing = persistent("Full width of a star at half its maximum [arcsec]", float, 0.0)
    aperture = persistent("Diameter of the circle light is measured in [arcsec]", float, 0.0)
    sky_background = persistent("Brightness of the sky [ADU/s/arcsec2]", float, 0.0)
    raw_zeropnt = persistent(
        "Median of standard minus instrumental magnitude, extinction not taken off [mag]",
        float,
        0.0,
    )
    raw_zeropnt_scatter = persistent("Scatter of the stars about it [mag]", float, 0.0)
    process_params = persistent("Process parameters [None]", PhotSrcCatalogParameters, None)

    __order__: ClassVar[tuple[str, ...]] = ("DATE_OBS", "chip.name")
    __indexes__: ClassVar[tuple[Any, ...]] = ("frame", "DATE_OBS")

    @property
    def photsourcelist(self) -> Table:
        """The stars: index, RA, DEC, Xpos, Ypos, mag, mag_err, instmag, instmag_err, used."""
        return fits.read_table(self._here(), "STANDARDS")

    def get_list_of_raw_zeropoints(self) -> list[float]:
        """Return standard minus instrumental magnitude of every star that agrees [mag]."""
        table = self.photsourcelist
        used = table[table["used"]]
        return [float(value) for value in used["mag"] - used["instmag"]]

    make = behaviour("awe.tasks.begun:make")
    inspect = behaviour("awe.inspect.quality:plot")


class AtmosphericExtinction(NightCalibration):
    """How much a magnitude rises with each airmass, in one filter.

    `kind` says how it is known: `measured` from standards at several airmasses, `given`, or read
    off a `curve`.
    """

    validity_days = 1

    value = persistent("Extinction [mag/airmass]", float, 0.0)
    error = persistent("Standard error of it [mag/airmass]", float, 0.0)
    kind = persistent("How it is known: measured, given or curve [None]", str, "measured")
    photcats = persistent("Standards it was measured from [None]", PhotSrcCatalog, [])
    extinction_curve = persistent("Curve it was read off [None]", PhotExtinctionCurve, None)
    airmass_range = persistent("Range of airmass of the standards [None]", float, 0.0)
    source_count = persistent("Measurements of standards used [None]", int, 0)
    process_params = persistent(
        "Process parameters [None]", AtmosphericExtinctionParameters, None
    )
    prev = persistent("Previous version [None]", "AtmosphericExtinction", None)


class Zeropoint(DBObject):
    """A zero point and its error."""

    value = persistent("Magnitude of 1 ADU/s outside the atmosphere [mag]", float, 0.0)
    error = persistent(
        "Half of the range about it that holds the truth in 68 % of cases [mag]", float, 0.0
    )

    def __repr__(self) -> str:
        return f"<Zeropoint {self.value:.4f} +- {self.error:.4f} mag>"


class PhotometricParameters(FilterCalibration):
    """The zero point of a chip in a filter for a night, from standard stars."""

    validity_days = 0

    zeropnt = persistent("The zero point [None]", Zeropoint, None)
    photcats = persistent("Standard stars in each frame [None]", PhotSrcCatalog, [])
    extinction = persistent("Extinction that was taken off [None]", AtmosphericExtinction, None)
    mag_id = persistent("Band of the standards, such as SloanR [None]", str, "")
    airmass = persistent("Mean airmass of the standards [None]", float, 0.0)
    source_count = persistent("Standard stars used [None]", int, 0)
    star_scatter = persistent("Scatter from star to star [mag]", float, 0.0)
    frame_scatter = persistent("Scatter of the transparency from frame to frame [mag]", float, 0.0)
    process_params = persistent(
        "Process parameters [None]", PhotometricParametersParameters, None
    )
    prev = persistent("Previous version [None]", "PhotometricParameters", None)

    inspect = behaviour("awe.inspect.quality:plot")
    get = class_behaviour("awe.tasks.nighttargets:get")

    @property
    def photcat(self) -> PhotSrcCatalog | None:
        """The standard stars of the first frame."""
        found: list[PhotSrcCatalog] = self.photcats
        return found[0] if found else None

    def at_airmass(self, airmass: float) -> tuple[float, float]:
        """Return the magnitude of 1 ADU/s of one frame at an airmass, and its error [mag].

        The error has the change of the transparency from frame to frame in it; that of the
        extinction counts by how far the frame is from the airmass of the standards.

        Parameters
        ----------
        airmass : float
            Airmass in the middle of the exposure.
        """
        dims = self.extinction
        value, of_extinction = (dims.value, dims.error) if dims is not None else (0.0, 0.0)
        steadiness = max(self.frame_scatter, self.process_params.STEADINESS)
        of_standards = self.zeropnt.error**2 - (self.airmass * of_extinction) ** 2
        of_distance = (airmass - self.airmass) * of_extinction
        error = (max(of_standards, 0.0) + of_distance**2 + steadiness**2) ** 0.5
        return self.zeropnt.value - value * airmass, float(error)

    def magnitude(self, counts: float, exptime: float, airmass: float) -> float:
        """Return the magnitude of light, or of an array of it.

        Parameters
        ----------
        counts : float or ndarray
            Light [ADU].
        exptime : float
            Exposure time [sec].
        airmass : float
            Airmass of the exposure; without an extinction it makes no difference.
        """
        from numpy import log10

        taken = self.extinction.value * airmass if self.extinction is not None else 0.0
        found: float = self.zeropnt.value - 2.5 * log10(counts / exptime) - taken
        return found

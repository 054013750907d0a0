"""Where frames come from: instruments, chips, filters, templates, observing blocks, pointings.

These are small reference objects made at ingest and shared by many frames. How an
instrument's headers are read is in `awe.instruments`; here is only what one can query for.
"""

from __future__ import annotations

import datetime

from awe import instruments
from awe.db.objects.base import DBObject, persistent
from awe.model import cameras

__all__ = ["Astrom", "Chip", "Filter", "Instrument", "ObservingBlock", "Template"]

# a camera without a file here, as on the machine of a worker, may be described in the database
instruments.look_in(cameras.kept)


class Instrument(DBObject):
    """A camera at a telescope."""

    name = persistent("Name of the camera, for example OMEGACAM [None]", str, "")
    telescope = persistent("Name of the telescope [None]", str, "")
    description = persistent("One line about the camera [None]", str, "")
    utc_offset = persistent("Local time at the telescope minus UTC [hour]", float, 0.0)

    __order__ = ("name",)
    __indexes__ = ("name",)
    __unique__ = ("name",)
    __reference__ = True


class Chip(DBObject):
    """One detector of a camera."""

    name = persistent("Name of the detector, for example ESO_CCD_#65 [None]", str, "")
    instrument = persistent("Camera the detector is part of [None]", Instrument, None)
    NAXIS1 = persistent("Columns of a full raw frame, overscan included [pixel]", int, 0)
    NAXIS2 = persistent("Rows of a full raw frame, overscan included [pixel]", int, 0)
    gain = persistent("Nominal gain [e-/ADU]", float, 0.0)
    read_noise = persistent("Nominal read noise [ADU]", float, 0.0)

    __order__ = ("name",)
    __indexes__ = ("name",)
    __unique__ = ("name",)
    __reference__ = True


class Filter(DBObject):
    """An optical filter of a camera."""

    name = persistent("Name of the filter, for example OCAM_r_SDSS [None]", str, "")
    instrument = persistent("Camera the filter belongs to [None]", Instrument, None)
    mag_id = persistent("Name of the photometric band [None]", str, "")
    central_wavelength = persistent("Central wavelength [nm]", float, 0.0)

    __order__ = ("name",)
    __indexes__ = ("name",)
    __unique__ = ("name",)
    __reference__ = True


class Template(DBObject):
    """One execution of an observing template; all its exposures share `start`."""

    id = persistent("Identification of the template [None]", str, "")
    name = persistent("Name of the template [None]", str, "")
    start = persistent("Start of the template [UTC]", datetime.datetime, None)
    number_of_exposures = persistent("Exposures the template asks for [None]", int, 0)
    observing_strategy = persistent("How exposures are placed: dither, offset... [None]", str, "")

    __order__ = ("start",)
    __indexes__ = ("start",)


class ObservingBlock(DBObject):
    """The observing block a frame was taken in."""

    id = persistent("Identification of the block [None]", int, 0)
    name = persistent("Name of the block [None]", str, "")
    group = persistent("Group the block belongs to [None]", str, "")
    program_id = persistent("Identification of the observing programme [None]", str, "")
    dictionary_id = persistent("Dictionary the keywords follow [None]", str, "")
    PI_COI_id = persistent("Identification of the principal investigator [None]", int, 0)
    PI_COI_name = persistent("Name of the principal investigator [None]", str, "")
    start = persistent("Start of the block [UTC]", datetime.datetime, None)
    templates = persistent("Templates executed in the block [None]", Template, [])

    __order__ = ("start",)
    __indexes__ = ("name", "start")


class Astrom(DBObject):
    """A tangential (RA---TAN, DEC--TAN) world coordinate system."""

    CRVAL1 = persistent("Right ascension of the reference point [deg]", float, 0.0)
    CRVAL2 = persistent("Declination of the reference point [deg]", float, 0.0)
    CRPIX1 = persistent("Column of the reference point, counted from 1 [pixel]", float, 0.0)
    CRPIX2 = persistent("Row of the reference point, counted from 1 [pixel]", float, 0.0)
    CD1_1 = persistent("Change of the first coordinate along x [deg/pixel]", float, 0.0)
    CD1_2 = persistent("Change of the first coordinate along y [deg/pixel]", float, 0.0)
    CD2_1 = persistent("Change of the second coordinate along x [deg/pixel]", float, 0.0)
    CD2_2 = persistent("Change of the second coordinate along y [deg/pixel]", float, 0.0)

    __sky__ = ("CRVAL1", "CRVAL2")

    @property
    def corner(self) -> tuple[int, int]:
        """Row and column of the first pixel, counted from the reference point on."""
        return round(1 - self.CRPIX2), round(1 - self.CRPIX1)

    def shifted(self, columns: int, rows: int) -> Astrom:
        """Return the new system of a frame whose first columns and rows were cut off."""
        new = self.copy()
        new.CRPIX1 = self.CRPIX1 - columns
        new.CRPIX2 = self.CRPIX2 - rows
        return new

    def cards(self) -> dict[str, float | str]:
        """Return the FITS keywords of the system."""
        names = ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2")
        cards: dict[str, float | str] = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}
        cards |= {"CUNIT1": "deg", "CUNIT2": "deg"}
        return cards | {name: getattr(self, name) for name in names}

"""Raw frames: the pixels of one chip of one exposure as ingested, and the file they came in.

Attributes taken from headers are UPPER CASE, those awe makes are lower case. Raw frames are
never modified; their purpose is their class.
"""

from __future__ import annotations

import datetime
from typing import Any, ClassVar

from awe.db.objects.base import behaviour, persistent
from awe.model.data import DataObject
from awe.model.mixins import ProcessTarget
from awe.model.observing import Astrom, Chip, Filter, Instrument, ObservingBlock, Template
from awe.model.statistics import Imstat

__all__ = [
    "RawBiasFrame",
    "RawDarkFrame",
    "RawDomeFlatFrame",
    "RawFitsData",
    "RawFrame",
    "RawScienceFrame",
    "RawTwilightFlatFrame",
]


class RawFitsData(DataObject):
    """The multi-extension file of one exposure as the telescope delivered it."""

    instrument = persistent("Camera that took the exposure [None]", Instrument, None)
    DATE_OBS = persistent("Start of the exposure [UTC]", datetime.datetime, None)
    number_of_extensions = persistent("Image extensions in the file [None]", int, 0)
    checksum = persistent("SHA-256 of the file as delivered [None]", str, "")

    __order__ = ("DATE_OBS",)
    __indexes__ = ("checksum",)

    inspect = behaviour("awe.model.focalplane:inspect_file")


class RawFrame(ProcessTarget, DataObject, abstract=True):
    """What all raw frames have."""

    instrument = persistent("Camera that took the frame [None]", Instrument, None)
    chip = persistent("Detector of the frame [None]", Chip, None)
    raw_fits = persistent("File the frame was split from [None]", RawFitsData, None)
    extension = persistent("Number of the extension in that file [None]", int, 0)
    template = persistent("Template the frame was taken with [None]", Template, None)
    observing_block = persistent("Block the frame was taken in [None]", ObservingBlock, None)
    imstat = persistent("Statistics of the light-sensitive pixels [None]", Imstat, None)
    prescan_x_stat = persistent("Statistics of the prescan columns [None]", Imstat, None)
    prescan_y_stat = persistent("Statistics of the prescan rows [None]", Imstat, None)
    overscan_x_stat = persistent("Statistics of the overscan columns [None]", Imstat, None)
    overscan_y_stat = persistent("Statistics of the overscan rows [None]", Imstat, None)
    DATE = persistent("Moment the original file was written [UTC]", datetime.datetime, None)
    DATE_OBS = persistent("Start of the observation [UTC]", datetime.datetime, None)
    MJD_OBS = persistent("Start of the observation, JD - 2400000.5 [day]", float, 0.0)
    UTC = persistent("Start of the observation since midnight UTC [sec]", float, 0.0)
    LST = persistent("Local sidereal time at the start [sec]", float, 0.0)
    EXPTIME = persistent("Exposure time [sec]", float, 0.0)
    OBJECT = persistent("Name of the target [None]", str, "")
    OBSERVER = persistent("Name of the observer [None]", str, "")
    NAXIS1 = persistent("Columns of the frame [pixel]", int, 0)
    NAXIS2 = persistent("Rows of the frame [pixel]", int, 0)
    PRSCX = persistent("Prescan pixels in x [pixel]", int, 0)
    PRSCXPRE = persistent("Prescan pixels in x to skip at the chip's edge [pixel]", int, 0)
    PRSCXPST = persistent("Prescan pixels in x to skip at the data's edge [pixel]", int, 0)
    PRSCY = persistent("Prescan pixels in y [pixel]", int, 0)
    PRSCYPRE = persistent("Prescan pixels in y to skip at the chip's edge [pixel]", int, 0)
    PRSCYPST = persistent("Prescan pixels in y to skip at the data's edge [pixel]", int, 0)
    OVSCX = persistent("Overscan pixels in x [pixel]", int, 0)
    OVSCXPRE = persistent("Overscan pixels in x to skip at the chip's edge [pixel]", int, 0)
    OVSCXPST = persistent("Overscan pixels in x to skip at the data's edge [pixel]", int, 0)
    OVSCY = persistent("Overscan pixels in y [pixel]", int, 0)
    OVSCYPRE = persistent("Overscan pixels in y to skip at the chip's edge [pixel]", int, 0)
    OVSCYPST = persistent("Overscan pixels in y to skip at the data's edge [pixel]", int, 0)

    read_mode = persistent("Mode the detector was read in, none if unknown [None]", str, "")
    geometry = persistent(
        "Sections of the frame as read out, fields of ChipGeometry [pixel]", dict, {}
    )

    __order__: ClassVar[tuple[str, ...]] = ("DATE_OBS", "chip.name")
    __indexes__: ClassVar[tuple[Any, ...]] = (
        "DATE_OBS",
        ("chip", "DATE_OBS"),
        ("template", "chip"),
        "raw_fits",
        "OBJECT",
    )

    inspect = behaviour("awe.inspect.frame:inspect")
    examine = behaviour("awe.inspect.frame:examine")
    aperture = behaviour("awe.inspect.examination:aperture")
    radial = behaviour("awe.inspect.examination:radial")
    growth = behaviour("awe.inspect.examination:growth")


class RawBiasFrame(RawFrame):
    """A readout without exposure."""


class RawDarkFrame(RawFrame):
    """An exposure with the shutter closed."""


class RawDomeFlatFrame(RawFrame):
    """An exposure of the lit dome screen."""

    filter = persistent("Filter of the exposure [None]", Filter, None)


class RawTwilightFlatFrame(RawFrame):
    """An exposure of the twilight sky."""

    filter = persistent("Filter of the exposure [None]", Filter, None)
    MEAN_LOW = persistent("Lowest mean level accepted at ingest [ADU]", float, 0.0)
    MEAN_HIGH = persistent("Highest mean level accepted at ingest [ADU]", float, 65535.0)


class RawScienceFrame(RawFrame):
    """An exposure of the night sky."""

    filter = persistent("Filter of the exposure [None]", Filter, None)
    astrom = persistent("Nominal world coordinates from the header [None]", Astrom, None)
    AIRMSTRT = persistent("Airmass at the start of the exposure [None]", float, 0.0)
    AIRMEND = persistent("Airmass at the end of the exposure [None]", float, 0.0)

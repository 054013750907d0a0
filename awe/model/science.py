"""Science products of one chip: the reduced frame, its weight, and the pixel maps of the frame.

A pixel has weight 0 if and only if one of its reason bits is set (`awe.calib.flags.PixelFlag`,
stored in the extension MASK of the reduced frame).
"""

from __future__ import annotations

import datetime
from typing import Any, ClassVar

from awe.db.objects.base import DBObject, behaviour, persistent
from awe.lazy import resolve
from awe.model.calibrations import (
    BackgroundFrame,
    BaseFrame,
    BiasFrame,
    ColdPixelMap,
    DarkFrame,
    FringeFrame,
    GainLinearity,
    HotPixelMap,
    IlluminationCorrectionFrame,
    MasterFlatFrame,
    PixelMap,
    ReadNoise,
)
from awe.model.mixins import Product
from awe.model.observing import Astrom, Chip, Filter, Instrument, ObservingBlock, Template
from awe.model.parameters import (
    CosmicMapParameters,
    ReducedScienceFrameParameters,
    SatelliteMapParameters,
    SaturatedPixelMapParameters,
    WeightFrameParameters,
)
from awe.model.raw import RawScienceFrame

__all__ = [
    "CosmicMap",
    "ReducedScienceFrame",
    "SatelliteMap",
    "SatelliteTrack",
    "SaturatedPixelMap",
    "SkyFrame",
    "WeightFrame",
]


class SkyFrame(BaseFrame, abstract=True):
    """A frame whose sources can be listed: reduced, regridded, or a mean of regridded ones."""

    instrument = persistent("Camera that took the frame [None]", Instrument, None)
    chip = persistent("Detector of the frame [None]", Chip, None)
    filter = persistent("Filter of the exposure [None]", Filter, None)
    OBJECT = persistent("Name of the target [None]", str, "")
    DATE_OBS = persistent("Start of the observation [UTC]", datetime.datetime, None)
    NAXIS1 = persistent("Columns of the frame [pixel]", int, 0)
    NAXIS2 = persistent("Rows of the frame [pixel]", int, 0)
    astrom = persistent("World coordinates of the frame [None]", Astrom, None)
    observing_block = persistent("Block the frame was taken in [None]", ObservingBlock, None)
    template = persistent("Template the frame was taken with [None]", Template, None)
    EXPTIME = persistent("Exposure time [sec]", float, 0.0)
    psf_radius = persistent(
        "Full width of a star at half its maximum, none where none can be told [arcsec]",
        float,
        None,
    )


class ScienceProduct(Product, BaseFrame, abstract=True):
    """What is made from one raw science frame; it carries the raw frame's identity."""

    raw = persistent("Raw science frame [None]", RawScienceFrame, None)
    instrument = persistent("Camera that took the frame [None]", Instrument, None)
    chip = persistent("Detector of the frame [None]", Chip, None)
    filter = persistent("Filter of the exposure [None]", Filter, None)
    OBJECT = persistent("Name of the target [None]", str, "")
    DATE_OBS = persistent("Start of the observation [UTC]", datetime.datetime, None)
    NAXIS1 = persistent("Columns of the frame [pixel]", int, 0)
    NAXIS2 = persistent("Rows of the frame [pixel]", int, 0)

    __order__: ClassVar[tuple[str, ...]] = ("DATE_OBS", "chip.name")
    __indexes__: ClassVar[tuple[Any, ...]] = ("raw", "DATE_OBS")

    @classmethod
    def get(cls, *, raw: Any, make: bool = False, dry: bool = False) -> Any:
        """Return the product of a raw frame that is up to date; see `awe.tasks.targets.get`.

        Parameters
        ----------
        raw : RawScienceFrame or str
            The raw frame, or its filename.
        make : bool
            Whether to make it, and every calibration it lacks, and commit them; the plan is
            printed first.
        dry : bool
            Whether, with `make`, only the plan is printed.
        """
        return resolve("awe.tasks.targets:get")(cls, raw=raw, make=make, dry=dry)

    verify = behaviour("awe.rules.quality:verify")
    compare = behaviour("awe.rules.comparison:compare")
    plot = behaviour("awe.inspect.quality:plot")


class SaturatedPixelMap(ScienceProduct, PixelMap):
    """Saturated pixels, their bleeding trails and dead neighbours; 1 = good, 0 = bad."""

    process_params = persistent("Process parameters [None]", SaturatedPixelMapParameters, None)


class CosmicMap(ScienceProduct, PixelMap):
    """Pixels hit by cosmic rays; 1 = good, 0 = hit."""

    events = persistent("Number of separate hits [None]", int, 0)
    process_params = persistent("Process parameters [None]", CosmicMapParameters, None)


class SatelliteTrack(DBObject):
    """The straight track of a satellite or aeroplane over one frame."""

    raw = persistent("Raw science frame [None]", RawScienceFrame, None)
    instrument = persistent("Camera that took the frame [None]", Instrument, None)
    chip = persistent("Detector of the frame [None]", Chip, None)
    DATE_OBS = persistent("Start of the observation [UTC]", datetime.datetime, None)
    x_start = persistent("Column where the track enters, counted from 1 [pixel]", float, 0.0)
    y_start = persistent("Row where the track enters, counted from 1 [pixel]", float, 0.0)
    x_end = persistent("Column where the track leaves, counted from 1 [pixel]", float, 0.0)
    y_end = persistent("Row where the track leaves, counted from 1 [pixel]", float, 0.0)
    width = persistent("Full width of the track at half its maximum [pixel]", float, 0.0)
    brightness = persistent("Median brightness along the middle, above the sky [ADU]", float, 0.0)
    significance = persistent("Signal over noise of the whole track [None]", float, 0.0)

    __order__ = ("DATE_OBS", "chip.name")
    __indexes__ = ("raw", "DATE_OBS")


class SatelliteMap(ScienceProduct, PixelMap):
    """Pixels under satellite tracks; 1 = good, 0 = bad."""

    tracks = persistent("Tracks found [None]", SatelliteTrack, [])
    process_params = persistent("Process parameters [None]", SatelliteMapParameters, None)


class WeightFrame(ScienceProduct):
    """Relative weight of each pixel: the flat times all maps, 0 where a pixel is bad."""

    flat = persistent("Flat the weight follows [None]", MasterFlatFrame, None)
    hot = persistent("Hot pixels [None]", HotPixelMap, None)
    cold = persistent("Cold pixels [None]", ColdPixelMap, None)
    saturated = persistent("Saturated pixels [None]", SaturatedPixelMap, None)
    cosmic = persistent("Cosmic rays [None]", CosmicMap, None)
    satellite = persistent("Satellite tracks [None]", SatelliteMap, None)
    process_params = persistent("Process parameters [None]", WeightFrameParameters, None)


class ReducedScienceFrame(ScienceProduct, SkyFrame):
    """A science frame with the marks of the camera removed [ADU]."""

    bias = persistent("Bias subtracted [None]", BiasFrame, None)
    dark = persistent("Dark subtracted, or whose glow is flagged [None]", DarkFrame, None)
    flat = persistent("Flat divided by [None]", MasterFlatFrame, None)
    weight = persistent("Weight of the pixels [None]", WeightFrame, None)
    hot = persistent("Hot pixels [None]", HotPixelMap, None)
    cold = persistent("Cold pixels [None]", ColdPixelMap, None)
    fringe = persistent("Fringe pattern subtracted, if any [None]", FringeFrame, None)
    illumination = persistent(
        "Illumination correction divided by, if any [None]", IlluminationCorrectionFrame, None
    )
    back = persistent("Background subtracted, if any [None]", BackgroundFrame, None)
    read_noise = persistent(
        "Object whose read noise the variance has, none: the nominal one, RDNOISE [None]",
        ReadNoise,
        None,
    )
    gain = persistent(
        "Object whose gain the variance has, none: the nominal one, GAIN [None]",
        GainLinearity,
        None,
    )
    astrom = persistent("World coordinates of the trimmed frame [None]", Astrom, None)
    observing_block = persistent("Block the frame was taken in [None]", ObservingBlock, None)
    template = persistent("Template the frame was taken with [None]", Template, None)
    EXPTIME = persistent("Exposure time [sec]", float, 0.0)
    AIRMSTRT = persistent("Airmass at the start of the exposure [None]", float, 0.0)
    AIRMEND = persistent("Airmass at the end of the exposure [None]", float, 0.0)
    psf_radius = persistent(
        "Full width of a star at half its maximum, none where none can be told [arcsec]",
        float,
        None,
    )
    choices = persistent(
        "How each calibration was chosen: 'validity' or 'by hand: who' [None]", dict, {}
    )
    process_params = persistent("Process parameters [None]", ReducedScienceFrameParameters, None)

    __indexes__: ClassVar[tuple[Any, ...]] = (
        ("instrument", "chip", "filter", "DATE_OBS"),
        "raw",
        "DATE_OBS",
        "bias",
        "flat",
        "imstat",
    )

    why = behaviour("awe.rules.validity:why")

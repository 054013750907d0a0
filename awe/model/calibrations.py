"""Calibration products: from read noise to master flats, with the frames they were made from.

Every class links to its inputs, to the parameters it was made with and to the previous version
of itself. Images are ADU; flats have mean 1 and divide; pixel maps are 1 = good and 0 = bad.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from awe.db.objects.base import DBObject, behaviour, persistent, registry
from awe.errors import Refused
from awe.lazy import class_behaviour
from awe.model.data import DataObject
from awe.model.mixins import Calibration
from awe.model.observing import Chip, Filter, Instrument, ObservingBlock, Template
from awe.model.parameters import (
    BackgroundFrameParameters,
    BiasFrameParameters,
    ColdPixelMapParameters,
    DarkCurrentParameters,
    DomeFlatFrameParameters,
    FringeFrameParameters,
    GainLinearityParameters,
    HotPixelMapParameters,
    IlluminationCorrectionParameters,
    MasterFlatFrameParameters,
    NightSkyFlatFrameParameters,
    QuickCheckFrameParameters,
    ReadNoiseParameters,
    TwilightFlatFrameParameters,
)
from awe.model.raw import (
    RawBiasFrame,
    RawDarkFrame,
    RawDomeFlatFrame,
    RawFrame,
    RawScienceFrame,
    RawTwilightFlatFrame,
)
from awe.model.statistics import Imstat

__all__ = [
    "BackgroundFrame",
    "BaseFlatFrame",
    "BaseFrame",
    "BiasFrame",
    "ColdPixelMap",
    "DarkCurrent",
    "DarkFrame",
    "DomeFlatFrame",
    "FringeFrame",
    "GainLinearity",
    "HotPixelMap",
    "IlluminationCorrection",
    "IlluminationCorrectionFrame",
    "MasterFlatFrame",
    "NightSkyFlatFrame",
    "PixelMap",
    "QuickCheckFrame",
    "ReadNoise",
    "RejectedInput",
    "TwilightFlatFrame",
]


class RejectedInput(DBObject):
    """A raw frame that was requested but left out of a calibration, and why."""

    product = persistent("Calibration it was left out of [None]", uuid.UUID, None)
    filename = persistent("Name of the raw frame [None]", str, "")
    reason = persistent("Why it was left out [None]", str, "")

    __indexes__: ClassVar[tuple[Any, ...]] = ("product", "filename")


class ChipCalibration(Calibration, abstract=True):
    """A calibration of one chip: every one can be chosen by instrument, chip and date."""

    instrument = persistent("Camera the calibration is for [None]", Instrument, None)
    chip = persistent("Detector the calibration is for [None]", Chip, None)
    shows = persistent("Part of the chip it shows: x, y, nx, ny, binning [pixel]", dict, {})
    read_mode = persistent("Mode the detector was read in, none if unknown [None]", str, "")
    choices = persistent("Calibrations that were named: 'by hand: who' [None]", dict, {})

    __order__: ClassVar[tuple[str, ...]] = ("creation_date", "chip.name")
    __indexes__: ClassVar[tuple[Any, ...]] = (
        ("instrument", "chip", "timestamp_start", "timestamp_end"),
    )

    validity_days: ClassVar[int] = 7
    """Days before and after its night that a new object is valid for."""

    why = behaviour("awe.rules.validity:why")
    affects = behaviour("awe.rules.affected:affects")
    verify = behaviour("awe.rules.quality:verify")
    compare = behaviour("awe.rules.comparison:compare")
    rejected_inputs = behaviour("awe.rules.quality:rejected_inputs")
    plot = behaviour("awe.inspect.quality:plot")
    select = class_behaviour("awe.rules.select:calibration")


class FilterCalibration(ChipCalibration, abstract=True):
    """A calibration of one chip in one filter."""

    filter = persistent("Filter the calibration is for [None]", Filter, None)

    __indexes__: ClassVar[tuple[Any, ...]] = (
        ("instrument", "chip", "filter", "timestamp_start", "timestamp_end"),
    )


class BaseFrame(DataObject, abstract=True):
    """A file with the pixels of one chip.

    `BaseFrame(pathname='any.fits')` wraps a local file, so that `inspect()`, `data`, `header`,
    `wcs` and `to_ccddata()` work on it; it has no database and cannot be committed.
    """

    __instantiable__: ClassVar[bool] = True

    imstat = persistent("Statistics of the frame [None]", Imstat, None)

    inspect = behaviour("awe.inspect.frame:inspect")
    examine = behaviour("awe.inspect.frame:examine")
    aperture = behaviour("awe.inspect.examination:aperture")
    radial = behaviour("awe.inspect.examination:radial")
    growth = behaviour("awe.inspect.examination:growth")

    def _ready(self) -> None:
        super()._ready()
        if type(self).__name__ not in registry:
            msg = (
                f"{self.filename}: a {type(self).__name__} wraps a local file and is not stored; "
                "make an object of a class of its own, for example BiasFrame(pathname=...)"
            )
            raise Refused(msg)


class BaseFlatFrame(FilterCalibration, BaseFrame, abstract=True):
    """A flat field: mean 1, science frames are divided by it."""

    NAXIS1 = persistent("Columns of the frame [pixel]", int, 0)
    NAXIS2 = persistent("Rows of the frame [pixel]", int, 0)
    noise = persistent("Expected relative noise of a pixel [None]", float, 0.0)
    observing_block = persistent("Block of the first input [None]", ObservingBlock, None)
    template = persistent("Template of the first input [None]", Template, None)


class PixelMap(BaseFrame, abstract=True):
    """A map of pixels, 1 = good and 0 = bad."""

    count = persistent("Number of bad pixels [pixel]", int, 0)


class ReadNoise(ChipCalibration):
    """Read noise of a chip, from the differences of pairs of bias frames."""

    validity_days = 14

    raw_bias_frames = persistent("Pairs of raw biases measured [None]", RawBiasFrame, [])
    read_noise = persistent("Read noise: rms of the differences over sqrt(2) [ADU]", float, 0.0)
    amplifier_read_noises = persistent(
        "Read noise by amplifier, in counts of each, where there are several [ADU]", float, []
    )
    mean_diff = persistent("Mean of the differences [ADU]", float, 0.0)
    median_diff = persistent("Median of the differences [ADU]", float, 0.0)
    prev = persistent("Previous version [None]", "ReadNoise", None)
    process_params = persistent("Process parameters [None]", ReadNoiseParameters, None)
    observing_block = persistent("Block of the first input [None]", ObservingBlock, None)


class BiasFrame(ChipCalibration, BaseFrame):
    """Master bias: the clipped mean of trimmed, overscan-corrected raw biases [ADU]."""

    validity_days = 3

    raw_bias_frames = persistent("Raw biases combined [None]", RawBiasFrame, [])
    read_noise = persistent("Read noise the outliers were judged by [None]", ReadNoise, None)
    prev = persistent("Previous version [None]", "BiasFrame", None)
    observing_block = persistent("Block of the first input [None]", ObservingBlock, None)
    process_params = persistent("Process parameters [None]", BiasFrameParameters, None)


class DarkFrame(ChipCalibration, BaseFrame):
    """Master dark for an exposure of 1 s, bias subtracted [ADU/s]."""

    validity_days = 14

    raw_dark_frames = persistent("Raw darks combined [None]", RawDarkFrame, [])
    bias = persistent("Bias subtracted [None]", BiasFrame, None)
    prev = persistent("Previous version [None]", "DarkFrame", None)
    process_params = persistent("Process parameters [None]", DarkCurrentParameters, None)


class DarkCurrent(ChipCalibration):
    """Dark current and rate of particle hits of a chip."""

    validity_days = 14

    raw_dark_frames = persistent("Raw darks measured [None]", RawDarkFrame, [])
    bias = persistent("Bias subtracted [None]", BiasFrame, None)
    dark = persistent("Master dark made from the same frames [None]", DarkFrame, None)
    dark_current = persistent(
        "Mean dark current without hot pixels [ADU/pixel/hour]", float, 0.0
    )
    particle_rate = persistent("Rate of particle hits [1/cm^2/min]", float, 0.0)
    prev = persistent("Previous version [None]", "DarkCurrent", None)
    process_params = persistent("Process parameters [None]", DarkCurrentParameters, None)


class GainLinearity(ChipCalibration):
    """Gain by photon transfer and deviation from a linear response."""

    validity_days = 14

    raw_dome_flat_frames = persistent("Pairs of dome flats measured [None]", RawDomeFlatFrame, [])
    bias = persistent("Bias subtracted [None]", BiasFrame, None)
    gain = persistent("Gain [e-/ADU]", float, 0.0)
    gain_error = persistent("Standard error of the gain [e-/ADU]", float, 0.0)
    read_noise = persistent("Read noise from the same fit [ADU]", float, 0.0)
    linearity = persistent("Largest deviation from a linear response [None]", float, 0.0)
    curvature = persistent("Counts = rate t (1 + curvature rate t) [1/ADU]", float, 0.0)
    amplifier_gains = persistent(
        "Gain by amplifier, for counts of each, where there are several [e-/ADU]", float, []
    )
    amplifier_curvatures = persistent(
        "Curvature by amplifier, for counts of each, where there are several [1/ADU]", float, []
    )
    prev = persistent("Previous version [None]", "GainLinearity", None)
    process_params = persistent("Process parameters [None]", GainLinearityParameters, None)


class HotPixelMap(ChipCalibration, PixelMap):
    """Pixels with excess signal in the master bias; 1 = good, 0 = hot."""

    validity_days = 3

    bias = persistent("Bias searched [None]", BiasFrame, None)
    prev = persistent("Previous version [None]", "HotPixelMap", None)
    process_params = persistent("Process parameters [None]", HotPixelMapParameters, None)


class DomeFlatFrame(BaseFlatFrame):
    """Dome flat, mean 1."""

    validity_days = 4

    raw_dome_flat_frames = persistent("Raw dome flats combined [None]", RawDomeFlatFrame, [])
    bias = persistent("Bias subtracted [None]", BiasFrame, None)
    hot = persistent("Hot pixels left out [None]", HotPixelMap, None)
    prev = persistent("Previous version [None]", "DomeFlatFrame", None)
    process_params = persistent("Process parameters [None]", DomeFlatFrameParameters, None)


class ColdPixelMap(FilterCalibration, PixelMap):
    """Pixels that respond differently from their neighbours; 1 = good, 0 = cold."""

    validity_days = 4

    flat = persistent("Dome flat searched [None]", DomeFlatFrame, None)
    prev = persistent("Previous version [None]", "ColdPixelMap", None)
    process_params = persistent("Process parameters [None]", ColdPixelMapParameters, None)


class TwilightFlatFrame(BaseFlatFrame):
    """Twilight flat, mean 1."""

    raw_twilight_flat_frames = persistent(
        "Raw twilight flats combined [None]", RawTwilightFlatFrame, []
    )
    bias = persistent("Bias subtracted [None]", BiasFrame, None)
    hot = persistent("Hot pixels left out [None]", HotPixelMap, None)
    cold = persistent("Cold pixels left out [None]", ColdPixelMap, None)
    prev = persistent("Previous version [None]", "TwilightFlatFrame", None)
    process_params = persistent("Process parameters [None]", TwilightFlatFrameParameters, None)


class NightSkyFlatFrame(BaseFlatFrame):
    """Correction of the flat from many science frames of blank sky, mean 1."""

    validity_days = 15

    raw_science_frames = persistent("Raw science frames combined [None]", RawScienceFrame, [])
    bias = persistent("Bias subtracted [None]", BiasFrame, None)
    flat = persistent("Flat divided by before combining [None]", "MasterFlatFrame", None)
    hot = persistent("Hot pixels left out [None]", HotPixelMap, None)
    cold = persistent("Cold pixels left out [None]", ColdPixelMap, None)
    prev = persistent("Previous version [None]", "NightSkyFlatFrame", None)
    process_params = persistent("Process parameters [None]", NightSkyFlatFrameParameters, None)


class MasterFlatFrame(BaseFlatFrame):
    """The flat science frames are divided by: dome for small, twilight for large scales."""

    dome = persistent("Dome flat, small scales [None]", DomeFlatFrame, None)
    twilight = persistent("Twilight flat, large scales [None]", TwilightFlatFrame, None)
    nightsky = persistent("Night-sky correction [None]", NightSkyFlatFrame, None)
    cold = persistent("Cold pixels left out of the smoothing [None]", ColdPixelMap, None)
    combine = persistent("How dome and twilight were combined, 1 to 3 [None]", int, 1)
    prev = persistent("Previous version [None]", "MasterFlatFrame", None)
    process_params = persistent("Process parameters [None]", MasterFlatFrameParameters, None)


class FringeFrame(FilterCalibration, BaseFrame):
    """Fringe pattern from many science frames, scaled to the sky."""

    validity_days = 15

    raw_science_frames = persistent("Raw science frames combined [None]", RawScienceFrame, [])
    bias = persistent("Bias subtracted [None]", BiasFrame, None)
    flat = persistent("Flat divided by [None]", MasterFlatFrame, None)
    hot = persistent("Hot pixels left out [None]", HotPixelMap, None)
    cold = persistent("Cold pixels left out [None]", ColdPixelMap, None)
    prev = persistent("Previous version [None]", "FringeFrame", None)
    process_params = persistent("Process parameters [None]", FringeFrameParameters, None)


class IlluminationCorrection(FilterCalibration):
    """Coefficients of the large-scale surface that the flat gets wrong."""

    validity_days = 90

    raw_science_frames = persistent("Frames of the dithered field [None]", RawScienceFrame, [])
    coefficients = persistent("Polynomial in normalised x and y, row by row [None]", float, [])
    degree = persistent("Degree of the polynomial in x and y [None]", int, 0)
    stars = persistent("Number of stars the fit used [None]", int, 0)
    rms = persistent("Scatter of the stars about the surface [mag]", float, 0.0)
    prev = persistent("Previous version [None]", "IlluminationCorrection", None)
    process_params = persistent(
        "Process parameters [None]", IlluminationCorrectionParameters, None
    )


class IlluminationCorrectionFrame(FilterCalibration, BaseFrame):
    """The illumination correction as an image, mean 1; science frames are divided by it."""

    validity_days = 90

    illumination_correction = persistent(
        "Coefficients the image was drawn from [None]", IlluminationCorrection, None
    )
    prev = persistent("Previous version [None]", "IlluminationCorrectionFrame", None)
    process_params = persistent(
        "Process parameters [None]", IlluminationCorrectionParameters, None
    )


class BackgroundFrame(FilterCalibration, BaseFrame):
    """The smooth sky background of one science frame [ADU]."""

    validity_days = 0

    raw = persistent("Raw science frame [None]", RawScienceFrame, None)
    bias = persistent("Bias subtracted [None]", BiasFrame, None)
    flat = persistent("Flat divided by [None]", MasterFlatFrame, None)
    prev = persistent("Previous version [None]", "BackgroundFrame", None)
    process_params = persistent("Process parameters [None]", BackgroundFrameParameters, None)


class QuickCheckFrame(FilterCalibration, BaseFrame):
    """A single dome flat divided by the master, to see at once that the camera is well."""

    validity_days = 0

    raw = persistent("Raw dome flat checked [None]", RawDomeFlatFrame, None)
    bias = persistent("Bias subtracted [None]", BiasFrame, None)
    flat = persistent("Dome flat compared with [None]", DomeFlatFrame, None)
    lamp_ratio = persistent("Level relative to the frames of the master [None]", float, 0.0)
    prev = persistent("Previous version [None]", "QuickCheckFrame", None)
    process_params = persistent("Process parameters [None]", QuickCheckFrameParameters, None)


RAW_INPUTS: dict[str, type[RawFrame]] = {
    "raw_bias_frames": RawBiasFrame,
    "raw_dark_frames": RawDarkFrame,
    "raw_dome_flat_frames": RawDomeFlatFrame,
    "raw_twilight_flat_frames": RawTwilightFlatFrame,
    "raw_science_frames": RawScienceFrame,
}

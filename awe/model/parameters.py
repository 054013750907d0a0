"""Every process parameter, declared once: default, unit, range, choices and meaning.

One persistent class per product class; a product is committed with the object that made it.
Instruments override values (`awe.instruments`), never declarations. Kernels have no defaults of
their own.
"""

from __future__ import annotations

from typing import Any

from awe.model.parameter import Parameter, ProcessParameters, Value, parameter

__all__ = [
    "BackgroundFrameParameters",
    "BiasFrameParameters",
    "CoaddedRegriddedFrameParameters",
    "ColdPixelMapParameters",
    "CosmicMapParameters",
    "DarkCurrentParameters",
    "DomeFlatFrameParameters",
    "FlatParameters",
    "FringeFrameParameters",
    "GainLinearityParameters",
    "GridWeightFrameParameters",
    "HotPixelMapParameters",
    "IlluminationCorrectionParameters",
    "MasterFlatFrameParameters",
    "NightSkyFlatFrameParameters",
    "Parameter",
    "ProcessParameters",
    "QuickCheckFrameParameters",
    "RawTwilightFlatFrameParameters",
    "ReadNoiseParameters",
    "ReducedScienceFrameParameters",
    "RegriddedFrameParameters",
    "SatelliteMapParameters",
    "SaturatedPixelMapParameters",
    "StrayParameters",
    "TwilightFlatFrameParameters",
    "Value",
    "WeightFrameParameters",
    "parameter",
    "parameters_class",
]


def parameters_class(product: str) -> type[ProcessParameters] | None:
    """Return the parameters class of a product class named `product`, or None."""
    return ProcessParameters.known.get(product)


def _overscan() -> Any:
    return parameter("Overscan method, see awe.calib.detector.overscan.METHODS", 6, low=0, high=10)


def _sigma_clip(default: float) -> Any:
    return parameter("Distance of outliers from the centre", default, "sigma", low=1.0, high=50.0)


def _minimum_inputs(default: int) -> Any:
    return parameter("Fewest input frames for a sound product", default, low=1, high=1000)


def _step(default: float, unit: str) -> Any:
    return parameter(
        "Rows, columns and boxes further from the level around stray", default, unit, low=0.0
    )


def _stray_lines(default: float = 0.02) -> Any:
    return parameter(
        "Largest fraction of rows and columns that stray", default, low=0.0, high=1.0
    )


def _noise_ratio() -> Any:
    return parameter(
        "Largest ratio of the noise of a window to that of most, or the other way round",
        3.0, low=1.0,
    )  # fmt: skip


class StrayParameters(ProcessParameters, abstract=True):
    """Limits of images of which no part may stray from the rest."""

    MAXIMUM_STRAY_LINES = _stray_lines()
    MAXIMUM_STRAY_BOXES = parameter(
        "Largest fraction of 32 x 32 boxes that stray", 0.02, low=0.0, high=1.0
    )
    MAXIMUM_NOISE_RATIO = _noise_ratio()


class FlatParameters(StrayParameters, abstract=True):
    """Limits that flats of any light have."""

    STRAY_STEP = _step(0.03, "None")
    MAXIMUM_STDEV_DIFFERENCE = parameter(
        "Largest change of the scatter from the previous version", 0.2, low=0.0
    )
    MAXIMUM_SUBWIN_FLATNESS = parameter(
        "Largest difference of the medians of two windows", 0.5, low=0.0
    )
    MAXIMUM_HOLES = parameter(
        "Largest fraction of pixels without a value", 0.1, low=0.0, high=1.0
    )
    MAXIMUM_NOISE = parameter("Largest expected noise of a pixel", 0.05, low=0.0)
    MAXIMUM_SHAPE_DIFFERENCE = parameter(
        "Largest change of the distribution of the light from the previous version", 0.05, low=0.0
    )
    MAXIMUM_PATTERN_DIFFERENCE = parameter(
        "Largest scatter from pixel to pixel about the previous version beyond the noise", 2.0,
        low=0.0,
    )  # fmt: skip


class ReadNoiseParameters(ProcessParameters):
    """Parameters of `ReadNoise`."""

    REJECTION_THRESHOLD = _sigma_clip(5.0)
    MAXIMUM_ITERATIONS = parameter("Most rounds of rejection", 5, low=1, high=100)
    MAXIMUM_READ_NOISE = parameter("Largest read noise accepted", 5.0, "ADU", low=0.0)
    MINIMUM_READ_NOISE = parameter("Smallest read noise accepted", 0.1, "ADU", low=0.0)
    MAXIMUM_READ_NOISE_DIFFERENCE = parameter(
        "Largest change from the previous version", 0.5, "ADU", low=0.0
    )
    MAXIMUM_BIAS_DIFFERENCE = parameter(
        "Largest mean difference within a pair", 2.0, "ADU", low=0.0
    )
    OVERSCAN_CORRECTION = _overscan()


class BiasFrameParameters(StrayParameters):
    """Parameters of `BiasFrame`."""

    MAXIMUM_ABS_MEAN = parameter("Largest mean level, up or down", 10.0, "ADU", low=0.0)
    MAXIMUM_STDEV = parameter("Largest standard deviation", 10.0, "ADU", low=0.0)
    MAXIMUM_STDEV_DIFFERENCE = parameter(
        "Largest change of the scatter from the previous version", 10.0, "ADU", low=0.0
    )
    MAXIMUM_SUBWIN_STDEV = parameter(
        "Largest standard deviation in any window", 20.0, "ADU", low=0.0
    )
    MAXIMUM_SUBWIN_FLATNESS = parameter(
        "Largest difference of the medians of two windows", 20.0, "ADU", low=0.0
    )
    STRAY_STEP = _step(4.0, "ADU")
    MINIMUM_INPUTS = _minimum_inputs(3)
    OVERSCAN_CORRECTION = _overscan()
    SIGMA_CLIP = _sigma_clip(3.0)


class DarkCurrentParameters(StrayParameters):
    """Parameters of `DarkFrame` and `DarkCurrent`."""

    MAXIMUM_DARK_DIFFERENCE = parameter(
        "Largest change of the dark current", 10.0, "ADU/pixel/hour", low=0.0
    )
    MAXIMUM_DARK_CURRENT = parameter(
        "Largest dark current, up or down", 10.0, "ADU/pixel/hour", low=0.0
    )
    MAXIMUM_SUBWIN_FLATNESS = parameter(
        "Largest difference of the medians of two windows", 10.0, "ADU/pixel/hour", low=0.0
    )
    STRAY_STEP = _step(20.0, "ADU/pixel/hour")
    MINIMUM_INPUTS = _minimum_inputs(3)
    OVERSCAN_CORRECTION = _overscan()
    SIGMA_CLIP = _sigma_clip(5.0)


class GainLinearityParameters(ProcessParameters):
    """Parameters of `GainLinearity`."""

    MAXIMUM_GAIN_DIFFERENCE = parameter(
        "Largest change of the gain from the previous version", 0.2, "e-/ADU", low=0.0
    )
    MAXIMUM_LEVEL = parameter("Brightest level fitted", 50000.0, "ADU", low=1000.0)
    MINIMUM_LEVEL = parameter("Faintest level fitted", 200.0, "ADU", low=0.0)
    MINIMUM_INPUTS = _minimum_inputs(4)
    MAXIMUM_DEVIATION = parameter("Largest deviation accepted", 0.03, low=0.0, high=1.0)
    OVERSCAN_CORRECTION = _overscan()
    SIGMA_CLIP = _sigma_clip(5.0)


class HotPixelMapParameters(ProcessParameters):
    """Parameters of `HotPixelMap`."""

    MAXIMUM_COUNT_DIFFERENCE = parameter(
        "Largest change of the number of bad pixels", 5000, "pixel", low=0
    )
    REJECTION_THRESHOLD = parameter(
        "Pixels this far above the local level are hot", 5.0, "sigma", low=1.0, high=1000.0
    )
    BOX = parameter("Side of the box of the local level", 32, "pixel", low=3, high=512)
    MAXIMUM_FRACTION = parameter("Largest fraction of hot pixels", 0.01, low=0.0, high=1.0)


class DomeFlatFrameParameters(FlatParameters):
    """Parameters of `DomeFlatFrame`."""

    MINIMUM_LEVEL = parameter("Faintest raw frame used", 1000.0, "ADU", low=0.0)
    MAXIMUM_LEVEL = parameter("Brightest raw frame used", 55000.0, "ADU", low=0.0)
    MINIMUM_INPUTS = _minimum_inputs(3)
    OVERSCAN_CORRECTION = _overscan()
    SIGMA_CLIP = _sigma_clip(4.0)


class ColdPixelMapParameters(ProcessParameters):
    """Parameters of `ColdPixelMap`."""

    MAXIMUM_COUNT_DIFFERENCE = parameter(
        "Largest change of the number of bad pixels", 5000, "pixel", low=0
    )
    THRESHOLD_LOW = parameter(
        "Response over the local level below which a pixel is cold", 0.94, low=0.0, high=1.0
    )
    THRESHOLD_HIGH = parameter(
        "Response over the local level above which a pixel is bad", 1.06, low=1.0, high=100.0
    )
    BOX = parameter("Side of the box of the local level", 21, "pixel", low=3, high=512)
    MAXIMUM_FRACTION = parameter("Largest fraction of cold pixels", 0.05, low=0.0, high=1.0)


class RawTwilightFlatFrameParameters(ProcessParameters):
    """Levels between which raw twilight flats are accepted."""

    MIN_FLAT_MEAN = parameter("Faintest mean level", 3000.0, "ADU", low=0.0)
    MAX_FLAT_MEAN = parameter("Brightest mean level", 50000.0, "ADU", low=0.0)


class TwilightFlatFrameParameters(FlatParameters):
    """Parameters of `TwilightFlatFrame`."""

    MINIMUM_LEVEL = parameter("Faintest raw frame used", 3000.0, "ADU", low=0.0)
    MAXIMUM_LEVEL = parameter("Brightest raw frame used", 50000.0, "ADU", low=0.0)
    MINIMUM_INPUTS = _minimum_inputs(3)
    OVERSCAN_CORRECTION = _overscan()
    SIGMA_CLIP = _sigma_clip(3.0)


class NightSkyFlatFrameParameters(FlatParameters):
    """Parameters of `NightSkyFlatFrame`."""

    MINIMUM_INPUTS = _minimum_inputs(5)
    OVERSCAN_CORRECTION = _overscan()
    SIGMA_CLIP = _sigma_clip(3.0)


class MasterFlatFrameParameters(FlatParameters):
    """Parameters of `MasterFlatFrame`."""

    BOX = parameter(
        "Side of the boxes that part large from small scales", 64, "pixel", low=4, high=4096
    )
    MINIMUM_RESPONSE = parameter("Flat values below are unusable", 0.05, low=0.0, high=1.0)
    COMBINE = parameter(
        "Which flats give small and large scales",
        2,
        choices={1: "dome only", 2: "dome small, twilight large", 3: "twilight only"},
    )


class FringeFrameParameters(ProcessParameters):
    """Parameters of `FringeFrame`."""

    MAXIMUM_STDEV = parameter("Largest standard deviation", 1000.0, "ADU", low=0.0)
    MINIMUM_INPUTS = _minimum_inputs(5)
    BOX = parameter("Side of the boxes of the smooth sky", 256, "pixel", low=16, high=4096)
    OVERSCAN_CORRECTION = _overscan()
    SIGMA_CLIP = _sigma_clip(3.0)
    STRAY_STEP = _step(100.0, "ADU")
    MAXIMUM_STRAY_LINES = _stray_lines()
    MAXIMUM_NOISE_RATIO = _noise_ratio()


class IlluminationCorrectionParameters(ProcessParameters):
    """Parameters of `IlluminationCorrection` and its frame."""

    MAXIMUM_SUBWIN_FLATNESS = parameter(
        "Largest difference of the medians of two windows", 0.3, low=0.0
    )
    DEGREE = parameter("Degree of the polynomial in x and y", 2, low=1, high=6)
    MINIMUM_STARS = parameter("Fewest stars for a sound surface", 30, low=3, high=100000)
    MAXIMUM_RMS = parameter("Largest scatter of stars about the surface", 0.05, "mag", low=0.0)
    STAR_THRESHOLD = parameter("Least height of stars above the sky", 10.0, "sigma", low=3.0)
    APERTURE = parameter("Radius of the aperture", 8.0, "pixel", low=1.0, high=100.0)
    MAXIMUM_ERROR = parameter("Largest error of a star that is used", 0.03, "mag", low=0.0)
    MATCH_RADIUS = parameter(
        "Detections of two frames this near are one star", 1.5, "arcsec", low=0.0, high=60.0
    )
    STEADINESS = parameter(
        "Scatter of the transparency from frame to frame", 0.005, "mag", low=0.0, high=10.0
    )
    EXTINCTION = parameter(
        "Light lost in the atmosphere", 0.1, "mag/airmass", low=0.0, high=2.0
    )
    BOX = parameter("Side of the boxes of the smooth sky", 128, "pixel", low=16, high=4096)
    SIGMA_CLIP = _sigma_clip(3.0)


class BackgroundFrameParameters(ProcessParameters):
    """Parameters of `BackgroundFrame`."""

    MAXIMUM_SUBWIN_FLATNESS = parameter(
        "Largest difference of the medians of two windows", 10000.0, "ADU", low=0.0
    )
    BOX = parameter("Side of the boxes of the background grid", 128, "pixel", low=8, high=4096)
    IMAGE_THRESHOLD = parameter("Least height of sources above the sky", 3.0, "sigma", low=1.0)


class QuickCheckFrameParameters(StrayParameters):
    """Parameters of `QuickCheckFrame`."""

    MAXIMUM_DEVIATION = parameter("Largest change of the lamp's level", 0.2, low=0.0, high=10.0)
    MAXIMUM_SUBWIN_FLATNESS = parameter(
        "Largest difference of the medians of two windows", 0.1, low=0.0
    )
    STRAY_STEP = _step(0.03, "None")
    OVERSCAN_CORRECTION = _overscan()


class SaturatedPixelMapParameters(ProcessParameters):
    """Parameters of `SaturatedPixelMap`."""

    MAXIMUM_FRACTION = parameter("Largest fraction of bad pixels", 0.5, low=0.0, high=1.0)
    THRESHOLD_HIGH = parameter("Least raw count of saturated pixels", 60000.0, "ADU", low=0.0)
    THRESHOLD_LOW = parameter(
        "Largest raw count of dead pixels near saturated ones", 50.0, "ADU", low=0.0
    )
    BLEED_ALONG = parameter("Reach of bleeding along a column", 3, "pixel", low=0, high=1000)
    BLEED_BESIDE = parameter("Reach of bleeding across columns", 1, "pixel", low=0, high=100)
    DEAD_REACH = parameter("Distance of dead pixels from saturated ones", 20, "pixel",
                           low=0, high=1000)  # fmt: skip


class CosmicMapParameters(ProcessParameters):
    """Parameters of `CosmicMap`."""

    MAXIMUM_FRACTION = parameter("Largest fraction of bad pixels", 0.1, low=0.0, high=1.0)
    SIGMA_LIMIT = parameter("Significance of a hit's core", 4.0, "sigma", low=1.0, high=100.0)
    SIGMA_FRACTION = parameter(
        "Fraction of the limit for the neighbours of a core", 0.3375, low=0.0, high=1.0
    )
    OBJECT_LIMIT = parameter(
        "Contrast between a hit and a star's profile; 0: from the seeing of the frame",
        0.0, low=0.0, high=100.0,
    )  # fmt: skip
    SEEING = parameter(
        "Width of stars assumed where none can be measured", 2.6, "pixel", low=0.5, high=50.0
    )
    GROUP_LIMIT = parameter(
        "Summed squared significance of a whole hit; 0 keeps all", 34.0, low=0.0, high=10000.0
    )
    WING_LIMIT = parameter(
        "Significance of a pixel next to a hit that belongs to it; 0 takes none along",
        2.7, "sigma", low=0.0, high=100.0,
    )  # fmt: skip
    MAXIMUM_ITERATIONS = parameter("Most rounds of detection", 4, low=1, high=20)


class SatelliteMapParameters(ProcessParameters):
    """Parameters of `SatelliteMap`."""

    MAXIMUM_FRACTION = parameter("Largest fraction of bad pixels", 0.5, low=0.0, high=1.0)
    DETECTION_THRESHOLD = parameter(
        "Significance of a whole track", 6.5, "sigma", low=3.0, high=1000.0
    )
    BINNING = parameter("Binning of the frame for the search", 4, "pixel", low=1, high=16)
    MINIMUM_LENGTH = parameter("Shortest track looked for", 300.0, "pixel", low=10.0)


class WeightFrameParameters(ProcessParameters):
    """Parameters of `WeightFrame`."""

    MAXIMUM_ZERO_FRACTION = parameter(
        "Largest fraction of pixels with weight 0", 0.5, low=0.0, high=1.0
    )
    MINIMUM_RESPONSE = parameter("Flat values below get weight 0", 0.05, low=0.0, high=1.0)


class ReducedScienceFrameParameters(ProcessParameters):
    """Parameters of `ReducedScienceFrame`."""

    CALIBRATIONS_OF = parameter(
        "Whose calibrations: mine; project: also those of managers of the project and of public "
        "ones; anyone: others' if there are no such; or names, separated by commas",
        "anyone",
    )
    MAXIMUM_STDEV = parameter(
        "Largest standard deviation of the pixels without sources", 5000.0, "ADU", low=0.0
    )
    STRAY_STEP = _step(1.0, "sigma")
    MAXIMUM_STRAY_LINES = _stray_lines(0.05)
    FRINGE_THRESHOLD_LOW = parameter(
        "Fringed pixels below are left out of the scaling", 1.5, "ADU", low=-1000.0, high=1000.0
    )
    FRINGE_THRESHOLD_HIGH = parameter(
        "Fringed pixels above are left out of the scaling", 5.0, "ADU", low=-1000.0, high=65535.0
    )
    IMAGE_THRESHOLD = parameter(
        "Clipping that finds the sky without sources", 5.0, "sigma", low=1.0, high=100.0
    )
    BACKGROUND_BOX = parameter(
        "Side of the boxes of the sky subtracted; 0 leaves the sky", 0, "pixel", low=0, high=4096
    )
    SUBTRACT_DARK = parameter("Subtract the valid DarkFrame times the exposure time", False)
    CORRECT_LINEARITY = parameter(
        "Take out the curvature of the valid GainLinearity, if there is one", True
    )
    PSF_THRESHOLD = parameter(
        "Least height above the local sky of stars measured for the seeing", 12.0, "sigma",
        low=3.0,
    )
    PSF_NARROWEST = parameter(
        "Narrower peaks, the pixel taken out, are taken for hits unless most look like stars",
        1.5, "pixel", low=0.1, high=50.0,
    )
    OVERSCAN_CORRECTION = _overscan()


class GridWeightFrameParameters(ProcessParameters):
    """Parameters of `GridWeightFrame`."""

    MAXIMUM_ZERO_FRACTION = parameter(
        "Largest fraction of pixels with weight 0", 0.9, low=0.0, high=1.0
    )


class RegriddedFrameParameters(ProcessParameters):
    """Parameters of `RegriddedFrame`; names that SWarp has mean what they mean there."""

    RESAMPLING_TYPE = parameter(
        "How a value between pixels is found", "CUBIC",
        choices={
            "CUBIC": "cubic spline through all pixels, which keeps the flux of stars",
            "LANCZOS4": "Lanczos, 8 by 8 pixels", "LANCZOS3": "Lanczos, 6 by 6 pixels",
            "BILINEAR": "straight between 2 by 2 pixels", "NEAREST": "the nearest pixel",
        },
    )  # fmt: skip
    PROJECTION_ERR = parameter(
        "Largest error of a position", 0.002, "pixel", low=1e-6, high=0.1
    )
    BACKGROUND_SUBTRACTION_TYPE = parameter(
        "What is subtracted as the sky", "MESH",
        choices={
            "MESH": "medians of boxes of BACK_SIZE, joined by a spline",
            "CONSTANT": "the median of the boxes", "NONE": "nothing",
        },
    )  # fmt: skip
    BACK_SIZE = parameter("Side of the boxes of the sky", 128, "pixel", low=8, high=4096)
    IMAGE_THRESHOLD = parameter(
        "Clipping that finds the sky without sources", 3.0, "sigma", low=1.0, high=100.0
    )
    PSF_THRESHOLD = parameter(
        "Least height above the local sky of stars measured for the seeing", 12.0, "sigma",
        low=3.0,
    )
    PSF_NARROWEST = parameter(
        "Narrower peaks, the pixel taken out, are taken for hits unless most look like stars",
        1.5, "pixel", low=0.1, high=50.0,
    )
    MAXIMUM_PSF_DIFFERENCE = parameter(
        "Largest change of the width of stars, as a part of that of the reduced frame", 0.1,
        low=0.0, high=10.0,
    )


class CoaddedRegriddedFrameParameters(ProcessParameters):
    """Parameters of `CoaddedRegriddedFrame`; names that SWarp has mean what they mean there."""

    COMBINE_TYPE = parameter(
        "How the values of a pixel become one", "CLIPPED",
        choices={
            "CLIPPED": "weighted mean without outliers", "WEIGHTED": "weighted mean",
            "MEDIAN": "median",
        },
    )  # fmt: skip
    CLIP_SIGMA = parameter("Distance of outliers, in their noise", 4.0, "sigma", low=1.0)
    CLIP_AMPFRAC = parameter(
        "Part of the light by which frames may differ more, as their seeing does", 0.3, low=0.0
    )
    MAXIMUM_FLUX_DIFFERENCE = parameter(
        "Largest difference of the fluxes of stars, as a part of them", 0.1, low=1e-4, high=1.0
    )
    MAXIMUM_OFFSET = parameter(
        "Largest difference of the places of stars", 0.5, "pixel", low=1e-3, high=50.0
    )
    COMPARED_STARS = parameter("Fewest stars by which a frame is judged", 5, low=1, high=1000)
    MAXIMUM_PSF_DIFFERENCE = parameter(
        "Largest difference of the width of stars from the mean of the inputs, as a part", 0.2,
        low=0.0, high=10.0,
    )

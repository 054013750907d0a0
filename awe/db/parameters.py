"""Every process parameter, declared once: default, unit, range, choices and meaning.

One persistent class per product class; a product is committed with the object that made it.
Instruments override values (`awe.instruments`), never declarations. Kernels have no defaults of
their own. This module reads no configuration and checks values only against what it declares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from awe.db.base import DBObject, persistent
from awe.errors import ParameterError, nearest

__all__ = [
    "BackgroundFrameParameters",
    "BiasFrameParameters",
    "ColdPixelMapParameters",
    "CosmicMapParameters",
    "DarkCurrentParameters",
    "DomeFlatFrameParameters",
    "FringeFrameParameters",
    "GainLinearityParameters",
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
    "SatelliteMapParameters",
    "SaturatedPixelMapParameters",
    "TwilightFlatFrameParameters",
    "WeightFrameParameters",
    "parameter",
    "parameters_class",
]

Value = int | float | str | bool


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """The declaration of one parameter.

    Attributes
    ----------
    doc : str
        What it does.
    default : int, float, str or bool
        Value where no instrument says otherwise.
    unit : str
        Unit, `None` where there is none.
    low, high : float or None
        Smallest and largest value accepted.
    choices : mapping or None
        Values accepted, with their meaning.
    """

    doc: str
    default: Value
    unit: str
    low: float | None = None
    high: float | None = None
    choices: Mapping[Value, str] | None = None

    @property
    def type(self) -> type:
        """Type of the value."""
        return type(self.default)

    @property
    def range(self) -> str:
        """The values accepted, in words."""
        if self.choices is not None:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        if self.low is None and self.high is None:
            return "any " + self.type.__name__
        low = "-inf" if self.low is None else f"{self.low:g}"
        high = "inf" if self.high is None else f"{self.high:g}"
        return f"{low} to {high}"

    def check(self, name: str, value: Any) -> Value:
        """Return the value in the declared type, or refuse it.

        Raises
        ------
        ParameterError
            Wrong type or out of range; the message holds name, value and what is accepted.
        """
        wanted = f"{name} wants {self.type.__name__}, {self.range} [{self.unit}]"
        if self.type is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if self.type is bool and value in (0, 1):
            value = bool(value)
        if not isinstance(value, self.type) or (self.type is int and isinstance(value, bool)):
            msg = f"{wanted}; got {value!r} of type {type(value).__name__}"
            raise ParameterError(msg)
        if not self._accepts(value):
            msg = f"{wanted}; got {value!r}"
            raise ParameterError(msg)
        return cast("Value", value)

    def _accepts(self, value: Any) -> bool:
        if self.choices is not None:
            return value in self.choices
        if self.type not in (int, float):
            return True
        if not math.isfinite(value):
            return False
        above = self.low is None or value >= self.low
        below = self.high is None or value <= self.high
        return bool(above and below)


# the declaration behind each class attribute, until its class takes it over
_declared: list[tuple[object, Parameter]] = []


def parameter(
    doc: str,
    default: Value,
    unit: str = "None",
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Mapping[Value, str] | None = None,
) -> Any:
    """Declare a process parameter in the body of a `ProcessParameters` class."""
    declaration = Parameter(
        doc=doc, default=default, unit=unit, low=low, high=high, choices=choices
    )
    attribute = persistent(f"{doc}; {declaration.range} [{unit}]", type(default), default)
    _declared.append((attribute, declaration))
    return attribute


class ProcessParameters(DBObject, abstract=True):
    """The numbers a product was made with, and the version of the software that used them."""

    product: ClassVar[str] = ""
    declarations: ClassVar[dict[str, Parameter]] = {}

    version = persistent("Version of awe that made the product [None]", str, "")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        body = dict(vars(cls))
        cls.declarations = {
            name: declaration
            for name, value in body.items()
            for attribute, declaration in _declared
            if attribute is value
        }
        cls.product = cls.__name__.removesuffix("Parameters")
        _declared.clear()
        super().__init_subclass__(**kwargs)

    @classmethod
    def check(cls, name: str, value: object) -> Value:
        """Return the value for parameter `name` in its declared type, or refuse it."""
        declaration = cls.declarations.get(name)
        if declaration is None:
            hint = nearest(name, list(cls.declarations))
            known = ", ".join(cls.declarations) or "none"
            msg = f"{cls.product} has no parameter {name!r}{hint}; it has: {known}"
            raise ParameterError(msg)
        return declaration.check(f"{cls.product}.process_params.{name}", value)

    @classmethod
    def defaults(cls, instrument: str | None = None) -> dict[str, Value]:
        """Return the values for an instrument: declared defaults, overridden by its own."""
        values = {name: declared.default for name, declared in cls.declarations.items()}
        for key, value in _overrides(instrument).items():
            product, _, name = key.partition(".")
            if product == cls.product:
                values[name] = cls.check(name, value)
        return values

    @classmethod
    def make(
        cls, instrument: str | None = None, changes: Mapping[str, object] | None = None
    ) -> ProcessParameters:
        """Return new parameters for an instrument, with some values changed."""
        from awe import __version__

        values = cls.defaults(instrument)
        for name, value in (changes or {}).items():
            values[name] = cls.check(name, value)
        return cls(version=__version__, **values)

    def values(self) -> dict[str, Value]:
        """Return the values by name, in the order of declaration."""
        return {name: getattr(self, name) for name in self.declarations}


def parameters_class(product: str) -> type[ProcessParameters] | None:
    """Return the parameters class of a product class named `product`, or None."""
    for cls in ProcessParameters.__subclasses__():
        if cls.product == product:
            return cls
    return None


def _overrides(instrument: str | None) -> Mapping[str, object]:
    if instrument is None:
        return {}
    from awe import instruments

    values: Mapping[str, object] = instruments.get(instrument).parameters
    return values


def _overscan() -> Any:
    return parameter("Overscan method, see awe.calib.overscan.METHODS", 6, low=0, high=10)


def _sigma_clip(default: float) -> Any:
    return parameter("Outliers lie this far from the centre", default, "sigma", low=1.0, high=50.0)


def _minimum_inputs(default: int) -> Any:
    return parameter("Fewest input frames for a sound product", default, low=1, high=1000)


class ReadNoiseParameters(ProcessParameters):
    """Parameters of `ReadNoise`."""

    REJECTION_THRESHOLD = _sigma_clip(5.0)
    MAXIMUM_ITERATIONS = parameter("Most rounds of rejection", 5, low=1, high=100)
    MAXIMUM_READ_NOISE = parameter("Largest read noise accepted", 5.0, "ADU", low=0.0)
    MAXIMUM_READ_NOISE_DIFFERENCE = parameter(
        "Largest change from the previous version", 0.5, "ADU", low=0.0
    )
    MAXIMUM_BIAS_DIFFERENCE = parameter(
        "Largest mean difference within a pair", 2.0, "ADU", low=0.0
    )
    OVERSCAN_CORRECTION = _overscan()


class BiasFrameParameters(ProcessParameters):
    """Parameters of `BiasFrame`."""

    MAXIMUM_ABS_MEAN = parameter("Largest mean level, up or down", 10.0, "ADU", low=0.0)
    MAXIMUM_STDEV = parameter("Largest standard deviation", 10.0, "ADU", low=0.0)
    MAXIMUM_STDEV_DIFFERENCE = parameter(
        "Largest scatter of the difference from the previous version", 10.0, "ADU", low=0.0
    )
    MAXIMUM_SUBWIN_STDEV = parameter(
        "Largest standard deviation in any window", 100000.0, "ADU", low=0.0
    )
    MAXIMUM_SUBWIN_FLATNESS = parameter(
        "Largest difference of the medians of two windows", 100000.0, "ADU", low=0.0
    )
    MINIMUM_INPUTS = _minimum_inputs(3)
    OVERSCAN_CORRECTION = _overscan()
    SIGMA_CLIP = _sigma_clip(3.0)


class DarkCurrentParameters(ProcessParameters):
    """Parameters of `DarkFrame` and `DarkCurrent`."""

    MAXIMUM_DARK_DIFFERENCE = parameter(
        "Largest change of the dark current", 10.0, "ADU/pixel/hour", low=0.0
    )
    MAXIMUM_DARK_CURRENT = parameter("Largest dark current", 10.0, "ADU/pixel/hour", low=0.0)
    MINIMUM_INPUTS = _minimum_inputs(3)
    OVERSCAN_CORRECTION = _overscan()
    SIGMA_CLIP = _sigma_clip(5.0)


class GainLinearityParameters(ProcessParameters):
    """Parameters of `GainLinearity`."""

    MAXIMUM_GAIN_DIFFERENCE = parameter(
        "Largest change of the gain from the previous version", 0.2, "e-/ADU", low=0.0
    )
    MAXIMUM_LEVEL = parameter("Brightest level fitted", 50000.0, "ADU", low=1000.0, high=65535.0)
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


class DomeFlatFrameParameters(ProcessParameters):
    """Parameters of `DomeFlatFrame`."""

    MAXIMUM_STDEV_DIFFERENCE = parameter(
        "Largest change of the scatter from the previous version", 0.2, low=0.0
    )
    MINIMUM_LEVEL = parameter("Faintest raw frame used", 1000.0, "ADU", low=0.0)
    MAXIMUM_LEVEL = parameter("Brightest raw frame used", 55000.0, "ADU", low=0.0, high=65535.0)
    MINIMUM_INPUTS = _minimum_inputs(3)
    MAXIMUM_SUBWIN_FLATNESS = parameter(
        "Largest difference of the medians of two windows", 0.5, low=0.0
    )
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
    MAX_FLAT_MEAN = parameter("Brightest mean level", 50000.0, "ADU", low=0.0, high=65535.0)


class TwilightFlatFrameParameters(ProcessParameters):
    """Parameters of `TwilightFlatFrame`."""

    MAXIMUM_STDEV_DIFFERENCE = parameter(
        "Largest change of the scatter from the previous version", 0.2, low=0.0
    )
    MINIMUM_LEVEL = parameter("Faintest raw frame used", 3000.0, "ADU", low=0.0)
    MAXIMUM_LEVEL = parameter("Brightest raw frame used", 50000.0, "ADU", low=0.0, high=65535.0)
    MINIMUM_INPUTS = _minimum_inputs(3)
    MAXIMUM_SUBWIN_FLATNESS = parameter(
        "Largest difference of the medians of two windows", 0.5, low=0.0
    )
    OVERSCAN_CORRECTION = _overscan()
    SIGMA_CLIP = _sigma_clip(3.0)


class NightSkyFlatFrameParameters(ProcessParameters):
    """Parameters of `NightSkyFlatFrame`."""

    MAXIMUM_SUBWIN_FLATNESS = parameter(
        "Largest difference of the medians of two windows", 0.5, low=0.0
    )
    MAXIMUM_STDEV_DIFFERENCE = parameter(
        "Largest change of the scatter from the previous version", 0.2, low=0.0
    )
    MINIMUM_INPUTS = _minimum_inputs(5)
    OVERSCAN_CORRECTION = _overscan()
    SIGMA_CLIP = _sigma_clip(3.0)


class MasterFlatFrameParameters(ProcessParameters):
    """Parameters of `MasterFlatFrame`."""

    MAXIMUM_STDEV_DIFFERENCE = parameter(
        "Largest change of the scatter from the previous version", 0.2, low=0.0
    )
    BOX = parameter(
        "Side of the boxes that part large from small scales", 64, "pixel", low=4, high=4096
    )
    MINIMUM_RESPONSE = parameter("Flat values below are unusable", 0.05, low=0.0, high=1.0)
    MAXIMUM_SUBWIN_FLATNESS = parameter(
        "Largest difference of the medians of two windows", 0.5, low=0.0
    )
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


class IlluminationCorrectionParameters(ProcessParameters):
    """Parameters of `IlluminationCorrection` and its frame."""

    MAXIMUM_SUBWIN_FLATNESS = parameter(
        "Largest difference of the medians of two windows", 0.3, low=0.0
    )
    DEGREE = parameter("Degree of the polynomial in x and y", 2, low=1, high=6)
    MINIMUM_STARS = parameter("Fewest stars for a sound surface", 30, low=3, high=100000)
    MAXIMUM_RMS = parameter("Largest scatter of stars about the surface", 0.05, "mag", low=0.0)
    STAR_THRESHOLD = parameter("Stars lie this far above the sky", 10.0, "sigma", low=3.0)
    APERTURE = parameter("Radius of the aperture", 8.0, "pixel", low=1.0, high=100.0)
    MAXIMUM_ERROR = parameter("Faintest stars used have this error", 0.03, "mag", low=0.0)
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
    IMAGE_THRESHOLD = parameter("Sources lie this far above the sky", 3.0, "sigma", low=1.0)


class QuickCheckFrameParameters(ProcessParameters):
    """Parameters of `QuickCheckFrame`."""

    MAXIMUM_DEVIATION = parameter("Largest change of the lamp's level", 0.2, low=0.0, high=10.0)
    OVERSCAN_CORRECTION = _overscan()


class SaturatedPixelMapParameters(ProcessParameters):
    """Parameters of `SaturatedPixelMap`."""

    MAXIMUM_FRACTION = parameter("Largest fraction of bad pixels", 0.5, low=0.0, high=1.0)
    THRESHOLD_HIGH = parameter("Raw counts from here on are saturated", 60000.0, "ADU", low=0.0)
    THRESHOLD_LOW = parameter(
        "Raw counts down from here beside saturated pixels are dead", 50.0, "ADU", low=0.0
    )
    BLEED_ALONG = parameter("Reach of bleeding along a column", 3, "pixel", low=0, high=1000)
    BLEED_BESIDE = parameter("Reach of bleeding across columns", 1, "pixel", low=0, high=100)
    DEAD_REACH = parameter("Dead pixels lie this close to saturated ones", 20, "pixel",
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

    MAXIMUM_STDEV = parameter(
        "Largest standard deviation of the pixels without sources", 5000.0, "ADU", low=0.0
    )
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
        "Take out the curvature a valid GainLinearity has, where there is one", True
    )
    PSF_THRESHOLD = parameter(
        "Stars measured for the seeing lie this far above the sky", 20.0, "sigma", low=3.0
    )
    PSF_NARROWEST = parameter(
        "Narrower peaks are particle hits, not stars", 1.4, "pixel", low=0.1, high=50.0
    )
    OVERSCAN_CORRECTION = _overscan()

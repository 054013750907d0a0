"""Quality control: products against their declared limits.

The limits are process parameters; each check names the parameter it reads and the bit of
`QualityFlag` it sets, and runs for every class that has the parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awe import instruments
from awe.model.calibrations import RejectedInput
from awe.model.mixins import QualityFlag, has, value_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.rules.measured import Numbers

__all__ = [
    "CHECKS",
    "inputs",
    "measure",
    "rejected_inputs",
    "verdict",
    "verify",
]

#: seconds of an hour: the limits of dark currents are per hour, dark frames per second
HOUR = 3600.0

#: windows of a dark may differ by this part of its level more than the limit
UNEVEN_GLOW = 0.25

#: by how much of it the glow of a dark may differ from pixel to pixel: it is light on the chip
GLOW_FROM_PIXEL = 0.05

#: a frame with more than this fraction of saturated pixels is flagged as a whole
HALF = 0.5

#: a frame with more than this fraction of dead pixels is flagged as a whole
DEAD_PART = 0.05

#: a gain this many times the nominal one of its chip is a mistake, in it or in the description
GAIN_FACTOR = 2.0

#: bits that are known at the making only
KNOWN_THEN = (
    QualityFlag.SEEING | QualityFlag.INCOMPLETE | QualityFlag.MISSING | QualityFlag.STUCK_BIT
    | QualityFlag.PATTERN
)  # fmt: skip


def measure(pixels: NDArray[Any]) -> Numbers:
    """Return the numbers of a frame that the checks look at."""
    from awe.rules.measured import Numbers

    return Numbers(pixels)


def verify(product: Any, pixels: NDArray[Any] | None = None) -> QualityFlag:
    """Return the quality flags of a product against its declared limits.

    The result is a number that shows the names of its bits. A new product gets it as its
    `quality_flags`; a committed one is only judged.

    Parameters
    ----------
    product : object
        Product with process parameters, `process_params`.
    pixels : ndarray, optional
        Its pixels; read from its file when left out.
    """
    if pixels is None and has(product, "imstat"):
        pixels = product.data
    numbers = measure(pixels) if pixels is not None else None
    parameters = product.process_params
    flags = QualityFlag(0)
    for check in CHECKS:
        limit = value_of(parameters, check.parameter)
        if limit is None:
            continue
        if check.fails(product, numbers, _in_pixels(product, check.parameter, limit, numbers)):
            flags |= check.flag
    if numbers is not None and numbers.not_finite and _has_holes(product, pixels):
        flags |= QualityFlag.NOT_FINITE
    if product._committed and has(product, "weight"):
        flags |= verdict(product.to_ccddata().flags)
    if has(product, "grid_target") and value_of(product, "zeropnt", 0.0) is None:
        flags |= QualityFlag.ZEROPOINT
    # known at the making only
    flags |= QualityFlag(product.quality_flags) & KNOWN_THEN
    return _set(product, flags)


def verdict(reasons: NDArray[Any]) -> QualityFlag:
    """Return what the reason bits of its pixels say about a reduced frame as a whole."""
    from awe.calib import flags, weight

    bits = flags.PixelFlag
    flagged, saturated, dead, broken = weight.numbers(
        reasons, flags.ANY_FLAG, bits.SATURATED, bits.DEAD, bits.NON_FINITE
    )
    found = QualityFlag(0)
    if flagged == reasons.size:
        found |= QualityFlag.EMPTY
    if saturated > HALF * reasons.size:
        found |= QualityFlag.SATURATED
    if dead > DEAD_PART * reasons.size:
        found |= QualityFlag.BAD_PIXELS
    if broken:
        found |= QualityFlag.NOT_FINITE
    return found


def rejected_inputs(product: Any) -> dict[str, str]:
    """Return name -> reason of the raw frames that were requested but left out."""
    if not product._committed:
        return dict(product.__dict__.get("_rejected", {}))
    query: Any = RejectedInput.product == product.object_id
    return {item.filename: item.reason for item in query}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One limit: the parameter that holds it, what it sets, and when."""

    parameter: str
    flag: QualityFlag
    fails: Callable[[Any, Numbers | None, float], bool]


def _too_noisy(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return numbers is not None and numbers.stdev > limit


def _off_level(product: Any, numbers: Numbers | None, limit: float) -> bool:
    corrected = value_of(product.process_params, "OVERSCAN_CORRECTION", 0) != 0
    return numbers is not None and corrected and abs(numbers.mean) > limit


def _noisy_window(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return numbers is not None and max(numbers.window_stdevs, default=0.0) > limit


def _uneven_windows(product: Any, numbers: Numbers | None, limit: float) -> bool:
    if numbers is None:
        return False
    # chips do not glow evenly: what a warm one may differ by grows with its dark current
    part = UNEVEN_GLOW if has(product, "raw_dark_frames") else 0.0
    return numbers.unevenness > limit + part * abs(numbers.mean)


def _stray_lines(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return numbers is not None and numbers.stray_lines(_step(product, numbers)) > limit


def _stray_boxes(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return numbers is not None and numbers.stray_boxes(_step(product, numbers)) > limit


def _step(product: Any, numbers: Numbers) -> float:
    parameters = product.process_params
    return _in_pixels(product, "STRAY_STEP", parameters.STRAY_STEP, numbers)


def _unlike_noises(product: Any, numbers: Numbers | None, limit: float) -> bool:
    """Return True if a window is much quieter or noisier than half of them: dead, or lit."""
    if numbers is None or not numbers.window_noises:
        return False
    if has(product, "raw_dark_frames"):
        return _unlike_glowing(product, numbers, limit)
    ordered = sorted(numbers.window_noises)
    middle = ordered[len(ordered) // 2]
    return ordered[0] * limit < middle or ordered[-1] > limit * middle


def _unlike_glowing(product: Any, numbers: Numbers, limit: float) -> bool:
    """Return True if a window of a dark is much quieter or noisier than its level explains."""
    # the quarter of the windows that glows least tells what noise there is without glow
    pairs = sorted((level, noise) for noise, level in numbers.noises_and_levels)
    calm = sorted(noise for _, noise in pairs[: max(1, len(pairs) // 4)])
    usual, least = calm[len(calm) // 2], pairs[0][0]
    return any(
        noise == 0
        or noise * limit < usual
        or noise**2 > limit**2 * (usual**2 + _of_glow(product, level - least))
        for level, noise in pairs
    )


def _of_glow(product: Any, rise: float) -> float:
    """Return the variance a higher level than elsewhere gives the pixels of a dark."""
    seconds = sum(frame.EXPTIME for frame in product.raw_dark_frames)
    gain = instruments.get(product.instrument.name).chip(product.chip.name).gain
    photons = rise / (gain * seconds) if seconds > 0 else 0.0
    return float(photons + (GLOW_FROM_PIXEL * rise) ** 2)


def _holes(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return numbers is not None and numbers.not_finite > limit * numbers.size


def _quiet(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(product.read_noise < limit)


def _noisy_flat(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(product.noise > limit)


def _few_inputs(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return 0 < inputs(product) < limit


def _bad_fraction(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return numbers is not None and product.count > limit * numbers.size


def _high_read_noise(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(product.read_noise > limit)


def _high_dark_current(product: Any, numbers: Numbers | None, limit: float) -> bool:
    if has(product, "dark_current"):
        return bool(abs(product.dark_current) > limit * HOUR)
    return numbers is not None and abs(numbers.mean) > limit


def _nonlinear(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(value_of(product, "linearity", 0.0) > limit)


def _unlike_nominal(product: Any, numbers: Numbers | None, limit: float) -> bool:
    chip = instruments.get(product.instrument.name).chip(product.chip.name)
    return not chip.gain / GAIN_FACTOR < product.gain < chip.gain * GAIN_FACTOR


def _unequal_pair(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(abs(product.mean_diff) > limit)


def _changed_lamp(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return has(product, "lamp_ratio") and abs(product.lamp_ratio - 1) > limit


def _few_matched(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(limit > product.NREF)


def _few_sources(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(product.source_count < limit)


def _uncertain_zero_point(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(product.zeropnt.error > limit)


def _uncertain_extinction(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(product.error > limit)


def _steep(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(abs(product.color_term) > limit)


def _apart(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(limit < product.RMS_OVERLAP)


def _few_stars(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(_fit_of(product).stars < limit)


def _scattered_stars(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(_fit_of(product).rms > limit)


def _fit_of(product: Any) -> Any:
    """Return the numbers of a fit: those an image was drawn from, or the product itself."""
    return value_of(product, "illumination_correction") or product


def _weightless(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return numbers is not None and numbers.zeros > limit * numbers.size


def _other_width(product: Any, numbers: Numbers | None, limit: float) -> bool:
    """Return True if stars are wider or narrower than those in what a frame was made of."""
    frames = value_of(product, "regridded_frames") or [value_of(product, "reduced")]
    widths = [width for one in frames if (width := value_of(one, "psf_radius"))]
    before = sum(widths) / len(widths) if widths else None
    now = product.psf_radius
    return bool(before and now and abs(now - before) > limit * before)


#: one pixel of a dark is ADU/s
_PER_HOUR = "ADU/pixel/hour"


def _in_pixels(product: Any, name: str, limit: float, numbers: Numbers | None) -> float:
    """Return a limit in the unit of the pixels: ADU/s for those per hour, noise for sigma."""
    unit = product.process_params.declarations[name].unit
    if unit == _PER_HOUR:
        return limit / HOUR
    return limit * numbers.stdev if unit == "sigma" and numbers is not None else limit


CHECKS = (
    Check(parameter="MAXIMUM_ABS_MEAN", flag=QualityFlag.LEVEL, fails=_off_level),
    Check(parameter="MAXIMUM_STDEV", flag=QualityFlag.NOISE, fails=_too_noisy),
    Check(parameter="MAXIMUM_SUBWIN_STDEV", flag=QualityFlag.SUBWINDOWS, fails=_noisy_window),
    Check(parameter="MAXIMUM_SUBWIN_FLATNESS", flag=QualityFlag.SUBWINDOWS, fails=_uneven_windows),
    Check(parameter="MAXIMUM_STRAY_LINES", flag=QualityFlag.STRAYS, fails=_stray_lines),
    Check(parameter="MAXIMUM_STRAY_BOXES", flag=QualityFlag.STRAYS, fails=_stray_boxes),
    Check(parameter="MAXIMUM_NOISE_RATIO", flag=QualityFlag.STRAYS, fails=_unlike_noises),
    Check(parameter="MINIMUM_INPUTS", flag=QualityFlag.FEW_INPUTS, fails=_few_inputs),
    Check(parameter="MAXIMUM_FRACTION", flag=QualityFlag.BAD_PIXELS, fails=_bad_fraction),
    Check(parameter="MAXIMUM_HOLES", flag=QualityFlag.BAD_PIXELS, fails=_holes),
    Check(parameter="MAXIMUM_READ_NOISE", flag=QualityFlag.NOISE, fails=_high_read_noise),
    Check(parameter="MINIMUM_READ_NOISE", flag=QualityFlag.NOISE, fails=_quiet),
    Check(parameter="MAXIMUM_NOISE", flag=QualityFlag.NOISE, fails=_noisy_flat),
    Check(parameter="MAXIMUM_DARK_CURRENT", flag=QualityFlag.LEVEL, fails=_high_dark_current),
    Check(parameter="MAXIMUM_DEVIATION", flag=QualityFlag.NONLINEAR, fails=_nonlinear),
    Check(parameter="MAXIMUM_DEVIATION", flag=QualityFlag.LEVEL, fails=_changed_lamp),
    Check(parameter="MAXIMUM_GAIN_DIFFERENCE", flag=QualityFlag.LEVEL, fails=_unlike_nominal),
    Check(parameter="MAXIMUM_ZERO_FRACTION", flag=QualityFlag.BAD_PIXELS, fails=_weightless),
    Check(parameter="MINIMUM_STARS", flag=QualityFlag.FEW_INPUTS, fails=_few_stars),
    Check(parameter="MINIMUM_SOURCES", flag=QualityFlag.FEW_INPUTS, fails=_few_sources),
    Check(parameter="MIN_NREF", flag=QualityFlag.FEW_INPUTS, fails=_few_matched),
    Check(parameter="MIN_SOURCE_COUNT", flag=QualityFlag.FEW_INPUTS, fails=_few_sources),
    Check(parameter="MAX_ERROR", flag=QualityFlag.NOISE, fails=_uncertain_zero_point),
    Check(parameter="MAX_EXTINCTION_ERROR", flag=QualityFlag.NOISE, fails=_uncertain_extinction),
    Check(parameter="MAX_COLOR_TERM", flag=QualityFlag.LEVEL, fails=_steep),
    Check(parameter="MAX_RMS_OVERLAP", flag=QualityFlag.NOISE, fails=_apart),
    Check(parameter="MAXIMUM_RMS", flag=QualityFlag.NOISE, fails=_scattered_stars),
    Check(parameter="MAXIMUM_PSF_DIFFERENCE", flag=QualityFlag.PSF, fails=_other_width),
    Check(parameter="MAXIMUM_BIAS_DIFFERENCE", flag=QualityFlag.LEVEL, fails=_unequal_pair),
)

def inputs(product: Any) -> int:
    """Return how many raw frames entered a product; 0 where its class does not link to them."""
    for name in product.get_persistent_properties():
        if name.startswith("raw_") and name.endswith("_frames"):
            frames: Sequence[Any] = getattr(product, name)
            return len(frames)
    return 0


def _has_holes(product: Any, pixels: Any) -> bool:
    """Return True if pixels have no value that should have one.

    Maps, weights and flats leave pixels out by design, and so does what is divided by a flat
    wherever that cannot divide.
    """
    import numpy as np

    from awe.calib.sky.flat import usable

    # outside its frame a grid is empty
    if has(product, "grid_target"):
        return False
    if has(product, "count") or has(product, "weight") or "Flat" in type(product).__name__:
        return False
    flat = value_of(product, "flat")
    divisor = flat.data if flat is not None else None
    if divisor is None or divisor.shape != pixels.shape:
        return True
    return bool((~np.isfinite(pixels) & usable(divisor)).any())


def _set(product: Any, flags: QualityFlag) -> QualityFlag:
    if not product._committed:
        product.quality_flags = int(flags)
    return flags

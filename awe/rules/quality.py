"""Quality control: products against their declared limits.

The limits are process parameters; each check names the parameter it reads and the bit of
`QualityFlag` it sets, and runs for every class that has the parameter. Spreads are those of the
bulk of the pixels: hot pixels have a map of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from awe.model.calibrations import RejectedInput
from awe.model.mixins import QualityFlag, has, value_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.statistics import Clipped

__all__ = [
    "CHECKS",
    "Numbers",
    "measure",
    "rejected_inputs",
    "verdict",
    "verify",
]

#: windows over a frame, along y and x
WINDOWS = (8, 4)

#: pixels that suffice for spreads and medians
SAMPLE = 500_000

#: seconds of an hour: the limits of dark currents are per hour, dark frames per second
HOUR = 3600.0

#: a frame with more than this fraction of saturated pixels is flagged as a whole
HALF = 0.5

#: a frame with more than this fraction of dead pixels is flagged as a whole
DEAD_PART = 0.05

#: pixels further from the median do not count for spreads [sigma]
BULK = 5.0


class Numbers:
    """What the checks look at, each measured when a check first asks for it.

    Parameters
    ----------
    pixels : ndarray, shape (ny, nx), any real dtype
        Pixels of a frame; not modified.
    """

    def __init__(self, pixels: NDArray[Any]) -> None:
        self._pixels = pixels
        self.size = int(pixels.size)

    @property
    def mean(self) -> float:
        """Mean of the bulk of the pixels, NaN where none is finite."""
        return self._bulk.mean if self._bulk is not None else float("nan")

    @property
    def stdev(self) -> float:
        """Spread of the bulk of the pixels, NaN where none is finite."""
        return self._bulk.stdev if self._bulk is not None else float("nan")

    @property
    def window_medians(self) -> tuple[float, ...]:
        """Median of each window that holds a finite pixel."""
        return tuple(part.median for part in self._windows)

    @property
    def window_stdevs(self) -> tuple[float, ...]:
        """Spread of each window that holds a finite pixel."""
        return tuple(part.stdev for part in self._windows)

    @cached_property
    def not_finite(self) -> int:
        """Number of pixels without a finite value; integers always have one."""
        import numpy as np

        if self._pixels.dtype.kind != "f":
            return 0
        return self.size - int(np.count_nonzero(np.isfinite(self._pixels)))

    @cached_property
    def zeros(self) -> int:
        """Number of pixels that are 0."""
        import numpy as np

        return self.size - int(np.count_nonzero(self._pixels))

    @cached_property
    def _thin(self) -> NDArray[Any]:
        step = max(1, round((self.size / SAMPLE) ** 0.5))
        return self._pixels[::step, ::step]

    @cached_property
    def _bulk(self) -> Clipped | None:
        import numpy as np

        from awe.calib import statistics

        if not np.isfinite(self._thin).any():
            return None
        return statistics.clipped(self._thin, sigma=BULK, iterations=3)

    @cached_property
    def _windows(self) -> list[Clipped]:
        import numpy as np

        from awe.calib import statistics

        return [
            statistics.clipped(part, sigma=BULK, iterations=2)
            for band in np.array_split(self._thin, WINDOWS[0], axis=0)
            for part in np.array_split(band, WINDOWS[1], axis=1)
            if part.size and np.isfinite(part).any()
        ]


def measure(pixels: NDArray[Any]) -> Numbers:
    """Return the numbers of a frame that the checks look at."""
    return Numbers(pixels)


def verify(product: Any, pixels: NDArray[Any] | None = None) -> int:
    """Return the quality flags of a product against its declared limits.

    A new product gets the result as its `quality_flags`; a committed one is only judged.

    Parameters
    ----------
    product : object
        Product with process parameters, `process_params`.
    pixels : ndarray, optional
        Its pixels; read from its file when left out.
    """
    if pixels is None and has(product, "filename"):
        pixels = product.data
    numbers = measure(pixels) if pixels is not None else None
    parameters = product.process_params
    flags = QualityFlag(0)
    for check in CHECKS:
        limit = value_of(parameters, check.parameter)
        if limit is not None and check.fails(product, numbers, limit):
            flags |= check.flag
    if numbers is not None and numbers.not_finite and _has_holes(product, pixels):
        flags |= QualityFlag.NOT_FINITE
    if product._committed and has(product, "weight"):
        flags |= verdict(product.to_ccddata().flags)
    # known at the making only
    known = QualityFlag.SEEING | QualityFlag.INCOMPLETE | QualityFlag.MISSING
    flags |= QualityFlag(product.quality_flags) & known
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
    if numbers is None or not numbers.window_medians:
        return False
    return max(numbers.window_medians) - min(numbers.window_medians) > limit


def _few_inputs(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return 0 < _inputs(product) < limit


def _bad_fraction(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return numbers is not None and product.count > limit * numbers.size


def _high_read_noise(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(product.read_noise > limit)


def _high_dark_current(product: Any, numbers: Numbers | None, limit: float) -> bool:
    if has(product, "dark_current"):
        return bool(product.dark_current > limit)
    return numbers is not None and numbers.mean * HOUR > limit


def _nonlinear(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(value_of(product, "linearity", 0.0) > limit)


def _unequal_pair(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(abs(product.mean_diff) > limit)


def _changed_lamp(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return has(product, "lamp_ratio") and abs(product.lamp_ratio - 1) > limit


def _few_stars(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(_fit_of(product).stars < limit)


def _scattered_stars(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return bool(_fit_of(product).rms > limit)


def _fit_of(product: Any) -> Any:
    """Return the numbers of a fit: those an image was drawn from, or the product itself."""
    return value_of(product, "illumination_correction") or product


def _weightless(product: Any, numbers: Numbers | None, limit: float) -> bool:
    return numbers is not None and numbers.zeros > limit * numbers.size


CHECKS = (
    Check(parameter="MAXIMUM_ABS_MEAN", flag=QualityFlag.LEVEL, fails=_off_level),
    Check(parameter="MAXIMUM_STDEV", flag=QualityFlag.NOISE, fails=_too_noisy),
    Check(parameter="MAXIMUM_SUBWIN_STDEV", flag=QualityFlag.SUBWINDOWS, fails=_noisy_window),
    Check(parameter="MAXIMUM_SUBWIN_FLATNESS", flag=QualityFlag.SUBWINDOWS, fails=_uneven_windows),
    Check(parameter="MINIMUM_INPUTS", flag=QualityFlag.FEW_INPUTS, fails=_few_inputs),
    Check(parameter="MAXIMUM_FRACTION", flag=QualityFlag.BAD_PIXELS, fails=_bad_fraction),
    Check(parameter="MAXIMUM_READ_NOISE", flag=QualityFlag.NOISE, fails=_high_read_noise),
    Check(parameter="MAXIMUM_DARK_CURRENT", flag=QualityFlag.LEVEL, fails=_high_dark_current),
    Check(parameter="MAXIMUM_DEVIATION", flag=QualityFlag.NONLINEAR, fails=_nonlinear),
    Check(parameter="MAXIMUM_DEVIATION", flag=QualityFlag.LEVEL, fails=_changed_lamp),
    Check(parameter="MAXIMUM_ZERO_FRACTION", flag=QualityFlag.BAD_PIXELS, fails=_weightless),
    Check(parameter="MINIMUM_STARS", flag=QualityFlag.FEW_INPUTS, fails=_few_stars),
    Check(parameter="MAXIMUM_RMS", flag=QualityFlag.NOISE, fails=_scattered_stars),
    Check(parameter="MAXIMUM_BIAS_DIFFERENCE", flag=QualityFlag.LEVEL, fails=_unequal_pair),
)

def _inputs(product: Any) -> int:
    for name in product.get_persistent_properties():
        if name.startswith("raw_") and name.endswith("_frames"):
            inputs: Sequence[Any] = getattr(product, name)
            return len(inputs)
    return 0


def _has_holes(product: Any, pixels: Any) -> bool:
    """Return True if pixels have no value that should have one.

    Maps, weights and flats leave pixels out by design, and so does what is divided by a flat
    wherever that cannot divide.
    """
    import numpy as np

    from awe.calib.sky.flat import usable

    if has(product, "count") or has(product, "weight") or "Flat" in type(product).__name__:
        return False
    flat = value_of(product, "flat")
    divisor = flat.data if flat is not None else None
    if divisor is None or divisor.shape != pixels.shape:
        return True
    return bool((~np.isfinite(pixels) & usable(divisor)).any())


def _set(product: Any, flags: QualityFlag) -> int:
    if not product._committed:
        product.quality_flags = int(flags)
    return int(flags)

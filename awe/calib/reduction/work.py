"""The frame in hand during `reduction.reduce`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from awe.calib import _planes, statistics
from awe.calib.detector import amplifiers
from awe.calib.flags import ANY_FLAG, FLAG_DTYPE, PixelFlag

__all__ = ["Work"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.detector.amplifiers import Levelled
    from awe.calib.detector.geometry import ChipGeometry
    from awe.calib.detector.sections import Slices
    from awe.calib.reduction.settings import Calibrations, Settings
    from awe.calib.sky import background
    from awe.calib.sky.fringe import Scale
    from awe.calib.tracks import Track
    from awe.calib.weight import NoiseModel

#: pitch [pixel] at which levels of whole frames are sampled
_PITCH = 16

#: the noise of calibrations is measured on every such row
_SAMPLED = 64


@dataclass(kw_only=True)
class Work:
    """The frame in hand; planes appear as steps make them.

    `bias_level` is the typical count of the master bias [ADU], 0 without one, from `trim` on.
    """

    raw: NDArray[np.generic]
    geometry: ChipGeometry
    calibrations: Calibrations
    settings: Settings
    shape: tuple[int, int] = (0, 0)
    levelled: Levelled | None = None
    noises: tuple[tuple[Slices, NoiseModel], ...] = ()
    science: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    variance: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    weight: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    flags: NDArray[np.uint16] = field(default_factory=lambda: np.empty((0, 0), FLAG_DTYPE))
    vignetting: background.Surface | None = None
    sky: background.Surface | None = None
    fringe_scale: Scale | None = None
    dark_noise: float = 0.0
    bias_noise: float = 0.0
    bias_level: float = 0.0
    tracks: tuple[Track, ...] = ()

    @property
    def read(self) -> Levelled:
        """The frame without strips, with its levels; there from the step `trim` on."""
        assert self.levelled is not None
        return self.levelled

    def flag(self, flag: PixelFlag, bad: NDArray[np.bool_], rows: slice = slice(None)) -> int:
        """Set a bit wherever `bad` is True; returns how many pixels that are.

        Parameters
        ----------
        flag : PixelFlag
            Bit to set.
        bad : ndarray of bool
            Map of the pixels to mark, as many rows as `rows` has.
        rows : slice
            Rows of the frame the map covers; all by default.
        """
        return int(_planes.mark(self.flags[rows], bad, FLAG_DTYPE.type(flag)))

    def noise_of(self, image: NDArray[np.float32], name: str) -> float:
        """Return the noise most pixels of a calibration have: as stated, or measured.

        Parameters
        ----------
        image : ndarray of float32
            The calibration.
        name : str
            Field of `Calibrations` that may hold its variance.
        """
        variance = getattr(self.calibrations, name)
        if variance is None:
            return float(statistics.pixel_noise(image, step=_SAMPLED))
        if isinstance(variance, np.ndarray):
            variance = np.nanmedian(variance[::_PITCH, ::_PITCH])
        return float(np.sqrt(variance))

    def bias_variance(self, rows: slice) -> NDArray[np.float32] | np.float32:
        """Return the variance of the master bias [ADU**2] on some rows.

        Parameters
        ----------
        rows : slice
            Rows of the frame.
        """
        variance = self.calibrations.bias_variance
        return variance[rows] if isinstance(variance, np.ndarray) else np.float32(variance)

    def dark_variance(self, rows: slice) -> NDArray[np.float32] | np.float32:
        """Return the variance that the dark adds where it is subtracted [ADU**2].

        Parameters
        ----------
        rows : slice
            Rows of the frame.
        """
        known = self.calibrations.dark_variance
        if known is None:
            return np.float32(self.dark_noise**2)
        # (1 - t k)**2 of the bias in s - B - t (x - k B), where 1 + (t k)**2 was added
        time, share = self.settings.exposure_time, self.calibrations.dark_bias
        extra: NDArray[np.float32] = np.float32(time**2) * known[rows]
        return extra - np.float32(2 * time * share) * self.bias_variance(rows)

    @property
    def level(self) -> float:
        """Mean electronic level of a pixel [ADU], that of the master bias included."""
        return float(np.nanmean(self.read.offset)) + self.bias_level

    def within(self, place: Slices, rows: slice) -> Slices | None:
        """Return the part of a place in the frame that is in a block of rows, or None.

        Parameters
        ----------
        place : (slice, slice)
            Rows and columns of the frame.
        rows : slice
            Rows in hand.
        """
        start, stop = max(place[0].start, rows.start), min(place[0].stop, rows.stop)
        return (slice(start, stop), place[1]) if start < stop else None

    @property
    def full(self) -> float:
        """Count above the electronic level at which the first pixels are full [ADU]."""
        settings = self.settings
        if not settings.amplifiers:
            return settings.saturation_high - float(np.nanmean(self.read.offsets))
        scale = np.float32(1) if self.read.scale is None else self.read.scale
        return float(np.nanmin((self.saturation - self.read.offsets) * scale))

    @property
    def saturation(self) -> float | NDArray[np.float32]:
        """Raw count from which pixels are saturated [ADU], by pixel where amplifiers differ."""
        settings = self.settings
        if not settings.amplifiers:
            return settings.saturation_high
        return amplifiers.plane(self.geometry, [one.saturation for one in settings.amplifiers])

    @property
    def bad(self) -> NDArray[np.bool_]:
        """True where any bit is set so far."""
        return self.carrying(ANY_FLAG)[0]

    def carrying(self, bits: PixelFlag) -> tuple[NDArray[np.bool_], int]:
        """Return where any of some bits is set so far, and how many pixels that are.

        Parameters
        ----------
        bits : PixelFlag
            Reasons to look for, joined by `|`.
        """
        bad = np.empty(self.shape, np.bool_)
        number = _planes.carrying(self.flags, FLAG_DTYPE.type(bits), bad)
        return bad, int(number)

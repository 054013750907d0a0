"""What a raw frame is reduced with, and what comes of it: calibrations, numbers, planes, log."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from awe.calib import _planes
from awe.calib import flags as reasons
from awe.calib._frames import plain
from awe.calib.flags import FLAG_DTYPE, PixelFlag
from awe.calib.weight import require_model
from awe.errors import ParameterError

__all__ = [
    "AmplifierSettings",
    "Calibrations",
    "CosmicSettings",
    "Look",
    "Record",
    "Reduced",
    "SatelliteSettings",
    "Settings",
]

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from awe.calib.sky.fringe import Scale
    from awe.calib.tracks import Track


@dataclass(frozen=True, kw_only=True)
class Calibrations:
    """What a raw frame is reduced with; images are trimmed, float32, shape (ny, nx).

    Attributes
    ----------
    bias : ndarray, ADU, or None
        Master bias; None subtracts none.
    bias_method : int
        Overscan method the bias was made with; must be that of the frame.
    bias_variance : float or ndarray, ADU**2
        Variance of a pixel of the master bias, or of each.
    flat : ndarray or None
        Master flat, mean 1.
    flat_noise : float
        Noise of a pixel of response 1 of the master flat.
    flat_variance : ndarray or None
        Variance of each of its pixels; None states it by `flat_noise`.
    dark : ndarray, ADU/s, or None
        Dark current.
    dark_variance : ndarray, (ADU/s)**2, or None
        Of each of its pixels; None measures their noise on the dark.
    dark_bias : float, 1/s
        How much of this very bias is in the dark: their errors cancel in part. 0 if another is.
    glow : ndarray, ADU/s, or None
        Dark current that is not subtracted, how far it stands out of its surroundings
        (`pixels.residual`): pixels it lifts by more than `glow_limit` are flagged.
    glow_limit : float, sigma
        In units of the noise of the frame and of the dark together.
    illumination : ndarray or None
        Illumination correction, mean 1; divides.
    fringes : ndarray, ADU, or None
        Fringe frame.
    fringe_variance : ndarray, ADU**2, or None
        Of each of its pixels; None measures their noise on the fringe frame.
    background : ndarray, ADU, or None
        Sky of this very frame after its flat, before any illumination correction; subtracted
        instead of one estimated from boxes.
    hot, cold : ndarray of bool or None
        True = bad.
    curvature : float, 1/ADU
        Non-linearity of the chip (`gain.linearity`); 0 for none.
    reasons : ndarray of uint16 or None
        Reason bits the masters carry, joined.
    """

    bias: NDArray[np.float32] | None = None
    bias_method: int = 0
    bias_variance: float | NDArray[np.float32] = 0.0
    flat: NDArray[np.float32] | None = None
    flat_noise: float = 0.0
    flat_variance: NDArray[np.float32] | None = None
    dark: NDArray[np.float32] | None = None
    dark_variance: NDArray[np.float32] | None = None
    dark_bias: float = 0.0
    glow: NDArray[np.float32] | None = None
    glow_limit: float = np.inf
    illumination: NDArray[np.float32] | None = None
    fringes: NDArray[np.float32] | None = None
    fringe_variance: NDArray[np.float32] | None = None
    background: NDArray[np.float32] | None = None
    hot: NDArray[np.bool_] | None = None
    cold: NDArray[np.bool_] | None = None
    curvature: float = 0.0
    reasons: NDArray[np.uint16] | None = None

    def __post_init__(self) -> None:
        """Take masked arrays for what they mean: no value, or bad where it is a map."""
        for field in fields(self):
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))

    def let_go(self, names: Iterable[str]) -> None:
        """Become without some of the calibrations, so that their memory is free.

        Parameters
        ----------
        names : iterable of str
            Attributes that nothing needs any more.
        """
        for name in names:
            object.__setattr__(self, name, None)
            if name in ("hot", "cold"):
                vars(self).pop("defects", None)

    @cached_property
    def defects(self) -> NDArray[np.bool_] | None:
        """Pixels that are hot or cold; None without maps."""
        if self.hot is None or self.cold is None:
            return self.hot if self.cold is None else self.cold
        return self.hot | self.cold


@dataclass(frozen=True, kw_only=True)
class AmplifierSettings:
    """Numbers of one of several amplifiers; all but `saturation` in counts of the chip.

    Attributes
    ----------
    gain : float, e-/ADU
        Electrons per count.
    read_noise : float, ADU
        Of one pixel.
    curvature : float, 1/ADU
        Non-linearity (`gain.linearity`); 0 for none.
    saturation : float, raw ADU
        Least raw count of saturated pixels.
    """

    gain: float
    read_noise: float
    curvature: float = 0.0
    saturation: float = np.inf

    def __post_init__(self) -> None:
        """Refuse numbers with which no variance can be stated."""
        require_model(self.gain, self.read_noise)


@dataclass(frozen=True, kw_only=True)
class CosmicSettings:
    """Arguments of `cosmic.find`; see there.

    With `starless` the raw frame shows no width of stars: if there is no light like that of a star
    either, all charge above the sky is a hit (`cosmic.widen`).
    """

    sigma: float
    neighbour_fraction: float
    sharpness: float
    iterations: int
    groups: float
    fwhm: float = 0.0
    exceeds: float = 0.5
    wing_limit: float = 0.0
    starless: bool = False


@dataclass(frozen=True, kw_only=True)
class SatelliteSettings:
    """Arguments of `tracks.find`; see there."""

    threshold: float
    binning: int
    minimum_length: float


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Numbers a raw frame is reduced with.

    Attributes
    ----------
    overscan : int
        Method, see `overscan.METHODS`.
    gain : float, e-/ADU
        Gain of the chip.
    read_noise : float, ADU
        Read noise of the chip.
    exposure_time : float, s
        Scales the dark current.
    saturation_high, saturation_low : float, ADU
        Least raw count of saturated pixels, largest raw count of dead ones near them.
    bleed_along, bleed_beside, dead_reach : int, pixel
        See `saturation.find`.
    minimum_response : float
        Flat values below cannot divide.
    fringe_low, fringe_high : float, ADU
        See `fringe.scale`.
    image_threshold : float
        Least height of sources above the sky.
    background_box : int, pixel
        Boxes of the smooth sky; 0 leaves the sky in the image.
    cosmic : CosmicSettings or None
        None looks for no cosmic rays.
    satellite : SatelliteSettings or None
        None looks for no tracks.
    amplifiers : tuple of AmplifierSettings
        Numbers of each amplifier, where there are several; they go before those of the chip.
    """

    overscan: int
    gain: float
    read_noise: float
    exposure_time: float
    saturation_high: float
    saturation_low: float
    bleed_along: int
    bleed_beside: int
    dead_reach: int
    minimum_response: float
    fringe_low: float
    fringe_high: float
    image_threshold: float
    background_box: int
    cosmic: CosmicSettings | None
    satellite: SatelliteSettings | None
    amplifiers: tuple[AmplifierSettings, ...] = ()

    def __post_init__(self) -> None:
        """Refuse numbers with which no variance can be stated."""
        require_model(self.gain, self.read_noise)
        if not 0 <= self.exposure_time < np.inf:
            msg = f"exposure time {self.exposure_time} s must be finite and at least 0"
            raise ParameterError(msg)


@dataclass(frozen=True, kw_only=True)
class Record:
    """What became of one step.

    Attributes
    ----------
    name, text : str
        Name and description of the step.
    done : bool
        False when it was skipped.
    detail : str
        Why it was skipped, or what it found.
    before, after : str
        Units of the science pixels.
    """

    name: str
    text: str
    done: bool
    detail: str
    before: str
    after: str

    def __str__(self) -> str:
        state = "done" if self.done else "skipped"
        return f"{self.name}: {state}; {self.detail}" if self.detail else f"{self.name}: {state}"


@dataclass(frozen=True, kw_only=True)
class Look:
    """The frame after one of its steps, copied; planes have shape (ny, nx).

    Attributes
    ----------
    record : Record
        The step, and what became of it.
    science : ndarray of float32
        Pixels in the unit the step gives.
    variance : ndarray of float32, ADU**2, or None
        None before it is stated.
    flags : ndarray of uint16
        Bits of `PixelFlag` set so far.
    """

    record: Record
    science: NDArray[np.float32]
    variance: NDArray[np.float32] | None
    flags: NDArray[np.uint16]


@dataclass(frozen=True, kw_only=True)
class Reduced:
    """A reduced science frame; planes have shape (ny, nx).

    Attributes
    ----------
    science : ndarray of float32, ADU
        NaN where there is no value.
    variance : ndarray of float32, ADU**2
        NaN where there is no value.
    weight : ndarray of float32
        Flat times good: 0 if and only if a reason bit is set.
    flags : ndarray of uint16
        Bits of `PixelFlag`.
    tracks : tuple of Track
        Satellite and aircraft tracks found.
    fringe_scale : Scale or None
        Strength of the fringes subtracted.
    level : float, ADU
        Mean electronic level that was subtracted, that of the bias image included.
    full : float, ADU
        Count in the science frame before the flat at which the first pixels are full.
    log : tuple of Record
        Every step, in order.
    """

    science: NDArray[np.float32]
    variance: NDArray[np.float32]
    weight: NDArray[np.float32]
    flags: NDArray[np.uint16]
    tracks: tuple[Track, ...]
    fringe_scale: Scale | None
    log: tuple[Record, ...]
    level: float = 0.0
    full: float = np.inf

    def bad(self, flag: PixelFlag) -> NDArray[np.bool_]:
        """Return the map of one reason (or several joined by `|`): True = bad.

        Parameters
        ----------
        flag : PixelFlag
            Reason, or several joined by `|`.
        """
        bad = np.empty(self.flags.shape, np.bool_)
        _planes.carrying(self.flags, FLAG_DTYPE.type(flag), bad)
        return bad

    @property
    def counts(self) -> dict[str, int]:
        """Number of pixels by reason."""
        return reasons.counts(self.flags)

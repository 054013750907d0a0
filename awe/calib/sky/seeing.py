"""The seeing of one frame, raw or reduced, among hits, galaxies and slopes of the sky.

Stars are round, of one profile, and all of one width; a hit is sharper once the pixel is taken
out, galaxies differ. Where no width can be told there is no answer, and never a guess.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib.detector.trim import require_shape
from awe.calib.sky import clump, floor, gauss
from awe.calib.sky.summits import summits
from awe.calib.weight import require_model
from awe.errors import NoValidPixels

__all__ = ["Seeing", "State", "lights", "measure", "mistaken"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Values = NDArray[np.float64]

#: boxes of the local sky, and the pitch at which their pixels are read [pixel]
_BOX, _PITCH = 64, 4

#: peaks fitted at most
_MOST = 1000

#: a star: least signal to noise, largest ellipticity (and its noise times snr), largest residual
# of the core and pedestal, both as a part of the peak
_SNR, _ROUND, _ROUND_NOISE, _RESIDUAL, _PEDESTAL = 15.0, 0.15, 2.0, 0.08, 0.35

#: sharpest and widest star [pixel]
_SHARPEST, _WIDEST = 0.8, 13.0

#: stars of a clump at least; one more for every 500 other peaks, of which some look like stars
_STARS, _OTHERS = 3, 500

#: hits that were taken away per star more that is needed: sharp stars among them leave galaxies
_TAKEN = 150

#: where stars are as sharp as hits: least number of them, least part of the peaks that look like
# stars (stars 0.9; hits alone 0.3 at most), least pedestal (a star has wings, a hit has none)
_SHARP_STARS, _SHARP_PART, _SHARP_WINGS = 15, 0.4, 0.001

#: among more hits, sharp peaks of one width are stars if they have clear wings: least number of
# them, least part of what looks like stars, least pedestal (hits have -0.003 to 0.002)
_WINGED, _WINGED_PART, _CLEAR_WINGS = 25, 0.2, 0.0025

#: sharpest star without its wings [pixel]; hits of one width are 0.6 to 0.86
_SHARPEST_STAR = 0.9

#: peaks flagged as hits that look like stars: least height above the sky [sigma], least signal to
# noise, least width without the pixel; hits of charge that diffused are 0.6 to 1.1 pixels wide
_SEEN, _SEEN_SNR, _WIDE_FOR_A_HIT = 5.0, 12.0, 1.25

#: flagged peaks that are stars: least width, less its error, largest residual, and lowest pedestal
# with its noise times snr (3 in 10,000 hits are so, and a third of the stars of 1.0 to 1.3 pixels)
_LOST_WIDTH, _LOST_RESIDUAL, _LOST_PEDESTAL, _PEDESTAL_NOISE = 1.25, 0.03, -0.02, 0.5

#: stars of this width keep their cores [pixel]
_SAFE = 1.4

#: part of all hits that look so by chance at most
_BY_CHANCE = 0.03

#: a frame has no stars if for this many peaks that are hits one other at most looks like a star,
# and one in ten, or two, are others at all; around that one and wide ones nothing may be flagged
_HITS_TO_A_LOOK, _OTHERS_TO_A_HIT, _OTHERS_AT_MOST = 1000, 0.1, 2

#: charge that no hit explains is narrower [pixel], and how far light reaches, in its widths
_WIDE_FOR_CHARGE, _REACH = 4.0, 3.0

#: (FWHM of the fit [pixel], a, b): wings lift the sky of a fit by p of the peak, and widen its
# Gaussian by a p / (p + b) in ln: Moffat profiles of 2.5 to 4.8 and a Gaussian, fitted so
_WINGS = (
    (1.11, 0.289, 0.0012), (1.31, 0.269, 0.0034), (1.41, 0.332, 0.0084), (1.56, 0.285, 0.0105),
    (1.71, 0.244, 0.0111), (1.86, 0.240, 0.0166), (2.01, 0.265, 0.0290), (2.41, 0.221, 0.0300),
    (2.73, 0.188, 0.0234), (3.03, 0.172, 0.0300), (3.44, 0.155, 0.0294), (3.84, 0.124, 0.0300),
    (4.76, 0.104, 0.0275), (6.29, 0.083, 0.0267), (8.34, 0.073, 0.0278),
)  # fmt: skip

#: what the pixels add to the width of flanks, in quadrature [pixel]
_FLANKS = 1.37


class State(StrEnum):
    """How well the seeing of a frame is known."""

    MEASURED = "measured"
    UNDERSAMPLED = "undersampled"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Seeing:
    """Width of the stars of one frame.

    Attributes
    ----------
    fwhm : float, pixel
        Full width at half maximum of the light that falls on the pixels; NaN if there is none.
    error : float, pixel
        Its standard error from the scatter of the stars; NaN if there is none.
    stars : int
        How many stars it comes from.
    state : State
        Measured; undersampled: the stars are as sharp as hits; none.
    others : int
        How many peaks have another shape or width, of at most 1000.
    """

    fwhm: float
    error: float
    stars: int
    state: State
    others: int = 0

    @property
    def known(self) -> bool:
        """True if there is a width."""
        return self.state is not State.NONE

    @property
    def told(self) -> bool:
        """True if hits are told from stars by it: stars as sharp as hits may lose their cores."""
        return self.state is State.MEASURED

    @property
    def safe(self) -> bool:
        """True if no star is sharp enough to be taken for a hit."""
        return self.told and self.fwhm > _SAFE

    @property
    def flanks(self) -> float:
        """Width the pixels show on the flanks of stars [pixel]; what `cosmic` expects."""
        return math.hypot(self.fwhm, _FLANKS)


_NONE = Seeing(fwhm=math.nan, error=math.nan, stars=0, state=State.NONE)


@takes_frames()
def measure(
    image: NDArray[np.generic],
    *,
    threshold: float,
    saturation: float,
    narrowest: float,
    gain: float,
    bad: NDArray[np.bool_] | None = None,
    taken: int = 0,
) -> Seeing:
    """Return the seeing of an image.

    Parameters
    ----------
    image : ndarray, shape (ny, nx), any real dtype, ADU
        Raw or reduced, with its sky; not modified. Non-finite pixels are left out.
    threshold : float, sigma
        Least height of a peak above the local sky.
    saturation : float, ADU
        Peaks next to pixels of this level are left out.
    narrowest : float, pixel
        Narrower peaks are particle hits, unless they look like stars more often than hits do.
    gain : float, e-/ADU
        For the noise of the light of stars.
    bad : ndarray of bool, shape (ny, nx), optional
        Peaks next to these are left out.
    taken : int
        How many peaks were taken away as hits where no width of stars was known: among them may be
        all stars, and what is left are galaxies. The more, the more stars have to agree.

    Notes
    -----
    A Gaussian integrated over pixels is fitted to each peak; wings, which widen it, are taken off
    by way of the sky of the fit, so that Gauss and Moffat profiles agree.

    Examples
    --------
    >>> y, x = np.mgrid[0:90, 0:90]
    >>> places = [(a, b) for a in (15, 45, 75) for b in (15, 45, 75)]
    >>> light = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * 1.5**2)) for a, b in places)
    >>> frame = np.random.default_rng(1).normal(500 + 9000 * light, 10)
    >>> found = measure(frame, threshold=12, saturation=60000, narrowest=1.5, gain=2.5)
    >>> found.state.value, found.stars, bool(abs(found.fwhm - 3.5) < 0.1)
    ('measured', 9, True)
    """
    require_model(gain, 0.0)
    fits, _ = _fitted(image, bad, threshold, saturation, gain)
    return _NONE if fits is None else _judged(fits, narrowest, taken)


@takes_frames()
def mistaken(
    image: NDArray[np.generic],
    hits: NDArray[np.bool_],
    *,
    saturation: float,
    gain: float,
    bad: NDArray[np.bool_] | None = None,
) -> int:
    """Return how many peaks that were flagged as hits look like stars, 0 for as many as hits do.

    Where no width of stars is known, stars sharper than some 1.5 pixels may have been flagged.

    Parameters
    ----------
    image : ndarray, shape (ny, nx), any real dtype, ADU
        The frame with its hits and its sky; not modified.
    hits : ndarray of bool, shape (ny, nx)
        Pixels flagged as hits.
    saturation : float, ADU
        Peaks next to pixels of this level are left out.
    gain : float, e-/ADU
        For the noise of the light of stars.
    bad : ndarray of bool, shape (ny, nx), optional
        Peaks next to these are left out.
    """
    require_model(gain, 0.0)
    fits, places = _fitted(image, bad, _SEEN, saturation, gain)
    if fits is None or places is None:
        return 0
    flagged = np.asarray(hits).ravel()[places]
    number = int((_lost(fits) & flagged).sum())
    return number if number > _BY_CHANCE * int(flagged.sum()) else 0


@takes_frames()
def lights(
    image: NDArray[np.generic],
    hits: NDArray[np.bool_],
    *,
    saturation: float,
    gain: float,
    bad: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_] | None:
    """Return where the rare light of a frame without stars is, or None if there may be stars.

    Parameters
    ----------
    image : ndarray, shape (ny, nx), any real dtype, ADU
        The frame with its hits and its sky; not modified.
    hits : ndarray of bool, shape (ny, nx)
        Pixels flagged as hits.
    saturation : float, ADU
        Peaks next to pixels of this level are left out.
    gain : float, e-/ADU
        For the noise of the light of stars.
    bad : ndarray of bool, shape (ny, nx), optional
        Peaks next to these are left out.

    Returns
    -------
    ndarray of bool, shape (ny, nx), or None
        True around peaks that look like stars, as one in a thousand hits does by chance, and
        around those that are wider than any charge: galaxies.
    """
    require_model(gain, 0.0)
    peaks = _peaks(image, bad, _SEEN, saturation, image.size)
    if peaks is None:
        return None
    pixels, left_out, sky, places = peaks
    flagged = np.asarray(hits).ravel()[places]
    number = int(flagged.sum())
    rest = places[~flagged]
    # more peaks than hits leave are light of some kind: nothing has to be fitted to know
    if rest.size > 2 * number + 100:
        return None
    fits = gauss.fit(pixels, left_out, rest, sky, gain=gain)
    seen = fits.snr > _SEEN_SNR
    starlike = seen & _shaped(fits) & (fits.width > _WIDE_FOR_A_HIT)
    others = int(seen.sum())
    if int(starlike.sum()) > number // _HITS_TO_A_LOOK:
        return None
    if others > max(_OTHERS_AT_MOST, _OTHERS_TO_A_HIT * number):
        return None
    around = np.zeros(pixels.shape, np.bool_)
    spared = starlike | (seen & (fits.width > _WIDE_FOR_CHARGE))
    for place, width in zip(rest[spared], fits.width[spared], strict=True):
        reach = math.ceil(_REACH * width)
        row, column = divmod(int(place), pixels.shape[1])
        around[
            max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1
        ] = True
    return around


class _Peaks(NamedTuple):
    """Pixels, the map of bad ones, the sky, and the places of peaks in the flat frame."""

    pixels: NDArray[np.float32]
    left_out: NDArray[np.bool_]
    sky: floor.Floor
    places: NDArray[np.int64]


def _peaks(
    image: NDArray[np.generic],
    bad: NDArray[np.bool_] | None,
    threshold: float,
    saturation: float,
    most: int,
) -> _Peaks | None:
    """Return the `most` brightest peaks above the sky at most, None without a sky."""
    pixels = np.ascontiguousarray(image, np.float32)
    left_out = np.zeros(pixels.shape, np.bool_) if bad is None else np.ascontiguousarray(bad)
    require_shape(left_out, (pixels.shape[0], pixels.shape[1]), "the map of bad pixels")
    try:
        sky = floor.estimate(pixels, left_out, box=_BOX, step=_PITCH)
    except NoValidPixels:
        return None
    places, _ = summits(
        pixels, left_out, sky, threshold=threshold, saturation=saturation, most=most, margin=4
    )
    return _Peaks(pixels, left_out, sky, places)


def _fitted(
    image: NDArray[np.generic],
    bad: NDArray[np.bool_] | None,
    threshold: float,
    saturation: float,
    gain: float,
) -> tuple[gauss.Fits | None, NDArray[np.int64] | None]:
    """Return the fits of the brightest peaks and their places in the flat frame, or None."""
    peaks = _peaks(image, bad, threshold, saturation, _MOST)
    if peaks is None:
        return None, None
    pixels, left_out, sky, places = peaks
    return gauss.fit(pixels, left_out, places, sky, gain=gain), places


def _shaped(fits: gauss.Fits) -> NDArray[np.bool_]:
    """Return which of the fitted peaks have the shape of a star, whatever their width."""
    shaped: NDArray[np.bool_] = (fits.width > 0) & (np.abs(fits.pedestal) < _PEDESTAL)
    shaped &= (fits.residual < _RESIDUAL) & (fits.width < _WIDEST)
    shaped &= fits.ellipticity < _ROUND + _ROUND_NOISE / np.maximum(fits.snr, 1.0)
    return shaped


def _lost(fits: gauss.Fits) -> NDArray[np.bool_]:
    """Return which of the peaks flagged as hits are too wide, too round and too even for one."""
    error = 1.0 / np.maximum(fits.snr, 1.0)
    lost: NDArray[np.bool_] = _shaped(fits) & (fits.snr > _SEEN_SNR)
    lost &= fits.residual < _LOST_RESIDUAL
    # the width of a faint hit is off by as much as its snr tells, relative
    lost &= fits.width * (1.0 - 2.0 * error) > _LOST_WIDTH
    lost &= fits.pedestal > _LOST_PEDESTAL - _PEDESTAL_NOISE * error
    return lost


def _judged(fits: gauss.Fits, narrowest: float, taken: int) -> Seeing:
    """Return the width that the stars among the fitted peaks share."""
    whole = (fits.width > 0) & (fits.snr > _SNR) & (np.abs(fits.pedestal) < _PEDESTAL)
    shaped = whole & _shaped(fits)
    alike = gauss.Fits(*(values[shaped] for values in fits))
    least = _STARS + int(whole.sum() - shaped.sum()) // _OTHERS + taken // _TAKEN
    found = clump.find(alike.width, alike.snr, least=least, narrowest=narrowest, widest=_WIDEST)
    result = _sharp(alike, int(whole.sum()), narrowest)
    # galaxies have one width as well: where more peaks are sharper and have wings, those count
    if found is not None and result.stars < found.members.sum():
        result = _without_wings(alike, found, State.MEASURED)
    return replace(result, others=int(whole.sum()) - result.stars)


def _sharp(alike: gauss.Fits, peaks: int, narrowest: float) -> Seeing:
    """Return the width of stars that are as sharp as hits, none where they may be hits."""
    found = clump.find(
        alike.width, alike.snr, least=_SHARP_STARS, narrowest=_SHARPEST, widest=narrowest
    )
    if found is None:
        return _NONE
    result = _without_wings(alike, found, State.UNDERSAMPLED)
    wings = _pedestal(alike, found)
    # nearly all there is must look like stars, or those that do must have clear wings
    many = alike.width.size >= max(_SHARP_STARS, _SHARP_PART * peaks) and wings > _SHARP_WINGS
    winged = result.stars >= max(_WINGED, _WINGED_PART * alike.width.size)
    winged = winged and wings > _CLEAR_WINGS
    return result if (many or winged) and result.fwhm > _SHARPEST_STAR else _NONE


def _without_wings(fits: gauss.Fits, found: clump.Clump, state: State) -> Seeing:
    """Return the width of a clump of stars, what wings add to it taken off."""
    of_fit, most, half = (np.array(column) for column in zip(*_WINGS, strict=True))
    pedestal = max(_pedestal(fits, found), 0.0)
    change = float(np.interp(found.width, of_fit, most)) * pedestal
    change /= pedestal + float(np.interp(found.width, of_fit, half))
    return Seeing(
        fwhm=found.width * math.exp(-change),
        error=found.error,
        stars=int(found.members.sum()),
        state=state,
    )


def _pedestal(fits: gauss.Fits, found: clump.Clump) -> float:
    """Return the median pedestal of a clump; bright stars weigh more, their sky matters less."""
    pedestal, snr = fits.pedestal[found.members], fits.snr[found.members]
    order = np.argsort(pedestal, kind="stable")
    upto = np.cumsum(snr[order])
    return float(pedestal[order[np.searchsorted(upto, 0.5 * upto[-1])]])

"""Cosmic rays on a single exposure: L.A.Cosmic with separable medians, on a true noise model.

The search runs in electrons, with the vignetting of the flat put back in, because there the noise
of a pixel is that of its counts; the small scales of the flat stay out. It needs the sky in the
image. With `groups=0` and `pad=0` the mask is that of astroscrappy's
`detect_cosmics(sepmed=True)`.

References
----------
van Dokkum, P. G. 2001, PASP 113, 1420 (L.A.Cosmic). Departures: separable medians of 7, 7, 5 and
9 pixels as in astroscrappy (finds more), sharpness limit by the seeing, two tests of every
connected group, against the noise and against a star (`stars`), pixels next to a hit (`wings`)
and what no star is like (`blobs`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.calib import statistics
from awe.calib._frames import takes_frames
from awe.calib._memory import room
from awe.calib.cosmic import blobs, connected, holes, kernels, search, starless, stars, wings
from awe.calib.cosmic.sharpness import sharpness_limit, star_part
from awe.calib.detector.saturation import grown
from awe.calib.detector.trim import require_shape
from awe.calib.threads import bands
from awe.errors import NoValidPixels, ParameterError

__all__ = ["CosmicRays", "find", "sharpness_limit", "star_part", "widen"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.sky.background import Surface

#: where more than the first fraction of a frame exceeds the threshold, no more than the second
# may be as far below all four neighbours: crowds have peaks, too small a noise has both
_MOST, _MOST_HOLES = 0.1, 0.01

#: width of the mirrored border [pixel]
_PAD = 4


@dataclass(frozen=True, kw_only=True)
class CosmicRays:
    """Particle hits of one exposure.

    Attributes
    ----------
    bad : ndarray of bool, shape (ny, nx)
        True where a hit is.
    count : int
        Number of flagged pixels.
    groups : int
        Number of connected groups of flagged pixels; -1 when groups were not tested.
    dropped : int
        Number of groups of sharp pixels that noise or a star explains.
    cleaned : ndarray of float32, shape (ny, nx), electrons, or None
        The image with hits replaced by the mean of their surroundings.
    """

    bad: NDArray[np.bool_]
    count: int
    groups: int
    dropped: int
    cleaned: NDArray[np.float32] | None


@takes_frames()
def find(
    image: NDArray[np.float32],
    *,
    gain: float,
    read_noise: float,
    sigma: float,
    neighbour_fraction: float,
    sharpness: float,
    iterations: int,
    saturation: float,
    groups: float,
    fwhm: float = 0.0,
    exceeds: float = 0.5,
    wing_limit: float = 0.0,
    bad: NDArray[np.bool_] | None = None,
    saturated: NDArray[np.bool_] | None = None,
    vignetting: Surface | None = None,
    pad: int = _PAD,
    clean: bool = False,
) -> CosmicRays:
    """Return the particle hits of one exposure.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx), ADU
        Bias subtracted and flat fielded, with its sky; not modified. Non-finite pixels are
        treated as bad.
    gain : float, e-/ADU
        Electrons per count.
    read_noise : float, electrons
        Noise of the electronics.
    sigma : float
        Threshold of a hit's core.
    neighbour_fraction : float
        Neighbours of a core are flagged above this fraction of `sigma`.
    sharpness : float
        Least contrast between a hit and what a star's profile would give (`objlim`); see
        `sharpness_limit`.
    iterations : int
        Maximum number of rounds of finding and cleaning.
    saturation : float, ADU
        Stars from this level on are left alone, with 4 pixels around.
    groups : float
        Keep a connected group only if the sum of its squared significances exceeds this, and
        judge hits on stars by the noise of the star's light; 0 does neither, as astroscrappy.
    fwhm : float, pixel
        Width of the stars. A group must exceed a star of that width, fitted to it, as well; 0 is
        unknown and tests no stars.
    exceeds : float
        By which part of `groups` it must exceed the star; see `star_part`.
    wing_limit : float, sigma
        A pixel next to a hit belongs to it if it is that much above the scene without the hit, and
        no star is there; next to bright ones the limit is lower. Charge that is not sharp, but
        like no star, is found as well. 0 does neither. Used with `groups` only.
    bad : ndarray of bool, shape (ny, nx), optional
        Pixels never flagged, with their neighbours; their values are not used (`holes.fill`).
    saturated : ndarray of bool, shape (ny, nx), optional
        Saturated pixels and those next to them that their charge has reached: never flagged
        either, but left at their level, which tells a star from a hole. Where a pixel is `bad`
        as well, it is bad.
    vignetting : Surface, optional
        Large scales of the flat the image was divided by; makes the noise model true to its
        corners.
    pad : int
        Width of a mirrored border, so that hits at the very edge are found; 0 as in
        astroscrappy.
    clean : bool
        Return the cleaned image as well.

    Raises
    ------
    NoValidPixels
        A tenth of the frame exceeds the threshold: the sky was subtracted, or gain or read noise
        are wrong.
    ParameterError
        Gain or read noise is not possible.

    Examples
    --------
    >>> frame = np.random.default_rng(1).normal(500, 15, (64, 64)).astype(np.float32)
    >>> frame[30, 30] += 2000
    >>> hits = find(frame, gain=2.5, read_noise=5.5, sigma=4.5, neighbour_fraction=0.3,
    ...             sharpness=3.0, iterations=4, saturation=60000, groups=34)
    >>> bool(hits.bad[30, 30]), hits.groups
    (True, 1)
    """
    ny, nx = image.shape
    for mask, what in ((bad, "the map of bad pixels"), (saturated, "the map of saturated pixels")):
        if mask is not None:
            require_shape(mask, (ny, nx), what)
    _require_model(gain, read_noise, (ny, nx), pad)
    counts, avoided = _electrons(image, bad, saturated, gain, vignetting, pad)
    # core: S' > sigma and S' / F > sharpness; its neighbours: S' > neighbour_fraction sigma
    state, flagged, before, candidates = _search(
        counts, avoided, pad, np.float32(np.float32(read_noise) ** 2), np.float32(sigma),
        np.float32(np.float32(neighbour_fraction) * np.float32(sigma)), np.float32(sharpness),
        groups > 0, iterations, np.float32(saturation * gain),
        # astroscrappy takes the median of the frame for hits with no good pixel around
        np.float32(np.nan if pad else gain * _sampled_median(image, bad)),
    )
    kept, dropped = -1, 0
    if groups > 0:
        kept, dropped = _judged(
            counts, state, flagged, before, candidates, float(read_noise) ** 2, groups, fwhm,
            exceeds, wing_limit, pad, clean,
        )
    hits = np.empty((ny, nx), np.bool_)
    number = kernels.hits(state, pad, hits)
    # pixels outside hits have their own values again
    cleaned = counts[pad : pad + ny, pad : pad + nx].copy() if clean else None
    return CosmicRays(
        bad=hits,
        count=int(number),
        groups=int(kept),
        dropped=int(dropped),
        cleaned=cleaned,
    )


@takes_frames()
def widen(
    image: NDArray[np.float32],
    hits: NDArray[np.bool_],
    *,
    gain: float,
    read_noise: float,
    wing_limit: float,
    bad: NDArray[np.bool_] | None = None,
    saturated: NDArray[np.bool_] | None = None,
    light: NDArray[np.bool_] | None = None,
    vignetting: Surface | None = None,
) -> CosmicRays:
    """Return all charge above the sky as hits, on an exposure without stars.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx), ADU
        As `find` takes it; not modified.
    hits : ndarray of bool, shape (ny, nx)
        What `find` has flagged; pixels of it that are dim and sharp by chance leave.
    gain : float, e-/ADU
        Electrons per count.
    read_noise : float, electrons
        Noise of the electronics.
    wing_limit : float, sigma
        As for `find`. On corners of a hit a pixel joins from 0.9 above it on, on sides lower, by
        0.65 each time its neighbour is brighter by a factor of e, down to 0.7 below it.
    bad : ndarray of bool, shape (ny, nx), optional
        Pixels never flagged, with their neighbours.
    saturated : ndarray of bool, shape (ny, nx), optional
        As for `find`.
    light : ndarray of bool, shape (ny, nx), optional
        What may be light: hits that `find` has flagged there stay as they are.
    vignetting : Surface, optional
        As for `find`.

    Raises
    ------
    NoValidPixels
        The frame has fewer than 16 x 16 pixels.
    ParameterError
        Gain or read noise is not possible.

    Notes
    -----
    A hit that `find` did not see has a pixel 5 sigma above a 7 x 7 median that is within 3 sigma
    of the sky around. Frames with stars lose them here: `sky.seeing.lights` tells.

    Examples
    --------
    >>> frame = np.random.default_rng(1).normal(500, 15, (64, 64)).astype(np.float32)
    >>> frame[30:32, 30:33] += 200
    >>> hits = widen(frame, np.zeros(frame.shape, bool), gain=2.5, read_noise=5.5, wing_limit=2.7)
    >>> bool(hits.bad[30:32, 30:33].all()), hits.groups
    (True, 1)
    """
    ny, nx = image.shape
    maps = (
        (hits, "the map of hits"), (bad, "the map of bad pixels"),
        (saturated, "the map of saturated pixels"), (light, "the map of light"),
    )
    for mask, what in maps:
        if mask is not None:
            require_shape(mask, (ny, nx), what)
    pad = _PAD
    _require_model(gain, read_noise, (ny, nx), pad)
    spared = bad if light is None else light if bad is None else bad | light
    counts, avoided = _electrons(image, spared, saturated, gain, vignetting, pad)
    state = np.zeros(counts.shape, np.uint8)
    kernels.exclude(avoided, nx, pad, np.zeros(0, np.int32), state)
    before = np.pad(np.asarray(hits, bool), pad, mode="reflect")
    known = before & (state == 0)
    # as in the search nothing is flagged within 3 pixels of the border's edge
    for one in (before, known):
        for edge in (one[:3], one[-3:], one[:, :3], one[:, -3:]):
            edge[:] = False
    state[known] = kernels.COSMIC
    flagged = np.flatnonzero(known).astype(np.int32)
    variance = np.float32(np.float32(read_noise) ** 2)
    found = room(counts.size, np.int32)
    number = starless.widen(counts, state, flagged, variance, np.float32(wing_limit), found)
    found = found[:number].copy()
    if light is not None:
        # next to light too: the search has left its neighbours out
        kept = before & ~known & grown(np.pad(light, pad), 1, 1)
        state[kept] |= kernels.COSMIC
        found = np.concatenate([found, np.flatnonzero(kept).astype(np.int32)])
    groups = connected.count(state, found, pad)
    result = np.empty((ny, nx), np.bool_)
    number = kernels.hits(state, pad, result)
    return CosmicRays(
        bad=result, count=int(number), groups=int(groups), dropped=0, cleaned=None
    )


def _judged(
    counts: NDArray[np.float32],
    state: NDArray[np.uint8],
    flagged: NDArray[np.int32],
    before: NDArray[np.float32],
    candidates: NDArray[np.int32],
    read_variance: float,
    groups: float,
    fwhm: float,
    exceeds: float,
    wing_limit: float,
    pad: int,
    clean: bool,
) -> tuple[int, int]:
    """Drop groups that noise or a star explains, take the wings of the others along.

    Returns how many groups are kept and dropped; `counts` is cleaned of those that are kept, of
    what they grew by with `clean`.
    """
    pixels, states = counts.reshape(-1), state.reshape(-1)
    # the tests need the hits themselves, not what replaced them
    after = pixels[flagged]
    pixels[flagged] = before
    # sum of max(0, z)**2 over a group, z its excess over a 7 x 7 median in sigma
    kept, dropped = search.drop_weak(
        counts, state, flagged, np.float32(read_variance), np.float32(groups)
    )
    if fwhm > 0:
        # chi-square of the group over the best star must exceed a part of that bound
        explained = stars.drop_stars(
            counts, state, flagged, read_variance, float(fwhm), exceeds * groups
        )
        kept, dropped = kept - explained, dropped + explained
    remain = (states[flagged] & kernels.COSMIC) > 0
    # wings are looked for in the scene without hits
    pixels[flagged[remain]] = after[remain]
    if wing_limit > 0:
        variance = np.float32(read_variance)
        more = blobs.begin(counts, state, candidates, variance, float(fwhm))
        flagged, before = (
            np.concatenate(both)
            for both in ((flagged[remain], more), (before[remain], pixels[more]))
        )
        states[more] |= kernels.COSMIC
        search.clean(counts, state, more, more.size, np.float32(np.nan))
        listed = room(counts.size, np.int32)
        values, around = (room(counts.size, np.float32) for _ in range(2))
        number = wings.grow(
            counts, state, flagged, before, variance, np.float32(wing_limit), float(fwhm), listed,
            values, around,
        )
        flagged = listed[:number].copy()
        if clean:
            search.clean(counts, state, flagged, flagged.size, np.float32(np.nan))
        kept = connected.count(state, flagged, pad)
    return kept, dropped


def _electrons(
    image: NDArray[np.float32],
    bad: NDArray[np.bool_] | None,
    saturated: NDArray[np.bool_] | None,
    gain: float,
    vignetting: Surface | None,
    pad: int,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return electrons with a border and no holes, and flat indices of pixels never flagged."""
    ny, nx = image.shape
    nothing = np.zeros((0, 0), np.bool_)
    left_out = nothing if bad is None else np.ascontiguousarray(bad, np.bool_)
    full = nothing if saturated is None else np.ascontiguousarray(saturated, np.bool_)
    counts = np.empty((ny + 2 * pad, nx + 2 * pad), np.float32)
    # c = gain V I [e-], V the large scales of the flat: counts as collected, so that
    # variance = c + read noise**2
    factor, box = _factor(gain, vignetting, nx)
    pixels = np.ascontiguousarray(image, np.float32)

    def convert(rows: slice) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        avoided, missing = (room((rows.stop - rows.start) * nx, np.int32) for _ in range(2))
        # astroscrappy does not fill bad pixels; with a true noise model it is the better choice
        n, n_missing = kernels.electrons(
            pixels, left_out, full, pad > 0, factor, box, pad, rows.start, rows.stop, counts,
            avoided, missing,
        )
        return avoided[:n], missing[:n_missing]

    found = bands(convert, ny)
    holes.fill(counts[pad : pad + ny, pad : pad + nx], np.concatenate([part for _, part in found]))
    kernels.mirror(counts, pad)
    return counts, np.concatenate([part for part, _ in found])


def _search(
    counts: NDArray[np.float32],
    avoided: NDArray[np.int32],
    pad: int,
    read_variance: np.float32,
    sigma: np.float32,
    low: np.float32,
    sharpness: np.float32,
    protect: bool,
    iterations: int,
    saturation: np.float32,
    level: np.float32,
) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.float32], NDArray[np.int32]]:
    """Return states, flat indices of flagged pixels, their values before cleaning, candidates."""
    size = counts.size
    candidates, flagged, found, changed = (room(size, np.int32) for _ in range(4))
    s = np.empty_like(counts)

    def significant(rows: slice) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        high, full = (
            room((rows.stop - rows.start) * counts.shape[1], np.int32) for _ in range(2)
        )
        n, n_full = kernels.significance(
            counts, s, read_variance, sigma, saturation, rows.start, rows.stop, high, full
        )
        return high[:n], full[:n_full]

    parts = bands(significant, counts.shape[0])
    full = np.concatenate([full for _, full in parts])
    n = sum(high.size for high, _ in parts)
    np.concatenate([high for high, _ in parts], out=candidates[:n])
    del parts
    state = np.zeros(counts.shape, np.uint8)
    kernels.exclude(avoided, counts.shape[1] - 2 * pad, pad, full, state)
    _require_sky(counts, s, state, candidates[:n], sigma, read_variance)
    before = room(size, np.float32)
    number = search.iterate(
        counts, s, state, candidates, n, read_variance, sigma, low, sharpness, protect, iterations,
        level, flagged, before, found, changed,
    )
    return state, flagged[:number], before[:number], candidates[:n]


def _require_sky(
    counts: NDArray[np.float32],
    s: NDArray[np.float32],
    state: NDArray[np.uint8],
    candidates: NDArray[np.int32],
    sigma: np.float32,
    read_variance: np.float32,
) -> None:
    # without the sky in c the variance is that of the electronics, and sky noise is far above it;
    # the slopes of very bright stars are not sharp, and are only counted out where it matters
    most = max(_MOST * s.size, 100)
    if candidates.size <= most:
        return
    number = search.sharp(s, state, candidates, sigma)
    if number > most and _holes(counts, sigma, read_variance) > _MOST_HOLES:
        msg = (
            f"{100 * number / s.size:.0f} % of the pixels exceed {sigma} sigma: the frame has no "
            "sky in it, or gain or read noise are wrong; correct them before looking for cosmic "
            "rays"
        )
        raise NoValidPixels(msg)


def _holes(
    counts: NDArray[np.float32], sigma: np.float32, read_variance: np.float32
) -> float:
    """Return the fraction of pixels that are far below their four neighbours."""
    middle = counts[1:-1, 1:-1]
    low = np.minimum(counts[:-2, 1:-1], counts[2:, 1:-1])
    np.minimum(low, counts[1:-1, :-2], out=low)
    np.minimum(low, counts[1:-1, 2:], out=low)
    noise = np.sqrt(np.maximum(middle, 0) + read_variance)
    return float(np.mean(low - middle > sigma * noise))


def _factor(
    gain: float, vignetting: Surface | None, nx: int
) -> tuple[NDArray[np.float32], float]:
    """Return electrons per count of the flat-fielded image as rows of a mesh, and their pitch."""
    if vignetting is None:
        # the kernel is linear between two rows: equal ones give a constant
        return np.full((2, nx), gain, np.float32), 1.0
    across = vignetting.across
    if across.shape[0] < 2:
        across = np.repeat(across, 2, axis=0)
    return np.ascontiguousarray(np.float32(gain) * across), float(vignetting.box)


def _sampled_median(image: NDArray[np.float32], bad: NDArray[np.bool_] | None) -> float:
    # 1/64 of a large frame: a median of n values is known to 1.25 / sqrt(n) of their noise
    step = 8 if image.size > 100_000 else 1
    values = image[::step, ::step]
    good = np.isfinite(values)
    if bad is not None:
        good &= ~bad[::step, ::step]
    return statistics.median(values[good][None]) if good.any() else 0.0


def _require_model(gain: float, read_noise: float, shape: tuple[int, int], pad: int) -> None:
    if not 0 < gain < np.inf or not 0 <= read_noise < np.inf:
        msg = f"gain {gain} e-/ADU must be above 0 and read noise {read_noise} e- at least 0"
        raise ParameterError(msg)
    if min(shape) < 16 or not 0 <= pad < min(shape):
        msg = f"cosmic rays need a frame of 16 x 16 pixels or more, found {shape[1]} x {shape[0]}"
        raise NoValidPixels(msg)

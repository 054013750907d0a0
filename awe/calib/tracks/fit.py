"""Judgement of one candidate line at full resolution: whether it is a track, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.calib.threads import bands
from awe.calib.tracks import kernels
from awe.calib.tracks.evenness import has_trend
from awe.calib.tracks.spikes import even_light

__all__ = ["SEGMENTS", "Fit", "Frame", "Line", "chord", "fit"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Profiles = NDArray[np.float32]

#: number of pieces of the strip along the line, and its reach across the line [pixel]
SEGMENTS = 24
_HALF = 40

#: widths tried [pixel, Gaussian sigma]; the first is a column of the chip, the last too wide
# a filter of r times the true width keeps sqrt(2 r / (1 + r**2)) of the score: from 1.2 on, in
# steps of 1.6, at least 0.98 for every width in between
_SIGMAS = (0.5, 1.2, 1.9, 3.0, 5.0, 8.0)

#: a line this near to the columns (x over y) with this many pieces hidden runs along the bleeding
#: of a star, next to its spike and wings
_UPRIGHT = 0.01
_HIDDEN = 3

#: lines as narrow as a pixel are columns and rows, within 1.1 degrees of them or with less score
_ALONG_AXIS = 0.02
_SURE = 20.0

#: wider lines [pixel, Gaussian sigma] need more significance, in proportion: halos, reflections
#: and neighbouring spikes of stars are wide
_NARROW = 2.5

#: least significance, least ratio of median (and of the mean without the brightest third) to
#: mean, least fraction of positive segments: stars and spikes fill only part of a chord
_LEAST_SCORE = 6.0
_LEAST_EVENNESS = 0.45
_LEAST_POSITIVE = 0.7

#: least ratio of the dim to the bright quartile of the segments, noise allowed for: the light of
#: a spike falls off from its star, that of a track does not
_LEAST_UNIFORM = 0.5

#: chords must be longer than the shortest track by the width over this one [pixel, sigma]: a short
#: piece of something wide is even whatever it is
_SLIM = 2.0

#: least significance of the light that no spike explains, and its least share of the mean light
_LEAST_EVEN = 5.0
_LEAST_SHARE = 0.5

#: what dropping the brightest third of 24 values takes off the mean of unit noise
# (normal values: the lowest 16 of 24 have the mean -0.53, the lowest 2/3 of very many -0.55)
_TRIM_BIAS = 0.54

Line = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A judged candidate.

    Attributes
    ----------
    line : tuple of float
        x0, y0, x1, y1: where the fitted line enters and leaves the frame [pixel].
    score : float
        Significance of the whole line.
    sigma : float, pixel
        Gaussian width.
    peak : float
        Brightness at the middle of the profile, unit of the image.
    segments : ndarray of float64
        Significance of every piece; 0 where it could not be measured.
    refused : str
        Why this is not a track; empty when it is.
    hopeless : bool
        A finer look cannot change that: there are several reasons.
    """

    line: Line
    score: float
    sigma: float
    peak: float
    segments: NDArray[np.float64]
    refused: str
    hopeless: bool = False


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What candidates are judged on.

    Attributes
    ----------
    image : ndarray of float32, shape (ny, nx)
        Reduced image.
    bad : ndarray of bool, shape (ny, nx)
        Pixels to leave out.
    sky : ndarray of float32, shape (my, mx)
        Sky at the centre of every box.
    box : int, pixel
        Size of those boxes.
    keep : ndarray of bool, shape (ny // binning, nx // binning)
        Bins to use.
    binning : int, pixel
        Size of those bins.
    noise : float
        Of one pixel, unit of the image.
    minimum_length : float, pixel
        Shorter chords are refused.
    """

    image: NDArray[np.float32]
    bad: NDArray[np.bool_]
    sky: NDArray[np.float32]
    box: int
    keep: NDArray[np.bool_]
    binning: int
    noise: float
    minimum_length: float


def chord(line: Line, shape: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """Return (ux, uy, start, length) of a line within a frame of (ny, nx), or None.

    Parameters
    ----------
    line : tuple of float
        Two points x0, y0, x1, y1 of the line [pixel].
    shape : tuple of int
        Shape (ny, nx) of the frame.
    """
    x0, y0, x1, y1 = line
    length = float(np.hypot(x1 - x0, y1 - y0))
    if length == 0:
        return None
    direction = ((x1 - x0) / length, (y1 - y0) / length)
    begin, end = -1e9, 1e9
    # 0 <= p + t u <= size - 1 holds for a range of t in x and one in y: both share the chord
    for place, step, size in zip((x0, y0), direction, (shape[1], shape[0]), strict=True):
        if abs(step) > 1e-9:
            near, far = sorted(((0 - place) / step, (size - 1 - place) / step))
            begin, end = max(begin, near), min(end, far)
        elif not 0 <= place <= size - 1:
            return None
    if end - begin < 50:
        return None
    return direction[0], direction[1], begin, end - begin


def fit(frame: Frame, line: Line) -> Fit:
    """Return a candidate x0, y0, x1, y1 [pixel] measured and judged.

    Parameters
    ----------
    frame : Frame
        Frame at full resolution with its sky and noise.
    line : tuple of float
        Two points x0, y0, x1, y1 of the candidate [pixel].
    """
    shape = (frame.image.shape[0], frame.image.shape[1])
    result = Fit(
        line=line, score=0.0, sigma=1.9, peak=0.0, segments=np.zeros(SEGMENTS), refused="short"
    )
    # offsets and tilts of +- 8 pixels in steps of 1, then about that line +- 4 in steps of 1/2
    for reach, step in ((8, 1.0), (4, 0.5)):
        place = chord(result.line, shape)
        if place is None or place[3] < frame.minimum_length:
            return result
        mean = np.zeros((SEGMENTS, 2 * _HALF + 1), np.float32)
        number = np.zeros_like(mean)
        _straighten(frame, result.line, place, mean, number)
        result = _matched(result, mean, number, place, frame, reach, step)
        if result.hopeless:
            return result
    return result


def _straighten(
    frame: Frame, line: Line, place: tuple[float, float, float, float], mean: Profiles,
    number: Profiles,
) -> None:
    """Fill the profiles across a line, some pieces on each processor."""
    ux, uy, first, length = place
    bands(
        lambda pieces: kernels.straighten(
            frame.image, frame.bad, frame.sky, frame.box, frame.keep, frame.binning,
            line[0], line[1], ux, uy, first, int(length), _HALF, np.float32(frame.noise),
            pieces.start, pieces.stop, mean, number,
        ),
        SEGMENTS,
        least=6,
    )


def _matched(
    before: Fit,
    mean: Profiles,
    number: Profiles,
    place: tuple[float, float, float, float],
    frame: Frame,
    reach: int,
    step: float,
) -> Fit:
    """Return the best offset, tilt and width on the profiles of a strip."""
    offset = np.arange(-_HALF, _HALF + 1.0)
    # w = n / sigma**2: the inverse variance of the mean of n pixels
    weight = number / frame.noise**2
    side = (np.abs(offset) > 5 * min(before.sigma, 5.0)) & (np.abs(offset) < _HALF - 2)
    # level of each piece: sum w m / sum w over the offsets |d| from 5 sigma, at most 25 pixels,
    # to 38 pixels
    level = (mean * weight * side).sum(1) / np.maximum((weight * side).sum(1), 1e-9)
    signal = np.where(number > 0, mean - level[:, None], 0) * weight
    # middle of piece k along the chord, from -1 to 1: a_k = (2 k + 1) / 24 - 1
    along = 2 * ((np.arange(SEGMENTS) + 0.5) / SEGMENTS - 0.5)
    shifts = np.arange(-reach, reach + step / 2, step)
    # every tilt and shift at once: column of each segment, shape (tilts, shifts, segments)
    # a line offset by d and tilted by t crosses piece k at the offset d + t a_k
    columns = np.rint(
        shifts[None, :, None] + shifts[:, None, None] * along[None, None, :]
    ).astype(np.intp) + _HALF
    rows = np.arange(SEGMENTS)
    best = (-1e9, 0, 0, 1.9, np.zeros(SEGMENTS), np.ones(SEGMENTS))
    for sigma in _SIGMAS:
        # matched filter with g(d) = exp(-d**2 / (2 sigma**2)), cut at 3 sigma, over all pieces
        # and offsets: S = sum w (m - level) g / sqrt(sum w g**2), in sigma
        kernel = np.exp(-0.5 * (np.arange(-int(3 * sigma), int(3 * sigma) + 1) / sigma) ** 2)
        light = np.stack([np.convolve(line, kernel, "same") for line in signal])
        power = np.stack([np.convolve(line, kernel**2, "same") for line in weight])
        sums = light[rows, columns].sum(axis=2)
        powers = power[rows, columns].sum(axis=2)
        score = sums / np.sqrt(np.maximum(powers, 1e-9))
        tilt, shift = divmod(int(np.argmax(score)), score.shape[1])
        if score[tilt, shift] > best[0]:
            chosen = columns[tilt, shift]
            best = (
                float(score[tilt, shift]), tilt, shift, sigma,
                light[rows, chosen], power[rows, chosen],
            )
    score_best, tilt, shift, sigma, light_best, power_best = best
    line = _moved(before.line, place, float(shifts[shift]), float(shifts[tilt]))
    return _judged(
        line, score_best, sigma, light_best, power_best, place[3], frame.minimum_length
    )


def _judged(
    line: Line,
    score: float,
    sigma: float,
    light: NDArray[np.float64],
    power: NDArray[np.float64],
    length: float,
    least_length: float,
) -> Fit:
    segments = np.zeros(SEGMENTS)
    # power_k = sum w g**2 is the inverse variance of the height of piece k; what has less than a
    # quarter of the median is mostly masked
    seen = power > 0
    usable = power > 0.25 * np.median(power[seen]) if seen.any() else seen
    if usable.sum() < SEGMENTS // 2:
        return Fit(
            line=line, score=score, sigma=sigma, peak=0.0, segments=segments, refused="masked"
        )
    # z_k = light_k / sqrt(power_k): significance of every piece
    found = light[usable] / np.sqrt(power[usable])
    segments[usable] = found
    middle = float(np.median(found))
    # side bands on a bright object make single segments very negative: they must not decide
    found = np.maximum(found, middle - 3.0)
    mean = max(float(found.mean()), 1e-9)
    # height of the profile in piece k, light_k / power_k, in the unit of the image; its error is
    # power_k**-1/2
    light_of = light[usable] / power[usable]
    error = float(np.median(power[usable] ** -0.5))
    dim, bright = np.percentile(light_of, [25, 75])
    kept = np.sort(found)[: int(0.67 * found.size)]
    # S = sum z_k sqrt(power_k) / sqrt(sum power_k) with z_k of at least the median less 3
    score = float((found * np.sqrt(power[usable])).sum() / np.sqrt(power[usable].sum()))
    # light on less than half of the pieces has a median near 0; without its brightest third
    # little is left of it; quartiles of the height, each moved by its error towards the other,
    # may differ by a factor 2; normal pieces of 0.52 sigma are positive in 70 per cent of cases
    reasons = {
        "weak": score < _LEAST_SCORE * max(1.0, sigma / _NARROW),
        "concentrated": middle / mean < _LEAST_EVENNESS
        or (float(kept.mean()) + _TRIM_BIAS) / mean < _LEAST_EVENNESS,
        "uneven": dim + error < _LEAST_UNIFORM * (bright - error),
        "few": float((found > 0).mean()) < _LEAST_POSITIVE,
        "column": sigma <= _SIGMAS[0] and (score < _SURE or _is_along_axis(line)),
        "bleeding": usable.sum() <= SEGMENTS - _HIDDEN and _is_upright(line),
        "wide": sigma >= _SIGMAS[-1],
        "trend": has_trend(light_of, error, narrow=sigma <= _NARROW),
        "stout": length < least_length * max(1.0, sigma / _SLIM),
    }
    reasons["spike"] = _is_spike(light, power, usable, length)
    refused = next((reason for reason, holds in reasons.items() if holds), "")
    peak = float(np.median(light_of))
    return Fit(
        line=line, score=score, sigma=sigma, peak=peak, segments=segments, refused=refused,
        hopeless=sum(reasons.values()) > 1,
    )


def _is_upright(line: Line) -> bool:
    x0, y0, x1, y1 = line
    # |dx / dy| < 0.01: within 0.57 degrees of the columns
    return abs(x1 - x0) < _UPRIGHT * abs(y1 - y0)


def _is_along_axis(line: Line) -> bool:
    x0, y0, x1, y1 = line
    short, long = sorted((abs(x1 - x0), abs(y1 - y0)))
    return short < _ALONG_AXIS * long


def _is_spike(
    light: NDArray[np.float64],
    power: NDArray[np.float64],
    usable: NDArray[np.bool_],
    length: float,
) -> bool:
    """Return True if the spikes of stars on the line explain its light."""
    # heights and errors of the pieces; an infinite error is a weight of 0
    measured = np.divide(light, power, out=np.zeros(SEGMENTS), where=usable)
    error = np.full(SEGMENTS, np.inf)
    error[usable] = power[usable] ** -0.5
    even, even_error = even_light(measured, error, length)
    # light that is the same on all pieces: at least 5 of its errors, and half of the mean height
    weak = even < _LEAST_EVEN * even_error
    return weak or even < _LEAST_SHARE * float(measured[usable].mean())


def _moved(
    line: Line, place: tuple[float, float, float, float], shift: float, tilt: float
) -> Line:
    """Return the chord shifted across and tilted about its middle."""
    ux, uy, first, length = place
    # the normal of (ux, uy) is (-uy, ux); across, the ends move by shift - tilt and shift + tilt
    ends = []
    for along, across in ((first, shift - tilt), (first + length, shift + tilt)):
        ends += [line[0] + along * ux - across * uy, line[1] + along * uy + across * ux]
    return ends[0], ends[1], ends[2], ends[3]

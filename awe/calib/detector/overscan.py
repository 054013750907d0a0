"""The electronic level of a raw frame, measured in its prescan or overscan strips.

`METHODS` names the eleven ways (0 to 10, as in `OVERSCAN_CORRECTION`); 6, one level per row from
the overscan columns, is what tasks use unless told otherwise. Levels are means of the strip's
pixels without outliers, not medians: the median of integers is quantised and a quarter noisier.
This module does not trim.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib.detector import charge, sections
from awe.errors import NoValidPixels, ParameterError, WrongShape

__all__ = ["METHODS", "Levels", "correct", "measure", "require_same", "strips_of"]

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from awe.calib.detector.geometry import ChipGeometry

    Floats = NDArray[np.float32]
    Strip = tuple[NDArray[np.float32], int]

#: number of a method -> what it does
METHODS: dict[int, str] = {
    0: "no correction",
    1: "one level: median of the prescan in x",
    2: "one level: median of the overscan in x",
    3: "one level: median of the prescan in y",
    4: "one level: median of the overscan in y",
    5: "per row: mean of the prescan in x",
    6: "per row: mean of the overscan in x",
    7: "per column: mean of the prescan in y",
    8: "per column: mean of the overscan in y",
    9: "per row: mean of the overscan in x, smoothed along y",
    10: "per row: mean of prescan and overscan in x together, smoothed along y",
}

#: method -> the strips it reads
_STRIPS: dict[int, tuple[str, ...]] = {
    1: ("prescan_x",), 2: ("overscan_x",), 3: ("prescan_y",), 4: ("overscan_y",),
    5: ("prescan_x",), 6: ("overscan_x",), 7: ("prescan_y",), 8: ("overscan_y",),
    9: ("overscan_x",), 10: ("prescan_x", "overscan_x"),
}

#: strip -> the one at the other side of the image
_ACROSS = {
    "prescan_x": "overscan_x", "overscan_x": "prescan_x",
    "prescan_y": "overscan_y", "overscan_y": "prescan_y",
}

#: strip -> what it is called in messages
_SECTIONS = {
    "prescan_x": "a prescan in x", "overscan_x": "an overscan in x",
    "prescan_y": "a prescan in y", "overscan_y": "an overscan in y",
}

#: distance of outliers of a strip (particle hits, trails) from the level [sigma of the strip];
#: a property of the estimator, not a choice of science: nothing but hits is so far away
_OUTLIER = 6.0

#: sigma [rows] of the Gaussian that smooths methods 9 and 10
_SMOOTH = 12


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Electronic levels of one raw frame.

    Attributes
    ----------
    values : ndarray of float32, shape (1, 1), (ny, 1) or (1, nx), ADU
        To be subtracted from the whole raw frame by broadcasting.
    sigma : float, ADU
        Noise of one pixel of the strip.
    variance : float, ADU**2
        Variance of one level: it enters every pixel the level is subtracted from.
    method : int
        Number of the method.
    borrowed : int
        Number of lines with charge in their strip, whose level is that of the lines around.
    """

    values: NDArray[np.float32]
    sigma: float
    variance: float
    method: int
    borrowed: int = 0


@takes_frames()
def measure(
    raw: NDArray[np.generic],
    geometry: ChipGeometry,
    method: int,
    strips: tuple[str, ...] = (),
) -> Levels:
    """Return the electronic levels of a raw frame.

    Parameters
    ----------
    raw : ndarray, shape (ny, nx), ADU
        Untrimmed frame of any real dtype; not modified.
    geometry : ChipGeometry
        Geometry of the image, with its prescan and overscan.
    method : int
        Number of one of `METHODS`.
    strips : tuple of str
        Names of the strips that are read instead of those of the method; see `strips_of`.

    Raises
    ------
    ParameterError
        There is no such method.
    WrongShape
        The chip has no such strip, or the strip leaves the frame.
    NoValidPixels
        A whole strip is not finite.

    Notes
    -----
    A pixel more than 6 sigma from the median of its row's strip is left out. Where charge fills
    the whole strip of some rows, their level is far from that of the rows around and the pixels
    that see light do not share the step: these rows get the level of those around. Smoothing
    lowers the noise that one row's level puts on the whole row; use it where levels drift slowly
    along y.
    """
    if method not in METHODS:
        known = ", ".join(f"{number} ({text})" for number, text in METHODS.items())
        msg = f"overscan method {method!r} does not exist; choose one of {known}"
        raise ParameterError(msg)
    if method == 0:
        return Levels(values=np.zeros((1, 1), np.float32), sigma=0.0, variance=0.0, method=0)
    geometry.check(raw.shape, "the raw frame")
    names = strips or _STRIPS[method]
    parts = [_strip(raw, geometry, name, method) for name in names]
    # method 10: prescan and overscan in one line, every pixel of the same weight
    strip = np.concatenate(parts, axis=1)
    place = _section(geometry, names[0], method)
    if _MEASURES[method] is _single:
        return _single(strip, method)
    along = place[0] if names[0].endswith("_x") else place[1]
    levels = _without_charge(_lines(strip, method), raw, geometry, names[0], along.start)
    if _MEASURES[method] is not _lines:
        levels = _MEASURES[method](levels)
    return _extended(levels, raw.shape, place)


@takes_frames()
def correct(
    raw: NDArray[np.generic], geometry: ChipGeometry, method: int
) -> NDArray[np.float32]:
    """Return the raw frame minus its electronic level, untrimmed.

    Parameters
    ----------
    raw : ndarray, shape (ny, nx), ADU
        Untrimmed frame of any real dtype; not modified.
    geometry : ChipGeometry
        Geometry of the image, with its prescan and overscan.
    method : int
        Number of one of `METHODS`.

    Returns
    -------
    ndarray of float32, shape (ny, nx), ADU
        NaN stays NaN.
    """
    levels = measure(raw, geometry, method)
    result: NDArray[np.float32] = np.subtract(
        raw, levels.values, dtype=np.float32, casting="unsafe"
    )
    return result


def strips_of(geometry: ChipGeometry, own: ChipGeometry, method: int) -> tuple[str, ...]:
    """Return the strips that a method reads of one amplifier of an image.

    Where the amplifiers of an image have their strips at different sides, as those of two halves
    whose strips are the outer columns, the strip of an amplifier is the one it has: its own side
    says how it is called, not what it is worth.

    Parameters
    ----------
    geometry : ChipGeometry
        Geometry of the image, with its amplifiers.
    own : ChipGeometry
        That of the amplifier.
    method : int
        Number of one of `METHODS`.

    Returns
    -------
    tuple of str
        Names of strips, each once: those of the method where no amplifier has them.
    """
    names = _STRIPS.get(method, ())
    known = all(any(getattr(one, name) for one in geometry.amplifiers) for name in names)
    if not known:
        return names
    found = (
        name if getattr(own, name) is not None or getattr(own, _ACROSS[name]) is None
        else _ACROSS[name]
        for name in names
    )  # fmt: skip
    return tuple(dict.fromkeys(found))


def require_same(science: int, calibration: int, name: str) -> None:
    """Refuse to combine frames whose overscan methods differ.

    Parameters
    ----------
    science, calibration : int
        Overscan methods of the science frame and of the calibration.
    name : str
        Name of the calibration in the message.

    Raises
    ------
    ParameterError
        The numbers differ; a level would be subtracted twice or not at all.
    """
    if science != calibration:
        msg = (
            f"{name} was made with overscan method {calibration} ({METHODS.get(calibration)}), "
            f"the frame uses {science} ({METHODS.get(science)}); use the same for both, for "
            f"example overscan={calibration}, or make {name} again"
        )
        raise ParameterError(msg)


def _strip(
    raw: NDArray[np.generic], geometry: ChipGeometry, name: str, method: int
) -> Floats:
    """Return one strip as float32 with one level per row of the result."""
    strip = raw[_section(geometry, name, method)].astype(np.float32)
    return strip.T if name.endswith("_y") else strip


def _section(geometry: ChipGeometry, name: str, method: int) -> sections.Slices:
    text: str | None = getattr(geometry, name)
    if text is None:
        usable = [
            str(number)
            for number in METHODS
            if all(getattr(geometry, one) is not None for one in _STRIPS.get(number, ()))
        ]
        msg = (
            f"overscan method {method} ({METHODS[method]}) needs {_SECTIONS[name]}, which the "
            f"header of this frame does not have; it allows overscan={', '.join(usable)}"
        )
        raise WrongShape(msg)
    return sections.parse(text, geometry.shape)


def _extended(levels: Levels, shape: tuple[int, ...], strip: sections.Slices) -> Levels:
    """Return levels for every line of the raw frame: lines beyond the strip get the mean."""
    axis = 0 if levels.values.shape[0] > 1 else 1
    if levels.values.size == 1 or levels.values.size == shape[axis]:
        return levels
    values = np.full(shape[axis], np.nanmean(levels.values), np.float32)
    values[strip[axis]] = levels.values.ravel()
    return replace(levels, values=np.expand_dims(values, 1 - axis))


def _single(strip: Floats, method: int) -> Levels:
    finite = strip[np.isfinite(strip)]
    if finite.size == 0:
        raise NoValidPixels(_empty(method))
    level = float(np.median(finite))
    sigma = _spread(finite - level)
    values = np.full((1, 1), level, np.float32)
    # the median of n Gaussian values has variance (pi / 2) sigma**2 / n
    return Levels(
        values=values, sigma=sigma, variance=1.57 * sigma**2 / finite.size, method=method
    )


def _lines(strip: Floats, method: int) -> Levels:
    """Return one level per row of the strip; a row without a finite pixel gives NaN."""
    # level of a row = mean of its n pixels; variance sigma**2 / n against 1.57 sigma**2 / n
    total = strip.mean(axis=1)
    deviation = strip - total[:, None]
    if not np.isfinite(strip).any():
        raise NoValidPixels(_empty(method))
    # sigma from neighbours in a row, var(x_i+1 - x_i) = 2 sigma**2: row levels drop out
    steps = strip[:, 1:] - strip[:, :-1]
    steps = steps[np.isfinite(steps)]
    sigma = _spread(steps) / 2**0.5 if steps.size else 1.0
    # a pixel over 5 sigma from the mean: the row is judged again, by 6 sigma about the median;
    # one sigma of margin, as mean and median differ; NaN fails the comparison and is suspect
    suspect = ~(np.abs(deviation) <= (_OUTLIER - 1) * sigma).all(axis=1)
    for row in np.flatnonzero(suspect):
        total[row] = _robust_mean(strip[row], sigma)
    values = total.astype(np.float32)[:, None]
    return Levels(
        values=values, sigma=sigma, variance=sigma**2 / strip.shape[1], method=method
    )


def _without_charge(
    levels: Levels, raw: NDArray[np.generic], geometry: ChipGeometry, name: str, start: int
) -> Levels:
    """Return row levels in which rows with charge in their strip have that of those around."""
    rows, columns = sections.parse(geometry.active, geometry.shape)
    image, across = (raw, columns) if name.endswith("_x") else (raw.T, rows)
    found, number = charge.replaced(
        levels.values[:, 0], levels.variance**0.5, image[:, across], start
    )
    return levels if number == 0 else replace(levels, values=found[:, None], borrowed=number)


def _columns(levels: Levels) -> Levels:
    return replace(levels, values=levels.values.T)


def _smoothed(levels: Levels) -> Levels:
    """Return row levels smoothed by a Gaussian along y; rows without a level borrow."""
    offset = np.arange(-3 * _SMOOTH, 3 * _SMOOTH + 1)
    # K = exp(-d**2 / (2 x 12**2)), cut off at 3 sigma = 36 rows
    kernel = np.exp(-0.5 * (offset / _SMOOTH) ** 2)
    known = np.isfinite(levels.values[:, 0])
    mean = float(levels.values[known, 0].mean())
    raised = np.where(known, levels.values[:, 0].astype(np.float64) - mean, 0.0)
    # mean + sum K (l - mean) / sum K over known rows: gaps and edges have less weight, not level 0
    weight = _blur(known.astype(np.float64), kernel)
    smooth = mean + _blur(raised, kernel) / np.maximum(weight, 1e-12)
    # var(sum K l / sum K) = var(l) sum K**2 / (sum K)**2, 0.024 of one row's
    gain = float((kernel**2).sum() / kernel.sum() ** 2)
    return replace(
        levels, values=smooth.astype(np.float32)[:, None], variance=levels.variance * gain
    )


def _blur(line: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.convolve(line, kernel, "full")[kernel.size // 2 :][: line.size]


def _robust_mean(line: Floats, sigma: float) -> float:
    finite = line[np.isfinite(line)]
    if finite.size == 0:
        return float("nan")
    # mean of the pixels within 6 sigma of the median: fractions of a count, which a median lacks
    near = np.abs(finite - np.median(finite)) <= _OUTLIER * sigma
    return float(finite[near].mean()) if near.any() else float(np.median(finite))


def _spread(deviation: Floats) -> float:
    """Return the standard deviation without outliers, free of quantisation.

    The first guess comes from quantiles and may be a step of the converter too small or large;
    the clipped standard deviation after it is not.
    """
    # quantiles of a Gaussian at -1 and +1 sigma, from 100,000 values at most;
    # 0.3 ADU is the noise of rounding alone, 1 / sqrt(12)
    low, high = np.percentile(deviation[:: max(1, deviation.size // 50_000)], [15.87, 84.13])
    sigma = max(float(high - low) / 2, 0.3)
    for _ in range(3):
        # a Gaussian loses 2e-9 of its values at 6 sigma: the clipped sd needs no correction
        near = deviation[np.abs(deviation) <= _OUTLIER * sigma]
        sigma = max(float(near.std()), 1e-6) if near.size else sigma
    return sigma


def _empty(method: int) -> str:
    return f"overscan method {method} found no finite pixel in its strip; use method 0 or drop it"


_MEASURES: dict[int, Callable[..., Levels]] = {
    1: _single, 2: _single, 3: _single, 4: _single,
    5: _lines, 6: _lines, 7: _columns, 8: _columns,
    9: _smoothed, 10: _smoothed,
}

"""Light that comes and goes evenly along a run: what tumbles, and what flashes.

A satellite that turns shines as a wave: its light rises and sinks to nearly nothing, at even
distances and to even heights, maybe every second time less, maybe less and less. Filaments have
one maximum, spikes one cusp for each star, and rows of galaxies are short for their distances.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib.tracks import lit_kernels

__all__ = ["flashes", "maxima", "pulses"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

#: steps whose median is taken, then those whose mean is, and least known share of a run
_MEDIAN = 7
_SMOOTH = 5
_KNOWN = 0.8

#: shortest wave [step], and trial waves in a run per wave
_SHORTEST = 14
_TRIALS = 8

#: least number of waves in a run: alike all along, fading, and every second one different
_FEWEST = 2.2
_FEWEST_FADING = 4.0
_FEWEST_PAIRS = 3.0

#: least part of the variance the wave must explain
_EXPLAINED = 0.88

#: least ratio of the median to the 95th percentile: half of the run is in light, of spikes a tenth
_BROAD = 0.25

#: light above this many times the 90th percentile counts as that much
_BRIGHTEST = 1.5

#: steps this many times the usual distance from the wave are left out (a star), at most this part
_STRAY = 4.0
_MOST_STRAYS = 0.15

#: a minimum is at most this part of the lower maximum next to it
_DEEP = 0.4

#: a maximum is at least this part of the highest one
_HIGH = 0.25

#: how many maxima may be missing, or too many: those at both ends
_MISCOUNTED = 1.3

#: least part of the waves that the light itself shows, where it is this bright [sigma of a bin]
_SEEN, _CLEAR = 0.5, 10.0

#: shortest period of flashes [step], least number of periods in a run, and phases of a period
_QUICKEST = 4.0
_FEWEST_PERIODS = 3.5
_PHASES = 16

#: least part of the known steps that are lit and dark as even flashes are
_EVEN = 0.88

#: least ratio of the median to the 80th percentile of the light of lit steps
_LIGHT = 0.65


def pulses(light: Values) -> Values:
    """Return the light of a run as an even wave, at every step; empty if no wave explains it.

    Parameters
    ----------
    light : ndarray of float64, shape (n,)
        Light of every step of the run, NaN where it is not known.

    Notes
    -----
    The wave is 1, cos and sin of a period, of its half too if every second wave may be different,
    each times 1 and the place along the run if it may fade, by least squares; of all
    periods that which explains most.
    """
    known = np.isfinite(light)
    if known.sum() < max(_KNOWN * light.size, 4 * _SHORTEST):
        return np.empty(0)
    smooth = _smoothed(light)
    use = np.isfinite(smooth)
    dim, bright = np.percentile(smooth[use], (50, 95))
    if dim < _BROAD * bright:
        return np.empty(0)
    along = np.linspace(-1.0, 1.0, light.size)
    best, wave, expected = _EXPLAINED, np.empty(0), np.zeros(1)
    for waves in np.arange(_FEWEST, light.size / _SHORTEST, 1 / _TRIALS):
        for harmonics in (1, 2) if waves > _FEWEST_PAIRS else (1,):
            columns = _columns(along, waves, harmonics, fading=bool(waves > _FEWEST_FADING))
            part, model = _explained(columns, smooth, use)
            if part > best:
                best, wave, expected = part, model, waves * np.arange(1, harmonics + 1)
    # every maximum is one, with the light nearly gone between them: no trend, no ripple
    if wave.size and np.abs(maxima(wave) - expected).min() > _MISCOUNTED:
        return np.empty(0)
    # and the light has them too: the sides of a spike rise without a minimum
    if wave.size and bright > _CLEAR and maxima(smooth[use]) < _SEEN * expected.min():
        return np.empty(0)
    return wave


def maxima(light: Values) -> int:
    """Return the number of maxima with deep minima between them.

    Parameters
    ----------
    light : ndarray of float64, shape (n,)
        Light of every step, finite.
    """
    least = _HIGH * float(np.percentile(light, 95))
    number, rising, turned = 0, True, -np.inf
    for value in light:
        # `turned` is the highest place while light rises, the lowest while it sinks
        turned = max(turned, value) if rising else min(turned, value)
        if rising and turned > least and value < _DEEP * turned:
            number, rising, turned = number + 1, False, value
        elif not rising and value > max(least, turned / _DEEP):
            rising, turned = True, value
    return number + int(rising and turned > least)


def flashes(light: Values, on: NDArray[np.int8]) -> bool:
    """Return True if a run is lit in flashes of one length, one distance and one brightness.

    Parameters
    ----------
    light : ndarray of float64, shape (n,)
        Light of every step of the run.
    on : ndarray of int8, shape (n,)
        States of the steps: dark, lit or unknown.
    """
    lit = on == lit_kernels.LIT
    places = np.flatnonzero(on != lit_kernels.UNKNOWN)
    slowest = on.size / _FEWEST_PERIODS
    if slowest <= _QUICKEST or not places.size:
        return False
    middle, bright = np.percentile(light[lit], (50, 80))
    if middle < _LIGHT * bright:
        return False
    # over the run neighbouring periods differ by a sixth of a turn
    turns = np.arange(_FEWEST_PERIODS, on.size / _QUICKEST, 1 / 6)
    phase = (np.outer(turns / on.size, places) % 1 * _PHASES).astype(np.intp)
    phase += _PHASES * np.arange(turns.size)[:, None]
    # lit steps less dark ones in every phase, and its sums over all windows of phases
    votes = np.where(lit[places], 1.0, -1.0)
    each = np.bincount(phase.ravel(), np.broadcast_to(votes, phase.shape).ravel(),
                       _PHASES * turns.size).reshape(turns.size, _PHASES)
    sums = np.cumsum(np.concatenate([np.zeros((turns.size, 1)), each, each], axis=1), axis=1)
    best = max(float((sums[:, width : width + _PHASES] - sums[:, :_PHASES]).max())
               for width in range(1, _PHASES))
    # inside the window lit steps are right, outside dark ones
    right = best + int((votes < 0).sum())
    return right >= _EVEN * places.size


def _smoothed(light: Values) -> Values:
    """Return running medians, then means, of the known steps; NaN where there are few."""
    half = _MEDIAN // 2
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(light, half, constant_values=np.nan), _MEDIAN
    )
    known = np.isfinite(windows).sum(axis=1) > half
    result = np.full(light.size, np.nan)
    result[known] = np.nanmedian(windows[known], axis=1)
    # a star on the run has no say
    most = _BRIGHTEST * float(np.percentile(result[known], 90))
    window = np.ones(_SMOOTH)
    number = np.convolve(known, window, "same")
    total = np.convolve(np.where(known, np.minimum(result, most), 0.0), window, "same")
    return np.where(known, total / np.maximum(number, 1), np.nan)


def _columns(along: Values, waves: float, harmonics: int, *, fading: bool) -> Values:
    """Return the columns of the model, for places of -1 to 1 along the run."""
    columns = [np.ones_like(along)]
    for harmonic in range(1, harmonics + 1):
        turn = np.pi * waves * harmonic * along
        columns += [np.cos(turn), np.sin(turn)]
    factors = [np.ones_like(along), along] if fading else [np.ones_like(along)]
    return np.array([column * factor for column in columns for factor in factors]).T


def _explained(
    matrix: Values, light: Values, use: NDArray[np.bool_]
) -> tuple[float, Values]:
    """Return the part of the variance a model explains, and the model."""
    model = matrix @ np.linalg.lstsq(matrix[use], light[use], rcond=None)[0]
    rest = np.abs(light - model)
    near = use & (rest < _STRAY * float(np.median(rest[use])))
    if near.sum() < (1 - _MOST_STRAYS) * use.sum():
        near = use
    model = matrix @ np.linalg.lstsq(matrix[near], light[near], rcond=None)[0]
    left = float(np.mean((light[near] - model[near]) ** 2))
    return 1 - left / max(float(np.var(light[near])), 1e-12), model

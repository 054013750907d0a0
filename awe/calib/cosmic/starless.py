"""Compiled search of `cosmic` on frames without stars: all charge above the sky is a hit.

Where nothing is a star nothing has to be spared: hits need not be sharp, pixels that are flagged
for their sharpness but dim are none, and what touches a hit joins it for its charge alone.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled
from awe.calib.cosmic.blobs import sky_at
from awe.calib.cosmic.kernels import COSMIC, EXCLUDED
from awe.calib.cosmic.search import clean
from awe.calib.statistics.medians import separable7_at

__all__ = ["widen"]

#: marks of a pixel that joins, and of one that leaves
_JOINS = np.uint8(128)
_LEAVES = np.uint8(64)

#: least height of the first pixel of a hit that is not sharp, and of one that is [sigma]; what
# touches them joins by other limits
_FIRST, _CORE = np.float32(5.0), np.float32(4.0)

#: limits of what touches a hit, about `limit` [sigma]: across a corner of its pixel, and across a
# side how the limit falls next to a pixel e times brighter, down to the least
_CORNER, _SLOPE, _LEAST = np.float32(0.9), np.float32(0.65), np.float32(0.7)

#: how far the scene around the first pixel may be above the sky [sigma]: galaxies are further
_RISE = np.float32(3.0)

#: the sky is looked for in four pixels so far away; what is this much lower than a first pixel
# needs no median [sigma]
_OFF, _ROOM = 5, np.float32(1.5)

#: rounds in which hits are found and cleaned; charge next to charge raises its medians
_ROUNDS = 4

_TINY = np.float32(1e-5)
_NAN = np.float32(np.nan)


@compiled
def _noise(level, read_variance):
    return np.sqrt(max(level + read_variance, _TINY))


@compiled
def _clean(c, full, state, pixels, n):
    """Replace the `n` pixels and their neighbours, which hold charge too, by what is around."""
    nx = c.shape[1]
    last = n
    for k in range(n):
        y, x = pixels[k] // nx, pixels[k] % nx
        for yy in range(max(0, y - 1), min(c.shape[0], y + 2)):
            for xx in range(max(0, x - 1), min(nx, x + 2)):
                if not state[yy, xx] & (COSMIC | EXCLUDED):
                    state[yy, xx] |= COSMIC
                    pixels[last] = yy * nx + xx
                    last += 1
    # what was cleaned before has other neighbours now
    for k in range(last):
        c[pixels[k] // nx, pixels[k] % nx] = full[pixels[k] // nx, pixels[k] % nx]
    clean(c, state, pixels, last, _NAN)
    for k in range(n, last):
        state[pixels[k] // nx, pixels[k] % nx] &= ~COSMIC


@compiled
def _begin(c, state, read_variance, pixels, n):
    """List pixels high above a flat scene that are in no hit; returns the new length."""
    ny, nx = c.shape
    scratch = np.empty(16, np.float32)
    for y in range(_OFF, ny - _OFF):
        up, row, down = c[y - _OFF], c[y], c[y + _OFF]
        for x in range(_OFF, nx - _OFF):
            mean = np.float32(0.25) * (up[x] + down[x] + row[x - _OFF] + row[x + _OFF])
            over = row[x] - mean
            # over > (5 - 1.5) sigma, both sides squared
            least = _FIRST - _ROOM
            if over <= 0 or over * over <= least * least * max(mean + read_variance, _TINY):
                continue
            if state[y, x] & (COSMIC | EXCLUDED):
                continue
            level = separable7_at(c, y, x, scratch)
            noise = _noise(level, read_variance)
            if row[x] - level <= _FIRST * noise:
                continue
            if level - sky_at(c, y, x, scratch) <= _RISE * noise:
                pixels[n] = y * nx + x
                n += 1
    return n


@compiled
def _is_top(values_at, state, y, x):
    """Return True if no hit's pixel next to this one is brighter."""
    for yy in range(y - 1, y + 2):
        for xx in range(x - 1, x + 2):
            if state[yy, xx] & COSMIC and values_at[yy, xx] > values_at[y, x]:
                return False
    return True


@compiled
def _only_cores(c, full, state, read_variance, pixels, n):
    """Unmark what is flagged and not high, but the brightest pixels around; returns the rest."""
    nx = c.shape[1]
    scratch = np.empty(16, np.float32)
    for k in range(n):
        y, x = pixels[k] // nx, pixels[k] % nx
        level = separable7_at(c, y, x, scratch)
        high = full[y, x] - level > _CORE * _noise(level, read_variance)
        if not high and not _is_top(full, state, y, x):
            state[y, x] |= _LEAVES
    kept = 0
    for k in range(n):
        y, x = pixels[k] // nx, pixels[k] % nx
        if state[y, x] & _LEAVES:
            state[y, x] &= ~(COSMIC | _LEAVES)
        else:
            pixels[kept] = pixels[k]
            kept += 1
    return kept


@compiled
def _spread(c, full, state, read_variance, limit, pixels, n):
    """List and mark what touches the `n` pixels, and what touches that; returns how many."""
    ny, nx = c.shape
    never = COSMIC | EXCLUDED | _JOINS
    scratch = np.empty(16, np.float32)
    corner, least = limit + _CORNER, limit - _LEAST
    k = 0
    while k < n:
        y, x = pixels[k] // nx, pixels[k] % nx
        own = separable7_at(c, y, x, scratch)
        height = (full[y, x] - own) / _noise(own, read_variance)
        side = max(corner - _SLOPE * np.log(max(height, np.float32(1))), least)
        for yy in range(max(3, y - 1), min(ny - 3, y + 2)):
            for xx in range(max(3, x - 1), min(nx - 3, x + 2)):
                if state[yy, xx] & never:
                    continue
                level = separable7_at(c, yy, xx, scratch)
                needed = side if yy == y or xx == x else corner
                if full[yy, xx] - level > needed * _noise(level, read_variance):
                    state[yy, xx] |= _JOINS
                    pixels[n] = yy * nx + xx
                    n += 1
        k += 1
    return n


@compiled
def widen(c, state, flagged, read_variance, limit, pixels):
    """Flag all charge of a frame without stars; returns the number of the pixels of hits.

    Parameters
    ----------
    c : ndarray of float32, shape (ny, nx), electrons
        With its sky, its border and its hits; cleaned in place.
    state : ndarray of uint8, shape (ny, nx)
        State of each pixel; changed.
    flagged : ndarray of int32, shape (n,)
        Flat indices of the pixels of hits that were found before.
    read_variance : float32, electrons**2
        Variance of the electronics.
    limit : float32, sigma
        Least excess of what touches a hit, as on other frames.
    pixels : ndarray of int32
        Room for the flat indices of all pixels; filled with those of hits.
    """
    nx = c.shape[1]
    full = c.copy()
    n = flagged.size
    pixels[:n] = flagged
    _clean(c, full, state, pixels, n)
    for _ in range(_ROUNDS):
        last = n
        n = _begin(c, state, read_variance, pixels, n)
        if n == last:
            break
        for k in range(last, n):
            state[pixels[k] // nx, pixels[k] % nx] |= COSMIC
        _clean(c, full, state, pixels, n)
    n = _only_cores(c, full, state, read_variance, pixels, n)
    n = _spread(c, full, state, read_variance, limit, pixels, n)
    for k in range(n):
        y, x = pixels[k] // nx, pixels[k] % nx
        state[y, x] = (state[y, x] & ~_JOINS) | COSMIC
    return n

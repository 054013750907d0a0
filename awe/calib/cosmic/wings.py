"""Compiled growth of `cosmic`: pixels next to a hit that the scene does not explain.

A hit is found by its sharp pixels. Charge that diffused out of them, and a path that fades, leave
pixels next to it that are above the sky but not sharp: they belong to the hit as well. What is
bright there, or on uneven ground, may be a star: `blobs` tells.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled
from awe.calib.cosmic.blobs import add_blobs
from awe.calib.cosmic.kernels import COSMIC, EXCLUDED
from awe.calib.cosmic.stars import EXPLAINED
from awe.calib.statistics.medians import separable5_at, separable7_at

__all__ = ["grow"]

#: mark of a pixel that joins a hit; it is part of one when all were looked at, so their order is
#: of no importance
JOINS = np.uint8(128)

#: by how much the limit falls next to a pixel e times brighter, and its least value [sigma]:
#: charge diffuses across the four sides of a bright pixel
_SLOPE, _LEAST = np.float32(0.2), np.float32(2.4)

#: a pixel must exceed the scene by this many times what the scene changes over 4 pixels around:
#: slopes and cores of stars do not
_SLOPES = np.float32(4)

#: noise alone makes medians differ by more than this part of it; flanks of stars sharper than 1.9
#: pixels do by as little, and there all of it counts: width from which on less does [pixel]
_UNEVEN, _SHARPEST = 0.3, 1.6

#: noise of a level [sigma]: what is that far below the limit needs no median
_ROOM = np.float32(0.75)

_TINY = np.float32(1e-5)


@compiled
def _steepness_at(c, y, x, scratch):
    """Return by how much 5 x 5 medians two pixels off in four directions differ."""
    up = separable5_at(c, y - 2, x, scratch)
    down = separable5_at(c, y + 2, x, scratch)
    left = separable5_at(c, y, x - 2, scratch)
    right = separable5_at(c, y, x + 2, scratch)
    return max(max(up, down), max(left, right)) - min(min(up, down), min(left, right))


@compiled
def _level_at(c, y, x, read_variance, limit, uneven, scratch):
    """Return the level of the scene if a pixel is above it and not a part of a star, or NaN."""
    # z = (c - B) / sqrt(B + read noise**2) with B = max(M7(c), M5(c)), M the separable medians: M5
    # follows the light of stars; hits were taken out of c. Most pixels need M7 alone
    value = c[y, x]
    level = separable7_at(c, y, x, scratch)
    if value - level <= limit * np.sqrt(max(level + read_variance, _TINY)):
        return np.float32(np.nan)
    level = max(level, separable5_at(c, y, x, scratch))
    noise = np.sqrt(max(level + read_variance, _TINY))
    if value - level <= limit * noise:
        return np.float32(np.nan)
    steepness = _steepness_at(c, y, x, scratch) - uneven * noise
    return level if value - level > _SLOPES * steepness else np.float32(np.nan)


@compiled
def _spread(c, state, pixels, values, around, n, read_variance, limit, uneven):
    """Mark what touches the `n` pixels listed, and what touches that; returns how many there are.

    No pixel joins that is brighter than the one it touches.
    """
    ny, nx = c.shape
    never = COSMIC | EXCLUDED | EXPLAINED | JOINS
    scratch = np.empty(16, np.float32)
    k = 0
    while k < n:
        y = pixels[k] // nx
        x = pixels[k] % nx
        noise = np.sqrt(max(around[k] + read_variance, _TINY))
        # limit - 0.2 ln(height of the hit in sigma) across the sides of its pixel
        lower = limit - _SLOPE * np.log(max((values[k] - around[k]) / noise, np.float32(1)))
        lower = max(lower, min(_LEAST, limit))
        for yy in range(max(3, y - 1), min(ny - 3, y + 2)):
            for xx in range(max(3, x - 1), min(nx - 3, x + 2)):
                if state[yy, xx] & never or c[yy, xx] > values[k]:
                    continue
                least = lower if yy == y or xx == x else limit
                if c[yy, xx] - around[k] <= (least - _ROOM) * noise:
                    continue
                level = _level_at(c, yy, xx, read_variance, least, uneven, scratch)
                if level == level:
                    state[yy, xx] |= JOINS
                    pixels[n] = yy * nx + xx
                    values[n] = c[yy, xx]
                    around[n] = level
                    n += 1
        k += 1
    return n


@compiled
def grow(c, state, flagged, before, read_variance, limit, fwhm, pixels, values, around):
    """Flag pixels that touch a hit and exceed the scene; returns all pixels of hits.

    Parameters
    ----------
    c : ndarray of float32, shape (ny, nx), electrons
        With its sky and border, cleaned of the hits.
    state : ndarray of uint8, shape (ny, nx)
        State of each pixel; pixels that join a hit are marked.
    flagged : ndarray of int32, shape (n,)
        Flat indices of the pixels of hits.
    before : ndarray of float32, shape (n,), electrons
        Values of these pixels with their hits.
    read_variance : float32, electrons**2
        Variance of the electronics.
    limit : float32, sigma
        Least excess over the scene, in its noise.
    fwhm : float, pixel
        Width of the stars; 0 is unknown, and nothing joins that could be one.
    pixels : ndarray of int32
        Room for the flat indices of all pixels.
    values, around : ndarray of float32
        Room for two numbers of each [electrons].

    Returns
    -------
    int
        Number of the pixels of hits, whose flat indices are in `pixels`, those that joined last.

    Notes
    -----
    Within 3 pixels of the edge of `c` nothing joins, nor do excluded pixels and stars that were
    taken for hits. The result does not depend on the order of pixels: a pixel joins for what it
    and the one it touches are, and all are part of hits at the end only.
    """
    nx = c.shape[1]
    n = flagged.size
    pixels[:n] = flagged
    values[:n] = before
    for k in range(n):
        around[k] = c[flagged[k] // nx, flagged[k] % nx]
    uneven = np.float32(min(max(fwhm - _SHARPEST, 0.0), _UNEVEN))
    n = _spread(c, state, pixels, values, around, n, read_variance, limit, uneven)
    if fwhm > 0:
        n = add_blobs(c, state, pixels, around, n, read_variance, limit, fwhm)
    for k in range(n):
        state[pixels[k] // nx, pixels[k] % nx] |= COSMIC
    return n

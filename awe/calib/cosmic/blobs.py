"""Compiled growth of `cosmic` where stars may be: blobs that no light through a telescope makes.

Light that came through the atmosphere is a sum of profiles of stars. Of a sum of Gaussians of one
width or wider ones every pixel obeys

    I(p) <= exp(a d**2) sqrt(I(p - d) I(p + d)) <= exp(a d**2) (I(p - d) + I(p + d)) / 2

for every step d, with a = 4 ln 2 / FWHM**2: of each star because a Gaussian is what it is, of
sums by the inequality of Cauchy and Schwarz. Charge knows no such rule. What touches a hit and is
above the sky is a part of it if it breaks the rule by more than noise does.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled
from awe.calib.cosmic.kernels import COSMIC, EXCLUDED
from awe.calib.cosmic.search import collect
from awe.calib.cosmic.stars import EXPLAINED
from awe.calib.statistics.medians import separable7_at

__all__ = ["add_blobs", "begin", "sky_at"]

#: marks of pixels that join a hit for certain, that touch one and may be a star, and of those
#: that were put into their blob
_JOINS = np.uint8(128)
_DOUBTFUL = np.uint8(4)
_COLLECTED = np.uint8(8)

#: mark of a pixel that breaks the rule
_SHARP = np.uint8(16)

#: 4 ln 2: a Gaussian is exp(-_FOUR_LN2 (r / FWHM)**2)
_FOUR_LN2 = 2.7725887

#: cores of stars are narrower than their flanks show, those of Moffat profiles sharper than
#: Gaussians; what the profile is not known to, as a part of the light
_CORE = 0.85
_ERROR = 0.1

#: a blob is charge if the squares of how far its pixels break the rule sum up to this [sigma**2],
#: and of it what breaks the rule by that much, with its neighbours: a star may be near
_WHOLE = 12.0
_EACH = 2.0

#: what touches no hit is the first pixel of one if it breaks the rule by that much, squared
_ALONE = 36.0

#: narrower stars look like hits: as flanks show their width [pixel]
_SAMPLED = 2.2

#: how far off the sky is looked for [pixel]
_OFF = 6

#: noise of a level [sigma]: what is that far below the limit needs no median
_ROOM = np.float32(0.75)

_TINY = np.float32(1e-5)


@compiled
def sky_at(c, y, x, scratch):
    """Return the least of four 7 x 7 medians around a pixel.

    Parameters
    ----------
    c : ndarray of float32, shape (ny, nx), electrons
        With its sky and border, cleaned of the hits.
    y, x : int
        Row and column.
    scratch : ndarray of float32, shape (16,)
        Room to work in.
    """
    ny, nx = c.shape
    least = np.float32(np.inf)
    for yy, xx in ((y - _OFF, x), (y + _OFF, x), (y, x - _OFF), (y, x + _OFF)):
        if 3 <= yy < ny - 3 and 3 <= xx < nx - 3:
            least = min(least, separable7_at(c, yy, xx, scratch))
    return least


@compiled
def _breach_at(c, state, y, x, sky, read_variance, sharp):
    """Return by how much a pixel breaks the rule of stars at most, squared [sigma**2]."""
    ny, nx = c.shape
    worst = 0.0
    light = c[y, x] - sky
    own = max(c[y, x] + read_variance, _TINY)
    for step in (1, 2):
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            dy *= step
            dx *= step
            top, left = y - dy, x - dx
            bottom, right = y + dy, x + dx
            if min(top, left, right) < 0 or bottom >= ny or max(left, right) >= nx:
                continue
            # what was a hit there is unknown
            if (state[top, left] | state[bottom, right]) & (COSMIC | EXCLUDED):
                continue
            # B = exp(a d**2) (I(p - d) + I(p + d)) / 2; of T = I - B the variance is that of
            # its pixels, and (error of the profile B)**2
            factor = np.exp(sharp * (dy * dy + dx * dx))
            one, other = c[top, left], c[bottom, right]
            bound = 0.5 * factor * (one + other - 2 * sky)
            over = light - bound
            if over <= 0:
                continue
            variance = max(one + read_variance, _TINY) + max(other + read_variance, _TINY)
            variance = own + 0.25 * factor * factor * variance + (_ERROR * bound) ** 2
            worst = max(worst, over * over / variance)
    return worst


@compiled
def _leads(c, state, y, x):
    """Return False if a pixel next to this one is brighter and keeps the rule: a star's core."""
    for yy in range(y - 1, y + 2):
        for xx in range(x - 1, x + 2):
            if state[yy, xx] & (_DOUBTFUL | _SHARP) == _DOUBTFUL and c[yy, xx] > c[y, x]:
                return False
    return True


@compiled
def _judge(c, state, group, n, read_variance, sharp, breach, scratch):
    """Mark what joins of a blob of `n` pixels."""
    nx = c.shape[1]
    sky = 0.0
    for k in range(n):
        sky += sky_at(c, group[k] // nx, group[k] % nx, scratch)
    sky /= n
    for k in range(n):
        breach[k] = _breach_at(
            c, state, group[k] // nx, group[k] % nx, sky, read_variance, sharp
        )
        if breach[k] > _EACH:
            state[group[k] // nx, group[k] % nx] |= _SHARP
    total = 0.0
    for k in range(n):
        if breach[k] > _EACH and _leads(c, state, group[k] // nx, group[k] % nx):
            total += breach[k]
        else:
            breach[k] = 0.0
    if total <= _WHOLE:
        return
    for k in range(n):
        if breach[k] == 0:
            continue
        y = group[k] // nx
        x = group[k] % nx
        for yy in range(y - 1, y + 2):
            for xx in range(x - 1, x + 2):
                if state[yy, xx] & _DOUBTFUL and c[yy, xx] <= c[y, x]:
                    state[yy, xx] |= _JOINS


@compiled
def begin(c, state, candidates, read_variance, fwhm):
    """Return flat indices of pixels that are charge for certain though not sharp enough.

    Parameters
    ----------
    c : ndarray of float32, shape (ny, nx), electrons
        With its sky and border, cleaned of the hits.
    state : ndarray of uint8, shape (ny, nx)
        State of each pixel.
    candidates : ndarray of int32, shape (n,)
        Flat indices of the pixels with a high significance.
    read_variance : float32, electrons**2
        Variance of the electronics.
    fwhm : float, pixel
        Width of the stars; below 2.2 stars and charge are too much alike.
    """
    nx = c.shape[1]
    found = np.empty(candidates.size, np.int32)
    if fwhm < _SAMPLED:
        return found[:0]
    width = _CORE * fwhm
    sharp = _FOUR_LN2 / (width * width)
    scratch = np.empty(16, np.float32)
    n = 0
    for k in range(candidates.size):
        y = candidates[k] // nx
        x = candidates[k] % nx
        if state[y, x] & (COSMIC | EXCLUDED | EXPLAINED):
            continue
        sky = sky_at(c, y, x, scratch)
        # a breach of 6 sigma is one of a pixel that is 6 sigma above the sky
        light = c[y, x] - sky
        if light <= 0 or light * light <= _ALONE * max(sky + read_variance, _TINY):
            continue
        if _breach_at(c, state, y, x, sky, read_variance, sharp) <= _ALONE:
            continue
        alone = True
        for yy in range(y - 1, y + 2):
            for xx in range(x - 1, x + 2):
                if alone and c[yy, xx] > c[y, x] and not state[yy, xx] & COSMIC:
                    alone = _breach_at(c, state, yy, xx, sky, read_variance, sharp) > _EACH
        if alone:
            found[n] = candidates[k]
            n += 1
    return found[:n]


@compiled
def _reach(c, state, pixels, around, n, read_variance, limit):
    """List what is above the 7 x 7 median and touches the pixels listed, whatever it is."""
    ny, nx = c.shape
    never = COSMIC | EXCLUDED | EXPLAINED | _JOINS | _DOUBTFUL
    scratch = np.empty(16, np.float32)
    k = 0
    while k < n:
        y = pixels[k] // nx
        x = pixels[k] % nx
        least = (limit - _ROOM) * np.sqrt(max(around[k] + read_variance, _TINY))
        for yy in range(max(3, y - 1), min(ny - 3, y + 2)):
            for xx in range(max(3, x - 1), min(nx - 3, x + 2)):
                if state[yy, xx] & never or c[yy, xx] - around[k] <= least:
                    continue
                level = separable7_at(c, yy, xx, scratch)
                noise = np.sqrt(max(level + read_variance, _TINY))
                if c[yy, xx] - level > limit * noise:
                    state[yy, xx] = (state[yy, xx] & ~(_COLLECTED | _SHARP)) | _DOUBTFUL
                    pixels[n] = yy * nx + xx
                    around[n] = level
                    n += 1
        k += 1
    return n


@compiled
def add_blobs(c, state, pixels, around, n, read_variance, limit, fwhm):
    """List and mark pixels that touch hits and are not light; returns the length of the list.

    Parameters
    ----------
    c : ndarray of float32, shape (ny, nx), electrons
        With its sky and border, cleaned of the hits.
    state : ndarray of uint8, shape (ny, nx)
        State of each pixel; pixels that join a hit are marked.
    pixels : ndarray of int32, shape (ny nx,)
        Flat indices of the pixels of hits; more are added.
    around : ndarray of float32, shape (ny nx,), electrons
        Level of the scene at each of them.
    n : int
        How many there are.
    read_variance : float32, electrons**2
        Variance of the electronics.
    limit : float32, sigma
        Least excess over the scene, in its noise.
    fwhm : float, pixel
        Width of the stars.
    """
    nx = c.shape[1]
    last = _reach(c, state, pixels, around, n, read_variance, limit)
    width = _CORE * fwhm
    sharp = _FOUR_LN2 / (width * width)
    scratch = np.empty(16, np.float32)
    group = np.empty(last - n + 1, np.int32)
    breach = np.empty(last - n + 1)
    for k in range(n, last):
        if not state[pixels[k] // nx, pixels[k] % nx] & _COLLECTED:
            number = collect(state, pixels[k], _DOUBTFUL, _COLLECTED, group)
            _judge(c, state, group, number, read_variance, sharp, breach, scratch)
    kept = n
    for k in range(n, last):
        if state[pixels[k] // nx, pixels[k] % nx] & _JOINS:
            pixels[kept] = pixels[k]
            kept += 1
    return kept

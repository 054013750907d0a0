"""Compiled test of `cosmic`: what a star explains is not a hit.

A star on a smooth sky is fitted to the 7 x 7 pixels around the brightest pixel of a group, twice:
with the group and, at the same place, without it. What chi-square loses by leaving the group out
is the excess of the group over any star; where that is small, noise on a star explains it.

References
----------
Errors of the profile as a part of the noise: Stetson, P. B. 1987, PASP 99, 191 (DAOPHOT). Here
their size follows the sampling.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled
from awe.calib.cosmic.kernels import COSMIC, EXCLUDED
from awe.calib.cosmic.search import collect
from awe.calib.statistics.medians import separable7_at

__all__ = ["EXPLAINED", "drop_stars"]

#: mark of a group that was looked at
_SEEN = np.uint8(32)

#: mark of a group that a star explains; it leaves when all were looked at, so their order is
#: of no importance
EXPLAINED = np.uint8(64)

_REACH = 3
_SIDE = 2 * _REACH + 1

#: what a pixel of the window is
_LEFT_OUT, _AROUND, _INSIDE = 0, 1, 2

#: 4 ln 2: a Gaussian is exp(-_FOUR_LN2 (r / FWHM)**2)
_FOUR_LN2 = 2.7725887

#: integration over a pixel takes this part over (FWHM [pixel])**2 from the peak of a Gaussian
# (the mean of 1 - a (x**2 + y**2) over |x|, |y| < 1/2 is 1 - a / 6, a = 4 ln 2 / FWHM**2)
_PIXEL = _FOUR_LN2 / 6.0

#: cores are narrower than a seeing measured on their flanks, most in undersampled images
_CORE = 0.9

#: wider stars are flat over the window
_WIDEST = 7.0

#: Gauss-Newton: most rounds, end at steps this small [pixel, part of the flux], damping
_ROUNDS = 6
_STEADY = 0.02
_DAMPING = 1.001

_TINY = 1e-5


@compiled
def _cut(c, state, group, n, values, use):
    """Fill the window around the brightest pixel of a group; False when the group is larger."""
    ny, nx = c.shape
    # the window is centred on the brightest pixel of the group
    peak = group[0]
    for k in range(1, n):
        if c[group[k] // nx, group[k] % nx] > c[peak // nx, peak % nx]:
            peak = group[k]
    top = peak // nx - _REACH
    left = peak % nx - _REACH
    for j in range(_SIDE):
        for i in range(_SIDE):
            y = top + j
            x = left + i
            use[j, i] = _LEFT_OUT
            values[j, i] = 0.0
            if 0 <= y < ny and 0 <= x < nx:
                values[j, i] = c[y, x]
                if not state[y, x] & (EXCLUDED | COSMIC):
                    use[j, i] = _AROUND
    # a group that reaches out of the window is not the core of a star
    for k in range(n):
        j = group[k] // nx - top
        i = group[k] % nx - left
        if j < 0 or i < 0 or j >= _SIDE or i >= _SIDE:
            return False
        use[j, i] = _INSIDE
    return True


@compiled
def _shape(p, sharp, profile):
    """Fill the profile of a star of height 1 at `p`."""
    for i in range(_SIDE):
        # separable: exp(-a (x**2 + y**2)) = exp(-a x**2) exp(-a y**2)
        across = i - p[3]
        profile[_SIDE, i] = np.exp(-sharp * across * across)
    for j in range(_SIDE):
        down = j - p[2]
        height = np.exp(-sharp * down * down)
        for i in range(_SIDE):
            profile[j, i] = height * profile[_SIDE, i]


@compiled
def _sums(values, use, p, sharp, read_variance, error2, profile, weight, m, v):
    """Fill profile, weights and normal equations of flux, sky, y and x at `p`."""
    m[:] = 0.0
    v[:] = 0.0
    _shape(p, sharp, profile)
    for j in range(_SIDE):
        for i in range(_SIDE):
            weight[j, i] = 0.0
            if use[j, i] == _LEFT_OUT:
                continue
            f = profile[j, i]
            star = p[0] * f
            # sigma**2 = sky + star + read noise**2 + (error of the profile)**2
            # the last with e F sqrt(f), e = a / 6: e**2 F (F f), e**2 is `error2`
            variance = max(p[1] + star, 0.0) + read_variance + error2 * p[0] * star
            w = 1.0 / max(variance, _TINY)
            weight[j, i] = w
            # weighted residual, and derivatives of the model F exp(-a r**2) + sky
            r = w * (values[j, i] - p[1] - star)
            gy = 2.0 * sharp * star * (j - p[2])
            gx = 2.0 * sharp * star * (i - p[3])
            # normal equations M d = v with M = sum w g g^T, v = sum w g r
            v[0] += f * r
            v[1] += r
            v[2] += gy * r
            v[3] += gx * r
            m[0, 0] += w * f * f
            m[0, 1] += w * f
            m[0, 2] += w * f * gy
            m[0, 3] += w * f * gx
            m[1, 1] += w
            m[1, 2] += w * gy
            m[1, 3] += w * gx
            m[2, 2] += w * gy * gy
            m[2, 3] += w * gy * gx
            m[3, 3] += w * gx * gx


@compiled
def _solve(m, v):
    """Replace `v` by the solution of the symmetric equations; `m` holds the upper triangle."""
    # Levenberg damping: a flat direction must not divide by zero
    for j in range(4):
        m[j, j] = m[j, j] * _DAMPING + 1e-12
    # Gauss elimination of the symmetric matrix, then back substitution
    for j in range(4):
        for i in range(j + 1, 4):
            ratio = m[j, i] / m[j, j]
            for k in range(i, 4):
                m[i, k] -= ratio * m[j, k]
            v[i] -= ratio * v[j]
    for j in range(3, -1, -1):
        for k in range(j + 1, 4):
            v[j] -= m[j, k] * v[k]
        v[j] /= m[j, j]


@compiled
def _fit(values, use, p, sharp, read_variance, error2, profile, weight, m, v):
    """Move flux, sky, y and x to the best star, by Gauss-Newton with steps of half a pixel."""
    for _ in range(_ROUNDS):
        _sums(values, use, p, sharp, read_variance, error2, profile, weight, m, v)
        _solve(m, v)
        # steps of the flux in parts of it, of places in pixels, at most half a pixel
        steady = abs(v[0]) < _STEADY * p[0]
        # 0.1 F at least: the flux stays positive
        p[0] = max(p[0] + v[0], 0.1 * p[0])
        p[1] += v[1]
        for k in range(2, 4):
            steady = steady and abs(v[k]) < _STEADY
            p[k] = min(max(p[k] + min(max(v[k], -0.5), 0.5), 0.0), _SIDE - 1.0)
        if steady:
            break
    _sums(values, use, p, sharp, read_variance, error2, profile, weight, m, v)


@compiled
def _excess(values, use, p, profile, weight):
    """Return what chi-square loses when the group is left out of the fit of flux and sky."""
    total = 0.0
    # chi2(all) - min chi2(rest) = chi2(group) + [chi2(rest) - min chi2(rest)], weights kept
    a = b = d = e = g = s = 0.0
    for j in range(_SIDE):
        for i in range(_SIDE):
            w = weight[j, i]
            f = profile[j, i]
            r = values[j, i] - p[1] - p[0] * f
            # chi-square of the group, and the normal equations of flux and sky of the rest
            if use[j, i] == _INSIDE:
                total += w * r * r
            else:
                a += w * f * f
                b += w * f
                d += w
                e += w * f * r
                g += w * r
    # a d >= b**2 always; near equality flux and sky of the rest cannot be told apart, and s is 0
    determinant = a * d - b * b
    if determinant > 1e-6 * a * d:
        # the best flux and sky of the rest lower its chi-square by this
        # s = u^T M^-1 u with u = (e, g) and M = ((a, b), (b, d)): flux and sky are linear
        s = (d * e * e - 2.0 * b * e * g + a * g * g) / determinant
    return total + s


@compiled
def _window_excess(values, use, sky, read_variance, fwhm, profile, weight, m, v):
    """Fit a star to a window and return the excess of the group over it."""
    # a = 4 ln 2 / FWHM**2
    width = min(_CORE * fwhm, _WIDEST)
    sharp = _FOUR_LN2 / (width * width)
    error2 = (_PIXEL / (width * width)) ** 2
    # start: height above the sky, the sky, and the middle of the window
    p = np.empty(4)
    p[0] = max(values[_REACH, _REACH] - sky, 1.0)
    p[1] = sky
    p[2] = _REACH
    p[3] = _REACH
    _fit(values, use, p, sharp, read_variance, error2, profile, weight, m, v)
    return _excess(values, use, p, profile, weight)


@compiled
def drop_stars(c, state, flagged, read_variance, fwhm, least):
    """Unflag connected groups whose excess over a star does not exceed `least`.

    Parameters
    ----------
    c : ndarray of float32, shape (ny, nx), electrons
        Uncleaned, with its sky.
    state : ndarray of uint8, shape (ny, nx)
        Flagged pixels lose their mark here.
    flagged : ndarray of int32, shape (n,)
        Flat indices of all pixels that were ever flagged.
    read_variance : float, electrons**2
        Variance of the electronics.
    fwhm : float, pixel
        Width of the stars.
    least : float
        In units of chi-square.

    Returns
    -------
    int
        Number of groups dropped.

    Notes
    -----
    The star is a Gaussian, the sharpest of the common profiles: what it cannot explain, none can.
    That the true profile is another is an error of the model, a fraction of the light: as much as
    integration over a pixel takes from the peak, less in the wings as the root of the profile.
    Groups that do not fit in the window are not cores of stars and stay. Excluded pixels and those
    of other groups are left out of the fit.
    """
    nx = c.shape[1]
    scratch = np.empty(16, np.float32)
    group = np.empty(flagged.size, np.int32)
    values = np.empty((_SIDE, _SIDE))
    use = np.empty((_SIDE, _SIDE), np.uint8)
    weight = np.empty((_SIDE, _SIDE))
    profile = np.empty((_SIDE + 1, _SIDE))
    m = np.empty((4, 4))
    v = np.empty(4)
    dropped = 0
    for start in range(flagged.size):
        y = flagged[start] // nx
        x = flagged[start] % nx
        if state[y, x] & (COSMIC | _SEEN) != COSMIC:
            continue
        n = collect(state, flagged[start], COSMIC, _SEEN, group)
        if not _cut(c, state, group, n, values, use):
            continue
        sky = separable7_at(c, y, x, scratch)
        if _window_excess(
            values, use, sky, read_variance, fwhm, profile, weight, m, v
        ) > least:
            continue
        dropped += 1
        for k in range(n):
            state[group[k] // nx, group[k] % nx] |= EXPLAINED
    for k in range(flagged.size):
        if state[flagged[k] // nx, flagged[k] % nx] & EXPLAINED:
            state[flagged[k] // nx, flagged[k] % nx] &= ~COSMIC
    return dropped

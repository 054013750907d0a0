"""Compiled fit of a round Gaussian, integrated over pixels, to each of many peaks.

With the pixel taken out a hit is 0.5 to 1.4 pixels wide whatever the seeing. Each fit tells as
well how round the peak is and how well the Gaussian describes it: what stars have in common.

References
----------
Levenberg, K. 1944, Q. Appl. Math. 2, 164; Marquardt, D. W. 1963, J. SIAM 11, 431.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from awe.calib._jit import compiled
from awe.calib.sky.floor import at
from awe.calib.threads import bands

__all__ = ["FWHM", "REACH", "Fits", "fit"]

#: full width at half maximum of a Gaussian of unit sigma, 2 sqrt(2 ln 2)
FWHM = 2.3548

#: a window reaches this far from its middle at most [pixel]
REACH = 14

#: radius of a window: this number of first widths and half a pixel; least radius [pixel]
_WINDOW, _LEAST = 1.35, 3.5

#: error of the profile, a part of the light of a pixel
_PROFILE = 0.04

#: noise of the sky in a fit, at least this part of the peak: bright stars are fitted like others
_PART = 1.0 / 60.0

#: rounds of a fit at most, end where chi-square changes by less than this part
_ROUNDS = 14
_STEADY = 1e-3

#: damping at the start, its factor after a good and a bad round, where there is no hope
_DAMPING, _EASE, _BRAKE, _HOPELESS = 1e-3, 0.3, 20.0, 1e4

#: longest steps of the centre [pixel] and of ln sigma, farthest centre, ends of sigma [pixel]
_STEP, _STRETCH, _AWAY = 0.7, 0.4, 1.5
_NARROW, _WIDE = 0.2, 8.0

#: a second fit, in a window of another size, where the first width was this far off (in ln)
_OFF = 0.15

#: flux over peak of a Gaussian is 1.1331 FWHM**2
_FLUX = 1.1331

#: columns of the result
_WIDTH, _ROUND, _RESIDUAL, _SNR, _PEDESTAL = range(5)


class Fits(NamedTuple):
    """Gaussians fitted to peaks, one of each per peak; width 0 where no fit ended well.

    Attributes
    ----------
    width : ndarray of float64, pixel
        Full width at half maximum, the pixel taken out.
    ellipticity : ndarray of float64
        From moments of what the round Gaussian leaves, weighted by it.
    residual : ndarray of float64
        Its standard deviation over the core as a part of the peak, noise taken off.
    snr : ndarray of float64
        Flux over its error, were all else known.
    pedestal : ndarray of float64
        Sky of the fit above the local one as a part of the peak.
    """

    width: Any
    ellipticity: Any
    residual: Any
    snr: Any
    pedestal: Any


@compiled
def _shares(centre, sigma, n, rows):
    """Fill the part of a Gaussian in each of n pixels, and its slopes by centre and ln sigma."""
    root = 1.0 / (math.sqrt(2.0) * sigma)
    top = 1.0 / (math.sqrt(2.0 * math.pi) * sigma)
    before = -0.5 - centre
    integral = math.erf(before * root)
    height = top * math.exp(-((before * root) ** 2))
    for k in range(n):
        # f = [erf(b) - erf(a)] / 2, df/dc = g(a) - g(b), df/d ln s = a g(a) - b g(b)
        edge = k + 0.5 - centre
        upto = math.erf(edge * root)
        low = top * math.exp(-((edge * root) ** 2))
        rows[0, k] = 0.5 * (upto - integral)
        rows[1, k] = height - low
        rows[2, k] = before * height - edge * low
        before = edge
        integral = upto
        height = low


@compiled
def _sums(values, n, p, noise2, gain, down, across, m, v):
    """Fill the normal equations of flux, y, x, ln sigma and sky at `p`; return chi-square."""
    sigma = math.exp(p[3])
    _shares(p[1], sigma, n, down)
    _shares(p[2], sigma, n, across)
    m[:] = 0.0
    v[:] = 0.0
    chi2 = 0.0
    d = np.empty(5)
    d[4] = 1.0
    for j in range(n):
        for i in range(n):
            value = values[j, i]
            if value != value:
                continue
            d[0] = down[0, j] * across[0, i]
            d[1] = p[0] * down[1, j] * across[0, i]
            d[2] = p[0] * down[0, j] * across[1, i]
            d[3] = p[0] * (down[2, j] * across[0, i] + down[0, j] * across[2, i])
            star = p[0] * d[0]
            # variance = sky + photons + (4 % of the star)**2, the last for its true profile
            variance = noise2 + max(star + p[4], 0.0) / gain + (_PROFILE * star) ** 2
            w = 1.0 / variance
            r = value - star - p[4]
            chi2 += w * r * r
            for a in range(5):
                wd = w * d[a]
                v[a] += wd * r
                for b in range(a, 5):
                    m[a, b] += wd * d[b]
    return chi2


@compiled
def _solve(m, v, damping):
    """Replace `v` by the solution of damped symmetric equations, `m` their upper triangle."""
    n = v.size
    for a in range(n):
        m[a, a] = m[a, a] * (1.0 + damping) + 1e-12
    for a in range(n):
        for b in range(a + 1, n):
            ratio = m[a, b] / m[a, a]
            for c in range(b, n):
                m[b, c] -= ratio * m[a, c]
            v[b] -= ratio * v[a]
    for a in range(n - 1, -1, -1):
        for c in range(a + 1, n):
            v[a] -= m[a, c] * v[c]
        v[a] /= m[a, a]


@compiled
def _moved(p, v, q):
    """Fill `q` with `p` moved by `v`, not too far at once."""
    q[0] = max(p[0] + v[0], 0.2 * p[0])
    q[1] = p[1] + min(max(v[1], -_STEP), _STEP)
    q[2] = p[2] + min(max(v[2], -_STEP), _STEP)
    q[3] = p[3] + min(max(v[3], -_STRETCH), _STRETCH)
    q[3] = min(max(q[3], math.log(_NARROW)), math.log(_WIDE))
    q[4] = p[4] + v[4]


@compiled
def _fit(values, n, noise2, gain, p, down, across, m, v):
    """Move `p` to the best Gaussian in a window; False where its centre runs away."""
    damping = _DAMPING
    best = np.inf
    q = p.copy()
    step = np.empty(5)
    last = np.empty((5, 5))
    for _ in range(_ROUNDS):
        chi2 = _sums(values, n, q, noise2, gain, down, across, m, v)
        # the weights follow the model, so chi-square may rise a little
        if not chi2 <= 1.02 * best:
            damping *= _BRAKE
            if damping > _HOPELESS:
                break
        else:
            done = abs(best - chi2) < _STEADY * chi2
            damping = max(damping * _EASE, 1e-6)
            best = chi2
            p[:] = q
            step[:] = v
            last[:] = m
            if done:
                break
        v[:] = step
        m[:] = last
        _solve(m, v, damping)
        _moved(p, v, q)
        if max(abs(q[1] - n // 2), abs(q[2] - n // 2)) > _AWAY:
            return False
    return True


@compiled
def _judge(values, n, p, noise2, gain, down, across, out):
    """Fill the shape of a peak from what its Gaussian leaves."""
    sigma = math.exp(p[3])
    _shares(p[1], sigma, n, down)
    _shares(p[2], sigma, n, across)
    wide = sigma * sigma + 1.0 / 12.0
    yy = xx = xy = light = left = noise = snr2 = top = 0.0
    number = 0
    for j in range(n):
        for i in range(n):
            if values[j, i] != values[j, i]:
                continue
            dy = j - p[1]
            dx = i - p[2]
            r2 = dy * dy + dx * dx
            weight = down[0, j] * across[0, i]
            star = p[0] * weight
            r = values[j, i] - p[4] - star
            variance = noise2 + star / gain
            top = max(top, star)
            snr2 += star * star / variance
            if r2 < 6.0 * wide + 2.0:
                yy += weight * r * dy * dy
                xx += weight * r * dx * dx
                xy += weight * r * dx * dy
                light += weight * star * r2
            if r2 < 2.0 * wide + 1.2:
                left += r * r
                noise += variance
                number += 1
    # e = 2 (Q_xx - Q_yy, 2 Q_xy) / (Q_xx + Q_yy): weighting by the star halves an ellipticity
    out[_WIDTH] = FWHM * sigma
    out[_ROUND] = 2.0 * math.hypot(xx - yy, 2.0 * xy) / light
    out[_RESIDUAL] = math.sqrt(max(left - noise, 0.0) / max(number, 1)) / top
    out[_SNR] = math.sqrt(snr2)
    out[_PEDESTAL] = p[4] / top


@compiled
def _first_width(image, y, x, sky):
    """Return the diameter at which the mean of four arms is half the peak; 0 if there is none."""
    ny, nx = image.shape
    top = image[y, x] - sky
    before = 1.0
    for d in range(1, REACH):
        if min(y, x, ny - 1 - y, nx - 1 - x) < d:
            break
        arms = image[y - d, x] + image[y + d, x] + image[y, x - d] + image[y, x + d]
        now = (arms - 4.0 * sky) / (4.0 * top)
        if now < 0.5:
            # linear between d - 1 and d
            return 2.0 * (d - 1.0 + (before - 0.5) / max(before - now, 1e-6))
        before = now
    return 0.0


@compiled
def _cut(image, bad, y, x, radius, sky, values):
    """Fill the window around a peak; NaN outside a circle and where a pixel is bad."""
    reach = int(radius)
    for j in range(-reach, reach + 1):
        for i in range(-reach, reach + 1):
            value = np.float64(image[y + j, x + i]) - sky
            within = j * j + i * i <= radius * radius and not bad[y + j, x + i]
            values[reach + j, reach + i] = value if within else np.nan


@compiled
def _fit_all(image, bad, places, level, noise, gain, begin, end, out):
    ny, nx = image.shape
    down, across = np.empty((3, 2 * REACH + 1)), np.empty((3, 2 * REACH + 1))
    values = np.empty((2 * REACH + 1, 2 * REACH + 1))
    p = np.empty(5)
    m, v = np.empty((5, 5)), np.empty(5)
    for k in range(begin, end):
        y = places[k] // nx
        x = places[k] % nx
        sky = at(level, y, x, ny, nx)
        noise2 = at(noise, y, x, ny, nx) ** 2
        width = _first_width(image, y, x, sky)
        for turn in range(2):
            radius = min(max(_WINDOW * width + 0.5, _LEAST), REACH + 0.5)
            reach = int(radius)
            if width == 0.0 or min(y, x, ny - 1 - y, nx - 1 - x) < reach:
                break
            _cut(image, bad, y, x, radius, sky, values)
            p[0] = (image[y, x] - sky) * _FLUX * max(width, 1.2) ** 2
            p[1] = p[2] = reach
            p[3] = math.log(max(width, 0.9) / FWHM)
            p[4] = 0.0
            n = 2 * reach + 1
            even2 = max(noise2, (_PART * (image[y, x] - sky)) ** 2)
            if not _fit(values, n, even2, gain, p, down, across, m, v):
                break
            better = max(FWHM * math.exp(p[3]), 1.0)
            if turn == 0 and abs(math.log(better / max(width, 1.0))) > _OFF:
                width = better
                continue
            _judge(values, n, p, noise2, gain, down, across, out[k])
            break


def fit(image: Any, bad: Any, places: Any, sky: Any, *, gain: float) -> Fits:
    """Return the Gaussians fitted to peaks.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx), ADU
        With its sky; not modified.
    bad : ndarray of bool, shape (ny, nx)
        Pixels left out of the fits.
    places : ndarray of int64, shape (n,)
        Flat indices of the peaks.
    sky : Floor
        Its level and noise.
    gain : float, e-/ADU
        For the noise of the light of stars.

    Examples
    --------
    >>> from awe.calib.sky import floor
    >>> y, x = np.mgrid[0:64, 0:64]
    >>> star = 9000 * np.exp(-((x - 30.3) ** 2 + (y - 32) ** 2) / (2 * 1.5**2))
    >>> frame = (star + np.random.default_rng(1).normal(500, 5, star.shape)).astype(np.float32)
    >>> good = np.zeros(frame.shape, np.bool_)
    >>> sky = floor.estimate(frame, good, box=64, step=2)
    >>> found = fit(frame, good, np.array([32 * 64 + 30]), sky, gain=2.5)
    >>> bool(abs(found.width[0] - 3.47) < 0.03), bool(found.residual[0] < 0.02)
    (True, True)
    """
    out = np.zeros((places.size, 5))
    bands(
        lambda some: _fit_all(
            image, bad, places, sky.level, sky.noise, float(gain), some.start, some.stop, out
        ),
        places.size,
    )
    return Fits(*out.T.copy())

"""Elliptical profiles of one object, fitted to pixels: Moffat, and Gaussian as its limit.

The model is integrated over each pixel, so that a star of two pixels has the same width wherever
in a pixel its centre is. The sky is not fitted: it is degenerate with the wings.

References
----------
Moffat, A. F. J. 1969, A&A 3, 455.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ellipse", "fit", "light"]

Values = NDArray[np.float64]

#: places [pixel] and weights of Gauss and Legendre for the integral over a pixel
NODES = ((-math.sqrt(0.15), 5 / 18), (0.0, 8 / 18), (math.sqrt(0.15), 5 / 18))
#: exponents of Moffat profiles are between 1.2 and this more; a Gaussian is beyond
SLOPE_LEAST, SLOPE_MOST = 1.2, 1000.0
#: least width of a star, sharper than what telescopes and pixels make [pixel]
NARROWEST = 0.5
#: pixels that a fit needs
FEWEST = 12


@dataclass(frozen=True, kw_only=True)
class Ellipse:
    """A fitted profile.

    Attributes
    ----------
    x, y : float
        Centre, in the coordinates of the pixels that were given.
    height : float
        Value in the middle, above the sky.
    fwhm : float, pixel
        Full width at half maximum: geometric mean of both axes, the pixel taken out.
    ellipticity : float
        1 - b / a.
    angle : float, deg
        Direction of the long axis, from x towards y, -90 to 90.
    beta : float
        Exponent of the Moffat profile; infinite for a Gaussian.
    """

    x: float
    y: float
    height: float
    fwhm: float
    ellipticity: float
    angle: float
    beta: float

    @property
    def total(self) -> float:
        """All its light, to any distance."""
        if math.isinf(self.beta):
            return self.height * math.pi * self.fwhm**2 / (4 * math.log(2))
        return self.height * math.pi * self._core**2 / (self.beta - 1)

    @property
    def _core(self) -> float:
        """The length a of [1 + (r / a)**2]**-beta [pixel]."""
        return self.fwhm / (2 * math.sqrt(2 ** (1 / self.beta) - 1))

    def at(self, distance: Values) -> Values:
        """Return its light per pixel at a distance from the centre, as if it were round.

        Parameters
        ----------
        distance : ndarray of float64
            Distance from the centre [pixel].
        """
        if math.isinf(self.beta):
            told: Values = self.height * np.exp(-4 * math.log(2) * (distance / self.fwhm) ** 2)
        else:
            told = self.height * (1 + (distance / self._core) ** 2) ** -self.beta
        return told

    def beyond(self, radius: float) -> float:
        """Return the part of its light that is outside a radius, as if it were round.

        Parameters
        ----------
        radius : float
            Distance from the centre [pixel].
        """
        if math.isinf(self.beta):
            return math.exp(-4 * math.log(2) * (radius / self.fwhm) ** 2)
        return float((1 + (radius / self._core) ** 2) ** (1 - self.beta))


def light(found: Ellipse, x: Values, y: Values) -> Values:
    """Return the light of a profile in pixels, integrated over each.

    Parameters
    ----------
    found : Ellipse
        The profile.
    x, y : ndarray of float64, shape (n,)
        Centres of the pixels.
    """
    stretch = -math.log1p(-found.ellipticity)
    turn = 2 * math.radians(found.angle)
    p = (found.x, found.y, found.fwhm, -stretch * math.cos(turn), -stretch * math.sin(turn))
    return found.height * _shape(p, found.beta, x, y)


def fit(
    x: Values,
    y: Values,
    above: Values,
    start: Ellipse,
    noise: Values | None = None,
    *,
    circular: bool = False,
) -> Ellipse | None:
    """Return the profile that describes pixels best, None where no fit ends well.

    I(r) = A [1 + r**2 / a**2]**-b with r**2 = d M d, M symmetric and of determinant 1; for a
    Gaussian A exp(-4 ln 2 r**2 / FWHM**2). FWHM = 2 a sqrt(2**(1 / b) - 1).

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Centres of the pixels.
    above : ndarray of float64, shape (n,)
        Their values above the sky.
    start : Ellipse
        Where to begin; an infinite exponent asks for a Gaussian.
    noise : ndarray of float64, shape (n,), or None
        Standard deviation of the values; None: the same everywhere.
    circular : bool
        Fit a round profile.
    """
    from scipy.optimize import least_squares

    top = float(above.max()) if above.size else 0.0
    if above.size < FEWEST or not top > 0 or not start.fwhm > 0:
        return None
    gaussian = math.isinf(start.beta)
    scale = 1.0 / top if noise is None else 1.0 / noise

    def values(p: Values) -> tuple[tuple[float, ...], float]:
        slope = math.inf if gaussian else _slope(p[4])
        one, two = (0.0, 0.0) if circular else p[-2:]
        width = math.exp(min(max(p[3], -2.0), 6.0))
        return (start.x + p[1], start.y + p[2], width, one, two), slope

    def residual(p: Values) -> Values:
        shape, slope = values(p)
        result: Values = (p[0] * top * _shape(shape, slope, x, y) - above) * scale
        return result

    first = [max(start.height, 0.2 * top) / top, 0.0, 0.0, math.log(start.fwhm)]
    first += [] if gaussian else [math.log(max(start.beta - SLOPE_LEAST, 0.1))]
    first += [] if circular else [0.0, 0.0]
    found = least_squares(residual, first, xtol=1e-6, ftol=1e-8, max_nfev=60)
    (cx, cy, width, one, two), slope = values(found.x)
    height = float(found.x[0]) * top
    moved = math.hypot(cx - start.x, cy - start.y)
    if not (height > 0 and moved < max(start.fwhm, 1.5) and NARROWEST < width < 4 * start.fwhm):
        return None
    stretch = math.hypot(one, two)
    return Ellipse(
        x=float(cx), y=float(cy), height=height, fwhm=float(width),
        ellipticity=-math.expm1(-stretch), angle=math.degrees(math.atan2(-two, -one)) / 2,
        beta=slope,
    )  # fmt: skip


def _slope(p: float) -> float:
    return SLOPE_LEAST + math.exp(min(p, math.log(SLOPE_MOST)))


def _shape(p: tuple[float, ...], beta: float, x: Values, y: Values) -> Values:
    """Return a profile of height 1 in pixels: p is centre, FWHM and the stretch of M.

    M = exp [[p3, p4], [p4, -p3]], whose determinant is 1 whatever they are.
    """
    cx, cy, width, one, two = p
    stretch = min(math.hypot(one, two), 5.0)
    part = math.sinh(stretch) / stretch if stretch > 0 else 1.0
    xx, yy, xy = math.cosh(stretch) + part * one, math.cosh(stretch) - part * one, 2 * part * two
    narrow = 4 * math.log(2) / width**2
    if not math.isinf(beta):
        narrow = 4 * (2 ** (1 / beta) - 1) / width**2
    model = np.zeros_like(x)
    for step, share in NODES:
        dx = x - cx + step
        for other, weight in NODES:
            dy = y - cy + other
            r2 = narrow * (xx * dx * dx + yy * dy * dy + xy * dx * dy)
            model += share * weight * (np.exp(-r2) if math.isinf(beta) else (1 + r2) ** -beta)
    return model

"""Illumination correction: what stars say about a flat that scattered light has spoilt.

Differences of the magnitudes of stars across the field become a polynomial, and that an image
of mean 1 that divides flat-fielded frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib import statistics
from awe.errors import NoValidPixels

__all__ = ["Illumination", "fit", "scaled"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Illumination:
    """Polynomial in x and y of the magnitude differences over one chip.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (degree + 1, degree + 1), mag
        Of scaled coordinates from -1 to 1, `[power of y, power of x]`.
    shape : (int, int)
        (ny, nx) of the chip.
    rms : float, mag
        Scatter of the stars about the fit.
    stars : int
        Number of stars used.
    """

    coefficients: Values
    shape: tuple[int, int]
    rms: float
    stars: int

    def magnitudes(self, x: Values, y: Values) -> Values:
        """Return the fitted differences [mag] at zero-based pixel positions.

        Parameters
        ----------
        x, y : ndarray of float64, shape (n,)
            Zero-based positions [pixel].
        """
        u, v = scaled(x, y, self.shape)
        result: Values = np.polynomial.polynomial.polyval2d(v, u, self.coefficients)
        return result

    def image(self) -> NDArray[np.float32]:
        """Return the image that divides flat-fielded frames: float32, shape (ny, nx), mean 1."""
        ny, nx = self.shape
        u, _ = scaled(np.arange(nx, dtype=np.float64), np.zeros(nx), self.shape)
        _, v = scaled(np.zeros(ny), np.arange(ny, dtype=np.float64), self.shape)
        # a star has 10**(-0.4 dm) times its true light, dm = measured - true: this divides it
        magnitudes = np.polynomial.polynomial.polygrid2d(v, u, self.coefficients)
        ratio = 10 ** (-0.4 * magnitudes)
        result: NDArray[np.float32] = (ratio / ratio.mean()).astype(np.float32)
        return result


def fit(
    x: Values,
    y: Values,
    difference: Values,
    *,
    shape: tuple[int, int],
    degree: int,
    sigma: float,
) -> Illumination:
    """Return the polynomial through magnitude differences, without outliers.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,), pixel
        Zero-based positions of stars.
    difference : ndarray of float64, shape (n,), mag
        Measured minus true magnitude: a star that comes out too bright has a negative one.
    shape : (int, int)
        (ny, nx) of the chip.
    degree : int
        Largest total power of x and y.
    sigma : float
        Rejection factor.

    Raises
    ------
    NoValidPixels
        Fewer than twice as many stars as coefficients.
    """
    # P(u, v) = sum of c_ji v**j u**i for j + i <= d: (d + 1)(d + 2) / 2 coefficients [mag]
    powers = [(j, i) for j in range(degree + 1) for i in range(degree + 1 - j)]
    u, v = scaled(np.asarray(x, np.float64), np.asarray(y, np.float64), shape)
    design = np.stack([v**j * u**i for j, i in powers], axis=1)
    kept = np.isfinite(difference) & np.isfinite(u) & np.isfinite(v)
    scatter = 0.0
    solution: Values = np.zeros(len(powers))
    for _ in range(10):
        if kept.sum() < 2 * len(powers):
            msg = (
                f"{int(kept.sum())} stars cannot fix a polynomial of degree {degree}, "
                f"{2 * len(powers)} are wanted; add exposures or lower the degree"
            )
            raise NoValidPixels(msg)
        # least sum of (dm - P)**2 over the kept stars, all of equal weight
        solution, *_ = np.linalg.lstsq(design[kept], difference[kept], rcond=None)
        rest = difference - design @ solution
        scatter = statistics.clipped(rest[kept], sigma=sigma, iterations=5).stdev
        # all stars are judged anew, |dm - P| <= sigma scatter, until the set stays the same
        near = np.isfinite(rest) & (np.abs(rest) <= sigma * scatter)
        if (near == kept).all():
            break
        kept = near
    coefficients = np.zeros((degree + 1, degree + 1))
    for (j, i), value in zip(powers, solution, strict=True):
        coefficients[j, i] = value
    return Illumination(
        coefficients=coefficients, shape=shape, rms=float(scatter), stars=int(kept.sum())
    )


def scaled(x: Values, y: Values, shape: tuple[int, int]) -> tuple[Values, Values]:
    """Return pixel positions scaled to -1 to 1 over the chip.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Zero-based positions [pixel].
    shape : tuple of int
        Shape (ny, nx) of the chip.
    """
    # u = 2 x / (nx - 1) - 1: -1 and 1 at the centres of the outer pixels; powers stay within 1,
    # which keeps the least squares well conditioned
    ny, nx = shape
    return 2 * x / max(nx - 1, 1) - 1, 2 * y / max(ny - 1, 1) - 1

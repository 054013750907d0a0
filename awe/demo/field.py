"""A simulated patch of sky: stars and galaxies, and the light they leave on pixels.

Positions are right ascension and declination; a tangent projection and a point-spread function
(Moffat) put them on pixels. Fluxes are ADU per second on a perfect detector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Field", "make_field", "moffat", "project", "render"]

Map = NDArray[np.float32]
Values = NDArray[np.float64]

BETA = 3.5
"""Exponent of the Moffat profile."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """The sources on the sky, as arrays of equal length.

    Parameters
    ----------
    ra, dec : ndarray of float64, degree
        Positions.
    flux : ndarray of float64, ADU per second
        Total light on a perfect detector.
    size : ndarray of float64, arcsec
        Width beyond the point-spread function, 0 for stars; of the longer axis.
    ratio : ndarray of float64, optional
        Shorter over longer axis; all sources are round without it.
    angle : ndarray of float64, optional
        Angle of the longer axis from east to north [degree].
    """

    ra: Values
    dec: Values
    flux: Values
    size: Values
    ratio: Values | None = None
    angle: Values | None = None


def make_field(
    centre: tuple[float, float],
    rng: np.random.Generator,
    *,
    width: float = 1.25,
    stars: float = 9000.0,
    galaxies: float = 0.0,
    faintest: float = 21.5,
    zero_point: float = 24.6,
) -> Field:
    """Return a random field of stars, and of galaxies where wanted.

    Parameters
    ----------
    centre : tuple of float
        Right ascension and declination of the centre [degree].
    rng : numpy.random.Generator
        Source of positions and brightnesses.
    width : float
        Side of the square field [degree].
    stars, galaxies : float
        Number per square degree.
    faintest : float
        Magnitude of the faintest; counts rise by a factor of two per magnitude from 10.
    zero_point : float
        Magnitude that gives 1 ADU per second.

    Returns
    -------
    Field
        Sources in random order.
    """
    number = rng.poisson((stars + galaxies) * width * width)
    uniform = rng.uniform(-0.5, 0.5, (2, number)) * width
    # Counts double per magnitude: N(<m) ~ 2^m, so m = faintest + log2(u) for a uniform u. Flux
    # follows from m = zero point - 2.5 log10(flux).
    steps = rng.uniform(2.0 ** (10.0 - faintest), 1.0, number)
    magnitude = faintest + np.log2(steps)
    extended = rng.random(number) < galaxies / max(stars + galaxies, 1e-9)
    return Field(
        ra=centre[0] + uniform[0] / np.cos(np.radians(centre[1])),
        dec=centre[1] + uniform[1],
        flux=10.0 ** (-0.4 * (magnitude - zero_point)),
        size=np.where(extended, rng.uniform(0.6, 2.5, number), 0.0),
    )


def project(ra: Values, dec: Values, centre: tuple[float, float]) -> tuple[Values, Values]:
    """Return standard coordinates, east and north of the centre [degree], of sky positions.

    References
    ----------
    Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3 (gnomonic projection).
    """
    along = np.radians(ra - centre[0])
    sin0, cos0 = np.sin(np.radians(centre[1])), np.cos(np.radians(centre[1]))
    sin1, cos1 = np.sin(np.radians(dec)), np.cos(np.radians(dec))
    # The gnomonic projection: xi = cos d sin(a - a0) / D, eta = (cos d0 sin d - sin d0 cos d
    # cos(a - a0)) / D, with D the cosine of the distance from the centre.
    depth = sin0 * sin1 + cos0 * cos1 * np.cos(along)
    east = cos1 * np.sin(along) / depth
    north = (cos0 * sin1 - sin0 * cos1 * np.cos(along)) / depth
    return np.degrees(east), np.degrees(north)


def moffat(x: Map, y: Map, fwhm: float, beta: float = BETA) -> Map:
    """Return the surface brightness, of unit total, of a star at the origin.

    Parameters
    ----------
    x, y : ndarray of float32
        Distances from the star [pixel], broadcast against each other.
    fwhm : float
        Full width at half maximum [pixel].
    beta : float
        Exponent of the profile.
    """
    # I(r) = I0 (1 + r^2 / alpha^2)^-beta is I0 / 2 at r = alpha sqrt(2^(1/beta) - 1), half the
    # FWHM; its integral over the plane is pi alpha^2 I0 / (beta - 1), here 1.
    alpha = 0.5 * fwhm / np.sqrt(2.0 ** (1.0 / beta) - 1.0)
    peak = (beta - 1.0) / (np.pi * alpha * alpha)
    # 3.5 = 3 + 1/2: roots and products are several times faster than a general power.
    base = 1.0 / (1.0 + (x * x + y * y) / np.float32(alpha * alpha))
    power = base * base * base * np.sqrt(base) if beta == BETA else base**beta
    brightness: Map = (peak * power).astype(np.float32)
    return brightness


def render(
    shape: tuple[int, int],
    x: Values,
    y: Values,
    flux: Values,
    fwhm: Values,
    floor: float = 0.5,
    *,
    minor: Values | None = None,
    angle: Values | None = None,
) -> Map:
    """Return an image of sources with Moffat profiles.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the image.
    x, y : ndarray of float64
        Zero-based positions [pixel]; sources off the image contribute their wings.
    flux : ndarray of float64, ADU
        Total light of each source.
    fwhm : ndarray of float64, pixel
        Width of each source, along its longer axis.
    floor : float
        Surface brightness [ADU/pixel] at which a profile is cut off.
    minor : ndarray of float64, optional
        Width along the shorter axis [pixel]; that along the longer one if left out.
    angle : ndarray of float64, optional
        Angle of the longer axis from x to y [degree].

    Returns
    -------
    ndarray of float32, shape (ny, nx), ADU
        The light, sampled at pixel centres (four points per pixel within the core).
    """
    image = np.zeros(shape, dtype=np.float32)
    radii = np.clip(_reach(flux, fwhm, floor), 3, 600).astype(int)
    near = (x > -radii) & (x < shape[1] + radii) & (y > -radii) & (y < shape[0] + radii)
    for index in np.flatnonzero(near):
        shape_of = None
        if minor is not None and angle is not None and minor[index] < fwhm[index]:
            shape_of = (float(fwhm[index] / minor[index]), float(np.radians(angle[index])))
        _add(image, x[index], y[index], flux[index], fwhm[index], int(radii[index]), shape_of)
    return image


def _reach(flux: Values, fwhm: Values, floor: float) -> Values:
    """Return the radius at which a profile falls to `floor`."""
    alpha = 0.5 * fwhm / np.sqrt(2.0 ** (1.0 / BETA) - 1.0)
    peak = flux * (BETA - 1.0) / (np.pi * alpha * alpha)
    ratio = np.maximum(peak / floor, 1.0)
    radius: Values = np.ceil(alpha * np.sqrt(ratio ** (1.0 / BETA) - 1.0)) + 1
    return radius


def _add(
    image: Map,
    x0: float,
    y0: float,
    flux: float,
    fwhm: float,
    radius: int,
    shape_of: tuple[float, float] | None = None,
) -> None:
    ny, nx = image.shape
    x1, x2 = max(int(x0) - radius, 0), min(int(x0) + radius + 1, nx)
    y1, y2 = max(int(y0) - radius, 0), min(int(y0) + radius + 1, ny)
    if x1 >= x2 or y1 >= y2:
        return
    x = (np.arange(x1, x2) - x0).astype(np.float32)[np.newaxis, :]
    y = (np.arange(y1, y2) - y0).astype(np.float32)[:, np.newaxis]
    if shape_of is not None:
        # An ellipse: turned to its axes, and the shorter one stretched to the longer. The light
        # of a unit of area grows by as much.
        stretch, turn = shape_of
        along = (np.cos(turn) * x + np.sin(turn) * y).astype(np.float32)
        across = (stretch * (np.cos(turn) * y - np.sin(turn) * x)).astype(np.float32)
        x, y, flux = along, across, flux * stretch
    image[y1:y2, x1:x2] += np.float32(flux) * _sampled(x, y, fwhm)


def _sampled(x: Map, y: Map, fwhm: float) -> Map:
    # Over a pixel a wide profile is nearly straight; the core of a narrow one is not, and the
    # value at the centre of the pixel would be too high: the mean of four points instead.
    if fwhm > 6:
        return moffat(x, y, fwhm)
    quarter = np.float32(0.25)
    total = moffat(x - quarter, y - quarter, fwhm)
    for dx, dy in ((quarter, -quarter), (-quarter, quarter), (quarter, quarter)):
        total += moffat(x + dx, y + dy, fwhm)
    return total * quarter

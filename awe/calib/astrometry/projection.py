"""The tangential projection, proper motion, and the polynomials of TPV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

__all__ = ["ARCSEC", "TERMS", "moved", "projected", "tpv_terms", "unprojected"]

#: arcsec in a degree
ARCSEC = 3600.0

#: milliarcseconds in a degree
_MAS = 3.6e6

#: powers of the own and of the other coordinate in PVi_0 to PVi_10; PVi_3 is the radius, not used
TERMS: dict[int, tuple[int, int]] = {
    0: (0, 0), 1: (1, 0), 2: (0, 1), 4: (2, 0), 5: (1, 1), 6: (0, 2), 7: (3, 0), 8: (2, 1),
    9: (1, 2), 10: (0, 3),
}  # fmt: skip


def projected(ra: Values, dec: Values, centre: tuple[float, float]) -> tuple[Values, Values]:
    """Return standard coordinates [arcsec], NaN for what is a quarter of the sky away.

    Parameters
    ----------
    ra, dec : ndarray of float64, deg
        Places on the sky.
    centre : tuple of float, deg
        Where the plane touches the sky.

    References
    ----------
    Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3.
    """
    along = np.radians(ra - centre[0])
    sin0, cos0 = np.sin(np.radians(centre[1])), np.cos(np.radians(centre[1]))
    sin1, cos1 = np.sin(np.radians(dec)), np.cos(np.radians(dec))
    depth = sin0 * sin1 + cos0 * cos1 * np.cos(along)
    depth = np.where(depth > 0.01, depth, np.nan)
    east = cos1 * np.sin(along) / depth
    north = (cos0 * sin1 - sin0 * cos1 * np.cos(along)) / depth
    return np.degrees(east) * ARCSEC, np.degrees(north) * ARCSEC


def unprojected(
    east: Values, north: Values, centre: tuple[float, float]
) -> tuple[Values, Values]:
    """Return right ascension and declination [deg] of standard coordinates.

    Parameters
    ----------
    east, north : ndarray of float64, arcsec
        Standard coordinates.
    centre : tuple of float, deg
        Where the plane touches the sky.
    """
    x, y = np.radians(east / ARCSEC), np.radians(north / ARCSEC)
    sin0, cos0 = np.sin(np.radians(centre[1])), np.cos(np.radians(centre[1]))
    depth = cos0 - y * sin0
    ra = centre[0] + np.degrees(np.arctan2(x, depth))
    dec = np.degrees(np.arctan2(sin0 + y * cos0, np.hypot(x, depth)))
    return ra % 360, dec


def moved(
    ra: Values, dec: Values, motion_ra: Values, motion_dec: Values, years: float
) -> tuple[Values, Values]:
    """Return places after some years of proper motion [deg].

    Parameters
    ----------
    ra, dec : ndarray of float64, deg
        Places at the epoch of the catalogue.
    motion_ra, motion_dec : ndarray of float64, mas/yr
        Proper motion, that in right ascension times the cosine of the declination; NaN is 0.
    years : float, yr
        Time since the epoch, negative before it.
    """
    east, north = (np.nan_to_num(one) * years / _MAS for one in (motion_ra, motion_dec))
    return (ra + east / np.maximum(np.cos(np.radians(dec)), 1e-6)) % 360, dec + north


def tpv_terms(own: Values, other: Values) -> Values:
    """Return the terms of TPV without the radius, shape (n, 10).

    Parameters
    ----------
    own, other : ndarray of float64
        The coordinate itself and the other one.
    """
    return np.stack([own**i * other**j for i, j in TERMS.values()], axis=-1)

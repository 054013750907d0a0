"""A simulated sky with colours: stars that move, galaxies with shapes, and catalogues of them.

Magnitudes are those of three bands, outside the atmosphere, in the system of the standards. The
camera sees them through its own filters (a colour term) and through the air (an extinction).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awe.demo.field import Field, Values

__all__ = ["BANDS", "EPOCH", "Band", "Starfield", "make_patch"]

EPOCH = 2016.0
"""Year the places hold for."""

FAINTEST = 22.3
GALAXIES_FROM = 17.0
BRIGHTEST = 14.6


@dataclass(frozen=True, kw_only=True)
class Band:
    """What a filter of the camera makes of magnitudes.

    Parameters
    ----------
    letter : str
        Band of the standards: `"g"`, `"r"` or `"i"`.
    zero_point : float
        Magnitude that gives 1 ADU per second outside the atmosphere [mag].
    color_term : float
        What is added to the magnitude per magnitude of g - r.
    extinction : float
        What is added per airmass [mag/airmass].
    sky : float
        Brightness of the sky on a perfect detector [ADU/pixel/s].
    """

    letter: str
    zero_point: float
    color_term: float
    extinction: float
    sky: float


BANDS = {
    "g_SDSS": Band(letter="g", zero_point=24.80, color_term=-0.05, extinction=0.17, sky=0.6),
    "r_SDSS": Band(letter="r", zero_point=24.69, color_term=-0.04, extinction=0.09, sky=1.4),
    "i_SDSS": Band(letter="i", zero_point=24.10, color_term=0.03, extinction=0.05, sky=2.2),
}
"""The filters the sky is seen through, by the names they have in headers."""


@dataclass(frozen=True, kw_only=True)
class Starfield:
    """The sources of a patch of sky, as arrays of equal length.

    Parameters
    ----------
    ra, dec : ndarray of float64, degree
        Places in the year `EPOCH`.
    pm_ra, pm_dec : ndarray of float64, mas/yr
        Proper motion; that along right ascension is an angle on the sky.
    g, r, i : ndarray of float64, mag
        Magnitudes outside the atmosphere.
    size : ndarray of float64, arcsec
        Width of the longer axis beyond the point-spread function, 0 for stars.
    ratio, angle : ndarray of float64
        Shorter over longer axis; angle of the longer one from east to north [degree].
    standard : ndarray of bool
        Which are standard stars.
    """

    ra: Values
    dec: Values
    pm_ra: Values
    pm_dec: Values
    g: Values
    r: Values
    i: Values
    size: Values
    ratio: Values
    angle: Values
    standard: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: list[Starfield]) -> Starfield:
        """Return one field of several.

        Parameters
        ----------
        parts : list of Starfield
            Patches, anywhere on the sky.
        """
        names = cls.__dataclass_fields__
        return cls(**{
            name: np.concatenate([getattr(part, name) for part in parts]) for name in names
        })  # fmt: skip

    def places(self, year: float) -> tuple[Values, Values]:
        """Return right ascensions and declinations of a year [degree].

        Parameters
        ----------
        year : float
            Julian year, such as 2012.4.
        """
        degrees = (year - EPOCH) / 3.6e6
        return (
            self.ra + degrees * self.pm_ra / np.cos(np.radians(self.dec)),
            self.dec + degrees * self.pm_dec,
        )

    def seen(self, band: Band, airmass: float, year: float) -> Field:
        """Return what the camera sees through a filter and the air.

        Parameters
        ----------
        band : Band
            The filter.
        airmass : float
            Airmass of the exposure.
        year : float
            When.
        """
        magnitude = getattr(self, band.letter) + band.color_term * (self.g - self.r)
        magnitude = magnitude + band.extinction * airmass
        ra, dec = self.places(year)
        return Field(
            ra=ra, dec=dec, flux=10.0 ** (-0.4 * (magnitude - band.zero_point)),
            size=self.size, ratio=self.ratio, angle=self.angle,
        )  # fmt: skip

    def reference(self, rng: np.random.Generator) -> dict[str, Values]:
        """Return columns of a catalogue of its stars, as surveys publish them.

        Nineteen of twenty stars brighter than 20.5 in r are in it, with places good to 2 to
        12 mas.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of the errors.
        """
        error = 2.0 + 10.0 * 10.0 ** (0.4 * (np.minimum(self.r, 20.5) - 20.5))
        offset = rng.normal(0.0, 1.0, (2, self.ra.size)) * error
        known = (self.size == 0) & (self.r < 20.5) & (rng.random(self.ra.size) < 0.95)
        columns = {
            "ra": self.ra + offset[0] / 3.6e6 / np.cos(np.radians(self.dec)),
            "dec": self.dec + offset[1] / 3.6e6,
            "ra_error": error,
            "pmra": self.pm_ra,
            "pmdec": self.pm_dec,
            "phot_g_mean_mag": self.r + 0.1 * (self.g - self.r),
        }
        return {name: values[known] for name, values in columns.items()}

    def standards(self, rng: np.random.Generator) -> dict[str, Values]:
        """Return columns of a catalogue of its standard stars, with errors of 4 mmag.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of the errors.
        """
        columns: dict[str, Any] = {
            "ra": self.ra, "dec": self.dec, "pmra": self.pm_ra, "pmdec": self.pm_dec,
        }  # fmt: skip
        for letter in "gri":
            true = getattr(self, letter)
            columns[f"{letter}mag"] = true + rng.normal(0.0, 0.004, true.size)
            columns[f"{letter}mag_err"] = np.full(true.size, 0.004)
        return {name: np.asarray(values)[self.standard] for name, values in columns.items()}


def make_patch(
    ra: tuple[float, float],
    dec: tuple[float, float],
    rng: np.random.Generator,
    *,
    stars: float,
    galaxies: float = 0.0,
    standards: float = 0.0,
) -> Starfield:
    """Return a random patch of sky.

    Parameters
    ----------
    ra, dec : tuple of float
        Lower and upper limits [degree].
    rng : numpy.random.Generator
        Source of everything.
    stars, galaxies, standards : float
        Number per square degree: stars and galaxies to magnitude 22.3 in r, standards of
        magnitudes 14.6 to 17.5.
    """
    area = (ra[1] - ra[0]) * (dec[1] - dec[0]) * np.cos(np.radians(sum(dec) / 2))
    counts = [int(rng.poisson(density * area)) for density in (stars, galaxies, standards)]
    number = sum(counts)
    kind = np.repeat([0, 1, 2], counts)
    # Counts double per magnitude, as in `awe.demo.field.make_field`.
    brightest = np.choose(kind, [BRIGHTEST, GALAXIES_FROM, BRIGHTEST])
    faintest = np.choose(kind, [FAINTEST, FAINTEST, 17.5])
    r = faintest + np.log2(rng.uniform(2.0 ** (brightest - faintest), 1.0, number))
    colour = np.clip(rng.normal(0.75, 0.35, number), 0.0, 1.6)
    extended = kind == 1
    moving = np.where(extended, 0.0, rng.exponential(9.0, number))
    towards = rng.uniform(0.0, 2 * np.pi, number)
    return Starfield(
        ra=rng.uniform(*ra, number),
        dec=rng.uniform(*dec, number),
        pm_ra=moving * np.cos(towards),
        pm_dec=moving * np.sin(towards),
        g=r + colour,
        r=r,
        i=r - 0.45 * colour + rng.normal(0.0, 0.03, number),
        size=np.where(extended, rng.uniform(0.6, 2.5, number), 0.0),
        ratio=np.where(extended, rng.uniform(0.3, 1.0, number), 1.0),
        angle=np.where(extended, rng.uniform(0.0, 180.0, number), 0.0),
        standard=kind == 2,
    )

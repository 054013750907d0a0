"""The plan of the science field: what the tutorial goes on with after its first chapter.

The same night as that of `awe.demo.plan`: five dithered exposures of a crowded field in each of
g, r and i that overlap, a standard field in the three filters at three airmasses, and flats in g
and i. Two chips are read, in the window of the night. The optics distort: places by the header,
a plain tangent projection, are arcseconds wrong there, and the pointing is off besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from awe.demo.field import Field
from awe.demo.headers import airmass
from awe.demo.plan import PIXEL, PlannedExposure, Window
from awe.demo.sky import SimulatedExposure
from awe.demo.starfield import BANDS, Starfield, make_patch
from awe.instruments import get

__all__ = ["CHIPS", "DISTORTION", "FIELD", "STANDARDS", "field_plan", "field_sources", "sky"]

CHIPS = ("ESO_CCD_#65", "ESO_CCD_#66")
"""The chips that are read."""

DISTORTION = 0.0051
"""Distortion of the optics [1/degree^2]: 4 arcsec outwards at 0.6 degrees from the axis."""

FIELD = (250.0, -31.2)
FIELD_NAME = "FIELD_250.0_-31.2"
STANDARDS = (325.4, 0.5)

YEAR = 2012.416
FIRST_NUMBER = 100
EXPOSURE, STANDARD_EXPOSURE = 120.0, 30.0
READ_OUT = 47.3
DITHERS = ((0.0, 0.0), (26.0, 24.0), (-25.0, 27.0), (-27.0, -25.0), (24.0, -26.0))
SEEING = {"g_SDSS": 0.86, "r_SDSS": 0.74, "i_SDSS": 0.70}
MARGIN = 0.013
"""Sky beyond the window that the sources fill [degree]: the dithers and the bright wings."""


def field_plan() -> list[PlannedExposure]:
    """Return the exposures in the order they are taken."""
    items = [*_twilight_flats(), *_dithers(), *_standards(), *_dome_flats()]
    return [
        PlannedExposure(number=FIRST_NUMBER + number, **item) for number, item in enumerate(items)
    ]


def sky(seed: int, window: Window) -> Starfield:
    """Return everything on the sky round both pointings.

    Parameters
    ----------
    seed : int
        Seed of all randomness.
    window : Window
        The part of the chips that is read: sources are where it looks.
    """
    patches = []
    for number, (centre, densities) in enumerate(
        (
            (FIELD, {"stars": 220_000.0, "galaxies": 60_000.0}),
            (STANDARDS, {"stars": 8_000.0, "standards": 60_000.0}),
        )
    ):
        for chip in CHIPS:
            ra, dec = _limits(centre, chip, window)
            rng = np.random.default_rng([seed, 5, number, int(chip[-2:])])
            patches.append(make_patch(ra, dec, rng, **densities))
    return Starfield.joined(patches)


def field_sources(seed: int, window: Window) -> Callable[[PlannedExposure], Field | None]:
    """Return what the camera sees in each exposure.

    Parameters
    ----------
    seed : int
        Seed of all randomness.
    window : Window
        The part of the chips that is read.
    """
    everything = sky(seed, window)

    def seen(planned: PlannedExposure) -> Field | None:
        if planned.exposure.kind != "science":
            return None
        middle = planned.start + timedelta(seconds=planned.exposure.exptime / 2)
        straight = replace(planned, astray=(0.0, 0.0))
        return everything.seen(BANDS[planned.filter], airmass(straight, middle), YEAR)

    return seen


def _limits(
    centre: tuple[float, float], name: str, window: Window
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Right ascensions and declinations that the window of a chip can see."""
    corner = get("OMEGACAM").chip(name).corner
    scale = PIXEL / 3600
    x = (corner[0] + window.x - 1) * scale
    y = (corner[1] + window.y - 1) * scale
    cosine = float(np.cos(np.radians(centre[1])))
    east = (x - MARGIN, x + window.nx * scale + MARGIN)
    north = (y - MARGIN, y + window.ny * scale + MARGIN)
    return (
        (centre[0] + east[0] / cosine, centre[0] + east[1] / cosine),
        (centre[1] + north[0], centre[1] + north[1]),
    )


def _pointed(centre: tuple[float, float], east: float, north: float) -> tuple[float, float]:
    """Return a pointing some arcseconds from a place."""
    cosine = float(np.cos(np.radians(centre[1])))
    return centre[0] + east / 3600 / cosine, centre[1] + north / 3600


def _dithers() -> Iterator[dict[str, Any]]:
    start = datetime(2012, 6, 1, 3, 30, 12)
    for order, name in enumerate(BANDS):
        begun = start + timedelta(minutes=18 * order)
        for position, dither in enumerate(DITHERS):
            astray = (3.1 - 0.9 * position, -2.2 + 0.7 * position + 0.4 * order)
            exposure = _looked_at(_pointed(FIELD, *dither), name, EXPOSURE, position)
            yield _science(
                exposure, name, begun, position, len(DITHERS), "OBJECT", FIELD_NAME, astray
            )


def _standards() -> Iterator[dict[str, Any]]:
    """SA113 at airmass 2, 1.4 and 1.1; the template in r at 09:38:56 is the last in r."""
    for round_, first in enumerate(
        (
            datetime(2012, 6, 1, 5, 58, 10),
            datetime(2012, 6, 1, 7, 18, 40),
            datetime(2012, 6, 1, 9, 36, 30),
        )
    ):
        for order, name in enumerate(BANDS):
            begun = first + timedelta(seconds=146 * order)
            centre = _pointed(STANDARDS, 4.0 * round_ - 3.0, 2.0 * order)
            exposure = _looked_at(centre, name, STANDARD_EXPOSURE, round_)
            astray = (-1.8 + 0.6 * order, 2.4 - 1.1 * round_)
            yield _science(exposure, name, begun, 0, 1, "STD,ZEROPOINT", "SA113", astray)


def _looked_at(
    centre: tuple[float, float], name: str, exptime: float, position: int
) -> SimulatedExposure:
    return SimulatedExposure(
        kind="science",
        exptime=exptime,
        level=BANDS[name].sky * exptime * (1 + 0.015 * position),
        fwhm=SEEING[name] * (1 + 0.03 * position) / PIXEL,
        centre=centre,
        pixel_scale=PIXEL / 3600,
        distortion=DISTORTION,
    )


def _science(
    exposure: SimulatedExposure,
    name: str,
    begun: datetime,
    position: int,
    count: int,
    type_: str,
    target: str,
    astray: tuple[float, float],
) -> dict[str, Any]:
    dithered = count > 1
    return {
        "start": begun + timedelta(seconds=2.312 + position * (exposure.exptime + READ_OUT)),
        "exposure": exposure,
        "type": type_,
        "category": "SCIENCE" if dithered else "CALIB",
        "technique": "IMAGE,DITHER" if dithered else "IMAGE",
        "object": target,
        "template": "OMEGACAM_img_obs_dither" if dithered else "OMEGACAM_img_cal_zp",
        "template_start": begun,
        "count": count,
        "position": position + 1,
        "block": 200_127_340 if dithered else 200_127_350,
        "block_name": f"{target}_{name[0]}",
        "filter": name,
        "astray": astray,
    }


def _twilight_flats() -> Iterator[dict[str, Any]]:
    for name, begun in (
        ("g_SDSS", datetime(2012, 5, 31, 22, 24, 20)),
        ("i_SDSS", datetime(2012, 5, 31, 22, 29, 40)),
    ):
        for position, (exptime, level) in enumerate(
            zip((4.2, 7.1, 12.0), (25_300.0, 21_900.0, 17_800.0), strict=True)
        ):
            exposure = SimulatedExposure(kind="twilight", exptime=exptime, level=level)
            yield _flat(exposure, name, begun, position, "FLAT,SKY", "twiflat")


def _dome_flats() -> Iterator[dict[str, Any]]:
    for name, begun in (
        ("g_SDSS", datetime(2012, 6, 1, 14, 2, 11)),
        ("i_SDSS", datetime(2012, 6, 1, 14, 8, 32)),
    ):
        for position, level in enumerate((20_320.0, 20_440.0, 20_390.0, 20_360.0, 20_410.0)):
            exposure = SimulatedExposure(kind="dome", exptime=8.6, level=level)
            yield _flat(exposure, name, begun, position, "FLAT,DOME", "domeflat")


def _flat(
    exposure: SimulatedExposure, name: str, begun: datetime, position: int, type_: str, kind: str
) -> dict[str, Any]:
    return {
        "start": begun + timedelta(seconds=2.312 + position * (exposure.exptime + 46.0)),
        "exposure": exposure,
        "type": type_,
        "category": "CALIB",
        "technique": "IMAGE",
        "object": type_,
        "template": f"OMEGACAM_img_cal_{kind}",
        "template_start": begun,
        "count": 5 if kind == "domeflat" else 3,
        "position": position + 1,
        "block": 200_127_360,
        "block_name": "Calibration",
        "filter": name,
    }

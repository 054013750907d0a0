"""The plan of the tutorial night: which exposures are taken, when, and of what.

One night at Paranal, 2012-05-31: twilight flats in the evening, five dithered exposures of one
template before dawn, biases, dome flats and darks the next morning. The plan is data; a
simulated sky and the writing of files are elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from awe.demo.field import Field, make_field
from awe.demo.particles import Trail
from awe.demo.sky import SimulatedExposure

__all__ = ["FILTER", "SCIENCE_START", "PlannedExposure", "Window", "plan", "sky_field"]

SCIENCE_START = datetime(2012, 6, 1, 8, 51, 44)
"""Start of the science template."""

FILTER = "r_SDSS"
TARGET = (331.0, -31.2)
TARGET_NAME = "KIDS_331.0_-31.2"
DITHER = (25.0, 85.0)
SCIENCE_TIME = 360.0
SKY_RATE = 1.4
SEEING = (0.72, 0.75, 0.71, 0.78, 0.83)
PIXEL = 0.21343


@dataclass(frozen=True, kw_only=True)
class Window:
    """The part of every chip that is read: first column and row (from 1), size, overscan rows."""

    x: int = 825
    y: int = 1841
    nx: int = 400
    ny: int = 420
    overscan_y: int = 20

    @classmethod
    def full(cls) -> Window:
        """Return the window that is the whole chip."""
        return cls(x=1, y=1, nx=2048, ny=4100, overscan_y=100)


@dataclass(frozen=True, kw_only=True)
class PlannedExposure:
    """One exposure of the night.

    Parameters
    ----------
    number : int
        Position in the plan, from 0.
    start : datetime
        Begin, UTC.
    exposure : SimulatedExposure
        What the camera is exposed to.
    type, category, technique : str
        `DPR TYPE`, `DPR CATG` and `DPR TECH`.
    object : str
        `OBJECT`.
    template : str
        `TPL ID`.
    template_start : datetime
        `TPL START`, shared by all exposures of the template.
    count, position : int
        `TPL NEXP` and `TPL EXPNO`.
    block : int
        `OBS ID`.
    block_name : str
        `OBS NAME`.
    filter : str
        `INS FILT1 NAME`.
    astray : tuple of float
        By how much the header says another place than the axis points to: east, north [arcsec].
    """

    number: int
    start: datetime
    exposure: SimulatedExposure
    type: str
    category: str
    technique: str
    object: str
    template: str
    template_start: datetime
    count: int
    position: int
    block: int
    block_name: str
    filter: str = FILTER
    astray: tuple[float, float] = (0.0, 0.0)

    @property
    def filename(self) -> str:
        """Archive name of the file."""
        return f"OMEGACAM.{self.date_obs}.fits"

    @property
    def date_obs(self) -> str:
        """`DATE-OBS`, to the millisecond."""
        return self.start.isoformat(timespec="milliseconds")


def plan() -> list[PlannedExposure]:
    """Return the exposures of the night in the order they are taken."""
    parts = [_twilight_flats(), _science(), _biases(), _dome_flats(), _darks()]
    exposures = [item for part in parts for item in part]
    return [PlannedExposure(number=number, **item) for number, item in enumerate(exposures)]


def sky_field(seed: int) -> Field:
    """Return the sources of the target field: stars, galaxies and some stars that saturate."""
    rng = np.random.default_rng([seed, 1])
    faint = make_field(TARGET, rng, stars=9000, galaxies=14_000, faintest=22.5)
    bright = make_field(TARGET, rng, stars=450, faintest=15.5)
    marked = _stars_on_first_chip()
    parts = (faint, bright, marked)
    return Field(
        ra=np.concatenate([part.ra for part in parts]),
        dec=np.concatenate([part.dec for part in parts]),
        flux=np.concatenate([part.flux for part in parts]),
        size=np.concatenate([part.size for part in parts]),
    )


def _stars_on_first_chip() -> Field:
    """One bright star in the window of ESO_CCD_#65 in each exposure; the first three saturate."""
    x, y = -8516.45 + 824 + 120, -8584.5 + 1840 + 150
    # One star per exposure, on one pixel of the chip: its position on the sky is the inverse of
    # the gnomonic projection about where that exposure points (see `awe.demo.field.project`).
    centres = [_pointing(position) for position in range(5)]
    east, north = np.radians(x * PIXEL / 3600), np.radians(y * PIXEL / 3600)
    ra, dec = [], []
    for ra0, dec0 in centres:
        delta = np.radians(dec0)
        depth = np.cos(delta) - north * np.sin(delta)
        ra.append(ra0 + np.degrees(np.arctan2(east, depth)))
        dec.append(
            np.degrees(np.arctan2(np.sin(delta) + north * np.cos(delta), np.hypot(east, depth)))
        )
    count = len(centres)
    flux = 10.0 ** (-0.4 * (np.array([13.4, 14.0, 14.6, 16.0, 16.3]) - 24.6))
    return Field(ra=np.array(ra), dec=np.array(dec), flux=flux, size=np.zeros(count))


def _pointing(position: int) -> tuple[float, float]:
    # The middle one of five is on the target. A step along right ascension is divided by cos(dec)
    # to be an angle on the sky.
    step = position - 2
    dec = TARGET[1] + step * DITHER[1] / 3600
    return TARGET[0] + step * DITHER[0] / 3600 / float(np.cos(np.radians(TARGET[1]))), dec


def _tracks(position: int) -> tuple[Trail, ...]:
    if position == 2:
        return (Trail(x0=-9500, y0=-6605, x1=9500, y1=-6455, brightness=60.0, width=1.0),)
    if position == 4:
        return (Trail(x0=-9500, y0=2330, x1=9500, y1=1830, brightness=20.0, width=2.0),)
    return ()


def _series(
    start: datetime, times: list[float], overhead: float, first: float = 2.312
) -> list[datetime]:
    moments = []
    now = start + timedelta(seconds=first)
    for exptime in times:
        moments.append(now)
        now += timedelta(seconds=exptime + overhead)
    return moments


def _science() -> list[dict[str, Any]]:
    moments = _series(SCIENCE_START, [SCIENCE_TIME] * 5, 47.331)
    return [
        {
            "start": moment,
            "exposure": SimulatedExposure(
                kind="science",
                exptime=SCIENCE_TIME,
                level=SKY_RATE * SCIENCE_TIME * (1 + 0.02 * position),
                fwhm=SEEING[position] / PIXEL,
                centre=_pointing(position),
                tracks=_tracks(position),
                pixel_scale=PIXEL / 3600,
            ),
            "type": "OBJECT",
            "category": "SCIENCE",
            "technique": "IMAGE,DITHER",
            "object": TARGET_NAME,
            "template": "OMEGACAM_img_obs_dither",
            "template_start": SCIENCE_START,
            "count": 5,
            "position": position + 1,
            "block": 200_127_331,
            "block_name": f"{TARGET_NAME}_r",
        }
        for position, moment in enumerate(moments)
    ]


def _biases() -> list[dict[str, Any]]:
    start = datetime(2012, 6, 1, 12, 10, 5)
    moments = _series(start, [0.0] * 10, 44.87)
    exposures = [SimulatedExposure(kind="bias")] * 10
    return _calibrations("BIAS", "OMEGACAM_img_cal_bias", start, moments, exposures, 200_127_401)


def _dome_flats() -> list[dict[str, Any]]:
    start = datetime(2012, 6, 1, 13, 2, 11)
    exptime = 8.6
    moments = _series(start, [exptime] * 5, 46.02)
    exposures = [
        SimulatedExposure(kind="dome", exptime=exptime, level=level)
        for level in (20_350.0, 20_410.0, 20_380.0, 20_330.0, 20_460.0)
    ]
    name = "OMEGACAM_img_cal_domeflat"
    return _calibrations("FLAT,DOME", name, start, moments, exposures, 200_127_402)


def _darks() -> list[dict[str, Any]]:
    start = datetime(2012, 6, 1, 13, 20, 8)
    times = [600.0] * 3
    exposures = [SimulatedExposure(kind="dark", exptime=exptime) for exptime in times]
    moments = _series(start, times, 44.87)
    return _calibrations("DARK", "OMEGACAM_img_cal_dark", start, moments, exposures, 200_127_403)


def _twilight_flats() -> list[dict[str, Any]]:
    start = datetime(2012, 5, 31, 22, 16, 32)
    times = [2.2, 3.4, 5.6, 9.3, 15.4]
    levels = [27_400.0, 23_100.0, 20_800.0, 18_900.0, 15_700.0]
    moments = _series(start, times, 46.4)
    exposures = [
        SimulatedExposure(kind="twilight", exptime=exptime, level=level)
        for exptime, level in zip(times, levels, strict=True)
    ]
    name = "OMEGACAM_img_cal_twiflat"
    return _calibrations("FLAT,SKY", name, start, moments, exposures, 200_127_300)


def _calibrations(
    type_: str,
    template: str,
    start: datetime,
    moments: list[datetime],
    exposures: list[SimulatedExposure],
    block: int,
) -> list[dict[str, Any]]:
    return [
        {
            "start": moment,
            "exposure": exposure,
            "type": type_,
            "category": "CALIB",
            "technique": "IMAGE",
            "object": type_,
            "template": template,
            "template_start": start,
            "count": len(moments),
            "position": position,
            "block": block,
            "block_name": "Calibration",
        }
        for position, (moment, exposure) in enumerate(
            zip(moments, exposures, strict=True), start=1
        )
    ]

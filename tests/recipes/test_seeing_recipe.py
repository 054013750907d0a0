"""Hits are found where stars are few: Reduce on files, astroscrappy on the same pixels."""

from __future__ import annotations

from pathlib import Path

import astroscrappy
import numpy as np
import pytest

from awe.calib.detector.geometry import ChipGeometry
from awe.calib.flags import PixelFlag
from awe.model.mixins import QualityFlag
from benchmarks.fields import GAIN, READ_NOISE, exposed, score, stars

CHIP = "ESO_CCD_#65"
SHAPE = (700, 800)
GEOMETRY = ChipGeometry.from_counts(
    nx=SHAPE[1] + 24, ny=SHAPE[0] + 10, prescan_x=12, overscan_x=12, overscan_y=10
)
SCALE = 0.2134


def copied(name, pixels):
    """Commit a calibration like the valid one, with other pixels."""
    from awe.model import calibrations
    from awe.model.data import store
    from awe.tasks.inputs import imstat
    from awe.tasks.products import prepare

    cls = getattr(calibrations, name)
    like = (cls.chip.name == CHIP)[0]
    names = ("instrument", "chip", "filter", "timestamp_start", "timestamp_end", "noise",
             "process_params")  # fmt: skip
    known = {key: getattr(like, key) for key in names if key in cls._attributes}
    made = cls(**known, process_status=1)
    if "imstat" in cls._attributes:
        made.imstat = imstat(pixels)
    prepare(made, pixels, (), directory=Path.cwd(), unit="adu" if name == "BiasFrame" else "")[1]()
    store([made])
    made.commit()


@pytest.fixture
def chip(calibrated):
    """The night, its calibrations those of a larger chip without any pattern."""
    copied("BiasFrame", np.zeros(SHAPE, np.float32))
    copied("MasterFlatFrame", np.ones(SHAPE, np.float32))
    for name in ("HotPixelMap", "ColdPixelMap"):
        copied(name, np.ones(SHAPE, np.uint8))
    return calibrated


def reduce(night, image):
    """Store a raw frame of such light and reduce it."""
    from awe import recipes
    from awe.model.raw import RawScienceFrame

    full = np.random.default_rng(1).normal(250, READ_NOISE, (GEOMETRY.ny, GEOMETRY.nx))
    full[: SHAPE[0], 12 : 12 + SHAPE[1]] = 250 + image
    pixels = np.clip(np.rint(full), 0, 65535).astype(np.uint16)
    raw = night.put(RawScienceFrame, pixels, night.template.start, geometry=GEOMETRY)
    task = recipes.find("Reduce")(
        instrument="OMEGACAM", raw_filenames=[raw.filename], chip=CHIP, commit=True
    )
    return task.execute()[0]


def peer(image):
    return astroscrappy.detect_cosmics(
        np.nan_to_num(image), sigclip=4.5, sigfrac=0.3, objlim=5.0, gain=GAIN,
        readnoise=READ_NOISE * GAIN, satlevel=60000 * GAIN, niter=4, sepmed=True,
        cleantype="meanmask",
    )[0]  # fmt: skip


def hits_of(red):
    return red.to_ccddata().flags & PixelFlag.COSMIC != 0


@pytest.mark.parametrize(
    ("seed", "number", "fwhm", "hits"), [(71, 300, 3.6, 2000), (72, 0, 0, 300)]
)
def test_hits_are_found_where_stars_are_few(chip, seed, number, fwhm, hits):
    rng = np.random.default_rng(seed)
    light = 700 + (stars(rng, SHAPE, number, fwhm) if number else np.zeros(SHAPE))
    image, charge = exposed(rng, light, hits)
    red = reduce(chip, image)
    found, wrong = score(hits_of(red), charge, light)
    theirs, theirs_wrong = score(peer(red.data), charge, light)
    assert found > 0.96
    assert found > theirs - 0.005
    assert wrong <= theirs_wrong
    # without stars none can have lost its core
    assert red.quality_flags == 0
    if number:
        assert red.psf_radius == pytest.approx(fwhm * SCALE, rel=0.05)
    else:
        assert red.psf_radius is None


def test_stars_too_few_and_sharp_to_be_told_from_hits_are_doubted(chip):
    rng = np.random.default_rng(74)
    light = np.full(SHAPE, 700.0)
    # 1.65 pixels on the pixels: three of them are no clump
    for y, x in ((60, 80), (200, 310), (330, 150)):
        dy, dx = np.mgrid[-6:7, -6:7] + np.array([0.3, -0.2])[:, None, None]
        light[y - 6 : y + 7, x - 6 : x + 7] += 4000 * np.exp(-(dy**2 + dx**2) / (2 * 0.7**2))
    image, _ = exposed(rng, light, 0)
    red = reduce(chip, image)
    assert red.psf_radius is None
    assert hits_of(red)[200, 310]
    assert red.quality_flags == QualityFlag.SEEING
    assert red.verify() == QualityFlag.SEEING


def test_galaxies_do_not_give_the_width_where_stars_lost_their_cores(chip):
    rng = np.random.default_rng(75)
    light = 700 + stars(rng, SHAPE, 100, 1.0)
    y, x = np.mgrid[-20:21, -20:21]
    galaxy = np.exp(-(y**2 + x**2) / (2 * 3.0**2))
    for row, column in zip(rng.integers(30, 670, 24), rng.integers(30, 770, 24), strict=True):
        light[row - 20 : row + 21, column - 20 : column + 21] += 3000 * galaxy
    red = reduce(chip, exposed(rng, light, 150)[0])
    assert red.quality_flags == QualityFlag.SEEING
    assert red.psf_radius == pytest.approx(1.0 * SCALE, rel=0.1)


@pytest.mark.parametrize("number", [0, 40])
def test_what_is_left_once_sharp_stars_went_with_the_hits_tells_no_width(chip, number):
    rng = np.random.default_rng(76)
    light = 200 + (stars(rng, SHAPE, number, 1.0) if number else np.zeros(SHAPE))
    y, x = np.mgrid[-20:21, -20:21]
    galaxy = np.exp(-(y**2 + x**2) / (2 * 1.7**2))
    for row, column in zip(rng.integers(30, 670, 4), rng.integers(30, 770, 4), strict=True):
        light[row - 20 : row + 21, column - 20 : column + 21] += 3000 * galaxy
    # four alike of four are stars where nothing was taken away
    plain = reduce(chip, exposed(rng, light, 0)[0]) if not number else None
    red = reduce(chip, exposed(rng, light, 2000)[0])
    assert red.psf_radius is None
    if plain is not None:
        assert plain.psf_radius == pytest.approx(1.7 * 2.355 * SCALE, rel=0.05)


def test_ten_stars_among_a_thousand_hits_tell_their_width(chip):
    rng = np.random.default_rng(77)
    light = 200 + stars(rng, SHAPE, 60, 3.0)
    red = reduce(chip, exposed(rng, light, 2000)[0])
    assert red.psf_radius == pytest.approx(3.0 * SCALE, rel=0.05)

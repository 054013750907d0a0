"""The seeing of a frame: right among hits, galaxies and slopes, or none."""

from __future__ import annotations

import numpy as np
import pytest

from awe.calib import threads
from awe.calib.sky import clump, floor, seeing
from awe.errors import WrongShape
from benchmarks import doubt
from benchmarks.fields import GAIN, exposed, moffat, stars

SHAPE = (640, 700)
SKY = 700.0


def measure(image, bad=None):
    return seeing.measure(
        image, threshold=12.0, saturation=60000.0, narrowest=1.5, gain=GAIN, bad=bad
    )


def disc(light, re, flux, slope=4.0):
    """Add a galaxy of a Sersic profile."""
    y, x = np.indices(light.shape)
    radius = np.hypot(y - 300, (x - 360) / 0.7)
    b = 2 * slope - 1 / 3
    return light + flux * np.exp(-b * ((np.maximum(radius, 0.5) / re) ** (1 / slope) - 1))


def vignetting():
    y, x = np.meshgrid(*(np.linspace(-0.7, 0.7, size) for size in SHAPE), indexing="ij")
    return 1 - 0.2 * (x**2 + y**2)


SKIES = {
    "flat": lambda light: light + SKY,
    "slope": lambda light: light + np.linspace(300, 900, SHAPE[1]),
    "vignetting": lambda light: (light + 3000) * vignetting(),
    "galaxy": lambda light: disc(light + SKY, 100, 300),
    "disc": lambda light: disc(light + SKY, 150, 300, slope=1.0),
}


@pytest.mark.parametrize("fwhm", [2.8, 6.0])
@pytest.mark.parametrize("sky", SKIES)
def test_slopes_and_large_objects_do_not_change_the_width(sky, fwhm):
    rng = np.random.default_rng(910)
    light = SKIES[sky](stars(rng, SHAPE, 150, fwhm))
    image, _ = exposed(rng, light, 30)
    found = measure(image)
    assert found.state is seeing.State.MEASURED
    assert found.fwhm == pytest.approx(fwhm, rel=0.04)


@pytest.mark.parametrize("beta", [2.5, 4.0, np.inf])
@pytest.mark.parametrize("fwhm", [1.2, 1.6, 2.2, 3.6])
def test_wings_do_not_change_the_width(fwhm, beta):
    rng = np.random.default_rng(911)
    light = np.full((400, 400), SKY)
    for row in range(20, 380, 36):
        for column in range(20, 380, 36):
            star = moffat(fwhm, beta, *rng.uniform(-0.5, 0.5, 2))
            half = min(star.shape[0] // 2, 17)
            middle = star.shape[0] // 2
            part = star[middle - half : middle + half + 1, middle - half : middle + half + 1]
            box = (slice(row - half, row + half + 1), slice(column - half, column + half + 1))
            light[box] += 10 ** rng.uniform(3.8, 4.8) * part
    found = measure(exposed(rng, light, 0)[0])
    if fwhm < 1.5 and np.isinf(beta):
        assert not found.known
        return
    assert found.fwhm == pytest.approx(fwhm, rel=0.025)
    assert found.flanks == pytest.approx(np.hypot(fwhm, 1.37), rel=0.025)


def undersampled(seed, hits, galaxies):
    """Return a frame of 80 stars of 1.0 pixel, galaxies of one width, and hits."""
    rng = np.random.default_rng(seed)
    light = np.full(SHAPE, SKY)
    for fwhm, number in ((1.0, 80), (4.0, galaxies)):
        for row, column in zip(rng.integers(40, 600, number), rng.integers(40, 660, number),
                               strict=True):  # fmt: skip
            star = moffat(fwhm, 3.0, *rng.uniform(-0.5, 0.5, 2))
            half = star.shape[0] // 2
            box = (slice(row - half, row + half + 1), slice(column - half, column + half + 1))
            light[box] += 10 ** rng.uniform(3.5, 4.5) * star
    return exposed(rng, light, hits)[0]


@pytest.mark.parametrize("galaxies", [0, 12])
@pytest.mark.parametrize("hits", [50, 1000])
def test_stars_as_sharp_as_hits_are_told_from_hits_and_galaxies(hits, galaxies):
    found = measure(undersampled(921, hits, galaxies))
    assert found.state is seeing.State.UNDERSAMPLED
    assert found.fwhm == pytest.approx(1.0, rel=0.12)
    # the width is known, but hits are not told from stars by it
    assert found.known
    assert not found.told


@pytest.mark.parametrize("hits", [100, 500, 2000])
def test_hits_alone_have_no_seeing(hits):
    rng = np.random.default_rng(912 + hits)
    found = measure(exposed(rng, np.full(SHAPE, SKY), hits)[0])
    assert (found.state, found.known, found.stars) == (seeing.State.NONE, False, 0)
    assert np.isnan(found.fwhm)


def test_hits_do_not_pass_for_stars():
    rng = np.random.default_rng(915)
    found = measure(exposed(rng, SKY + stars(rng, SHAPE, 200, 3.6), 1500)[0])
    assert found.fwhm == pytest.approx(3.6, rel=0.04)


def test_a_frame_without_pixels_or_without_noise_has_none():
    rng = np.random.default_rng(916)
    image = rng.normal(SKY, 17, SHAPE).astype(np.float32)
    assert not measure(image, np.ones(SHAPE, np.bool_)).known
    assert not measure(np.full(SHAPE, np.nan, np.float32)).known
    assert not measure(np.full(SHAPE, 65535, np.uint16)).known
    assert not measure(np.zeros((9, 9), np.float32)).known
    with pytest.raises(WrongShape, match="bad pixels"):
        measure(image, np.ones((3, 3), np.bool_))


def test_bad_pixels_and_threads_do_not_matter():
    rng = np.random.default_rng(917)
    light = SKY + stars(rng, SHAPE, 150, 3.2)
    image, _ = exposed(rng, light, 50)
    bad = rng.random(SHAPE) < 0.002
    bad[:, 100] = True
    image[bad] = rng.choice([0.0, np.nan, 30000.0], bad.sum())
    before = image.copy()
    found = measure(image, bad)
    np.testing.assert_array_equal(image, before)
    assert found.fwhm == pytest.approx(3.2, rel=0.04)
    try:
        threads.narrow(1)
        assert measure(image, bad) == found
    finally:
        threads.narrow(None)


def test_three_stars_are_enough_where_there_is_nothing_else():
    rng = np.random.default_rng(918)
    light = np.full((160, 192), SKY)
    for row, column in ((40, 50), (120, 90), (60, 150)):
        star = moffat(4.0, 3.0, 0.2, -0.3)
        reach = star.shape[0] // 2
        box = tuple(slice(at - reach, at + reach + 1) for at in (row, column))
        light[box] += 40000 * star
    found = measure(exposed(rng, light, 0)[0])
    assert found.stars == 3
    assert found.fwhm == pytest.approx(4.0, rel=0.05)


def test_widths_without_a_clump_have_none():
    ends = {"least": 3, "narrowest": 1.5, "widest": 13.0}
    snr = np.full(20, 50.0)
    assert clump.find(np.geomspace(1.6, 12, 20), snr, **ends) is None
    assert clump.find(np.full(20, 1.2), snr, **ends) is None
    assert clump.find(np.full(2, 3.0), snr[:2], **ends) is None
    assert clump.find(np.full(20, 3.0), snr, **ends).width == pytest.approx(3.0, rel=0.01)


@pytest.mark.parametrize("snr", [0.5, 3.0, 5.0, 13.0, 40.0])
@pytest.mark.parametrize("number", [5, 6, 21])
def test_faint_peaks_of_nearly_one_width_are_a_clump_of_it(number, snr):
    # their errors reach further than the widths there are
    rng = np.random.default_rng(number)
    width = 3.0 * np.exp(rng.normal(0, 0.02, number))
    found = clump.find(width, np.full(number, snr), least=5, narrowest=1.5, widest=13.0)
    assert found.width == pytest.approx(3.0, rel=0.02)
    assert found.members.all()


def test_the_floor_follows_the_sky_and_its_noise():
    rng = np.random.default_rng(919)
    slope = np.linspace(500, 600, 512)
    image = rng.normal(slope, np.sqrt(slope), (512, 512)).astype(np.float32)
    image[rng.random(image.shape) < 0.1] += 5000
    sky = floor.estimate(image, np.zeros(image.shape, np.bool_), box=64, step=2)
    centres = slope.reshape(8, 64).mean(axis=1)
    # a tenth of the pixels above moves the median by 0.14 sigma
    np.testing.assert_allclose(sky.level, np.tile(centres, (8, 1)), atol=12)
    np.testing.assert_allclose(sky.noise, np.tile(np.sqrt(centres), (8, 1)), rtol=0.3)
    assert floor.at(sky.level, 256, 256, 512, 512) == pytest.approx(550, abs=8)


@pytest.mark.parametrize("number", [10, 60, 108, 194])
def test_single_hits_as_round_as_a_star_raise_no_doubt(number):
    known, doubted, lost = doubt.frame(*doubt.drawn(51, number, 1.6))
    assert not known.known
    assert lost == 0
    assert not doubted


def test_stars_that_lost_their_cores_raise_one():
    rng = np.random.default_rng(918)
    image, _ = exposed(rng, stars(rng, SHAPE, 60, 1.3) + SKY, 0)
    hits = np.zeros(SHAPE, np.bool_)
    hits[image > SKY + 200] = True
    assert seeing.mistaken(image, hits, saturation=60000.0, gain=GAIN) > 5


def test_stars_little_wider_than_hits_are_not_safe():
    widths = (1.2, 1.6)
    found = [seeing.Seeing(fwhm=one, error=0.0, stars=9, state=seeing.State.MEASURED)
             for one in widths]  # fmt: skip
    assert [one.told for one in found] == [True, True]
    assert [one.safe for one in found] == [False, True]

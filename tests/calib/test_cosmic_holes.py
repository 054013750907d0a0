"""Stars with bad or saturated pixels in them are stars; what is missing comes from around it."""

from __future__ import annotations

import numpy as np
import pytest

from awe.calib import cosmic
from awe.calib.cosmic import holes

GAIN, NOISE, SKY, FULL = 2.5, 5.5, 700.0, 60000.0
PLACES = np.arange(24, 24 + 10 * 44, 44)
SETTINGS = {
    "gain": GAIN, "read_noise": NOISE, "sigma": 4.0, "neighbour_fraction": 0.3375,
    "iterations": 4, "saturation": FULL, "groups": 34.0,
}


def stars(seed, fwhm, peak, beta=3.0):
    """Return 100 stars on sky, before anything saturates."""
    rng = np.random.default_rng(seed)
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    light = np.full((444, 444), SKY)
    at = np.arange(-21, 22)
    for row in PLACES:
        for column in PLACES:
            dy, dx = rng.uniform(-0.5, 0.5, 2)
            box = (slice(row - 21, row + 22), slice(column - 21, column + 22))
            square = (at[:, None] - dy) ** 2 + (at - dx) ** 2
            light[box] += peak * (1 + square / alpha**2) ** -beta
    return rng.poisson(light * GAIN) / GAIN + rng.normal(0, NOISE / GAIN, light.shape)


def find(image, fwhm, **masks):
    sharp = cosmic.sharpness_limit(fwhm)
    return cosmic.find(image.astype(np.float32), sharpness=sharp, fwhm=fwhm, **SETTINGS, **masks)


def spoilt(image):
    """Return saturated pixels and their rim: 3 pixels along columns, 1 across."""
    full = image >= FULL
    grown = full.copy()
    for axis, reach in ((0, 3), (1, 1)):
        for step in range(-reach, reach + 1):
            grown |= np.roll(full, step, axis)
    return grown


@pytest.mark.parametrize("fwhm", [2.8, 3.6, 5.0])
@pytest.mark.parametrize("peak", [60500, 62000, 66000, 75000, 100000, 200000])
def test_saturated_stars_are_stars(fwhm, peak):
    image = np.minimum(stars(peak, fwhm, peak), 65535 - 250)
    found = find(image, fwhm, saturated=spoilt(image))
    assert found.count <= 4
    with_hole = image.copy()
    with_hole[image >= FULL] = np.nan
    found = find(with_hole, fwhm, bad=image >= FULL, saturated=spoilt(image))
    if peak <= 66000:
        assert found.count <= 4


DEAD = {
    "pixel in the core": (PLACES, PLACES),
    "pixel beside the core": (PLACES, PLACES + 1),
    "column": (np.arange(444), PLACES),
    "column 1 px off": (np.arange(444), PLACES + 1),
    "column 2 px off": (np.arange(444), PLACES + 2),
    "row": (PLACES, np.arange(444)),
    "two columns": (np.arange(444), np.concatenate([PLACES, PLACES + 1])),
}


@pytest.mark.parametrize("fwhm", [2.8, 5.0])
@pytest.mark.parametrize("value", [0.0, 40000.0, np.nan])
@pytest.mark.parametrize("where", list(DEAD))
def test_stars_with_bad_pixels_are_stars(fwhm, value, where):
    image = stars(5, fwhm, 30000)
    bad = np.zeros(image.shape, bool)
    bad[np.ix_(*DEAD[where])] = True
    image[bad] = value
    assert find(image, fwhm, bad=bad).count <= 4


def test_a_field_of_very_bright_stars_has_a_sky():
    image = np.minimum(stars(7, 5.0, 200000), 65535 - 250)
    assert find(image, 5.0, saturated=spoilt(image)).count <= 4


def test_hits_beside_saturated_stars_and_across_dead_columns_are_found():
    image = stars(8, 3.6, 100000)
    between = PLACES[:-1] + 22
    bad = np.zeros(image.shape, bool)
    bad[:, between] = True
    image[np.ix_(between, np.concatenate([between + step for step in range(-4, 5)]))] += 600
    image = np.minimum(image, 65535 - 250)
    image[bad] = 0
    found = find(image, 3.6, bad=bad, saturated=spoilt(image)).bad
    for step in (-3, -2, 2, 3):
        assert found[np.ix_(between, between + step)].mean() > 0.95
    assert not found[bad].any()


def filled(image):
    # inside a border, as in `cosmic.find`
    pixels = np.zeros(np.add(image.shape, 8), np.float32)[4:-4, 4:-4]
    pixels[:] = image
    holes.fill(pixels, np.flatnonzero(np.isnan(pixels)).astype(np.int32))
    return pixels


def test_gaps_are_bridged_along_the_shorter_side():
    y, x = np.mgrid[0:40, 0:50].astype(np.float32)
    truth = 3 * x + 5 * y
    image = truth.copy()
    image[10:14, 5:30] = np.nan
    image[20:39, 30:39] = np.nan
    image[3, 3] = image[0, 20] = np.nan
    np.testing.assert_allclose(filled(image), truth, rtol=1e-5)
    # equally far along both: the mean of both lines
    image = truth + 0.5 * x * x
    image[3, 3] = np.nan
    np.testing.assert_allclose(filled(image)[3, 3], truth[3, 3] + 4.5 + 0.25, rtol=1e-5)


def test_wider_holes_take_medians_and_large_ones_the_nearest_good_pixels():
    image = np.full((60, 70), 100.0)
    image[:, 0] = np.nan
    image[10:40, 20:50] = np.nan
    image[9, 35] = 5000.0
    image[25:30, 19] = 900.0
    done = filled(image)
    assert (done[:, 0] == 100).all()
    assert done[10, 35] == 100
    assert done[25, 35] == 100
    assert np.isfinite(done).all()


def test_crossing_dead_bands_and_empty_frames_are_filled_at_all():
    image = np.full((60, 60), 7.0)
    image[20:40] = np.nan
    image[:, 20:40] = np.nan
    assert (filled(image) == 7).all()
    assert (filled(np.full((20, 20), np.nan)) == 0).all()
    assert (filled(np.array([[np.nan, np.nan], [np.nan, 3.0]])) == 3).all()


@pytest.mark.parametrize("seed", range(3))
def test_filling_knows_no_direction(seed):
    rng = np.random.default_rng(seed)
    image = rng.normal(500, 20, (50, 60)).astype(np.float32)
    image[rng.random(image.shape) < 0.3] = np.nan
    image[12:33, 20:45] = np.nan
    image[:, 5] = np.nan
    done = filled(image)
    for turn in (np.flipud, np.fliplr, np.transpose):
        np.testing.assert_array_equal(filled(np.ascontiguousarray(turn(image))), turn(done))
    inner = image[5:, :].copy()
    np.testing.assert_array_equal(filled(np.pad(inner, ((5, 0), (0, 0))))[10:], filled(inner)[5:])

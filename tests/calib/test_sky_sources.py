"""Sources in sky exposures: what moves is marked, what all exposures share is not."""

import numpy as np
import pytest

from awe.calib.sky import fringe, skies
from awe.errors import NoValidPixels

SHAPE = (120, 140)
WANTED = {"threshold": 6.0, "contrast": 0.3, "reach": 4}


@pytest.fixture
def exposures():
    """Seven exposures of different levels with strong fringes, and where each has its star."""
    rng = np.random.default_rng(31)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    fringes = 1 + 0.08 * np.sin(x / 5.0)
    levels = [500.0 + 100 * k for k in range(7)]
    places = [(20 + 12 * k, 110 - 14 * k) for k in range(7)]
    images = []
    for level, (row, column) in zip(levels, places, strict=True):
        star = 5000 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / 12)
        light = level * fringes + star
        images.append((light + rng.normal(0, 15, SHAPE)).astype(np.float32))
    return images, levels, places


def test_stars_are_marked_and_fringes_are_not(exposures):
    images, levels, places = exposures
    before = [image.copy() for image in images]
    marks = skies.sources(images, levels, **WANTED)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    for mark, (row, column) in zip(marks, places, strict=True):
        distance = np.hypot(y - row, x - column)
        assert mark[distance < 8].all()
        assert not mark[distance > 25].any()
    for image, was in zip(images, before, strict=True):
        np.testing.assert_array_equal(image, was)


def test_a_star_at_one_place_in_all_is_marked_in_all(exposures):
    images, levels, _ = exposures
    for image, level in zip(images, levels, strict=True):
        image[60:64, 10:14] = 3 * level
    bad = np.zeros(SHAPE, bool)
    bad[90, 90] = True
    images[0][90, 90] = 60000
    images[1][100, 20] = np.nan
    marks = skies.sources(images, levels, bad=bad, **WANTED)
    assert all(mark[58:66, 8:16].mean() > 0.9 for mark in marks)
    assert not marks[0][90, 90]
    assert not marks[1][100, 20]


@pytest.mark.parametrize("levels", [[], [100.0, 0.0], [100.0, -3.0]])
def test_a_sky_that_is_none_is_refused(levels):
    images = [np.ones((8, 8), np.float32)] * len(levels)
    with pytest.raises(NoValidPixels, match="levels above 0 ADU"):
        skies.sources(images, levels, **WANTED)


@pytest.mark.parametrize("size", [160, 256, 400])
@pytest.mark.parametrize("height", [0.0, 6.0])
def test_a_slope_of_the_sky_is_no_fringe_on_a_chip_of_few_boxes(size, height):
    rng = np.random.default_rng(size)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    pattern = np.sin(2 * np.pi * (x * size / 2 + y * size / 4) / 25)
    skies = [
        (400 * (1 + 0.03 * rng.uniform(-1, 1) * x + 0.03 * rng.uniform(0.3, 1) * y)
         + height * pattern + rng.normal(0, 13, (size, size))).astype(np.float32)
        for _ in range(8)
    ]  # fmt: skip
    made = fringe.frame(skies, sigma=3.0, box=256, gain=2.5, read_noise=2.0).image
    # a slope of 2 % was 7 ADU of "fringes", subtracted from every frame
    assert abs(np.polyfit(y[:, 0], made.mean(axis=1), 1)[0]) < 0.3
    assert 2 * np.mean(made * pattern) == pytest.approx(height, abs=0.2)
    found = fringe.scale(skies[0], made, low=1.5, high=5.0, threshold=5.0, box=256)
    assert found.factor == pytest.approx(1.0 if height else 0.0, abs=0.07)

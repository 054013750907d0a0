from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from awe.calib import cosmic

GAIN, NOISE, SKY = 2.5, 5.5, 300.0
PLACES = np.arange(24, 1176, 24)
SETTINGS = {
    "gain": GAIN, "read_noise": NOISE, "sigma": 4.0, "neighbour_fraction": 0.3375,
    "iterations": 4, "saturation": 60000.0, "groups": 34.0,
}


def gauss(fwhm, dy, dx):
    """Return a Gaussian star integrated over 15 x 15 pixels, of height about 1."""
    width = fwhm / 2.3548 * np.sqrt(2)
    edges = np.arange(-7, 9) - 0.5
    down, across = (np.diff(special.erf((edges - at) / width)) for at in (dy, dx))
    return np.outer(down, across) * width**2 * np.pi / 4


def field(seed, fwhm, heights=(10, 30000)):
    """Return 2304 separate stars on sky with noise."""
    rng = np.random.default_rng(seed)
    light = np.full((1200, 1200), SKY)
    for row in PLACES:
        for column in PLACES:
            dy, dx = rng.uniform(-0.5, 0.5, 2)
            height = np.exp(rng.uniform(*np.log(heights)))
            box = (slice(row - 7, row + 8), slice(column - 7, column + 8))
            light[box] += height * gauss(fwhm, dy, dx)
    return noisy(light, rng)


def noisy(light, rng):
    image = rng.poisson(light * GAIN) / GAIN + rng.normal(0, NOISE / GAIN, light.shape)
    return np.minimum(image, 65535).astype(np.float32)


def find(image, width, **changes):
    chosen = SETTINGS | {"sharpness": cosmic.sharpness_limit(width), "fwhm": width} | changes
    return cosmic.find(image, **chosen)


def on_stars(bad):
    """Return the number of stars with a flagged pixel within 2 pixels."""
    near = np.add.outer(PLACES, np.arange(-2, 3))
    return int(bad[near[:, :, None, None], near].any((1, 3)).sum())


@pytest.mark.parametrize("fwhm", [1.6, 2.0, 2.8, 4.2])
def test_no_star_is_taken_for_a_hit(fwhm):
    image = field(11, fwhm)
    assert on_stars(find(image, fwhm).bad) == 0
    if fwhm < 2:
        assert on_stars(find(image, fwhm, fwhm=0.0).bad) > 5


@pytest.mark.parametrize("error", [0.9, 1.15])
def test_the_seeing_may_be_wrong_by_a_tenth(error):
    image = field(12, 1.7)
    width = error * 1.7
    assert on_stars(find(image, width).bad) <= 1


def test_bright_undersampled_stars_stay():
    image = field(13, 1.6, heights=(1000, 30000))
    assert on_stars(find(image, 1.6, fwhm=0.0).bad) > 1
    assert on_stars(find(image, 1.6).bad) == 0


@pytest.mark.parametrize("fwhm", [2.0, 2.8, 4.2])
def test_hits_of_one_pixel_stay_hits(fwhm):
    rng = np.random.default_rng(14)
    image = noisy(np.full((600, 600), SKY), rng)
    rows, columns = (at.ravel() for at in np.mgrid[20:580:20, 20:580:20])
    image[rows, columns] += 10 * np.sqrt(SKY / GAIN + (NOISE / GAIN) ** 2)
    seen = find(image, fwhm).bad[rows, columns].mean()
    untested = find(image, fwhm, fwhm=0.0).bad[rows, columns].mean()
    # the sharper the stars, the more a hit looks like one
    assert seen > (0.985 if fwhm > 2 else 0.8), (seen, untested)
    assert seen >= untested - (0.002 if fwhm > 2 else 0.05), (seen, untested)


@pytest.mark.parametrize("fwhm", [2.8, 4.2])
def test_hits_on_the_flanks_of_stars_stay_hits(fwhm):
    image = field(15, fwhm, heights=(100, 1000))
    image[np.ix_(PLACES + 2, PLACES)] += 600
    with_test = find(image, fwhm).bad[np.ix_(PLACES + 2, PLACES)].mean()
    without = find(image, fwhm, fwhm=0.0).bad[np.ix_(PLACES + 2, PLACES)].mean()
    assert without > 0.7
    assert with_test >= without - 0.01


def test_long_hits_are_not_tested_and_edges_and_bad_pixels_do_no_harm():
    rng = np.random.default_rng(16)
    image = noisy(np.full((200, 200), SKY), rng)
    image[50, 40:60] += 300
    image[0, 100] += 500
    image[199, 199] += 500
    image[120, 120] += 500
    bad = np.zeros(image.shape, bool)
    bad[122:, 100:140] = True
    bad[100:140, 122:] = True
    bad[100:119, 100:140] = True
    bad[100:140, 100:119] = True
    found = find(image, 2.8, bad=bad).bad
    assert found[50, 40:60].all()
    assert found[0, 100]
    assert found[199, 199]
    # with every neighbour bad nothing can be fitted or found
    assert not found[bad].any()
    assert find(image, 30.0).bad[50, 50]


def test_a_star_is_given_back_to_the_cleaned_image():
    image = field(11, 1.6)
    cleaned = find(image, 1.6, clean=True)
    untested = find(image, 1.6, fwhm=0.0, clean=True)
    assert cleaned.dropped > untested.dropped
    assert cleaned.groups + cleaned.dropped == untested.groups + untested.dropped
    same = ~cleaned.bad
    np.testing.assert_array_equal(cleaned.cleaned[same], image[same] * np.float32(GAIN))


def test_without_groups_nothing_is_tested():
    image = field(17, 1.6)
    plain = {"groups": 0.0, "pad": 0}
    found, untested = (find(image, 1.6, **plain, **more) for more in ({}, {"fwhm": 0.0}))
    np.testing.assert_array_equal(found.bad, untested.bad)
    assert found.groups == -1


@pytest.mark.parametrize(("fwhm", "part"), [(1.2, 0.004), (1.6, 0.004), (2.0, 0.002)])
def test_what_is_compared_with_a_star_may_be_as_sharp_as_one(fwhm, part):
    width = np.hypot(fwhm, 1.37)
    changes = {"sharpness": cosmic.sharpness_limit(width, tested=True)}
    assert on_stars(find(field(18, fwhm), width, **changes).bad) <= part * PLACES.size**2
    rng = np.random.default_rng(19)
    image = noisy(np.full((600, 600), SKY), rng)
    rows, columns = (at.ravel() for at in np.mgrid[20:580:20, 20:580:20])
    image[rows, columns] += 15 * np.sqrt(SKY / GAIN + (NOISE / GAIN) ** 2)
    seen, before = (
        find(image, width, **more).bad[rows, columns].mean() for more in (changes, {})
    )
    assert seen > {1.2: 0.5, 1.6: 0.9, 2.0: 0.99}[fwhm], seen
    assert seen >= before


@pytest.mark.parametrize("fwhm", [1.0, 1.2, 1.5])
def test_less_is_asked_for_where_stars_look_like_hits(fwhm):
    width = np.hypot(fwhm, 1.37)
    sharpness = cosmic.sharpness_limit(width, tested=True)
    assert 0.0 < cosmic.star_part(width) < 0.5
    rng = np.random.default_rng(20)
    hits = noisy(np.full((600, 600), SKY), rng)
    rows, columns = (at.ravel() for at in np.mgrid[20:580:20, 20:580:20])
    hits[rows, columns] += 15 * np.sqrt(SKY / GAIN + (NOISE / GAIN) ** 2)
    seen, stars = [], []
    for part in (0.0, cosmic.star_part(width), 0.5):
        more = {"sharpness": sharpness, "exceeds": part}
        seen.append(find(hits, width, **more).bad[rows, columns].mean())
        stars.append(on_stars(find(field(21, fwhm), width, **more).bad))
    assert seen[1] > 0.95
    assert seen[0] >= seen[1] >= seen[2]
    assert stars[0] > stars[1] >= stars[2]
    assert cosmic.star_part(np.hypot(1.8, 1.37)) == cosmic.star_part(6.0) == 0.5


def test_the_limit_of_sharpness_is_lower_where_a_star_is_compared():
    for width, limit in ((1.0, 5.0), (1.8, 5.0), (2.1, 6.5), (2.6, 6.5)):
        assert cosmic.sharpness_limit(width, tested=True) == limit
    assert cosmic.sharpness_limit(3.5, tested=True) == cosmic.sharpness_limit(3.5) == 5.0

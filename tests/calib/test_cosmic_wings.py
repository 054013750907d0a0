from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from awe.calib import cosmic

GAIN, NOISE, SKY, SIDE = 2.5, 5.5, 300.0, 600
SIGMA = np.sqrt(SKY / GAIN + (NOISE / GAIN) ** 2)
PLACES = np.arange(20, SIDE - 20, 20)


def find(image, fwhm=3.6, wing_limit=2.7, **more):
    return cosmic.find(
        image.astype(np.float32), gain=GAIN, read_noise=NOISE, sigma=4.0,
        neighbour_fraction=0.3375, iterations=4, sharpness=cosmic.sharpness_limit(fwhm),
        saturation=60000.0, groups=34.0, fwhm=fwhm, wing_limit=wing_limit, **more,
    )  # fmt: skip


def noisy(light, seed):
    rng = np.random.default_rng(seed)
    return rng.poisson(light * GAIN) / GAIN + rng.normal(0, NOISE / GAIN, light.shape)


def diffused(rng, height, width=0.4):
    """Return the charge of a hit at each place, at any part of a pixel, blurred [ADU]."""
    fine = np.zeros((3 * SIDE, 3 * SIDE))
    rows, columns = (3 * at.ravel() for at in np.meshgrid(PLACES, PLACES, indexing="ij"))
    for step in range(9):
        fine[rows + rng.integers(0, 3), columns + step] += height
    fine = ndimage.gaussian_filter(fine, 3 * width)
    return fine.reshape(SIDE, 3, SIDE, 3).sum((1, 3))


def star(fwhm, height):
    y, x = np.mgrid[-15:16, -15:16]
    return height * np.exp(-4 * np.log(2) * (x**2 + y**2) / fwhm**2)


def test_pixels_beside_a_hit_join_it_and_the_sky_does_not():
    charge = diffused(np.random.default_rng(1), 30 * SIGMA)
    image = noisy(np.full((SIDE, SIDE), SKY), 2) + charge
    cores, whole = find(image, wing_limit=0.0), find(image)
    dim = (charge > 3 * SIGMA) & (charge < 8 * SIGMA)
    assert 700 < cores.groups <= whole.groups
    assert whole.groups == ndimage.label(whole.bad, np.ones((3, 3)))[1]
    assert (whole.bad | ~cores.bad).all()
    assert whole.bad[dim].mean() > cores.bad[dim].mean() + 0.1
    joined = whole.bad & ~cores.bad
    # noise over the limit beside a hit: 1 in 160 pixels
    beside = ndimage.binary_dilation(cores.bad, np.ones((3, 3)), 2) & (charge < 0.1 * SIGMA)
    assert joined[beside].mean() < 0.01
    assert whole.count == whole.bad.sum()


def test_what_joins_is_cleaned_as_well():
    image = noisy(np.full((SIDE, SIDE), SKY), 3) + diffused(np.random.default_rng(4), 30 * SIGMA)
    found = find(image, clean=True)
    joined = found.bad & ~find(image, wing_limit=0.0).bad
    assert np.abs(found.cleaned[joined] / GAIN - SKY).max() < 3 * SIGMA
    np.testing.assert_array_equal(
        found.cleaned[~found.bad], (image.astype(np.float32) * np.float32(GAIN))[~found.bad]
    )


@pytest.mark.parametrize("fwhm", [1.6, 2.2, 2.8, 4.2])
@pytest.mark.parametrize("height", [300.0, 3000.0, 30000.0])
@pytest.mark.parametrize("apart", [2, 3, 4])
def test_a_hit_beside_a_star_does_not_grow_into_it(fwhm, height, apart):
    light = np.full((SIDE, SIDE), SKY)
    for row in PLACES[1:-1]:
        for column in PLACES[1:-1]:
            light[row - 15 : row + 16, column - 15 : column + 16] += star(fwhm, height)
    image = noisy(light, 5)
    image[np.ix_(PLACES, PLACES + apart)] += 500
    joined = find(image, fwhm).bad & ~find(image, fwhm, wing_limit=0.0).bad
    # a hit that was not found as it is not sharp enough is one all the same
    joined[np.ix_(PLACES, PLACES + apart)] = False
    lit = light > SKY + 2 * SIGMA
    # of 676 stars with a hit each; the flank of a faint undersampled star 2 pixels off looks like
    # a wing in one of five
    assert joined[lit].sum() <= (180 if fwhm < 2 else 45)
    assert not joined[np.ix_(PLACES[1:-1], PLACES[1:-1])].any()


def test_saturated_and_bad_pixels_never_join():
    charge = diffused(np.random.default_rng(6), 30 * SIGMA)
    image = noisy(np.full((SIDE, SIDE), SKY), 7) + charge
    bad = np.zeros(image.shape, bool)
    saturated = bad.copy()
    bad[PLACES + 3] = True
    saturated[:, PLACES - 2] = True
    for masks in ({"bad": bad}, {"saturated": saturated}):
        [mask] = masks.values()
        assert find(image, **masks).bad.sum() > 100
        assert not find(image, **masks).bad[ndimage.binary_dilation(mask)].any()


def wandering(rng, height):
    """Return the charge of a slow electron at each place: 2 pixels wide, lumpy, brighter and
    dimmer along its way [ADU]."""
    fine = np.zeros((3 * SIDE, 3 * SIDE))
    for row, column in np.ndindex(PLACES.size, PLACES.size):
        angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.5, 30))
        path = 3 * np.cumsum([np.sin(angles), np.cos(angles)], axis=1) * 0.4
        rows, columns = np.rint(path).astype(int) + 3 * PLACES[[row, column]][:, None]
        np.add.at(fine, (rows, columns), height)
    return ndimage.gaussian_filter(fine, 1.2).reshape(SIDE, 3, SIDE, 3).sum((1, 3))


@pytest.mark.parametrize("fwhm", [2.6, 3.6, 6.0])
def test_charge_brighter_than_what_was_found_joins_where_no_light_is_like_it(fwhm):
    charge = wandering(np.random.default_rng(8), 5 * SIGMA)
    image = noisy(np.full((SIDE, SIDE), SKY), 9) + charge
    found, cores = find(image, fwhm), find(image, fwhm, wing_limit=0.0).bad
    hits, _ = ndimage.label(charge > SIGMA, np.ones((3, 3)))
    lost = (charge > 5 * SIGMA) & ~cores & np.isin(hits, np.unique(hits[cores & (hits > 0)]))
    assert lost.sum() > 3000
    assert found.bad[lost].mean() > 0.75
    # noise next to a hit, no more
    assert (charge[found.bad] < 0.1 * SIGMA).mean() < 0.02


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr])
def test_what_joins_does_not_depend_on_the_order_of_pixels(turn):
    image = noisy(np.full((SIDE, SIDE), SKY), 10) + wandering(np.random.default_rng(11), 5 * SIGMA)
    np.testing.assert_array_equal(find(turn(image)).bad, turn(find(image).bad))


@pytest.mark.parametrize("fwhm", [1.0, 1.5, 2.2, 3.6, 6.0])
@pytest.mark.parametrize("height", [100.0, 1000.0, 30000.0])
def test_no_star_is_taken_for_charge(fwhm, height):
    # integrated over pixels, at any part of one; of the width that Reduce has for them
    rng, light = np.random.default_rng(12), np.full((SIDE, SIDE), SKY)
    parts = (np.arange(5) - 2) / 5
    for row, column in np.ndindex(PLACES.size, PLACES.size):
        off = rng.uniform(-0.5, 0.5, 2)
        y, x = np.mgrid[-19:20, -19:20]
        square = [(y + a - off[0]) ** 2 + (x + b - off[1]) ** 2 for a in parts for b in parts]
        alpha = fwhm / (2 * np.sqrt(2 ** (1 / 2.5) - 1))
        stamp = height * np.mean([(1 + one / alpha**2) ** -2.5 for one in square], axis=0)
        top, left = PLACES[[row, column]] - 19
        light[top : top + 39, left : left + 39] += np.maximum(stamp - stamp[0, 19], 0)
    image, width = noisy(light, 13), float(np.hypot(fwhm, 1.37))
    found = find(image, width).bad & ~find(image, width, wing_limit=0.0).bad
    assert not found[np.ix_(PLACES, PLACES)].any()
    assert found.sum() <= 2


def test_lumpy_charge_that_is_not_sharp_is_found():
    charge = wandering(np.random.default_rng(14), 8 * SIGMA)
    image = noisy(np.full((SIDE, SIDE), SKY), 15) + charge
    hits, number = ndimage.label(charge > SIGMA, np.ones((3, 3)))
    found, sharp = (
        np.unique(hits[find(image, 2.6, wing_limit=limit).bad]).size for limit in (2.7, 0.0)
    )
    assert found - sharp > 0.03 * number

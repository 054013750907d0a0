from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from awe.calib import cosmic

GAIN, NOISE, SKY, SIDE = 2.5, 5.5, 300.0, 600
SIGMA = np.sqrt(SKY / GAIN + (NOISE / GAIN) ** 2)
PLACES = np.arange(20, SIDE - 20, 20)


def find(image, fwhm=3.6, wing_limit=2.5, **more):
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
    assert whole.groups == cores.groups > 700
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

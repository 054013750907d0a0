"""On frames without stars all charge above the sky is a hit; on frames with light it is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from awe.calib import cosmic
from awe.calib.flags import PixelFlag
from awe.calib.sky import seeing
from awe.errors import WrongShape
from benchmarks import doubt, grid, scenes
from benchmarks.fields import GAIN, READ_NOISE, exposed, moffat, stars

SHAPE = (500, 600)
EIGHT = np.ones((3, 3), bool)


def find(image, fwhm=2.6):
    return cosmic.find(
        image.astype(np.float32), gain=GAIN, read_noise=READ_NOISE * GAIN, sigma=4.0,
        neighbour_fraction=0.3375, sharpness=cosmic.sharpness_limit(fwhm, tested=True),
        iterations=4, saturation=60000.0, groups=34.0, fwhm=fwhm, wing_limit=2.7,
    )  # fmt: skip


def widen(image, hits, **more):
    return cosmic.widen(
        image.astype(np.float32), hits, gain=GAIN, read_noise=READ_NOISE * GAIN,
        **({"wing_limit": 2.7} | more),
    )  # fmt: skip


def lights(image, hits, **more):
    return seeing.lights(image, hits, saturation=60000.0, gain=GAIN, **more)


def charged(seed, sky=700.0, hits=1000):
    """Return an image of hits as in the benchmarks, their charge and the noise [ADU]."""
    rng = np.random.default_rng(seed)
    charge = scenes.hits(rng, SHAPE, round(hits * SHAPE[0] * SHAPE[1] / 2**20))
    light = np.full(SHAPE, sky)
    image = rng.poisson(light * GAIN) / GAIN + rng.normal(0, READ_NOISE, SHAPE) + charge
    return image, charge, np.sqrt(sky / GAIN + READ_NOISE**2)


@pytest.mark.parametrize(("seed", "sky"), [(1, 700.0), (2, 0.0), (3, 5000.0)])
def test_more_of_each_hit_is_found_and_not_less_purely(seed, sky):
    image, charge, sigma = charged(seed, sky)
    found = find(image).bad
    whole = widen(image, found)
    assert lights(image, found) is not None
    true = charge > 3 * sigma
    pure = [(charge > 0.1 * sigma)[mask].mean() for mask in (found, whole.bad)]
    # a third of what was missed at least
    missed = [1 - mask[true].mean() for mask in (found, whole.bad)]
    assert missed[1] < min(0.67 * missed[0], 0.07)
    assert pure[1] > max(pure[0] - 0.005, 0.97)
    assert whole.count == whole.bad.sum()
    assert whole.groups == ndimage.label(whole.bad, EIGHT)[1]


def test_the_limit_trades_pixels_for_purity():
    image, charge, sigma = charged(4)
    found = find(image).bad
    masks = [widen(image, found, wing_limit=limit).bad for limit in (2.2, 2.7, 3.2)]
    complete = [mask[charge > 3 * sigma].mean() for mask in masks]
    pure = [(charge > 0.1 * sigma)[mask].mean() for mask in masks]
    assert complete[0] > complete[1] > complete[2]
    assert pure[0] < pure[1] < pure[2]


def test_noise_alone_makes_no_hits_and_the_input_stays():
    rng = np.random.default_rng(5)
    image = rng.normal(500, np.sqrt(500 / GAIN + READ_NOISE**2), (1500, 1500)).astype(np.float32)
    before = image.copy()
    # one pixel in 3.5 million is 5 sigma above
    assert widen(image, np.zeros(image.shape, bool)).groups <= 4
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(("number", "fwhm"), [(30, 2.8), (60, 1.8), (30, 5.0), (300, 3.6)])
def test_stars_are_seen_among_hits(number, fwhm):
    rng = np.random.default_rng([number, round(10 * fwhm)])
    image, _ = exposed(rng, 500 + stars(rng, SHAPE, number, fwhm), 400)
    assert lights(image, find(image).bad) is None


def test_lines_of_a_spectrum_are_light():
    image, _, _ = charged(6)
    x = np.arange(SHAPE[1])
    rng = np.random.default_rng(7)
    for place in (100, 240, 410):
        image = image + rng.poisson(GAIN * 400 * np.exp(-0.5 * ((x - place) / 1.2) ** 2)
                                    * np.ones((SHAPE[0], 1))) / GAIN  # fmt: skip
    assert lights(image, find(image).bad) is None


def test_a_galaxy_among_hits_stays_in_the_sky():
    rng = np.random.default_rng(8)
    image, charge, sigma = charged(9, hits=2000)
    light = np.zeros(SHAPE)
    scenes.add(light, 60_000 * moffat(7.0, 2.5, 0.2, -0.3), 250, 300)
    image = image + rng.poisson(light * GAIN) / GAIN
    found = find(image).bad
    bad = lights(image, found)
    if bad is not None:
        light_only = (light > 3 * sigma) & (charge < 0.1 * sigma)
        more = widen(image, found, light=bad).bad & ~found
        assert (more & light_only).sum() < 0.02 * light_only.sum()


def test_one_peak_that_looks_like_a_star_is_spared():
    rng = np.random.default_rng(10)
    image, _, _ = charged(11, hits=5000)
    light = np.zeros(SHAPE)
    scenes.add(light, 9000 * moffat(2.8, 3.0, 0.0, 0.0), 250, 300)
    image = image + rng.poisson(light * GAIN) / GAIN
    found = find(image).bad
    bad = lights(image, found)
    assert bad is not None
    assert bad[246:255, 296:305].all()
    assert bad.mean() < 0.01
    assert not (widen(image, found, light=bad).bad & ~found)[246:255, 296:305].any()


@pytest.mark.parametrize("seed", [14, 15])
def test_hits_next_to_light_stay_hits(seed):
    """A track among hits is spared with its surroundings; hits found there are not given up."""
    rng = np.random.default_rng(seed)
    image, charge, sigma = charged(seed, hits=3000)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    across = (y - 250) * np.cos(0.55) - (x - 300) * np.sin(0.55)
    light = 10 * sigma * np.exp(-0.5 * (across / 1.5) ** 2)
    image = image + rng.poisson(light * GAIN) / GAIN
    found = find(image).bad
    spared = np.abs(across) < 25
    groups, _ = ndimage.label(charge > sigma, EIGHT)
    strong = np.unique(groups[(charge > 8 * sigma) & spared & (np.abs(across) > 6)])
    whole = widen(image, found, light=spared)
    assert strong.size > 5
    assert np.isin(strong, groups[found]).mean() > 0.9
    assert np.isin(strong, groups[whole.bad]).mean() >= np.isin(strong, groups[found]).mean()
    assert whole.count == whole.bad.sum()
    assert whole.groups <= ndimage.label(whole.bad, EIGHT)[1]


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr, np.transpose])
def test_a_frame_turned_has_the_same_hits_turned(turn):
    image, _, _ = charged(12)
    found = find(image).bad
    whole = widen(image, found).bad
    turned = widen(turn(image), np.ascontiguousarray(turn(found))).bad
    # medians along rows and columns are not those along columns and rows
    assert (turn(whole) != turned).sum() <= (0 if turn is not np.transpose else 0.02 * whole.sum())


def test_hits_at_the_edges_grow_and_bad_pixels_never_do():
    rng = np.random.default_rng(13)
    image = rng.normal(500, 14.5, (64, 64))
    image[0:2, 20:26] += 150
    image[40, 62:64] += 150
    image[30, 30:40] += 300
    bad = np.zeros(image.shape, bool)
    bad[30, 34] = True
    found = np.zeros(image.shape, bool)
    found[0, 22] = found[40, 63] = found[30, 31] = True
    whole = widen(image, found, bad=bad)
    assert whole.bad[0:2, 20:26].mean() > 0.9
    assert whole.bad[40, 62:64].all()
    assert whole.bad[30, 30:33].all()
    assert not whole.bad[29:32, 33:36].any()


def test_a_map_of_another_shape_is_refused():
    with pytest.raises(WrongShape, match="the map of hits"):
        widen(np.full((64, 64), 500.0), np.zeros((64, 63), bool))


@pytest.mark.parametrize(("number", "alone"), [(0, True), (300, False)])
def test_reduce_tells_all_hits_and_that_there_are_no_stars(number, alone):
    chip = scenes.sensor(300, 3)
    cell = grid.Cell(number, 2000, 2.8, 700.0)
    _, done = doubt.reduced(chip, scenes.scene(cell, chip, 5))
    [line] = [record.detail for record in done.log if "hits" in record.detail]
    hits = done.bad(PixelFlag.COSMIC)
    assert line.endswith(f"{ndimage.label(hits, EIGHT)[1]} hits, {hits.sum()} pixels")
    assert line.startswith("no stars, ") is alone

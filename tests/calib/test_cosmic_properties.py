"""What the search for hits may not depend on: direction, place, unit, and what is far away.

Rules, in pixels: flags further than 12 from a cut edge are those of the uncut frame; a hit added
4 or more away from every flagged pixel, touching no saturated one, takes no flag away; a star
added 3 FWHM and 10 or more from another does not flag that. Separable medians go along rows
first, so a transposed frame has other flags. Closer hits share dim pixels, closer stars are pairs.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from awe.calib import cosmic

GAIN, NOISE, SKY, FULL, SIZE = 2.5, 5.5, 300.0, 60000.0, 96
EDGE, APART = 12, 4

seeds = st.integers(0, 2**32 - 1)
widths = st.sampled_from([1.0, 1.6, 2.4, 3.6, 5.0])
examples = settings(max_examples=30, deadline=None, derandomize=True, database=None)


def find(image, fwhm, bad=None, saturated=None, scale=1.0):
    # as Reduce does: the width that the flanks of the stars show
    width = np.hypot(fwhm, 1.37)
    return cosmic.find(
        np.ascontiguousarray(image, np.float32) * np.float32(scale), gain=GAIN / scale,
        read_noise=NOISE, sigma=4.0, neighbour_fraction=0.3375, iterations=4,
        sharpness=cosmic.sharpness_limit(width, tested=True), saturation=FULL * scale, groups=34.0,
        fwhm=width, exceeds=cosmic.star_part(width), wing_limit=2.7, bad=bad, saturated=saturated,
    ).bad  # fmt: skip


def light_of(row, column, peak, fwhm):
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / 3) - 1))
    y, x = np.mgrid[:SIZE, :SIZE]
    return peak * (1 + ((y - row) ** 2 + (x - column) ** 2) / alpha**2) ** -3.0


def scene(rng, fwhm, stars=6, hits=8):
    """Return a frame with stars, hits, bad and saturated pixels, the masks, and its stars."""
    places = rng.uniform(5, SIZE - 5, (stars, 2))
    light = SKY + sum(light_of(*place, 10 ** rng.uniform(1.5, 4.9), fwhm) for place in places)
    image = rng.poisson(light * GAIN) / GAIN + rng.normal(0, NOISE / GAIN, light.shape)
    for _ in range(hits):
        row, column, angle = *rng.integers(4, SIZE - 4, 2), rng.uniform(0, np.pi)
        steps = np.arange(0, 1 + rng.exponential(3), 0.5)
        rows = np.clip((row + steps * np.sin(angle)).astype(int), 0, SIZE - 1)
        columns = np.clip((column + steps * np.cos(angle)).astype(int), 0, SIZE - 1)
        np.add.at(image, (rows, columns), 10 ** rng.uniform(1.8, 3.6) * rng.uniform(0.3, 0.7))
    image = np.minimum(image, 65000)
    saturated = ndimage.binary_dilation(image >= FULL)
    bad = rng.random(image.shape) < 3e-3
    bad[:, rng.integers(SIZE)] = True
    image[bad] = rng.choice([0.0, np.nan, 5000.0])
    return image.astype(np.float32), bad, saturated, places


@examples
@given(seed=seeds, fwhm=widths, turn=st.sampled_from([np.flipud, np.fliplr, np.rot90]))
def test_a_frame_flipped_has_the_same_flags_flipped(seed, fwhm, turn):
    image, bad, saturated, _ = scene(np.random.default_rng(seed), fwhm)
    # by half a turn, which is both flips: a quarter exchanges rows and columns
    turns = (turn, turn) if turn is np.rot90 else (turn,)
    found, planes = find(image, fwhm, bad, saturated), [image, bad, saturated]
    for one in turns:
        found, planes = one(found), [one(plane) for plane in planes]
    np.testing.assert_array_equal(find(planes[0], fwhm, *planes[1:]), found)


@examples
@given(seed=seeds, fwhm=widths, scale=st.sampled_from([0.125, 0.3, 1.7, 4.0, 100.0]))
def test_counts_in_another_unit_have_the_same_flags(seed, fwhm, scale):
    image, bad, saturated, _ = scene(np.random.default_rng(seed), fwhm)
    found = find(image, fwhm, bad, saturated)
    np.testing.assert_array_equal(find(image, fwhm, bad, saturated, scale), found)


@examples
@given(seed=seeds, fwhm=widths, data=st.data())
def test_a_frame_cut_or_embedded_or_shifted_has_the_same_flags_away_from_the_edges(
    seed, fwhm, data
):
    image, bad, saturated, _ = scene(np.random.default_rng(seed), fwhm)
    cuts = [data.draw(st.integers(0, 25), name) for name in ("top", "bottom", "left", "right")]
    inside = (slice(cuts[0], SIZE - cuts[1]), slice(cuts[2], SIZE - cuts[3]))
    whole = find(image, fwhm, bad, saturated)[inside]
    cut = find(image[inside], fwhm, bad[inside], saturated[inside])
    away = (slice(EDGE, -EDGE), slice(EDGE, -EDGE))
    np.testing.assert_array_equal(cut[away], whole[away])


@examples
@given(seed=seeds, fwhm=widths, dose=st.floats(60, 6000), length=st.integers(1, 5))
def test_a_hit_that_is_added_takes_no_flag_of_another(seed, fwhm, dose, length):
    rng = np.random.default_rng(seed)
    image, bad, saturated, _ = scene(rng, fwhm)
    before = find(image, fwhm, bad, saturated)
    near = ndimage.binary_dilation(before, np.ones((3, 3)), APART - 1) | saturated
    row, column = rng.integers(6, SIZE - 6), rng.integers(6, SIZE - 12)
    added = (row, slice(column, column + length))
    if near[added].any():
        return
    image[added] += np.float32(dose)
    assert not (before & ~find(image, fwhm, bad, saturated)).any()


@examples
@given(seed=seeds, fwhm=widths, peak=st.floats(30, 30000))
def test_a_star_that_is_added_flags_no_other_star(seed, fwhm, peak):
    rng = np.random.default_rng(seed)
    image, bad, saturated, places = scene(rng, fwhm, hits=0)
    before = find(image, fwhm, bad, saturated)
    star = rng.uniform(8, SIZE - 8, 2)
    image += (rng.poisson(light_of(*star, peak, fwhm) * GAIN) / GAIN).astype(np.float32)
    saturated |= ndimage.binary_dilation(image >= FULL)
    more = find(image, fwhm, bad, saturated) & ~before
    for place in places[np.hypot(*(places - star).T) >= max(3 * fwhm, 10)]:
        top, left = np.maximum(np.rint(place).astype(int) - 3, 0)
        assert not more[top : top + 7, left : left + 7].any()

"""What strays is counted, whatever is smooth or steps along a line is not."""

import numpy as np
import pytest

from awe.calib.statistics import strays

SHAPE = (160, 192)


@pytest.fixture
def noise():
    return np.random.default_rng(5).normal(0, 1, SHAPE).astype(np.float32)


def lines(image, step=3.0):
    return strays.lines(image, step=step, sigma=5.0, reach=7)


def boxes(image, step=3.0):
    return strays.boxes(image, step=step, sigma=5.0, reach=5, across=32)


def test_noise_slopes_and_a_step_do_not_stray(noise):
    y, x = np.mgrid[-1 : 1 : SHAPE[0] * 1j, -1 : 1 : SHAPE[1] * 1j]
    for image in (noise, noise + 30 * x * y, noise + 40 * x + 20 * y**2, noise + 50 * (x > 0)):
        assert lines(image) == 0.0
        assert boxes(image) == 0.0


@pytest.mark.parametrize("axis", [0, 1])
def test_lines_off_their_neighbours_are_counted_exactly(noise, axis):
    image = noise if axis == 0 else noise.T.copy()
    image[[20, 21, 90]] += 8
    assert lines(image) == pytest.approx(3 / sum(SHAPE))
    assert lines(image, step=20.0) == 0.0
    image[40:120:2] -= 9
    assert lines(image) > 20 / sum(SHAPE)


def test_a_part_of_a_line_without_values_is_left_out(noise):
    image = noise + 100.0
    image[30, :150] = np.nan
    image[77] = np.nan
    image[99, ::3] = np.inf
    assert lines(image) == 0.0
    image[30, 150:] += 9
    assert lines(image) == pytest.approx(1 / sum(SHAPE))


def test_an_object_strays_as_wide_as_it_is(noise):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    seen = (x - 100) ** 2 + (y - 70) ** 2 < 20**2
    found = boxes(np.where(seen, noise + 10, noise))
    assert found == pytest.approx(seen.mean(), rel=0.25)
    # a row takes a fifth of a box, and the median of a box none of it
    banded = noise.copy()
    banded[70] += 50
    assert boxes(banded) == 0.0


def test_frames_too_small_for_boxes_have_none_that_stray():
    tiny = np.random.default_rng(1).normal(0, 1, (5, 6))
    assert boxes(tiny) == 0.0
    assert lines(tiny, step=9.0) == 0.0
    assert lines(np.full((40, 40), np.nan)) == 0.0

"""Medians of images: exact for what float32 holds, rounded to it for what is wider."""

import numpy as np
import pytest

from awe.calib import statistics


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "f4"])
def test_the_median_is_exact_for_what_a_camera_and_a_product_hold(kind):
    random = np.random.default_rng(4)
    pixels = random.integers(0, 200, (301, 200)).astype(kind) * np.array(1, kind)
    assert statistics.median(pixels) == np.median(pixels.astype(np.float64))


def test_the_median_of_wider_pixels_is_that_of_float32_unless_they_are_far_from_zero():
    pixels = np.full((9, 9), 1 + 2**-30)
    assert statistics.median(pixels) == 1
    assert statistics.median(np.full((9, 9), np.uint32(2**24 + 1))) == 2**24 + 1

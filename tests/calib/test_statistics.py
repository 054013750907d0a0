"""Medians of images: exact for what float32 holds, rounded to it for what is wider."""

import numpy as np
import pytest

from awe.calib import statistics


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "f4"])
def test_the_median_is_exact_for_what_a_camera_and_a_product_hold(kind):
    random = np.random.default_rng(4)
    pixels = random.integers(0, 200, (301, 200)).astype(kind) * np.array(1, kind)
    assert statistics.median(pixels) == np.median(pixels.astype(np.float64))


def test_the_median_of_wider_pixels_is_that_of_float32_unless_they_hardly_scatter():
    wide = np.array([[-1.0, 1 + 2**-30, 3.0]])
    assert statistics.median(wide) == 1
    assert statistics.median(np.full((9, 9), 1 + 2**-30)) == 1 + 2**-30
    assert statistics.median(np.full((9, 9), np.uint32(2**24 + 1))) == 2**24 + 1


@pytest.mark.parametrize("level", [1e12, -1e8, 3e4, 1.0, 1e-12, -1e-17])
def test_a_scatter_much_smaller_than_the_level_is_measured_at_any_level(level):
    noise = np.random.default_rng(5).normal(0, 1, (200, 300))
    pixels = level * (1 + 1e-7 * noise)
    found = statistics.image_statistics(pixels)
    assert found.stdev == pytest.approx(pixels.std(), rel=1e-3)
    assert found.mean == pytest.approx(pixels.mean(), abs=1e-3 * pixels.std())
    pixels[0, :10] = level * 1.5
    kept = statistics.clipped(pixels, sigma=5, iterations=5)
    assert kept.stdev == pytest.approx(1e-7 * abs(level), rel=0.02)
    assert kept.rejected == 10

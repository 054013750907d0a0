"""Zero points: no bias over nights, bars that hold the truth, outliers left out, refusals."""

import numpy as np
import pytest

from awe.calib.sky.zeropoint import Standards, fit
from awe.errors import NoValidPixels
from benchmarks.zeropoints import nights


def test_error_bars_hold_the_truth_of_simulated_nights():
    found = nights(60)
    assert abs(found.off.mean()) < 3 * found.error.mean() / 60**0.5
    # of 60 nights 41 +- 4 are expected
    assert 0.50 < found.covered < 0.88


def of(values, frames=1):
    count = len(values)
    return Standards(
        values=np.asarray(values, float), errors=np.full(count, 0.005),
        star=np.arange(count) // frames, frame=np.arange(count) % frames,
    )  # fmt: skip


def test_a_star_that_is_no_standard_is_left_out():
    random = np.random.default_rng(2)
    values = 24.6 + random.normal(0, 0.005, 20)
    values[3] += 0.4
    found = fit(of(values), clip=3.5, steadiness=0.005)
    assert not found.used[3]
    assert found.used.sum() >= 17
    assert found.values[0] == pytest.approx(24.6, abs=0.006)


def test_the_transparency_of_few_frames_is_in_the_error():
    random = np.random.default_rng(3)
    steady = 24.6 + random.normal(0, 0.005, 60)
    sky = np.tile([0.03, -0.03, 0.0], 20)
    calm, cloudy = (fit(of(v, 3), clip=3.5, steadiness=0.005) for v in (steady, steady + sky))
    assert cloudy.errors[0] > 3 * calm.errors[0]
    assert cloudy.of_frames > 0.015 > calm.of_frames
    # one frame alone cannot tell: what is usual is in its error
    alone = fit(of(steady), clip=3.5, steadiness=0.005)
    assert alone.errors[0] > 0.003


def test_extinction_is_told_from_the_zero_points_of_chips():
    random = np.random.default_rng(4)
    airmass = np.repeat([1.0, 1.4, 2.0, 2.4], 20)
    chip = np.tile([0, 1], 40)
    values = np.where(chip, 24.7, 24.5) - 0.12 * airmass + random.normal(0, 0.005, 80)
    one = Standards(
        values=values, errors=np.full(80, 0.005), star=np.arange(80) % 20,
        frame=np.repeat(np.arange(4), 20),
    )  # fmt: skip
    design = np.column_stack([-airmass, chip == 0, chip == 1]).astype(float)
    found = fit(one, clip=3.5, steadiness=0.005, design=design)
    assert abs(found.values[0] - 0.12) < 3 * found.errors[0]
    assert found.values[2] - found.values[1] == pytest.approx(0.2, abs=0.02)


def test_what_cannot_be_told_is_refused():
    with pytest.raises(NoValidPixels, match="cannot tell 1 numbers"):
        fit(of([24.6]), clip=3.5, steadiness=0.005)
    with pytest.raises(NoValidPixels, match="cannot tell 2 numbers"):
        fit(of([24.6, 24.7, 24.5]), clip=3.5, steadiness=0.005, design=np.ones((3, 2)))

"""Pixels whose dark current jumps between two levels, and what is none of them."""

from __future__ import annotations

import numpy as np
import pytest

from awe.calib.detector import bias
from awe.errors import ParameterError

SHAPE = (64, 80)
NOISE, GAIN, TIME = 2.0, 2.5, 300.0


def made(frames, time=TIME):
    return bias.dark(
        frames, np.zeros(SHAPE, np.float32), exposure_times=[time] * len(frames),
        read_noise=NOISE, gain=GAIN, sigma=5.0,
    )


def darks(rng, number):
    return [200 + rng.normal(0, NOISE, SHAPE).round() for _ in range(number)]


@pytest.mark.parametrize("up", [2, 3, 4])
def test_two_levels_have_the_variance_of_both(up):
    frames = darks(np.random.default_rng(3), 6)
    before = made([frame.astype(np.float32) for frame in frames])
    for number in range(up):
        frames[number][10, 20] += 400
        frames[-1 - number][30, 40] += 400
    after = made([frame.astype(np.float32) for frame in frames])
    scatter = 400 / TIME * np.sqrt(up * (6 - up) / 6 / 5)
    for place in ((10, 20), (30, 40)):
        assert after.variance[place] ** 0.5 == pytest.approx(scatter, rel=0.05)
        assert after.variance[place] > 100 * before.variance[place]
    others = np.ones(SHAPE, bool)
    others[10, 20] = others[30, 40] = False
    assert (after.variance[others] == before.variance[others]).all()


def test_particles_are_no_two_levels():
    rng = np.random.default_rng(4)
    frames = darks(rng, 5)
    # one hit, two unlike ones, and three
    frames[0][5, 5] += 900
    for number, height in enumerate((150, 900)):
        frames[number][6, 6] += height
    for number, height in enumerate((200, 700, 1500)):
        frames[number][7, 7] += height
    result = made([frame.astype(np.float32) for frame in frames])
    assert result.variance[5, 5] < 3 * np.median(result.variance)
    assert result.variance[6, 6] < 3 * np.median(result.variance)
    assert result.image[5, 5] == pytest.approx(200 / TIME, abs=5 * NOISE / TIME)


def test_noise_has_one_level():
    rng = np.random.default_rng(5)
    values = rng.normal(0, 1, (5, 100_000))
    assert not bias.telegraph(values, np.full(100_000, 5.0)).any()
    values[:2] += 20
    assert bias.telegraph(values, np.full(100_000, 5.0)).all()


def test_three_frames_do_not_tell_two_levels():
    with pytest.raises(ParameterError, match="4 frames or more, found 3"):
        bias.telegraph(np.zeros((3, 2)), np.ones(2))
    frames = darks(np.random.default_rng(6), 3)
    frames[0][10, 20] += 400
    result = made([frame.astype(np.float32) for frame in frames])
    assert result.variance[10, 20] < 3 * np.median(result.variance)

"""Particle hits as events: groups of pixels, and the rate on darks."""

import numpy as np
import pytest

from awe.calib.cosmic import events
from awe.calib.detector import bias


@pytest.mark.parametrize(("shape", "number"), [((40, 50), 200), ((30, 1), 9), ((1, 30), 9)])
def test_groups_are_those_of_scipy(shape, number):
    from scipy import ndimage

    rng = np.random.default_rng(number)
    marked = np.zeros(shape, bool)
    marked.ravel()[rng.integers(0, marked.size, number)] = True
    assert events.groups(marked) == ndimage.label(marked, np.ones((3, 3)))[1]
    assert events.groups(np.zeros(shape, bool)) == 0
    assert events.groups(np.ones(shape, bool)) == 1


def test_the_end_of_a_row_is_no_neighbour_of_the_next_row():
    marked = np.zeros((3, 6), bool)
    marked[0, 5] = marked[1, 0] = marked[2, 5] = True
    assert events.groups(marked) == 3


def test_the_rate_of_hits_on_darks_is_the_one_put_in():
    rng = np.random.default_rng(5)
    shape, times, each = (600, 500), [600.0, 1200.0], [60, 120]
    current = np.full(shape, 0.002, np.float32)
    frames, offsets = [], []
    for seconds, hits in zip(times, each, strict=True):
        frame = 300 + 0.002 * seconds + rng.normal(0, 2.0, shape)
        for row, column in zip(
            rng.integers(2, 598, hits), rng.integers(2, 498, hits), strict=True
        ):
            frame[row : row + 2, column] += 300
        frames.append(np.rint(frame).astype(np.uint16))
        offsets.append(np.full((1, 1), 300, np.float32))
    bad = np.zeros(shape, bool)
    bad[:, 100] = True
    frames[0][:, 100] += 500
    found = events.rate(
        frames, np.zeros(shape, np.float32), current, exposure_times=times, read_noise=2.0,
        gain=2.5, sigma=6.0, pixel_size=15.0, offsets=offsets, bad=bad,
    )  # fmt: skip
    area = 600 * 499 * 15e-4**2
    assert found == pytest.approx(180 / (area * 30), rel=0.03)


@pytest.mark.parametrize("gain", [0.25, 1.0, 3.6])
def test_noise_and_glow_of_short_darks_are_no_hits(gain):
    # a CMOS chip of small pixels: few electrons, three darks, some pixels glow
    rng = np.random.default_rng(77)
    shape, seconds, noise = (600, 800), 60.0, 1.8 / gain
    current = 0.025 + np.where(rng.random(shape) < 0.01, rng.exponential(3.0, shape), 0)
    zero = rng.normal(200, 0.3, shape)

    def exposed(time):
        light = rng.poisson(current * time * gain) / gain
        return np.rint(zero + light + rng.normal(0, noise, shape)).astype(np.uint16)

    biases, frames = [exposed(0) for _ in range(3)], [exposed(seconds) for _ in range(3)]
    level = bias.master(biases, read_noise=noise, sigma=5.0).image
    given = {"exposure_times": [seconds] * 3, "read_noise": noise, "gain": gain, "sigma": 5.0}
    rest = {
        "pixel_size": 3.76, "offsets": [np.zeros((1, 1), np.float32)] * 3,
        "bad": np.zeros(shape, bool),
    }  # fmt: skip

    def counted():
        dark = bias.dark(frames, level, **given).image
        return events.rate(frames, level, dark, **given, **rest) * shape[0] * shape[1] * (
            3.76e-4**2 * 3
        )

    assert counted() <= 5
    for frame in frames:
        rows, columns = rng.permutation(580)[:40] + 10, rng.permutation(780)[:40] + 10
        frame[rows, columns] += np.uint16(round(60 / gain + 10 * noise))
    assert counted() == pytest.approx(120, abs=8)

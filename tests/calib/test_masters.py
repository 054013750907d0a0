from __future__ import annotations

import numpy as np
import pytest

from awe.calib import statistics
from awe.calib.detector import bias, gain, pixels
from awe.calib.sky import background, flat
from awe.calib.sky.flat import MasterChoice
from awe.errors import NoValidPixels, ParameterError, WrongShape

SHAPE = (512, 640)
GAIN = 2.5
NOISE = 2.2


def structure():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return (3 * np.sin(x / 90) + 2 * np.cos(y / 120)).astype(np.float32)


def response(rng):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    radius = np.hypot((y - SHAPE[0] / 2) / SHAPE[0], (x - SHAPE[1] / 2) / SHAPE[1])
    image = (1 - 0.2 * radius**2) * rng.normal(1, 0.01, SHAPE)
    return (image / image.mean()).astype(np.float32)


def expose(rng, light, hits=1e-3):
    frame = rng.poisson(light * GAIN) / GAIN + 250 + structure() + rng.normal(0, NOISE, SHAPE)
    frame[rng.random(SHAPE) < hits] += 500
    return np.rint(np.clip(frame, 0, 65535)).astype(np.uint16)


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(7)
    dark = np.zeros(SHAPE)
    biases = [expose(rng, dark, 1e-4) for _ in range(10)]
    shape = response(rng)
    return {
        "rng": rng, "biases": biases, "response": shape,
        "master": bias.master(biases, read_noise=NOISE, sigma=5.0).image,
    }


@pytest.mark.parametrize("noise", [1.6, 2.2, 2.8])
def test_read_noise_within_one_per_cent(noise):
    rng = np.random.default_rng(int(noise * 10))
    frames = [np.rint(rng.normal(250, noise, SHAPE)).astype(np.uint16) for _ in range(4)]
    frames[0][::50, ::50] = 9000
    found = bias.read_noise(
        [(frames[0], frames[1]), (frames[2], frames[3])], sigma=4.0, iterations=10
    )
    assert found.read_noise == pytest.approx(noise, rel=0.01)
    assert abs(found.read_noise - noise) < 5 * found.error + 1e-4
    assert found.rejected_fraction < 1e-3
    assert abs(found.mean_diff) < 0.05


def test_master_bias_recovers_the_structure(truth):
    residual = truth["master"] - 250 - structure()
    assert abs(residual.mean()) < 0.02
    expected = np.sqrt((NOISE**2 + 1 / 12) / 10)
    assert residual.std() == pytest.approx(expected, rel=0.03)


def test_flat_to_the_photon_limit_and_stars_rejected(truth):
    rng = truth["rng"]
    levels = (18000, 20000, 22000, 25000, 30000)
    frames = [expose(rng, truth["response"] * level) for level in levels]
    frames[2][100:110, 100:110] += 3000
    dome = flat.stack(
        frames, truth["master"], gain=GAIN, read_noise=NOISE, sigma=5.0, saturation=60000
    )
    residual = dome.image / truth["response"] - 1
    assert dome.image.mean(dtype=np.float64) == pytest.approx(1.0, abs=1e-5)
    assert np.array(dome.levels) == pytest.approx(np.array(levels), rel=0.02)
    assert residual.std() == pytest.approx(dome.noise, rel=0.05)
    assert abs(residual[100:110, 100:110].mean()) < 1e-3


def test_master_flat_choices(truth):
    rng = np.random.default_rng(9)
    slope = np.linspace(0.9, 1.1, SHAPE[1], dtype=np.float32)[None, :]
    dome = flat.normalise(truth["response"] * slope)
    noisy = (truth["response"] * rng.normal(1, 0.01, SHAPE)).astype(np.float32)
    noisy = flat.normalise(noisy)
    both = flat.master(dome, noisy, choice=MasterChoice.DOME_TWILIGHT, box=64)
    assert np.std(both / truth["response"]) < 2e-3
    assert (flat.master(dome, None, choice=MasterChoice.DOME, box=64) == dome).mean() > 0.99
    np.testing.assert_allclose(
        flat.master(None, noisy, choice=MasterChoice.TWILIGHT, box=64), noisy, rtol=1e-6
    )
    with pytest.raises(ParameterError, match="needs a twilight flat"):
        flat.master(dome, None, choice=MasterChoice.DOME_TWILIGHT, box=64)


def test_flat_times_inverse_flat_is_one(truth):
    shape = truth["response"]
    np.testing.assert_allclose(shape * (1 / shape), 1.0, rtol=1e-6)
    assert flat.usable(shape).all()
    assert not flat.usable(np.array([0, -1, np.nan, np.inf], np.float32)).any()


@pytest.mark.parametrize(
    ("level", "message"), [(0, "more than 0"), (-50, "more than 0"), (64000, "saturation begins")]
)
def test_bad_flats_are_refused_by_number(truth, level, message):
    good = expose(truth["rng"], truth["response"] * 20000)
    odd = np.clip(structure() + 250 + level, 0, 65535).astype(np.uint16)
    with pytest.raises(NoValidPixels, match=f"exposure 2 .*{message}"):
        flat.stack(
            [good, odd], truth["master"], gain=GAIN, read_noise=NOISE, sigma=5.0,
            saturation=60000,
        )


def test_flat_refuses_a_bias_of_another_size(truth):
    with pytest.raises(WrongShape, match="the master bias has"):
        flat.stack(
            truth["biases"], truth["master"][:100], gain=GAIN, read_noise=NOISE, sigma=5.0,
            saturation=60000,
        )


def test_hot_pixels_are_found_and_no_others(truth):
    rng = np.random.default_rng(11)
    hot = rng.random(SHAPE) < 1e-3
    image = truth["master"] + np.where(hot, rng.uniform(8, 500, SHAPE), 0).astype(np.float32)
    image[:, 300] += 20
    hot[:, 300] = True
    bad = pixels.hot(image, threshold=5.5, box=64)
    assert bad[hot].mean() >= 0.99
    assert (bad & ~hot).sum() <= 1e-5 * bad.size


def test_cold_pixels_are_found_and_no_others(truth):
    rng = np.random.default_rng(12)
    cold = rng.random(SHAPE) < 1e-3
    factor = np.where(rng.random(SHAPE) < 0.5, rng.uniform(0, 0.88, SHAPE), 1.12)
    image = (truth["response"] * np.where(cold, factor, 1)).astype(np.float32)
    image[7, 7] = np.nan
    cold[7, 7] = True
    bad = pixels.cold(image, low=0.94, high=1.06, box=64)
    assert bad[cold].mean() >= 0.99
    assert (bad & ~cold).sum() <= 1e-5 * bad.size


def test_gain_within_one_per_cent_and_chi_square_one(truth):
    rng = np.random.default_rng(13)
    pairs = [
        (expose(rng, truth["response"] * level), expose(rng, truth["response"] * level * 1.01))
        for level in (1000, 5000, 10000, 20000, 40000)
    ]
    found = gain.photon_transfer(
        pairs, truth["master"], read_noise=NOISE, sigma=4.0, windows=(4, 4), saturation=60000
    )
    assert found.gain == pytest.approx(GAIN, rel=0.01)
    assert abs(found.gain - GAIN) < 4 * found.gain_error
    assert 0.6 < found.chi2 < 1.6


def test_linearity_is_recovered_and_inverted():
    time = np.array([2, 5, 7, 10, 20, 30, 40, 50.0])
    linear = 900 * time
    measured = linear * (1 - 4e-7 * linear)
    curve = gain.linearity(measured, time)
    assert curve.curvature == pytest.approx(-4e-7, rel=1e-3)
    assert curve.rate == pytest.approx(900, rel=1e-5)
    straight = gain.linearised(measured.astype(np.float32), curve.curvature)
    np.testing.assert_allclose(straight, linear, rtol=2e-5)
    with pytest.raises(NoValidPixels, match="3 different"):
        gain.linearity([1, 2], [1, 2])


def test_statistics_are_exact_with_negative_and_missing_pixels():
    rng = np.random.default_rng(14)
    image = rng.normal(0, 50, (301, 203)).astype(np.float32)
    bad = rng.random(image.shape) < 0.2
    image[0, :5] = np.nan
    good = image[~bad & np.isfinite(image)]
    found = statistics.image_statistics(image, bad)
    assert (found.n, found.min, found.max) == (good.size, good.min(), good.max())
    assert found.median == np.median(good.astype(np.float64))
    assert found.mean == pytest.approx(good.mean(dtype=np.float64), abs=1e-9)
    assert found.stdev == pytest.approx(good.std(dtype=np.float64), rel=1e-9)
    with pytest.raises(NoValidPixels, match="none of the"):
        statistics.image_statistics(np.full((3, 3), np.nan))
    assert statistics.outliers(
        np.array([1.0, 1.1, 0.9, 9.0]), sigma=5, floor=0.5
    ).tolist() == [False, False, False, True]


def test_background_follows_a_gradient_past_stars_and_gaps():
    rng = np.random.default_rng(15)
    y, x = np.mgrid[:400, :600]
    truth = 500 + 0.1 * x - 0.05 * y
    image = (truth + rng.normal(0, 5, truth.shape)).astype(np.float32)
    image[100:108, 200:208] += 5000
    bad = np.zeros(image.shape, bool)
    bad[300:400, 500:600] = True
    surface = background.estimate(image, box=50, bad=bad, clip=3.0)
    assert np.abs(surface.rows() - truth)[~bad].max() < 5
    # the order of sums in a matrix product depends on its size and on the processor
    np.testing.assert_allclose(surface.rows(slice(10, 20)), surface.rows()[10:20], rtol=1e-6)
    with pytest.raises(NoValidPixels, match="no box"):
        background.estimate(image, box=50, bad=np.ones_like(bad))

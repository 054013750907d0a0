"""Numbers and maps of a detector against the truth, at the thresholds the recipes declare."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from awe.calib import reduction
from awe.calib.detector import bias, gain, overscan, pixels, trim
from awe.calib.detector.geometry import ChipGeometry
from awe.calib.sky import flat
from awe.demo import sky
from awe.model.parameters import parameters_class

GEOMETRY = ChipGeometry.from_counts(nx=496, ny=440, prescan_x=48, overscan_x=48, overscan_y=40)
PLAIN = sky.Effects().without("cosmic_rays", "sources")
SETTINGS = reduction.Settings(
    overscan=6, gain=2.5, read_noise=2.2, exposure_time=360.0, saturation_high=60000.0,
    saturation_low=50.0, bleed_along=3, bleed_beside=1, dead_reach=2, minimum_response=0.05,
    fringe_low=1.5, fringe_high=5.0, image_threshold=5.0, background_box=0,
    cosmic=None, satellite=None,
)


def default(product, name):
    return parameters_class(product).declarations[name].default


class Camera:
    """A chip and frames of it, read as the recipes read them."""

    def __init__(self, seed, *, electrons=2.5, noise=5.5, ridge=False, effects=PLAIN):
        self.rng = np.random.default_rng(seed)
        self.chip = sky.make_detector(
            GEOMETRY, self.rng, gain=electrons, read_noise=noise, ridge=ridge,
            hot_fraction=0.0, cold_fraction=0.0,
        )
        self.effects = effects

    def raw(self, kind, level=0.0):
        return sky.simulate(
            sky.SimulatedExposure(kind=kind, level=level), self.chip, self.effects, self.rng
        )[0]

    def read(self, kind, levels):
        frames = [self.raw(kind, level) for level in levels]
        found = [overscan.measure(frame, GEOMETRY, 6) for frame in frames]
        rows = trim.active(GEOMETRY, GEOMETRY.shape)[0]
        return (
            [trim.trim(frame, GEOMETRY) for frame in frames],
            [one.values[rows] for one in found],
            float(np.mean([one.variance for one in found])),
        )

    def bias(self, n=10):
        frames, offsets, _ = self.read("bias", [0.0] * n)
        return bias.master(
            frames, read_noise=self.chip.read_noise / self.chip.gain,
            sigma=default("BiasFrame", "SIGMA_CLIP"), offsets=offsets,
        ).image

    def flat(self, dark, kind, levels):
        frames, offsets, _ = self.read(kind, levels)
        return flat.stack(
            frames, dark, gain=self.chip.gain, read_noise=self.chip.read_noise / self.chip.gain,
            sigma=default("DomeFlatFrame", "SIGMA_CLIP"), saturation=60000.0, offsets=offsets,
        )


@pytest.mark.parametrize("truth", [1.6, 2.2, 2.8, 4.5])
@pytest.mark.parametrize("seed", range(4))
def test_the_read_noise_is_within_one_per_cent(truth, seed):
    camera = Camera(100 * seed + int(10 * truth), noise=2.5 * truth)
    frames, offsets, variance = camera.read("bias", [0.0] * 4)
    for frame in frames:
        frame[::40, ::40] += 3000
    level = [frame - offset for frame, offset in zip(frames, offsets, strict=True)]
    found = bias.read_noise(
        [(level[0], level[1]), (level[2], level[3])],
        sigma=default("ReadNoise", "REJECTION_THRESHOLD"),
        iterations=default("ReadNoise", "MAXIMUM_ITERATIONS"),
    )
    # as the recipe does: the level of each row has noise of its own
    measured = (found.read_noise**2 - variance) ** 0.5
    print("read noise", measured / truth)  # noqa: T201
    assert measured == pytest.approx(truth, rel=0.01)


@pytest.mark.parametrize("electrons", [1.2, 2.2, 2.8, 4.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_gain_is_within_one_per_cent(electrons, seed):
    camera = Camera(1000 * seed + int(10 * electrons), electrons=electrons)
    dark = camera.bias()
    levels = (1000, 1000, 5000, 5000, 12000, 12100, 25000, 25000, 40000, 39700)
    frames, offsets, _ = camera.read("dome", levels)
    light = [frame - offset for frame, offset in zip(frames, offsets, strict=True)]
    found = gain.photon_transfer(
        list(zip(light[::2], light[1::2], strict=True)), dark,
        read_noise=5.5 / electrons, sigma=default("GainLinearity", "SIGMA_CLIP"), windows=(8, 4),
        saturation=default("GainLinearity", "MAXIMUM_LEVEL"),
    )
    print("gain", found.gain / electrons)  # noqa: T201
    assert found.gain == pytest.approx(electrons, rel=0.01)
    assert abs(found.gain - electrons) < 4 * found.gain_error
    assert 0.6 < found.chi2 < 1.5


@pytest.mark.parametrize("ridge", [False, True])
def test_hot_pixels_are_found_at_the_declared_threshold_and_no_good_ones(ridge):
    injected = found = false = good = 0
    for seed in range(5):
        camera = Camera(20 + seed, ridge=ridge)
        dark = camera.bias()
        # 7 sigma of the master and more; its noise holds the columns of the chip
        hot = camera.rng.random(dark.shape) < 1e-3
        excess = np.exp(camera.rng.uniform(np.log(7.0), np.log(8000.0), dark.shape))
        bad = pixels.hot(
            (dark + np.where(hot, excess, 0)).astype(np.float32),
            threshold=default("HotPixelMap", "REJECTION_THRESHOLD"),
            box=default("HotPixelMap", "BOX"),
        )
        injected += hot.sum()
        found += (bad & hot).sum()
        false += (bad & ~hot).sum()
        good += (~hot).sum()
    print("hot", found / injected, false / good)  # noqa: T201
    assert found >= 0.99 * injected
    assert false <= 1e-5 * good


def test_cold_pixels_are_found_at_the_declared_thresholds_and_no_good_ones():
    injected = found = false = good = 0
    for seed in range(5):
        camera = Camera(30 + seed)
        cold = camera.rng.random(camera.chip.shape) < 1e-3
        factor = np.where(
            camera.rng.random(cold.shape) < 0.5, camera.rng.uniform(0, 0.9, cold.shape),
            camera.rng.uniform(1.1, 1.4, cold.shape),
        )
        response = np.where(cold, factor, 1) * camera.chip.response
        camera.chip = dataclasses.replace(camera.chip, response=response.astype(np.float32))
        dome = camera.flat(camera.bias(), "dome", [20000.0] * 5)
        bad = pixels.cold(
            dome.image, low=default("ColdPixelMap", "THRESHOLD_LOW"),
            high=default("ColdPixelMap", "THRESHOLD_HIGH"), box=default("ColdPixelMap", "BOX"),
        )
        injected += cold.sum()
        found += (bad & cold).sum()
        false += (bad & ~cold).sum()
        good += (~cold).sum()
    print("cold", found / injected, false / good)  # noqa: T201
    assert found >= 0.99 * injected
    assert false <= 1e-5 * good


@pytest.mark.parametrize("level", [150.0, 500.0, 5000.0, 20000.0])
def test_a_frame_reduced_with_real_masters_scatters_as_its_variance_says(level):
    ratio, number = 0.0, 0
    for seed in range(3):
        camera = Camera(40 + seed)
        dark = camera.bias()
        dome = camera.flat(dark, "dome", [20000.0] * 5)
        raw, truth = sky.simulate(
            sky.SimulatedExposure(kind="science", exptime=360, level=level),
            camera.chip, PLAIN, camera.rng,
        )
        reduced = reduction.reduce(
            raw, GEOMETRY,
            reduction.Calibrations(
                bias=dark, bias_method=6, bias_variance=2.2**2 / 10, flat=dome.image,
                flat_noise=dome.noise,
            ),
            SETTINGS,
        )
        response = camera.chip.response * camera.chip.vignetting * camera.chip.lamp
        residual = reduced.science - truth.expected / response * response.mean(dtype=np.float64)
        good = reduced.flags == 0
        ratio += float((residual[good] ** 2 / reduced.variance[good]).sum())
        number += int(good.sum())
    print("chi-square", level, ratio / number)  # noqa: T201
    assert number > 0.99 * 3 * dark.size
    assert ratio / number == pytest.approx(1.0, abs=0.02)


def test_the_weight_is_zero_exactly_where_one_of_all_reasons_is_set():
    rng = np.random.default_rng(50)
    shape = ChipGeometry.from_counts(nx=696, ny=600, prescan_x=48, overscan_x=48)
    chip = sky.make_detector(shape, rng, hot_fraction=1e-3, cold_fraction=1e-3)
    track = sky.Trail(x0=-1100, y0=-2000, x1=-300, y1=-1500, brightness=40)
    exposure = sky.SimulatedExposure(kind="science", exptime=360, level=500, tracks=(track,))
    raw = sky.simulate(exposure, chip, sky.Effects(), rng)[0].astype(np.float32)
    raw[100:110, 200:210] = 65535
    raw[104, 211] = 10
    raw[300, 300] = np.nan
    response = chip.response * chip.vignetting
    response[50, 50:53] = (0, -1, np.nan)
    settings = dataclasses.replace(
        SETTINGS,
        cosmic=reduction.CosmicSettings(
            sigma=4.0, neighbour_fraction=0.3375, sharpness=3.0, iterations=4, groups=34.0
        ),
        satellite=reduction.SatelliteSettings(threshold=6.5, binning=4, minimum_length=300.0),
    )
    calibrations = reduction.Calibrations(
        bias=chip.bias, bias_method=6, flat=response, hot=chip.hot > 0, cold=chip.cold
    )
    reduced = reduction.reduce(raw, shape, calibrations, settings)
    # the others are those of frames on another grid
    other = {"INTERPOLATED", "OUTSIDE"}
    assert {name for name, count in reduced.counts.items() if count == 0} == other
    assert ((reduced.weight == 0) == (reduced.flags != 0)).all()
    good = reduced.flags == 0
    np.testing.assert_array_equal(reduced.weight[good], response[good])
    assert np.isfinite(reduced.science[good]).all()
    assert (reduced.variance[good] > 0).all()

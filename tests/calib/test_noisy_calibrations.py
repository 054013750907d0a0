"""The noise of every calibration is in the stated variance: chi-square stays 1."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from awe.calib import reduction, statistics
from awe.calib.detector.geometry import ChipGeometry

NY, NX = 700, 800
GEOMETRY = ChipGeometry.from_counts(nx=NX + 96, ny=NY, prescan_x=48, overscan_x=48)
GAIN, READ_NOISE, TIME = 2.5, 2.2, 300.0
SETTINGS = reduction.Settings(
    overscan=6, gain=GAIN, read_noise=READ_NOISE, exposure_time=TIME, saturation_high=60000.0,
    saturation_low=50.0, bleed_along=3, bleed_beside=1, dead_reach=2, minimum_response=0.05,
    fringe_low=1.5, fringe_high=30.0, image_threshold=5.0, background_box=0, cosmic=None,
    satellite=None,
)
Y, X = np.mgrid[:NY, :NX]
FRINGES = (25 * np.sin(X / 9 + 3 * np.sin(Y / 40))).astype(np.float32)
RESPONSE = (1 + 0.05 * np.sin(X / 3) * np.cos(Y / 5)).astype(np.float32)


def plane(value):
    return np.full((NY, NX), value, np.float32)


def raw(rng):
    """Return a frame of 400 ADU of sky with fringes through a response, and dark current."""
    light = (400 + FRINGES) * RESPONSE + 0.1 * TIME
    counts = rng.poisson(light * GAIN) / GAIN
    frame = rng.normal(250, READ_NOISE, (NY, NX + 96))
    frame[:, 48:-48] += counts
    return np.rint(frame).astype(np.uint16)


def chi_square(given, rng):
    done = reduction.reduce(raw(rng), GEOMETRY, given, SETTINGS)
    residual = done.science - 400
    return float((residual**2 / done.variance).mean())


def calibrations(rng, **noise):
    """Return what the frame is reduced with; `noise` says how noisy each is [its own unit]."""

    def noisy(image, name):
        return (image + rng.normal(0, noise.get(name, 0.0), image.shape)).astype(np.float32)

    return reduction.Calibrations(
        bias=noisy(plane(0), "bias"), bias_method=6, bias_variance=noise.get("bias", 0.0) ** 2,
        flat=noisy(RESPONSE, "flat"), flat_noise=noise.get("flat", 0.0),
        dark=noisy(plane(0.1), "dark"), fringes=noisy(FRINGES, "fringes"),
    )


def test_chi_square_is_one_with_perfect_calibrations():
    rng = np.random.default_rng(81)
    assert chi_square(calibrations(rng), rng) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("name", "amount"), [("bias", 8.0), ("flat", 0.015), ("dark", 0.02), ("fringes", 6.0)]
)
def test_chi_square_is_one_with_a_noisy_calibration(name, amount):
    rng = np.random.default_rng(82)
    given = calibrations(rng, **{name: amount})
    assert chi_square(given, rng) == pytest.approx(1.0, abs=0.02)
    # the noise matters: without it in the variance chi-square would be far from 1
    quiet = dataclasses.replace(given, bias_variance=0.0, flat_noise=0.0)
    variance = reduction.reduce(raw(rng), GEOMETRY, quiet, SETTINGS).variance.mean()
    extra = {"bias": amount**2, "flat": (400 * amount) ** 2, "dark": (TIME * amount) ** 2,
             "fringes": amount**2}[name]
    assert extra > 0.15 * (variance - (0 if name in ("bias", "flat") else extra))


def half(amount):
    """Return a variance that one half of the pixels has and the other has not."""
    return np.where(X < NX // 2, np.float32(amount**2), np.float32(0)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "field", "amount"),
    [("bias", "bias_variance", 8.0), ("flat", "flat_variance", 0.015),
     ("dark", "dark_variance", 0.02), ("fringes", "fringe_variance", 6.0)],
)  # fmt: skip
def test_the_variance_of_each_pixel_of_a_calibration_counts(name, field, amount):
    rng = np.random.default_rng(84)
    given = calibrations(rng)
    variance = half(amount)
    noisy = (getattr(given, name) + rng.normal(0, 1, (NY, NX)) * variance**0.5).astype(np.float32)
    given = dataclasses.replace(given, **{name: noisy, field: variance})
    done = reduction.reduce(raw(rng), GEOMETRY, given, SETTINGS)
    chi = (done.science - 400) ** 2 / done.variance
    assert chi[:, : NX // 2].mean() == pytest.approx(1.0, abs=0.02)
    assert chi[:, NX // 2 :].mean() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("time", [0.5 * TIME, TIME, 3 * TIME])
def test_the_noise_of_the_bias_cancels_where_it_is_in_the_dark_too(time):
    rng = np.random.default_rng(85)
    settings = dataclasses.replace(SETTINGS, exposure_time=time)
    error = rng.normal(0, 6.0, (NY, NX)).astype(np.float32)
    share, spread = 1 / TIME, plane(36.0)
    given = reduction.Calibrations(
        bias=error, bias_method=6, bias_variance=spread,
        dark=(0.1 - share * error).astype(np.float32), dark_variance=share**2 * spread,
        dark_bias=share,
    )
    frame = rng.normal(250, READ_NOISE, (NY, NX + 96))
    frame[:, 48:-48] += rng.poisson(plane(0.1 * time * GAIN)) / GAIN
    done = reduction.reduce(np.rint(frame).astype(np.uint16), GEOMETRY, given, settings)
    assert (done.science**2 / done.variance).mean() == pytest.approx(1.0, abs=0.03)
    none = dataclasses.replace(given, dark_bias=0.0)
    apart = reduction.reduce(np.rint(frame).astype(np.uint16), GEOMETRY, none, settings)
    assert (apart.science**2 / apart.variance).mean() < 0.9


def test_reasons_of_masters_are_in_the_flags():
    rng = np.random.default_rng(86)
    bits = np.zeros((NY, NX), np.uint16)
    bits[10, 20], bits[30, 40] = 1, 64
    done = reduction.reduce(
        raw(rng), GEOMETRY, dataclasses.replace(calibrations(rng), reasons=bits), SETTINGS
    )
    assert (done.flags[10, 20], done.flags[30, 40]) == (1, 64)
    assert done.weight[10, 20] == done.weight[30, 40] == 0
    assert (done.flags != 0).sum() == 2
    assert bits.sum() == 65


def test_the_noise_of_pixels_is_told_from_slopes_hot_pixels_and_gaps():
    rng = np.random.default_rng(83)
    image = (rng.normal(0, 3.0, (NY, NX)) + X + 0.5 * Y).astype(np.float32)
    image[rng.random(image.shape) < 0.002] += 5000
    image[rng.random(image.shape) < 0.01] = np.nan
    assert statistics.pixel_noise(image) == pytest.approx(3.0, rel=0.01)
    assert statistics.pixel_noise(image, step=8) == pytest.approx(3.0, rel=0.03)
    assert statistics.pixel_noise(np.zeros((50, 50), np.float32)) < 1e-6

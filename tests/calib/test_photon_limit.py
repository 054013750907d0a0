"""Masters against the truth: how near they come to the noise that their frames allow.

Thresholds are the declared defaults of the recipes. `-s` prints what was measured.
"""

from __future__ import annotations

import numpy as np
import pytest

from awe.calib.detector import bias, overscan, trim
from awe.calib.detector.bias import DIGITISATION
from awe.calib.detector.geometry import ChipGeometry
from awe.calib.sky import flat
from awe.calib.sky.flat import MasterChoice
from awe.model.parameters import parameters_class

GEOMETRY = ChipGeometry.from_counts(nx=480, ny=384, prescan_x=48, overscan_x=48)
SHAPE = NY, NX = 384, 384
Y, X = np.mgrid[:NY, :NX]
BLOCK = 16
GAIN = 2.5
NOISE = 2.2
#: variance of one pixel without light, and that of the level of a row
PIXEL = NOISE**2 + DIGITISATION
LEVEL = PIXEL / 48
DOME = (18000, 20000, 22000, 25000, 30000)
TWILIGHT = (9000, 18000, 27000, 36000, 45000)
STEEP = (3000, 9000, 20000, 45000)


def default(product, name):
    return parameters_class(product).declarations[name].default


def structure(*, columns=True):
    """A bright ridge, a gradient, single columns: what master biases of real chips show."""
    ridge = 16 * np.exp(-0.5 * ((X - 190) / 60) ** 2) + 4 * Y / NY
    return ridge + np.random.default_rng(0).normal(0, 0.6, NX) * columns


def response(seed=1):
    """Pixels that differ by 1 %, and vignetting."""
    small = np.random.default_rng(seed).normal(1, 0.01, SHAPE)
    image = small * (1 - 0.15 * np.hypot((X - 250) / NX, (Y - 150) / NY) ** 2)
    return image / image.mean()


def expose(rng, light=0.0, pattern=0.0, level=GAIN):
    raw = rng.normal(0, NOISE, GEOMETRY.shape)
    raw += (250 + rng.normal(0, 0.5) + np.cumsum(rng.normal(0, 0.15, NY)))[:, None]
    raw[trim.active(GEOMETRY, raw.shape)] += pattern + rng.poisson(light * level) / level
    return np.rint(raw).astype(np.uint16)


def loaded(frames):
    """Trimmed frames and their levels, as the recipes read them."""
    levels = [overscan.measure(frame, GEOMETRY, 6).values for frame in frames]
    return [trim.trim(frame, GEOMETRY) for frame in frames], levels


def master_bias(rng, n, pattern):
    frames, levels = loaded([expose(rng, pattern=pattern) for _ in range(n)])
    return bias.master(
        frames, read_noise=NOISE, sigma=default("BiasFrame", "SIGMA_CLIP"), offsets=levels
    ).image


def stacked(rng, levels, light, product, dark):
    frames, offsets = loaded([expose(rng, light * one) for one in levels])
    return flat.stack(
        frames, dark, gain=GAIN, read_noise=NOISE, sigma=default(product, "SIGMA_CLIP"),
        saturation=60000, offsets=offsets,
    )


def limit(light, levels, biases=np.inf):
    """Noise of the best mean: of all photons, the read noise and the master bias."""
    variances = [(PIXEL + light * one / GAIN) / (light * one) ** 2 for one in levels]
    weight = [1 / variance for variance in variances]
    share = sum(w / (light * one) for w, one in zip(weight, levels, strict=True)) / sum(weight)
    return np.sqrt(1 / sum(weight) + share**2 * PIXEL / biases)


def scales(residuals, level=0.0):
    """Rms of residuals in units of their noise, and of their means, over what is expected.

    `level` is the variance of a row's level over that of a pixel.
    """
    cube = np.array(residuals)
    blocks = cube.reshape(len(cube), NY // BLOCK, BLOCK, NX // BLOCK, BLOCK).mean(axis=(2, 4))
    found = {
        "pixels": (cube, 1 + level),
        "columns": (cube.mean(axis=1), 1 / NY + level / NY),
        "rows": (cube.mean(axis=2), 1 / NX + level),
        "blocks": (blocks, 1 / BLOCK**2 + level / BLOCK),
    }
    return {
        name: float(np.sqrt((value**2).mean() / expected))
        for name, (value, expected) in found.items()
    }


def judge(what, measured, tolerance=0.05):
    print(what, {name: round(float(value), 3) for name, value in measured.items()})  # noqa: T201
    assert measured == pytest.approx(dict.fromkeys(measured, 1.0), abs=tolerance)


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_the_noise_of_a_master_bias_falls_as_the_root_of_its_frames(n):
    image = master_bias(np.random.default_rng(n), n, 0.0)
    expected = np.sqrt((PIXEL + LEVEL) / n)
    judge(f"bias of {n}", {"pixels": image.std() / expected}, 0.03)


def test_bias_structure_is_recovered_to_the_read_noise_and_leaves_no_trace():
    truth = structure()
    residuals = [
        (master_bias(np.random.default_rng(100 + seed), 10, truth) - truth) * np.sqrt(10 / PIXEL)
        for seed in range(20)
    ]
    judge("bias structure", scales(residuals, LEVEL / PIXEL))
    # the same figures tell a structure of a hundredth of the ridge
    spoilt = scales([one + 0.01 * truth for one in residuals], LEVEL / PIXEL)
    assert spoilt["columns"] > 1.5
    assert spoilt["blocks"] > 1.1


@pytest.mark.parametrize(
    ("product", "levels"),
    [
        ("DomeFlatFrame", DOME), ("TwilightFlatFrame", TWILIGHT), ("TwilightFlatFrame", STEEP),
        ("TwilightFlatFrame", STEEP[::-1]), ("DomeFlatFrame", (20000,) * 10),
    ],
)
def test_flats_of_unequal_levels_reach_the_photon_limit_at_every_scale(product, levels):
    truth = response()
    expected = limit(truth, levels, biases=10)
    residuals = []
    for seed in range(6):
        rng = np.random.default_rng(200 + seed)
        made = stacked(rng, levels, truth, product, master_bias(rng, 10, 0.0))
        residuals.append((made.image / truth - 1) / expected)
        assert made.noise == pytest.approx(float(limit(1.0, levels)), rel=0.01)
        assert made.rejected_fraction < 3e-3
    judge(f"{product} {levels}", scales(residuals))


@pytest.mark.parametrize("levels", [DOME, TWILIGHT])
def test_hits_in_faint_and_in_bright_flats_leave_nothing(levels):
    rng = np.random.default_rng(250)
    truth, dark = response(), master_bias(rng, 10, 0.0)
    frames, offsets = loaded([expose(rng, truth * one) for one in levels])
    place = rng.permutation(NY * NX).reshape(SHAPE) // 500
    for number, (frame, level) in enumerate(zip(frames, levels, strict=True)):
        frame[place == number] += np.uint16(15 * np.sqrt(level / GAIN))
    residual = flat.stack(
        frames, dark, gain=GAIN, read_noise=NOISE, sigma=default("DomeFlatFrame", "SIGMA_CLIP"),
        saturation=60000, offsets=offsets,
    ).image / truth - 1
    for number in range(len(levels)):
        known = (residual / limit(truth, np.delete(levels, number), 10))[place == number]
        assert known.std() == pytest.approx(1.0, abs=0.1)
        assert abs(known.mean()) < 4 / np.sqrt(500)


def test_a_night_sky_flat_reaches_the_photon_limit_and_knows_no_stars():
    levels = (400, 500, 700, 900, 1200)
    residuals, starry = [], []
    for seed in range(8):
        rng = np.random.default_rng(270 + seed)
        fields = [rng.normal(0, NOISE, SHAPE) + rng.poisson(np.full(SHAPE, one * GAIN)) / GAIN
                  for one in levels]
        places = [rng.random(SHAPE) < 0.01 for _ in levels]
        for image, place in zip(fields, places, strict=True):
            image[place] += rng.uniform(300, 30000, SHAPE)[place]
        images = [image.astype(np.float32) for image in fields]
        made = flat.sky(
            images, gain=GAIN, read_noise=NOISE, sigma=default("NightSkyFlatFrame", "SIGMA_CLIP")
        )
        residual = (made.image - 1) / limit(1.0, levels)
        assert made.noise == pytest.approx(float(limit(1.0, levels)), rel=0.01)
        residuals.append(np.where(np.any(places, axis=0), 0, residual))
        starry.append(residual[np.sum(places, axis=0) == 1])
    share = float((np.array(residuals) != 0).mean())
    pixels = float(np.std(residuals)) / share**0.5
    judge("night sky", {"pixels": pixels})
    # one field less, seldom two, and a mean that does not lean to the bright side
    assert np.concatenate(starry).std() == pytest.approx(1.15, abs=0.1)
    assert abs(np.concatenate(starry).mean()) < 0.05


def test_darks_of_unequal_times_reach_the_limit_of_the_read_noise():
    times, truth = (60.0, 300.0, 900.0), 0.004
    residuals = []
    for seed in range(4):
        rng = np.random.default_rng(290 + seed)
        zero = np.zeros(SHAPE, np.float32)
        frames, offsets = loaded([expose(rng, np.full(SHAPE, truth * one)) for one in times])
        made = bias.dark(
            frames, zero, exposure_times=times, read_noise=NOISE, gain=GAIN,
            sigma=default("DarkCurrent", "SIGMA_CLIP"), offsets=offsets,
        ).image
        residuals.append(made - truth)
    best = sum(one**2 / (PIXEL + LEVEL + truth * one / GAIN) for one in times) ** -0.5
    judge("darks", {"pixels": float(np.std(residuals)) / best})
    assert abs(np.mean(residuals)) < 5 * best / np.sqrt(4 * NX * NY / 48)


def test_a_spoilt_part_of_the_twilight_flat_does_not_bend_the_large_scales():
    rng = np.random.default_rng(295)
    dome, sky = (rng.normal(1, 2e-3, SHAPE).astype(np.float32) for _ in range(2))
    sky[128:160, 128:160] *= 1.008
    mended = flat.master(dome, sky, choice=MasterChoice.DOME_TWILIGHT, box=32)
    assert np.abs(mended / dome - 1).max() < 1e-3
    # what is as wide as several boxes is no flaw
    sky[128:256, 128:256] *= 1.008
    wide = flat.master(dome, sky, choice=MasterChoice.DOME_TWILIGHT, box=32)
    assert (wide / dome)[170:214, 170:214].mean() == pytest.approx(1.008 - 0.008 / 9, abs=1.5e-3)


def test_a_master_flat_has_the_small_scales_of_the_dome_and_the_large_ones_of_the_twilight():
    truth, lamp = response(), 1 + 0.06 * X / NX - 0.04 * Y / NY
    screen = truth * lamp / (truth * lamp).mean()
    dome_limit, twilight_limit = limit(truth, DOME, 10), limit(truth, TWILIGHT, 10)
    box = default("MasterFlatFrame", "BOX")
    small, large = [], []
    for seed in range(16):
        rng = np.random.default_rng(300 + seed)
        dark = master_bias(rng, 10, 0.0)
        dome = stacked(rng, DOME, screen, "DomeFlatFrame", dark).image
        sky = stacked(rng, TWILIGHT, truth, "TwilightFlatFrame", dark).image
        made = flat.master(dome, sky, choice=MasterChoice.DOME_TWILIGHT, box=box)
        residual = made / truth - 1
        small.append(residual / dome_limit)
        boxes = (residual / twilight_limit).reshape(NY // box, box, NX // box, box)
        large.append(boxes.mean(axis=(1, 3)) * box)
    small, large = np.array(small), np.array(large)
    judge("master flat", {"pixels": float(small.std())})
    at_boxes = float(np.sqrt((large**2).mean()))
    print("master flat, boxes", round(at_boxes, 3))  # noqa: T201
    assert 0.85 < at_boxes < 1.05
    # the mean of all seeds leaves no pattern: the lamp would be hundreds of times the noise
    assert (large.mean(axis=0) ** 2).mean() * len(large) == pytest.approx(1.0, abs=0.5)

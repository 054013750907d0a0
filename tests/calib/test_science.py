from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from awe.calib import reduction, weight
from awe.calib.detector import saturation
from awe.calib.detector.geometry import ChipGeometry
from awe.calib.flags import PixelFlag
from awe.calib.sky import fringe, illumination
from awe.demo import sky
from awe.errors import NoValidPixels, ParameterError, WrongShape

GEOMETRY = ChipGeometry.from_counts(nx=896, ny=1000, prescan_x=48, overscan_x=48, overscan_y=100)
SETTINGS = reduction.Settings(
    overscan=6, gain=2.5, read_noise=2.2, exposure_time=360.0, saturation_high=60000.0,
    saturation_low=50.0, bleed_along=3, bleed_beside=1, dead_reach=2, minimum_response=0.05,
    fringe_low=1.5, fringe_high=5.0, image_threshold=5.0, background_box=0,
    cosmic=reduction.CosmicSettings(
        sigma=4.0, neighbour_fraction=0.3375, sharpness=3.0, iterations=4, groups=34.0
    ),
    satellite=reduction.SatelliteSettings(threshold=6.5, binning=4, minimum_length=300.0),
)


@pytest.fixture(scope="module")
def night():
    rng = np.random.default_rng(5)
    chip = sky.make_detector(GEOMETRY, rng)
    exposure = sky.SimulatedExposure(
        kind="science", exptime=360, level=500, field=sky.make_field((330, -31.2), rng),
        tracks=(sky.Trail(x0=-1100, y0=-2100, x1=-200, y1=-1100, brightness=30),),
    )
    raw, truth = sky.simulate(exposure, chip, sky.Effects(), rng)
    flat = chip.response * chip.vignetting * chip.illumination
    flat /= flat.mean()
    calibrations = reduction.Calibrations(
        bias=chip.bias, bias_method=6, flat=flat, hot=chip.hot > 0, cold=chip.cold
    )
    return raw, truth, calibrations


@pytest.fixture(scope="module")
def reduced(night):
    raw, _, calibrations = night
    return reduction.reduce(raw, GEOMETRY, calibrations, SETTINGS)


def test_residuals_agree_with_the_stated_variance(night, reduced):
    _, truth, calibrations = night
    good = reduced.flags == 0
    residual = (reduced.science - truth.expected / calibrations.flat)[good]
    # hits too faint to be found belong to the truth, tracks outside their mask too
    clean = (truth.cosmic == 0)[good]
    chi2 = (residual[clean] ** 2 / reduced.variance[good][clean]).mean()
    assert chi2 == pytest.approx(1.0, abs=0.02)
    assert abs(residual[clean].mean()) < 0.1


def test_weight_is_zero_if_and_only_if_a_bit_is_set(night, reduced):
    assert ((reduced.weight == 0) == (reduced.flags != 0)).all()
    good = reduced.flags == 0
    np.testing.assert_array_equal(reduced.weight[good], night[2].flat[good])
    assert np.isfinite(reduced.science[good]).all()


def test_hits_and_the_track_are_flagged(night, reduced):
    _, truth, _ = night
    strong = truth.hit(8) & (reduced.flags & ~np.uint16(PixelFlag.COSMIC) == 0)
    assert reduced.bad(PixelFlag.COSMIC)[strong].mean() > 0.95
    assert len(reduced.tracks) == len(truth.lines) == 1
    crossed = truth.crossed(0.5)
    assert reduced.bad(PixelFlag.SATELLITE)[crossed].mean() > 0.95
    assert reduced.counts["HOT"] == truth.hot.sum()


def test_every_step_says_what_it_did(reduced):
    names = [record.name for record in reduced.log]
    assert names == [step.name for step in reduction.STEPS]
    by_name = {record.name: record for record in reduced.log}
    assert by_name["overscan"].before == "raw ADU"
    assert by_name["overscan"].after == "ADU"
    assert not by_name["fringes"].done
    assert str(by_name["fringes"]) == "fringes: skipped; no fringes given"
    assert "1 tracks" in str(by_name["satellite"])


def test_inputs_are_unchanged(night):
    raw, _, calibrations = night
    before = raw.copy(), calibrations.bias.copy(), calibrations.flat.copy()
    reduction.reduce(raw, GEOMETRY, calibrations, SETTINGS)
    for was, now in zip(before, (raw, calibrations.bias, calibrations.flat), strict=True):
        np.testing.assert_array_equal(was, now)


def test_calibrations_go_with_the_last_step_that_uses_them(night, reduced):
    raw, _, calibrations = night
    own = dataclasses.replace(calibrations)
    whole = vars(calibrations).copy()
    found = reduction.reduce(raw, GEOMETRY, own, SETTINGS, spend=True)
    for name in ("science", "variance", "weight", "flags"):
        np.testing.assert_array_equal(getattr(found, name), getattr(reduced, name))
    assert own.bias is own.hot is own.cold is own.defects is None
    # the weight is made of the flat at the end
    assert own.flat is calibrations.flat
    assert vars(calibrations) == whole


def test_every_calibration_but_the_flat_is_spent_by_a_step():
    spent = [name for step in reduction.STEPS for name in step.spends]
    planes = {"bias", "bias_variance", "flat_variance", "dark", "dark_variance", "glow",
              "illumination", "fringes", "fringe_variance", "background", "hot", "cold",
              "reasons"}  # fmt: skip
    assert sorted(spent) == sorted(planes)
    given = {field.name for field in dataclasses.fields(reduction.Calibrations)}
    numbers = {"bias_method", "flat_noise", "dark_bias", "glow_limit", "curvature"}
    assert given == planes | numbers | {"flat"}


def test_arithmetic_equals_the_plain_formula(night):
    raw, _, calibrations = night
    plain = dataclasses.replace(SETTINGS, cosmic=None, satellite=None)
    dark = np.full(calibrations.bias.shape, 0.01, np.float32)
    light = np.full(calibrations.bias.shape, 1.02, np.float32)
    given = dataclasses.replace(calibrations, dark=dark, illumination=light)
    result = reduction.reduce(raw, GEOMETRY, given, plain)
    level = raw[:900, 848:].mean(axis=1, keepdims=True, dtype=np.float64)
    expected = (raw[:900, 48:848] - level - given.bias - 3.6) / given.flat / 1.02
    good = ~result.bad(PixelFlag.BAD_FLAT)
    np.testing.assert_allclose(result.science[good], expected[good], rtol=1e-6, atol=2e-3)


def test_background_leaves_a_sky_of_zero(night):
    raw, _, calibrations = night
    plain = dataclasses.replace(SETTINGS, satellite=None, background_box=100)
    result = reduction.reduce(raw, GEOMETRY, calibrations, plain)
    assert abs(np.median(result.science[result.flags == 0])) < 1.0


def test_a_background_given_is_subtracted_as_it_is(night):
    raw, _, calibrations = night
    plain = dataclasses.replace(SETTINGS, satellite=None, cosmic=None, background_box=100)
    given = np.linspace(400, 600, 900 * 800, dtype=np.float32).reshape(900, 800)
    light = np.full(given.shape, 1.25, np.float32)
    lit = dataclasses.replace(calibrations, illumination=light)
    for before, factor in ((calibrations, 1.0), (lit, 1.25)):
        left = reduction.reduce(
            raw, GEOMETRY, before, dataclasses.replace(plain, background_box=0)
        )
        with_sky = dataclasses.replace(before, background=given)
        result = reduction.reduce(raw, GEOMETRY, with_sky, plain)
        good = result.flags == 0
        taken = (left.science - result.science)[good]
        np.testing.assert_allclose(taken, given[good] / factor, rtol=1e-4)
        np.testing.assert_array_equal(left.variance[good], result.variance[good])
        record = {step.name: step for step in result.log}["background"]
        assert str(record) == "background: done; 500.00 ADU, as given"
        assert (record.before, record.after) == ("ADU", "ADU")
    small = dataclasses.replace(calibrations, background=given[:100])
    with pytest.raises(WrongShape, match="'background' has 800 x 100 pixels"):
        reduction.reduce(raw, GEOMETRY, small, plain)


def test_missing_pixels_and_zero_flats_are_flagged(night):
    raw, _, calibrations = night
    image = raw.astype(np.float32)
    image[100, 100] = np.nan
    flat = calibrations.flat.copy()
    flat[50, 60:63] = (0, -1, np.nan)
    result = reduction.reduce(
        image, GEOMETRY, dataclasses.replace(calibrations, flat=flat), SETTINGS
    )
    assert result.bad(PixelFlag.NON_FINITE)[100, 52]
    assert result.bad(PixelFlag.BAD_FLAT)[50, 60:63].all()
    assert result.counts["NON_FINITE"] == 1
    assert ((result.weight == 0) == (result.flags != 0)).all()
    assert (result.weight >= 0).all()


def test_an_all_saturated_frame_is_flagged_not_fatal(night):
    raw, _, calibrations = night
    image = raw.copy()
    image[:900, 48:848] = 65535
    result = reduction.reduce(image, GEOMETRY, calibrations, SETTINGS)
    assert result.bad(PixelFlag.SATURATED).all()
    assert (result.weight == 0).all()
    assert "nearly all" in {record.name: record for record in result.log}["cosmic"].detail


def test_refusals(night):
    raw, _, calibrations = night
    with pytest.raises(ParameterError, match="overscan method 0"):
        reduction.reduce(
            raw, GEOMETRY, dataclasses.replace(calibrations, bias_method=0), SETTINGS
        )
    with pytest.raises(WrongShape, match="'flat' has"):
        reduction.reduce(
            raw, GEOMETRY, dataclasses.replace(calibrations, flat=calibrations.flat[1:]), SETTINGS
        )
    with pytest.raises(NoValidPixels, match="more than 0"):
        reduction.reduce(
            raw, GEOMETRY,
            dataclasses.replace(calibrations, flat=np.zeros_like(calibrations.flat)), SETTINGS,
        )
    with pytest.raises(WrongShape):
        reduction.reduce(raw[1:], GEOMETRY, calibrations, SETTINGS)
    with pytest.raises(ParameterError, match="change the order"):
        reduction.reduce(raw, GEOMETRY, calibrations, SETTINGS, steps=reduction.STEPS[4:0:-1])


def test_saturation_bleeds_and_kills():
    raw = np.full((50, 50), 300, np.uint16)
    raw[20:30, 25] = 65535
    raw[25, 27] = 10
    raw[5, 5] = 10
    found = saturation.find(raw, high=60000, low=50, along=3, beside=1, reach=3)
    assert found.saturated.sum() == 10
    assert found.bleed[17:20, 25].all()
    assert found.bleed[22, 24]
    assert found.dead.sum() == 1
    assert not (found.bleed & found.saturated).any()
    with pytest.raises(ParameterError, match="THRESHOLD_LOW"):
        saturation.find(raw, high=50, low=60, along=1, beside=1, reach=1)


def test_fringes_are_made_and_scaled():
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:512, :512]
    pattern = (6 * np.sin(x / 9 + 3 * np.sin(y / 40))).astype(np.float32)
    images = []
    for k in range(10):
        level = 1000 + 100 * k
        image = level + pattern * level / 1450 + rng.normal(0, 10, pattern.shape)
        image[rng.integers(0, 500) :, :][:12, 100:112] += 4000
        images.append(image.astype(np.float32))
    made = fringe.frame(images, sigma=3.0, box=128).image
    assert np.corrcoef(made.ravel(), pattern.ravel())[0, 1] > 0.75
    found = fringe.scale(
        images[0], pattern, low=1.5, high=6.0, threshold=5.0, box=128
    )
    assert found.factor == pytest.approx(1000 / 1450, abs=4 * found.error + 0.01)
    with pytest.raises(NoValidPixels, match="FRINGE_THRESHOLD"):
        fringe.scale(images[0], pattern, low=50.0, high=60.0, threshold=5.0, box=128)
    with pytest.raises(ParameterError, match=r"FRINGE_THRESHOLD_LOW 6\.0 must be below"):
        fringe.scale(images[0], pattern, low=6.0, high=1.5, threshold=5.0, box=128)


@pytest.mark.parametrize("strength", [6.0, 12.0, 30.0])
def test_the_noise_of_a_fringe_frame_does_not_weaken_its_scale(strength):
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:512, :512]
    pattern = (strength * np.sin(x / 9 + 3 * np.sin(y / 40))).astype(np.float32)

    def exposure(factor):
        noise = rng.normal(0, 20, pattern.shape)
        return (1000 + factor * pattern + noise).astype(np.float32)

    stacked = [exposure(1.0) for _ in range(10)]
    made = fringe.frame(stacked, sigma=3.0, box=128).image
    # a straight line through noisy values would give this share of the strength
    assert pattern.var() / made.var() < 0.92
    limits = {"low": 1.5, "high": 3 * strength, "threshold": 5.0, "box": 128}
    for images, factor in ((stacked[:4], 1.0), ([exposure(0.6) for _ in range(4)], 0.6)):
        found = [fringe.scale(image, made, **limits) for image in images]
        error = found[0].error / 2
        mean = np.mean([one.factor for one in found])
        assert mean == pytest.approx(factor, abs=4 * error + 0.01 * factor)
        assert error < 0.01


def test_a_fringe_frame_without_fringes_is_not_scaled():
    rng = np.random.default_rng(4)
    images = rng.normal(1000, 20, (6, 256, 256)).astype(np.float32)
    noise = fringe.frame(list(images[:5]), sigma=3.0, box=64).image
    found = fringe.scale(images[5], noise, low=1.5, high=50.0, threshold=5.0, box=64)
    assert (found.factor, found.error) == (0.0, np.inf)


def test_illumination_from_stars():
    rng = np.random.default_rng(4)
    shape = (400, 300)
    x, y = rng.uniform(0, 300, 500), rng.uniform(0, 400, 500)
    u, v = 2 * x / 299 - 1, 2 * y / 399 - 1
    difference = 0.05 * (u**2 + v**2) + rng.normal(0, 0.005, 500)
    difference[:10] += 3
    found = illumination.fit(x, y, difference, shape=shape, degree=2, sigma=3.0)
    assert found.rms == pytest.approx(0.005, rel=0.15)
    rows, columns = np.linspace(-1, 1, 400)[:, None], np.linspace(-1, 1, 300)
    truth = 10 ** (-0.02 * (rows**2 + columns**2))
    assert np.abs(found.image() / (truth / truth.mean()) - 1).max() < 0.005
    with pytest.raises(NoValidPixels, match="lower the degree"):
        illumination.fit(x[:5], y[:5], difference[:5], shape=shape, degree=2, sigma=3.0)


def test_planes_of_reasons():
    hot = np.zeros((4, 5), bool)
    hot[1, 2] = True
    flags = weight.plane((4, 5), {PixelFlag.HOT: hot, PixelFlag.COLD: hot})
    assert flags[1, 2] == PixelFlag.HOT | PixelFlag.COLD
    assert weight.make(np.ones((4, 5), np.float32), flags).sum() == 19
    with pytest.raises(WrongShape, match="hot pixel"):
        weight.plane((3, 3), {PixelFlag.HOT: hot})


def test_frames_between_steps_are_those_of_shorter_sequences(night, reduced):
    raw, _, calibrations = night
    looks = []
    names = [step.name for step in reduction.STEPS]
    whole = reduction.reduce(
        raw, GEOMETRY, calibrations, SETTINGS, look=looks.append, after=names
    )
    assert [look.record.name for look in looks] == names
    for plane in ("science", "variance", "weight", "flags"):
        assert np.array_equal(getattr(whole, plane), getattr(reduced, plane), equal_nan=True)
    for name in ("overscan", "flat", "cosmic"):
        number = names.index(name) + 1
        short = reduction.reduce(
            raw, GEOMETRY, calibrations, SETTINGS, steps=reduction.STEPS[:number]
        )
        look = looks[number - 1]
        assert np.array_equal(look.science, short.science, equal_nan=True)
        assert np.array_equal(look.flags, short.flags)
    assert looks[0].variance is None


def test_a_step_that_is_left_out_is_said_and_one_that_others_need_is_not(night):
    raw, _, calibrations = night
    result = reduction.reduce(raw, GEOMETRY, calibrations, SETTINGS, leave_out=["cosmic"])
    told = {record.name: str(record) for record in result.log}
    assert told["cosmic"] == "cosmic: skipped; left out by the user"
    assert not result.bad(PixelFlag.COSMIC).any()
    with pytest.raises(ParameterError, match="'noise' cannot be left out"):
        reduction.reduce(raw, GEOMETRY, calibrations, SETTINGS, leave_out=["noise"])

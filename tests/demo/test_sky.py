"""The simulated camera: its noise is the stated noise, its truth is the truth."""

from __future__ import annotations

import numpy as np
import pytest

from awe.calib.detector import sections
from awe.calib.detector.geometry import ChipGeometry
from awe.demo import sky

GEOMETRY = ChipGeometry.from_counts(nx=520, ny=440, prescan_x=48, overscan_x=48, overscan_y=40)
ACTIVE = sections.parse(GEOMETRY.active)


@pytest.fixture
def chip():
    return sky.make_detector(GEOMETRY, np.random.default_rng(5))


def rng(seed=1):
    return np.random.default_rng(seed)


def test_the_same_generator_gives_the_same_pixels(chip):
    exposure = sky.SimulatedExposure(kind="dome", exptime=10, level=20_000)
    first, _ = sky.simulate(exposure, chip, sky.Effects(), rng())
    again, _ = sky.simulate(exposure, chip, sky.Effects(), rng())
    other, _ = sky.simulate(exposure, chip, sky.Effects(), rng(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_without_effects_the_image_is_the_level_and_the_signal(chip):
    exposure = sky.SimulatedExposure(kind="dome", exptime=10, level=1000)
    raw, truth = sky.simulate(exposure, chip, sky.Effects.only(), rng())
    assert np.all(raw[ACTIVE] == 1250)
    assert np.all(raw[:, :48] == 250)
    assert np.all(truth.science == 1000)
    assert np.all(truth.flat == 1)
    assert not truth.hot.any()
    assert not truth.cold.any()


def test_read_noise_is_the_stated_one(chip):
    effects = sky.Effects.only("read_noise")
    raw, truth = sky.simulate(sky.SimulatedExposure(kind="bias"), chip, effects, rng())
    # Writing whole numbers adds a variance of one twelfth.
    wanted = np.sqrt((truth.read_noise / truth.gain) ** 2 + 1 / 12)
    assert raw.std() == pytest.approx(wanted, rel=0.01)
    assert raw.mean() == pytest.approx(250, abs=0.05)


@pytest.mark.parametrize("level", [8.0, 500.0, 20_000.0])
def test_photon_noise_follows_the_electrons(chip, level):
    exposure = sky.SimulatedExposure(kind="dome", exptime=10, level=level)
    raw, truth = sky.simulate(exposure, chip, sky.Effects.only("photon_noise"), rng())
    pixels = raw[ACTIVE].astype(float)
    assert pixels.mean() - 250 == pytest.approx(level, rel=0.005, abs=0.05)
    assert pixels.var() == pytest.approx(level / truth.gain + 1 / 12, rel=0.015)


def test_the_stated_noise_describes_a_whole_science_frame(chip):
    field = sky.make_field((330.0, -31.2), rng(9), faintest=20)
    exposure = sky.SimulatedExposure(kind="science", exptime=360, level=500, field=field)
    effects = sky.Effects().without("overscan_drift", "cosmic_rays", "bleeding", "level_wander")
    raw, truth = sky.simulate(exposure, chip, effects, rng())
    good = ~(truth.saturated | truth.hot)
    difference = raw[ACTIVE] - truth.level - truth.bias - truth.expected
    chi2 = np.mean((difference / truth.noise)[good] ** 2)
    assert chi2 == pytest.approx(1.0, abs=0.02)


def test_a_flat_of_the_sky_is_flat_times_illumination(chip):
    exposure = sky.SimulatedExposure(kind="twilight", exptime=10, level=20_000)
    effects = sky.Effects.only("response", "vignetting", "illumination")
    raw, truth = sky.simulate(exposure, chip, effects, rng())
    measured = (raw[ACTIVE] - 250.0) / 20_000
    assert np.abs(measured - truth.flat * truth.illumination).max() < 1e-4


def test_stars_keep_their_light_and_their_width(chip):
    field = sky.Field(
        ra=np.array([330.0]),
        dec=np.array([-31.2]),
        flux=np.array([100.0]),
        size=np.array([0.0]),
    )
    exposure = sky.SimulatedExposure(kind="science", exptime=100, field=field, fwhm=4.0)
    centred = sky.make_detector(GEOMETRY, rng(), corner=(-211.3, -200.6))
    _, truth = sky.simulate(exposure, centred, sky.Effects.only("sources"), rng())
    assert (truth.x[0], truth.y[0]) == pytest.approx((211.3, 200.6), abs=0.01)
    assert truth.objects.sum() == pytest.approx(10_000, rel=0.03)
    assert np.count_nonzero(truth.objects > truth.objects.max() / 2) == pytest.approx(12.6, abs=4)
    _, x = np.indices(truth.objects.shape)
    assert np.average(x, weights=truth.objects) == pytest.approx(211.3, abs=0.1)


def test_charge_spills_along_the_column_and_none_is_lost():
    signal = np.full((200, 30), 100.0, dtype=np.float32)
    signal[100, 10] = 500_000
    before = signal.sum(dtype=float)
    sky.spill(signal, 60_000.0)
    assert signal.max() <= 60_000.5
    assert signal.sum(dtype=float) == pytest.approx(before, rel=1e-5)
    assert np.all(signal[:, :10] == 100)
    assert np.count_nonzero(signal[:, 10] > 30_000) == 9


def test_saturation_is_recorded(chip):
    exposure = sky.SimulatedExposure(kind="dome", exptime=10, level=70_000)
    raw, truth = sky.simulate(exposure, chip, sky.Effects.only("photon_noise"), rng())
    assert np.all(raw[ACTIVE] == sky.ADC_LIMIT)
    assert truth.saturated.all()


def test_cosmic_rays_are_counted_and_recorded(chip):
    exposure = sky.SimulatedExposure(kind="dark", exptime=3600)
    effects = sky.Effects.only("cosmic_rays")
    raw, truth = sky.simulate(exposure, chip, effects, rng())
    expected = 2.0 * raw[ACTIVE].size * 15e-4**2 * (3620 / 60)
    assert truth.cosmic_hits == pytest.approx(expected, abs=4 * np.sqrt(expected))
    assert np.array_equal(raw[ACTIVE] > 250, np.rint(truth.cosmic) > 0)
    assert truth.hit(5.0).sum() <= truth.hit(1.0).sum()


def test_a_track_crosses_where_it_was_drawn(chip):
    track = sky.Trail(x0=-2000, y0=-2000, x1=0, y1=-1500, brightness=50)
    exposure = sky.SimulatedExposure(kind="science", exptime=100, tracks=[track])
    _, truth = sky.simulate(exposure, chip, sky.Effects.only("tracks"), rng())
    ((x0, y0, x1, y1),) = truth.lines
    assert (y1 - y0) / (x1 - x0) == pytest.approx(0.25)
    rows = np.argmax(truth.track, axis=0)
    columns = np.arange(truth.track.shape[1])
    inside = (columns >= x0) & (columns <= x1)
    assert np.abs(rows - (y0 + 0.25 * (columns - x0)))[inside].max() <= 0.51
    assert truth.track.max() == pytest.approx(50, rel=0.01)


def test_hot_and_cold_pixels_stay_in_their_places(chip):
    effects = sky.Effects.only("hot_pixels", "cold_pixels", "response")
    raw, truth = sky.simulate(sky.SimulatedExposure(kind="bias"), chip, effects, rng())
    assert truth.hot.sum() > 5
    assert np.all(raw[ACTIVE][truth.hot] > 280)
    assert np.all(raw[ACTIVE][~truth.hot] == 250)
    assert np.all(truth.flat[truth.cold] < 0.75)


def test_a_chip_read_at_the_top_settles_from_the_top():
    northern = ChipGeometry.from_counts(
        nx=520, ny=440, prescan_x=48, overscan_x=48, overscan_y=40, read_at_top=True
    )
    chip = sky.make_detector(northern, rng(), read_at_top=True)
    _, truth = sky.simulate(
        sky.SimulatedExposure(kind="bias"), chip, sky.Effects.only("overscan_drift"), rng()
    )
    assert truth.drift[-5:].mean() > truth.drift[-100:-90].mean() + 1


def test_cross_talk_leaks_the_signal_and_not_the_level():
    images = [np.full((4, 4), 250, dtype=np.uint16) for _ in range(2)]
    images[1][2, 2] = 60_250
    leaked = sky.cross_talk(images, np.array([[0.0, 0.005], [0.0, 0.0]]))
    assert leaked[0][2, 2] == 550
    assert leaked[0][0, 0] == 250
    assert np.array_equal(leaked[1], images[1])

"""Reference numbers of real frames, taken from the SOURCE.md beside them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from awe.calib import cosmic, reduction, statistics, weight
from awe.calib.detector import amplifiers, overscan, trim
from awe.calib.detector.geometry import Amplifier, ChipGeometry
from awe.calib.sky import flat

DATA = Path(__file__).parents[3] / "shared" / "data"

PLAIN = reduction.Settings(
    overscan=0, gain=1.5, read_noise=10.0, exposure_time=90.0, saturation_high=65535.0,
    saturation_low=-1.0, bleed_along=1, bleed_beside=1, dead_reach=1, minimum_response=0.01,
    fringe_low=1.5, fringe_high=5.0, image_threshold=5.0, background_box=0, cosmic=None,
    satellite=None,
)

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real frames is not here"),
    pytest.mark.filterwarnings("ignore"),
]


def read(name):
    with fits.open(DATA / name, memmap=False) as units:
        return units[0].data, units[0].header


def test_kelt16_step_by_step():
    folder = "kelt16_minireduction/"
    raw, _ = read(folder + "kelt-16-b-S001-R001-C084-r.fit.gz")
    bias, _ = read(folder + "combined_bias.fit.gz")
    dark, _ = read(folder + "combined_dark_90.000.fit.gz")
    flat, _ = read(folder + "combined_flat_filter_r.fit.gz")
    image = raw.astype(np.float32)
    medians = [statistics.median(image)]
    maxima = [image.max()]
    flat = flat.astype(np.float32) / flat.mean(dtype=np.float64).astype(np.float32)
    for step in (lambda a: a - bias, lambda a: a - dark, lambda a: a / flat):
        image = np.asarray(step(image), np.float32)
        medians.append(statistics.median(image))
        maxima.append(image.max())
    assert medians == pytest.approx([1102.0, 51.20, 46.40, 46.39], abs=0.01)
    assert maxima == pytest.approx([16263, 15197, 153.7, 153.9], abs=0.6)


@pytest.mark.parametrize(("name", "levels"), [("b1", (945.1, 966.4)), ("b27", (940.8, 961.7))])
def test_kast_amplifiers_have_their_own_levels(name, levels):
    raw, _ = read(f"kast_lick_raw/{name}.fits.gz")
    for strip, level in zip(("[2049:2080,1:{}]", "[2081:2112,1:{}]"), levels, strict=True):
        ny, nx = raw.shape
        geometry = ChipGeometry(
            nx=nx, ny=ny, active=f"[1:1024,1:{ny}]", overscan_x=strip.format(ny)
        )
        found = overscan.measure(raw, geometry, 6)
        assert found.values.mean() == pytest.approx(level, abs=0.3)
        assert 2.8 < found.sigma < 3.8


def test_saao_overscan_sky_noise_and_hits():
    raw, header = read("saao_ste3_raw/a8280271.fits.gz")
    geometry = ChipGeometry(
        nx=raw.shape[1], ny=raw.shape[0], active=header["TRIMSEC"], overscan_x=header["BIASSEC"]
    )
    assert overscan.measure(raw, geometry, 2).values[0, 0] == pytest.approx(214, abs=0.5)
    assert overscan.measure(raw, geometry, 2).sigma == pytest.approx(3.03, abs=0.1)
    image = trim.trim(overscan.correct(raw, geometry, 2), geometry)
    numbers = statistics.clipped(image, sigma=5.0, iterations=10)
    assert numbers.median == pytest.approx(86, abs=0.5)
    assert numbers.stdev == pytest.approx(7.6, abs=0.2)
    found = cosmic.find(
        image, gain=1.9, read_noise=5.0, sigma=4.5, neighbour_fraction=0.3, sharpness=5.0,
        iterations=4, saturation=65536 / 1.9, groups=0.0, pad=0,
    )
    import astroscrappy

    mask, _ = astroscrappy.detect_cosmics(
        np.ascontiguousarray(image), gain=1.9, readnoise=5.0, sigclip=4.5, sigfrac=0.3,
        objlim=5.0, sepmed=True,
    )
    assert (found.bad == mask).all()
    assert found.count == pytest.approx(174, abs=10)


def test_kelt16_dark_removes_the_hot_pixel_and_the_flat_has_its_factor():
    folder = "kelt16_minireduction/"
    raw, header = read(folder + "kelt-16-b-S001-R001-C084-r.fit.gz")
    bias, _ = read(folder + "combined_bias.fit.gz")
    dark, _ = read(folder + "combined_dark_90.000.fit.gz")
    response, _ = read(folder + "combined_flat_filter_r.fit.gz")
    assert raw.shape == (200, 200)
    assert len(header) == 656
    assert header["EXPTIME"] == 90
    hot = np.unravel_index(dark.argmax(), dark.shape)
    assert dark[hot] == pytest.approx(15094, abs=0.5)
    given = reduction.Calibrations(
        bias=bias.astype(np.float32), dark=dark.astype(np.float32) / 90,
        flat=response.astype(np.float32),
    )
    geometry = ChipGeometry.from_counts(nx=200, ny=200)
    by_itself = reduction.reduce(raw, geometry, given, PLAIN).science
    normal = flat.normalise(given.flat)
    assert given.flat.mean(dtype=np.float64) == pytest.approx(1.0156, abs=5e-5)
    result = reduction.reduce(
        raw, geometry, dataclasses.replace(given, flat=normal), PLAIN
    ).science
    assert abs(result[hot]) < 160
    assert float(np.median(result)) == pytest.approx(46.39, abs=0.01)
    assert result.max() == pytest.approx(153.9, abs=0.05)
    np.testing.assert_allclose(result / by_itself, 1.015584, rtol=2e-6)


def test_one_common_level_leaves_the_step_between_the_kast_amplifiers():
    for name, levels in (("b1", (945.1, 966.4)), ("b27", (940.8, 961.7))):
        raw, header = read(f"kast_lick_raw/{name}.fits.gz")
        ny, nx = raw.shape
        assert (ny, nx, header["COVER"]) == (350, 2112, 32)
        assert header.count("OBSTYPE") == 2
        strips = [f"[2049:2080,1:{ny}]", f"[2081:2112,1:{ny}]"]
        halves = {}
        for side, active in enumerate((f"[1:1024,1:{ny}]", f"[1025:2048,1:{ny}]")):
            for strip in {strips[0], strips[side]}:
                geometry = ChipGeometry(nx=nx, ny=ny, active=active, overscan_x=strip)
                measured = overscan.measure(raw, geometry, 6)
                halves[side, strip] = trim.trim(overscan.correct(raw, geometry, 6), geometry)
                own = strip == strips[side]
                assert not own or measured.sigma == pytest.approx(3.3, abs=0.25)
                assert not own or measured.values.mean() == pytest.approx(levels[side], abs=0.06)
        left = np.median(halves[0, strips[0]][:, -8:])
        apart = np.median(halves[1, strips[1]][:, :8]) - left
        common = np.median(halves[1, strips[0]][:, :8]) - left
        assert common - apart == pytest.approx(21, abs=0.5)
        assert abs(apart) < 7 < abs(common)


def test_saao_noise_is_that_of_its_photons_and_its_hits_are_counted():
    raw, header = read("saao_ste3_raw/a8280271.fits.gz")
    assert raw.shape == (520, 536)
    assert (header["GAIN"], header["RDNOISE"]) == (1.9, 5.0)
    geometry = ChipGeometry(
        nx=raw.shape[1], ny=raw.shape[0], active=header["TRIMSEC"], overscan_x=header["BIASSEC"]
    )
    level = overscan.measure(raw, geometry, 2)
    assert float(level.values[0, 0]) == 214
    assert level.sigma == pytest.approx(3.03, abs=0.02)
    assert level.sigma * 1.9 == pytest.approx(5.8, abs=0.05)
    image = trim.trim(overscan.correct(raw, geometry, 2), geometry)
    sky = statistics.clipped(image, sigma=5.0, iterations=10)
    expected = weight.NoiseModel(gain=1.9, constant=level.sigma**2).variance(
        np.full((1, 1), sky.median, np.float32)
    )
    assert float(expected[0, 0]) ** 0.5 == pytest.approx(7.4, abs=0.05)
    assert sky.stdev == pytest.approx(7.6, abs=0.1)
    found = cosmic.find(
        image, gain=1.9, read_noise=5.0, sigma=4.5, neighbour_fraction=0.3, sharpness=5.0,
        iterations=4, saturation=65536 / 1.9, groups=0.0, pad=0,
    )
    assert found.count == 174


def test_the_kept_mask_names_the_warm_kernels():
    from awe import calib

    assert calib.warm() < 120


@pytest.mark.parametrize("name", ["b1", "b27"])
def test_kast_amplifiers_joined_have_no_step_where_there_is_little_light(name):
    raw, _ = read(f"kast_lick_raw/{name}.fits.gz")
    two = tuple(
        Amplifier(name=side, active=active, overscan_x=strip, gain=1.3, read_noise=4.0)
        for side, active, strip in (
            ("A1", "[1:1024,1:350]", "[2049:2080,1:350]"),
            ("A2", "[1025:2048,1:350]", "[2081:2112,1:350]"),
        )
    )
    geometry = ChipGeometry(nx=2112, ny=350, active="[1:2048,1:350]", amplifiers=two)
    found = amplifiers.levelled(raw, geometry, 9)
    assert found.pixels.base is not None
    brightness = np.median(found.light, axis=1)
    dark = found.light[brightness < np.percentile(brightness, 15)]
    # a line of the lamp is six columns from the border
    sides = {}
    for columns in (slice(998, 1018), slice(1030, 1050)):
        middle = np.arange(columns.start, columns.stop)
        low, high = np.percentile(dark[:, columns], [5, 95], axis=0)
        means = np.clip(dark[:, columns], low, high).mean(axis=0)
        sides[columns.start] = np.polyval(np.polyfit(middle, means, 1), 1023.5)
    noise = np.hypot(found.levels[0].sigma, (sides[998] / 1.3) ** 0.5)
    assert abs(sides[1030] - sides[998]) / noise < 0.1

"""The same pixels through awe, ccdproc, astropy and numpy: simulated frames and real ones."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.stats import sigma_clip

from awe.calib import reduction
from awe.calib.combine import Method, Noise, combine
from awe.calib.detector import bias
from awe.calib.detector.geometry import ChipGeometry
from awe.calib.sky import flat
from awe.demo import sky

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import ccdproc

DATA = Path(__file__).parents[3] / "shared" / "data"
GEOMETRY = ChipGeometry.from_counts(nx=396, ny=360, prescan_x=48, overscan_x=48, overscan_y=60)
SETTINGS = {
    "gain": 2.5, "read_noise": 2.2, "exposure_time": 90.0, "saturation_high": 65535.0,
    "saturation_low": -1.0, "bleed_along": 1, "bleed_beside": 1, "dead_reach": 1,
    "minimum_response": 0.01, "fringe_low": 1.5, "fringe_high": 5.0, "image_threshold": 5.0,
    "background_box": 0, "cosmic": None, "satellite": None,
}

pytestmark = pytest.mark.filterwarnings("ignore")
real = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real frames is not here")


def read(name):
    with fits.open(DATA / name, memmap=False) as parts:
        return parts[0].data, parts[0].header


def ccd(pixels, unit="adu"):
    return CCDData(np.asarray(pixels, np.float64), unit=unit)


def reduced(raw, geometry, overscan, **calibrations):
    given = reduction.Calibrations(bias_method=overscan, **calibrations)
    return reduction.reduce(
        raw, geometry, given, reduction.Settings(overscan=overscan, **SETTINGS)
    ).science


def same(ours, peer, raw, steps=2.0):
    """Equal to float32: within a few steps of the numbers that were subtracted."""
    found = np.abs(ours - np.asarray(peer)) / np.spacing(np.asarray(raw, np.float32))
    assert found.max() <= steps
    assert ours.dtype == np.float32


@pytest.fixture(scope="module")
def night():
    rng = np.random.default_rng(60)
    chip = sky.make_detector(GEOMETRY, rng, cold_fraction=0.0)
    field = sky.make_field((330, -31.2), rng)
    raws = {
        kind: [sky.simulate(
            sky.SimulatedExposure(kind=kind, level=level, exptime=90, field=field),
            chip, sky.Effects(), rng,
        )[0] for _ in range(number)]
        for kind, level, number in (("bias", 0, 5), ("dome", 20000, 5), ("science", 500, 1))
    }  # fmt: skip
    return raws, chip.bias, (chip.response * chip.vignetting).astype(np.float32)


def peer_frame(raw, geometry, strip, axis=1, median=False):
    level = ccdproc.subtract_overscan(
        ccd(raw), fits_section=strip, overscan_axis=axis, median=median
    )
    return ccdproc.trim_image(level, fits_section=geometry.active)


@pytest.mark.parametrize(
    ("method", "strip", "axis"),
    [(5, "[1:48,1:360]", 1), (6, "[349:396,1:360]", 1), (8, "[1:396,301:360]", 0)],
)
def test_overscan_trim_bias_and_flat_are_those_of_ccdproc(night, method, strip, axis):
    raws, dark, response = night
    raw = raws["science"][0]
    inside = raw[:300, 48:348]
    frame = peer_frame(raw, GEOMETRY, strip, axis)
    same(reduced(raw, GEOMETRY, method), frame, inside)
    frame = ccdproc.subtract_bias(frame, ccd(dark))
    same(reduced(raw, GEOMETRY, method, bias=dark), frame, inside)
    divisor = flat.normalise(response)
    frame = ccdproc.flat_correct(frame, ccd(response, units.dimensionless_unscaled))
    ours = reduced(raw, GEOMETRY, method, bias=dark, flat=divisor)
    same(ours, frame, inside / divisor, 3.0)


def test_flats_are_normalised_as_ccdproc_does(night):
    response = night[2]
    ones = ccdproc.flat_correct(
        ccd(np.ones_like(response)), ccd(response, units.dimensionless_unscaled)
    )
    np.testing.assert_allclose(1 / flat.normalise(response), ones, rtol=3e-7)


@real
@pytest.mark.filterwarnings("ignore")
def test_the_saao_frame_is_reduced_as_by_ccdproc():
    raw, header = read("saao_ste3_raw/a8280271.fits.gz")
    strip, active = (header[name].replace(" ", "") for name in ("BIASSEC", "TRIMSEC"))
    geometry = ChipGeometry(nx=raw.shape[1], ny=raw.shape[0], active=active, overscan_x=strip)
    frame = peer_frame(raw, geometry, strip)
    same(reduced(raw, geometry, 6), frame, raw[:, 16:528])
    # method 2 is one level: the median of the strip
    frame = ccd(raw[:, 16:528] - np.median(raw[:, 3:13]))
    same(reduced(raw, geometry, 2), frame, raw[:, 16:528])


@real
@pytest.mark.parametrize("name", ["b1", "b27"])
@pytest.mark.parametrize("second", [False, True])
def test_both_kast_amplifiers_are_reduced_as_by_ccdproc(name, second):
    raw, _ = read(f"kast_lick_raw/{name}.fits.gz")
    ny, nx = raw.shape
    active, strip = ((1025, 2048), (2081, 2112)) if second else ((1, 1024), (2049, 2080))
    section = "[{}:{},1:{}]"
    geometry = ChipGeometry(
        nx=nx, ny=ny, active=section.format(*active, ny), overscan_x=section.format(*strip, ny)
    )
    peer = np.asarray(peer_frame(raw, geometry, geometry.overscan_x))
    ours = reduced(raw, geometry, 6)
    inside, level = raw[:, active[0] - 1 : active[1]], raw[:, strip[0] - 1 : strip[1]]
    # one count of the strip, 6 sigma low, is left out here and not there
    far = np.abs(level - np.median(level, axis=1, keepdims=True)) > 6 * 3.25
    odd = far.any(axis=1)
    assert far.sum() == odd.sum() == second
    same(ours[~odd], peer[~odd], inside[~odd])
    for row in np.flatnonzero(odd):
        same(ours[row], inside[row] - level[row][~far[row]].mean(), inside[row])


@real
def test_the_kelt16_frame_is_reduced_as_by_ccdproc():
    raw, dark, current, response = (
        read(f"kelt16_minireduction/{name}.fit.gz")[0]
        for name in (
            "kelt-16-b-S001-R001-C084-r", "combined_bias", "combined_dark_90.000",
            "combined_flat_filter_r",
        )
    )
    geometry = ChipGeometry.from_counts(nx=200, ny=200)
    frame = ccdproc.subtract_bias(ccd(raw), ccd(dark))
    dark, current, response = (
        plane.astype(np.float32) for plane in (dark, current, response)
    )
    same(reduced(raw, geometry, 0, bias=dark), frame, raw)
    seconds = 90 * units.s
    frame = ccdproc.subtract_dark(
        frame, ccd(current), dark_exposure=seconds, data_exposure=seconds
    )
    given = {"bias": dark, "dark": current / 90}
    same(reduced(raw, geometry, 0, **given), frame, raw)
    frame = ccdproc.flat_correct(frame, ccd(response, units.dimensionless_unscaled))
    divisor = flat.normalise(response)
    same(reduced(raw, geometry, 0, **given, flat=divisor), frame, raw / divisor, 3.0)
    assert divisor.mean(dtype=np.float64) == pytest.approx(1.0, abs=1e-6)
    assert response.mean(dtype=np.float64) == pytest.approx(1.015584, abs=1e-6)


def cubes():
    """Frames of several kinds to combine: simulated integers, floats with gaps, real pixels."""
    rng = np.random.default_rng(61)
    counts = np.rint(rng.normal(250, 3, (10, 80, 300)))
    counts[rng.random(counts.shape) < 5e-3] += 400
    floats = rng.normal(1, 0.01, (7, 80, 300)).astype(np.float32)
    found = {"counts": counts.astype(np.uint16), "flats": floats}
    if DATA.is_dir():
        found["saao"] = read("saao_ste3_raw/a8280271.fits.gz")[0].reshape(8, 65, 536)
        found["kast"] = np.concatenate([
            read(f"kast_lick_raw/{name}.fits.gz")[0][:, :2048].reshape(350, 4, 512).swapaxes(0, 1)
            for name in ("b1", "b27")
        ])
        found["kelt"] = np.stack([
            read(f"kelt16_minireduction/{name}.fit.gz")[0].astype(np.float32)
            for name in ("kelt-16-b-S001-R001-C084-r", "combined_bias", "combined_dark_90.000")
        ])
    return found


@pytest.mark.parametrize("name", ["counts", "flats", "saao", "kast", "kelt"])
def test_mean_median_and_clipped_mean_are_those_of_ccdproc_and_numpy(name):
    if name not in (known := cubes()):
        pytest.skip("the folder of real frames is not here")
    frames = list(known[name])
    exact = np.asarray(known[name], np.float64)
    peer = ccdproc.Combiner([ccd(frame) for frame in frames])
    mean = combine(frames, method=Method.MEAN).image
    median = combine(frames, method=Method.MEDIAN).image
    for ours, theirs, plain in (
        (mean, peer.average_combine(), exact.mean(axis=0)),
        (median, peer.median_combine(), np.median(exact, axis=0)),
    ):
        scale = np.abs(exact).max(axis=0)
        assert (np.abs(ours - theirs) <= 1.5 * np.spacing(scale.astype(np.float32))).all()
        assert (np.abs(ours - plain) <= 1.5 * np.spacing(scale.astype(np.float32))).all()
    for method, spread in ((Method.STD, "std"), (Method.MAD, "mad_std")):
        kept = sigma_clip(
            exact, sigma=2.0, maxiters=None, cenfunc="median", stdfunc=spread, axis=0
        )
        clipped = combine(frames, method=method, sigma=2.0, count=True)
        assert (clipped.used == kept.count(axis=0)).all()
        # ccdproc clips once: the pixels to compare are those where that was enough
        peer = ccdproc.Combiner([ccd(frame) for frame in frames])
        peer.sigma_clipping(2.0, 2.0, func="median", dev_func=spread)
        settled = (peer.data_arr.mask == kept.mask).all(axis=0)
        for pixels, theirs in ((settled, peer.average_combine().data), (True, kept.mean(axis=0))):
            some = (clipped.used > 0) & pixels
            assert some.mean() > 0.5
            difference = np.abs(clipped.image - np.ma.filled(theirs, np.nan))[some]
            assert (difference <= 1.5 * np.spacing(scale[some].astype(np.float32))).all()


def test_a_lone_hit_survives_five_sigma_of_its_own_scatter_and_not_of_the_known_noise():
    rng = np.random.default_rng(62)
    clean = [np.rint(rng.normal(250, 2.2, (256, 256))).astype(np.uint16) for _ in range(10)]
    frames = [frame.copy() for frame in clean]
    hit = rng.random((256, 256)) < 0.01
    frames[3][hit] += 5000
    exact = np.asarray(frames, np.float64)
    for centre in ("mean", "median"):
        kept = sigma_clip(exact, sigma=5.0, maxiters=None, cenfunc=centre, stdfunc="std", axis=0)
        assert not kept.mask.any()
        peer = ccdproc.Combiner([ccd(frame) for frame in frames])
        peer.sigma_clipping(5.0, 5.0, func=centre, dev_func="std")
        assert np.abs(np.asarray(peer.average_combine()) - exact.mean(axis=0)).max() < 1e-9
    assert exact.mean(axis=0)[hit].min() > 700
    # our own method of that kind is caught in the same trap
    assert combine(frames, method=Method.STD, sigma=5.0, count=True).rejected_fraction == 0
    for sigma in (3.0, 5.0):
        ours = bias.master(frames, read_noise=2.2, sigma=sigma, count=True)
        without = bias.master(clean, read_noise=2.2, sigma=sigma).image
        assert (ours.used[hit] <= 9).all()
        np.testing.assert_array_equal(ours.image[~hit], without[~hit])
        # of the hit nothing is left but the noise of nine values instead of ten
        nine = np.delete(exact, 3, axis=0).mean(axis=0)
        assert abs((ours.image - 250)[hit].mean()) < 4 * 2.2 / np.sqrt(9 * hit.sum())
        assert np.abs(ours.image - nine)[hit & (ours.used == 9)].max() < 1e-4
        assert (ours.used[hit] == 9).mean() > (0.95 if sigma == 3 else 0.999)


def test_frames_that_differ_in_noise_are_clipped_as_numpy_does_with_their_sigma():
    rng = np.random.default_rng(63)
    sigmas = np.array([1.0, 2.0, 4.0, 1.5, 3.0, 2.5])
    cube = rng.normal(100, 1, (6, 90, 300)) * 1.0 + rng.normal(0, 1, (6, 90, 300)) * (
        sigmas[:, None, None]
    )
    cube[rng.random(cube.shape) < 0.02] += 200
    cube[0, 5, 5] = np.nan
    cube[:, 6, 6] = np.inf
    cube[:5, 7, 7] = np.nan
    frames = list(cube.astype(np.float32))
    noises = [Noise(constant=one**2 + 1) for one in sigmas]
    weights = [1 / noise.constant for noise in noises]
    ours = combine(
        frames, method=Method.FIXED, sigma=(3.0, 2.5), noise=noises, weights=weights, count=True
    )
    value = np.ma.masked_invalid(np.asarray(frames, np.float64))
    low = np.zeros(cube.shape[1:], int)
    while True:
        offset = (value - np.ma.median(value, axis=0)) / np.sqrt(sigmas**2 + 1)[:, None, None]
        offset = offset.filled(0)
        high = offset.max(axis=0) > 2.5
        under = ~high & (offset.min(axis=0) < -3.0)
        if not (high | under).any():
            break
        low += under
        # one value at a time: the brightest, or else the faintest
        leaves = np.where(high, offset.argmax(axis=0), offset.argmin(axis=0))
        out = (np.arange(6)[:, None, None] == leaves) & (high | under)
        value = np.ma.masked_where(out, value)
    np.testing.assert_array_equal(ours.used, value.count(axis=0))
    np.testing.assert_array_equal(ours.rejected_low, low)
    expected = np.ma.average(value, axis=0, weights=np.broadcast_to(
        np.array(weights)[:, None, None], value.shape
    )).filled(np.nan)  # fmt: skip
    np.testing.assert_allclose(ours.image, expected, rtol=2e-6)
    assert np.isnan(ours.image[6, 6])
    assert ours.image[7, 7] == frames[5][7, 7]

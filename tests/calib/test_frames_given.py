"""Whatever frames a kernel is given: masks, maps of another size, numbers far from zero."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import numpy as np
import pytest
from astropy.nddata import CCDData

import awe.calib
from awe.calib import cosmic, reduction, statistics, tracks, weight
from awe.calib.combine import Method, Noise, combine
from awe.calib.detector import (
    amplifiers,
    bias,
    converter,
    crosstalk,
    gain,
    overscan,
    pixels,
    saturation,
)
from awe.calib.detector.geometry import Amplifier, ChipGeometry
from awe.calib.sky import background, flat, fringe, imprint, seeing, skies, stars
from awe.errors import NoValidPixels, ParameterError, WrongShape
from tests.calib.test_peers import SETTINGS

#: loops that are compiled, and what only they call
INNER = ("awe.calib._", ".kernels", ".order", ".medians", ".weighted", ".bins", ".fit", ".events",
         ".search", ".charge", ".spikes", ".work", ".steps", ".trim", ".flags")  # fmt: skip
ARRAY = ("NDArray", "Floats", "Map]", "Map |")

RNG = np.random.default_rng(5)
FRAMES = [RNG.normal(500, 15, (64, 80)).astype(np.float32) for _ in range(4)]
PATTERN = RNG.normal(1, 0.01, (64, 80))
COSMIC = {"gain": 2.5, "read_noise": 5.5, "sigma": 4.5, "neighbour_fraction": 0.3,
          "sharpness": 3.0, "iterations": 4, "saturation": 60000, "groups": 34}  # fmt: skip
HALVES = ChipGeometry(nx=80, ny=64, active="[1:80,1:64]", amplifiers=(
    Amplifier(name="A", active="[1:40,1:64]", gain=2.5, read_noise=5, crosstalk=(("B", 1e-3),)),
    Amplifier(name="B", active="[41:80,1:64]", gain=2.5, read_noise=5),
))  # fmt: skip
GEOMETRY = ChipGeometry.from_counts(nx=80, ny=64, prescan_x=10, overscan_x=10)

CALLS = {
    "combine": lambda f: combine(f, method=Method.MEAN).image,
    "fixed": lambda f: combine(f, method=Method.FIXED, sigma=5, noise=Noise(constant=9)).image,
    "statistics": lambda f: statistics.image_statistics(f[0]),
    "median": lambda f: statistics.median(f[0]),
    "clipped": lambda f: statistics.clipped(f[0], sigma=3, iterations=3),
    "pixel noise": lambda f: statistics.pixel_noise(f[0]),
    "read noise": lambda f: bias.read_noise([(f[0], f[1])], sigma=5, iterations=5),
    "bias": lambda f: bias.master(f, read_noise=15, sigma=5).image,
    "dark": lambda f: bias.dark(f, np.zeros((64, 80), np.float32), exposure_times=[1.0] * 4,
                                read_noise=15, gain=2.5, sigma=5).image,
    "gain": lambda f: gain.photon_transfer(
        [(f[0], f[1]), (4 * f[2], 4 * f[3])], np.zeros((64, 80), np.float32), read_noise=2.0,
        sigma=5, windows=(1, 1), saturation=60000).gain,
    "linearised": lambda f: gain.linearised(f[0], 1e-6),
    "overscan": lambda f: overscan.measure(f[0], GEOMETRY, 6).values,
    "corrected": lambda f: overscan.correct(f[0], GEOMETRY, 6),
    "ghosts": lambda f: crosstalk.ghosts(f[0], HALVES),
    "crosstalk": lambda f: crosstalk.measure((f[0] - 500) ** 3, f[1], HALVES, [1e9, 1e9]),
    "levelled": lambda f: amplifiers.levelled(f[0], GEOMETRY, 6).light,
    "hot": lambda f: pixels.hot(f[0], threshold=5, box=32),
    "cold": lambda f: pixels.cold(f[0], low=0.9, high=1.1, box=32),
    "saturation": lambda f: saturation.find(
        f[0], high=600, low=0, along=1, beside=1, reach=1).bad,
    "background": lambda f: background.estimate(f[0], box=32).mesh,
    "flat": lambda f: flat.stack(f, np.zeros((64, 80), np.float32), gain=2.5, read_noise=2,
                                 sigma=5, saturation=60000).image,
    "sky": lambda f: flat.sky(f, gain=2.5, read_noise=2, sigma=5).image,
    "master": lambda f: flat.master(f[0], None, choice=flat.MasterChoice.DOME, box=32),
    "nightsky": lambda f: flat.corrected(f[0], f[1] / 500, box=32),
    "normalise": lambda f: flat.normalise(f[0]),
    "usable": lambda f: flat.usable(f[0]),
    "fringes": lambda f: fringe.frame(f, sigma=3, box=32).image,
    "imprint": lambda f: imprint.imprint(f[0], PATTERN, np.zeros((64, 80), bool)),
    "converter": lambda f: converter.stuck_bits(f[0]),
    "seeing": lambda f: seeing.measure(f[0], threshold=3, saturation=60000, narrowest=0.1,
                                       gain=2.5),
    "skies": lambda f: np.array(skies.sources(f, [500.0] * 4, threshold=5, contrast=0.3,
                                              reach=1)),
    "stars": lambda f: stars.measure(f[0], threshold=5, radius=4, gain=2.5, box=32).flux,
    "cosmic": lambda f: cosmic.find(f[0], **COSMIC).bad,
    "tracks": lambda f: tracks.find(
        f[0], bad=np.zeros((64, 80), bool), saturated=np.zeros((64, 80), bool), threshold=8,
        binning=2, minimum_length=40)[1],
    "weight": lambda f: weight.make(f[0], np.zeros((64, 80), np.uint16)),
    "reduce": lambda f: reduction.reduce(
        f[0], GEOMETRY, reduction.Calibrations(), reduction.Settings(**SETTINGS, overscan=6)
        if "overscan" not in SETTINGS else reduction.Settings(**SETTINGS)).flags,
}  # fmt: skip


def same(one, other):
    if isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other)
    else:
        assert str(one) == str(other)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.parametrize("kind", ["masked array", "CCDData"])
def test_a_masked_pixel_has_no_value(name, kind):
    mask = np.zeros((64, 80), bool)
    mask[20:23, 30] = True
    holes = [np.where(mask, np.float32(np.nan), frame) for frame in FRAMES]
    wild = [np.where(mask, np.float32(5000), frame) for frame in FRAMES]
    if kind == "masked array":
        given = [np.ma.MaskedArray(frame, mask) for frame in wild]
    else:
        given = [CCDData(frame, mask=mask, unit="adu") for frame in wild]
        if name in ("gain", "nightsky", "crosstalk"):
            pytest.skip("the case multiplies its frames")
    same(CALLS[name](given), CALLS[name](holes))


def public():
    for found in pkgutil.walk_packages(awe.calib.__path__, "awe.calib."):
        if any(part in found.name for part in INNER):
            continue
        module = importlib.import_module(found.name)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isfunction(value) and value.__module__ == found.name:
                texts = [str(one.annotation) for one in
                         inspect.signature(value).parameters.values()]
                if any(part in f"{text}|" for part in ARRAY for text in texts):
                    yield f"{found.name}.{name}", value


def test_every_kernel_that_takes_frames_takes_masked_ones():
    apart = {"awe.calib.statistics.outliers": "a few numbers, one per frame",
             "awe.calib.flags.counts": "a plane of flags, made here",
             "awe.calib.detector.saturation.grown": "a map of its own",
             "awe.calib.detector.outline.strip": "levels of columns, made there",
             "awe.calib.detector.outline.runs": "levels of columns, made there",
             "awe.calib.detector.outline.jump": "levels of columns, made there",
             "awe.calib.tracks.pulses.flashes": "steps of a track, made by the search",
             "awe.calib.detector.bias.telegraph": "pixels of darks, put together there",
             "awe.calib.sky.dithers.match": "a catalogue",
             "awe.calib.association.groups": "places of sources",
             "awe.calib.association.middles": "places of sources",
             "awe.calib.association.pairs": "places of sources",
             "awe.calib.sky.zeropoint.fit": "magnitudes of standards",
             "awe.calib.coaddition.stars.agreements": "layers of a sum, read there",
             "awe.calib.coaddition.stars.odd_ones": "layers of a sum, read there",
             "awe.calib.coaddition.stars.places": "planes of a layer, read there",
             "awe.calib.extraction.detection.detect": "a frame `measure` has taken"}  # fmt: skip
    # what goes on from the sources of a frame that was taken
    inner = ("noise", "photometry", "positions", "stellarity")
    found = dict(public())
    assert len(found) > 20
    bare = {name for name, value in found.items() if not hasattr(value, "takes_frames")
            and not name.startswith(tuple(f"awe.calib.extraction.{one}." for one in inner))}
    assert bare <= set(apart), bare


SMALL = np.zeros((2, 2), bool)
MAPS = {
    "statistics": lambda bad: statistics.image_statistics(FRAMES[0], bad),
    "median": lambda bad: statistics.median(FRAMES[0], bad),
    "background": lambda bad: background.estimate(FRAMES[0], box=32, bad=bad),
    "normalise": lambda bad: flat.normalise(FRAMES[0], bad),
    "stack": lambda bad: flat.stack(FRAMES, np.zeros((64, 80), np.float32), gain=2.5,
                                    read_noise=2, sigma=5, saturation=60000, bad=bad),
    "sky": lambda bad: flat.sky(FRAMES, gain=2.5, read_noise=2, sigma=5, bad=bad),
    "nightsky": lambda bad: flat.corrected(FRAMES[0], FRAMES[1], box=32, bad=bad),
    "master": lambda bad: flat.master(FRAMES[0], FRAMES[1], choice=flat.MasterChoice(2), box=32,
                                      bad=bad),
    "fringes": lambda bad: fringe.frame(FRAMES, sigma=3, box=32, bad=[bad] * 4),
    "strength": lambda bad: fringe.scale(FRAMES[0], FRAMES[1], low=1, high=9, threshold=3, box=32,
                                         bad=bad),
    "seeing": lambda bad: seeing.measure(FRAMES[0], threshold=3, saturation=60000, narrowest=1,
                                         gain=2.5, bad=bad),
    "skies": lambda bad: skies.sources(FRAMES, [500.0] * 4, threshold=5, contrast=0.3, reach=1,
                                       bad=bad),
    "stars": lambda bad: stars.measure(FRAMES[0], threshold=5, radius=4, gain=2.5, box=32,
                                       bad=bad),
    "gain": lambda bad: gain.photon_transfer(
        [(FRAMES[0], FRAMES[1])], np.zeros((64, 80), np.float32), read_noise=2.0, sigma=5,
        windows=(1, 1), saturation=60000, bad=bad),
    "cosmic": lambda bad: cosmic.find(FRAMES[0], bad=bad, **COSMIC),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(MAPS))
@pytest.mark.parametrize("bad", [SMALL, np.zeros((80, 64), bool), np.zeros((65, 80), bool)])
def test_a_map_of_another_size_is_refused(name, bad):
    with pytest.raises(WrongShape):
        MAPS[name](bad)


@pytest.mark.parametrize("scales", [[1.0], [1.0] * 3])
def test_scales_are_counted(scales):
    with pytest.raises(WrongShape, match=f"as many scales, found {len(scales)}"):
        combine(FRAMES[:2], method=Method.MEAN, scales=scales)


def test_frames_of_a_pair_have_one_shape():
    with pytest.raises(WrongShape, match="the second bias of a pair"):
        bias.read_noise([(FRAMES[0], FRAMES[1][:1])], sigma=5, iterations=3)
    with pytest.raises(WrongShape, match="the second flat of a pair"):
        gain.photon_transfer(
            [(FRAMES[0], FRAMES[1][:1])], np.zeros((64, 80), np.float32), read_noise=2.0,
            sigma=5, windows=(1, 1), saturation=60000)


@pytest.mark.parametrize("sigma", [np.nan, 0, -3.0, (3.0, np.nan), (0, 3.0)])
def test_a_factor_that_rejects_all_or_nothing_is_refused(sigma):
    with pytest.raises(ParameterError, match="must be above 0"):
        combine(FRAMES, method=Method.FIXED, sigma=sigma, noise=Noise(constant=1))
    if not isinstance(sigma, tuple):
        with pytest.raises(ParameterError, match="must be above 0"):
            statistics.clipped(FRAMES[0], sigma=sigma, iterations=3)


@pytest.mark.parametrize("value", [-1.0, 0.0, np.nan, np.inf])
def test_a_gain_no_chip_can_have_is_refused(value):
    zero = np.zeros((64, 80), np.float32)
    for call in (
        lambda: weight.NoiseModel(gain=value, constant=1.0),
        lambda: reduction.Settings(**{**SETTINGS, "overscan": 6, "gain": value}),
        lambda: flat.stack(FRAMES, zero, gain=value, read_noise=2, sigma=5, saturation=60000),
        lambda: flat.sky(FRAMES, gain=value, read_noise=2, sigma=5),
        lambda: bias.dark(FRAMES, zero, exposure_times=[1.0] * 4, read_noise=2, gain=value,
                          sigma=5),
        lambda: stars.measure(FRAMES[0], threshold=5, radius=4, gain=value, box=32),
        lambda: cosmic.find(FRAMES[0], **{**COSMIC, "gain": value}),
        lambda: seeing.measure(FRAMES[0], threshold=3, saturation=60000, narrowest=1, gain=value),
    ):
        with pytest.raises(ParameterError, match=f"gain {value}"):
            call()


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_a_read_noise_or_exposure_time_no_frame_has_is_refused(value):
    for name in ("read_noise", "exposure_time"):
        with pytest.raises(ParameterError, match=str(value)):
            reduction.Settings(**{**SETTINGS, "overscan": 6, name: value})
    with pytest.raises(ParameterError):
        Noise(constant=value)
    with pytest.raises(ParameterError, match=f"read noise {value}"):
        bias.master(FRAMES, read_noise=value, sigma=5)
    zero = np.zeros((64, 80), np.float32)
    with pytest.raises(NoValidPixels, match=f"above zero, found .{value}"):
        bias.dark(FRAMES, zero, exposure_times=[value] * 4, read_noise=2, gain=2.5, sigma=5)
    for levels, times in (([value, 2.0, 3.0], [1, 2, 3]), ([1, 2, 3], [value, 2.0, 3.0])):
        with pytest.raises(NoValidPixels, match="above zero"):
            gain.linearity(levels, times)


@pytest.mark.parametrize("level", [1e6, 1e8, -1e8, 1e12])
@pytest.mark.parametrize("kind", [np.float64, np.int64])
def test_numbers_far_from_zero_keep_their_spread(level, kind):
    image = (level + np.round(RNG.normal(0, 10, (300, 300)))).astype(kind)
    found = statistics.image_statistics(image)
    assert found.stdev == pytest.approx(10, rel=0.02)
    assert found.median == np.median(image)
    assert found.mean == pytest.approx(float(image.mean()), rel=1e-12)
    assert (found.min, found.max) == (image.min(), image.max())
    assert statistics.pixel_noise(image) == pytest.approx(10, rel=0.05)
    other = (level + np.round(RNG.normal(0, 10, (300, 300)))).astype(kind)
    noise = bias.read_noise([(image, other)], sigma=5, iterations=5).read_noise
    assert noise == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize("name", ["combine", "background", "flat", "cosmic", "hot"])
def test_kernels_of_float32_refuse_what_it_cannot_hold(name):
    far = [1e8 + RNG.normal(0, 1, (64, 80)) for _ in range(4)]
    with pytest.raises(ParameterError, match="too far from zero"):
        CALLS[name](far)
    # wide types whose digits float32 holds are taken
    CALLS[name]([frame.astype(np.float64) for frame in FRAMES])


@pytest.mark.parametrize("level", [1e20, 3e38, 1e300])
def test_frames_whose_squares_overflow_are_refused_without_a_warning(level):
    for kind in (np.float32, np.float64):
        if level < float(np.finfo(kind).max):
            frame = np.full((64, 80), level, kind)
            with pytest.raises(ParameterError, match=r"too large.*divide the frame by a constant"):
                CALLS["reduce"]([frame])


def test_copies_of_one_exposure_have_no_gain():
    one = RNG.poisson(4000, (64, 80)).astype(np.float32)
    other = RNG.poisson(4000, (64, 80)).astype(np.float32)
    zero = np.zeros((64, 80), np.float32)
    how = {"read_noise": 2.0, "sigma": 5, "windows": (1, 1), "saturation": 60000}
    assert gain.photon_transfer([(one, other)], zero, **how).gain == pytest.approx(1, rel=0.1)
    with pytest.raises(NoValidPixels, match="copies of one exposure"):
        gain.photon_transfer([(one, one), (other, other)], zero, **how)

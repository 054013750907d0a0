"""Products tell the truth: headers, planes, variance of faint frames, pixels that glow."""

import datetime

import numpy as np
import pytest

from awe.calib.detector import saturation
from awe.calib.flags import PixelFlag
from awe.calib.weight import NoiseModel

RAW_CARDS = [
    ("HIERARCH ESO DET OUT1 PRSCX", 12), ("HIERARCH ESO DET OUT1 OVSCX", 12),
    ("HIERARCH ESO DET OUT1 OVSCY", 10), ("BIASSEC", "[205:216,1:160]"), ("GAIN", 99.0),
    ("DATAMAX", 1.0), ("HIERARCH ESO DET OUT1 NX", 192), ("OBSERVER", "N.N."),
]  # fmt: skip


def reduce(night, light, **arguments):
    """Return the reduced frame of so much light, and its CCDData as awe reads it."""
    from awe import recipes
    from awe.model.raw import RawScienceFrame

    cards = arguments.pop("cards", ())
    sky = light if light.dtype == np.uint16 else night.raw(light)
    # a date of its own for every frame
    at = night.template.start + datetime.timedelta(seconds=7 * len(night.frames))
    raw = night.put(RawScienceFrame, sky, at, cards=cards)
    [red] = recipes.find("Reduce")(
        instrument="OMEGACAM", raw_filenames=[raw.filename], chip=raw.chip.name, **arguments
    ).execute()
    return red, red.to_ccddata()


def test_headers_are_true_of_the_trimmed_frame_and_every_plane_has_its_place(calibrated):
    from astropy.io import fits
    from astropy.nddata import CCDData
    from astropy.wcs import WCS

    from awe import recipes

    red, _ = recipes.find("Reduce")(
        instrument="OMEGACAM", template="2012-06-01T08:51:44", chip="ESO_CCD_#65"
    ).execute()
    place = red.wcs.pixel_to_world_values(30, 40)
    with fits.open(red.pathname) as hdus:
        planes = [hdu.header for hdu in hdus]
        assert planes[0]["PSF_FWHM"] == pytest.approx(red.psf_radius, abs=1e-4)
    weight = red.weight
    products = (weight, weight.saturated, weight.cosmic, weight.satellite)
    planes += [fits.getheader(product.pathname, 1) for product in products]
    for header in planes:
        assert np.allclose(WCS(header).pixel_to_world_values(30, 40), place, atol=1e-9)
    ours, theirs = red.to_ccddata(), CCDData.read(red.pathname)
    assert np.array_equal(theirs.mask, ours.flags != 0)
    assert np.array_equal(theirs.uncertainty.array, ours.uncertainty.array, equal_nan=True)
    assert type(theirs.uncertainty) is type(ours.uncertainty)


def test_cards_of_the_raw_frame_that_are_no_longer_true_are_gone(calibrated):
    red, _ = reduce(calibrated, np.full(calibrated.shape, 500.0), cards=RAW_CARDS)
    header = red.header
    for gone in ("ESO DET OUT1 PRSCX", "ESO DET OUT1 OVSCX", "ESO DET OUT1 OVSCY", "BIASSEC"):
        assert gone not in header
    assert "DATAMAX" not in header
    assert (header["OBSERVER"], header["ESO DET OUT1 NX"]) == ("N.N.", 192)
    assert header["GAIN"] == pytest.approx(2.51)
    assert header["RDNOISE"] == pytest.approx(2.0 * 2.51, rel=0.03)
    assert header["SATURATE"] == pytest.approx(60000 - 250, abs=2)


def test_the_variance_of_faint_frames_is_true(calibrated):
    for level in (0.0, 1.0, 5.0, 20.0, 60.0, 2000.0):
        light = np.full(calibrated.shape, level)
        _, ccd = reduce(calibrated, light)
        good = ccd.flags == 0
        pull = (ccd.data - light)[good] ** 2 / ccd.uncertainty.array[good]
        print("chi-square", level, pull.mean())  # noqa: T201
        assert pull.mean() == pytest.approx(1.0, abs=0.03), level


def test_the_light_of_the_surroundings_is_not_taken_for_that_of_a_star():
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:64, :64] - 32
    light = 5 + 3000 * np.exp(-(x**2 + y**2) / (2 * 1.5**2)) / (2 * np.pi * 1.5**2)
    model = NoiseModel(gain=2.5, constant=4.9, faint=True)
    counts = (rng.poisson(light * 2.5, (400, 64, 64)) / 2.5 + rng.normal(0, 2.2, (400, 64, 64)))
    stated = np.mean([model.variance(one) for one in counts.astype(np.float32)], axis=0)
    core = light > 40
    assert stated[core] == pytest.approx(light[core] / 2.5 + 4.9, rel=0.1)
    assert np.median(stated) == pytest.approx(5 / 2.5 + 4.9, rel=0.01)


def test_one_pixel_that_the_flat_cannot_divide_spoils_no_quick_check(calibrated):
    from awe import recipes
    from awe.model.raw import RawDomeFlatFrame

    at = calibrated.template.start - datetime.timedelta(hours=9)
    names = []
    for number in range(3):
        lamp = calibrated.raw(np.full(calibrated.shape, 20000.0))
        lamp[100, 112] = 245
        moment = at + datetime.timedelta(minutes=number)
        names.append(calibrated.put(RawDomeFlatFrame, lamp, moment).filename)
    given = {"instrument": "OMEGACAM", "chip": "ESO_CCD_#65"}
    recipes.find("DomeFlat")(**given, raw_filenames=names, commit=True).execute()
    [first] = recipes.find("QuickCheck")(**given, raw_filenames=names[:1]).execute()
    assert not np.isfinite(first.data[100, 100])
    assert first.quality_flags == 0
    holes = first.data.copy()
    holes[:40] = np.nan
    assert first.verify(holes) & 64


def test_pixels_that_glow_are_flagged_where_darks_were_taken(calibrated):
    from awe import recipes
    from awe.model.raw import RawDarkFrame

    rng = np.random.default_rng(8)
    places = rng.integers(5, 150, (2, 60))
    glow = np.zeros(calibrated.shape)
    glow[tuple(places)] = 10 ** rng.uniform(2, 3.7, 60)
    sky = np.full(calibrated.shape, 500.0)
    before, _ = reduce(calibrated, sky)
    at = calibrated.template.start
    for number in range(3):
        moment = at - datetime.timedelta(hours=10, minutes=number)
        dark = calibrated.raw(np.zeros(calibrated.shape)) + _uncut(glow)
        calibrated.put(RawDarkFrame, dark, moment)
    recipes.find("Dark")(
        instrument="OMEGACAM", date=calibrated.date, chip="ESO_CCD_#65", commit=True
    ).execute()
    red, ccd = reduce(calibrated, calibrated.raw(sky) + _uncut(glow))
    assert before.dark is None
    assert red.dark is not None
    off = np.abs(ccd.data - sky) / np.sqrt(ccd.uncertainty.array)
    assert not (off[(ccd.flags == 0)] > 5.5).any()
    hot = ccd.flags & int(PixelFlag.HOT) != 0
    assert hot[glow > 150].all()
    assert hot[glow == 0].mean() < 1e-3
    pars = {"ReducedScienceFrame.process_params.SUBTRACT_DARK": True}
    _, less = reduce(calibrated, calibrated.raw(sky) + _uncut(glow), pars=pars)
    assert (less.flags & int(PixelFlag.HOT) != 0).sum() < 10


def test_pixels_that_jump_from_dark_to_dark_are_flagged(calibrated):
    from awe import recipes
    from awe.model.raw import RawDarkFrame

    at = calibrated.template.start
    for number in range(5):
        jump = np.zeros(calibrated.shape)
        jump[60:63, 90] = 300 * (number % 2)
        dark = calibrated.raw(np.zeros(calibrated.shape)) + _uncut(jump)
        calibrated.put(RawDarkFrame, dark, at - datetime.timedelta(hours=10, minutes=number))
    recipes.find("Dark")(
        instrument="OMEGACAM", date=calibrated.date, chip="ESO_CCD_#65", commit=True
    ).execute()
    red, ccd = reduce(calibrated, np.full(calibrated.shape, 500.0))
    assert red.dark.quality_flags == 0
    hot = ccd.flags & int(PixelFlag.HOT) != 0
    assert hot[60:63, 90].all()
    assert hot.mean() < 1e-3


def _uncut(light):
    """Return light [ADU] as whole counts in an image with its strips."""
    full = np.zeros((light.shape[0] + 10, light.shape[1] + 24), np.uint16)
    full[: light.shape[0], 12:-12] = light
    return full


def test_a_camera_of_14_bits_shows_where_it_ends(calibrated):
    y, x = np.mgrid[: calibrated.shape[0], : calibrated.shape[1]]
    star = 40000 * np.exp(-((x - 90) ** 2 + (y - 70) ** 2) / (2 * 2.0**2))
    raw = np.minimum(calibrated.raw(500.0 + star), 16383).astype(np.uint16)
    red, ccd = reduce(calibrated, raw)
    full = raw[: star.shape[0], 12:-12] == 16383
    assert full.sum() > 10
    assert ((ccd.flags & int(PixelFlag.SATURATED) != 0) == full).all()
    assert red.header["SATURATE"] == pytest.approx(16383 - 250, abs=2)


def test_the_lowest_end_of_a_chip_counts():
    import dataclasses

    from awe import instruments

    chip = next(iter(instruments.get("OMEGACAM").chips.values()))
    assert chip.saturated(60000.0) == 60000.0
    assert dataclasses.replace(chip, bits=14).saturated(60000.0) == 16383.0
    assert dataclasses.replace(chip, bits=14, saturation=15000.0).saturated(60000.0) == 15000.0
    frame = np.full((20, 20), 300.0, np.float32)
    assert saturation.converter_end(frame) == np.inf
    frame[3, :2] = 4095
    assert saturation.converter_end(frame) == np.inf
    frame[4, 4] = 4095
    assert saturation.converter_end(frame) == 4095.0

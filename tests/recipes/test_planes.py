"""Masters carry their variance and reason bits, into what is made with them too."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.nddata import CCDData, VarianceUncertainty

from awe import model
from awe.calib.flags import PixelFlag
from awe.fits import planes

MASTERS = ("BiasFrame", "DomeFlatFrame", "TwilightFlatFrame", "MasterFlatFrame")


def newest(name):
    return getattr(model, name).select_all().max("creation_date")


@pytest.fixture
def master(calibrated):
    """Return the newest master of a class of the first chip, fetched."""

    def found(name):
        cls = getattr(model, name)
        item = (cls.chip.name == "ESO_CCD_#65").max("creation_date")
        item.retrieve()
        return item

    return found


@pytest.mark.parametrize("name", MASTERS)
def test_masters_are_read_with_mask_and_variance_by_astropy(master, name):
    item = master(name)
    plain = CCDData.read(item.pathname)
    assert isinstance(plain.uncertainty, VarianceUncertainty)
    assert plain.mask.shape == plain.shape
    ours = item.to_ccddata()
    np.testing.assert_array_equal(plain.uncertainty.array, ours.uncertainty.array)
    np.testing.assert_array_equal(plain.mask, ours.mask)
    assert ours.flags.dtype == np.uint16


def test_the_variance_of_masters_is_that_of_their_pixels(master, calibrated):
    frame = master("BiasFrame").to_ccddata()
    residual = frame.data - calibrated.pattern
    for place in calibrated.hot:
        residual[place] -= 400
    stated = frame.uncertainty.array
    assert np.median(stated) == pytest.approx((2.0**2 + 1 / 12) / 5, rel=0.15)
    assert residual.var() == pytest.approx(stated.mean(), rel=0.1)
    for name in ("DomeFlatFrame", "TwilightFlatFrame"):
        frame = master(name).to_ccddata()
        good = ~frame.mask
        chi = (frame.data - calibrated.flat) ** 2 / frame.uncertainty.array
        assert chi[good].mean() == pytest.approx(1.0, abs=0.05), name


def test_bits_of_pixel_maps_go_from_flat_to_flat(master, calibrated):
    def bits(name):
        return planes.pixels(master(name).pathname, planes.FLAGS)

    for place in calibrated.hot:
        assert bits("DomeFlatFrame")[place] & PixelFlag.HOT
        assert bits("MasterFlatFrame")[place] & PixelFlag.HOT
    for place in calibrated.cold:
        assert not bits("DomeFlatFrame")[place] & PixelFlag.COLD
        assert bits("TwilightFlatFrame")[place] & PixelFlag.COLD
        assert bits("MasterFlatFrame")[place] & PixelFlag.COLD
    assert not bits("BiasFrame").any()


def reduced(**arguments):
    from awe import recipes

    [frame] = recipes.find("Reduce")(
        instrument="OMEGACAM", chip="ESO_CCD_#65", commit=True, **arguments
    ).execute()
    return frame, frame.to_ccddata()


def science(night):
    return next(frame for frame in night.frames
                if frame.OBJECT == "SCIENCE" and frame.chip.name == "ESO_CCD_#65")


def stored_again(night, like, cls, planes_behind=(), **changed):
    """Commit a master like another with other planes; returns it."""
    from pathlib import Path

    from awe.model.data import store
    from awe.tasks.inputs import imstat
    from awe.tasks.products import prepare

    names = [name for name in like.get_persistent_properties() if name in KEPT]
    item = cls(**{name: getattr(like, name) for name in names} | changed)
    item.process_status, item.imstat = 1, imstat(np.nan_to_num(like.data))
    unit = "adu" if cls is model.BiasFrame else ""
    prepare(item, like.data, planes_behind, directory=Path.cwd(), unit=unit)[1]()
    store([item])
    item.commit()
    return item


KEPT = {
    "instrument", "chip", "filter", "timestamp_start", "timestamp_end", "noise", "dome",
    "twilight", "cold", "raw_bias_frames", "read_noise", "process_params",
}  # fmt: skip


def test_what_masters_carry_is_in_the_reduced_frame(master, calibrated):
    from awe.tasks.maps import flag_image, variance_image

    raw = science(calibrated)
    _, plain = reduced(raw_filenames=[raw.filename])
    bias, flat = master("BiasFrame"), master("MasterFlatFrame")
    one = np.zeros(calibrated.shape, np.uint16)
    one[100, 150] = PixelFlag.NON_FINITE
    spread = planes.pixels(bias.pathname, planes.VARIANCE)
    more = spread.copy()
    more[:, 96:] += 9.0
    bias = stored_again(
        calibrated, bias, model.BiasFrame, [flag_image(one), variance_image(more)]
    )
    two = one * 0
    two[110, 140] = PixelFlag.BAD_FLAT
    noise = planes.pixels(flat.pathname, planes.VARIANCE)
    flat = stored_again(
        calibrated, flat, model.MasterFlatFrame,
        [flag_image(two), variance_image(4 * noise, unit="")],
    )  # fmt: skip
    frame, found = reduced(
        raw_filenames=[raw.filename], bias_filename=bias.filename, flat_filename=flat.filename
    )
    assert found.flags[100, 150] == PixelFlag.NON_FINITE
    assert found.flags[110, 140] == PixelFlag.BAD_FLAT
    assert frame.weight.data[110, 140] == 0
    expected = 9.0 * (np.arange(192) >= 96) + 3 * noise * plain.data**2
    expected /= flat.data**2
    good = (found.flags == 0) & (plain.flags == 0)
    extra = found.uncertainty.array - plain.uncertainty.array
    # both variances are rounded in their files
    rounded = planes.VARIANCE_WITHIN * (found.uncertainty.array + plain.uncertainty.array)
    off = np.abs(extra - expected) - rounded
    assert (off[good] <= 2e-3 + 2e-3 * expected[good]).all()
    assert extra[good].mean() == pytest.approx(expected[good].mean(), rel=5e-3)
    assert found.flags.dtype == np.uint16


def test_masters_of_before_serve_on(master, calibrated):
    raw = science(calibrated)
    _, plain = reduced(raw_filenames=[raw.filename])
    bias = stored_again(calibrated, master("BiasFrame"), model.BiasFrame)
    flat = stored_again(calibrated, master("MasterFlatFrame"), model.MasterFlatFrame)
    assert planes.pixels(bias.pathname, planes.FLAGS) is None
    frame, found = reduced(
        raw_filenames=[raw.filename], bias_filename=bias.filename, flat_filename=flat.filename
    )
    assert frame.quality_flags == 0
    np.testing.assert_array_equal(found.data, plain.data)
    np.testing.assert_array_equal(found.flags, plain.flags)
    good = found.flags == 0
    ratio = found.uncertainty.array[good] / plain.uncertainty.array[good]
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)


def test_bits_of_maps_do_not_come_back_through_the_flat(master, calibrated):
    raw = science(calibrated)
    _, found = reduced(raw_filenames=[raw.filename], leave_out=["maps", "cosmic"])
    assert not (found.flags & (PixelFlag.HOT | PixelFlag.COLD)).any()


@pytest.mark.parametrize("name", ["NightSky", "Fringe", "Dark"])
def test_skies_and_darks_carry_their_planes(master, calibrated, name):
    import datetime

    from awe import recipes
    from awe.model.raw import RawDarkFrame, RawScienceFrame

    at = datetime.datetime(2012, 6, 1, 10)
    y, x = np.mgrid[0 : calibrated.shape[0], 0 : calibrated.shape[1]]
    fringes = 20 * np.sin(x / 5 + np.sin(y / 30))
    light = np.zeros(calibrated.shape) if name == "Dark" else 2000.0 + fringes * (name == "Fringe")
    cls = RawDarkFrame if name == "Dark" else RawScienceFrame
    frames = [
        calibrated.put(cls, calibrated.raw(light), at + datetime.timedelta(minutes=7 * count))
        for count in range(6)
    ]
    recipe = name if name == "Dark" else f"{name}Flat"
    [made] = recipes.find(recipe)(
        instrument="OMEGACAM", commit=True, raw_filenames=[one.filename for one in frames]
    ).execute()
    item = made.dark if name == "Dark" else made
    item.retrieve()
    unit = {"NightSky": "", "Fringe": "adu", "Dark": "adu / s"}[name]
    found = CCDData.read(item.pathname)
    assert found.unit.to_string() == unit
    assert isinstance(found.uncertainty, VarianceUncertainty)
    good = ~found.mask
    # the master flat of the night is of five dome flats: its noise is in a night-sky flat
    truth = {"NightSky": 1.0, "Fringe": fringes, "Dark": 0.0}[name]
    residual = (found.data - truth)[good]
    variance = found.uncertainty.array[good]
    if name == "Fringe":
        # that of the flat is in the frames it is subtracted from as well, and not stated twice
        flat = master("MasterFlatFrame").to_ccddata()
        variance = variance + 2000.0**2 * (flat.uncertainty.array / flat.data**2)[good]
    chi = ((residual - np.median(residual)) ** 2 / variance).mean()
    assert chi == pytest.approx(1.0, abs=0.1), chi
    for place in calibrated.hot:
        assert bool(item.to_ccddata().flags[place] & PixelFlag.HOT) is (name != "Dark")

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

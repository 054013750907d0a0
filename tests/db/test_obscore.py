"""The ObsCore view: its columns, its coordinates, and the rights of those who ask."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from astropy.time import Time
from astropy.wcs import WCS

from awe.errors import ArgumentError
from awe.model import classes
from awe.rules.obscore import MANDATORY, obscore

classes.load()

from awe.model.observing import Astrom, Filter, Instrument  # noqa: E402
from awe.model.raw import RawScienceFrame  # noqa: E402
from awe.model.science import ReducedScienceFrame  # noqa: E402

DATE = datetime.datetime(2012, 6, 1, 8, 51, 44)


@pytest.fixture
def frames(login):
    login("student")
    camera = Instrument(name="OMEGACAM", telescope="VST")
    astrom = Astrom(
        CRVAL1=359.9, CRVAL2=-61.25, CRPIX1=-300.0, CRPIX2=900.5, CD1_1=-5.9e-5, CD1_2=1e-6,
        CD2_1=2e-6, CD2_2=5.9e-5,
    )  # fmt: skip
    common = {
        "instrument": camera, "filter": Filter(name="r", central_wavelength=624.5),
        "OBJECT": "FIELD", "DATE_OBS": DATE, "NAXIS1": 2048, "NAXIS2": 4100, "EXPTIME": 360.0,
        "astrom": astrom,
    }  # fmt: skip
    raw = RawScienceFrame(filename="raw.fits", **common)
    ReducedScienceFrame(raw=raw, filename="red.fits", psf_radius=0.8, **common).commit()
    RawScienceFrame(filename="bare.fits", DATE_OBS=DATE).commit()
    return astrom


def test_the_view_has_the_mandatory_columns_and_no_nonsense(frames, login):
    table = obscore(target="FIELD")
    assert tuple(table.colnames[:30]) == MANDATORY
    assert list(table["calib_level"]) == [1, 2]
    red = table[1]
    assert red["obs_id"] == "raw.fits"
    assert red["obs_collection"] == "TUTORIAL2015"
    assert red["instrument_name"] == "OMEGACAM"
    assert red["facility_name"] == "VST"
    assert red["t_min"] == pytest.approx(Time(DATE).mjd, abs=1e-9)
    assert (red["t_max"] - red["t_min"]) * 86400 == pytest.approx(360.0, abs=1e-3)
    assert red["s_resolution"] == 0.8
    assert red["em_min"] == pytest.approx(624.5e-9)
    assert table["s_ra"].unit == "deg"
    assert len(obscore()) == 3
    assert len(obscore(level=2)) == 1


def test_coordinates_agree_with_the_world_coordinates(frames):
    header = {k: v for k, v in frames.cards().items() if isinstance(v, str) or np.isfinite(v)}
    wcs = WCS(header)
    red = obscore(level=2)[0]
    ra, dec = wcs.wcs_pix2world([[2049 / 2, 4101 / 2]], 1)[0]
    assert red["s_ra"] == pytest.approx(ra % 360, abs=1e-9)
    assert red["s_dec"] == pytest.approx(dec, abs=1e-9)
    corners = [(0.5, 0.5), (2048.5, 0.5), (2048.5, 4100.5), (0.5, 4100.5)]
    expected = wcs.wcs_pix2world(corners, 1)
    numbers = np.array(red["s_region"].split()[2:], float).reshape(4, 2)
    assert np.allclose(numbers[:, 0], expected[:, 0] % 360, atol=2e-7)
    assert np.allclose(numbers[:, 1], expected[:, 1], atol=2e-7)


def test_everybody_sees_his_own_part(frames, login, db):
    from awe.db.objects.commit import update

    login("other")
    assert len(obscore()) == 0
    assert db.rows("anonymous", "SELECT count(*) FROM awe.obscore") == [(0,)]
    login("student")
    update([RawScienceFrame(filename="bare.fits")], _privileges=4)
    assert db.rows("anonymous", "SELECT obs_id FROM awe.obscore") == [("bare.fits",)]
    login("other")
    assert list(obscore()["obs_id"]) == ["bare.fits"]


def test_a_frame_judged_bad_is_left_out_and_the_number_of_rows_is_limited(frames, login):
    from awe.context import context

    with pytest.raises(ArgumentError, match="more than 2 observations"):
        obscore(limit=2)
    context.update_is_valid(RawScienceFrame(filename="bare.fits"), 0)
    assert len(obscore(limit=2)) == 2

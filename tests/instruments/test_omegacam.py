"""OMEGACAM: chips where they are, headers read or refused whole."""

from __future__ import annotations

import csv
import datetime
from pathlib import Path

import pytest

from awe import instruments
from awe.errors import BadHeader, NotFound

LAYOUT = Path(__file__).parents[3] / "shared/data/omegacam_geometry/omegacam_layout.csv"
omegacam = instruments.get("OMEGACAM")


def primary(**changes):
    header = {
        "INSTRUME": "OMEGACAM",
        "DATE-OBS": "2012-06-01T08:51:46.123",
        "MJD-OBS": 56079.36928383,
        "DATE": "2012-06-01T08:58:30",
        "UTC": 31906.123,
        "LST": 75000.5,
        "EXPTIME": 360.0,
        "OBJECT": "KIDS_330.0_-31.2",
        "OBSERVER": "nobody",
        "ESO TEL AIRM START": 1.05,
        "ESO TEL AIRM END": 1.04,
        "ESO DPR TYPE": "OBJECT",
        "ESO INS FILT1 NAME": "r_SDSS",
        "ESO TPL START": "2012-06-01T08:51:44",
        "ESO TPL ID": "OMEGACAM_img_obs_dither",
        "ESO TPL NEXP": 5,
        "ESO TPL EXPNO": 1,
        "ESO OBS ID": 12,
        "ESO OBS NAME": "KIDS_330.0_-31.2_r",
        "ESO OBS START": "2012-06-01T08:50:02",
    }
    header.update(changes)
    return {key: value for key, value in header.items() if value is not None}


def extension(**changes):
    header = {
        "EXTNAME": "ESO_CCD_#65",
        "NAXIS1": 2144,
        "NAXIS2": 4200,
        "ESO DET OUT1 PRSCX": 48,
        "ESO DET OUT1 PRSCY": 0,
        "ESO DET OUT1 OVSCX": 48,
        "ESO DET OUT1 OVSCY": 100,
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": 330.0,
        "CRVAL2": -31.2,
        "CRPIX1": 8565.0,
        "CRPIX2": 8585.0,
        "CD1_1": 5.929e-5,
        "CD1_2": 0.0,
        "CD2_1": 0.0,
        "CD2_2": 5.929e-5,
    }
    header.update(changes)
    return {key: value for key, value in header.items() if value is not None}


def test_a_filter_that_two_headers_contradict_is_not_called_missing_too():
    with pytest.raises(BadHeader) as refused:
        omegacam.translate(primary(), extension(**{"ESO INS FILT1 NAME": "g_SDSS"}))
    told = str(refused.value)
    assert "FILT1 NAME is 'r_SDSS' in one header of the file and 'g_SDSS' in another" in told
    assert "missing" not in told
    lacking = primary(**{"ESO INS FILT1 NAME": None})
    with pytest.raises(BadHeader, match="ESO INS FILT1 NAME is missing"):
        omegacam.translate(lacking, extension())


def test_cameras_are_found_by_looking():
    assert "OMEGACAM" in instruments.available()
    with pytest.raises(NotFound, match="did you mean 'OMEGACAM'"):
        instruments.get("OMEGACAMM")


def test_chips_come_in_the_order_of_the_extensions():
    names = list(omegacam.chips)
    assert len(names) == 32
    assert names[:6] == [f"ESO_CCD_#{n}" for n in (65, 66, 67, 68, 73, 74)]
    assert names[16] == "ESO_CCD_#69"
    assert names[-1] == "ESO_CCD_#96"
    assert [chip.extension for chip in omegacam.chips.values()] == list(range(1, 33))


def test_southern_and_northern_chips_have_their_overscan_rows_at_different_edges():
    south = omegacam.chip("ESO_CCD_#80").geometry
    north = omegacam.chip("ESO_CCD_#81").geometry
    assert (south.active, south.overscan_y) == ("[49:2096,1:4100]", "[49:2096,4101:4200]")
    assert (north.active, north.overscan_y) == ("[49:2096,101:4200]", "[49:2096,1:100]")
    assert south.prescan_x == "[1:48,1:4100]"
    assert north.overscan_x == "[2097:2144,101:4200]"


@pytest.mark.skipif(not LAYOUT.exists(), reason="the measured layout is not here")
def test_nominal_places_agree_with_the_measured_layout():
    with LAYOUT.open() as lines:
        measured = {row["extname"]: row for row in csv.DictReader(lines)}
    shifts = []
    for name, chip in omegacam.chips.items():
        row = measured[name]
        assert int(row["ext"]) == chip.extension
        x = 0.5 - float(row["crpix1_active"])
        y = 0.5 - float(row["crpix2_active"])
        shifts.append((chip.corner[0] - x, chip.corner[1] - y))
    for axis in (0, 1):
        values = [shift[axis] for shift in shifts]
        middle = sorted(values)[16]
        assert max(abs(value - middle) for value in values) < 15


def test_a_good_header_gives_the_attributes_of_a_raw_frame():
    found = omegacam.translate(primary(), extension())
    assert found["DATE_OBS"] == datetime.datetime(2012, 6, 1, 8, 51, 46, 123000)
    assert found["chip"] == "ESO_CCD_#65"
    assert found["filter"] == "OCAM_r_SDSS"
    assert found["template"]["start"] == datetime.datetime(2012, 6, 1, 8, 51, 44)
    assert found["observing_block"]["name"] == "KIDS_330.0_-31.2_r"
    assert found["geometry"] == omegacam.chip("ESO_CCD_#65").geometry
    assert (found["PRSCX"], found["PRSCXPRE"], found["PRSCXPST"]) == (48, 1, 3)
    assert found["read_mode"] == ""
    fast = omegacam.translate(primary(**{"ESO DET READ MODE": "fast"}), extension())
    assert fast["read_mode"] == "fast"


def test_a_windowed_frame_has_its_geometry_from_its_header():
    window = primary(**{"ESO DET WIN1 STRX": 801, "ESO DET WIN1 STRY": 1801})
    chip = extension(EXTNAME="ESO_CCD_#90", NAXIS1=496, NAXIS2=440, **{"ESO DET OUT1 OVSCY": 20})
    geometry = omegacam.translate(window, chip)["geometry"]
    assert geometry.active == "[49:448,21:440]"
    assert geometry.overscan_y == "[49:448,1:20]"
    assert (geometry.start_x, geometry.start_y) == (801, 1801)


def test_a_bad_header_is_refused_with_everything_that_is_wrong():
    bad = primary(
        **{
            "DATE-OBS": "26/07/102",
            "EXPTIME": "6,4E-05",
            "ESO INS FILT1 NAME": "rr_SDSS",
            "ESO TPL START": None,
            "LST": float("nan"),
        }
    )
    with pytest.raises(BadHeader) as refused:
        omegacam.translate(bad, extension(EXTNAME="ESO_CCD_#97", CRVAL1=None, NAXIS1=-3))
    for part in (
        "DATE-OBS = '26/07/102' is not a date",
        "EXPTIME = '6,4E-05' is not a number",
        "ESO INS FILT1 NAME = 'rr_SDSS' is not one of",
        "ESO TPL START is missing",
        "LST = nan is not finite",
        "'ESO_CCD_#97' is not one of",
        "CRVAL1 is missing",
        "NAXIS1 = -3 is outside",
        "8 problem(s)",
    ):
        assert part in str(refused.value)


def test_strips_wider_than_the_image_are_a_problem_of_the_header():
    with pytest.raises(BadHeader, match="no room for prescan"):
        omegacam.translate(primary(), extension(NAXIS1=90))


def test_dates_that_contradict_each_other_are_refused():
    with pytest.raises(BadHeader, match="DATE-OBS and MJD-OBS differ"):
        omegacam.translate(primary(**{"MJD-OBS": 56080.3}), extension())


def test_cards_that_nothing_is_computed_from_may_be_missing():
    poor = {"LST": None, "UTC": None, "ESO OBS ID": None, "ESO OBS START": None}
    found = omegacam.translate(primary(**poor), extension())
    assert not {"LST", "UTC"} & set(found)
    assert found["observing_block"] == {}
    assert found["template"]["id"] == "OMEGACAM_img_obs_dither"


def test_values_are_data_whatever_they_spell():
    evil = "'; DROP TABLE awe.file; -- %s {0}"
    assert omegacam.translate(primary(OBJECT=evil), extension())["OBJECT"] == evil


def test_a_bias_needs_no_filter_and_a_flat_does():
    lightless = primary(**{"ESO DPR TYPE": "BIAS", "ESO INS FILT1 NAME": None})
    assert omegacam.translate(lightless, extension())["filter"] is None
    flat = primary(**{"ESO DPR TYPE": "FLAT,DOME", "ESO INS FILT1 NAME": None})
    with pytest.raises(BadHeader, match="FILT1 NAME is missing"):
        omegacam.translate(flat, extension())


@pytest.mark.parametrize(
    ("kind", "purpose"),
    [
        ("BIAS", "bias"),
        ("BIAS,READNOISE", "readnoise"),
        ("FLAT,SKY", "twilight"),
        ("FLAT,TWILIGHT", "twilight"),
        ("FLAT,DOME,LINEARITY", "gain"),
        ("FLAT,DOME,CHECK", "dome"),
        ("OBJECT,MOVING", "science"),
        ("FLAT,DOME", "dome"),
        ("STD,ZEROPOINT", "photom"),
    ],
)
def test_purpose_comes_from_the_header(kind, purpose):
    assert omegacam.purpose({"ESO DPR TYPE": kind}) == purpose


def test_unknown_purpose_is_refused_with_the_known_ones():
    with pytest.raises(BadHeader, match="FLAT,DOME"):
        omegacam.purpose({"ESO DPR TYPE": "FLAT,MOON"})


def test_a_night_runs_from_local_noon_to_noon():
    assert omegacam.night(datetime.datetime(2012, 6, 1, 8, 51)) == datetime.date(2012, 5, 31)
    assert omegacam.night(datetime.datetime(2012, 6, 1, 16, 0)) == datetime.date(2012, 6, 1)
    begin, end = omegacam.night_range(datetime.date(2012, 5, 31))
    assert begin == datetime.datetime(2012, 5, 31, 16)
    assert end - begin == datetime.timedelta(days=1)

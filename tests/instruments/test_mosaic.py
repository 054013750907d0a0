"""Colour mosaics: refused by name, or split into a frame of each colour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from awe.errors import ArgumentError, BadHeader, ConfigError
from awe.fits import wcs_of
from awe.ingest.chipfiles import cut
from awe.ingest.planfile import Line
from awe.ingest.split import examine
from awe.instruments import load

DESCRIPTION = """
name = "OSC"
pixel_scale = 1.5
site.longitude = 5.0
recognise.INSTRUME = "Colour camera"
[chip]
name = "OSC_1"
size = [12, 8]
gain = 1.0
read_noise = 5.0
[filters]
Ha = "OSC_Ha"
[cards]
DATE_OBS = "DATE-OBS"
EXPTIME = "EXPTIME"
OBJECT = "OBJECT"
filter = "FILTER"
[binning]
x = "XBINNING"
y = "YBINNING"
[[purpose]]
is = "bias"
IMAGETYP = "BIAS"
[[purpose]]
is = "science"
"""
SPLIT_WINDOW = '[bayer]\nsplit = true\n[window]\nx = "X0"\ny = "Y0"\n'
COLOURS = {"R": 100, "G1": 200, "G2": 300, "B": 400}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AWE_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "instruments").mkdir(parents=True)
    return tmp_path


def describe(home, text=DESCRIPTION):
    path = home / "home" / "instruments" / "osc.toml"
    path.write_text(text)
    return path


def mosaic(first, shape=(8, 12)):
    """Return counts that tell colour and cell, of a sensor whose pixel 0, 0 is the named one."""
    order = {"RGGB": ("R", "G1", "G2", "B"), "BGGR": ("B", "G2", "G1", "R"),
             "GRBG": ("G1", "R", "B", "G2"), "GBRG": ("G2", "B", "R", "G1")}[first]  # fmt: skip
    y, x = np.mgrid[: shape[0], : shape[1]]
    base = np.array([COLOURS[name] for name in order])[2 * (y % 2) + x % 2]
    return (base + 10 * (y // 2) + x // 2).astype(np.uint16)


def write(home, pixels, name="light.fits", **cards):
    hdu = fits.PrimaryHDU(pixels)
    hdu.header.update({
        "INSTRUME": "Colour camera", "DATE-OBS": "2021-03-04T20:00:00.5", "EXPTIME": 30.0,
        "OBJECT": "M 42", "IMAGETYP": "LIGHT", **cards,
    })  # fmt: skip
    hdu.writeto(home / name)
    return home / name


@pytest.mark.parametrize(
    ("pixel", "cards", "more"),
    [
        ("RGGB", {"BAYERPAT": "RGGB"}, ""),
        ("GBRG", {"BAYERPAT": "gbrg", "ROWORDER": "TOP-DOWN"}, ""),
        # where the pattern begins: one column, one row later
        ("GRBG", {"BAYERPAT": "RGGB", "XBAYROFF": 1, "YBAYROFF": 0}, ""),
        ("GBRG", {"BAYERPAT": "RGGB", "XBAYROFF": 0, "YBAYROFF": 1}, ""),
        ("BGGR", {"COLORTYP": "RGGB", "BAYOFFX": 1, "BAYOFFY": 1}, ""),
        # the last row of the file is the first of the pattern
        ("GBRG", {"BAYERPAT": "RGGB", "ROWORDER": "BOTTOM-UP"}, 'first_row = "last"'),
        ("BGGR", {}, 'pattern = { constant = "BGGR" }'),
    ],
)
def test_every_colour_is_a_frame_of_a_chip_of_its_own(home, pixel, cards, more):
    describe(home, f"{DESCRIPTION}[bayer]\n{more}\n")
    exposure = examine(write(home, mosaic(pixel), CRPIX1=6.5, CRPIX2=4.5, **cards))
    assert [frame.attributes["chip"] for frame in exposure.frames] == [
        "OSC_1_R", "OSC_1_G1", "OSC_1_G2", "OSC_1_B",
    ]  # fmt: skip
    assert [frame.attributes["filter"] for frame in exposure.frames] == [
        "OSC_R", "OSC_G", "OSC_G", "OSC_B",
    ]  # fmt: skip
    assert exposure.notes == ("unverified before ingest: no checksums",)
    y, x = np.mgrid[:4, :6]
    for piece, level in zip(cut(exposure, home), COLOURS.values(), strict=True):
        with fits.open(piece.path, checksum=True) as units:
            np.testing.assert_array_equal(units[0].data, level + 10 * y + x)
            header = units[0].header
        assert not {"BAYERPAT", "COLORTYP", "XBAYROFF"} & set(header)
        assert header["AWE RAW PLANE"] == piece.path.stem.rpartition("_")[2]
        assert piece.statistics["active"]["min"] == level


def test_what_is_taken_without_light_has_no_filter_and_a_plan_cannot_change_one(home):
    describe(home, f"{DESCRIPTION}[bayer]\n")
    bias = examine(write(home, mosaic("RGGB"), "bias.fits", BAYERPAT="RGGB", IMAGETYP="BIAS"))
    assert {frame.attributes["filter"] for frame in bias.frames} == {None}
    exposure = examine(write(home, mosaic("RGGB"), BAYERPAT="RGGB"))
    assert exposure.filter == "OSC_R OSC_G OSC_B"
    line = Line(path=exposure.path, take=True, purpose="", filter=exposure.filter, object="M 43")
    changed = line.applied(exposure)
    assert [frame.attributes["filter"] for frame in changed.frames] == [
        "OSC_R", "OSC_G", "OSC_G", "OSC_B",
    ]  # fmt: skip
    with pytest.raises(ArgumentError, match="have the filters OSC_R OSC_G OSC_B; leave the cell"):
        replace(line, filter="OSC_Ha_R").applied(exposure)


def test_a_filter_in_front_goes_into_the_name_and_scale_and_place_are_those_of_the_plane(home):
    path = describe(home, f"{DESCRIPTION}[bayer]\nsplit = true\n")
    assert load(path).pixel_scale == 3.0
    place = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 20.0,
             "CRPIX1": 7.0, "CRPIX2": 4.0, "CD1_1": -4e-4, "CD1_2": 0.0, "CD2_1": 0.0,
             "CD2_2": 4e-4}  # fmt: skip
    exposure = examine(write(home, mosaic("RGGB"), BAYERPAT="RGGB", FILTER="Ha", **place))
    red, _, _, blue = exposure.frames
    assert red.attributes["filter"] == "OSC_Ha_R"
    # columns 1, 3, 5, 7 of the sensor are columns 1 to 4 of the red ones
    assert (red.attributes["astrom"]["CRPIX1"], red.attributes["astrom"]["CRPIX2"]) == (4.0, 2.5)
    assert (blue.attributes["astrom"]["CRPIX1"], blue.attributes["astrom"]["CRPIX2"]) == (3.5, 2.0)
    pieces = list(cut(exposure, home))
    header = fits.getheader(pieces[3].path)
    assert (header["CRPIX1"], header["CD2_2"]) == (3.5, 8e-4)


def test_a_place_without_cd_is_told_once_and_for_the_pixels_of_the_plane(home):
    describe(home, f"{DESCRIPTION}[bayer]\nsplit = true\n")
    place = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 20.0,
             "CRPIX1": 7.0, "CRPIX2": 4.0, "CDELT1": -4e-4, "CDELT2": 4e-4,
             "CROTA2": 30.0}  # fmt: skip
    exposure = examine(write(home, mosaic("RGGB"), BAYERPAT="RGGB", FILTER="Ha", **place))
    header = fits.getheader(next(iter(cut(exposure, home))).path)
    assert not {"CDELT1", "CDELT2", "CROTA2"} & set(header)
    whole, plane = WCS(fits.Header(place)), wcs_of(header, "plane")
    # column 3 and row 2 of the red pixels are column 5 and row 3 of the sensor
    np.testing.assert_allclose(
        plane.all_pix2world([[2, 1]], 0), whole.all_pix2world([[4, 2]], 0), atol=1e-9
    )


PIXELS_OF = {"R": (0, 0), "G1": (1, 0), "G2": (0, 1), "B": (1, 1)}
LINEAR = {"CRVAL1": 10.0, "CRVAL2": 20.0, "CRPIX1": 7.0, "CRPIX2": 4.0, "CD1_1": -4e-4,
          "CD1_2": 3e-5, "CD2_1": -3e-5, "CD2_2": 4e-4}  # fmt: skip


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("name", ["R", "G1", "G2", "B"])
def test_a_distortion_is_told_for_the_pixels_of_the_plane(home, name, swapped):
    describe(home, f"{DESCRIPTION}[bayer]\nsplit = true\n")
    kinds = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    # latitude first: awe takes no place from it, and leaves it right all the same
    kinds = kinds[::-1] if swapped else kinds
    place = {
        "CTYPE1": kinds[0], "CTYPE2": kinds[1], **LINEAR, "A_ORDER": 3, "B_ORDER": 2,
        "A_2_0": 3e-3, "A_1_1": -2e-3, "A_0_3": 4e-4, "B_0_2": 5e-3, "B_2_0": -1e-3, "B_0_1": 2e-3,
        "AP_ORDER": 2, "BP_ORDER": 2, "AP_2_0": -3e-3, "AP_1_0": 1e-4, "BP_0_2": -5e-3,
        "A_DMAX": 1.5,
    }  # fmt: skip
    if swapped:
        place |= {"CRVAL1": 20.0, "CRVAL2": 10.0}
    exposure = examine(write(home, mosaic("RGGB"), BAYERPAT="RGGB", FILTER="Ha", **place))
    headers = {one.frame.part.plane.name: fits.getheader(one.path) for one in cut(exposure, home)}
    header = headers[name]
    column, row = PIXELS_OF[name]
    own = np.array([[0, 0], [5, 3], [2, 1], [4, 0]])
    mosaics = 2 * own + (column, row)
    whole, plane = WCS(fits.Header(place)), wcs_of(header, "plane")
    np.testing.assert_allclose(
        plane.all_pix2world(own, 0), whole.all_pix2world(mosaics, 0), atol=1e-10
    )
    # and back: what is 3 and 5 pixels away in the mosaic is 1.5 and 2.5 in the plane
    for letter in ("AP", "BP"):
        back = [
            sum(
                value * u ** int(word[3]) * v ** int(word[5])
                for word, value in cards.items()
                if word.startswith(f"{letter}_") and not word.endswith("ORDER")
            )
            for cards, u, v in ((place, 3.0, 5.0), (header, 1.5, 2.5))
        ]
        assert back[0] == pytest.approx(2 * back[1])
    assert header["A_DMAX"] == 0.75


def test_other_axes_and_physical_pixels_are_those_of_the_plane(home):
    describe(home, f"{DESCRIPTION}[bayer]\nsplit = true\n")
    first = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", **LINEAR}
    other = {f"{word}A": value for word, value in first.items()} | {"CRPIX1A": -20.0}
    physical = {"LTV1": -100.0, "LTV2": -60.0, "LTM1_1": 1.0, "LTM2_2": 0.5}
    cards = {**first, **other, **physical}
    exposure = examine(write(home, mosaic("RGGB"), BAYERPAT="RGGB", FILTER="Ha", **cards))
    blue = fits.getheader(list(cut(exposure, home))[3].path)
    blue.remove("DATE-OBS")
    alternate = WCS(blue, key="A")
    np.testing.assert_allclose(
        alternate.all_pix2world([[4, 2]], 0),
        WCS(fits.Header(cards), key="A").all_pix2world([[9, 5]], 0), atol=1e-10,
    )  # fmt: skip
    # pixel (5, 3) of the plane, counted from 1, is (10, 6) of the mosaic
    for axis, plane, sensor in ((1, 5, 10), (2, 3, 6)):
        scale, shift = cards[f"LTM{axis}_{axis}"], cards[f"LTV{axis}"]
        found = (plane - blue[f"LTV{axis}"]) / blue[f"LTM{axis}_{axis}"]
        assert found == pytest.approx((sensor - shift) / scale)


@pytest.mark.parametrize("cards", [{"BAYERPAT": "RGGB"}, {"COLORTYP": "GBRG"}])
def test_a_mosaic_that_nobody_described_is_refused_with_what_to_do(home, cards):
    describe(home)
    path = write(home, mosaic("RGGB"), FILTER="Ha", **cards)
    with pytest.raises(BadHeader, match=r"of several colours; a table \[bayer\] in the descr"):
        examine(path)
    describe(home, f"{DESCRIPTION}[bayer]\nsplit = false\n")
    [frame] = examine(path).frames
    assert (frame.attributes["chip"], frame.attributes["geometry"].shape) == ("OSC_1", (8, 12))


@pytest.mark.parametrize("cards", [{"BAYERPAT": ""}, {"BAYERPAT": "NONE"}, {"COLORTYP": "MONO"}])
def test_cards_that_say_there_is_no_mosaic_are_no_reason_to_refuse(home, cards):
    describe(home)
    [frame] = examine(write(home, mosaic("RGGB"), FILTER="Ha", **cards)).frames
    assert frame.attributes["chip"] == "OSC_1"


@pytest.mark.parametrize(
    ("cards", "told"),
    [
        ({}, "BAYERPAT or COLORTYP is missing"),
        ({"BAYERPAT": "CYGM"}, "the pattern 'CYGM' is not RGGB"),
        ({"BAYERPAT": "RGGB", "XBINNING": 2, "YBINNING": 2}, "XBINNING = 2: binned pixels"),
        ({"BAYERPAT": "RGGB", "ROWORDER": "BOTTOM-UP"}, "bayer.first_row = 'first' or 'last'"),
        ({"BAYERPAT": "RGGB", "XBAYROFF": "left"}, "XBAYROFF = 'left' is not a number"),
    ],
)
def test_a_pattern_that_is_not_clear_is_refused(home, cards, told):
    describe(home, f"{DESCRIPTION}[bayer]\n")
    with pytest.raises(BadHeader, match=told):
        examine(write(home, mosaic("RGGB"), **cards))


def test_a_chip_that_has_half_a_cell_is_refused_in_its_description(home):
    path = describe(home, DESCRIPTION.replace("[12, 8]", "[12, 7]") + "[bayer]\n")
    with pytest.raises(ConfigError, match="12 x 7 pixels has half a cell"):
        load(path)


@pytest.mark.parametrize(("begin", "told"), [((3, 5), None), ((2, 5), "column 2 and row 5")])
def test_a_window_has_whole_cells_of_the_chip(home, begin, told):
    describe(home, DESCRIPTION + SPLIT_WINDOW)
    path = write(home, mosaic("RGGB", (4, 8)), X0=begin[0], Y0=begin[1], BAYERPAT="RGGB")
    if told:
        with pytest.raises(BadHeader, match=f"window that begins at {told} cuts through the cel"):
            examine(path)
        return
    frames = examine(path).frames
    places = [(one.attributes["geometry"].start_x, one.attributes["geometry"].start_y)
              for one in frames]  # fmt: skip
    assert places == [(2, 3)] * 4

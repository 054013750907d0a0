"""Windows of described cameras are where the headers say, or they are refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from own_camera import observing

from awe import instruments
from awe.admin.command import main
from awe.errors import BadHeader, ConfigError
from awe.ingest import ingest
from awe.ingest.report import State
from awe.instruments._described import described
from awe.model.raw import RawScienceFrame
from awe.recipes.bias import BiasTask
from awe.recipes.readnoise import ReadNoiseTask
from awe.recipes.reduce import ReduceTask

#: a chip of 512 x 520 light-sensitive pixels behind 16 columns without light
WHOLE = """
name = "ONE"
pixel_scale = 1.0
site.utc_offset = 2
[chip]
name = "ONE_1"
size = [536, 520]
active = "[17:528,1:520]"
prescan_x = "[4:13,1:520]"
gain = 1.9
read_noise = 5.0
[filters]
R = "ONE_R"
[cards]
DATE_OBS = "DATE-OBS"
filter = "FILTER"
[binning]
x = "XBIN"
y = "YBIN"
"""
SECTIONS = '[sections]\nactive = "TRIMSEC"\nprescan_x = "BIASSEC"\n'
RULES = '[[purpose]]\nis = "science"\n'
AMPLIFIERS = """
[[chip.amplifiers]]
name = "A"
cards = { active = "DATASECA", prescan_x = "BIASSECA" }
[[chip.amplifiers]]
name = "B"
cards = { active = "DATASECB" }
"""
LIT = 'active = "[17:528,1:520]"\nprescan_x = "[4:13,1:520]"\n'
WIDTHS = '[widths]\nprescan_x = "PRE"\n'
#: of a window of 100 x 50 pixels behind its strip
TOLD = {"NAXIS1": 116, "NAXIS2": 50, "TRIMSEC": "[17:116,1:50]", "BIASSEC": "[4:13,1:50]"}


def read(added, cards, *, changes=()):
    text = WHOLE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    camera = described((text + added + RULES).encode(), "one.toml")
    full = {"INSTRUME": "ONE", "DATE-OBS": "2013-07-13T01:02:03", **cards}
    return camera.translate(full, full)["geometry"]


def start(added, cards, **more):
    found = read(added, cards, **more)
    return found.start_x, found.start_y


@pytest.mark.parametrize(
    ("cards", "place"),
    [
        ({"CCDSEC": "[101:200, 301:350]"}, (101, 301)),
        ({"DETSEC": "[101:200,301:350]"}, (101, 301)),
        # that of the chip goes before that of a mosaic
        ({"DETSEC": "[2101:2200,301:350]", "CCDSEC": "[101:200,301:350]"}, (101, 301)),
        # read from the far side: column 1 of the file is column 512 of the chip
        ({"CCDSEC": "[412:313,301:350]"}, (101, 301)),
        ({"CCDSEC": "[412:313,350:301]"}, (101, 171)),
        # more light in the file than is taken
        ({"CCDSEC": "[91:200,301:350]", "DATASEC": "[7:116,1:50]"}, (101, 301)),
        ({"CCDSEC": "[101:200,301:350]", "CCDSIZE": "[1:512,1:520]"}, (101, 301)),
    ],
)
def test_sections_by_convention_tell_the_place(cards, place):
    assert start(SECTIONS, TOLD | cards) == place


def test_binned_windows_begin_at_a_pixel_of_the_chip():
    told = {**TOLD, "XBIN": 2, "YBIN": 5}
    assert start(SECTIONS, told | {"CCDSEC": "[101:300,201:450]"}) == (101, 201)
    assert start(SECTIONS, told | {"CCDSEC": "[300:101,201:450]"}) == (213, 201)
    # binned pixels that are not all there
    assert start(SECTIONS, told | {"CCDSEC": "[101:301,201:452]"}) == (101, 201)
    # counted in binned pixels, from 0
    explicit = '[window]\nsection = "SUBARRAY"\nfirst = 0\nbinned = true\n'
    assert start(SECTIONS + explicit, told | {"SUBARRAY": "[50:149,40:89]"}) == (101, 201)
    with pytest.raises(BadHeader, match=r"CCDSEC = '\[101:200,201:250\]' has 100 columns of the"):
        start(SECTIONS, told | {"CCDSEC": "[101:200,201:250]"})


def test_whole_frames_begin_at_the_first_pixel_however_their_strips_are():
    whole = {"NAXIS1": 536, "NAXIS2": 520, "BIASSEC": "[4:13,1:520]"}
    assert start(SECTIONS, whole | {"TRIMSEC": "[17:528,1:520]"}) == (1, 1)
    # a strip that is not binned with the light
    binned = {"NAXIS1": 272, "NAXIS2": 260, "XBIN": 2, "YBIN": 2, "BIASSEC": "[4:13,1:260]"}
    assert start(SECTIONS, binned | {"TRIMSEC": "[17:272,1:260]"}) == (1, 1)
    # parts of an image of the whole chip
    assert start(SECTIONS, whole | {"TRIMSEC": "[57:528,101:520]"}) == (41, 101)
    binned = {"NAXIS1": 268, "NAXIS2": 260, "XBIN": 2, "YBIN": 2, "BIASSEC": "[2:6,1:260]"}
    assert start(SECTIONS, binned | {"TRIMSEC": "[29:264,11:260]"}) == (41, 21)
    # the odd row of the chip is in no binned pixel
    assert start(SECTIONS, {"NAXIS1": 536, "NAXIS2": 173, "YBIN": 3, "TRIMSEC": "[17:528,1:173]",
                            "BIASSEC": "[4:13,1:173]"}) == (1, 1)  # fmt: skip


@pytest.mark.parametrize(
    ("added", "changes", "cards"),
    [
        (SECTIONS, (), TOLD),
        # without the light-sensitive pixels in the description
        (SECTIONS, [(LIT, "")], TOLD),
        (WIDTHS, (), {"NAXIS1": 116, "NAXIS2": 50, "PRE": 16}),
        ("", [(LIT, "")], {"NAXIS1": 116, "NAXIS2": 50}),
        ("", [(LIT + "gain = 1.9\nread_noise = 5.0\n",
               "gain = 1.9\nread_noise = 5.0\n" + AMPLIFIERS)],
         {"NAXIS1": 116, "NAXIS2": 50, "DATASECA": "[17:66,1:50]", "BIASSECA": "[1:16,1:50]",
          "DATASECB": "[67:116,1:50]"}),
    ],
)  # fmt: skip
def test_a_window_without_a_place_is_refused_and_one_with_it_is_there(added, changes, cards):
    with pytest.raises(BadHeader, match=r"no card tells where on the chip it begins.*'CCDSEC'"):
        read(added, cards, changes=changes)
    lit = "[101:216,301:350]" if not added and "DATASECA" not in cards else "[101:200,301:350]"
    assert start(added, cards | {"CCDSEC": lit}, changes=changes) == (101, 301)
    window = '[window]\nx = "X0"\ny = "Y0"\nfirst = 0\n'
    found = start(added + window, cards | {"X0": 30, "Y0": 20}, changes=changes)
    assert found == (31, 21)
    section = '[window]\nsection = { keyword = "ROI" }\n'
    assert start(added + section, cards | {"ROI": lit}, changes=changes) == (101, 301)
    with pytest.raises(BadHeader, match="no card tells where on the chip it begins"):
        read(added + section, cards | {"CCDSEC": lit}, changes=changes)


@pytest.mark.parametrize(
    ("added", "cards", "told"),
    [
        ("", {"CCDSEC": "[1:512,1:520]"}, "has 512 columns of the chip, the image 100 light-sens"),
        ("", {"CCDSEC": "[451:550,1:50]"}, "would be 451 to 550 by CCDSEC .* chip of 512 columns"),
        ("", {"CCDSEC": "[101:200,501:550]"}, "rows would be 501 to 550 by CCDSEC = "),
        ("", {"CCDSEC": "[613:514,1:50]"}, "would be -100 to -1 by CCDSEC"),
        ("", {"CCDSEC": "[0:99,1:50]"}, "begins at 0, expected 1 at least"),
        ("", {"CCDSEC": "upper left"}, r"CCDSEC = 'upper left' is not a section of the form"),
        ("", {"CCDSEC": "[101:200,301:350]", "CCDSIZE": "[1:536,1:520]"},
         r"CCDSIZE = '\[1:536,1:520\]' and the description has a chip of 512 light-sensitive col"),
        ("", {"DETSEC": "[101:200,301:350]", "DETSIZE": "[1:512,1:1040]"}, "of 520 light-sensiti"),
        ('[window]\nx = "X0"\ny = "Y0"\n', {"X0": 420, "Y0": 1},
         "columns would be 420 to 519 by X0 = 420, which is not on the chip of 512 columns"),
    ],
)  # fmt: skip
def test_places_that_are_not_on_the_chip_are_refused(added, cards, told):
    with pytest.raises(BadHeader, match=told):
        read(SECTIONS + added, TOLD | cards)


def test_more_light_than_the_chip_has_is_refused():
    more = {"NAXIS1": 536, "NAXIS2": 520, "TRIMSEC": "[11:528,1:520]", "BIASSEC": "[4:9,1:520]"}
    shifted = TOLD | {"NAXIS1": 536, "TRIMSEC": "[15:114,1:50]", "CCDSEC": "[101:200,301:350]"}
    with pytest.raises(BadHeader, match=r"would be -1 to 98 by the section \[15:114,1:50\]"):
        read(SECTIONS, shifted)
    with pytest.raises(BadHeader, match=r"has 518 light-sensitive columns .*the chip 512"):
        read(SECTIONS, more)
    unbinned = {"NAXIS1": 536, "NAXIS2": 520, "XBIN": 2, "YBIN": 2, "TRIMSEC": "[17:528,1:520]"}
    with pytest.raises(BadHeader, match=r"columns \(binning 2\), the chip 512"):
        read(SECTIONS, unbinned | {"BIASSEC": "[4:13,1:520]", "CCDSEC": "[1:512,1:520]"})


def test_where_a_backward_window_begins_takes_the_size_of_the_chip():
    backward = TOLD | {"CCDSEC": "[412:313,301:350]"}
    with pytest.raises(BadHeader, match="runs backwards, and how many light-sensitive columns"):
        read(SECTIONS, backward, changes=[(LIT, "")])
    told = backward | {"CCDSIZE": "[1:512,1:520]"}
    assert start(SECTIONS, told, changes=[(LIT, "")]) == (101, 301)


def test_a_section_of_a_mosaic_is_not_one_of_a_chip():
    two = WHOLE.replace('name = "ONE_1"\n', "") + SECTIONS
    two = two.replace("[cards]\n", '[cards]\nchip = "CCD"\n')
    two += '[[chips]]\nname = "ONE_1"\nheader = "1"\n[[chips]]\nname = "ONE_2"\nheader = "2"\n'
    camera = described((two + RULES).encode(), "one.toml")
    full = {"INSTRUME": "ONE", "DATE-OBS": "2013-07-13T01:02:03", "CCD": 1, **TOLD}
    with pytest.raises(BadHeader, match="no card tells where"):
        camera.translate(full, full | {"DETSEC": "[101:200,301:350]"})
    found = camera.translate(full, full | {"CCDSEC": "[101:200,301:350]"})["geometry"]
    assert (found.start_x, found.start_y) == (101, 301)


def test_the_place_is_described_in_one_way():
    both = '[window]\nx = "X0"\nsection = "CCDSEC"\n'
    with pytest.raises(ConfigError, match=r"window\.section is there with x or y, expected one"):
        described((WHOLE + both + RULES).encode(), "one.toml")


CARDS = {"INSTRUME": "Strips", "DATE-OBS": "2021-03-04T20:00:00.5", "EXPTIME": 0.0,
         "IMAGETYP": "Bias Frame", "FILTER": "R", "GAIN": 1.5, "TELESCOP": "Small"}  # fmt: skip


def night(folder):
    """Write frames of 300 x 200 light-sensitive pixels of different level behind a strip."""
    folder.mkdir()
    random = np.random.default_rng(5)
    pattern = 3 * np.add.outer(np.sin(np.arange(200) / 15), np.cos(np.arange(300) / 20))
    for number in range(7):
        kind = "Bias Frame" if number < 3 else "Flat Field" if number < 5 else "Light Frame"
        frame = random.normal(500, 5, (200, 340))
        frame[:, 20:320] += pattern
        if number > 2:
            frame[:, 20:320] += random.poisson(20_000 if number < 5 else 100, (200, 300)) / 1.5
        cards = {**CARDS, "IMAGETYP": kind, "EXPTIME": 0.0 if number < 3 else 5.0,
                 "DATE-OBS": f"2021-03-04T20:{number:02}:00.5",
                 "TRIMSEC": "[21:320,1:200]", "BIASSEC": "[323:340,1:200]",
                 "CCDSEC": "[1:300,1:200]", "CCDSIZE": "[1:300,1:200]"}  # fmt: skip
        write(folder / f"n{number}.fits", frame, cards)
    small = np.concatenate([frame[60:180, 20 + 90:20 + 250], frame[60:180, 320:]], axis=1)
    told = {"TRIMSEC": "[1:160,1:120]", "BIASSEC": "[163:180,1:120]",
            "CCDSEC": "[91:250,61:180]", "DATE-OBS": "2021-03-04T20:09:00"}  # fmt: skip
    write(folder / "window.fits", small, cards | told)


def write(path, pixels, cards):
    hdu = fits.PrimaryHDU(np.clip(np.rint(pixels), 0, 65535).astype(np.uint16))
    hdu.header.update(cards)
    hdu.writeto(path)


def test_a_drafted_camera_puts_its_windows_where_they_were_read(
    db, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("AWE_HOME", str(tmp_path))
    folder = tmp_path / "night"
    night(folder)
    options = ["--time-zone", "Europe/Amsterdam", "--pixel-scale", "1", "--name", "STRIPS"]
    assert main(["instrument", "new", str(folder), *options]) == 0
    text = (tmp_path / "instruments" / "strips.toml").read_text()
    capsys.readouterr()
    assert 'active = "TRIMSEC"' in text
    # the same window, and nothing tells where
    stray = tmp_path / "stray.fits"
    with fits.open(folder / "window.fits") as hdus:
        del hdus[0].header["CCDSEC"]
        hdus[0].header["DATE-OBS"] = "2021-03-04T20:10:00"
        hdus.writeto(stray)
    assert main(["instrument", "check", str(stray)]) == 1
    assert "no card tells where on the chip it begins" in capsys.readouterr().out
    (tmp_path / "instruments" / "strips.toml").unlink()
    (tmp_path / "instruments").rmdir()
    with observing(db, tmp_path, monkeypatch, "STRIPS", text):
        report = ingest([folder, stray], commit=True, processes=1)
        told = {row.path.name: row.message for row in report if row.state is State.REFUSED}
        assert list(told) == ["stray.fits"]
        assert "no card tells where on the chip it begins" in told["stray.fits"]
        ReadNoiseTask(instrument="STRIPS", date="2021-03-04", commit=True).execute()
        [bias] = BiasTask(instrument="STRIPS", date="2021-03-04", commit=True).execute()
        raws = RawScienceFrame.instrument.name == "STRIPS"
        whole, small = sorted(raws, key=lambda raw: raw.DATE_OBS)[-2:]
        assert (small.geometry["start_x"], small.geometry["start_y"]) == (91, 61)
        without = {"go_without": ["flat", "hot", "cold", "gain", "read_noise"]}
        reduced = [
            ReduceTask(instrument="STRIPS", raw_filenames=[one.filename], **without).execute()[0]
            for one in (whole, small)
        ]
        assert reduced[0].bias == reduced[1].bias == bias
        # the structure of the bias is taken out at its place
        off = reduced[1].data - reduced[0].data[60:180, 90:250]
        assert np.nanmax(np.abs(off)) < 1.5
        assert instruments.get("STRIPS").name == "STRIPS"


def test_a_draft_of_windows_alone_doubts_its_size(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AWE_HOME", str(tmp_path))
    folder = tmp_path / "night"
    night(folder)
    for path in folder.glob("n*.fits"):
        path.unlink()
    main(["instrument", "new", str(folder), "--name", "STRIPS"])
    told = capsys.readouterr().out
    assert "CCDSIZE = '[1:300,1:200]' and the largest image has 160 x 120" in told

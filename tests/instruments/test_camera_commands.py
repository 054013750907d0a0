"""`awe-admin instrument`, and real frames of three cameras by text files alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from matplotlib.image import imread

from awe import instruments
from awe.admin.command import main
from awe.errors import BadHeader, NotFound
from awe.ingest.chipfiles import cut
from awe.ingest.split import examine
from awe.ingest.trial import picture, trial
from awe.instruments import models

CAMERAS = Path(__file__).with_name("cameras")
#: Small real frames beside the clone, where somebody has put them; each has a SOURCE.md.
REAL = Path(__file__).parents[3] / "shared" / "data"
real = pytest.mark.skipif(not (REAL / "kast_lick_raw").is_dir(), reason="no real frames here")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    shutil.copytree(CAMERAS, tmp_path / "instruments")
    monkeypatch.setenv("AWE_HOME", str(tmp_path))
    return tmp_path


def like_ste3(path, level=0, spread=0, **cards):
    """Write a frame with the cards of STE3, its strip that much above the bias, and noisier."""
    random = np.random.default_rng(3)
    pixels = random.normal(214, 2.6, (520, 536))
    pixels[:, 16:528] += random.poisson(86 * 1.9, (520, 512)) / 1.9
    pixels[:, 3:13] += level
    pixels[:, 3:13] += spread * np.random.default_rng(4).normal(size=(520, 10))
    hdu = fits.PrimaryHDU(np.rint(pixels).astype(np.uint16))
    hdu.header.update({
        "INSTRUME": "STE3 CCD", "DATE-OBS": "2013-07-13", "UT": "00:57:33", "ST": "21:45:06",
        "IMAGETYP": "object", "FILTERS": 48, "EXPTIME": 150.04, "SECZ": 1.176, "OBJECT": "field",
        "OBSERVER": "us", "TRIMSEC": "[  17: 528,   1: 520]", "BIASSEC": "[   4:  13,   1: 520]",
        **cards,
    })  # fmt: skip
    hdu.writeto(path)
    return path


def test_a_trial_tells_what_a_file_would_be(tmp_path):
    path = like_ste3(tmp_path / "a1.fits")
    lines, doubts = trial(path)
    assert lines[0] == f"{path}: STE3, science, 2013-07-13T00:57:33, night of 2013-07-12, " + (
        "STE3_48, 150.04 s, field"
    )
    assert "active [17:528,1:520] median 300" in lines[-1]
    assert "prescan_x [4:13,1:520] median 214 stdev 2.6" in lines[-1]
    assert doubts == 0
    assert picture(path, tmp_path / "a1.png").read_bytes()[:4] == b"\x89PNG"


def test_a_picture_has_the_shape_of_the_chip_and_a_whole_title(tmp_path):
    whole = like_ste3(tmp_path / "a1.fits", TRIMSEC="[17:528,1:300]", BIASSEC="[4:13,1:300]",
                      CCDSEC="[1:512,1:300]")  # fmt: skip
    path = tmp_path / f"{'a long name ' * 8}.fits"
    with fits.open(whole) as hdus:
        fits.writeto(path, hdus[0].data[:300], hdus[0].header)
    drawn = imread(picture(path, tmp_path / "a1.png"))[..., :3]
    edge = [drawn[:3], drawn[-3:], drawn[:, :3], drawn[:, -3:]]
    assert all((side == 1).all() for side in edge)
    lime = np.argwhere((drawn == (0, 1, 0)).all(axis=-1))
    height, width = np.ptp(lime, axis=0)
    assert width / height == pytest.approx(512 / 300, rel=0.02)


def test_a_trial_doubts_strips_with_light_and_pixels_above_the_converter(tmp_path):
    lines, doubts = trial(like_ste3(tmp_path / "lit.fits", level=400))
    assert doubts == 1
    assert "prescan_x of STE3_1 is brighter (614) than the light (300): the section" in lines[-1]
    lines, doubts = trial(like_ste3(tmp_path / "noisy.fits", spread=20))
    assert doubts == 1
    assert "prescan_x of STE3_1 has a noise of" in lines[-1]
    with pytest.raises(BadHeader, match=r"prescan_x \[7:26,1:520\] and the light.* lap over"):
        trial(like_ste3(tmp_path / "s.fits", BIASSEC="[7:26,1:520]"))


def test_check_names_what_is_right_and_what_is_refused(tmp_path, capsys):
    good, bad = like_ste3(tmp_path / "a1.fits"), like_ste3(tmp_path / "a2.fits", FILTERS=49)
    assert main(["instrument", "check", str(good), str(bad)]) == 1
    told = capsys.readouterr().out
    assert "FILTERS = '49' is not one of 11, 12, " in told
    assert told.endswith("1 right, 1 refused, 0 doubt(s)\n")
    (tmp_path / "night").mkdir()
    good.rename(tmp_path / "night" / "a1.fits")
    for given in (tmp_path / "night", tmp_path / "night" / "a*.fits"):
        assert main(["instrument", "check", str(given)]) == 0
        assert capsys.readouterr().out.endswith("1 right, 0 refused, 0 doubt(s)\n")
    assert main(["instrument", "check"]) == 0
    assert "STE3 with 1 chip(s) is well described" in capsys.readouterr().out


#: MJD of the begin of the frames of `aspen`
MJD = 59277 + 5 / 24


def aspen(path, kind, level, minute, **cards):
    """Write a frame of the Aspen with a level and its noise."""
    pixels = np.random.default_rng(minute).normal(level, 7, (200, 200))
    hdu = fits.PrimaryHDU(np.clip(np.rint(pixels), 0, 65535).astype(np.uint16))
    spelled = {"bias": "BIAS", "dome": "FLAT", "science": "LIGHT"}
    hdu.header.update({
        "INSTRUME": "AspenCG16", "DATE-OBS": f"2021-03-04T05:00:{minute:02}", "FILTER": "r",
        "IMAGETYP": spelled[kind], **cards,
    })  # fmt: skip
    hdu.writeto(path)


def test_check_doubts_frames_that_are_odd_among_others(tmp_path, capsys):
    """A bias that was exposed or has light, flats of an unlit lamp, another clock."""
    night = tmp_path / "night"
    night.mkdir()
    camera = aspen
    odd = {"lit.fits", "long.fits", "off.fits", "full.fits", "zero.fits", "local.fits"}
    for number in range(4):
        camera(night / f"b{number}.fits", "bias", 1000, number, EXPTIME=0.0)
    camera(night / "lit.fits", "bias", 1400, 4, EXPTIME=0.0)
    camera(night / "long.fits", "bias", 1000, 5, EXPTIME=30.0)
    camera(night / "f.fits", "dome", 20_000, 6, EXPTIME=3.0)
    camera(night / "off.fits", "dome", 1003, 7, EXPTIME=3.0)
    camera(night / "full.fits", "dome", 65_535, 8, EXPTIME=3.0)
    camera(night / "s.fits", "science", 1300, 9, EXPTIME=60.0, **{"MJD-OBS": MJD + 30 / 86400})
    camera(night / "zero.fits", "science", 1300, 10, EXPTIME=0.0)
    camera(night / "local.fits", "science", 1300, 11, EXPTIME=6.0, **{"MJD-OBS": MJD + 2 / 24})
    assert main(["instrument", "check", str(night)]) == 0
    told = capsys.readouterr().out
    doubts = [line for line in told.splitlines() if "doubt: " in line]
    assert len(doubts) == len(odd), told
    for name, text in {
        "lit.fits": "bias with a level of 1400 ADU, other biases have 1000",
        "long.fits": "a bias of 30 s", "off.fits": "a dome flat without light: 1003 ADU, 1000 ",
        "full.fits": "a dome flat that is full", "zero.fits": "science of 0 s",
    }.items():  # fmt: skip
        assert any(f"{name}: {text}" in line for line in doubts), (name, told)
    assert any("MJD-OBS is +2.00 h from DATE_OBS" in line for line in doubts)
    assert told.endswith(f"12 right, 0 refused, {len(odd)} doubt(s)\n")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("[parameters]\nBiasFrames.SIGMA_CLIP = 3", "there is no class 'BiasFrames' with param"),
        ("[parameters]\nBiasFrame.SIGMA = 3", "parameters.BiasFrame.SIGMA: BiasFrame has no par"),
        ("[parameters]\nBiasFrame.SIGMA_CLIP = 'x'", "parameters.BiasFrame.SIGMA_CLIP: "),
        ('[filters]\nr = "KAST_BLUE_d55"', "KAST_BLUE_d55 is a name KAST_BLUE has too; choose"),
    ],
)
def test_check_looks_beyond_the_file(home, capsys, changed, told):
    path = home / "instruments" / "other.toml"
    text = (CAMERAS / "aspen_cg16.toml").read_text().replace("ASPEN_CG16", "OTHER")
    if changed.startswith("[filters]"):
        start = text.index("[filters]")
        text = text[:start] + changed + text[text.index("\n\n", start) :]
        changed = ""
    path.write_text(text + changed + "\n")
    assert main(["instrument", "check", str(path)]) == 1
    assert told in capsys.readouterr().out


@pytest.fixture
def mine(home):
    """A frame of a camera of one's own, its description, and where that is to be."""
    text = Path(instruments.__file__).with_name("ste3.toml").read_text()
    text = text.replace("STE3", "MINE")
    frame = like_ste3(home / "a1.fits", INSTRUME="MINE CCD")
    return frame, text, home / "instruments" / "mine.toml"


def test_a_parameter_that_is_wrong_is_told_where_only_frames_are_tried(mine, capsys):
    frame, text, path = mine
    # as some editors save text
    path.write_text(text + "[parameters]\nBiasFrame.SIGMA = 3\n", encoding="utf-8-sig")
    assert main(["instrument", "check", str(frame)]) == 1
    told = capsys.readouterr().out
    assert f"{path}: parameters.BiasFrame.SIGMA: BiasFrame has no par" in told
    assert "1 right, 1 refused" in told
    assert instruments.own_text("MINE").startswith("#")


def test_frames_of_a_description_that_cannot_be_read_name_it(mine, capsys):
    frame, text, path = mine
    path.write_text(text, encoding="utf-16")
    assert main(["instrument", "check", str(frame)]) == 1
    told = capsys.readouterr().out
    assert f"it may be that of {path}: the file is not text in UTF-8" in told
    assert "instrument new" not in told


def test_list_and_show_tell_of_broken_files_too(home, capsys):
    (home / "instruments" / "broken.toml").write_text("name = 3\n")
    assert main(["instrument", "list"]) == 0
    told = capsys.readouterr().out
    assert "BROKEN" in told
    assert "name is 3, expected capitals" in told
    assert "models, for instrument new --like: ASI294MC, " in told
    assert main(["instrument", "show", "kast_blue"]) == 0
    told = capsys.readouterr().out
    assert "recognised by VERSION = kastb" in told
    assert "KAST_BLUE_1  2112 x 2110  [1:2048,1:2110]" in told
    amplifiers = instruments.get("KAST_BLUE").chip("KAST_BLUE_1").amplifiers
    assert [one.overscan_x for one in amplifiers] == ["[2049:2080,1:2110]", "[2081:2112,1:2110]"]
    assert [one.gain for one in amplifiers] == [1.2, 1.2]
    assert main(["instrument", "show", "asi294mc"]) == 0
    assert "a model, for --like ASI294MC: " in capsys.readouterr().out
    assert main(["instrument", "show", "KASTBLUE"]) == 1
    assert "did you mean 'KAST_BLUE'?" in capsys.readouterr().err


def test_every_model_makes_a_camera_of_ones_own(home, capsys):
    place = ["--time-zone", "Africa/Johannesburg", "--pixel-scale", "0.8"]
    for number, model in enumerate(models.available()):
        name = f"MINE{number}"
        assert main(["instrument", "new", "--like", model.lower(), "--name", name, *place]) == 0
        camera = instruments.get(name)
        assert camera.utc_offset == 2.0
        assert camera.pixel_scale in (0.8, 1.6)
        text = (home / "instruments" / f"{name.lower()}.toml").read_text()
        names = [*camera.chips, *camera.filters.values()]
        assert all(one.startswith(name) for one in names)
        # but for the line that tells what it is made of, nothing has the name of the model
        assert f"made of the model {model}" in text
        assert f'"{model}' not in text
    assert main(["instrument", "check"]) == 0
    assert "0 refused" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["--like", "stf8300"], "needs --time-zone and --pixel-scale, which no model knows"),
        (["--like", "STF830"], "no such model; did you mean 'STF8300'"),
        (["--like", "STF8300", "--time-zone", "Europe/Amsterdm", "--pixel-scale", "1"],
         "expected a time zone such as"),
        (["--like", "STF8300", "--time-zone", "Europe/Amsterdam", "--pixel-scale", "0"],
         "above 0 and below 3600"),
        ([], "no file was given; name biases"),
    ],
)  # fmt: skip
def test_what_a_model_cannot_know_is_asked_for(home, capsys, said, told):
    before = sorted((home / "instruments").iterdir())
    assert main(["instrument", "new", *said]) == 1
    assert told in capsys.readouterr().err
    assert sorted((home / "instruments").iterdir()) == before


def test_the_database_has_no_description_of_what_comes_with_awe(capsys):
    assert main(["instrument", "update", "wfi"]) == 1
    assert "WFI comes with awe" in capsys.readouterr().err
    assert main(["instrument", "update", "mine"]) == 1
    assert "MINE has no file of yours" in capsys.readouterr().err


def regions(path, directory):
    exposure = examine(path)
    return exposure, next(cut(exposure, directory)).statistics


@real
def test_frames_of_kast_reproduce_the_levels_of_their_source(tmp_path):
    for name, level, seconds in (("b1", 945.1, 30), ("b27", 940.8, 1200)):
        exposure, numbers = regions(REAL / "kast_lick_raw" / f"{name}.fits.gz", tmp_path)
        assert (exposure.instrument, exposure.purpose) == ("KAST_BLUE", "science")
        assert exposure.frames[0].attributes["EXPTIME"] == seconds
        assert numbers["overscan_x"]["mean"] == pytest.approx(level, abs=0.15)
        assert 3.1 <= numbers["overscan_x"]["stdev"] <= 3.5


@real
def test_a_frame_of_ste3_has_its_sections_from_its_cards(tmp_path):
    exposure, numbers = regions(REAL / "saao_ste3_raw" / "a8280271.fits.gz", tmp_path)
    attributes = exposure.frames[0].attributes
    assert (attributes["OBJECT"], attributes["AIRMSTRT"]) == ("rf0420", 1.176)
    assert (attributes["UTC"], attributes["LST"]) == (3453.0, 78306.0)
    assert numbers["prescan_x"]["median"] == 214
    assert numbers["prescan_x"]["stdev"] == pytest.approx(3.03, abs=0.01)
    assert numbers["active"]["median"] - numbers["prescan_x"]["median"] == 86


@real
def test_calibrations_of_an_aspen_are_told_from_its_science(tmp_path):
    folder = REAL / "kelt16_minireduction"
    found = {
        path.name.partition(".")[0]: regions(path, tmp_path) for path in folder.glob("*.gz")
    }
    assert {name.split("_")[-1]: one[0].purpose for name, one in found.items()} == {
        "bias": "bias", "90": "dark", "r": "dome", "kelt-16-b-S001-R001-C084-r": "science",
    }  # fmt: skip
    assert found["kelt-16-b-S001-R001-C084-r"][1]["active"]["median"] == 1102
    assert found["combined_flat_filter_r"][1]["active"]["mean"] == pytest.approx(1.0156, abs=1e-4)
    (instruments.own_directory() / "aspen_cg16.toml").unlink()
    with pytest.raises(NotFound, match="INSTRUME = 'AspenCG16': no camera"):
        examine(folder / "combined_bias.fit.gz")

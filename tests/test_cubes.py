"""Cubes of exposures: refused with what to do, or split on request."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from astropy.io import fits
from own_camera import PURPOSES, observing

from awe import instruments
from awe.admin.command import main
from awe.errors import BadHeader
from awe.fits import judge
from awe.ingest import ingest
from awe.ingest.chipfiles import cut
from awe.ingest.split import examine
from awe.model.raw import RawScienceFrame

DESCRIPTION = """
name = "LUCKY"
pixel_scale = 0.1
site.longitude = 5.0
[chip]
name = "LUCKY_1"
size = [40, 30]
active = "[1:32,1:30]"
overscan_x = "[33:40,1:30]"
gain = 1.0
read_noise = 5.0
[filters]
I = "LUCKY_I"
[cards]
DATE_OBS = "DATE-OBS"
EXPTIME = "EXPTIME"
OBJECT = "OBJECT"
filter = "FILTER"
""" + PURPOSES
BEGAN = datetime(2021, 3, 4, 20, 0, 0, 500_000)


def write(folder, name="cube.fits", planes=4, **cards):
    pixels = 500 + np.arange(planes * 30 * 40, dtype=np.uint16).reshape(planes, 30, 40)
    hdu = fits.PrimaryHDU(pixels)
    hdu.header.update({
        "INSTRUME": "LUCKY", "DATE-OBS": BEGAN.isoformat(), "MJD-OBS": 59277.83333912037,
        "EXPTIME": 0.2, "OBJECT": "double", "IMAGETYP": "Light Frame", "FILTER": "I", **cards,
    })  # fmt: skip
    hdu.writeto(folder / name, checksum=True)
    return folder / name, pixels


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AWE_HOME", str(tmp_path))
    (tmp_path / "instruments").mkdir()
    (tmp_path / "instruments" / "lucky.toml").write_text(DESCRIPTION)
    return tmp_path


def describe(home, more):
    (home / "instruments" / "lucky.toml").write_text(DESCRIPTION + more)


def test_a_cube_is_refused_with_what_to_do(home):
    path, _ = write(home)
    with pytest.raises(BadHeader, match=r"--split-cubes takes them one by one, or cube.split"):
        examine(path)


@pytest.mark.parametrize(
    ("more", "cards", "between"),
    [
        ("", {}, 0.2),
        ('[cube]\nstep = "KCT"\n', {"KCT": 0.25}, 0.25),
        ('[cube]\nstep = { keyword = "CYCLE", unit = "ms" }\n', {"CYCLE": 210.0}, 0.21),
    ],
)
def test_each_plane_becomes_an_exposure_with_its_own_moment(home, more, cards, between):
    describe(home, more)
    path, pixels = write(home, CTYPE3="TIME", CRPIX3=1.0, **cards)
    # asked for in the call, or in the description
    exposure = examine(path, cubes=not more)
    assert exposure.notes == (f"cube of 4 exposures, one every {between:g} s",)
    for number, (piece, plane) in enumerate(zip(cut(exposure, home), pixels, strict=True)):
        moment = BEGAN + timedelta(seconds=number * between)
        assert piece.frame.attributes["DATE_OBS"] == moment
        assert piece.path.stem.endswith(f"_0_{number + 1:04d}")
        assert judge(piece.path)[0].verified
        with fits.open(piece.path) as units:
            np.testing.assert_array_equal(units[0].data, plane)
            header = units[0].header
        assert header["DATE-OBS"] == moment.isoformat(timespec="microseconds")
        passed = number * between / 86_400
        assert header["MJD-OBS"] == pytest.approx(59277.83333912037 + passed, abs=1e-9)
        assert header["AWE RAW LAYER"] == number + 1
        assert "CTYPE3" not in header
        assert piece.statistics["active"]["max"] == plane[:, :32].max()


@pytest.mark.parametrize(
    ("more", "cards", "told"),
    [
        ("", {"CTYPE3": "WAVE"}, "cube of 4 planes along WAVE, which are not exposures"),
        ("", {"CTYPE3": "RGB"}, "along RGB"),
        ("", {"EXPTIME": 0.0}, "have no time from one to the next"),
        ('[cube]\nstep = "KCT"\n', {}, "KCT is missing"),
    ],
)
def test_a_cube_that_is_not_clear_is_refused(home, more, cards, told):
    describe(home, more)
    path, _ = write(home, **cards)
    with pytest.raises(BadHeader, match=told):
        examine(path, cubes=True)


def test_a_cube_comes_in_once_and_whole(db, tmp_path, monkeypatch):
    with observing(db, tmp_path, monkeypatch, "LUCKY", DESCRIPTION):
        path, pixels = write(tmp_path)
        refused = ingest([path], commit=True, processes=1)
        assert not refused.ok
        report = ingest([path], commit=True, split_cubes=True, processes=1)
        assert report.ok, [row.message for row in report]
        assert report.rows[0].frames == 4
        found = sorted(RawScienceFrame.instrument.name == "LUCKY", key=lambda one: one.DATE_OBS)
        assert [frame.imstat.max for frame in found] == [one[:, :32].max() for one in pixels]
        assert len({frame.raw_fits.object_id for frame in found}) == 1
        # under another name and packed anew it is known by the pixels of all its planes
        path.rename(tmp_path / "other.fits")
        again = ingest([tmp_path / "other.fits"], commit=True, split_cubes=True, processes=1)
        assert again.rows[0].state.name == "KNOWN"
        # a single exposure of it, too
        with fits.open(tmp_path / "other.fits") as units:
            header = units[0].header.copy()
        one = fits.PrimaryHDU(pixels[2])
        for word in ("INSTRUME", "EXPTIME", "OBJECT", "IMAGETYP", "FILTER"):
            one.header[word] = header[word]
        one.header["DATE-OBS"] = (BEGAN + timedelta(seconds=0.4)).isoformat()
        one.writeto(tmp_path / "third.fits")
        third = ingest([tmp_path / "third.fits"], commit=True, processes=1)
        assert third.rows[0].state.name == "KNOWN", third.rows[0].message


def test_a_camera_is_drafted_from_its_cubes(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AWE_HOME", str(tmp_path / "home"))
    random, folder = np.random.default_rng(4), tmp_path / "night"
    folder.mkdir()
    kinds = (("Bias Frame", 0), ("Flat Field", 9000), ("Light Frame", 300))
    for n, (kind, light) in enumerate(kinds):
        frames = random.poisson(light, (5, 120, 160)) + random.normal(500, 6, (5, 120, 160))
        hdu = fits.PrimaryHDU(np.rint(frames).astype(np.uint16))
        hdu.header.update({
            "INSTRUME": "LUCKY", "DATE-OBS": f"2021-03-04T20:0{n}:00.5", "EXPTIME": 0.2,
            "KCT": 0.25, "IMAGETYP": kind, "FILTER": "I", "OBJECT": "double",
        })  # fmt: skip
        hdu.writeto(folder / f"{n}.fits")
    assert main(["instrument", "new", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "images of three axes, one of 5 planes: each is taken for an exposure" in told
    assert "KCT = 0.25 is taken for the time from one exposure to the next" in told
    assert "0 refused" in told
    assert examine(folder / "2.fits").notes[0] == "cube of 5 exposures, one every 0.25 s"
    chip = instruments.get("LUCKY").chip("LUCKY_1")
    assert (chip.geometry.nx, chip.geometry.ny) == (160, 120)
    # of pairs of planes
    assert chip.read_noise == pytest.approx(6, rel=0.05)
    assert chip.gain == pytest.approx(1, rel=0.05)


def test_a_cube_of_colours_is_refused_in_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AWE_HOME", str(tmp_path / "home"))
    path, _ = write(tmp_path, planes=3, CTYPE3="RGB")
    assert main(["instrument", "new", str(path)]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "is a cube of 3 planes along RGB, which are not exposures" in told

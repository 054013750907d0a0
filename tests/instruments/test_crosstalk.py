"""Crosstalk between amplifiers: measured from files, and taken out of reduced frames."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from own_camera import PURPOSES, observing

from awe.admin.command import main
from awe.calib.detector import amplifiers, crosstalk, sections
from awe.calib.detector.geometry import Amplifier, ChipGeometry
from awe.calib.flags import PixelFlag
from awe.errors import ConfigError, WrongShape
from awe.ingest import couplings as measuring
from awe.ingest import ingest
from awe.instruments import load
from awe.model.raw import RawScienceFrame
from awe.recipes.bias import BiasTask
from awe.recipes.coldpixels import ColdPixelsTask
from awe.recipes.domeflat import DomeFlatTask
from awe.recipes.hotpixels import HotPixelsTask
from awe.recipes.masterflat import MasterFlatTask
from awe.recipes.readnoise import ReadNoiseTask
from awe.recipes.reduce import ReduceTask

REAL = Path(__file__).parents[3] / "shared" / "data" / "kast_lick_raw"
NX, NY = 200, 240
LEVELS, SKY = {"A": 900.0, "B": 1100.0}, 60.0
#: victim -> source -> fraction, as the camera has it
TRUE = {"A": {"B": 1.2e-3}, "B": {"A": -6e-4}}
#: the second amplifier reads from the right
DESCRIPTION = """
name = "GHOSTS"
pixel_scale = 0.5
site.longitude = 5.0
[chip]
name = "GHOSTS_1"
size = [448, 240]
gain = 1.5
read_noise = 5.0
[[chip.amplifiers]]
name = "A"
active = "[1:200,1:240]"
overscan_x = "[401:424,1:240]"
[[chip.amplifiers]]
name = "B"
active = "[201:400,1:240]"
overscan_x = "[425:448,1:240]"
gain = 1.65
{output}
[filters]
V = "GHOSTS_V"
[cards]
DATE_OBS = "DATE-OBS"
EXPTIME = "EXPTIME"
OBJECT = "OBJECT"
filter = "FILTER"
""" + PURPOSES
OUTPUT = 'output = "lower right"'
TABLE = """
[chip.crosstalk]
A = {{ B = {A} }}
B = {{ A = {B} }}
"""


def describe(folder, output=OUTPUT, table=""):
    text = DESCRIPTION.format(output=output)
    return text.replace("[filters]", f"{table}\n[filters]", 1)


def sky_of(random, stars):
    """Return electrons of a sky with stars that are bright in either half, and where those are."""
    y, x = np.mgrid[:NY, : 2 * NX]
    light = np.full((NY, 2 * NX), SKY * 1.5)
    places = []
    for _ in range(stars):
        py, px = random.uniform(20, NY - 20), random.uniform(12, 2 * NX - 12)
        light += 50_000 * np.exp(-((y - py) ** 2 + (x - px) ** 2) / (2 * 2.5**2))
        places.append((round(py), round(px)))
    return light, places


def readout(random, electrons):
    """Return the counts of both halves as they are read: the second from its right edge."""
    gains = {"A": 1.5, "B": 1.65}
    halves = {"A": electrons[:, :NX], "B": electrons[:, NX:][:, ::-1]}
    light = {name: random.poisson(half) / gains[name] for name, half in halves.items()}
    raw = np.zeros((NY, 2 * NX + 48))
    for n, name in enumerate("AB"):
        seen = light[name] + sum(part * light[other] for other, part in TRUE[name].items())
        seen = seen[:, :: -1 if name == "B" else 1]
        noise = random.normal(0, 5.0 / gains[name], (NY, NX + 24))
        raw[:, n * NX : (n + 1) * NX] = LEVELS[name] + seen + noise[:, :NX]
        raw[:, 2 * NX + 24 * n : 2 * NX + 24 * (n + 1)] = LEVELS[name] + noise[:, NX:]
    return np.clip(np.rint(raw), 0, 65535).astype(np.uint16)


def write(folder, name, pixels, kind, clock):
    hdu = fits.PrimaryHDU(pixels)
    hdu.header.update({
        "INSTRUME": "GHOSTS", "DATE-OBS": f"2021-03-04T{clock}", "IMAGETYP": kind,
        "EXPTIME": 9.0, "FILTER": "V", "OBJECT": "field",
    })  # fmt: skip
    hdu.writeto(folder / f"{name}.fits")
    return folder / f"{name}.fits"


def fields(folder, number, seed, stars=12):
    random = np.random.default_rng(seed)
    found = []
    for n in range(number):
        light, places = sky_of(random, stars)
        pixels = readout(random, light)
        found.append((write(folder, f"s{n}", pixels, "Light Frame", f"22:0{n}:00"), places))
    return found


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AWE_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "instruments").mkdir(parents=True)
    return tmp_path


def at_home(home, **said):
    path = home / "home" / "instruments" / "ghosts.toml"
    path.write_text(describe(home, **said))
    return path


def test_fractions_are_measured_from_files(home, capsys):
    at_home(home)
    files = [path for path, _ in fields(home, 3, seed=5)]
    found = {
        (one.victim, one.source): one for one in measuring.measured(files)["GHOSTS_1"]
    }
    assert set(found) == {("A", "B"), ("B", "A")}
    for (victim, source), one in found.items():
        assert one.mirrored == (False, False)
        assert one.error < 5e-5
        assert one.fraction == pytest.approx(TRUE[victim][source], abs=4 * one.error)
    assert main(["instrument", "crosstalk", *map(str, files)]) == 0
    told = capsys.readouterr().out
    keys = dict(re.findall(r'^crosstalk."(\w)" = \{ "\w" = (\S+) \}$', told, re.MULTILINE))
    assert float(keys["A"]) == pytest.approx(1.2e-3, rel=0.1)
    # what is printed goes into the description as it is
    lines = "\n".join(line for line in told.splitlines() if line.startswith("crosstalk."))
    path = home / "home" / "instruments" / "ghosts.toml"
    first = "[[chip.amplifiers]]"
    path.write_text(describe(home).replace(first, f"{lines}\n{first}", 1))
    [(name, fraction)] = load(path).chip("GHOSTS_1").amplifiers[0].crosstalk
    assert (name, fraction) == ("B", float(keys["A"]))


def test_another_corner_than_described_is_told(home, capsys):
    at_home(home, output="")
    files = [str(path) for path, _ in fields(home, 2, seed=6)]
    assert main(["instrument", "crosstalk", *files]) == 0
    told = capsys.readouterr().out
    assert "columns" in told
    assert "give its amplifiers the corners they are read from" in told
    assert 'crosstalk."A"' not in told


@pytest.mark.skipif(not REAL.is_dir(), reason="no real frames here")
def test_lines_of_a_lamp_on_both_amplifiers_are_no_crosstalk():
    found = measuring.measured(sorted(REAL.glob("*.fits.gz")))["KAST_BLUE_1"]
    assert {(one.victim, one.source) for one in found} == {("A1", "A2"), ("A2", "A1")}
    assert all(one.significance < measuring.CLEAR for one in found)
    assert measuring.table(found) == ""


def test_names_that_are_no_amplifiers_are_refused(home):
    path = at_home(home, table="[chip.crosstalk]\nA = { C = 0.001 }")
    with pytest.raises(ConfigError, match="has 'C', expected one of the amplifiers A, B"):
        load(path)
    path = at_home(home, table="[chip.crosstalk]\nA = { A = 0.001 }")
    with pytest.raises(ConfigError, match="has 'A' in itself"):
        load(path)


def test_corners_of_four_amplifiers_see_the_same_moment():
    corners = {"LL": (0, 0), "LR": (0, 1), "UL": (1, 0), "UR": (1, 1)}
    four = tuple(
        Amplifier(
            name=name, gain=1.0, read_noise=1.0,
            active=sections.format((slice(30 * y, 30 * y + 30), slice(40 * x, 40 * x + 40))),
            output=f"{'upper' if y else 'lower'} {'right' if x else 'left'}",
            crosstalk=() if name == "LL" else (("LL", 0.01),),
        )
        for name, (y, x) in corners.items()
    )  # fmt: skip
    where = ChipGeometry(nx=80, ny=60, active="[1:80,1:60]", amplifiers=four)
    light = np.zeros((60, 80), np.float32)
    light[7, 3] = 1000
    seen = crosstalk.ghosts(light, where)
    assert {tuple(map(int, place)) for place in np.argwhere(seen)} == {
        (7, 76), (52, 3), (52, 76),
    }  # fmt: skip
    assert np.unique(seen).tolist() == [0.0, 10.0]
    # in a frame, it is part of what is subtracted
    found = amplifiers.levelled(light, where, 0)
    assert found.light[7, 3] == 1000
    assert found.light[52, 76] == -10


def test_amplifiers_of_other_sizes_see_nothing():
    two = (
        Amplifier(name="A", active="[1:40,1:30]", gain=1, read_noise=1, crosstalk=(("B", 0.1),)),
        Amplifier(name="B", active="[41:100,1:30]", gain=1, read_noise=1),
    )
    where = ChipGeometry(nx=100, ny=30, active="[1:100,1:30]", amplifiers=two)
    with pytest.raises(WrongShape, match=r"A reads \(40, 30\) pixels and B \(60, 30\)"):
        crosstalk.ghosts(np.zeros((30, 100), np.float32), where)


def night(folder):
    random = np.random.default_rng(8)
    for n in range(5):
        write(folder, f"b{n}", readout(random, np.zeros((NY, 2 * NX))), "Bias Frame",
              f"18:0{n}:00")  # fmt: skip
        lamp = np.full((NY, 2 * NX), 30_000.0)
        write(folder, f"f{n}", readout(random, lamp), "Flat Field", f"18:2{n}:00")
    return fields(folder, 1, seed=9, stars=10)[0][1]


def ghosts_of(reduced, places):
    """Return the light at the places where ghosts of stars are, over the sky, by half [ADU]."""
    science, flags = reduced.data, fits.getdata(reduced.pathname, "MASK")
    rest = science - np.nanmedian(science)
    y, x = np.mgrid[:NY, : 2 * NX]
    own = np.zeros(science.shape, bool)
    for py, px in places:
        own |= (y - py) ** 2 + (x - px) ** 2 < 20**2
    found = {"A": [], "B": []}
    for py, px in places:
        # mirrored about the middle of the chip
        there = (y - py) ** 2 + (x - (2 * NX - 1 - px)) ** 2 < 3**2
        good = there & ~own & (flags & int(PixelFlag.SATURATED) == 0)
        found["A" if px >= NX else "B"].extend(rest[good])
    return {name: np.array(some) for name, some in found.items()}


@pytest.mark.parametrize("corrected", [False, True])
def test_ghosts_are_gone_from_reduced_frames(db, tmp_path, monkeypatch, corrected):
    table = TABLE.format(A=TRUE["A"]["B"], B=TRUE["B"]["A"]) if corrected else ""
    with observing(db, tmp_path, monkeypatch, "GHOSTS", describe(tmp_path, table=table)):
        folder = tmp_path / "night"
        folder.mkdir()
        places = night(folder)
        report = ingest(sorted(folder.glob("*.fits")), commit=True, processes=1)
        assert report.ok, [row.message for row in report]
        common = {"instrument": "GHOSTS", "chip": "GHOSTS_1", "commit": True}
        nightly = {"date": "2021-03-04", **common}
        for task in (ReadNoiseTask, BiasTask, HotPixelsTask):
            task(**nightly).execute()
        for task in (DomeFlatTask, ColdPixelsTask, MasterFlatTask):
            task(filter="GHOSTS_V", **nightly).execute()
        names = [raw.filename for raw in RawScienceFrame.instrument.name == "GHOSTS"]
        [reduced] = ReduceTask(raw_filenames=names, **common).execute()
        found = ghosts_of(reduced, places)
    for name, peak in (("A", 33_000 * 1.2e-3), ("B", -33_000 * 6e-4)):
        # light within three pixels of a star 2.5 pixels wide: 0.68 of its peak on average
        error = 8 / len(found[name]) ** 0.5
        if corrected:
            assert abs(found[name].mean()) < 4 * error, name
        else:
            assert found[name].mean() == pytest.approx(0.7 * peak, rel=0.25), name

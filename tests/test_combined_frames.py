"""Masters and stacks of other programs: refused as raw frames, and a doubt of a description."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from own_camera import PURPOSES, observing

from awe.ingest import State, combined, ingest
from awe.ingest.trial import trial
from awe.model.raw import RawBiasFrame

REAL = Path(__file__).parents[2] / "shared" / "data" / "kelt16_minireduction"
DESCRIPTION = """
name = "STACKS"
pixel_scale = 1.0
site.longitude = 5.0
[chip]
name = "STACKS_1"
size = [40, 30]
active = "[1:32,1:30]"
overscan_x = "[33:40,1:30]"
gain = 1.0
read_noise = 5.0
[filters]
V = "STACKS_V"
[cards]
DATE_OBS = "DATE-OBS"
EXPTIME = "EXPTIME"
OBJECT = "OBJECT"
filter = "FILTER"
[[purpose]]
is = "bias"
IMAGETYP = "*bias*"
""" + PURPOSES


def write(folder, name, seed=1, **cards):
    pixels = np.random.default_rng(seed).normal(500, 5, (30, 40))
    hdu = fits.PrimaryHDU(np.rint(pixels).astype(np.uint16))
    hdu.header.update({
        "INSTRUME": "STACKS", "DATE-OBS": f"2021-03-04T20:00:{seed:02}.5", "EXPTIME": 0.0,
        "OBJECT": "", "IMAGETYP": "Bias Frame", **cards,
    })  # fmt: skip
    hdu.writeto(folder / name, checksum=True)
    return folder / name


#: cards as IRAF, ccdproc, stacking programs, MaxIm DL and ESO's pipelines write them
SAID = [
    {"IMAGETYP": "MASTER BIAS"}, {"IMAGETYP": "Master Bias Frame"}, {"NCOMBINE": 20},
    {"COMBINED": True}, {"IMCMB001": "b1.fits"}, {"STACKCNT": 12}, {"SNAPSHOT": 5},
    {"HIERARCH ESO PRO CATG": "MASTER_BIAS"}, {"HIERARCH ESO PRO DATANCOM": 5},
]  # fmt: skip


@pytest.fixture
def scientist(db, tmp_path, monkeypatch):
    with observing(db, tmp_path, monkeypatch, "STACKS", DESCRIPTION):
        yield


def test_combinations_are_refused_by_the_card_that_says_it(scientist, tmp_path):
    paths = [write(tmp_path, f"m{n}.fits", n, **cards) for n, cards in enumerate(SAID)]
    raw = [
        write(tmp_path, "r1.fits", 41, NCOMBINE=1, SNAPSHOT=1, COMBINED=False),
        write(tmp_path, "r2.fits", 42, OBJECT="master of the house", STACKCNT=0),
    ]
    report = ingest([*paths, *raw], commit=True, processes=1)
    states = [row.state for row in report]
    assert states == [State.REFUSED] * len(SAID) + [State.INGESTED] * 2
    for row, cards in zip(report, SAID, strict=False):
        [(word, value)] = cards.items()
        assert row.message.startswith(f"{word.removeprefix('HIERARCH ')} = {value!r}: it was comb")
        assert "give awe those frames, or" in row.message
    assert len(RawBiasFrame.instrument.name == "STACKS") == 2


def test_a_plan_that_says_yes_takes_what_the_camera_combined(scientist, tmp_path):
    path = write(tmp_path, "sum.fits", STACKCNT=4)
    plan = tmp_path / "plan.csv"
    ingest([path]).to_plan(plan)
    with plan.open() as file:
        heads, cells = list(csv.reader(file))
    assert cells[heads.index("take")] == "no"
    cells[heads.index("take")] = "yes"
    with plan.open("w") as file:
        csv.writer(file).writerows([heads, cells])
    [row] = ingest(plan=plan, commit=True, processes=1)
    assert row.state is State.INGESTED
    assert "STACKCNT = 4: it was combined of several frames" in row.message


def test_a_check_of_a_description_has_a_doubt(scientist, tmp_path):
    lines, doubts = trial(write(tmp_path, "m.fits", IMAGETYP="Master Bias", NCOMBINE=9))
    assert doubts == 1
    assert "IMAGETYP = 'Master Bias': it was combined of several frames" in lines[-1]


@pytest.mark.skipif(not REAL.is_dir(), reason="no real frames here")
def test_masters_of_ccdproc_are_told_from_the_raw_frame():
    found = {}
    for path in REAL.glob("*.gz"):
        with fits.open(path) as hdus:
            found[path.name.split(".")[0]] = combined.told(dict(hdus[0].header))
    assert found.pop("kelt-16-b-S001-R001-C084-r") == ""
    assert set(found.values()) == {"COMBINED = True"}
    assert len(found) == 3

"""`query.inspect()`: which exposures a query has, and their chips in their place by the camera."""

from __future__ import annotations

import datetime
import threading

import numpy as np
import pytest

from awe import model
from awe.errors import ArgumentError
from awe.model.focalplane import Shown
from tests.recipes.conftest import CHIPS, GEOMETRY, SHAPE, run


@pytest.fixture(autouse=True)
def _no_display(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)


def files():
    from pathlib import Path

    return sorted(path.name for path in Path.cwd().glob("*.inspect.png"))


def test_several_exposures_are_listed_and_one_is_chosen(shared, capsys):
    query = model.RawBiasFrame.select_all()
    query.inspect()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "5 exposures; the first is shown, inspect(exposure=2) shows the second:"
    assert said[1].split() == [
        "1", "OMEGACAM", "RawBiasFrame", "2012-05-31T21:11:44", "BIAS", "2", "frames",
    ]  # fmt: skip
    assert len([line for line in said if line.endswith("2 frames")]) == 5
    query.inspect(exposure=3)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "the chips are drawn nearer to each other than they are in the camera"
    assert said[1].startswith("no display: wrote")
    assert files() == [
        f"OMEGACAM_RawBiasFrame_2012-05-31T21:{minute}:44_2_chips.inspect.png"
        for minute in (11, 23)
    ]
    for wrong in (0, 6, True, "x"):
        with pytest.raises(ArgumentError, match="the query has 5, counted from 1"):
            query.inspect(exposure=wrong)


def test_n_and_p_go_through_the_exposures_and_a_chip_is_of_the_one_that_is_shown(shared, capsys):
    query = model.RawBiasFrame.select_all()
    ins = query.inspect(exposure=2)
    assert ins.name == "OMEGACAM_RawBiasFrame_2012-05-31T21:17:44_2_chips"
    first = ins._tiles
    x, y = (sum(ends) / 2 for ends in (first._tiles[0].edges[:2], first._tiles[0].edges[2:]))
    ins.press("m", x, y)
    before = len(ins._picture.axes.texts)
    capsys.readouterr()
    ins.press("n", x, y)
    assert capsys.readouterr().out == (
        "3 of 5: OMEGACAM_RawBiasFrame_2012-05-31T21:23:44_2_chips\n"
    )
    ins.press("m", x, y)
    assert len(ins._picture.axes.texts) == before, "names of the chips are there twice"
    assert ins._tiles is not first
    assert ins._picture.axes.format_coord(x, y).startswith(CHIPS[0])
    assert len(set(ins.table["frame"])) == 2
    for _ in range(3):
        ins.press("p", x, y)
    assert capsys.readouterr().out.splitlines()[-1] == "this is the first of 5"
    ins._tiles.choose(x, y)
    for thread in threading.enumerate():
        if thread.name == "awe-chip":
            thread.join()
    assert "OMEGACAM.2012-05-31T21:11:44" in capsys.readouterr().out


def test_chips_are_where_the_camera_has_them_with_the_values_of_their_frames(shared):
    frames = list((model.RawScienceFrame.instrument.name == "OMEGACAM").top(2))
    assert [one.chip.name for one in frames] == list(CHIPS)
    shown = Shown(frames)
    left, right = shown.tiles
    # neighbours in the lowest row of the camera, each without its strips
    assert (left.name, right.name) == CHIPS
    assert left.edges[1] < right.edges[0]
    assert left.edges[2:] == right.edges[2:]
    for tile, frame in zip(shown.tiles, frames, strict=True):
        x0, x1, y0, y1 = (round(edge - 0.5) for edge in tile.edges)
        assert (x1 - x0, y1 - y0) == SHAPE[::-1]
        drawn = shown.data[y0:y1, x0:x1]
        true = frame.data[: SHAPE[0], 12 : 12 + SHAPE[1]]
        assert np.median(drawn) == pytest.approx(np.median(true), rel=0.01)
        assert drawn[50, 40] > 1000 + np.median(drawn), "the star is elsewhere"
        assert tile.on_chip(x0 + 41, y0 + 51) == pytest.approx((12 + 41, 51), abs=0.5)
        frame.__dict__.pop("_path", None)


def test_a_frame_alone_is_shown_itself_and_of_a_chip_the_newest(night, capsys):
    query = (model.RawScienceFrame.chip.name == CHIPS[0]).top(1)
    query.inspect()
    assert files() == ["OMEGACAM.2012-06-01T08:51:44.000_1.inspect.png"]
    ins = (model.RawScienceFrame.chip.name == CHIPS[0]).inspect(exposure=1)
    ins.press("n", 5, 5)
    assert ins.name == "OMEGACAM.2012-06-01T08:57:44.000_1.fits"
    for _ in range(2):
        run("ReadNoise", date=night.date, commit=True)
        run("Bias", date=night.date, commit=True)
    capsys.readouterr()
    model.BiasFrame.select_all().inspect()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "of each chip the newest is shown; 2 older left out"
    assert any(name.startswith("OMEGACAM_BiasFrame_") for name in files())


def test_what_is_no_frame_of_a_chip_is_refused(shared):
    with pytest.raises(ArgumentError, match="Chip has no pixels of a chip; query for frames"):
        model.Chip.select_all().inspect()
    with pytest.raises(ArgumentError, match="the query has no RawScienceFrame that you may see"):
        (model.RawScienceFrame.OBJECT == "nothing").inspect()


def test_the_file_of_an_exposure_shows_its_frames(night, capsys):
    exposure = model.RawFitsData(instrument=night.instrument, filename="whole")
    with pytest.raises(ArgumentError, match="whole: no frame of this exposure"):
        exposure.inspect()
    exposure.commit()
    moment = datetime.datetime(2012, 6, 1, 10)
    for number in range(2):
        frame = model.RawDomeFlatFrame(
            pathname=night.folder / night.frames[number].filename, filename=f"part{number}.fits",
            instrument=night.instrument, chip=night.chips[number], filter=night.filter,
            DATE_OBS=moment + datetime.timedelta(seconds=number), raw_fits=exposure,
            NAXIS1=GEOMETRY.nx, NAXIS2=GEOMETRY.ny,
        )  # fmt: skip
        frame.store()
        frame.commit()
    exposure.inspect()
    # two moments, one file
    (model.RawDomeFlatFrame.raw_fits.filename == "whole").inspect()
    assert files() == [
        "OMEGACAM_RawDomeFlatFrame_OCAM_r_SDSS_2012-06-01T10:00:00_2_chips.inspect.png"
    ]
    assert "exposures" not in capsys.readouterr().out

"""The report of a night tells what is in the database, and of nothing one may not see."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import pytest

from awe.db.objects.commit import commit_all
from awe.errors import ArgumentError, FileTaken
from awe.model.calibrations import BiasFrame
from awe.model.observing import Chip, Filter, Instrument
from awe.model.raw import RawBiasFrame, RawFitsData, RawScienceFrame
from awe.model.science import ReducedScienceFrame
from awe.model.statistics import Imstat
from awe.rules.nightreport import night

BEGIN = datetime.datetime(2012, 6, 1, 3)
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def observed(login: Any) -> None:
    """Two science exposures of two chips, a bias; three frames reduced, with two biases."""
    login()
    camera = Instrument(name="CAM", utc_offset=-4.0)
    red = Filter(name="r", instrument=camera)
    chips = [Chip(name=name, instrument=camera) for name in ("one", "two")]
    biases = [
        BiasFrame(filename=f"Bias-{i}{'a' * 39}.fits", chip=chips[i], instrument=camera)
        for i in (0, 1)
    ]
    raws, made = [], []
    for exposure in (0, 1):
        whole = RawFitsData(filename=f"e{exposure}.fits", instrument=camera)
        for place, chip in enumerate(chips):
            raw = RawScienceFrame(
                filename=f"e{exposure}_{place}.fits", raw_fits=whole, chip=chip, filter=red,
                instrument=camera, DATE_OBS=BEGIN + exposure * MINUTE, OBJECT="<M 31>",
                EXPTIME=30.0, imstat=Imstat(median=500.0 + exposure),
                overscan_x_stat=Imstat(median=200.0), is_valid=int(exposure == 0 or place == 0),
            )  # fmt: skip
            raws.append(raw)
            if (exposure, place) != (1, 1):
                made.append(ReducedScienceFrame(
                    filename=f"r{exposure}_{place}.fits", raw=raw, chip=chip, filter=red,
                    instrument=camera, DATE_OBS=raw.DATE_OBS, OBJECT="<M 31>",
                    bias=biases[place], psf_radius=0.8, quality_flags=exposure * 256,
                ))  # fmt: skip
    bias = RawBiasFrame(filename="b.fits", chip=chips[0], instrument=camera,
                        DATE_OBS=BEGIN + 5 * MINUTE,
                        raw_fits=RawFitsData(filename="b", instrument=camera))  # fmt: skip
    other = RawBiasFrame(filename="c.fits", chip=chips[0], instrument=camera,
                         DATE_OBS=BEGIN + datetime.timedelta(days=1))  # fmt: skip
    commit_all([*raws, *made, bias, other])


def test_a_night_is_reported(observed: None, tmp_path: Path) -> None:
    report = night("2012-05-31")
    assert report.summary == "3 exposures (2 science, 1 bias), 3 reduced frames"
    exposures, reduced, failed, calibrated = (table.rows for table in report.tables)
    assert exposures[0] == (
        "2012-06-01 03:00:00", "science", "<M 31>", "r", "30", "2", "500", "CAM"
    )
    assert [row[1] for row in exposures] == ["science", "science", "bias"]
    assert list(reduced) == [("<M 31>", "r", "3", "0.80", "300")]
    assert set(failed) == {
        ("judged bad", "science", "1", "e1_1.fits"),
        ("EMPTY", "reduced", "1", "r1_0.fits"),
        ("not reduced", "science", "1", "e1_1.fits"),
    }
    assert list(calibrated) == [
        ("bias", "r", "one", "2", "Bias-0aaaaaaa.fits"),
        ("bias", "r", "two", "1", "Bias-1aaaaaaa.fits"),
    ]
    assert "Night of 2012-05-31: 3 exposures" in repr(report)
    assert "<M 31>" in repr(report)
    report.save(tmp_path / "n.html")
    page = (tmp_path / "n.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "&lt;M 31&gt;" in page
    assert "<M 31>" not in page
    assert len(re.findall("<table>", page)) == 4
    with pytest.raises(FileTaken, match="is there already"):
        report.save(tmp_path / "n.html")
    report.save(tmp_path / "n.txt")
    assert (tmp_path / "n.txt").read_text() == f"{report!r}\n"
    with pytest.raises(ArgumentError, match="cannot be written"):
        report.save(tmp_path / "no" / "n.txt")


def test_a_night_tells_nothing_of_what_is_hidden(observed: None, login: Any) -> None:
    assert night(datetime.date(2012, 6, 1)).summary == "1 exposures (1 bias), 0 reduced frames"
    assert night("2012-05-31", "OTHER").summary == "0 exposures (none), 0 reduced frames"
    with pytest.raises(ArgumentError, match="is not a night; write the date"):
        night("31.5.2012")
    login("other")
    report = night("2012-05-31")
    assert report.summary == "0 exposures (none), 0 reduced frames"
    assert "M 31" not in repr(report)
    assert all(not table.rows for table in report.tables)

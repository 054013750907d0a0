"""Plans on a filled observatory, as an ordinary user: what must not read every row does not."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest

from awe.db.server.connection import database
from awe.model.calibrations import BiasFrame, MasterFlatFrame
from awe.model.raw import RawScienceFrame
from awe.model.science import ReducedScienceFrame
from awe.rules import validity
from benchmarks.filled import fill

CHIP = "ESO_CCD_#70"
DATE = datetime.datetime(2014, 6, 12)


@pytest.fixture
def observatory(login: Any) -> Any:
    """Sixteen thousand frames and a hundred thousand calibrations of each kind."""
    with login.db.superuser().cursor() as cursor:
        for _ in fill(cursor, 16000, 96000):
            pass
    login()
    return login


def plan(action: Any) -> str:
    """The plans of all statements an action sends."""
    sent: list[tuple[str, Any]] = []
    original = database.execute

    def execute(text: str, values: Any = None) -> list[tuple[Any, ...]]:
        sent.append((text, values))
        return original(text, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "execute", execute)
        action()
    lines = [row[0] for text, values in sent for row in original(f"EXPLAIN {text}", values)]
    return "\n".join(lines)


def reads_all(text: str, table: str) -> bool:
    return f"Seq Scan on {table}" in text


def test_plans_of_what_observers_ask(observatory: Any) -> None:
    raw = RawScienceFrame
    start = database.execute("SELECT start FROM awe.template WHERE id = 'T20'")[0][0]
    chapter = (
        (raw.instrument.name == "OMEGACAM") & (raw.template.start == start) & (raw.is_valid > 0)
    )
    plans = {
        "chapter": plan(lambda: (len(chapter), list(chapter))),
        "newest": plan(lambda: (raw.chip.name == CHIP).max("DATE_OBS")),
        "prefix": plan(lambda: len(raw.filename.like("OMEGACAM.2014-06-*"))),
        "near": plan(lambda: list(raw.near(150.0, -30.0, 0.2))),
        "covers": plan(lambda: list(raw.covers(150.0, -30.0))),
        "overlaps": plan(lambda: list(ReducedScienceFrame.overlaps(raw.select_all()[0]))),
        "place": plan(lambda: list(raw.astrom.near(150.0, -30.0, 0.2))),
        "chain": plan(
            lambda: list(
                ReducedScienceFrame.DATE_OBS.between(start, start + datetime.timedelta(days=1))
                & (ReducedScienceFrame.flat.dome.bias.read_noise.read_noise > 2.2)
            )
        ),
    }
    for name, text in plans.items():
        assert not reads_all(text, "raw_science_frame"), name
        assert not reads_all(text, "reduced_science_frame"), name
        # Policies ask who one is once per statement, never once per row.
        conditions = re.findall(r"(?:Filter|Cond): (.*)", text)
        assert conditions, name
        assert not any("uid()" in one or "my_projects" in one for one in conditions), name
    assert "raw_science_frame_template" in plans["chapter"]
    assert "Index Scan Backward using raw_science_frame_chip_date_obs" in plans["newest"]
    assert "raw_science_frame_filename" in plans["prefix"]
    assert "raw_science_frame__cell" in plans["near"]
    assert "raw_science_frame__cell" in plans["covers"]
    assert "reduced_science_frame__cell" in plans["overlaps"]
    assert "astrom_sky_cell" in plans["place"]
    assert len(raw.filename.like("OMEGACAM.2014-06-*")) > 0
    assert len(list(chapter)) == len(chapter) == 156


def test_a_calibration_is_looked_up_by_chip_and_date_not_from_the_newest_back(
    observatory: Any,
) -> None:
    for cls, more in ((BiasFrame, {}), (MasterFlatFrame, {"filter": "OCAM_r_SDSS"})):
        chosen: list[Any] = []

        def choose(cls: Any = cls, more: Any = more, chosen: list[Any] = chosen) -> None:
            found = validity.choose(cls, instrument="OMEGACAM", chip=CHIP, date=DATE, **more)
            chosen.append(found)

        text = plan(choose)
        assert "creation_date on" not in text
        assert not reads_all(text, "bias_frame")
        assert not reads_all(text, "master_flat_frame")
        best = (cls.instrument.name == "OMEGACAM") & (cls.chip.name == CHIP) & (cls.is_valid > 0)
        best &= (cls.quality_flags == 0) & (cls.timestamp_start <= DATE)
        best &= cls.timestamp_end > DATE
        if more:
            best &= cls.filter.name == more["filter"]
        assert chosen[0] == max(best, key=lambda item: (item.creation_date, item.object_id.bytes))


def test_list_sends_one_statement_and_len_another(observatory: Any) -> None:
    query = (RawScienceFrame.chip.name == CHIP) & (RawScienceFrame.is_valid > 0)
    before = database.statements
    frames = list(query)
    assert database.statements - before == 1
    assert len(query) == len(frames)
    assert database.statements - before == 2
    reading = iter(query)
    assert len(query) == len(frames)
    assert next(reading) == frames[0]
    assert len(query) == len(frames)
    assert [*reading] == frames[1:]

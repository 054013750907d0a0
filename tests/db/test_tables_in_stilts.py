"""Tables of queries read by STILTS, which shares no code with astropy: what is in them arrives.

What STILTS 3.4.7 itself does not take is left out: an infinity in ECSV and in VOTable's TABLEDATA
is read as a missing value, CSV and ECSV as Latin-1, a CSV or VOTable without rows not at all;
Debian's has no Parquet, and CSV has neither units nor meanings.
"""

from __future__ import annotations

import csv
import datetime
import io
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from test_columns import DATE, cells, same

from awe.db.objects.commit import commit_all
from awe.db.query.columns import ObjectTable, made_column
from awe.errors import ArgumentError

STILTS = shutil.which("stilts")
pytestmark = pytest.mark.skipif(STILTS is None, reason="stilts is not installed (apt: stilts)")
#: Endings of names, and what STILTS calls the format.
FORMATS = {"fits": "fits", "vot": "votable", "ecsv": "ecsv", "csv": "csv"}
#: Spellings of one unit.
UNITS = {"pixel": "pix"}


def read(path: Path, kind: str, *commands: str) -> list[dict[str, str]]:
    """What STILTS makes of a file, a dictionary for each row."""
    assert STILTS is not None
    words = [STILTS, "tpipe", f"in={path}", f"ifmt={kind}", "ofmt=csv"]
    done = subprocess.run(
        [*words, *(f"cmd={one}" for one in commands)], capture_output=True, text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"}, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    if kind == "ecsv" and "No handler" in done.stderr:
        pytest.skip("this STILTS has no ECSV (apt: starlink-ecsv-java)")
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def plainly(text: str) -> Any:
    """A cell of STILTS as `cells` has it."""
    words = {"true": 1.0, "false": 0.0, "": None}
    return words[text] if text in words else same(text)


def compared(made: ObjectTable, folder: Path, kind: str, ending: str) -> None:
    """Write, let STILTS read, compare names, units, meanings, rows and what is missing."""
    path = folder / f"table.{ending}"
    made.write(path, overwrite=True)
    rows = read(path, kind)
    assert len(rows) == len(made)
    told = read(path, kind, "meta Name Class Units Description")
    assert [one["Name"] for one in told] == made.colnames
    for one in told:
        name = one["Name"]
        assert [plainly(row[name]) for row in rows] == cells(made[name]), (ending, name)
        if ending == "csv":
            continue
        unit = getattr(made[name], "unit", None)
        stated = "" if unit is None else str(unit).replace(" ", "")
        assert UNITS.get(one["Units"], one["Units"].replace(" ", "")) == stated, (ending, name)
        meant = made[name].info.description or ""
        assert one["Description"] == " ".join(meant.split()), (ending, name)


@pytest.mark.parametrize(("ending", "kind"), FORMATS.items())
def test_stilts_reads_what_a_query_wrote(
    ending: str, kind: str, model: Any, login: Any, tmp_path: Path
) -> None:
    login()
    tint = model.Tint(name="r", wavelength=625.0)
    commit_all([
        model.Plate(name="a", tint=tint, taken=DATE, exposure=1.5, number=999999, good=True,
                    notes={"a": [1, "x, y"]}),
        model.Plate(name="second, \"quoted\"", taken=None, exposure=None, number=None, good=None),
        model.Plate(name=None, taken=datetime.datetime(2100, 1, 1), exposure=-1e-300,
                    number=-(2**63), good=False),
    ])  # fmt: skip
    compared(model.Plate.select_all().to_table(), tmp_path, kind, ending)
    linked = model.Plate.select_all().to_table("name", "tint", "tint.wavelength", "best")
    compared(linked, tmp_path, kind, ending)


@pytest.mark.parametrize(("ending", "kind"), FORMATS.items())
def test_stilts_reads_every_kind_of_column(ending: str, kind: str, tmp_path: Path) -> None:
    made = ObjectTable()
    made["gain"] = made_column(float, "e-/ADU", [2.5, None, 1e-300])
    made["exposure"] = made_column(float, "sec", [1.0, 2.0, 3.0])
    made["columns"] = made_column(int, "pixel", [255, 256, -1])
    made["small"] = made_column(int, "", [-(2**63), None, 2**63 - 1])
    made["fine"] = made_column(bool, "", [True, True, False])
    made["unsure"] = made_column(bool, "", [True, None, False])
    made["text"] = made_column(str, "", ["x", None, "<a & \"b\">, 'c'"])
    made["never"] = made_column(str, "", [None, None, None])
    made["taken"] = made_column(datetime.datetime, "", [DATE, None, datetime.datetime(2100, 1, 1)])
    for name in made.colnames:
        made[name].info.description = f"What <{name}> is & means"
    compared(made, tmp_path, kind, ending)
    if ending in ("fits", "ecsv"):
        compared(made[:0], tmp_path, kind, ending)


def test_letters_of_every_language_arrive_and_fits_says_that_it_has_none(tmp_path: Path) -> None:
    made = ObjectTable()
    made["text"] = made_column(str, "", ["Göttingen", None, "星の 空"])
    made["number"] = made_column(int, "", [1, 2, 3])
    compared(made, tmp_path, "votable", "vot")
    with pytest.raises(ArgumentError, match=r"ASCII only, and column 'text' has 'ö' in 'Gött"):
        made.write(tmp_path / "t.fits")
    assert not (tmp_path / "t.fits").exists()


def test_what_stilts_wrote_from_our_tables_is_read_back(tmp_path: Path) -> None:
    from astropy.table import Table

    made = ObjectTable()
    made["number"] = made_column(int, "", [999999, None, 7])
    made["name"] = made_column(str, "", ["a", None, "c"])
    made["level"] = made_column(float, "ADU", [1.5, None, -2.0])
    made.write(tmp_path / "ours.fits")
    for kind in ("fits", "votable"):
        path = tmp_path / f"theirs.{kind}"
        subprocess.run([STILTS, "tcopy", f"in={tmp_path / 'ours.fits'}", "ifmt=fits",
                        f"out={path}", f"ofmt={kind}"], check=True, timeout=120)  # fmt: skip
        back = Table.read(path, format=kind)
        for name in made.colnames:
            found = [None if one != one else one for one in cells(back[name])]
            assert found == cells(made[name]), (kind, name)

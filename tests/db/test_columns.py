"""Tables of queries hold dates, units and missing values, and every format takes them."""

from __future__ import annotations

import datetime
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow.parquet
import pytest
from astropy.table import Table
from astropy.time import Time

from awe.db.declare import registry
from awe.db.objects.commit import commit_all
from awe.errors import ArgumentError, FileTaken, QueryError
from awe.model.observing import Astrom, Chip, Filter, Instrument
from awe.model.raw import RawScienceFrame
from awe.model.science import ReducedScienceFrame

FORMATS = {"fits": "fits", "ecsv": "ascii.ecsv", "csv": "ascii.csv", "vot": "votable"}
DATE = datetime.datetime(2012, 6, 1, 8, 51, 44, 123456)


def cells(column: Any) -> list[Any]:
    """The values of a column as text and numbers, None where it is masked or empty."""
    mask = np.broadcast_to(np.asarray(getattr(column, "mask", False)), (len(column),))
    values = column.unmasked.isot if isinstance(column, Time) else column
    found = []
    for value, hidden in zip(values, mask, strict=True):
        value = value.decode() if isinstance(value, bytes) else str(value)
        found.append(None if hidden or value.strip() in ("", "--") else same(value.strip()))
    return found


def same(text: str) -> Any:
    """A number as a number: formats differ in how they write it."""
    try:
        return float({"True": "1", "False": "0"}.get(text, text))
    except ValueError:
        return text


def round_trip(made: Any, folder: Path) -> None:
    """Write in every format, read back and compare."""
    for suffix, name in FORMATS.items():
        path = folder / f"table.{suffix}"
        made.write(path, format=name, overwrite=True)
        with warnings.catch_warnings():
            # no unit of the standards of FITS and VOTable
            warnings.filterwarnings("ignore", message=".*electron")
            read = Table.read(path, format=name)
        assert read.colnames == made.colnames, name
        assert len(read) == len(made), name
        for column in made.colnames:
            assert cells(read[column]) == cells(made[column]), (name, column)
        if name != "ascii.csv":
            for column in made.colnames:
                unit = getattr(made[column], "unit", None)
                if unit is not None and "electron" in str(unit):
                    told = str(read[column].unit).replace(" ", "")
                    assert told == str(unit).replace(" ", ""), (name, column)
                elif unit is not None:
                    assert read[column].unit == unit, (name, column)
    made.write(folder / "by_name.fits", overwrite=True)
    parquet_trip(made, folder / "table.parquet")


def parquet_trip(made: Any, path: Path) -> None:
    """Write Parquet, and read it with pyarrow and with pandas: what is missing is missing."""
    made.write(path, overwrite=True)
    read = pyarrow.parquet.read_table(path)
    assert read.column_names == made.colnames
    frame = pandas.read_parquet(path)
    for name in made.colnames:
        column = made[name]
        mask = np.broadcast_to(np.asarray(getattr(column, "mask", False)), (len(column),))
        values = column.unmasked.to_value("datetime64") if isinstance(column, Time) else column
        wanted = [None if hidden else value for value, hidden in zip(values, mask, strict=True)]
        found = read.column(name).to_pylist()
        if isinstance(column, Time):
            found = [None if one is None else np.datetime64(one.replace(tzinfo=None))
                     for one in found]  # fmt: skip
        assert found == wanted, name
        assert frame[name].isna().tolist() == [one is None for one in wanted], name
        unit = getattr(column, "unit", None)
        told = (read.schema.field(name).metadata or {}).get(b"unit")
        assert told == (unit.to_string().encode() if unit is not None else None)


def test_a_table_of_the_model_with_everything_missing_is_written_and_read_back(
    model: Any, login: Any, tmp_path: Path
) -> None:
    login()
    tint = model.Tint(name="r", wavelength=625.0)
    plates = [
        model.Plate(name="a", tint=tint, taken=DATE, exposure=1.5, number=999999, good=True,
                    notes={"a": [1, "x"]}),
        model.Plate(name=None, tint=None, taken=None, exposure=None, number=None, good=None),
        model.Plate(name="c", taken=datetime.datetime(2100, 1, 1), number=-(2**63), good=False),
    ]  # fmt: skip
    commit_all(plates)
    query = model.Plate.select_all()
    made = query.to_table()
    assert isinstance(made["taken"], Time)
    assert [bool(m) for m in made["taken"].mask] == [False, False, True]
    assert made["taken"][0].to_datetime() == DATE
    assert str(made["exposure"].unit) == "s"
    assert made["number"].mask.tolist() == [False, False, True]
    assert json.loads(made["notes"][0]) == {"a": [1, "x"]}
    round_trip(made, tmp_path)
    linked = query.to_table("name", "tint", "tint.name", "tint.wavelength", "best")
    assert linked["tint"].tolist() == ["r", None, None]
    round_trip(linked, tmp_path)
    round_trip((model.Plate.number == 7).to_table(), tmp_path)
    round_trip(made[made["number"] == 999999], tmp_path)
    with pytest.raises(QueryError, match="named twice"):
        query.to_table("name", "name")


def test_links_of_frames_are_names_and_dates_are_times(login: Any, tmp_path: Path) -> None:
    login()
    camera = Instrument(name="CAM")
    chip = Chip(name="one", instrument=camera)
    raw = RawScienceFrame(
        filename="f.fits", DATE_OBS=DATE, instrument=camera, chip=chip, EXPTIME=3.0,
        filter=Filter(name="r"), astrom=Astrom(CRVAL1=1.0), OBJECT="M 31",
    )  # fmt: skip
    reduced = ReducedScienceFrame(filename="r.fits", raw=raw, chip=chip, choices={"bias": "x"})
    commit_all([raw, reduced])
    names = ("filename", "DATE_OBS", "EXPTIME", "filter", "chip")
    made = RawScienceFrame.select_all().to_table(*names)
    assert made["DATE_OBS"][0].isot == "2012-06-01T08:51:44.123456"
    assert made["filter"][0] == "r"
    assert made["EXPTIME"].info.description == "Exposure time [sec]"
    round_trip(made, tmp_path)
    made = ReducedScienceFrame.select_all().to_table("raw", "raw.astrom", "bias", "psf_radius")
    assert made["raw"][0] == "f.fits"
    assert made["raw.astrom"][0] == str(raw.astrom.object_id)
    assert made["bias"].mask.all()
    round_trip(made, tmp_path)


def test_mistakes_with_tables_are_told_in_one_line_and_votables_have_their_endings(
    model: Any, login: Any, tmp_path: Path
) -> None:
    login()
    model.Tint(name="r", wavelength=625.0).commit()
    query = model.Tint.select_all()
    with pytest.raises(QueryError, match=r"one by one, .*not \['name'\]"):
        query.to_table(["name"])
    made = query.to_table("name", "wavelength")
    for ending in ("vot", "xml", "votable", "VOT"):
        made.write(tmp_path / f"t.{ending}")
        assert Table.read(tmp_path / f"t.{ending}", format="votable")["name"][0] == "r"
    for ending in ("fits", "ecsv", "csv", "vot"):
        made.write(tmp_path / f"again.{ending}")
        with pytest.raises(FileTaken, match=r"is there already: another name, or overwrite=True"):
            made.write(tmp_path / f"again.{ending}")
        made.write(str(tmp_path / f"again.{ending}"), overwrite=True)
    for more in ({}, {"format": "nothing"}):
        with pytest.raises(ArgumentError, match=r"end the name in \.fits") as told:
            made.write(tmp_path / "t.what", **more)
        assert "\n" not in str(told.value)
    made.write(tmp_path / "t.what", format="ascii.basic")


def test_every_class_is_written_and_read_back_empty(login: Any, tmp_path: Path) -> None:
    from awe.model import classes

    login()
    classes.load()
    for cls in registry.registry.values():
        if cls.__module__.startswith("awe."):
            round_trip(cls.select_all().to_table(), tmp_path)


def test_without_the_libraries_one_line_says_what_to_install(
    model: Any, login: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login()
    model.Tint(name="r", wavelength=1.0).commit()
    query = model.Tint.select_all()
    frame = query.to_pandas("name", "wavelength")
    assert frame.to_dict("list") == {"name": ["r"], "wavelength": [1.0]}
    path = tmp_path / "t.parquet"
    query.to_table().write(path)
    with pytest.raises(FileTaken, match="is there already"):
        query.to_table().write(path)
    assert list(tmp_path.iterdir()) == [path]
    for name in ("pandas", "pyarrow"):
        monkeypatch.setitem(sys.modules, name, None)
    nothing = type("Nothing", (), {"find_spec": staticmethod(lambda *_: None)})
    monkeypatch.setattr(sys, "meta_path", [nothing])
    for name in ("pandas", "pyarrow"):
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ArgumentError, match="pandas is not installed: pip install pandas"):
        query.to_pandas("name")
    with pytest.raises(ArgumentError, match="Parquet needs pyarrow"):
        query.to_table("name").write(tmp_path / "u.parquet")

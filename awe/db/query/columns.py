"""The values of a query as an astropy Table that every format can hold.

Dates are `Time` columns (UTC), units those of astropy, missing values masked, links the name of
what they point to, dictionaries JSON. Writing is where formats differ, so the table writes itself:
dates as ISO 8601 text, a null that no value equals, masked truth values as small integers.
"""

from __future__ import annotations

import datetime
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io.registry import IORegistryError
from astropy.table import Column, MaskedColumn, Table
from astropy.time import Time
from astropy.units import Unit, UnitsWarning, UnrecognizedUnit

from awe.db.declare.attributes import Kind, Persistent
from awe.db.query import fitstable, parquet
from awe.db.query.path import named, resolve
from awe.db.query.query import Query
from awe.errors import ArgumentError, QueryError

__all__ = ["ObjectTable", "made_column", "to_pandas", "to_table"]

#: Units as declared, where astropy spells them otherwise; the others are astropy's own.
UNITS = {
    "ADU": "adu", "ADU/pixel/hour": "adu / (pix h)", "1/ADU": "1 / adu",
    "e-/ADU": "electron / adu", "pixel": "pix", "deg/pixel": "deg / pix", "sec": "s",
    "hour": "h", "day": "d", "1/cm^2/min": "1 / (cm2 min)",
}  # fmt: skip
#: Endings of VOTables, which astropy does not know when it writes.
VOTABLE = (".vot", ".votable", ".xml")
PARQUET = ".parquet"
FITS = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz")
#: The value under the mask of a missing date.
SOME_DATE = datetime.datetime(2000, 1, 1)
#: What a masked truth value becomes in FITS and VOTable, which have no third one.
NO_BOOL = 255


class Moments(Time):  # type: ignore[misc]
    """Dates in UTC; those of years whose leap seconds are not known yet are shown as they are."""

    def to_value(self, *arguments: Any, **keywords: Any) -> Any:
        """Return the dates in a format, as `Time` does, without its warning of far years."""
        with _far_years():
            return super().to_value(*arguments, **keywords)


class ObjectTable(Table):  # type: ignore[misc]
    """A table of a query's values; `write` takes the formats and arguments of astropy's."""

    def write(self, *arguments: Any, **keywords: Any) -> None:
        """Write the table; dates become ISO 8601 text, UTC.

        Parameters
        ----------
        *arguments, **keywords
            Arguments of `astropy.table.Table.write`: a name, `format=`, `overwrite=`.

        Raises
        ------
        FileTaken
            There is a file of that name, and no `overwrite=True`.
        ArgumentError
            The ending of the name says no format, and no `format=` does; FITS does not take a
            text.
        """
        path = arguments[0] if arguments else None
        if keywords.get("format") == PARQUET[1:] or (
            isinstance(path, str | os.PathLike)
            and "format" not in keywords
            and Path(path).suffix.lower() == PARQUET
        ):
            if path is None or not isinstance(path, str | os.PathLike):
                msg = "Parquet is written to a file: table.write('name.parquet')"
                raise ArgumentError(msg)
            parquet.write(self, Path(path), overwrite=bool(keywords.get("overwrite")))
            return
        if isinstance(path, str | os.PathLike):
            ending = Path(path).suffix.lower()
            if ending in VOTABLE and len(arguments) == 1:
                keywords.setdefault("format", "votable")
            parquet.refuse_taken(Path(path), overwrite=bool(keywords.get("overwrite")))
        try:
            with _unit_electron():
                if _is_fits(path, keywords):
                    fitstable.write(
                        self.portable(), path, overwrite=bool(keywords.get("overwrite"))
                    )
                else:
                    self.portable().write(*arguments, **keywords)
        except IORegistryError as error:
            wanted = keywords.get("format") or path
            msg = (
                f"a table cannot be written as {str(wanted)!r}: end the name in .fits, .ecsv, "
                f".csv, .vot or .parquet, or give a format of astropy's: format='ascii.basic'"
            )
            raise ArgumentError(msg) from error

    def portable(self) -> Table:
        """Return a plain Table of numbers, text and truth values."""
        result = Table(meta=self.meta)
        for name in self.colnames:
            column = self[name]
            made = _text_of(column) if isinstance(column, Time) else _writable(column)
            made.description = column.info.description
            if made.unit is not None and "electron" in str(made.unit):
                # no unit of FITS and of CDS; as it is spelled everywhere else
                made.unit = UnrecognizedUnit(str(made.unit).replace(" ", ""))
            result[name] = made
        return result


def _is_fits(target: Any, keywords: dict[str, Any]) -> bool:
    """Return True if a new FITS file is to be written."""
    if set(keywords) - {"format", "overwrite"}:
        return False  # append=: astropy's own business
    if "format" in keywords:
        return target is not None and keywords["format"] == "fits"
    return isinstance(target, str | os.PathLike) and str(target).lower().endswith(FITS)


@contextmanager
def _unit_electron() -> Iterator[None]:
    """Write the unit electron without the warning that standards do not have it."""
    from astropy.io.votable.exceptions import W50

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*electron", category=UnitsWarning)
        warnings.filterwarnings("ignore", message=".*W50.*electron", category=W50)
        yield


def to_table(query: Query, *names: Any) -> ObjectTable:
    """Return an astropy Table with one row per object, with descriptions and units.

    Dates are `Time` columns, missing values are masked, a link is the name of what it points
    to. It can be written: `.write("name.fits")`, also as ECSV, CSV and VOTable, with dates
    as ISO 8601 text, and as Parquet, with dates as timestamps.

    Parameters
    ----------
    *names : str
        Attributes or chains, `"filter.name"`; all plain attributes when none is named.
    """
    if not names:
        names = tuple(n for n in query.cls.get_persistent_properties()
                      if query.cls._attribute(n).kind is Kind.VALUE)  # fmt: skip
    for name in names:
        if not isinstance(name, str):
            msg = (
                f"to_table() expects names of attributes one by one, "
                f"to_table('DATE_OBS', 'EXPTIME'), not {name!r}"
            )
            raise QueryError(msg)
    if len(set(names)) < len(names):
        msg = f"to_table({', '.join(map(repr, names))}): a column is named twice"
        raise QueryError(msg)
    query._guard(query.count())
    paths = [named(resolve(query.cls, name)) for name in names]
    rows = query.values(*(".".join(step.name for step in steps) for steps in paths))
    result = ObjectTable()
    for position, (name, steps) in enumerate(zip(names, paths, strict=True)):
        result[name] = _column(steps[-1], [row[position] for row in rows])
        result[name].info.description = resolve(query.cls, name)[-1].__doc__
    return result


def to_pandas(query: Query, *names: Any) -> Any:
    """Return a pandas DataFrame with one row per object; dates are UTC.

    Parameters
    ----------
    *names : str
        Attributes or chains, as of `to_table`.

    Raises
    ------
    ArgumentError
        pandas is not installed.
    """
    if find_spec("pandas") is None:
        msg = (
            "pandas is not installed: pip install pandas (or awe-prompt[tables]); "
            "query.to_table() gives an astropy table without it"
        )
        raise ArgumentError(msg)
    return to_table(query, *names).to_pandas()


def _column(attribute: Persistent[Any], cells: list[Any]) -> Any:
    kind: Any = str if attribute.is_link else attribute.declared_type
    return made_column(kind, attribute.unit, cells)


def made_column(kind: Any, unit: str, cells: list[Any]) -> Any:
    """Return a column of values of one kind, those that are None masked.

    Parameters
    ----------
    kind : type
        What the values are.
    unit : str
        Unit of numbers, as it is declared.
    cells : list
        The values.
    """
    mask = np.array([cell is None for cell in cells], dtype=bool)
    if kind is datetime.datetime:
        return _times(cells, mask)
    if kind in (int, float, bool):
        filled = np.array([kind() if cell is None else cell for cell in cells], dtype=kind)
    else:
        texts = ["" if cell is None else _text(cell) for cell in cells]
        filled = np.array(texts, dtype=str if any(texts) else "U1")
    keywords = {"unit": _unit(unit) if kind in (int, float) else None}
    return MaskedColumn(filled, mask=mask, **keywords) if mask.any() else (
        Column(filled, **keywords)
    )


@cache
def _unit(text: str) -> Any:
    """Return the unit of a declaration, or None if tables do not know it (`sigma`)."""
    try:
        return Unit(UNITS.get(text, text)) if text else None
    except ValueError:
        return None


def _text(cell: Any) -> str:
    return json.dumps(cell) if isinstance(cell, dict) else str(cell)


def _times(cells: list[Any], mask: Any) -> Moments:
    filled = [SOME_DATE if cell is None else cell for cell in cells]
    with _far_years():
        times = Moments(np.array(filled, dtype="datetime64[us]"), format="datetime64", scale="utc")
    times.format = "isot"
    times.precision = 6
    if mask.any():
        times[mask] = np.ma.masked
    return times


@contextmanager
def _far_years() -> Iterator[None]:
    """Take dates as they are: leap seconds of years to come are not known, nor do they matter."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*dubious year")
        yield


def _text_of(times: Time) -> MaskedColumn | Column:
    mask = np.array(np.broadcast_to(times.mask, times.shape))
    texts = np.array(times.unmasked.isot, dtype="U26")
    texts[mask] = ""
    return MaskedColumn(texts, mask=mask) if mask.any() else Column(texts)


def _writable(column: Any) -> Any:
    if not np.any(getattr(column, "mask", False)):
        return Column(np.array(column), unit=column.unit)
    values, mask = np.array(column.filled(column.dtype.type())), np.array(column.mask)
    if column.dtype.kind == "b":
        values = values.astype(np.uint8)
        values[mask] = NO_BOOL
        return MaskedColumn(values, mask=mask, fill_value=NO_BOOL)
    made = MaskedColumn(values, mask=mask, unit=column.unit)
    if column.dtype.kind == "i":
        made.fill_value = _absent(values[~mask], values.dtype)
    return made


def _absent(values: Any, kind: Any) -> int:
    """Return an integer that is not among the values, as the mark of a missing one."""
    present = set(values.tolist())
    lowest = int(np.iinfo(kind).min)
    return next(number for number in range(lowest, 0) if number not in present)

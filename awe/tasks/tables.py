"""Tables as arguments: read where the task is written, so that a job opens no file of anybody's.

A table is a dictionary of columns, plain JSON. The path of a CSV file is read at once, by the
account of whoever typed it; a job takes columns only, because it runs under the account of the
runner. What is in a file is never quoted, only where in it something is wrong.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from awe.errors import ArgumentError
from awe.localfiles import is_plain_file

__all__ = ["Table", "as_table"]

LARGEST = 32 << 20
LONGEST_NAME = 64


class Table(dict[str, list[Any]]):
    """Columns by name, all of one length."""

    def __len__(self) -> int:
        return len(next(iter(self.values()), []))

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<table of {len(self)} rows, {len(self.keys())} columns>"

    def where(self, column: str, value: Any) -> Table:
        """Return the rows that have a value in a column; all of them where it is not there."""
        if column not in self:
            return self
        kept = [number for number, found in enumerate(self[column]) if found == value]
        return Table({name: [cells[number] for number in kept] for name, cells in self.items()})


def as_table(value: Any, name: str) -> Table:
    """Return what somebody gave for a table.

    Parameters
    ----------
    value : str, Path, mapping or astropy Table
        Path of a CSV file with a line of names, or the columns themselves.
    name : str
        Name of the argument.

    Raises
    ------
    ArgumentError
        It is not a table, or not a file that can be read.
    """
    if isinstance(value, Table):
        return value
    if isinstance(value, str | Path):
        return _read(Path(value), name)
    if hasattr(value, "colnames"):
        value = {column: value[column] for column in value.colnames}
    if not isinstance(value, Mapping):
        msg = (
            f"argument {name} expects a table, got {type(value).__name__}: give the path of a CSV "
            "file, an astropy Table, or a dictionary of columns"
        )
        raise ArgumentError(msg)
    return _checked({str(column): _plain(cells) for column, cells in value.items()}, name)


def _plain(cells: Any) -> list[Any]:
    if hasattr(cells, "tolist"):
        cells = cells.tolist()
    return list(cells) if isinstance(cells, list | tuple) else [cells]


def _checked(columns: dict[str, list[Any]], name: str) -> Table:
    if len({len(cells) for cells in columns.values()}) > 1:
        msg = f"the columns of {name} are not of one length"
        raise ArgumentError(msg)
    for column, cells in columns.items():
        if not all(_is_cell(cell) for cell in cells):
            msg = f"column {column[:LONGEST_NAME]!a} of {name} holds more than numbers and text"
            raise ArgumentError(msg)
    return Table(columns)


def _is_cell(cell: Any) -> bool:
    """Return True if a cell holds text, or a number no larger than those of columns are."""
    if isinstance(cell, int):
        return abs(cell) <= sys.float_info.max
    return isinstance(cell, str | float)


def _read(path: Path, name: str) -> Table:
    """Return the columns of a CSV file; numbers where a whole column holds numbers."""
    where = f"{name} {str(path)!a}"
    try:
        if not is_plain_file(path):
            path.stat()  # says why not, where it is not there
            msg = f"{where} is not a file; it expects a CSV file with a line of names"
            raise ArgumentError(msg)
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        msg = f"{where} cannot be read: {error.strerror}; check the name and the directory"
        raise ArgumentError(msg) from error
    except ValueError as error:
        msg = f"{where} cannot be read: that is not a path"
        raise ArgumentError(msg) from error
    if len(content) > LARGEST:
        msg = f"{where} has more than {LARGEST >> 20} MB; give the rows that are needed"
        raise ArgumentError(msg)
    return _parsed(content, where)


def _parsed(content: bytes, where: str) -> Table:
    """Return the columns in the bytes of a CSV file, or say which line is not one of a table."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(content.decode("utf-8"), newline="")):
            if row:
                rows.append(row)
            if len(row) != len(rows[0] if rows else row):
                break
    except (UnicodeDecodeError, csv.Error):
        # their words quote the file
        msg = f"{where} is not a CSV file in UTF-8; see line {len(rows) + 1}"
        raise ArgumentError(msg) from None
    if len(rows) < 2 or len(set(rows[0])) < len(rows[0]):
        msg = f"{where} is not a CSV file with a line of names and rows below it"
        raise ArgumentError(msg)
    if len(rows[-1]) != len(rows[0]):
        msg = (
            f"{where} has {len(rows[-1])} cells in row {len(rows)}, where line 1 has "
            f"{len(rows[0])}; give all rows the same"
        )
        raise ArgumentError(msg)
    cells = zip(*rows[1:], strict=True)
    names = (column.strip() for column in rows[0])
    return Table({column: _typed(list(some)) for column, some in zip(names, cells, strict=True)})


def _typed(cells: list[str]) -> list[Any]:
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return [cell.strip() for cell in cells]

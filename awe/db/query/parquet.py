"""A table of a query as Parquet: real nulls, timestamps in UTC, units with the columns.

astropy's own writer keeps what is under a mask in clear and says elsewhere that it is masked, so
that other programs take it for values; pyarrow writes what is missing as missing.
"""

from __future__ import annotations

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from astropy.time import Time

from awe.errors import ArgumentError, FileTaken
from awe.lazy import resolve

__all__ = ["refuse_taken", "write"]


def write(table: Any, path: Path, *, overwrite: bool) -> None:
    """Write a table; the file appears whole or not at all.

    Parameters
    ----------
    table : ObjectTable
        The table.
    path : Path
        Name of the file.
    overwrite : bool
        Whether a file of that name is replaced.

    Raises
    ------
    ArgumentError
        pyarrow is not installed.
    FileTaken
        There is a file of that name, and `overwrite` is False.
    """
    if find_spec("pyarrow") is None:
        msg = (
            "Parquet needs pyarrow, which is not installed: pip install pyarrow (or "
            "awe-prompt[tables]); .fits, .ecsv, .csv and .vot work without"
        )
        raise ArgumentError(msg)
    refuse_taken(path, overwrite=overwrite)
    pyarrow, parquet = resolve("pyarrow"), resolve("pyarrow.parquet")
    columns = [_array(pyarrow, table[name]) for name in table.colnames]
    fields = [
        pyarrow.field(name, array.type, metadata=_told(table[name]))
        for name, array in zip(table.colnames, columns, strict=True)
    ]
    made = pyarrow.Table.from_arrays(columns, schema=pyarrow.schema(fields))
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    os.close(handle)
    try:
        parquet.write_table(made, part)
        Path(part).chmod(0o666 & ~_umask())
        Path(part).replace(path)
    finally:
        Path(part).unlink(missing_ok=True)


def refuse_taken(path: Path, *, overwrite: bool) -> None:
    """Refuse to replace a file without being told to.

    Raises
    ------
    FileTaken
        There is a file of that name.
    """
    if path.is_file() and not overwrite:
        msg = f"{path} is there already: another name, or overwrite=True to replace it"
        raise FileTaken(msg)


def _array(pyarrow: Any, column: Any) -> Any:
    if isinstance(column, Time):
        mask = np.array(np.broadcast_to(column.mask, column.shape))
        values = column.unmasked.to_value("datetime64").astype("datetime64[us]")
        return pyarrow.array(values, type=pyarrow.timestamp("us", tz="UTC"), mask=mask)
    mask = np.array(np.broadcast_to(getattr(column, "mask", False), column.shape))
    values = np.array(getattr(column, "data", column))
    if values.dtype.kind in "US":
        return pyarrow.array(values.tolist(), type=pyarrow.string(), mask=mask)
    return pyarrow.array(values, mask=mask)


def _told(column: Any) -> dict[str, str]:
    told = {"description": str(column.info.description or "")}
    unit = getattr(column, "unit", None)
    return {**told, "unit": unit.to_string()} if unit is not None else told


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now

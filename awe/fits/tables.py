"""Tables in FITS files: written with units and meanings, read back as arrays.

A meaning goes into TCOMMn, where other programs look for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.errors import BadFits, FileTaken
from awe.fits.cards import clean
from awe.localfiles import appear

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from numpy.typing import NDArray

__all__ = ["Column", "read_table", "write_table"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """What a column of a table is.

    Attributes
    ----------
    unit : str
        Unit of its values; empty for none.
    text : str
        What it is, in a few words.
    """

    unit: str = ""
    text: str = ""


def write_table(
    path: Path,
    columns: Mapping[str, NDArray[Any]],
    known: Mapping[str, Column],
    *,
    header: Header | None = None,
    name: str = "SOURCES",
) -> Path:
    """Write a FITS file with one table behind an empty primary HDU, and return its path.

    Parameters
    ----------
    path : Path
        The final name.
    columns : mapping of str to ndarray, shape (n,)
        Name of a column -> values.
    known : mapping of str to Column
        Units and meanings; columns that are not there have none.
    header : Header, optional
        Cards of the primary HDU.
    name : str
        EXTNAME of the table.

    Raises
    ------
    FileTaken
        The name is taken.
    """
    from astropy.io import fits

    if path.exists():
        msg = f"{path} exists already; choose another name"
        raise FileTaken(msg)
    made = fits.BinTableHDU.from_columns(
        [
            fits.Column(
                name=label, format=_format(values), array=values,
                unit=known.get(label, Column()).unit or None,
            )
            for label, values in columns.items()
        ],
        name=name,
    )  # fmt: skip
    for number, label in enumerate(columns, start=1):
        if label in known:
            made.header[f"TCOMM{number}"] = known[label].text[:68]
    first = fits.PrimaryHDU(None, clean(header) if header is not None else None)
    part = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}.part")
    try:
        fits.HDUList([first, made]).writeto(part, checksum=True)
        appear(part, path, replace=False)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return path


def _format(values: NDArray[Any]) -> str:
    """Return the letter of the type of a column."""
    letters = {"f8": "D", "f4": "E", "i8": "K", "i4": "J", "i2": "I", "b1": "L"}
    kind = values.dtype.str[1:]
    return letters.get(kind) or f"{max(values.dtype.itemsize // 4, 1)}A"


def read_table(path: Path | str, name: str = "SOURCES") -> Any:
    """Return the table of a file as an astropy Table, in the byte order of the machine.

    Parameters
    ----------
    path : Path or str
        FITS file.
    name : str
        EXTNAME of the table.

    Raises
    ------
    BadFits
        The file holds no such table.
    """
    from astropy.io import fits
    from astropy.table import Table

    try:
        with fits.open(path) as hdus:
            table = Table()
            hdu = hdus[name]
            for number, column in enumerate(hdu.columns, start=1):
                values = hdu.data[column.name]
                if values.dtype.kind in "if":
                    values = values.astype(values.dtype.newbyteorder("="))
                table[column.name] = values
                table[column.name].unit = column.unit
                table[column.name].description = hdu.header.get(f"TCOMM{number}", "")
    except (OSError, KeyError, ValueError, AttributeError, TypeError) as error:
        msg = f"{path} holds no table {name} that can be read ({error}); fetch it again"
        raise BadFits(msg) from error
    return table

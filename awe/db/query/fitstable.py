"""A table of a query as FITS: what a column means and its unit, for programs that are not astropy.

astropy writes descriptions as YAML in COMMENT cards, which only astropy reads; others (STILTS,
TOPCAT, fv) read TCOMMn. FITS holds ASCII only.
"""

from __future__ import annotations

import io
from typing import Any

from awe.errors import ArgumentError

__all__ = ["write"]

#: Characters of a text that fits into one card.
LONGEST = 68


def write(table: Any, target: Any, *, overwrite: bool) -> None:
    """Write a table of numbers, text and truth values as a FITS table.

    Parameters
    ----------
    table : astropy.table.Table
        The table.
    target : str, path or binary file
        Where to.
    overwrite : bool
        Whether a file of that name is replaced.

    Raises
    ------
    ArgumentError
        A text has a character that FITS has not.
    """
    from astropy.io import fits

    for name in table.colnames:
        _refuse_other_than_ascii(table[name])
    held = io.BytesIO()
    table.write(held, format="fits")
    held.seek(0)
    with fits.open(held) as opened:
        header = opened[1].header
        for number, name in enumerate(table.colnames, 1):
            told = " ".join(str(table[name].description or "").split())
            told = told.encode("ascii", "replace").decode()
            if told:
                header.set(f"TCOMM{number}", told[:LONGEST], after=f"TFORM{number}")
        opened.writeto(target, overwrite=overwrite)


def _refuse_other_than_ascii(column: Any) -> None:
    if column.dtype.kind != "U":
        return
    for text in column.tolist():
        if text is not None and not text.isascii():
            odd = next(one for one in text if not one.isascii())
            msg = (
                f"FITS tables hold ASCII only, and column {column.name!r} has {odd!r} in "
                f"{text[:40]!r}: write .ecsv, .vot, .csv or .parquet, or leave that column out"
            )
            raise ArgumentError(msg)

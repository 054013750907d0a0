"""The headers of many files as a table: what is in their cards, before anything is judged.

Only headers are read, of the exposure and of its first extension where the exposure has no image
of its own. No pixel is looked at, no sum is compared, no camera is asked: a dry run of the ingest
does that. A file that cannot be read is a row that says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from awe import columns
from awe.errors import BadFits
from awe.fits import blocks, values
from awe.ingest import plain, sources
from awe.terminal import out

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["CardTable", "Cards", "headers"]

#: Bytes that are read at a time: most headers are shorter.
PIECE = 6 * blocks.BLOCK
#: Bytes that one header may have.
LONGEST = 1 << 20
UNREAD = "headers only: no pixels were read, and nothing was judged; a dry run does that"


@dataclass(frozen=True, kw_only=True)
class Cards:
    """The header of one file: values by keyword, or what is wrong with it."""

    path: Path
    values: Mapping[str, Any] = field(default_factory=dict)
    wrong: str = ""


@dataclass(frozen=True)
class CardTable:
    """The headers of many files: a row for each file, a column for each keyword."""

    rows: tuple[Cards, ...]
    keywords: tuple[str, ...]

    def __iter__(self) -> Iterator[Cards]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def show(self) -> None:
        """Print the table, and what was not looked at."""
        out(f"{self}\n")

    def __str__(self) -> str:
        cells = [
            (row.path.name, *(row.values.get(word) for word in self.keywords)) for row in self
        ]
        lines = columns.lines(("file", *self.keywords), cells)
        return "\n".join([*lines, *(row.wrong for row in self if row.wrong), UNREAD])

    def to_table(self) -> Table:
        """Return an astropy table: `file`, and a column for each keyword.

        A column has whole numbers, floats or truth values where all its cards have them, and text
        otherwise; where a file has no such card, it is masked.
        """
        import numpy as np
        from astropy.table import MaskedColumn, Table

        made = [MaskedColumn(np.array([str(row.path) for row in self], "U"), name="file")]
        for word in self.keywords:
            found = [row.values.get(word) for row in self]
            kind = _kind(found)
            # what is masked needs some value of the kind
            filled = [kind() if value is None else kind(value) for value in found]
            missing = np.array([value is None for value in found])
            cells = np.array(filled, "U" if kind is str else kind)
            made.append(MaskedColumn(cells, mask=missing, name=word))
        return Table(made, copy=False)


def headers(paths: Iterable[Path | str] | Path | str, *keywords: str) -> CardTable:
    """Return a table of header cards of many files; their pixels are not read.

    Parameters
    ----------
    paths : path, or iterable of path
        FITS files, packed or not; patterns, folders, `@list` of names, and tar archives.
    *keywords : str
        Which cards, `"EXPTIME"` or `"ESO DPR TYPE"`; all there are when left out.

    Returns
    -------
    CardTable
        One row per file. The card of the exposure goes before that of its first extension, which
        is read where the exposure has no image of its own.

    Raises
    ------
    ArgumentError
        A folder, a list or an archive holds no FITS file.
    """
    asked = tuple(dict.fromkeys(word.upper().removeprefix("HIERARCH ") for word in keywords))
    with sources.opened(paths) as files:
        rows = tuple(_cards(path, asked) for path in files)
    return CardTable(rows, asked or tuple(dict.fromkeys(w for row in rows for w in row.values)))


def _cards(path: Path, asked: tuple[str, ...]) -> Cards:
    try:
        with plain.opened(path) as file:
            found = _values(path, file)
    except (BadFits, OSError) as error:
        told = f"{path}: {error.strerror or error}" if isinstance(error, OSError) else str(error)
        return Cards(path=path, wrong=told)
    known = {word: first for word in asked or found if (first := found.get(word)) is not None}
    return Cards(path=path, values=known)


def _values(path: Path, file: IO[bytes]) -> Mapping[str, Any]:
    """Return the values of the header of a file, and of its first extension behind them."""
    data = file.read(PIECE)
    if not data.startswith(b"SIMPLE  ="):
        msg = f"{path} is not a FITS file, it begins with {data[:20]!a}"
        raise BadFits(msg)
    end, data = _header(path, file, data)
    primary = values.parse(data[:end])
    # without pixels, the next header follows at once (FITS 4.0, 3.3.2)
    rest = (data[end:] or file.read(PIECE)) if primary.get("NAXIS") == 0 else b""
    if not rest.startswith(b"XTENSION="):
        return primary
    end, rest = _header(path, file, rest)
    return {**values.parse(rest[:end]), **primary}


def _header(path: Path, file: IO[bytes], data: bytes) -> tuple[int, bytes]:
    """Return where a header ends, and the bytes from its begin as far as they were read."""
    while not (end := blocks.header_end(data)):
        more = file.read(PIECE)
        if not more or len(data) > LONGEST:
            what = "has a header of more than 1 MB" if more else "is cut off in its header"
            msg = f"{path} {what}; fetch it again"
            raise BadFits(msg)
        data += more
    return end, data


def _kind(found: Iterable[Any]) -> type:
    """Return the type of the values of a column: one that loses nothing of any of them."""
    known = [value for value in found if value is not None]
    kinds = {type(value) for value in known}
    if kinds == {int} and all(abs(value) < 1 << 63 for value in known):
        return int
    if kinds in ({bool}, {float}):
        return kinds.pop()
    numbers = kinds == {int, float} and all(value == float(value) for value in known)
    return float if numbers else str

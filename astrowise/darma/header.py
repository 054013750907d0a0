"""`header`: cards of a FITS file by keyword, read, changed and saved, also as `.head` text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import fits
from awe.errors import BadHeader, FileTaken
from awe.lazy import resolve

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["header"]


class header:  # noqa: N801 - darma's name
    """Cards by keyword.

    Parameters
    ----------
    filename : str, Path, DataObject or header, optional
        FITS file, a text file with one card a line (`.head`, as SCAMP writes and SWarp reads), a
        frame of awe, another header; nothing begins an empty one.
    cardlist : sequence of (str, value[, comment]), optional
        Cards of a new header.
    extension : int, optional
        HDU of the file; by default the first with an image.
    """

    def __init__(self, filename: Any = None, cardlist: Any = (), extension: int | None = None):
        self.cards: Header = _read(filename, extension)
        for card in cardlist or ():
            self.cards.append(tuple(card))

    def __getitem__(self, key: str) -> Any:
        if key not in self.cards:
            msg = f"the header has no card {key}; {len(self.cards)} cards: header.keys()"
            raise BadHeader(msg)
        return self.cards[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.cards[key] = value

    def __delitem__(self, key: str) -> None:
        del self.cards[key]

    def __contains__(self, key: object) -> bool:
        return key in self.cards

    def __iter__(self) -> Iterator[str]:
        return iter(self.cards)

    def __len__(self) -> int:
        return len(self.cards)

    def __repr__(self) -> str:
        return str(self.cards.tostring(sep="\n", endcard=False, padding=False))

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a card, or the default."""
        return self.cards.get(key, default)

    def keys(self) -> list[str]:
        """Return the keywords in order."""
        return list(self.cards)

    def add(self, key: str, value: Any, comment: str = "") -> None:
        """Set a card with its comment, at the end if it is new."""
        self.cards[key] = (value, comment)

    append = update = add

    def add_comment(self, text: str) -> None:
        """Append a COMMENT card."""
        self.cards.add_comment(text)

    def add_history(self, text: str) -> None:
        """Append a HISTORY card."""
        self.cards.add_history(text)

    def get_comment(self, key: str) -> str:
        """Return the comment of a card."""
        return str(self.cards.comments[key])

    def rename_key(self, key: str, new: str) -> None:
        """Give a card another keyword."""
        self.cards.rename_keyword(key, new)

    def copy(self) -> header:
        """Return a header with the same cards."""
        return header(self)

    def save(self, filename: str | Path, raw: bool = True, clobber: bool = True) -> None:
        """Write the cards: a FITS file without pixels for `.fits`, else text, one card a line.

        Parameters
        ----------
        filename : str or Path
            Path of the file; `x.head` is what SWarp reads for `x.fits`.
        raw : bool
            Without effect here; `.head` files are text.
        clobber : bool
            Whether a file of that name is replaced.

        Raises
        ------
        FileTaken
            There is a file of that name, and `clobber` is False.
        """
        path = Path(filename).expanduser()
        if path.exists() and not clobber:
            msg = f"{path} is there already; header.save(..., clobber=True) replaces it"
            raise FileTaken(msg)
        if path.suffix in (".fits", ".fit"):
            hdu = resolve("astropy.io.fits:PrimaryHDU")(header=self.cards)
            hdu.writeto(path, overwrite=clobber)
        else:
            self.cards.totextfile(path, endcard=True, overwrite=clobber)


def _read(source: Any, extension: int | None) -> Header:
    """Return a copy of the cards of whatever has some."""
    new = resolve("astropy.io.fits:Header")
    if source is None:
        return new()
    if isinstance(source, header):
        return source.cards.copy()
    if isinstance(source, new):
        return source.copy()
    if hasattr(source, "_written_header"):  # a frame of awe
        return source.header.copy()
    path = Path(source).expanduser()
    if path.suffix in (".head", ".ahead", ".txt", ".hdr"):
        return new.fromtextfile(path)
    return fits.read_header(path, extension).copy()

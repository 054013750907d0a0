"""Headers of files that are written: cards as lines of 80 bytes, in the order of the file.

The structure of an HDU is what astropy makes of pixels of its type and size, asked once. All other
cards come from `cards`. No header of astropy's is made: it goes over all cards for each of the
many things it offers, and a frame has five files.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from awe.fits import blocks
from awe.fits.cards import COMMENTARY, LONG, fitted, kept, line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from astropy.io.fits import Header
    from numpy.typing import NDArray

    from awe.fits.packing import Packed

__all__ = ["Lines"]

#: a card that has nothing to do with structure
_OTHER = ("OTHER", True, "")


class Lines:
    """The cards of one HDU without those of its structure.

    Parameters
    ----------
    header : Header or None
        What is `kept` of it; not modified.
    cards : iterable of tuple
        Cards (keyword, value, comment) that go before those of the header.
    """

    def __init__(
        self, header: Header | None, cards: Iterable[tuple[str, Any, str]] = ()
    ) -> None:
        self._named: dict[str, bytes] = {}
        self._said: list[bytes] = []
        for keyword, value, comment in (*kept(header), *fitted(cards)):
            if keyword in COMMENTARY:
                self._said.append(line(keyword, value))
            elif keyword.upper() == "EXTNAME":  # a name is text (FITS 4.0, 4.4.2.6)
                self._named["EXTNAME"] = line(keyword, str(value), comment)
            else:
                self._named[keyword.strip().upper()] = line(keyword, value, comment)
        if any(len(one) > blocks.CARD for one in self._named.values()):
            self._named = {LONG[0]: line(*LONG), **self._named}

    @property
    def keywords(self) -> list[str]:
        """The keywords of the cards, without HIERARCH."""
        return list(self._named)

    def copy(self) -> Lines:
        """Return these cards once more."""
        other = Lines(None)
        other._named, other._said = dict(self._named), list(self._said)
        return other

    def add(self, keyword: str, value: Any, comment: str = "") -> None:
        """Add a card, if none has its keyword.

        Parameters
        ----------
        keyword : str
            Keyword without HIERARCH.
        value : str, bool, int or float
            Value.
        comment : str
            Comment.
        """
        self._named.setdefault(keyword, line(keyword, value, comment))

    def leave_out(self, *keywords: str) -> None:
        """Leave out the cards of some keywords.

        Parameters
        ----------
        *keywords : str
            Keywords without HIERARCH.
        """
        for keyword in keywords:
            self._named.pop(keyword, None)

    def behind(self, content: NDArray[Any] | None, *, first: bool, more: bool) -> list[bytes]:
        """Return the lines of an image or of a header alone, those of its structure around these.

        Parameters
        ----------
        content : ndarray or None
            Pixels of the HDU, None for a header alone.
        first : bool
            Whether it is the primary HDU.
        more : bool
            Whether extensions are behind it.
        """
        if content is None:
            before, after = _structure("", (), first, more)
        else:
            dtype = content.dtype.newbyteorder("=").str
            before, after = _structure(dtype, content.shape, first, more)
        return _cut([*before, *self._named.values(), *after, *self._said])

    def of_table(self, content: Packed) -> list[bytes]:
        """Return the lines of a packed image, those of its table before these.

        Parameters
        ----------
        content : Packed
            The image.
        """
        return _cut([*content.lines, *self._named.values(), *self._said])


def _cut(lines: list[bytes]) -> list[bytes]:
    """Return lines of one card each."""
    whole = b"".join(lines)
    return [whole[at : at + blocks.CARD] for at in range(0, len(whole), blocks.CARD)]


@cache
def _structure(
    dtype: str, shape: tuple[int, ...], first: bool, more: bool
) -> tuple[list[bytes], list[bytes]]:
    """Return the lines before and behind the cards that have nothing to do with structure."""
    import numpy as np
    from astropy.io import fits

    # one number that is read everywhere: no memory of that size
    pixels = np.broadcast_to(np.zeros((), dtype), shape) if dtype else None
    other = fits.Header([fits.Card(*_OTHER)])
    hdus = fits.HDUList([fits.PrimaryHDU(pixels if first else None, other if first else None)])
    if more or not first:
        hdus.append(fits.ImageHDU(None if first else pixels, other))
    hdus.verify("silentfix")
    hdus.update_extend()
    text = hdus[0 if first else 1].header.tostring(endcard=False, padding=False).encode("ascii")
    lines = _cut([text])
    place = lines.index(line(*_OTHER))
    return lines[:place], lines[place + 1 :]

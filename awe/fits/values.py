"""Header values read from bytes that nobody vouches for.

`parse` gives a mapping from keyword to value that never raises for the header as a whole: a card
that cannot be understood raises when it is read. Text is escaped to printable ASCII; a
repeated keyword gives its first value, `(keyword, n)` the n-th. awe's own headers are read with
`awe.fits.read_header`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from awe.fits.blocks import CARD
from awe.fits.cards import escape

__all__ = ["HeaderValues", "parse"]

_TEXT = re.compile(r"\s*'((?:[^']|'')*)'")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d+)?")
HIERARCH, CONTINUE, END = "HIERARCH", "CONTINUE", "END     "
_COMMENTARY = ("COMMENT", "HISTORY", "", "END", "CONTINUE")


#: what stands for a value that was not read yet
_UNREAD = object()


class HeaderValues(Mapping[Any, Any]):
    """Values of one header, by keyword; made by `parse`."""

    def __init__(self, texts: Mapping[str, list[str]]) -> None:
        self._texts = texts
        self._firsts: dict[str, Any] = {}

    def __getitem__(self, name: Any) -> Any:
        word, position = name if isinstance(name, tuple) else (name, 0)
        if position:
            return _value(self._texts[word][position])
        # looked up for many cameras, and again for each frame
        first = self._firsts.get(word, _UNREAD)
        if first is _UNREAD:
            first = self._firsts[word] = _value(self._texts[word][0])
        return first

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def get(self, name: Any, default: Any = None) -> Any:
        """Return the first value of a keyword, or a default where it does not appear.

        Parameters
        ----------
        name : str or (str, int)
            Keyword to look for, or its n-th card.
        default : object
            Returned for a keyword that is not there.
        """
        if isinstance(name, tuple):
            return super().get(name, default)
        return self[name] if name in self._texts else default

    def count(self, name: str) -> int:
        """Return how often a keyword appears.

        Parameters
        ----------
        name : str
            Keyword to look for.
        """
        return len(self._texts.get(name, ()))

    def before(self, other: HeaderValues) -> HeaderValues:
        """Return the cards of this header, and those of another that are not in this.

        Parameters
        ----------
        other : HeaderValues
            That of the image of an exposure whose own header is this.
        """
        return self if other is self else HeaderValues({**other._texts, **self._texts})


def parse(header: bytes) -> HeaderValues:
    """Return the values of a header.

    Parameters
    ----------
    header : bytes
        Cards of 80 bytes, up to and including END.
    """
    return _parsed(bytes(header))


# a file's headers are read for its camera, and again for each of its frames
@lru_cache(maxsize=8)
def _parsed(header: bytes) -> HeaderValues:
    texts: dict[str, list[str]] = {}
    # one conversion for all: in latin-1 each byte is the character of its number
    whole = header.decode("latin-1")
    last = ""
    for place in range(0, len(whole), CARD):
        card = whole[place : place + CARD]
        word = card[:8]
        if word == END:
            break
        if word == CONTINUE:
            if last:
                texts[last][-1] = _joined(texts[last][-1], card[8:])
            continue
        last = ""
        # most cards are plain: a keyword of eight bytes, "= ", a value
        if card[8:10] == "= " and word != HIERARCH and "=" not in word:
            name, text = word.strip(), card[9:]
        else:
            head, equals, text = card.partition("=")
            if not equals:
                continue
            name = (head[8:] if word == HIERARCH else word).strip()
        if name not in _COMMENTARY:
            texts.setdefault(name, []).append(text)
            last = name
    return HeaderValues(texts)


def _joined(text: str, tail: str) -> str:
    """Put a continued string together with its next piece."""
    first, second = _TEXT.match(text), _TEXT.match(tail)
    if first is None or second is None:
        return text
    # An ampersand at the end of a piece says that CONTINUE follows (FITS 4.0, 4.2.1.2).
    return f"'{first[1].rstrip().removesuffix('&')}{second[1]}'"


# most cards are the same in all files of a night
@lru_cache(maxsize=8192)
def _value(text: str) -> str | bool | int | float | None:
    quoted = _TEXT.match(text)
    if quoted is not None:
        # Blanks at the end mean nothing, at the beginning they do (FITS 4.0, 4.2.1.1).
        return escape(quoted[1].replace("''", "'").rstrip())
    plain = text.partition("/")[0].strip()
    if plain in ("T", "F"):
        return plain == "T"
    # An empty value field is an undefined value (FITS 4.0, 4.1.2.3).
    if not plain:
        return None
    if _NUMBER.fullmatch(plain) is None:
        return escape(plain)
    if plain.lstrip("+-").isdigit():
        return int(plain)
    return float(plain.upper().replace("D", "E"))

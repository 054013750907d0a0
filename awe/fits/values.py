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

from awe.fits.blocks import CARD, cards, keyword
from awe.fits.cards import escape

__all__ = ["HeaderValues", "parse"]

_TEXT = re.compile(r"\s*'((?:[^']|'')*)'")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d+)?")
HIERARCH = "HIERARCH"
_COMMENTARY = ("COMMENT", "HISTORY", "", "END", "CONTINUE")


class HeaderValues(Mapping[Any, Any]):
    """Values of one header, by keyword; made by `parse`."""

    def __init__(self, texts: Mapping[str, list[str]]) -> None:
        self._texts = texts

    def __getitem__(self, name: Any) -> Any:
        word, position = name if isinstance(name, tuple) else (name, 0)
        return _value(self._texts[word][position])

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def count(self, name: str) -> int:
        """Return how often a keyword appears.

        Parameters
        ----------
        name : str
            Keyword to look for.
        """
        return len(self._texts.get(name, ()))


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
    begins = 0
    for card in cards(header):
        place, begins = begins, begins + len(card)
        word = whole[place : place + 8]
        # most cards are plain: a keyword of eight bytes, "= ", a value
        plain = len(card) == CARD and whole[place + 8 : place + 10] == "= "
        if plain and "=" not in word and word != HIERARCH:
            name = word.strip()
            if name not in _COMMENTARY:
                texts.setdefault(name, []).append(whole[place + 9 : place + CARD])
            continue
        name = keyword(card)
        if name in _COMMENTARY:
            continue
        _, equals, text = whole[place : place + CARD].partition("=")
        for tail in range(place + CARD, begins, CARD):
            text = _joined(text, whole[tail + 8 : tail + CARD])
        if equals:
            texts.setdefault(name, []).append(text)
    return HeaderValues(texts)


def _joined(text: str, tail: str) -> str:
    """Put a continued string together with its next piece."""
    first, second = _TEXT.match(text), _TEXT.match(tail)
    if first is None or second is None:
        return text
    # An ampersand at the end of a piece says that CONTINUE follows (FITS 4.0, 4.2.1.2).
    return f"'{first[1].rstrip().removesuffix('&')}{second[1]}'"


def _value(text: str) -> str | bool | int | float | None:
    quoted = _TEXT.match(text)
    if quoted is not None:
        # Blanks at the end mean nothing, at the beginning they do (FITS 4.0, 4.2.1.1).
        return escape(quoted[1].replace("''", "'").rstrip())
    plain = text.split("/", 1)[0].strip()
    if plain in ("T", "F"):
        return plain == "T"
    # An empty value field is an undefined value (FITS 4.0, 4.1.2.3).
    if not plain:
        return None
    number = _NUMBER.fullmatch(plain)
    if number is None:
        return escape(plain)
    if plain.lstrip("+-").isdigit():
        return int(plain)
    return float(plain.upper().replace("D", "E"))

"""Header cards: what may be copied, what is renamed, and where awe writes its own.

Owns the layout of awe's cards. Lineage: for the n-th parent `HIERARCH AWE LINn ROLE`, `CLASS`,
`ID` and `FILE`. Parameters: `HIERARCH AWE PAR <NAME>`, the unit in brackets in the comment.
Strings are escaped to printable ASCII, so that no header can reach a terminal's control codes.
Refuses nothing: a card that cannot be understood is kept as a COMMENT.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from awe.terminal import harmless

if TYPE_CHECKING:
    from astropy.io.fits import Card, Header

__all__ = [
    "clean",
    "copied",
    "copy_cards",
    "escape",
    "fitted",
    "kept",
    "line",
    "lineage_cards",
    "parameter_cards",
    "read_lineage",
    "read_parameters",
    "readable",
    "trimmed",
    "unreadable",
    "value_of",
]

#: Keywords that describe the bytes of one HDU; they are made anew for every file written.
STRUCTURE = frozenset(
    ["SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "BSCALE",
     "BZERO", "BLANK", "CHECKSUM", "DATASUM", "TFIELDS", "THEAP", "ZIMAGE", "ZSIMPLE", "ZTENSION",
     "ZEXTEND", "ZPCOUNT", "ZGCOUNT", "ZBITPIX", "ZNAXIS", "ZCMPTYPE", "ZQUANTIZ", "ZDITHER0",
     "ZHECKSUM", "ZDATASUM", "ZBLOCKED", "BLOCKED", "LONGSTRN", "END"]
)  # fmt: skip
_NUMBERED = ("NAXIS", "ZNAXIS", "TFORM", "TTYPE", "TUNIT", "ZTILE", "ZNAME", "ZVAL", "TDIM")

#: Deprecated keywords and what the standard calls them now.
RENAMED = {"RADECSYS": "RADESYS", "EPOCH": "EQUINOX"}

#: Cards that speak of the strips around the light-sensitive pixels, or of raw counts: not true of
#: a frame that was trimmed and corrected.
_OF_RAW = re.compile(
    r"(BIASSEC|TRIMSEC|DATASEC|PRESCAN|OVERSCAN|[AB]SEC|LTV|LTM)[0-9_A-D]*"
    r"|DATAMIN|DATAMAX|SATURATE|GAIN[0-9A-D]*|RDNOISE[0-9A-D]*"
    r"|ESO DET OUT[0-9]+ (PRSC|OVSC)[XY]"
)

#: card of a header with strings that go on in the next card
LONG = ("LONGSTRN", "OGIP 1.0", "long strings are continued")

#: characters of commentary in one card
_TEXT = 72

_PRIMARY_ONLY = frozenset(["ORIGFILE", "ARCFILE", "EXTNAME", "EXTVER", "INHERIT"])
COMMENTARY = frozenset(["COMMENT", "HISTORY", ""])
#: elements of the two matrices a header may have one of (FITS 4.0, 8.1.2)
_ROTATION = re.compile(r"PC\d_\d")
_MATRIX = re.compile(r"CD\d_\d")
_PLAIN = re.compile(r"[A-Za-z0-9_-]{0,8}")


def escape(text: str) -> str:
    r"""Return `text` in printable ASCII; anything else is written as `\x1b` or `\u00e9`.

    Parameters
    ----------
    text : str
        Text of any origin.

    Examples
    --------
    >>> escape("M 31\x1b[2J")
    'M 31\\x1b[2J'
    """
    return harmless(text, ascii_only=True, lines=False)


def value_of(header: Mapping[str, Any], keyword: str, default: Any) -> Any:
    """Return the value of a card, or a default where it is not there, empty or not readable.

    Parameters
    ----------
    header : mapping
        Header from outside; astropy raises where a card without a legal value is read.
    keyword : str
        Keyword of the card.
    default : object
        Returned where there is no value.
    """
    from astropy.io.fits.card import Undefined
    from astropy.io.fits.verify import VerifyError

    try:
        value = header.get(keyword, default)
    except (VerifyError, ValueError, UnicodeError):
        return default
    return default if value is None or isinstance(value, Undefined) else value


def readable(header: Header) -> Header:
    """Return a header without the cards nobody can read; the same where all can be.

    Parameters
    ----------
    header : Header
        Header from outside.
    """
    from astropy.io.fits import Header

    good = [card for card in header.cards if _is_readable(card)]
    return header if len(good) == len(header.cards) else Header(good)


def unreadable(header: Header) -> list[str]:
    """Return the keywords of the cards nobody can read.

    Parameters
    ----------
    header : Header
        Header from outside.
    """
    return [escape(card.keyword) for card in header.cards if not _is_readable(card)]


def _is_readable(card: Card) -> bool:
    from astropy.io.fits.verify import VerifyError

    try:
        _ = card.keyword, card.value, card.comment
    except (VerifyError, ValueError, UnicodeError):
        return False
    return True


def kept(header: Header | None) -> list[tuple[str, Any, str]]:
    """Return the cards (keyword, value, comment) of a header that fit a new file, in order.

    Cards of structure are left out, deprecated keywords get their present name, undefined and
    non-finite values are dropped, strings are escaped, of a repeated keyword the last wins, and of
    two matrices of coordinates CD. Commentary comes last.

    Parameters
    ----------
    header : Header or None
        Header to look through; None for none.
    """
    named: dict[str, tuple[str, Any, str]] = {}
    said: dict[str, list[tuple[str, Any, str]]] = {}
    for card in header.cards if header is not None else ():
        for keyword, value, comment in _cleaned(card, header):
            if keyword in COMMENTARY:
                said.setdefault(keyword, []).extend(
                    (keyword, value[place : place + _TEXT], "")
                    for place in range(0, len(value), _TEXT)
                )
            else:
                named[keyword.strip().upper()] = (keyword, value, comment)
    if any(map(_MATRIX.fullmatch, named)):
        for keyword in list(filter(_ROTATION.fullmatch, named)):
            del named[keyword]
    return [*named.values(), *chain(*said.values())]


def line(keyword: str, value: Any, comment: str = "") -> bytes:
    """Return a card as astropy writes it: 80 bytes, or more of a long string.

    The products of a frame share most of their cards: those that were made are kept.

    Parameters
    ----------
    keyword : str
        Keyword without HIERARCH.
    value : str, bool, int, float or complex
        Value.
    comment : str
        Comment.
    """
    # True, 1 and 1.0 are one key, as are 0.0 and -0.0
    return _line(keyword, f"{type(value).__name__} {value!r}", comment, _Held(value))


class _Held:
    """A value that is not looked at when cards are compared: its type and text are."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=4096)
def _line(keyword: str, text: str, comment: str, held: _Held) -> bytes:
    from astropy.io.fits import Card

    del text
    if keyword in COMMENTARY:
        return str(Card(keyword, held.value)).encode("ascii")
    return str(Card(_spelt(keyword), held.value, comment)).encode("ascii")


def clean(header: Header | None) -> Header:
    """Return a copy of `header` that fits a new file: what is `kept` of it.

    Parameters
    ----------
    header : Header or None
        Header to copy; None for an empty one.
    """
    result = _header_of(kept(header))
    if any(len(str(card)) > 80 for card in result.cards):
        result.insert(0, LONG)
    return result


def _header_of(cards: Iterable[tuple[str, Any, str]]) -> Header:
    from astropy.io import fits

    return fits.Header(
        fits.Card(keyword, value) if keyword in COMMENTARY
        else fits.Card(_spelt(keyword), value, comment)
        for keyword, value, comment in cards
    )  # fmt: skip


def copy_cards(*headers: Header) -> Header:
    """Return the cards of raw headers that a product keeps; a later header wins.

    Give the primary header first and the extension's after it. Left out are structure, file
    names of the archive, and the commentary of the instrument's software.

    Parameters
    ----------
    *headers : Header
        Headers of a raw file, the primary one first.
    """
    return _header_of(copied(*headers).values())


def copied(*headers: Header) -> dict[str, tuple[str, Any, str]]:
    """Return what `copy_cards` does as cards (keyword, value, comment), by keyword.

    Parameters
    ----------
    *headers : Header
        Headers of a raw file, the primary one first.
    """
    left = _PRIMARY_ONLY | COMMENTARY | {"LONGSTRN"}
    return {
        keyword.strip().upper(): (keyword, value, comment)
        for header in headers for keyword, value, comment in kept(header) if keyword not in left
    }  # fmt: skip


def fitted(cards: Iterable[tuple[str, Any, str]]) -> Iterator[tuple[str, Any, str]]:
    """Yield cards of awe's own as `kept` does those of a header: escaped, none without a value.

    Parameters
    ----------
    cards : iterable of tuple
        Keyword, with HIERARCH or without, value and comment; no commentary.
    """
    for keyword, value, comment in cards:
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            continue
        shown = escape(value) if isinstance(value, str) else value
        yield keyword.removeprefix("HIERARCH "), shown, escape(comment)


def trimmed(header: Header) -> Header:
    """Return the cards of a raw header that are true of the trimmed and corrected frame.

    Left out are the places of prescan and overscan, and gain, read noise, saturation and extremes
    as the camera's software wrote them.

    Parameters
    ----------
    header : Header
        Header of a raw frame; not modified.
    """
    result = header.copy()
    for keyword in {card.keyword for card in header.cards if _OF_RAW.fullmatch(card.keyword)}:
        result.remove(keyword, remove_all=True)
    return result


def lineage_cards(parents: Iterable[Mapping[str, str]]) -> list[tuple[str, str, str]]:
    """Return cards (keyword, value, comment) that name the parents of a product.

    Parameters
    ----------
    parents : iterable of mappings
        Each with the keys `role`, `class`, `id` and, where the parent has a file, `file`.
    """
    cards = []
    for number, parent in enumerate(parents, start=1):
        for key, comment in (
            ("role", "what it was used as"),
            ("class", "class of the parent"),
            ("id", "object_id"),
            ("file", "file name"),
        ):
            if parent.get(key):
                keyword = f"HIERARCH AWE LIN{number} {key.upper()}"
                value = escape(str(parent[key]))
                # a HIERARCH card has one line; a long name leaves no room for the comment
                room = 80 - len(f"{keyword} = '{value}' / ")
                cards.append((keyword, value, comment if len(comment) <= room else ""))
    return cards


def parameter_cards(
    parameters: Mapping[str, Any], units: Mapping[str, str] | None = None
) -> list[tuple[str, Any, str]]:
    """Return cards (keyword, value, comment) that record the parameters of a product.

    Parameters
    ----------
    parameters : mapping
        Name and value of each parameter.
    units : mapping, optional
        Name and unit of each parameter that has one.
    """
    cards = []
    for name, value in parameters.items():
        unit = (units or {}).get(name, "")
        shown = escape(value) if isinstance(value, str) else value
        cards.append((f"HIERARCH AWE PAR {name}", shown, f"[{unit}]" if unit else ""))
    return cards


def read_lineage(header: Header) -> list[dict[str, str]]:
    """Return the parents written by `lineage_cards`, in order.

    Parameters
    ----------
    header : Header
        Header of a product.
    """
    parents: dict[int, dict[str, str]] = {}
    for keyword, value in header.items():
        words = keyword.split()
        if len(words) == 3 and words[0] == "AWE" and words[1].startswith("LIN"):
            parents.setdefault(int(words[1][3:]), {})[words[2].lower()] = str(value)
    return [parents[number] for number in sorted(parents)]


def read_parameters(header: Header) -> dict[str, Any]:
    """Return the parameters written by `parameter_cards`.

    Parameters
    ----------
    header : Header
        Header of a product.
    """
    prefix = "AWE PAR "
    return {k[len(prefix) :]: v for k, v in header.items() if k.startswith(prefix)}


def _spelt(keyword: str) -> str:
    # At most eight of these (FITS 4.0, 4.1.2.1); HIERARCH is a convention of ESO.
    return keyword if _PLAIN.fullmatch(keyword) else f"HIERARCH {keyword}"


def _is_structure(keyword: str) -> bool:
    stem = keyword.rstrip("0123456789")
    return keyword in STRUCTURE or (stem in _NUMBERED and stem != keyword)


def _cleaned(card: Card, header: Header) -> list[tuple[str, Any, str]]:
    from astropy.io.fits.card import Undefined
    from astropy.io.fits.verify import VerifyError, VerifyWarning

    try:
        keyword, value, comment = card.keyword, card.value, escape(card.comment)
    except (VerifyError, ValueError, UnicodeError):
        with warnings.catch_warnings(category=VerifyWarning, action="ignore"):
            return [("COMMENT", escape(f"unreadable card: {card.image.rstrip()}"), "")]
    if _is_structure(keyword) or value is None or isinstance(value, Undefined):
        return []
    if keyword in COMMENTARY:
        return [(keyword or "COMMENT", escape(str(value)), "")] if str(value).strip() else []
    # A header has no notation for infinity or NaN (FITS 4.0, 4.2.4).
    if isinstance(value, float) and not math.isfinite(value):
        return []
    if keyword in RENAMED:
        keyword = RENAMED[keyword]
        if keyword in header:
            return []
    return [(keyword, escape(value) if isinstance(value, str) else value, comment)]

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
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from awe.terminal import harmless

if TYPE_CHECKING:
    from astropy.io.fits import Card, Header

__all__ = [
    "clean",
    "copy_cards",
    "escape",
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

_PRIMARY_ONLY = frozenset(["ORIGFILE", "ARCFILE", "EXTNAME", "EXTVER", "INHERIT"])
_COMMENTARY = frozenset(["COMMENT", "HISTORY", ""])
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


def clean(header: Header | None) -> Header:
    """Return a copy of `header` that fits a new file.

    Cards of structure are left out, deprecated keywords get their present name, undefined and
    non-finite values are dropped, strings are escaped, of a repeated keyword the last wins, and of
    two matrices of coordinates CD.

    Parameters
    ----------
    header : Header or None
        Header to copy; None for an empty one.
    """
    from astropy.io import fits

    result = fits.Header()
    if header is None:
        return result
    for card in header.cards:
        for keyword, value, comment in _cleaned(card, header):
            if keyword in _COMMENTARY:
                result.add_comment(value) if keyword == "COMMENT" else result.add_history(value)
            else:
                result[_spelt(keyword)] = (value, comment)
    if any(_MATRIX.fullmatch(keyword) for keyword in result):
        for keyword in [name for name in result if _ROTATION.fullmatch(name)]:
            del result[keyword]
    if any(len(str(card)) > 80 for card in result.cards):
        result.insert(0, ("LONGSTRN", "OGIP 1.0", "long strings are continued"))
    return result


def copy_cards(*headers: Header) -> Header:
    """Return the cards of raw headers that a product keeps; a later header wins.

    Give the primary header first and the extension's after it. Left out are structure, file
    names of the archive, and the commentary of the instrument's software.

    Parameters
    ----------
    *headers : Header
        Headers of a raw file, the primary one first.
    """
    from astropy.io import fits

    result = fits.Header()
    for header in headers:
        for card in clean(header).cards:
            if card.keyword not in _PRIMARY_ONLY | _COMMENTARY | {"LONGSTRN"}:
                result[_spelt(card.keyword)] = (card.value, card.comment)
    return result


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
    if keyword in _COMMENTARY:
        return [(keyword or "COMMENT", escape(str(value)), "")] if str(value).strip() else []
    # A header has no notation for infinity or NaN (FITS 4.0, 4.2.4).
    if isinstance(value, float) and not math.isfinite(value):
        return []
    if keyword in RENAMED:
        keyword = RENAMED[keyword]
        if keyword in header:
            return []
    return [(keyword, escape(value) if isinstance(value, str) else value, comment)]

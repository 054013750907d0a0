"""World coordinates between headers and astropy's `WCS`, distortions included.

SIP and TPV polynomials are cards and go both ways. Distortion tables, which are extensions of
their own, are refused: without them the coordinates would be wrong and nobody would see it.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from awe.errors import BadHeader
from awe.fits.cards import escape, readable

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

__all__ = ["coordinate_cards", "wcs_of"]

#: cards of coordinates that hold numbers
_NUMBERS = re.compile(
    r"(CRVAL|CRPIX|CDELT|CROTA)\d|(CD|PC)\d_\d|PV\d_\d+|[AB]P?_(\d_\d|ORDER)|LONPOLE|LATPOLE"
)

#: the matrix of all linear terms
_MATRIX = re.compile(r"CD\d_\d")

#: ... and text
_TEXTS = re.compile(r"(CTYPE|CUNIT)\d")

#: parts of a WCS that are tables and not cards
_TABLES = ("cpdis1", "cpdis2", "det2im1", "det2im2")


def wcs_of(header: Header, name: str) -> WCS:
    """Return the world coordinates a header tells.

    Parameters
    ----------
    header : Header
        Header of an image.
    name : str
        Name of the file in the message.

    Raises
    ------
    BadHeader
        They contradict themselves, such as a scale of 0 or one axis of two, or one of their
        cards cannot be read: left out, it would be taken for 0.
    """
    from astropy.io.fits.verify import VerifyWarning
    from astropy.wcs import FITSFixedWarning

    try:
        with warnings.catch_warnings():
            for told in (FITSFixedWarning, VerifyWarning):
                warnings.simplefilter("ignore", told)
            _require_numbers(header)
            return _of_cards(_with_linear_terms(readable(header)))
    except (ValueError, TypeError, KeyError, MemoryError, AssertionError) as error:
        msg = (
            f"{name}: its world coordinates cannot be used ({_reason(error)}); mend its CTYPE, "
            "CRVAL, CD and PC cards, pixels are there without them"
        )
        raise BadHeader(msg) from error


def _of_cards(header: Header) -> WCS:
    """Return the main world coordinates of cards, plain pixels where there are only others."""
    from astropy.wcs import WCS

    try:
        return WCS(header)
    except KeyError as error:
        # astropy refuses cards of physical pixels (CRPIX1P) or other alternatives alone
        if "No WCS with key ' '" not in str(error):
            raise
        return WCS(naxis=int(header.get("NAXIS") or 2))


def coordinate_cards(wcs: Any) -> Header:
    """Return the cards of world coordinates, those of distortions among them.

    Parameters
    ----------
    wcs : WCS
        World coordinates of an image.

    Raises
    ------
    BadHeader
        They have tables, or are of a kind no header can hold.
    """
    tables = [part for part in _TABLES if getattr(wcs, part, None) is not None]
    if tables or not hasattr(wcs, "to_header"):
        what = f"distortion tables ({', '.join(tables)})" if tables else type(wcs).__name__
        msg = (
            f"no header can hold these world coordinates: {what}; give a WCS of cards (SIP, TPV "
            "or none), or set wcs to None"
        )
        raise BadHeader(msg)
    # relax: without it the polynomials are left out and CTYPE loses its -SIP
    header: Header = wcs.to_header(relax=True)
    return header


def _require_numbers(header: Header) -> None:
    """Refuse a header with a card of coordinates that holds nothing, or nothing of its kind."""
    from astropy.io.fits.card import Undefined
    from astropy.io.fits.verify import VerifyError

    # without types of axes there are no coordinates of the sky to be wrong
    if not any(_TEXTS.fullmatch(name) for name in header):
        return
    for card in header.cards:
        numeric = _NUMBERS.fullmatch(card.keyword) is not None
        if not numeric and not _TEXTS.fullmatch(card.keyword):
            continue
        try:
            value = card.value
        except (VerifyError, ValueError, UnicodeError):
            value = Undefined()
        wanted = int | float if numeric else str
        if not isinstance(value, wanted) or isinstance(value, bool):
            msg = f"{card.keyword} = {escape(card.image[10:].split('/')[0].strip())}"
            raise ValueError(msg)
    _require_rank(header)


def _require_rank(header: Header) -> None:
    """Refuse a matrix of which no pixel can be told; wcslib takes one of zeros for none."""
    import numpy as np

    names = [name for name in header if _MATRIX.fullmatch(name)]
    if not names:
        return
    last = max(int(digit) for name in names for digit in name if digit.isdigit())
    axes = range(1, last + 1)
    matrix = np.array([[float(header.get(f"CD{i}_{j}", 0.0)) for j in axes] for i in axes])
    if np.linalg.matrix_rank(matrix) < last:
        told = ", ".join(f"{name} = {header[name]:g}" for name in names)
        msg = f"the matrix {told} cannot be inverted"
        raise ValueError(msg)


def _with_linear_terms(header: Header) -> Header:
    """Return the header with the linear terms of TPV that it leaves out.

    The convention (registry of FITS conventions, TPV) gives PV1_1 and PV2_1 the value 1 where they
    are absent; WCSLIB takes 0, and every pixel is at the reference point.
    """
    header = _named_tpv(header)
    absent = [
        f"PV{axis}_1"
        for axis in range(1, 10)
        if str(header.get(f"CTYPE{axis}", "")).rstrip().endswith("-TPV")
        and f"PV{axis}_1" not in header
    ]
    if absent:
        header = header.copy()
        header.update(dict.fromkeys(absent, 1.0))
    return header


def _named_tpv(header: Header) -> Header:
    """Return the header with TPV for a tangential projection whose two axes have PV terms.

    SCAMP writes such headers as TAN, which has no terms: WCSLIB would take the few of a linear
    solution for native longitude and latitude, and turn the field by 90 degrees.
    """
    kinds = {str(header.get(f"CTYPE{axis}", "")).rstrip()[-4:] for axis in (1, 2)}
    both = all(any(name.startswith(f"PV{axis}_") for name in header) for axis in (1, 2))
    if kinds != {"-TAN"} or not both:
        return header
    header = header.copy()
    for axis in (1, 2):
        header[f"CTYPE{axis}"] = str(header[f"CTYPE{axis}"]).rstrip()[:-3] + "TPV"
    return header


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # wcslib tells where in its source it was before it tells what was wrong
    told = [line for line in lines if not line.startswith("ERROR")] or lines
    return (told[0] if told else type(error).__name__).rstrip(".")

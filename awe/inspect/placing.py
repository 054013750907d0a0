"""Where chips are in the focal plane by their headers: sections of the detector, or the sky.

What a header cannot tell is a `ValueError` or a `KeyError`; whoever places chips tries the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from awe import fits
from awe.errors import BadHeader
from awe.inspect.mosaic import Mosaic, Piece

__all__ = ["apart", "by_headers", "by_section", "by_sky", "coordinates"]

Header = Mapping[str, Any]

#: How far the axes of two chips may differ in length and direction and count as parallel.
ASKEW = 0.1
#: Distance of reference points that count as the same [deg].
SAME = 1e-4
SECTION = re.compile(r"\[(-?\d+):(-?\d+),(-?\d+):(-?\d+)\]")
MATRIX = ("CD1_1", "CD1_2", "CD2_1", "CD2_2")


def apart(pieces: Sequence[Piece]) -> bool:
    """Return True if no chip covers the middle of another.

    Parameters
    ----------
    pieces : sequence of Piece
        Chips with their places.
    """
    middles = [
        (one.corner[0] + one.size[0] / 2, one.corner[1] + one.size[1] / 2) for one in pieces
    ]
    return not any(
        one.corner[0] < x < one.corner[0] + one.size[0]
        and one.corner[1] < y < one.corner[1] + one.size[1]
        for number, one in enumerate(pieces)
        for other, (x, y) in enumerate(middles)
        if other != number
    )


def by_headers(pieces: Sequence[Piece], headers: Sequence[Header]) -> list[Piece] | None:
    """Return chips where their headers say they are, None if these do not say it.

    Parameters
    ----------
    pieces : sequence of Piece
        The chips.
    headers : sequence of mapping
        The header of each.
    """
    ways: tuple[Callable[[Piece, Header, Header], Piece], ...] = (by_section, by_sky)
    for way in ways:
        try:
            placed = [way(*both, headers[0]) for both in zip(pieces, headers, strict=True)]
        except (BadHeader, KeyError, TypeError, ValueError, ZeroDivisionError):
            continue
        if apart(placed):
            return placed
    return None


def by_section(piece: Piece, header: Header, _: Header) -> Piece:
    """Return a chip at its section of the detector, `DETSEC`; one that falls is mirrored.

    Parameters
    ----------
    piece : Piece
        The chip.
    header : mapping
        Its header.
    """
    found = SECTION.fullmatch(str(header["DETSEC"]).replace(" ", ""))
    if found is None:
        raise ValueError(header["DETSEC"])
    x0, x1, y0, y1 = map(int, found.groups())
    binning = (
        piece.binning[0] * (-1 if x1 < x0 else 1), piece.binning[1] * (-1 if y1 < y0 else 1)
    )  # fmt: skip
    return replace(piece, corner=(float(min(x0, x1)), float(min(y0, y1))), binning=binning)


def by_sky(piece: Piece, header: Header, first: Header) -> Piece:
    """Return a chip by its reference pixel, where all have one reference point on the sky.

    Parameters
    ----------
    piece : Piece
        The chip.
    header, first : mapping
        Its header, and that of the first chip, along whose axes all are placed.
    """
    for card in ("CRVAL1", "CRVAL2"):
        if abs(float(header[card]) - float(first[card])) > SAME:
            raise ValueError(card)
    (a, b, c, d), (e, f, g, h) = _matrix(first), _matrix(header)
    det = a * d - b * c
    # columns and rows of the first chip along a column and a row of this one
    along = ((d * e - b * g) / det, (a * h - c * f) / det)
    if any(abs(abs(one) - 1) > ASKEW for one in along):
        raise ValueError(along)
    corner, binning = [], []
    for axis, one in enumerate(along):
        low, high = piece.active[axis], piece.active[axis + 2]
        middle = float(header[f"CRPIX{axis + 1}"]) - 0.5
        step = piece.binning[axis]
        corner.append((low - middle if one > 0 else middle - high) * step)
        binning.append(step if one > 0 else -step)
    return replace(piece, corner=(corner[0], corner[1]), binning=(binning[0], binning[1]))


def _matrix(header: Header) -> tuple[float, ...]:
    return tuple(float(fits.value_of(header, name, 0.0)) for name in MATRIX)


def coordinates(mosaic: Mosaic, cards: Mapping[str, Any]) -> dict[str, Any]:
    """Return the coordinates of a mosaic, those of its first chip carried on.

    Parameters
    ----------
    mosaic : Mosaic
        The image.
    cards : mapping
        CTYPE, CRVAL, CRPIX and CD of the first chip, a tangential system.
    """
    tile = mosaic.tiles[0]
    carried = dict(cards)
    for axis, (offset, factor) in enumerate((tile.x, tile.y), 1):
        carried[f"CRPIX{axis}"] = (cards[f"CRPIX{axis}"] - offset) / factor
        for row in (1, 2):
            carried[f"CD{row}_{axis}"] = cards[f"CD{row}_{axis}"] * factor
    return carried

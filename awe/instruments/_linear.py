"""The linear world coordinates of a header, whichever way their matrix is written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["SAME_MATRIX", "astrom_of"]

MATRIX = ("CD1_1", "CD1_2", "CD2_1", "CD2_2")
POINT = ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")
TURNS = ("PC1_1", "PC1_2", "PC2_1", "PC2_2")
SCALES = ("CDELT1", "CDELT2")

#: cards that say what those of the matrix CD say
SAME_MATRIX = (*TURNS, *SCALES, "CROTA1", "CROTA2")


def astrom_of(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return CRVAL, CRPIX, CD and CTYPE of an image, nothing where no place can be told.

    The matrix may be written as CD, as PC and CDELT, or as CDELT and CROTA2; what is left out has
    the value it has by default, and CD goes before the others (Greisen & Calabretta 2002, A&A
    395, 1061, and Calabretta & Greisen 2002, A&A 395, 1077).

    Parameters
    ----------
    header : mapping of str to object
        Header of the image.
    """
    try:
        kinds = [str(header.get(name, "")) for name in ("CTYPE1", "CTYPE2")]
        units = [str(header.get(name) or "deg").strip() for name in ("CUNIT1", "CUNIT2")]
        numbers = {
            name: float(value)
            for name in (*POINT, *MATRIX, *SAME_MATRIX)
            if isinstance(value := header.get(name), int | float)
        }
    except ValueError:
        # a card that cannot be read gives no place
        return {}
    sky = kinds[0].startswith("RA--") and kinds[1].startswith("DEC-")
    degrees = all(unit.lower().startswith("deg") for unit in units)
    if not sky or not degrees or not set(POINT) <= set(numbers):
        return {}
    matrix = _matrix(numbers)
    if not matrix:
        return {}
    place = {name: numbers[name] for name in POINT}
    return {**place, **dict(zip(MATRIX, matrix, strict=True)),
            "CTYPE1": kinds[0], "CTYPE2": kinds[1]}  # fmt: skip


def _matrix(numbers: Mapping[str, float]) -> tuple[float, ...]:
    """Return CD1_1, CD1_2, CD2_1 and CD2_2 [deg/pixel]; nothing where no scale is told."""
    if set(MATRIX) <= set(numbers):
        return tuple(numbers[name] for name in MATRIX)
    if any(name in numbers for name in MATRIX):
        found = tuple(numbers.get(name, 0.0) for name in MATRIX)
    elif any(name in numbers for name in TURNS) or set(SCALES) <= set(numbers):
        across, along = (numbers.get(name, 1.0) for name in SCALES)
        first, second, third, fourth = _turned(numbers, across, along)
        found = (across * first, across * second, along * third, along * fourth)
    else:
        return ()
    return found if found[0] * found[3] != found[1] * found[2] else ()


def _turned(numbers: Mapping[str, float], across: float, along: float) -> tuple[float, ...]:
    """Return the matrix PC: as it is written, or of the angle CROTA2 [deg]."""
    if any(name in numbers for name in TURNS) or not across or not along:
        default = zip(TURNS, (1.0, 0.0, 0.0, 1.0), strict=True)
        return tuple(numbers.get(name, value) for name, value in default)
    angle = math.radians(numbers.get("CROTA2", numbers.get("CROTA1", 0.0)))
    cosine, sine = math.cos(angle), math.sin(angle)
    return cosine, -sine * along / across, sine * across / along, cosine

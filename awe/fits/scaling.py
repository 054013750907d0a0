"""How stored integers become counts: BSCALE, BZERO and BLANK, as archives write them.

A whole number that was written with a decimal point or in quotes is taken for what it is. What is
no number is refused: counts that were scaled by a guess would look well and be wrong.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.errors import AweError, BadFits
from awe.fits import blocks
from awe.fits.cards import escape
from awe.fits.values import parse

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["Scaling", "damaged"]

#: cards without which no pixel can be read
_NEEDED = ("BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "BSCALE", "BZERO")

#: what is expected of a card that has to be more than a number
_WANTED = {
    "BSCALE": "a number that is not 0", "BLANK": "a whole number",
    "BITPIX": "one of " + ", ".join(map(str, blocks.BITPIX)),
}  # fmt: skip


@dataclass(frozen=True)
class Scaling:
    """Counts are stored numbers times `scale` plus `zero`, or missing where that is `blank`."""

    scale: float
    zero: float
    blank: int | None

    @classmethod
    def of(cls, header: Header, path: Path | str) -> Scaling:
        """Return the scaling a header tells.

        Parameters
        ----------
        header : Header
            Header of an image.
        path : Path or str
            Path of the file, for the message.

        Raises
        ------
        BadFits
            A card is there and no number, the scale is 0, or there is no such type of pixels.
        """
        if header.get("BITPIX") not in blocks.BITPIX:
            raise BadFits(_told(path, "BITPIX", header.get("BITPIX")))
        scale, zero = (_number(header, name, path) for name in ("BSCALE", "BZERO"))
        blank = _number(header, "BLANK", path)
        if scale == 0:
            raise BadFits(_told(path, "BSCALE", 0))
        if blank is not None and blank != int(blank):
            raise BadFits(_told(path, "BLANK", blank))
        return cls(
            scale=1 if scale is None else scale,
            zero=0 if zero is None else zero,
            blank=None if blank is None else int(blank),
        )


def damaged(path: Path | str) -> str:
    """Return which card of the first header spoils a file, empty if none does.

    Parameters
    ----------
    path : Path or str
        Path of a file that is not opened as FITS.
    """
    with suppress(OSError, AweError), Path(path).open("rb") as file:
        head = file.read(20 * blocks.BLOCK)
        if not head.startswith(b"SIMPLE  ="):
            return ""
        values = parse(head)
        for name in _NEEDED:
            value = values.get(name)
            if value is not None and not isinstance(value, int | float):
                return _told(path, name, value)
    return ""


def _number(header: Header, name: str, path: Path | str) -> Any:
    """Return the finite number a card holds, None where it is absent or empty."""
    from astropy.io.fits.card import Undefined
    from astropy.io.fits.verify import VerifyError

    try:
        value = header.get(name)
    except (VerifyError, ValueError, UnicodeError):
        raise BadFits(_told(path, name, header.cards[name].image[10:].strip())) from None
    if value is None or isinstance(value, Undefined):
        return None
    with suppress(ValueError, TypeError):
        # whole numbers stay whole: float64 does not hold all of 64 bits
        number = value if isinstance(value, int) else float(value)
        if math.isfinite(number):
            return number
    raise BadFits(_told(path, name, value))


def _told(path: Path | str, name: str, value: Any) -> str:
    shown = escape(value) if isinstance(value, str) else value
    return (
        f"{path}: {name} = {shown!r}, {_WANTED.get(name, 'a number')} was expected, so nobody can "
        "tell its counts; mend the card, or fetch the file again"
    )

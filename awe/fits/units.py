"""The unit of pixels as archives spell it in BUNIT, as a unit of astropy.

Knows the usual spellings of counts, electrons and seconds in addition to what astropy reads.
Case means something (`mJy`, `MJy`), so a text is first taken as it is. Refuses to guess further.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from awe.errors import BadHeader
from awe.fits.cards import escape, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.units import UnitBase

__all__ = ["unit_of"]

#: spelling, in small letters -> the unit of astropy
SPELLINGS = {
    "adus": "adu", "count": "ct", "counts": "ct", "cts": "ct", "dn": "DN", "dns": "DN",
    "e": "electron", "e-": "electron", "el": "electron", "elec": "electron",
    "electrons": "electron", "photons": "photon", "ph": "photon", "phot": "photon",
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "pixels": "pix", "pixel": "pix",
    "jansky": "Jy", "janskys": "Jy",
}  # fmt: skip

#: words that are nothing in small letters, or something else
CAPITALS = {"JY": "Jy", "MJY": "MJy", "SR": "sr", "BEAM": "beam", "ERG": "erg", "CM": "cm"}

#: a word of a unit; the sign of the electron belongs to it where no exponent follows, and
#: the E of a number does not count
_WORD = re.compile(r"(?<![\d.])[A-Za-z]+(?:-(?!\d))?")


def unit_of(header: Mapping[str, Any], name: str) -> UnitBase:
    """Return the unit of the pixels of an image: that of BUNIT, `adu` without one.

    Parameters
    ----------
    header : mapping
        Header of the image.
    name : str
        Name of the file in the message.

    Raises
    ------
    BadHeader
        The unit is not known.

    Examples
    --------
    >>> unit_of({"BUNIT": "ELECTRONS/S"}, "a.fits").to_string()
    'electron / s'
    """
    from astropy.units import Unit, UnitsWarning

    # pixels are not in siemens: a capital S stands for seconds
    text = re.sub(r"\bS\b", "s", str(value_of(header, "BUNIT", "adu")).strip())
    spelt = _WORD.sub(lambda word: CAPITALS.get(word[0]) or _spelt(word[0], word[0]), text)
    small = _WORD.sub(lambda word: _spelt(word[0], word[0].lower()), text)
    for attempt in (text, spelt, small):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UnitsWarning)
                unit = Unit(attempt)
            # a number alone is not a unit
            if unit.bases or unit.scale == 1:
                return unit
        except (ValueError, TypeError):
            continue
    msg = (
        f"{name}: BUNIT = {escape(text)!r} is not a known unit; give one, such as "
        "to_ccddata(unit='adu')"
    )
    raise BadHeader(msg)


def _spelt(word: str, otherwise: str) -> str:
    return SPELLINGS.get(word.lower(), otherwise)

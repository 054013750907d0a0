"""Files that other programs combined of several frames: masters and stacks, which are not raw.

Their noise is not that of the camera, and some are normalised: a recipe that took one for a raw
frame would measure a wrong noise and weigh it wrongly. Headers say it in many ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from awe.instruments import spelled

__all__ = ["told"]

#: Cards of the type of a frame, and how they spell that it is a combination.
TYPES = ("IMAGETYP", "OBSTYPE", "FRAME", "FRAMETYP", "IMGTYPE", "CCDTYPE", "ESO PRO CATG")
SPELLINGS = ("*master*", "*combined*", "*stack*", "*super*bias*", "*super*dark*", "*super*flat*")
#: Cards with the number of frames in it: of IRAF, of stacking programs, of MaxIm DL, of ESO.
NUMBERS = ("NCOMBINE", "NCOMB", "STACKCNT", "SNAPSHOT", "ESO PRO DATANCOM")
#: Cards that name the first of them: of IRAF, of ESO.
NAMES = ("IMCMB001", "ESO PRO REC1 RAW2 NAME")


def told(*headers: Mapping[str, Any]) -> str:
    """Return the card that says that a file is combined of several frames; nothing if none does.

    Parameters
    ----------
    *headers : mapping of str to value
        Header of the exposure, and that of its first image.
    """
    for header in headers:
        for word in (*TYPES, *NUMBERS, "COMBINED", *NAMES):
            value = header.get(word)
            if value is not None and _says_so(word, value):
                return f"{word} = {value!r:.60}"
    return ""


def _says_so(word: str, value: Any) -> bool:
    if word in TYPES:
        return spelled(value, SPELLINGS)
    if word in NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool) and value > 1
    return word in NAMES or value is True or value in ("T", "True")

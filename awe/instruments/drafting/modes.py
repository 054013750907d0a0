"""How the detector was read, where the headers tell: calibrations fit frames of their own mode.

`GAIN` is a number of electrons per ADU in the headers of most CCD cameras, and the setting of an
amplifier in those of CMOS cameras, where the electrons are in `EGAIN`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from awe.instruments.drafting import conventions
from awe.instruments.drafting.keywords import told
from awe.instruments.drafting.seen import Seen, distinct, values
from awe.instruments.drafting.sheet import Sheet

__all__ = ["write"]

#: electrons per ADU are below it
_ELECTRONS = 50
_TELLING = ("index", "setting")


def write(sheet: Sheet, chips: Iterable[Sequence[Seen]]) -> None:
    """Write the cards of the read mode: those that change, or a setting of the gain.

    Parameters
    ----------
    sheet : Sheet
        Its table of cards is written.
    chips : iterable of sequence of Seen
        Images of each chip: different chips may have different gains in electrons per ADU.
    """
    chips = list(chips)
    changing = {word: found for word in conventions.MODES if len(found := _most(chips, word)) > 1}
    whole = {
        word: found for word, found in changing.items()
        if not any(isinstance(one, float) and one % 1 for one in found)
    }  # fmt: skip
    for word, found in changing.items():
        if word not in whole:
            sheet.doubt(
                f'{word} is {told(found)}: if these are modes of reading, read_mode = "{word}" '
                "keeps their calibrations apart"
            )
    if whole:
        words = list(whole)
        values_of = "; ".join(f"{word} is {told(found)}" for word, found in whole.items())
        sheet.doubt(
            f"{values_of}: frames take calibrations of their own only; gain, "
            "read_noise and saturation are those of one: draft from files of one, and see that "
            "they are right"
        )
        sheet.key("read_mode", words[0] if len(words) == 1 else {"together": words})
    elif "GAIN" not in changing and _is_setting([one for images in chips for one in images]):
        sheet.key("read_mode", "GAIN")


def _most(chips: Sequence[Sequence[Seen]], word: str) -> list[object]:
    """Return the values of a card in the files of that chip which has most of them."""
    return max((distinct(values(images, word)) for images in chips), key=len)


def _is_setting(images: Sequence[Seen]) -> bool:
    """Return True if whole numbers of GAIN are a setting of the camera, not electrons per ADU."""
    found = distinct(values(images, "GAIN"))
    if not found or any(isinstance(one, bool | str) or one % 1 for one in found):
        return False
    comment = images[0].comments.get("GAIN", "").lower()
    return (
        max(found) > _ELECTRONS
        or any(word in comment for word in _TELLING)
        # some programs write the electrons into both
        or any(one.find("EGAIN") not in (None, one.find("GAIN")) for one in images)
    )

"""Whether a calibration image belongs to a frame: the same pixels of the chip, the right unit.

What a product was made from and what its file holds never change, so each is looked at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe import fits
from awe.errors import BadHeader, WrongShape
from awe.rules.window import misfit_of, shown_by, window_behind, window_of

if TYPE_CHECKING:
    from awe.tasks.unit import Unit

__all__ = ["require_unit", "require_window", "window_of"]

#: class -> unit of its pixels; flats and maps have none
UNITS = {
    "BiasFrame": "adu",
    "DarkFrame": "adu/s",
    "FringeFrame": "adu",
    "BackgroundFrame": "adu",
}

#: object_id of calibrations whose unit was looked at: files never change
_with_unit: set[Any] = set()


def require_window(unit: Unit, item: Any) -> None:
    """Refuse a calibration image of another part of the chip, or binned another way.

    The number of pixels may be the same; what differs is their place on the chip.

    Raises
    ------
    WrongShape
        With both windows.
    """
    ours = shown_by(unit.frames)
    if misfit_of(ours)(item) is None:
        return
    msg = (
        f"{unit.name} shows {ours}, {item.filename} was made of frames that show "
        f"{window_behind(item)}; make a {type(item).__name__} of frames with that window and "
        "binning"
    )
    raise WrongShape(msg)


def require_unit(item: Any) -> None:
    """Refuse a calibration image, here on disk, in another unit than its class has.

    Raises
    ------
    BadHeader
        With the unit found and the unit wanted.
    """
    # what unit a class of a user's own has is theirs to say
    if item.object_id in _with_unit or not type(item).__module__.startswith("awe."):
        return
    wanted = UNITS.get(type(item).__name__, "")
    found = str(fits.read_header(item.pathname).get("BUNIT", wanted)).replace(" ", "").lower()
    if found != wanted:
        msg = (
            f"{item.filename} has pixels in {found or 'no unit'} (BUNIT), a {type(item).__name__} "
            f"has {wanted or 'no unit'}; set is_valid = 0 for it and make it again"
        )
        raise BadHeader(msg)
    _with_unit.add(item.object_id)

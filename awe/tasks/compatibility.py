"""Whether a calibration image belongs to a frame: the same pixels of the chip, the right unit.

What a product was made from and what its file holds never change, so each is looked at once.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from awe import fits
from awe.calib.detector import sections
from awe.errors import BadHeader, NotVisible, WrongShape
from awe.model.mixins import has, value_of

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

#: links of a calibration without raw frames of its own, to one that shows the same pixels
SOURCES = ("bias", "flat", "dome", "twilight", "illumination_correction")

#: object_id of a calibration -> window of its raw frames
_windows: dict[Any, str] = {}

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
    if not unit.frames or not has(item, "filename"):
        return
    theirs = _window_behind(item)
    # a few frames with another window are left out by name where frames are combined
    [(ours, _)] = Counter(_shown(frame) for frame in unit.frames).most_common(1)
    if theirs is None or ours is None or ours == theirs:
        return
    msg = (
        f"{unit.name} shows {ours}, {item.filename} was made of frames that show {theirs}; "
        f"make a {type(item).__name__} of frames with that window and binning"
    )
    raise WrongShape(msg)


def window_of(frame: Any) -> str | None:
    """Return which pixels of the chip a raw frame holds, in words; None where it does not say."""
    geometry = _geometry_of(frame)
    if not geometry:
        return None
    return f"{geometry['nx']} x {geometry['ny']} pixels {_place_on_chip(geometry)}"


def _shown(frame: Any) -> str | None:
    """Return which light-sensitive pixels a frame shows; the strips around do not matter."""
    geometry = _geometry_of(frame)
    if not geometry or not geometry.get("active"):
        return None
    ny, nx = sections.shape(sections.parse(geometry["active"]))
    return f"{nx} x {ny} pixels {_place_on_chip(geometry)}"


def _geometry_of(frame: Any) -> Any:
    if value_of(frame, "raw") is not None:
        return value_of(frame.raw, "geometry")
    return value_of(frame, "geometry")


def _place_on_chip(geometry: Any) -> str:
    binning = "x".join(str(side) for side in geometry.get("binning", (1, 1)))
    return f"from {geometry.get('start_x', 1)}, {geometry.get('start_y', 1)}, binning {binning}"


def _window_behind(item: Any) -> str | None:
    """Return the window of the raw frames a calibration comes from."""
    found = _windows.get(item.object_id)
    if found is None and (found := _window_in(item)) is not None:
        # what a product was made from never changes
        _windows[item.object_id] = found
    return found


def _window_in(item: Any) -> str | None:
    raws = [name for name in item.get_persistent_properties() if name.startswith("raw")]
    for name in [*raws, *SOURCES]:
        try:
            linked = value_of(item, name)
            first = linked[0] if isinstance(linked, list) and linked else linked
            window = None
            if first:
                window = _shown(first) if name in raws else _window_behind(first)
        except NotVisible:
            # whoever may use a master need not see its raw frames: the shapes are checked anyway
            continue
        if window is not None:
            return window
    return None


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

"""Which pixels of a chip a frame or a calibration shows: their place, number and binning.

What a product was made from never changes, so each is looked at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from awe.calib.detector import sections
from awe.errors import NotVisible
from awe.model.mixins import has, value_of

__all__ = ["Misfit", "misfit_of", "shown_by", "window_behind", "window_of"]

#: Tells why a calibration shows other pixels than expected, or None where it fits.
Misfit = Callable[[Any], str | None]

#: links of a calibration without raw frames of its own, to one that shows the same pixels
SOURCES = ("bias", "flat", "dome", "twilight", "illumination_correction")

#: object_id of a calibration -> window of its raw frames
_windows: dict[Any, str] = {}


def shown_by(frames: Sequence[Any]) -> str | None:
    """Return which light-sensitive pixels most of some raw frames show; None without any."""
    if not frames:
        return None
    # a few frames with another window are left out by name where frames are combined
    [(most, _)] = Counter(_shown(frame) for frame in frames).most_common(1)
    return most


def misfit_of(ours: str | None) -> Misfit:
    """Return what says if calibrations show the pixels `ours`."""

    def misfit(item: Any) -> str | None:
        if ours is None or not has(item, "filename"):
            return None
        theirs = window_behind(item)
        return None if theirs is None or theirs == ours else f"it shows {theirs}, expected {ours}"

    return misfit


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
    return f"{nx} x {ny} pixels {_place_on_chip(geometry)}{_amplifiers(geometry)}"


def _amplifiers(geometry: Any) -> str:
    """Return how several amplifiers are joined: what differs there differs in the pixels."""
    read = [
        f"{one['name']} {one['active']}{' -x' * one['flip_x']}{' -y' * one['flip_y']} "
        f"times {one['scale']:.6g}"
        for one in geometry.get("amplifiers", ())
    ]
    return f", amplifiers {', '.join(read)}" if read else ""


def _geometry_of(frame: Any) -> Any:
    if value_of(frame, "raw") is not None:
        return value_of(frame.raw, "geometry")
    return value_of(frame, "geometry")


def _place_on_chip(geometry: Any) -> str:
    binning = "x".join(str(side) for side in geometry.get("binning", (1, 1)))
    return f"from {geometry.get('start_x', 1)}, {geometry.get('start_y', 1)}, binning {binning}"


def window_behind(item: Any) -> str | None:
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
                window = _shown(first) if name in raws else window_behind(first)
        except NotVisible:
            # whoever may use a master need not see its raw frames: the shapes are checked anyway
            continue
        if window is not None:
            return window
    return None

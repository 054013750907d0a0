"""Whether a calibration fits a frame: the pixels it shows, their binning, how they were read.

A calibration fits where it shows every pixel of the frame, binned the same way; one that shows
more is cut. It must have been read in the same mode, and a bias corrected by the same overscan
method. What nobody knows rules nothing out. What a product was made from never changes, so each is
looked at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from awe.calib.detector import sections
from awe.errors import NotVisible
from awe.model.calibrations import BiasFrame
from awe.model.mixins import has, value_of
from awe.rules.extent import Shown

__all__ = [
    "Needs",
    "mode_of",
    "needs_of",
    "needs_of_frames",
    "part_of",
    "shown_by",
    "shown_of",
    "window_of",
]

#: links of a calibration without raw frames of its own, to one that shows the same pixels
SOURCES = ("bias", "flat", "dome", "twilight", "illumination_correction")

#: object_id of a product -> which pixels it shows
_shown: dict[Any, Shown] = {}


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a calibration must have to fit; None and "" are not known, and anything fits.

    Attributes
    ----------
    shown : Shown or None
        Pixels it must show; asked of images only.
    read_mode : str
        Mode its frames were read in.
    overscan : int or None
        Overscan method of a master bias.
    unusable : mapping of str to str
        object_id -> reason, of those whose files cannot be used.
    """

    shown: Shown | None = None
    read_mode: str = ""
    overscan: int | None = None
    unusable: Mapping[str, str] = field(default_factory=dict)

    def objection(self, item: Any) -> str | None:
        """Return why a calibration does not fit, in one line; None where it fits.

        Parameters
        ----------
        item : calibration
            Any object chosen by validity.
        """
        unusable = self.unusable.get(str(item.object_id))
        if unusable is not None:
            return f"it cannot be used: {unusable}"
        return self.misplaced(item) or self.misread(item) or self.miscorrected(item)

    def misplaced(self, item: Any) -> str | None:
        """Return which other pixels a calibration image shows, or None.

        Parameters
        ----------
        item : calibration
            Any object chosen by validity.
        """
        if self.shown is None or not has(item, "filename"):
            return None
        theirs = shown_of(item)
        if theirs is None or self.shown.within(theirs) is not None:
            return None
        return f"it shows {theirs}, expected {self.shown}"

    def misread(self, item: Any) -> str | None:
        """Return in which other mode the frames of a calibration were read, or None.

        Parameters
        ----------
        item : calibration
            Any object chosen by validity.
        """
        theirs = mode_of(item) if self.read_mode else ""
        if theirs in ("", self.read_mode):
            return None
        return f"it was read in mode {theirs}, expected {self.read_mode}"

    def miscorrected(self, item: Any) -> str | None:
        """Return with which other overscan method a bias was made, or None.

        Parameters
        ----------
        item : calibration
            Any object chosen by validity.
        """
        if self.overscan is None or not isinstance(item, BiasFrame):
            return None
        theirs = method_of(item)
        if theirs in (None, self.overscan):
            return None
        return f"its overscan method is {theirs}, expected {self.overscan}"


def needs_of(product: Any, method: int | None = None) -> Needs:
    """Return what calibrations of a product must have.

    Parameters
    ----------
    product : product
        Calibration or reduced frame.
    method : int, optional
        Overscan method a bias must have; that of the product where left out.
    """
    return Needs(
        shown=shown_of(product),
        read_mode=mode_of(product),
        overscan=method_of(product) if method is None else method,
        unusable=value_of(product, "passed_over") or {},
    )


def needs_of_frames(frames: Sequence[Any], method: int | None = None) -> Needs:
    """Return what calibrations of raw frames must have: most of these, where they differ.

    Parameters
    ----------
    frames : sequence of RawFrame
        Frames that are worked on together; without any, everything fits.
    method : int, optional
        Overscan method a bias must have.
    """
    modes = [mode for frame in frames if (mode := mode_of(frame))]
    return Needs(
        shown=shown_by(frames),
        read_mode=Counter(modes).most_common(1)[0][0] if modes else "",
        overscan=method,
    )


def part_of(ours: Shown | None, item: Any) -> sections.Slices | None:
    """Return the (y, x) slices of a calibration image that show certain pixels.

    Parameters
    ----------
    ours : Shown or None
        Pixels to be shown.
    item : object
        The calibration; None is returned where it shows the same pixels, or that is not known.
    """
    theirs = shown_of(item) if ours is not None else None
    if ours is None or theirs is None or ours == theirs:
        return None
    return ours.within(theirs)


def shown_by(frames: Sequence[Any]) -> Shown | None:
    """Return which light-sensitive pixels most of some raw frames show; None without any."""
    if not frames:
        return None
    # a few frames with another window are left out by name where frames are combined
    [(most, _)] = Counter(map(_shown_by_one, frames)).most_common(1)
    return most


def window_of(frame: Any) -> str | None:
    """Return which pixels of the chip a raw frame holds, in words; None where it does not say."""
    geometry = _geometry_of(frame)
    shown = Shown.of(geometry)
    if shown is None:
        return None
    where = str(shown).partition(" pixels ")[2]
    return f"{geometry['nx']} x {geometry['ny']} pixels {where}"


def shown_of(item: Any) -> Shown | None:
    """Return which pixels of the chip a product shows, as recorded or by what it comes from."""
    found = _shown.get(item.object_id)
    if found is None and (found := _shown_in(item)) is not None:
        # what a product was made from never changes
        _shown[item.object_id] = found
    return found


def mode_of(item: Any) -> str:
    """Return in which mode a raw frame, or the frames of a product, were read; "" if unknown."""
    if not has(item, "read_mode"):
        raw = value_of(item, "raw")
        return mode_of(raw) if raw is not None else ""
    return str(item.read_mode or "")


def method_of(item: Any) -> int | None:
    """Return the overscan method a product was made with, or its bias; None if unknown."""
    parameters = value_of(item, "process_params")
    method: int | None = value_of(parameters, "OVERSCAN_CORRECTION")
    bias = value_of(item, "bias")
    if bias is not None and not has(parameters, "OVERSCAN_CORRECTION"):
        return method_of(bias)
    return method


def _shown_by_one(frame: Any) -> Shown | None:
    return Shown.of(_geometry_of(frame))


def _geometry_of(frame: Any) -> Any:
    if value_of(frame, "raw") is not None:
        return value_of(frame.raw, "geometry")
    return value_of(frame, "geometry")


def _raws(item: Any) -> list[str]:
    return [name for name in item.get_persistent_properties() if name.startswith("raw")]


def _shown_in(item: Any) -> Shown | None:
    recorded = Shown.recorded(value_of(item, "shows"))
    if recorded is not None and (recorded.readers or not recorded.amplifiers):
        return recorded
    raws = _raws(item)
    for name in [*raws, *SOURCES]:
        try:
            linked = value_of(item, name)
            first = linked[0] if isinstance(linked, list) and linked else linked
            shown = None
            if first:
                shown = _shown_by_one(first) if name in raws else shown_of(first)
        except NotVisible:
            # whoever may use a master need not see its raw frames: the shapes are checked anyway
            continue
        if shown is not None:
            return shown
    return recorded

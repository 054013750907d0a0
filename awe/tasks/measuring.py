"""Frames whose sources are listed: which ones a call is about, and their planes as arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awe.errors import ArgumentError, NotFound, NoValidPixels, WrongShape
from awe.fits import planes
from awe.lazy import resolve
from awe.model.mixins import USABLE, value_of
from awe.model.regridded import CoaddedRegriddedFrame, RegriddedFrame
from awe.model.science import ReducedScienceFrame
from awe.tasks import grids
from awe.tasks.catalogues import settings_of
from awe.tasks.inputs import nominal
from awe.tasks.selection import newest_of_each, raw_frames

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from awe.calib.extraction.catalogue import Catalogue
    from awe.tasks.task import Task

__all__ = ["KINDS", "frame_named", "frames_to_measure", "measured", "zero_point"]

#: what `frames` may be: the class it stands for
KINDS: dict[str, Any] = {
    "reduced": ReducedScienceFrame, "regridded": RegriddedFrame, "coadded": CoaddedRegriddedFrame,
}  # fmt: skip

#: arguments that name frames: the kind they name
NAMING = {"reg_filenames": "regridded", "coadd_filenames": "coadded"}


def frames_to_measure(task: Task) -> list[Any]:
    """Return the frames named, or the newest sound one of each raw frame or object.

    Parameters
    ----------
    task : Task
        Task whose arguments select.

    Raises
    ------
    ArgumentError
        `frames` is not a kind of frames.
    NotFound
        There are none, or all have quality bits.
    """
    kind = _kind(task)
    for argument, named in NAMING.items():
        names = getattr(task, argument, None)
        if names is not None and kind == named:
            return [frame_named(KINDS[named], name) for name in names]
    if kind == "reduced":
        found = grids.reduced_of(task) if task.raw_filenames is not None else raw_frames(task)
        named_reds = task.red_filenames is not None
        return _sound(found, found if named_reds else newest_of_each(found), "red_filenames")
    if kind == "regridded":
        found = list(grids.selected(RegriddedFrame, task))
        return _sound(found, newest_of_each(found), "reg_filenames")
    found = _coadds(task)
    return _sound(found, _newest_coadds(found), "coadd_filenames")


def _kind(task: Task) -> str:
    named = [kind for name, kind in NAMING.items() if getattr(task, name, None) is not None]
    kind = getattr(task, "frames", None) or (named[0] if named else "reduced")
    if kind not in KINDS:
        msg = f"argument frames is {kind!r}: expected one of {', '.join(KINDS)}"
        raise ArgumentError(msg)
    return str(kind)


def _sound(found: list[Any], sound: list[Any], argument: str) -> list[Any]:
    if not found:
        msg = "no such frame is visible to you; make it first, or look at what the query selects"
        raise NotFound(msg)
    if not sound:
        msg = (
            f"all {len(found)} frames have quality bits; name those that are to be used all the "
            f"same: {argument}=[...]"
        )
        raise NotFound(msg)
    return sound


def _coadds(task: Task) -> list[Any]:
    cls: Any = CoaddedRegriddedFrame
    query = (cls.instrument.name == task.instrument) & (cls.is_valid > 0)
    frames: Any = RegriddedFrame
    behind = grids.selected(frames, task)
    asked = (task.date, task.template, task.raw_filenames, task.object)
    if all(one is None for one in asked):
        msg = (
            "SourceList of coadded frames expects one of: date, template, object, raw_filenames, "
            "coadd_filenames"
        )
        raise ArgumentError(msg)
    if task.filter is not None:
        query &= cls.filter.name == task.filter
    if task.object is not None:
        query &= cls.OBJECT.like(task.object)
    if any(one is not None for one in asked[:3]):
        query &= cls.regridded_frames.isin(behind)
    return list(query)


def _newest_coadds(frames: list[Any]) -> list[Any]:
    """Return of several sums of one object, filter and target the newest sound one."""
    newest: dict[Any, Any] = {}
    for frame in sorted(frames, key=lambda one: one.creation_date):
        if frame.quality_flags in USABLE:
            newest[frame.OBJECT, frame.filter.name, frame.grid_target.arguments()] = frame
    return list(newest.values())


def frame_named(cls: Any, name: str) -> Any:
    """Return the frame of a class with a file name.

    Parameters
    ----------
    cls : type
        Class of the frame, or of all that sources are found in.
    name : str
        Name of its file.

    Raises
    ------
    NotFound
        There is none that you may see.
    """
    for one in [cls] if cls in KINDS.values() else KINDS.values():
        found = list((one.filename == name) & (one.is_valid > 0))
        if found:
            return found[0]
    msg = (
        f"no valid frame named {name} is visible to you; take names from a query: "
        "[frame.filename for frame in query]"
    )
    raise NotFound(msg)


@dataclass(frozen=True, kw_only=True)
class Planes:
    """Arrays of one frame."""

    image: NDArray[Any]
    reasons: NDArray[Any] | None
    weight: NDArray[np.float32] | None


def _planes(task: Task, frame: Any) -> Planes:
    import numpy as np

    on_grid = not isinstance(frame, ReducedScienceFrame)
    weight = frame.weight if on_grid else None
    task.fetch([frame, *([weight] if weight is not None else [])])
    return Planes(
        image=frame.data,
        reasons=planes.pixels(frame.pathname, planes.FLAGS),
        weight=np.asarray(weight.data, np.float32) if weight is not None else None,
    )


def _moved(own: Planes, frame: Any, other: Any) -> tuple[Planes, tuple[int, int]]:
    """Return planes on the pixels of another frame of the grid, and by how much they moved."""
    import numpy as np

    grid, target = value_of(frame, "grid_target"), value_of(other, "grid_target")
    if grid is None or target is None or not grid.same(target):
        same = f"; bring it there with {target.arguments()}" if target is not None else ""
        msg = (
            f"{frame.filename} and {other.filename}, in which its sources are to be found, are "
            f"not on one grid: regrid both to one target first{same}"
        )
        raise WrongShape(msg)
    shift = [
        round(getattr(other.astrom, name) - getattr(frame.astrom, name))
        for name in ("CRPIX2", "CRPIX1")
    ]
    shape = (other.NAXIS2, other.NAXIS1)
    here, there = [], []
    for move, size, limit in zip(shift, own.image.shape, shape, strict=True):
        begin, end = max(move, 0), min(move + size, limit)
        here.append(slice(begin - move, max(end, begin) - move))
        there.append(slice(begin, max(end, begin)))
    outside = int(resolve("awe.calib.flags:PixelFlag").OUTSIDE)

    def laid(plane: NDArray[Any] | None, empty: float) -> NDArray[Any] | None:
        if plane is None:
            return None
        new = np.full(shape, empty, plane.dtype.newbyteorder("="))
        new[tuple(there)] = plane[tuple(here)]
        return new

    image = laid(own.image, np.nan)
    moved = Planes(
        image=image if image is not None else own.image, reasons=laid(own.reasons, outside),
        weight=laid(own.weight, 0),
    )  # fmt: skip
    return moved, (shift[0], shift[1])


def _gain(frame: Any) -> float:
    if isinstance(frame, ReducedScienceFrame):
        return float(frame.gain.gain if frame.gain is not None else nominal(frame).gain)
    return float(frame.gain or 1.0)


def zero_point(frame: Any, parameters: Any) -> float:
    """Return the magnitude of one count of a frame: as requested, or by its photometry.

    Parameters
    ----------
    frame : SkyFrame
        The frame.
    parameters : SourceListParameters
        Process parameters.
    """
    known = value_of(frame, "zeropnt")
    if parameters.MAG_ZEROPOINT or known is None:
        return float(parameters.MAG_ZEROPOINT)
    # the pixels of a sum are counts a second already
    seconds = 1.0 if isinstance(frame, CoaddedRegriddedFrame) else frame.EXPTIME or 1.0
    return float(known + 2.5 * math.log10(seconds))


def measured(task: Task, frame: Any, other: Any, parameters: Any) -> Catalogue:
    """Return the sources of a frame, found in another one if there is one.

    Parameters
    ----------
    task : Task
        The task, inside `execute()`.
    frame : SkyFrame
        Frame that is measured.
    other : SkyFrame or None
        Frame the sources are found in.
    parameters : SourceListParameters
        Process parameters.

    Raises
    ------
    NoValidPixels
        No pixel of a frame may be used.
    WrongShape
        The frames are not on one grid.
    """
    own = _planes(task, frame)
    settings = settings_of(parameters, _gain(frame))
    shift, searched = (0, 0), None
    try:
        if other is not None:
            own, shift = _moved(own, frame, other)
            shown = _planes(task, other)
            searched = resolve("awe.calib.extraction.catalogue:found_in")(
                shown.image, settings, reasons=shown.reasons, weight=shown.weight
            )
        found: Catalogue = resolve("awe.calib.extraction.catalogue:measure")(
            own.image, settings, reasons=own.reasons, weight=own.weight, searched=searched,
            zero_point=zero_point(frame, parameters),
        )
    except NoValidPixels as error:
        msg = f"{frame.filename}: {error}"
        raise NoValidPixels(msg) from error
    if other is not None:
        # places are those of pixels of the frame itself
        for name, move in (("X", shift[1]), ("Y", shift[0])):
            found.columns[f"{name}pos"] -= move
            found.columns[f"{name}WIN_IMAGE"] -= move
    return found

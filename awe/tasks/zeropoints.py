"""Raw zero points of many frames, ready to be fitted; the standards of frames that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe import bars
from awe.errors import NoValidPixels, UserMistake
from awe.lazy import resolve
from awe.tasks.standards import catalogue_of, newest_catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from awe.calib.sky.zeropoint import Standards
    from awe.model.photometry import PhotSrcCatalog
    from awe.tasks.task import Task
    from awe.tasks.unit import Unit

__all__ = ["catalogues", "standards"]


def catalogues(task: Task, unit: Unit, transform: bool | None = None) -> list[PhotSrcCatalog]:
    """Return the standards of the frames of a unit, new for those that have none.

    Frames without standards are named and left out.

    Parameters
    ----------
    task : Task
        The task, inside `execute()`.
    unit : Unit
        The unit in hand: reduced frames of one filter.
    transform : bool or None
        Whether a transformation is applied, see `Photcat`.

    Raises
    ------
    NoValidPixels
        No frame has standards.
    """
    if unit.given is not None:
        return list(unit.given["PhotSrcCatalog"])
    found, why = [], ""
    for frame in unit.frames:
        known = newest_catalogue(frame) if transform is None else None
        try:
            one = known or catalogue_of(task, unit, frame, transform=transform)
        except UserMistake as error:
            why = str(error)
            bars.say(f"{unit.name}: left out: {why}")
            continue
        if one.quality_flags:
            bars.say(f"{unit.name}: left out: {frame.filename}: too few standards")
            continue
        found.append(one)
    if not found:
        msg = f"{unit.name}: none of {len(unit.frames)} frames has standards; the last: {why}"
        raise NoValidPixels(msg)
    return found


def standards(
    found: Sequence[PhotSrcCatalog], extinction: Any = None
) -> tuple[Standards, NDArray[Any], NDArray[Any]]:
    """Return the raw zero points of catalogues as one set, airmass and catalogue of each.

    All chips of an exposure share its transparency.

    Parameters
    ----------
    found : sequence of PhotSrcCatalog
        Standards of frames.
    extinction : AtmosphericExtinction or None
        Extinction that is taken off.
    """
    import numpy as np

    tables = [one.photsourcelist for one in found]
    tables = [table[np.asarray(table["used"], bool)] for table in tables]
    number = np.concatenate([
        np.full(len(table), number) for number, table in enumerate(tables)
    ])  # fmt: skip
    airmass = np.array([one.airmass for one in found])[number]
    moments = [one.DATE_OBS for one in found]
    exposure = np.array([sorted(set(moments)).index(moment) for moment in moments])
    column: dict[str, NDArray[Any]] = {
        name: np.concatenate([np.asarray(table[name], np.float64) for table in tables])
        for name in ("mag", "instmag", "instmag_err", "index", "mag_err")
    }
    lists = np.array(_numbers(found))[number]
    star = np.unique(np.stack([lists, column["index"]]), axis=1, return_inverse=True)[1].ravel()
    taken = extinction.value * airmass if extinction is not None else 0.0
    # errors of the catalogue are those of stars, the same in all frames: the fit finds them
    return resolve("awe.calib.sky.zeropoint:Standards")(
        values=column["mag"] - column["instmag"] + taken, errors=column["instmag_err"],
        star=star, frame=exposure[number],
    ), airmass, number  # fmt: skip


def _numbers(found: Sequence[PhotSrcCatalog]) -> list[int]:
    """Return a number for the reference catalogue of each."""
    known: dict[Any, int] = {}
    return [known.setdefault(one.refcat.object_id, len(known)) for one in found]

"""Grids of pixels for a whole set of frames: which target they go to, and who may not.

Without a target among the arguments the plate of the sky is taken that the middle of the set is
nearest to: plates are one degree apart, so that frames of one field share one whoever regrids
them, today or next year. The set is that of all chips, whichever of them a job works on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from awe import instruments
from awe.db.server.scope import current
from awe.errors import ArgumentError, BadHeader, NotFound, WrongShape
from awe.model.raw import RawScienceFrame
from awe.model.regridded import GridTarget
from awe.model.science import ReducedScienceFrame
from awe.rules.validity import night_range

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["choose", "exposures", "plate", "reduced_of", "require_alike", "require_places",
           "selected", "separation", "settle", "some", "union"]  # fmt: skip

#: frames further from the tangent point than this are refused [deg]
FARTHEST = 5.0

#: frames a message names
NAMED = 3


def plate(ra: float, dec: float) -> tuple[float, float]:
    """Return the middle of the plate of the sky that a position is in [deg].

    Parameters
    ----------
    ra, dec : float
        The position [deg].

    Examples
    --------
    >>> plate(331.0, -31.2)
    (330.874598, -31.0)
    """
    band = float(round(dec))
    # as many plates around as are a degree apart
    number = max(1, round(360.0 * math.cos(math.radians(band))))
    return round(round(ra % 360.0 * number / 360.0) % number * 360.0 / number, 6), band


def choose(task: Any, frames: Sequence[Any]) -> GridTarget:
    """Return the target of all frames of a call, a new object if there is none like it.

    Parameters
    ----------
    task : Task
        Call with `grid_ra`, `grid_dec` and `grid_pixelscale`.
    frames : sequence of ReducedScienceFrame
        Frames it works on, perhaps of one chip.

    Raises
    ------
    ArgumentError
        One coordinate is given without the other.
    BadHeader
        No frame has world coordinates.
    """
    ra, dec = task.grid_ra, task.grid_dec
    if (ra is None) != (dec is None):
        given, other = ("gra", "gdec") if dec is None else ("gdec", "gra")
        msg = f"{given} is given without {other}; a target has both, or neither to choose a plate"
        raise ArgumentError(msg)
    ra, dec = plate(*_middle(exposures(task, frames))) if ra is None else (ra % 360.0, dec)
    scale = task.grid_pixelscale or float(f"{instruments.get(task.instrument).pixel_scale:.3g}")
    return settle(ra, dec, scale)


def settle(ra: float, dec: float, scale: float) -> GridTarget:
    """Return the object of a target: that of this project and level, or a new one.

    Parameters
    ----------
    ra, dec : float
        Tangent point [deg].
    scale : float
        Side of a pixel [arcsec].
    """
    query = (GridTarget.ra == ra) & (GridTarget.dec == dec) & (GridTarget.pixelscale == scale)
    mine = current()
    for known in query:
        if known._project == mine.project_id and known._privileges >= mine.privileges:
            found: GridTarget = known
            return found
    return GridTarget(ra=ra, dec=dec, pixelscale=scale)


def exposures(task: Any, frames: Sequence[Any]) -> list[Any]:
    """Return the raw frames of all chips of the set that a call is about.

    Parameters
    ----------
    task : Task
        Call whose arguments select.
    frames : sequence of ReducedScienceFrame
        Those it works on, perhaps of one chip.
    """
    named = task.raw_filenames or task.red_filenames
    if named or not (task.date or task.template):
        moments = list({frame.DATE_OBS for frame in frames})
        query = (RawScienceFrame.is_valid > 0) & RawScienceFrame.DATE_OBS.isin(moments)
        query &= RawScienceFrame.instrument.name == task.instrument
        return list(query) or list(frames)
    return list(selected(RawScienceFrame, task, chip=False)) or list(frames)


def selected(cls: Any, task: Any, *, chip: bool = True) -> Any:
    """Return the query for the valid objects of a class that the arguments of a call select.

    Parameters
    ----------
    cls : type
        Class of science frames, raw or made of raw ones.
    task : Task
        The call.
    chip : bool
        Whether the chip is among the arguments that count.
    """
    query = (cls.instrument.name == task.instrument) & (cls.is_valid > 0)
    if task.date is not None:
        begin, end = night_range(task.instrument, task.date)
        query &= (begin <= cls.DATE_OBS) & (end > cls.DATE_OBS)
    if task.template is not None:
        query &= cls.template.start == task.template
    if task.filter is not None:
        query &= cls.filter.name == task.filter
    if task.object is not None:
        query &= cls.OBJECT.like(task.object)
    if chip and task.chip is not None:
        query &= cls.chip.name == task.chip
    if task.raw_filenames is not None:
        query &= cls.raw.filename.isin(task.raw_filenames)
    if getattr(task, "reg_filenames", None) is not None:
        query &= cls.filename.isin(task.reg_filenames)
    return query


def reduced_of(task: Any) -> list[Any]:
    """Return the valid reduced frames of the raw frames that a call names.

    Raises
    ------
    NotFound
        A raw frame has none, or is not there.
    """
    named = task.raw_filenames
    found = list(selected(ReducedScienceFrame, task))
    lacking = sorted(set(named) - {frame.raw.filename for frame in found})
    if lacking and (task.chip is None or not found):
        msg = (
            f"no valid ReducedScienceFrame of {some(lacking)} is visible to you; reduce them "
            f"first: dpu.run('Reduce', instrument={task.instrument!r}, raw_filenames=[...], "
            "commit=True)"
        )
        raise NotFound(msg)
    return found


def require_alike(frames: Sequence[Any]) -> None:
    """Refuse frames that cannot be added: of several filters, or on several targets.

    Raises
    ------
    WrongShape
        They differ; the line names frames of each.
    """
    filters: dict[str, list[str]] = {}
    targets: dict[str, list[str]] = {}
    for frame in frames:
        filters.setdefault(frame.filter.name, []).append(frame.filename)
        targets.setdefault(frame.grid_target.arguments(), []).append(frame.filename)
    if len(filters) > 1:
        told = "; ".join(f"{name}: {some(names)}" for name, names in filters.items())
        msg = f"frames of different filters cannot be added: {told}; choose one with filter="
        raise WrongShape(msg)
    if len(targets) > 1:
        told = "; ".join(f"on {name}: {some(names)}" for name, names in targets.items())
        most = max(targets, key=lambda name: len(targets[name]))
        msg = (
            f"frames on different targets cannot be added: {told}; bring all to one with "
            f"dpu.run('Regrid', instrument=..., {most}, commit=True)"
        )
        raise WrongShape(msg)


def union(frames: Sequence[Any]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first row and column that frames of one grid take together, and the size.

    Parameters
    ----------
    frames : sequence of RegriddedFrame
        Frames on one grid.
    """
    rows, columns = zip(*(frame.astrom.corner for frame in frames), strict=True)
    top = max(row + frame.NAXIS2 for row, frame in zip(rows, frames, strict=True))
    right = max(column + frame.NAXIS1 for column, frame in zip(columns, frames, strict=True))
    return (min(rows), min(columns)), (top - min(rows), right - min(columns))


def require_places(frames: Sequence[Any], target: GridTarget) -> None:
    """Refuse frames that have no place on the sky, or one far from the target.

    Raises
    ------
    BadHeader
        Frames have no world coordinates.
    WrongShape
        Frames are too far away for a tangential projection.
    """
    lost = [frame.filename for frame in frames if frame.astrom is None]
    if lost:
        msg = (
            f"{some(lost)}: no world coordinates; solve the astrometry first, or leave them out "
            "of red_filenames"
        )
        raise BadHeader(msg)
    far = [
        frame.filename for frame in frames
        if separation(frame.astrom.CRVAL1, frame.astrom.CRVAL2, target.ra, target.dec) > FARTHEST
    ]  # fmt: skip
    if far:
        msg = (
            f"{some(far)}: more than {FARTHEST:g} degrees from the target "
            f"{target.arguments()}; regrid them on their own, or give gra and gdec between them"
        )
        raise WrongShape(msg)


def some(names: list[str]) -> str:
    """Return the first of some names, and how many more there are.

    Parameters
    ----------
    names : list of str
        The names.
    """
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _middle(frames: Sequence[Any]) -> tuple[float, float]:
    """Return the middle of where frames point to [deg]."""
    places = [frame.astrom for frame in frames if frame.astrom is not None]
    if not places:
        names = [frame.filename for frame in frames]
        msg = f"{some(names)}: no world coordinates; solve the astrometry first"
        raise BadHeader(msg) if names else NotFound(msg)
    x = y = z = 0.0
    for one in places:
        ra, dec = math.radians(one.CRVAL1), math.radians(one.CRVAL2)
        x += math.cos(dec) * math.cos(ra)
        y += math.cos(dec) * math.sin(ra)
        z += math.sin(dec)
    return math.degrees(math.atan2(y, x)) % 360.0, math.degrees(math.atan2(z, math.hypot(x, y)))


def separation(ra: float, dec: float, other_ra: float, other_dec: float) -> float:
    """Return the angle between two places on the sky [deg].

    Parameters
    ----------
    ra, dec, other_ra, other_dec : float
        The places [deg].
    """
    # the haversine: exact for small angles too
    d1, d2 = math.radians(dec), math.radians(other_dec)
    h = math.sin((d2 - d1) / 2) ** 2
    h += math.cos(d1) * math.cos(d2) * math.sin(math.radians(other_ra - ra) / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(h))))

"""Names of cameras, chips and filters that the database has already, with another meaning.

Queries know chips and filters by their names alone: two cameras with one name would be one. What
a description says is compared with what frames came in with; the first camera keeps its names, and
a camera keeps those of its chips.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from awe import instruments
from awe.errors import ConfigError
from awe.ingest.report import Report, State
from awe.ingest.split import Exposure
from awe.model import cameras
from awe.model.observing import Chip, Filter, Instrument

__all__ = ["refuse_taken"]

#: hours by which two clocks may differ and be one
SAME_CLOCK = 0.01


def refuse_taken(exposures: dict[int, Exposure], report: Report) -> None:
    """Drop exposures of cameras whose names mean something else in the database."""
    for camera in {exposure.instrument for exposure in exposures.values()}:
        mine = {n: one for n, one in exposures.items() if one.instrument == camera}
        frames = [frame.attributes for one in mine.values() for frame in one.frames]
        taken = {
            "chip": _taken(Chip, camera, (frame["chip"] for frame in frames)),
            "filter": _taken(Filter, camera, (frame["filter"] for frame in frames)),
        }
        wrong = _clock(camera) or _renumbered(camera)
        stored = {chip.name for chip in Chip.instrument.name == camera}
        for number, exposure in mine.items():
            told = wrong or _told(exposure, taken) or _renamed(exposure, stored)
            if told:
                report.rows[number].state, report.rows[number].message = State.REFUSED, told
                del exposures[number]


def _taken(cls: Any, camera: str, names: Iterable[str | None]) -> dict[str, str]:
    """Return which of some names another camera has, and that."""
    asked = sorted({name for name in names if name})
    found = cls.name.isin(asked) if asked else ()
    return {
        one.name: one.instrument.name
        for one in found
        if one.instrument is not None and one.instrument.name != camera
    }


def _told(exposure: Exposure, taken: dict[str, dict[str, str]]) -> str:
    for frame in exposure.frames:
        for kind, names in taken.items():
            name = frame.attributes[kind]
            if name in names:
                return (
                    f"{kind} {name} is one of {names[name]} in the database: give it another "
                    f"name in {instruments.files()[exposure.instrument]}, for example "
                    f"{exposure.instrument}_{name}"
                )
    return ""


def _renamed(exposure: Exposure, stored: set[str]) -> str:
    """Return what is wrong where a chip is new, and one that has frames is not described."""
    camera = instruments.get(exposure.instrument)
    lost = sorted(stored - set(camera.chips))
    new = [frame.attributes["chip"] for frame in exposure.frames]
    new = [name for name in new if name not in stored]
    if not lost or not new:
        return ""
    return (
        f"frames of chip {lost[0]} of {camera.name} are in the database, its description has no "
        f"such chip and calls one {new[0]}: give it back its name in "
        f"{instruments.files()[camera.name]}, or give the camera another name"
    )


def _renumbered(camera: str) -> str:
    """Return what is wrong where another chip is meant than by the description in the database."""
    mine = instruments.own_text(camera)
    kept = cameras.kept(camera) if mine is not None else None
    if mine is None or kept is None or mine == kept:
        return ""
    path = instruments.files()[camera]
    try:
        before = instruments.numbering(kept, f"the description of {camera} in the database")
    except ConfigError:
        return ""  # it is told when it is used; frames go by the file
    for place, name in instruments.numbering(mine, str(path)).items():
        if before.get(place, name) != name:
            return (
                f"{' '.join(map(str, place))} is chip {before[place]} of {camera} by the "
                f"description in the database, {name} by {path}: make it what it was; where the "
                f"database is wrong, awe-admin instrument update {camera}"
            )
    return ""


def _clock(camera: str) -> str:
    """Return what is wrong where nights of the camera began at another time so far."""
    found = list(Instrument.name == camera)
    ours = instruments.get(camera).utc_offset
    if not found or abs(found[0].utc_offset - ours) <= SAME_CLOCK:
        return ""
    return (
        f"{camera} is in the database with local time UTC {found[0].utc_offset:+g} h, its "
        f"description says {ours:+g} h: correct [site] in {instruments.files()[camera]}, or give "
        "the camera another name"
    )

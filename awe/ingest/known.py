"""What came in before: the same file, or the same chip at the same moment.

An exposure is known by the checksum of its file, a frame by its chip and its moment. A file that
was renamed, packed anew or given another header has the pixels of a known one: exact statistics
of all light-sensitive pixels tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from awe.errors import AweError
from awe.ingest.chipfiles import measured
from awe.ingest.records import CLASSES
from awe.ingest.report import Report, State
from awe.ingest.split import Exposure
from awe.model.raw import RawFitsData, RawFrame

__all__ = ["came_in_meanwhile", "refuse_twins", "skip"]

Mark = str | tuple[str, str, datetime]


def skip(exposures: dict[int, Exposure], report: Report) -> None:
    """Drop exposures that are in the system, under whatever name and in whatever packing."""
    if not exposures:
        return
    for number, there in _same(exposures).items():
        row = report.rows[number]
        row.state, row.message = State.KNOWN, _lost(exposures[number], there)
        del exposures[number]
    _skip_frames(exposures, report)
    names = [exposure.path.name for exposure in exposures.values()]
    taken = _inhabited("filename", names)
    for number, exposure in list(exposures.items()):
        if exposure.path.name in taken:
            row = report.rows[number]
            row.state = State.REFUSED
            row.message = _namesake(exposure, "in the system")
            del exposures[number]


def came_in_meanwhile(exposure: Exposure, number: int, report: Report) -> bool:
    """Return True, and tell in its row, if an exposure was stored by another ingest since `skip`.

    Parameters
    ----------
    exposure : Exposure
        About to be committed.
    number : int
        That of its row.
    report : Report
        Report of this ingest.
    """
    of_it = (
        (RawFitsData.DATE_OBS == exposure.DATE_OBS)
        | (RawFitsData.filename == exposure.path.name)
        | (RawFitsData.checksum == exposure.checksum)
    )
    if not len(of_it):
        return False
    # a record stays when its frames are deleted, and chips may come one by one
    left = {number: exposure}
    skip(left, report)
    return not left


def _namesake(exposure: Exposure, where: str) -> str:
    """Return why an exposure with the name of another is refused, and what to do."""
    # cameras that number their files anew each night: the moment in front tells them apart
    another = f"{exposure.DATE_OBS:%Y-%m-%dT%H%M%S}_{exposure.path.name}"
    return (
        f"an exposure of that name but with other content is {where}; if both are right, rename "
        f"this file, for example to {another}"
    )


def _inhabited(name: str, marks: Sequence[str]) -> Counter[str]:
    """Return how many frames there are of exposures, by the file name or checksum of each.

    The record of an exposure stays when its frames are deleted; alone it is nothing that came in.
    """
    path = f"raw_fits.{name}"
    return Counter(
        mark
        for cls in dict.fromkeys(CLASSES.values())
        if marks
        for (mark,) in getattr(cls.raw_fits, name).isin(list(marks)).values(path)
    )


def _lost(exposure: Exposure, there: int) -> str:
    """Return what is to be said of a known exposure some frames of which were deleted."""
    whole = len(exposure.frames)
    if there >= whole:
        return ""
    return (
        f"{there} of its {whole} frames are here: context.undelete() brings deleted ones back; or "
        "delete the others too, and it comes in again"
    )


def _same(exposures: Mapping[int, Exposure]) -> dict[int, int]:
    """Return how many frames there are of those whose file came in, by its checksum.

    A checksum that was not taken yet is, where an exposure of that moment or name is known: in a
    dry run of a night that is new, no file is read for it.
    """
    moments = {exposure.DATE_OBS for exposure in exposures.values() if not exposure.digest}
    names = {exposure.path.name for exposure in exposures.values() if not exposure.digest}
    marks: set[object] = set()
    if moments:
        query = RawFitsData.DATE_OBS.isin(list(moments)) | RawFitsData.filename.isin(list(names))
        marks = {mark for found in query for mark in (found.DATE_OBS, found.filename)}
    suspects = {
        number: exposure.checksum
        for number, exposure in exposures.items()
        if exposure.digest or exposure.DATE_OBS in marks or exposure.path.name in marks
    }
    known = _inhabited("checksum", list(suspects.values()))
    return {n: known[checksum] for n, checksum in suspects.items() if known[checksum]}


def _skip_frames(exposures: dict[int, Exposure], report: Report) -> None:
    """Drop exposures a frame of which came in with another file."""
    known = _frames(exposures)
    for number, exposure in list(exposures.items()):
        found = [known[mark] for mark in _marks(exposure) if mark in known]
        if found:
            report.rows[number].state, report.rows[number].message = _verdict(exposure, found)
            del exposures[number]


def _frames(exposures: Mapping[int, Exposure]) -> dict[Mark, RawFrame]:
    """Return frames that are in the system and share a moment with these, by their marks."""
    asked: dict[type[RawFrame], list[datetime]] = {}
    for exposure in exposures.values():
        own = {frame.attributes["DATE_OBS"] for frame in exposure.frames}
        asked.setdefault(CLASSES[exposure.purpose], []).extend(sorted(own))
    known: dict[Mark, RawFrame] = {}
    for cls, moments in asked.items():
        for frame in cls.DATE_OBS.isin(moments):
            known[frame.filename] = frame
            known[frame.instrument.name, frame.chip.name, frame.DATE_OBS] = frame
    return known


def _verdict(exposure: Exposure, found: Sequence[RawFrame]) -> tuple[State, str]:
    """Return what becomes of an exposure of which frames are known, and why."""
    there = {(frame.chip.name, frame.DATE_OBS): frame for frame in found}
    before = found[0].raw_fits.filename
    if any(_place(frame.attributes) not in there for frame in exposure.frames):
        names = ", ".join(dict.fromkeys(name for name, _ in there))
        return State.REFUSED, f"{names} of this moment came in with {before}"
    try:
        pixels = measured(exposure)
    except AweError as error:
        return State.REFUSED, str(error)
    for frame, numbers in zip(exposure.frames, pixels, strict=True):
        kept = there[_place(frame.attributes)].imstat
        if any(getattr(kept, name) != value for name, value in numbers["active"].items()):
            return State.REFUSED, (
                f"{before} has the same chip and moment, but other pixels; correct DATE-OBS of "
                "the one that is wrong"
            )
    return State.KNOWN, f"the same pixels came in with {before}"


def _place(attributes: Mapping[str, Any]) -> tuple[str, datetime]:
    return attributes["chip"], attributes["DATE_OBS"]


def _marks(exposure: Exposure) -> list[Mark]:
    """Return what no other exposure has: names of frames, and chips with their moment."""
    names: list[Mark] = [frame.filename for frame in exposure.frames]
    return names + [
        (exposure.instrument, frame.attributes["chip"], frame.attributes["DATE_OBS"])
        for frame in exposure.frames
    ]


def refuse_twins(exposures: dict[int, Exposure], report: Report) -> None:
    """Of files with the same chip at the same moment, or of the same name, keep the first.

    Another one with the same pixels is a copy, and skipped; one with other pixels is refused.
    """
    seen: dict[Mark, Exposure] = {}
    named: dict[str, Exposure] = {}
    for number, exposure in list(exposures.items()):
        # the same content has the same chips and moment
        marks = _marks(exposure)
        twin = next((seen[mark] for mark in marks if mark in seen), None)
        if twin is not None:
            row = report.rows[number]
            row.state, row.message = _twin_verdict(exposure, twin)
            del exposures[number]
            continue
        namesake = named.setdefault(exposure.path.name, exposure)
        if namesake is not exposure:
            # what it would meet if it came one call later
            row = report.rows[number]
            row.state = State.REFUSED
            row.message = _namesake(exposure, f"here too, {namesake.path}")
            del exposures[number]
            continue
        seen.update(dict.fromkeys(marks, exposure))


def _twin_verdict(exposure: Exposure, first: Exposure) -> tuple[State, str]:
    """Return what becomes of an exposure with a chip and a moment of one before it, and why."""
    name = first.path.name
    if exposure.checksum == first.checksum:
        return State.COPY, f"the same file as {name}"
    places = [_place(frame.attributes) for frame in first.frames]
    try:
        kept = dict(zip(places, measured(first), strict=True))
        pixels = measured(exposure)
    except AweError as error:
        return State.REFUSED, str(error)
    own = [_place(frame.attributes) for frame in exposure.frames]
    if any(place not in kept for place in own):
        return State.REFUSED, f"some of its chips are of the same moment as those of {name}"
    if any(numbers["active"] != kept[place]["active"]
           for place, numbers in zip(own, pixels, strict=True)):  # fmt: skip
        return State.REFUSED, (
            f"{name} has the same chip and moment, but other pixels; correct DATE-OBS of the one "
            "that is wrong"
        )
    return State.COPY, f"the same pixels as {name}"

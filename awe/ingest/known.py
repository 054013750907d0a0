"""What came in before: the same file, or the same chip at the same moment.

An exposure is known by the checksum of its file, a frame by its chip and its moment.
"""

from __future__ import annotations

from datetime import datetime

from awe.ingest.records import CLASSES
from awe.ingest.report import Report, State
from awe.ingest.split import Exposure
from awe.model.raw import RawFitsData, RawFrame

__all__ = ["refuse_twins", "skip"]

Mark = str | tuple[str, str, datetime]


def skip(exposures: dict[int, Exposure], report: Report) -> None:
    """Drop exposures that are in the system."""
    if not exposures:
        return
    checksums = [exposure.checksum for exposure in exposures.values()]
    names = [exposure.path.name for exposure in exposures.values()]
    same = {found.checksum for found in RawFitsData.checksum.isin(checksums)}
    taken = {found.filename for found in RawFitsData.filename.isin(names)}
    for number, exposure in list(exposures.items()):
        row = report.rows[number]
        if exposure.checksum in same:
            row.state, row.message = State.KNOWN, ""
            del exposures[number]
        elif exposure.path.name in taken:
            row.state = State.REFUSED
            row.message = "an exposure of that name but with other content is in the system"
            del exposures[number]
    _skip_frames(exposures, report)


def _skip_frames(exposures: dict[int, Exposure], report: Report) -> None:
    """Drop exposures a frame of which came in with another file."""
    asked: dict[type[RawFrame], list[Exposure]] = {}
    for exposure in exposures.values():
        asked.setdefault(CLASSES[exposure.purpose], []).append(exposure)
    known: dict[Mark, str] = {}
    for cls, some in asked.items():
        for frame in cls.DATE_OBS.isin([exposure.DATE_OBS for exposure in some]):
            for mark in (frame.filename, (frame.instrument.name, frame.chip.name, frame.DATE_OBS)):
                known[mark] = frame.raw_fits.filename
    for number, exposure in list(exposures.items()):
        found = [mark for mark in _marks(exposure) if mark in known]
        if found:
            row = report.rows[number]
            row.state = State.REFUSED
            row.message = (
                f"the same chip at the same moment came in with {known[found[0]]}; leave it out"
            )
            del exposures[number]


def _marks(exposure: Exposure) -> list[Mark]:
    """Return what no other exposure has: names of frames, and chips with their moment."""
    names: list[Mark] = [frame.filename for frame in exposure.frames]
    return names + [
        (exposure.instrument, frame.attributes["chip"], frame.attributes["DATE_OBS"])
        for frame in exposure.frames
    ]


def refuse_twins(exposures: dict[int, Exposure], report: Report) -> None:
    """Of files with the same content, or the same chip at the same moment, keep the first."""
    seen: dict[Mark, str] = {}
    for number, exposure in list(exposures.items()):
        marks = [exposure.checksum, *_marks(exposure)]
        twin = next((seen[mark] for mark in marks if mark in seen), None)
        if twin is not None:
            row = report.rows[number]
            row.state, row.message = State.REFUSED, f"the same exposure as {twin}"
            del exposures[number]
            continue
        seen.update(dict.fromkeys(marks, exposure.path.name))

"""A plan: what a dry run found, as a table that can be edited and fed back.

One line per file, comma-separated, as spreadsheets write it: whether it is taken, what it was
taken for, its filter and object. What is edited there is what its author says, and goes before
what headers say; a line left out is a file left out.
"""

from __future__ import annotations

import csv
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from awe import instruments
from awe.errors import ArgumentError, nearest
from awe.ingest.records import CLASSES
from awe.ingest.report import NO, PLAN, YES
from awe.ingest.split import Exposure

__all__ = ["Line", "read"]

#: Columns a plan cannot do without; the others are remarks.
NEEDED = PLAN[:5]
#: What cameras call it -> how a plan says it.
ALSO = {
    **dict.fromkeys(("flat", "flats", "flatfield", "flat field"),
                    "'dome' (lit by a lamp) or 'twilight' (by the sky)"),
    **dict.fromkeys(("skyflat", "sky flat", "sky"), "'twilight'"),
    **dict.fromkeys(("domeflat", "dome flat", "lamp"), "'dome'"),
    **dict.fromkeys(("light", "lights", "object", "target"), "'science'"),
    **dict.fromkeys(("zero", "offset"), "'bias'"),
    **dict.fromkeys(("standard", "std"), "'photom'"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a plan says of one file; an empty text leaves it to the header."""

    path: Path
    take: bool
    purpose: str
    filter: str
    object: str
    begin: str = ""

    def applied(self, exposure: Exposure) -> Exposure:
        """Return the exposure as the plan says it is, with a note where headers say otherwise.

        Raises
        ------
        ArgumentError
            The camera has no such filter, light was taken without any, or the plan was written of
            another exposure.
        """
        if self.begin not in ("", exposure.begin):
            msg = (
                f"{self.path}: the plan was written of an exposure of {self.begin}, the file has "
                f"one of {exposure.begin}; write a new plan, or empty the cell begin where the "
                "file was corrected"
            )
            raise ArgumentError(msg)
        notes, purpose = list(exposure.notes), self.purpose or exposure.purpose
        if purpose != exposure.purpose:
            notes.append(f"its header says {exposure.purpose}")
        said = {}
        first = exposure.frames[0].attributes
        name = self._filter(exposure)
        if name != exposure.filter:
            said["filter"] = name
            notes.append(f"its header says filter {exposure.filter or None}")
        if not name and purpose in CLASSES and "filter" in CLASSES[purpose]._attributes:
            raise ArgumentError(_without_filter(exposure, purpose))
        if self.object and self.object != first["OBJECT"]:
            said["OBJECT"] = self.object
            notes.append(f"its header says object {first['OBJECT']!r}")
        frames = [
            dataclasses.replace(frame, attributes={**frame.attributes, **said})
            for frame in exposure.frames
        ]
        return dataclasses.replace(
            exposure, purpose=purpose, frames=tuple(frames), notes=tuple(notes)
        )

    def _filter(self, exposure: Exposure) -> str:
        """Return the filter in awe's name; the plan may have it as headers do."""
        if not self.filter or self.filter == exposure.filter:
            return exposure.filter
        if any(frame.part.plane is not None for frame in exposure.frames):
            msg = (
                f"filter {self.filter!r}: pixels of a colour mosaic have the filters "
                f"{exposure.filter}; leave the cell of the plan as it was, and correct the "
                "header where the filter in front of them is wrong"
            )
            raise ArgumentError(msg)
        names = instruments.get(exposure.instrument).filters
        known = list(dict.fromkeys(names.values()))
        if self.filter in known:
            return self.filter
        if self.filter in names:
            return names[self.filter]
        msg = (
            f"{exposure.instrument} has no filter {self.filter!r}"
            f"{nearest(self.filter, [*known, *names])}; its filters are {', '.join(known)}"
        )
        raise ArgumentError(msg)


def _without_filter(exposure: Exposure, purpose: str) -> str:
    known = dict.fromkeys(instruments.get(exposure.instrument).filters.values())
    return (
        f"{exposure.path.name}: the plan takes it for {purpose}, and neither its header nor the "
        f"plan has a filter; write one of {', '.join(known)} into its filter cell, or take it "
        "for dark"
    )


def read(path: Path) -> dict[Path, Line]:
    """Return the lines of the files that a plan takes, by file.

    Raises
    ------
    ArgumentError
        It is not a plan; every line that is wrong, what was found and what was wanted are named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
        # spreadsheets of some languages part cells by semicolons
        first = text.partition("\n")[0]
        parted = "," if "," in first else ";"
        # strict: a quote without its end would take all lines behind it into one cell
        rows = list(csv.reader(text.splitlines(), delimiter=parted, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        advice = "" if isinstance(error, OSError) else "; save it as CSV in UTF-8, quotes in pairs"
        msg = f"plan {path} cannot be read ({reason}){advice}"
        raise ArgumentError(msg) from None
    heads = [cell.strip() for cell in rows[0]] if rows else []
    missing = [head for head in NEEDED if head not in heads]
    if missing:
        msg = (
            f"plan {path}: its first line is {','.join(heads)!r:.80}, it needs the columns "
            f"{', '.join(NEEDED)}; write one with a dry run: awe-ingest -i FILES --plan NEW.csv"
        )
        raise ArgumentError(msg)
    lines: dict[Path, Line] = {}
    wrong = []
    for number, row in enumerate(rows[1:], 2):
        try:
            if any(cell.strip() for cell in row):
                line = _line(path, number, heads, row)
                if lines.setdefault(line.path, line) != line:
                    wrong.append(f"plan {path}, line {number}: another line says otherwise of "
                                 f"{line.path}; leave one of them")  # fmt: skip
        except ArgumentError as error:
            wrong.append(str(error))
    if wrong:
        raise ArgumentError("\n  ".join(wrong))
    return {place: line for place, line in lines.items() if line.take}


def _line(path: Path, number: int, heads: list[str], row: list[str]) -> Line:
    cells = dict(zip(heads, row, strict=False))
    said = {head: cells.get(head, "").strip().removeprefix("'") for head in NEEDED}
    take, purpose = said["take"].lower(), said["purpose"].lower()
    wrong = []
    if take not in (YES, NO):
        wrong.append(f"take is {said['take']!r}, expected yes or no")
    if take != NO and purpose and purpose not in CLASSES:
        meant = ALSO.get(purpose)
        hint = f"; did you mean {meant}?" if meant else nearest(purpose, list(CLASSES))
        wrong.append(
            f"no purpose {said['purpose']!r}{hint}; purposes are {', '.join(CLASSES)}"
        )
    if not said["file"]:
        wrong.append("the file is missing")
    if any(cell.strip() for cell in row[len(heads) :]):
        wrong.append(
            f"{len(row)} cells, {len(heads)} columns: put a text with a comma into quotes"
        )
    if wrong:
        msg = f"plan {path}, line {number}: {'; '.join(wrong)}"
        raise ArgumentError(msg)
    return Line(
        path=Path(said["file"]), take=take == YES, purpose=purpose, filter=said["filter"],
        object=said["object"], begin=cells.get("begin", "").strip(),
    )  # fmt: skip

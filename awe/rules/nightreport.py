"""The report of one night: exposures, sky and seeing, what failed, what was calibrated with what.

Everything comes from the database, by a few statements and without pixels; nobody is told of a
frame that a query would not find. The same report is text, HTML for a notebook, and a page.
"""

from __future__ import annotations

import datetime
import html as markup
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awe import columns, dates
from awe.db.declare import registry
from awe.db.query.query import Query
from awe.errors import ArgumentError, FileTaken
from awe.model.mixins import QualityFlag
from awe.model.observing import Instrument
from awe.model.raw import RawFrame, RawScienceFrame
from awe.model.science import ReducedScienceFrame
from awe.terminal import harmless

__all__ = ["NightReport", "Table", "night"]

#: Calibrations of a reduced frame that the report names, by attribute.
ROLES = ("bias", "dark", "flat", "fringe", "illumination", "hot", "cold")
#: From this number of chips on the rows of calibrations are joined by role and filter.
FEW_CHIPS = 4
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}"
    "table{border-collapse:collapse}"
    "div.wide{overflow-x:auto}"
    "th,td{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #ddd}"
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """One part of a report: a title, heads, rows, and what is said where there are no rows."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    nothing: str = "none"


class NightReport:
    """What a night brought; shown as text, and written as text or HTML by `save`.

    Parameters
    ----------
    date : datetime.date
        Date on which the night began at the telescope.
    tables : sequence of Table
        The parts.
    summary : str
        One line.
    """

    def __init__(self, date: datetime.date, tables: Sequence[Table], summary: str) -> None:
        self.date = date
        self.tables = tuple(tables)
        self.summary = summary

    @property
    def title(self) -> str:
        """What the report is of."""
        return f"Night of {self.date}"

    def text(self) -> str:
        """Return the report as text."""
        parts = [f"{self.title}: {self.summary}"]
        for table in self.tables:
            body = columns.lines(table.heads, table.rows) if table.rows else [table.nothing]
            parts.append("\n".join([f"{table.title}", *(f"  {line}" for line in body)]))
        return harmless("\n\n".join(parts))

    def html(self) -> str:
        """Return the report as a page of its own."""
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{markup.escape(self.title)}</title><style>{STYLE}</style>"
            f"<main><h1>{markup.escape(self.title)}</h1>{self._body()}</main></html>\n"
        )

    def save(self, filename: str | Path, *, overwrite: bool = False) -> None:
        """Write the report, as HTML where the name ends in `.html`, as text elsewhere.

        Parameters
        ----------
        filename : str or Path
            Name of the file.
        overwrite : bool
            Whether a file of that name is replaced.

        Raises
        ------
        FileTaken
            There is a file of that name, and `overwrite` is False.
        ArgumentError
            The file cannot be written.
        """
        path = Path(filename).expanduser()
        content = self.html() if path.suffix.lower() in (".html", ".htm") else self.text() + "\n"
        try:
            with path.open("w" if overwrite else "x", encoding="utf-8") as file:
                file.write(content)
        except FileExistsError as error:
            msg = f"{path} is there already: another name, or overwrite=True to replace it"
            raise FileTaken(msg) from error
        except OSError as error:
            msg = f"{path} cannot be written: {error.strerror}; give another name"
            raise ArgumentError(msg) from error

    def _body(self) -> str:
        parts = [f"<p>{markup.escape(harmless(self.summary))}</p>"]
        for table in self.tables:
            title = markup.escape(table.title)
            parts.append(f"<h2>{title}</h2>")
            if table.rows:
                # a table wider than a phone is moved by the keys too
                place = f'<div class="wide" tabindex="0" role="region" aria-label="{title}">'
                parts.append(f"{place}{columns.html(table.heads, table.rows)}</div>")
            else:
                parts.append(f"<p>{markup.escape(table.nothing)}</p>")
        return "".join(parts)

    def _repr_html_(self) -> str:
        return f"<h2>{markup.escape(self.title)}</h2>{self._body()}"

    def __repr__(self) -> str:
        return self.text()


def night(date: Any, instrument: str | None = None) -> NightReport:
    """Return the report of a night: exposures, sky, seeing, failures, calibrations that were used.

    Parameters
    ----------
    date : datetime.date or str
        Date on which the night began at the telescope, `'2012-05-31'`; noon to noon by the clock
        of each site.
    instrument : str, optional
        Name of one camera; all when left out.

    Raises
    ------
    ArgumentError
        The date is not one.
    """
    try:
        begin = dates.night(date)
    except ValueError as error:
        msg = f"{date!r} is not a night; write the date on which it began: night('2012-05-31')"
        raise ArgumentError(msg) from error
    raws = [_of(cls, begin, instrument) for cls in registry.concrete(RawFrame)]
    reduced = _of(ReducedScienceFrame, begin, instrument)
    exposures = [row for query in raws for row in _exposures(query)]
    exposures.sort()
    made = _made(reduced)
    tables = [
        Table(title="Exposures", heads=("start (UTC)", "kind", "object", "filter", "time [s]",
                                        "chips", "level [ADU]", "camera"),
              rows=[row for _, row in exposures], nothing="none that you may see"),
        Table(title="Reduced frames, by object and filter",
              heads=("object", "filter", "frames", "seeing [arcsec]", "sky [ADU]"), rows=made),
        Table(title="What failed or is doubtful", heads=("what", "kind", "number", "which"),
              rows=_failures(begin, instrument, raws, reduced), nothing="nothing"),
        Table(title="Calibrated with", heads=("kind", "filter", "chips", "frames", "which"),
              rows=_calibrated(reduced), nothing="nothing is reduced yet"),
    ]  # fmt: skip
    kinds: dict[str, int] = {}
    for _, row in exposures:
        kinds[row[1]] = kinds.get(row[1], 0) + 1
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.items()) or "none"
    return NightReport(begin, tables, f"{len(exposures)} exposures ({told}), "
                       f"{reduced.count()} reduced frames")  # fmt: skip


def _of(cls: Any, begin: datetime.date, instrument: str | None) -> Query:
    # without a camera there is no clock, and no frame either
    clock = None if Instrument.select_all().exists() else 0
    query: Query = cls.DATE_OBS.night(begin, clock)
    return query if instrument is None else query & (cls.instrument.name == instrument)


def _kind(cls: type) -> str:
    """Return what an observer calls frames of a class: `science`, `twilight flat`."""
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in cls.__name__[3:-5])
    return words.strip()


def _exposures(query: Query) -> list[tuple[datetime.datetime, tuple[str, ...]]]:
    """Return start and row of each exposure; chips of one exposure are one row."""
    filtered = "filter" in query.cls._attributes
    names = ("raw_fits", "DATE_OBS", "OBJECT", "EXPTIME", "instrument", "imstat.median",
             *(("filter",) if filtered else ()))  # fmt: skip
    found: dict[Any, list[tuple[Any, ...]]] = {}
    for row in query.values(*names):
        found.setdefault((row[0], row[1]), []).append(row)
    rows: list[tuple[datetime.datetime, tuple[str, ...]]] = []
    for (_, start), chips in found.items():
        _, _, target, length, camera, _, *filters = chips[0]
        level = _median([chip[5] for chip in chips])
        rows.append((start, (
            f"{start:%Y-%m-%d %H:%M:%S}", _kind(query.cls), target or "-",
            (filters[0] if filters else None) or "-", f"{length or 0:g}", str(len(chips)),
            level, camera or "-",
        )))  # fmt: skip
    return rows


def _median(values: Sequence[float | None], form: str = ".0f") -> str:
    known = [value for value in values if value is not None]
    return format(statistics.median(known), form) if known else "-"


def _made(reduced: Query) -> list[tuple[str, ...]]:
    groups: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    names = ("OBJECT", "filter", "psf_radius", "raw.imstat.median", "raw.overscan_x_stat.median")
    for target, band, seeing, level, dark in reduced.values(*names):
        # what the electronics add is in the overscan as well
        sky = None if level is None or dark is None else level - dark
        groups.setdefault((target or "-", band or "-"), []).append((seeing, sky))
    return [
        (target, band, str(len(some)), _median([one[0] or None for one in some], ".2f"),
         _median([one[1] for one in some]))
        for (target, band), some in sorted(groups.items())
    ]  # fmt: skip


def _failures(
    begin: datetime.date, instrument: str | None, raws: Sequence[Query], reduced: Query
) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for query in (*raws, reduced):
        kind = "reduced" if query is reduced else _kind(query.cls)
        bad: list[str] = []
        doubts: dict[int, list[str]] = {}
        for name, verdict, bits in query.values("filename", "is_valid", "quality_flags"):
            if verdict == 0:
                bad.append(name)
            if bits:
                doubts.setdefault(int(bits), []).append(name)
        if bad:
            rows.append(("judged bad", kind, str(len(bad)), _some(bad)))
        rows += [
            (QualityFlag.explain(bits), kind, str(len(names)), _some(names))
            for bits, names in sorted(doubts.items())
        ]
    science = _of(RawScienceFrame, begin, instrument)
    left = science - (science & RawScienceFrame.object_id.isin(_raw_ids(reduced)))
    missing = [row[0] for row in left.values("filename")]
    if missing:
        rows.append(("not reduced", "science", str(len(missing)), _some(missing)))
    return rows


def _raw_ids(reduced: Query) -> list[Any]:
    return list({row[0] for row in reduced.values("raw.object_id") if row[0] is not None})


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{columns.short(names[0])}{more}"


def _calibrated(reduced: Query) -> list[tuple[str, ...]]:
    """Return a row for each calibration, joined by kind and filter where there are many chips."""
    found: dict[tuple[str, str], dict[str, tuple[set[str], int]]] = {}
    names = [f"{role}.filename" for role in ROLES]
    for chip, band, *used in reduced.values("chip", "filter", *names):
        for role, name in zip(ROLES, used, strict=True):
            if name:
                of = found.setdefault((role, band or "-"), {})
                chips, number = of.get(name, (set(), 0))
                of[name] = (chips | {chip or "-"}, number + 1)
    rows: list[tuple[str, ...]] = []
    for (role, band), of in found.items():
        chips = set().union(*(one for one, _ in of.values()))
        number = sum(count for _, count in of.values())
        if len(of) > FEW_CHIPS:
            rows.append((role, band, str(len(chips)), str(number), _some(sorted(of))))
        else:
            rows += [
                (role, band, ", ".join(sorted(some)), str(count), columns.short(name))
                for name, (some, count) in sorted(of.items())
            ]
    return rows

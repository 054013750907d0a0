"""What is valid when: the calibrations of a chip as a table with bars of time, in plain text."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awe import columns, dates
from awe.columns import room
from awe.db.declare.registry import concrete
from awe.errors import ArgumentError, among
from awe.inspect.periods import Bar, draw
from awe.inspect.shown import present
from awe.model import classes
from awe.model.calibrations import ChipCalibration
from awe.model.mixins import has
from awe.model.observing import Chip, Filter, Instrument
from awe.rules import validity
from awe.terminal import harmless

__all__ = ["Timeline", "calibrations", "gathered"]

#: columns of a bar at most, and at least; the text around it takes the others
WIDTH, NARROWEST, AROUND = 48, 22, 56
#: a range longer than this says nothing about a night and is drawn to the edges
FOREVER = datetime.timedelta(days=3650)
LEGEND = "* chosen, x judged bad, q flagged, = valid, - not usable, | the date"
#: what the marks of rows mean
STATES = {"*": "chosen", "x": "bad", "q": "flagged"}
MARGIN = datetime.timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Calibrations of one chip, class by class; prints itself.

    Attributes
    ----------
    title : str
        Title of the picture: whose calibrations.
    rows : tuple
        The objects, class by class, newest last.
    chosen : frozenset
        Ids of those that would be chosen at `date`.
    date : datetime or None
        The requested moment [UTC].
    """

    title: str
    rows: tuple[Any, ...]
    chosen: frozenset[Any]
    date: datetime.datetime | None

    def span(self) -> tuple[datetime.datetime, datetime.datetime]:
        """Return the first and the last moment of a picture of the ranges [UTC]."""
        return _span(self.rows, self.date)

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw the ranges as bars: in a window, in the notebook, or to a file that is named.

        Parameters
        ----------
        path : str or Path, optional
            File to write, its format by the ending.

        Returns
        -------
        Figure
            The matplotlib figure.

        Raises
        ------
        ArgumentError
            There are no calibrations, or the file cannot be written.
        """
        if not self.rows:
            msg = f"{self.title}: no calibrations that you may see; nothing to plot"
            raise ArgumentError(msg)
        bars = [
            Bar(
                kind=type(item).__name__, name=str(item.object_id)[:8],
                start=item.timestamp_start, end=item.timestamp_end,
                state=STATES.get(_mark(item, self.chosen).strip(), "valid"),
            )
            for item in self.rows
        ]  # fmt: skip
        name = re.sub(r"\W+", "_", self.title)
        return present(
            lambda: draw(bars, self.span(), title=self.title, moment=self.date), path,
            name=f"{name}-calibrations.png", title=f"calibrations of {self.title}",
        )  # fmt: skip

    def __str__(self) -> str:
        return harmless("\n".join(self._lines()))

    __repr__ = __str__

    def _lines(self) -> Iterator[str]:
        if not self.rows:
            yield f"{self.title}: no calibrations that you may see"
            return
        start, end = self.span()
        width = _width()
        yield self.title
        ruler = f"{start:%Y-%m-%d}{f'{end:%Y-%m-%d}':>{width - 10}}"
        yield f"{'':30}{ruler}"
        kind = ""
        for item in self.rows:
            name = type(item).__name__
            head = f"{name if name != kind else '':28}{_mark(item, self.chosen):2}"
            made = f"{item.creation_date:%Y-%m-%d %H:%M} {str(item.object_id)[:8]}"
            yield f"{head}{_bar(item, start, end, self.date, width)} {made}"
            kind = name
        yield LEGEND

    def _repr_html_(self) -> str:
        rows = [
            (
                type(item).__name__, _mark(item, self.chosen),
                f"{item.timestamp_start:%Y-%m-%d %H:%M}", f"{item.timestamp_end:%Y-%m-%d %H:%M}",
                _bar(item, *self.span(), self.date, WIDTH).strip("\n"),
                f"{item.creation_date:%Y-%m-%d %H:%M}", str(item.object_id)[:8],
            )
            for item in self.rows
        ]  # fmt: skip
        if not rows:
            return columns.outline(str(self), ())
        start, end = self.span()
        heads = ("class", "", "from", "to", f"{start:%Y-%m-%d} to {end:%Y-%m-%d}", "made", "id")
        return columns.html(heads, rows, title=f"{self.title} ({LEGEND})", fixed=4)


def calibrations(
    instrument: str | None = None,
    chip: str | None = None,
    filter: str | None = None,
    date: Any = None,
) -> Timeline:
    """Return what calibrations there are for a chip and when each is valid.

    Parameters
    ----------
    instrument, chip : str
        Names of the camera and of the detector.
    filter : str, optional
        Name of the filter; classes that depend on it are left out without.
    date : str, datetime.date or datetime.datetime, optional
        A night (its middle) or a moment [UTC]: those that would be chosen are marked, and
        only those are listed whose ranges come within a month of it.

    Raises
    ------
    ArgumentError
        The date is not a date, instrument or chip is left out, or a name is unknown.
    """
    return gathered(instrument, chip, filter, date)


def gathered(
    instrument: str | None,
    chip: str | None,
    filter: str | None,
    date: Any,
    *,
    most: int | None = None,
) -> Timeline:
    """Return what `calibrations` does, of each class the newest `most` objects at most."""
    instrument, chip = _named(instrument, chip)
    filter = _known_filter(filter)
    moment = _moment(instrument, date)
    rows: list[Any] = []
    chosen = set()
    for cls in _classes():
        if has(cls, "filter") and filter is None:
            continue
        query = (cls.instrument.name == instrument) & (cls.chip.name == chip)
        if has(cls, "filter"):
            query &= cls.filter.name == filter
        if moment is not None:
            month = datetime.timedelta(days=30)
            query &= (moment + month >= cls.timestamp_start) & (moment - month < cls.timestamp_end)
            best = validity.find(
                cls, instrument=instrument, chip=chip,
                filter=filter if has(cls, "filter") else None, date=moment,
            )  # fmt: skip
            chosen.add(best.object_id if best is not None else None)
        if most is None:
            rows += query.order_by("creation_date")
        else:
            rows += reversed(list(query.order_by("-creation_date").top(most)))
    words = [instrument, chip, *filter_words(filter), *([f"{moment} UTC"] if moment else [])]
    return Timeline(
        title=" ".join(words), rows=tuple(rows), chosen=frozenset(chosen), date=moment
    )


def filter_words(filter: str | None) -> list[str]:
    """Return the filter as words of a title."""
    return [filter] if filter is not None else []


def _classes() -> list[type[ChipCalibration]]:
    classes.load()
    return concrete(ChipCalibration)


def _moment(instrument: str, date: Any) -> datetime.datetime | None:
    if date is None or isinstance(date, datetime.datetime):
        return date
    try:
        begin, end = validity.night_range(instrument, date)
    except ArgumentError:
        # text with a time of day is a moment; what is neither is reported as not being a night
        with suppress(ValueError):
            return dates.moment(date)
        raise
    return begin + (end - begin) / 2


def _span(
    rows: Sequence[Any], date: datetime.datetime | None
) -> tuple[datetime.datetime, datetime.datetime]:
    short = [r for r in rows if r.timestamp_end - r.timestamp_start < FOREVER]
    moments = [r.timestamp_start for r in short] + [r.timestamp_end for r in short]
    if date is not None:
        moments += [date - MARGIN, date + MARGIN]
    if not moments:
        now = max(r.creation_date for r in rows)
        moments = [now - MARGIN, now + MARGIN]
    return min(moments), max(moments)


def _width() -> int:
    """Return how wide the bars are, so that a line fits the terminal where it can."""
    columns = room()
    return WIDTH if columns is None else max(NARROWEST, min(WIDTH, columns - AROUND))


def _bar(
    item: Any,
    start: datetime.datetime,
    end: datetime.datetime,
    date: datetime.datetime | None,
    width: int,
) -> str:
    def place(moment: datetime.datetime) -> int:
        share = (moment - start) / (end - start)
        return max(0, min(width - 1, int(share * width)))

    usable = item.is_valid > 0 and not item.quality_flags
    first, last = place(item.timestamp_start), place(item.timestamp_end)
    bar = [" "] * width
    for column in range(first, last + 1):
        bar[column] = "=" if usable else "-"
    if date is not None:
        bar[place(date)] = "|"
    return "".join(bar)


def _mark(item: Any, chosen: frozenset[Any]) -> str:
    if item.object_id in chosen:
        return "*"
    if item.is_valid <= 0:
        return "x"
    return "q" if item.quality_flags else ""


def _named(instrument: Any, chip: Any) -> tuple[str, str]:
    """Return the names of camera and chip, or say which there are."""
    known = Instrument.select_all().distinct("name")
    if instrument is None:
        there = ", ".join(known) or "none yet"
        msg = f"calibrations() expects instrument and chip; instruments are {there}"
        raise ArgumentError(msg)
    instrument = str(getattr(instrument, "name", instrument))
    if instrument not in known:
        msg = f"there is no instrument {instrument!r}{among(instrument, known)}"
        raise ArgumentError(msg)
    names = (Chip.instrument.name == instrument).distinct("name")
    if chip is None:
        msg = (
            f"calibrations({instrument!r}) expects a chip too"
            + (f": calibrations({instrument!r}, {names[0]!r})" if names else "")
            + f"; its chips are {', '.join(names) or 'none yet'}"
        )
        raise ArgumentError(msg)
    chip = str(getattr(chip, "name", chip))
    if chip not in names:
        msg = f"{instrument} has no chip {chip!r}{among(chip, names)}"
        raise ArgumentError(msg)
    return instrument, chip


def _known_filter(filter: Any) -> str | None:
    """Return the name of a filter, or say which there are."""
    if filter is None:
        return None
    name = str(getattr(filter, "name", filter))
    known = Filter.select_all().distinct("name")
    if name not in known:
        there = among(name, known).replace("it has", "there are")
        msg = f"there is no filter {name!r}{there}"
        raise ArgumentError(msg)
    return name

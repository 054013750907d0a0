"""Which frames a task works on: from its arguments to frames, from frames to units."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from awe import instruments
from awe.db.declare.registry import find
from awe.errors import ArgumentError, NotFound, nearest
from awe.model.classes import load
from awe.model.mixins import USABLE
from awe.model.observing import Chip, Filter, Instrument
from awe.rules.validity import night_range
from awe.tasks.task import Task
from awe.tasks.unit import Unit

if TYPE_CHECKING:
    from awe.tasks.task import Task

__all__ = ["by_chip", "by_filter", "by_night", "chips_of_night", "newest_of_each", "one_each",
           "raw_frames"]

SELECTING = (
    "instrument", "date", "chip", "filter", "object", "template", "raw_filenames", "red_filenames",
)  # fmt: skip

#: most instruments or chips a message lists
SHOWN = 6

NARROWING = ("date", "template", "raw_filenames", "red_filenames")


def arguments_of(task: Task) -> dict[str, Any]:
    """Return the arguments of a task that select, without those not given."""
    return {
        name: value
        for name in SELECTING
        if (value := getattr(task, name, None)) is not None
    }


def raw_frames(task: Task, raw: str | None = None) -> list[Any]:
    """Return the valid raw frames a task asks for, in their natural order.

    Raises
    ------
    ArgumentError
        Nothing but the instrument is given: that would be all frames there are.
    NotFound
        No frame answers, or a named file is not there or not visible.
    """
    load()
    cls: Any = find(raw or task.raw)
    asked = arguments_of(task)
    names = asked.get("raw_filenames") or asked.get("red_filenames")
    narrowing = (*NARROWING, "object") if task.of_object else NARROWING
    if not any(str(asked.get(name, "")).strip("*?") for name in narrowing):
        wanted = [argument.name for argument in task.arguments if argument.name in narrowing]
        msg = f"{type(task).__name__} expects one of: {', '.join(wanted)}"
        raise ArgumentError(msg)
    query = (cls.instrument.name == task.instrument) & (cls.is_valid > 0)
    query &= _conditions(cls, asked)
    frames = list(query)
    if names is not None:
        _require_all(cls, names, frames)
    _require(frames, cls, asked)
    return frames


def units(self: Task) -> list[Unit]:
    """Return the work: by default the raw frames of each chip together."""
    return by_chip(raw_frames(self))


def by_chip(frames: Sequence[Any]) -> list[Unit]:
    """Return one unit per chip (and filter, where frames have one)."""
    groups: dict[tuple[str, str], list[Any]] = {}
    for frame in frames:
        filter_ = getattr(frame, "filter", None)
        key = (frame.chip.name, filter_.name if filter_ is not None else "")
        groups.setdefault(key, []).append(frame)
    return [_unit(" ".join(filter(None, key)), group) for key, group in groups.items()]


def by_filter(frames: Sequence[Any]) -> list[Unit]:
    """Return one unit per filter, with the frames of all chips together."""
    groups: dict[str, list[Any]] = {}
    for frame in frames:
        groups.setdefault(frame.filter.name if frame.filter is not None else "", []).append(frame)
    found = []
    for name, group in groups.items():
        chips, fields = ({getattr(one, of) for one in group} for of in ("chip", "OBJECT"))
        field = fields.pop() if len(fields) == 1 else ""
        unit = _unit(" ".join(filter(None, (field, name))) or "frames", group)
        found.append(unit if len(chips) == 1 else replace(unit, chip=None))
    return found


def by_night(
    frames: Sequence[Any], group: Callable[[Sequence[Any]], list[Unit]]
) -> list[Unit]:
    """Return the units of each night by itself; where there are several their names have it.

    Parameters
    ----------
    frames : sequence of frame
        Frames of one camera.
    group : callable
        Makes the units of the frames of one night: `by_chip` or `by_filter`.
    """
    nights: dict[datetime.date, list[Any]] = {}
    for frame in sorted(frames, key=lambda one: one.DATE_OBS):
        night = instruments.get(frame.instrument.name).night(frame.DATE_OBS)
        nights.setdefault(night, []).append(frame)
    if len(nights) < 2:
        return group(frames)
    return [
        replace(unit, name=f"{unit.name} {night}")
        for night, some in nights.items()
        for unit in group(some)
    ]


def one_each(frames: Sequence[Any]) -> list[Unit]:
    """Return one unit per frame."""
    return [_unit(frame.filename, [frame]) for frame in frames]


def newest_of_each(frames: Sequence[Any]) -> list[Any]:
    """Return of several reductions of one raw frame the newest sound one."""
    newest: dict[Any, Any] = {}
    for frame in frames:
        known = newest.get(frame.raw.object_id)
        if frame.quality_flags in USABLE and (
            known is None or frame.creation_date > known.creation_date
        ):
            newest[frame.raw.object_id] = frame
    return list(newest.values())


def chips_of_night(task: Task, by: Any = None) -> list[Unit]:
    """Return one unit per chip for recipes that start from products instead of raw frames.

    Parameters
    ----------
    task : Task
        Task whose arguments select.
    by : type, optional
        Class of the inputs: without a filter among the arguments there is one unit for every
        filter in which a chip has such an object for the night.

    Raises
    ------
    ArgumentError
        The date is not given, or the instrument is not in the database.
    """
    if task.date is None:
        msg = f"{type(task).__name__} expects a date: the night its inputs were made for"
        raise ArgumentError(msg)
    begin, end = night_range(task.instrument, task.date)
    instrument = _named(Instrument, task.instrument)
    filter_ = _named(Filter, task.filter) if task.filter is not None else None
    if task.chip is not None:
        chips = [_named(Chip, task.chip)]
    else:
        chips = list(Chip.instrument == instrument)
    date = begin + (end - begin) / 2
    filters = {} if by is None or filter_ is not None else _filters(by, instrument, date)
    return [
        Unit(
            name=chip.name if chosen is filter_ else f"{chip.name} {chosen.name}",
            instrument=instrument,
            chip=chip,
            date=date,
            filter=chosen,
        )
        for chip in chips
        for chosen in filters.get(chip.name, [filter_])
    ]


def _filters(cls: Any, instrument: Any, date: datetime.datetime) -> dict[str, list[Any]]:
    """Return chip -> filters, by name, in which there is a sound object of a class for a date."""
    query = (cls.instrument == instrument) & (cls.is_valid > 0) & (cls.quality_flags == 0)
    query &= (cls.timestamp_start <= date) & (cls.timestamp_end > date)
    found: dict[str, dict[str, Any]] = {}
    for item in query:
        found.setdefault(item.chip.name, {})[item.filter.name] = item.filter
    return {chip: [known[name] for name in sorted(known)] for chip, known in found.items()}


def _conditions(cls: Any, asked: dict[str, Any]) -> Any:
    query = cls.is_valid > 0
    if "chip" in asked:
        query &= cls.chip.name == asked["chip"]
    if "filter" in asked and hasattr(cls, "filter"):
        query &= cls.filter.name == asked["filter"]
    if "object" in asked:
        query &= cls.OBJECT.like(asked["object"])
    if "template" in asked:
        query &= cls.template.start == asked["template"]
    for argument in ("raw_filenames", "red_filenames"):
        if argument in asked:
            query &= cls.filename.isin(asked[argument])
    if "date" in asked:
        begin, end = night_range(asked["instrument"], asked["date"])
        query &= (begin <= cls.DATE_OBS) & (end > cls.DATE_OBS)
    return query


def _require_all(cls: Any, names: list[str], frames: list[Any]) -> None:
    missing = sorted(set(names) - {frame.filename for frame in frames})
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if missing[3:] else "")
        msg = (
            f"no valid {cls.__name__} named {shown} matches all arguments and is visible to you; "
            "take names from a query: [raw.filename for raw in query]"
        )
        raise NotFound(msg)


def _named(cls: Any, name: str) -> Any:
    found = list(cls.name == name)
    if not found:
        msg = f"no {cls.__name__.lower()} {name!r} in the database; check the name"
        raise NotFound(msg)
    return found[0]


def _unit(name: str, frames: list[Any]) -> Unit:
    first = frames[0]
    middle = sorted(frame.DATE_OBS for frame in frames)[len(frames) // 2]
    return Unit(
        name=name,
        instrument=first.instrument,
        chip=first.chip,
        frames=tuple(frames),
        date=middle,
        filter=getattr(first, "filter", None),
    )


def _require(found: Sequence[Any], cls: Any, arguments: Mapping[str, Any]) -> None:
    """Refuse to go on with nothing.

    Raises
    ------
    NotFound
        With the arguments that found nothing, and what there is where a name is not known.
    """
    if not found:
        asked = ", ".join(f"{name}={_shown(value)}" for name, value in arguments.items())
        hint = _unknown(arguments) or _other_nights(cls, arguments)
        hint = hint or "; check the night, chip and names, or ingest the frames"
        msg = f"no valid {cls.__name__} for {asked}{hint}"
        raise NotFound(msg)


def _other_nights(cls: Any, arguments: Mapping[str, Any]) -> str:
    """Return the nights before and after with such frames; empty without any."""
    if "date" not in arguments:
        return ""
    camera = arguments["instrument"]
    begin, end = night_range(camera, arguments["date"])
    rest = {name: value for name, value in arguments.items() if name != "date"}
    query = (cls.instrument.name == camera) & _conditions(cls, rest)
    moments = [
        (query & (begin > cls.DATE_OBS)).max("DATE_OBS"),
        (query & (end <= cls.DATE_OBS)).min("DATE_OBS"),
    ]
    night = instruments.get(camera).night
    nights = [f"{night(found.DATE_OBS)}" for found in moments if found is not None]
    if not nights:
        return ""
    told = f"the night {nights[0]}" if len(nights) == 1 else f"the nights {' and '.join(nights)}"
    return f"; the nearest such frames are of {told}: date is that of the evening a night begins"


def _shown(value: Any) -> str:
    return repr(value.isoformat() if isinstance(value, datetime.datetime) else value)


def _unknown(arguments: Mapping[str, Any]) -> str:
    """Return which instrument or chip is not in the database, and what is; empty where all are."""
    camera, chip = arguments.get("instrument"), arguments.get("chip")
    cameras = Instrument.select_all().distinct("name")
    if camera not in cameras:
        return f"; there is no instrument {camera!r}{_of(str(camera), 'instruments', cameras)}"
    chips = (Chip.instrument.name == camera).distinct("name")
    if chip is not None and chip not in chips:
        if {"*", "?"} & set(str(chip)):
            return "; chip= takes one name without * and ?, and all chips where it is left out"
        return f"; {camera} has no chip {chip!r}{_of(str(chip), 'chips', chips)}"
    return ""


def _of(name: str, what: str, known: list[str]) -> str:
    """Return the name that was meant, and the first and last of those there are."""
    if not known:
        return f"; no {what} are in the database yet: ingest frames first"
    few = known if len(known) <= SHOWN else [*known[: SHOWN - 1], "...", known[-1]]
    return f"{nearest(name, known)} ({what}: {', '.join(few)})"

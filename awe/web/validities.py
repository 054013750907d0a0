"""The pages `/calibrations`: what is valid when for a chip and a filter, and changes of it.

The picture is made here, as SVG without any style of its own. A verdict or a range is changed in
two steps: what would change is shown first, and the database has the last word.
"""

from __future__ import annotations

import datetime
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from awe import dates
from awe.context import VALIDITY
from awe.db.objects.commit import update
from awe.errors import ArgumentError
from awe.model.info import label
from awe.model.mixins import ProcessTarget, has
from awe.model.observing import Chip, Filter, Instrument
from awe.rules.timeline import Timeline, gathered
from awe.web.found import object_named
from awe.web.html import moment
from awe.web.view import Look

__all__ = ["calibrations_page", "change", "change_page"]

#: Objects of each class on the page, the newest.
MOST = 60
#: Size of the picture: its left margin, its width, the height of a line and of the ruler.
LEFT, WIDTH, LINE, RULER = 210, 960, 20, 26
RANGES = ("timestamp_start", "timestamp_end")


def calibrations_page(look: Look) -> Response:
    """Return the page of what is valid when."""
    asked = look.query
    cameras = Instrument.select_all().distinct("name")
    camera = asked.get("instrument") or (cameras[0] if len(cameras) == 1 else "")
    chips = (Chip.instrument.name == camera).distinct("name") if camera in cameras else []
    chip, filters = asked.get("chip", ""), Filter.select_all().distinct("name")
    found, trouble = None, ""
    if camera and chip:
        try:
            found = gathered(camera, chip, asked.get("filter"), asked.get("date"), most=MOST)
        except ArgumentError as error:
            trouble = str(error)
    command = _command(camera, chip, asked)
    return look.page(
        "calibrations.html", 400 if trouble else 200, title="Calibrations", cameras=cameras,
        camera=camera, chips=chips, chip=chip, filters=filters, asked=asked, trouble=trouble,
        found=found, command=command, rows=_rows(found) if found else [],
        picture=_picture(found) if found and found.rows else None,
    )  # fmt: skip


def _command(camera: str, chip: str, asked: Any) -> str:
    told = [repr(camera), repr(chip)]
    told += [f"{name}={asked[name]!r}" for name in ("filter", "date") if name in asked]
    return f"calibrations({', '.join(told)})"


def _state(item: Any, found: Timeline) -> str:
    if item.object_id in found.chosen:
        return "chosen"
    return "valid" if item.is_valid > 0 and not item.quality_flags else "unusable"


def _rows(found: Timeline) -> list[dict[str, Any]]:
    return [
        {
            "kind": type(item).__name__, "id": item.object_id, "label": label(item),
            "state": _state(item, found), "verdict": VALIDITY.get(item.is_valid, item.is_valid),
            "quality": item.explain_quality(), "start": item.timestamp_start,
            "end": item.timestamp_end, "made": item.creation_date,
        }
        for item in found.rows
    ]  # fmt: skip


def _picture(found: Timeline) -> dict[str, Any]:
    """Return the places of everything in the picture."""
    first, last = found.span()
    room = last - first

    def place(when: datetime.datetime) -> float:
        share = min(1.0, max(0.0, (when - first) / room))
        return round(LEFT + share * (WIDTH - LEFT - 10), 1)

    bars, kind = [], ""
    for number, row in enumerate(_rows(found)):
        begin, end = place(row["start"]), place(row["end"])
        head, kind = "" if row["kind"] == kind else row["kind"], row["kind"]
        bars.append({**row, "head": head, "y": RULER + number * LINE, "x": begin,
                     "wide": round(max(2.0, end - begin), 1)})  # fmt: skip
    ticks = [first + room * share / 4 for share in range(5)]
    return {
        "bars": bars, "width": WIDTH, "height": RULER + len(bars) * LINE + 6, "line": LINE,
        "ticks": [(place(one), f"{one:%Y-%m-%d}") for one in ticks], "left": LEFT,
        "date": place(found.date) if found.date else None,
    }  # fmt: skip


def change_page(look: Look) -> Response:
    """Return the form with which a verdict and a range are changed."""
    return _shown(look, _judged(look))


def change(look: Look) -> Response:
    """Show what would change, and with a second button change it."""
    item = _judged(look)
    wanted = _wanted(item, look.form)
    if not wanted:
        return _shown(look, item, trouble="nothing is different from what it is")
    if look.form.get("confirmed") != "yes":
        return _shown(look, item, wanted=wanted)
    update([item], **wanted)
    told = ", ".join(f"{name} is {moment(value)}" for name, value in wanted.items())
    return look.there(look.request.url.path, f"{told} now")


def _judged(look: Look) -> Any:
    item = object_named(look.part("class_name"), look.part("object_id"))
    if not isinstance(item, ProcessTarget):
        raise HTTPException(404)
    return item


def _wanted(item: Any, form: Any) -> dict[str, Any]:
    """Return the attributes that would change, as they would be."""
    wanted: dict[str, Any] = {}
    if "is_valid" in form:
        if form["is_valid"] not in map(str, VALIDITY):
            msg = f"is_valid cannot be {form['is_valid'][:20]!r}; expected 0, 1 or 2"
            raise ArgumentError(msg)
        wanted["is_valid"] = int(form["is_valid"])
    for name in RANGES:
        if form.get(name) and has(type(item), name):
            try:
                wanted[name] = dates.moment(form[name])
            except (ValueError, OverflowError):
                msg = f"{name} is {form[name][:40]!r}; expected a date as 2012-06-01T12:00:00"
                raise ArgumentError(msg) from None
    changed = {name: value for name, value in wanted.items() if value != getattr(item, name)}
    if has(type(item), RANGES[0]):
        start, end = (changed.get(name, getattr(item, name)) for name in RANGES)
        if start is not None and end is not None and start >= end:
            msg = f"no time is left between {moment(start)} and {moment(end)}"
            raise ArgumentError(msg)
    return changed


def _shown(look: Look, item: Any, wanted: Any = None, trouble: str = "") -> Response:
    ranges = [name for name in RANGES if has(type(item), name)]
    return look.page(
        "change.html",
        title=f"Judge {type(item).__name__} {label(item)}",
        kind=type(item).__name__,
        item=item,
        ranges=[(name, _sent(getattr(item, name))) for name in ranges],
        verdicts=VALIDITY,
        trouble=trouble,
        changes=[(name, _told(name, getattr(item, name)), _told(name, value), _sent(value))
                 for name, value in (wanted or {}).items()],
    )  # fmt: skip


def _told(name: str, value: Any) -> str:
    return f"{value}, {VALIDITY.get(value, '?')}" if name == "is_valid" else moment(value)


def _sent(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime.datetime) else str(value)

"""Which calibration belongs to a frame, and why the others do not.

The rule: same instrument, chip (and filter, where the class has one); `is_valid` above 0;
`quality_flags` 0 (or `OTHERS`); `timestamp_start` <= date < `timestamp_end`; visible in the
current context; fit for the frame, where that is known (`awe.rules.fitting`); with a gain or read
noise that a chip can have.
One's own and those of appointed people (`awe.rules.appointed`) go before others'; of these the
newest `creation_date` wins, then the larger object id. `choose` applies the rule in the database;
`judge` says for every candidate what ruled it out, and by how much.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from awe import columns, dates, instruments
from awe.db.query.picking import which_exist
from awe.errors import ArgumentError, NoCalibration
from awe.model.calibrations import ChipCalibration
from awe.model.mixins import QualityFlag, has, value_of
from awe.rules import appointed, remedy
from awe.rules.fitting import Needs, needs_of
from awe.rules.roles import VALIDITY, chosen_roles, date_of
from awe.terminal import harmless

__all__ = [
    "Candidate",
    "Verdicts",
    "choose",
    "find",
    "flagged",
    "judge",
    "night_range",
    "range_around",
    "sound",
    "unsound",
    "why",
]

#: most candidates an explanation lists
LISTED = 20

#: class -> number that rules a calibration out where no chip has it: what it must be above, unit
POSSIBLE = {"GainLinearity": ("gain", 0.0, "e-/ADU"), "ReadNoise": ("read_noise", -1e-9, "ADU")}

#: no chip has larger ones
BEYOND = 1e6


CANDIDATES = ("", "candidate", "made", "verdict")
NONE = "there is no candidate at all"
NO_ROLES = "none of its inputs is chosen by validity"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One calibration and what speaks against it; no objections means it may be chosen."""

    calibration: Any
    objections: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """What ruled it out, in words."""
        return "; ".join(self.objections) or "may be chosen"

    def __str__(self) -> str:
        made = f"{self.calibration.creation_date:%Y-%m-%d %H:%M:%S}"
        return harmless(f"{_name(self.calibration)} (made {made}): {self.verdict}")


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """The answer to `why`: what was chosen, and the verdict on every candidate."""

    wanted: str
    chosen: Any
    candidates: Sequence[Candidate]

    def __str__(self) -> str:
        lines = [f"{self.wanted}: {_name(self.chosen) if self.chosen else 'none'}"]
        for candidate in self.candidates:
            mark = "*" if candidate.calibration == self.chosen else " "
            lines.append(f" {mark} {candidate}")
        if not self.candidates:
            lines.append(f"   {NONE}")
        return harmless("\n".join(lines))

    def __repr__(self) -> str:
        if not self.candidates:
            return columns.fit(str(self))
        head = columns.fit(harmless(self._head()))
        return f"{head}\n{columns.text(CANDIDATES, self._rows())}"

    def _repr_html_(self) -> str:
        if not self.candidates:
            return columns.outline(self._head(), [NONE])
        return columns.html(CANDIDATES, self._rows(), title=self._head())

    def _head(self) -> str:
        return f"{self.wanted}: {_name(self.chosen) if self.chosen else 'none'}"

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                "*" if one.calibration == self.chosen else "",
                _name(one.calibration),
                f"{one.calibration.creation_date:%Y-%m-%d %H:%M:%S}",
                one.verdict,
            )
            for one in self.candidates
        ]


class AllVerdicts(tuple[Verdicts, ...]):
    """The answers to `why` for every role, shown one below the other."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self)) or NO_ROLES

    def _repr_html_(self) -> str:
        return "".join(one._repr_html_() for one in self) or NO_ROLES


def find(
    cls: type[ChipCalibration],
    *,
    instrument: Any,
    chip: Any,
    filter: Any = None,
    date: datetime.datetime,
    of: str = appointed.ANYONE,
    by: int | None = None,
    needs: Needs | None = None,
    passed: list[Any] | None = None,
) -> Any:
    """Return the calibration that `choose` would return, or None.

    Those that do not fit `needs` are passed over for older ones, and added to `passed`.
    """
    rule = sound(cls) & (cls.timestamp_start <= date) & (cls.timestamp_end > date)
    query = _same(cls, instrument, chip, filter) & rule
    # Group by group, so that a newer one of a stranger never goes before an older one of a trusted
    # person. `newest` makes the server find the few valid ones first: ordered by an index on the
    # date, it would walk back through the calibrations of all chips.
    for people in appointed.order(of, by):
        among = query if people is None else query & cls._creator.isin(people)
        chosen = among.newest()
        if chosen is not None and needs is not None and needs.objection(chosen):
            chosen = _older_that_fits(among, needs, [] if passed is None else passed)
        if chosen is not None:
            return chosen
    return None


def _older_that_fits(among: Any, needs: Needs, passed: list[Any]) -> Any:
    for one in among.order_by("-creation_date"):
        if not needs.objection(one):
            return one
        passed += [] if one in passed else [one]
    return None


def absent(
    classes: Sequence[type[ChipCalibration]], *, instrument: Any, chip: Any, filter: Any = None
) -> set[type[ChipCalibration]]:
    """Return the classes of which there is no calibration at all for a chip and filter.

    One statement tells that of all of them; of each `find` and `flagged` need three.
    """
    queries = [_same(cls, instrument, chip, filter) for cls in classes]
    return {cls for cls, one in zip(classes, which_exist(queries), strict=True) if not one}


def flagged(
    cls: type[ChipCalibration],
    *,
    instrument: Any,
    chip: Any,
    filter: Any = None,
    date: datetime.datetime,
) -> tuple[Any, str] | None:
    """Return the newest calibration that nothing but its quality bits rules out, and the remedy.

    None is returned where there is no such one.
    """
    dated = (cls.timestamp_start <= date) & (cls.timestamp_end > date) & (cls.is_valid > 0)
    bits = (cls.quality_flags != 0) & (cls.quality_flags != int(QualityFlag.OTHERS))
    item = (_same(cls, instrument, chip, filter) & dated & bits).newest()
    if item is None or len(unsound(item)) != 1:
        return None
    place = {"instrument": _text(instrument), "chip": _text(chip), "filter": _text(filter)}
    return item, remedy.make_it(cls, place, item)


def sound(cls: Any) -> Any:
    """Return the query of the calibrations of a class that may be chosen at some date.

    Parameters
    ----------
    cls : class
        Class of the calibration.
    """
    query = (cls.is_valid > 0) & cls.quality_flags.isin((0, int(QualityFlag.OTHERS)))
    if cls.__name__ in POSSIBLE:
        name, above, _ = POSSIBLE[cls.__name__]
        query &= (getattr(cls, name) > above) & (getattr(cls, name) < BEYOND)
    return query


def unsound(item: Any) -> tuple[str, ...]:
    """Return why a calibration is chosen at no date; nothing for one that may be.

    Parameters
    ----------
    item : calibration
        Object of any class that is chosen by validity.
    """
    objections = []
    if item.is_valid <= 0:
        objections.append(f"is_valid is {item.is_valid}, expected above 0")
    if flags := item.quality_flags & ~int(QualityFlag.OTHERS):
        objections.append(f"quality_flags: {QualityFlag.explain(flags)}")
    if type(item).__name__ in POSSIBLE:
        name, above, unit = POSSIBLE[type(item).__name__]
        value = getattr(item, name)
        if value is None or not above < value < BEYOND:
            objections.append(f"{name} is {value} {unit}, which no chip has")
    if item.timestamp_start is None or item.timestamp_end is None:
        objections.append("it has no range of validity")
    return tuple(objections)


def choose(
    cls: type[ChipCalibration],
    *,
    instrument: Any,
    chip: Any,
    filter: Any = None,
    date: datetime.datetime,
    of: str = appointed.ANYONE,
) -> Any:
    """Return the calibration of class `cls` that belongs to a frame.

    Parameters
    ----------
    cls : class
        Class of the calibration, for example `BiasFrame`.
    instrument, chip, filter : object or str
        Persistent objects or their names; `filter` only if the class has one.
    date : datetime
        Start of the observation [UTC].
    of : str, optional
        Whose calibrations: `mine`, `project`, `anyone` or names, see `awe.rules.appointed`.

    Raises
    ------
    NoCalibration
        None may be chosen; the message lists every candidate and what ruled it out.
    """
    chosen = find(cls, instrument=instrument, chip=chip, filter=filter, date=date, of=of)
    if chosen is not None:
        return chosen
    wanted = _wanted(cls, instrument, chip, filter, date)
    found = judge(cls, instrument=instrument, chip=chip, filter=filter, date=date, of=of)
    listing = _listing(found)
    msg = f"no {wanted}{listing}; {_next_step(cls, instrument, chip, filter, found)}"
    raise NoCalibration(msg)


def judge(
    cls: type[ChipCalibration],
    *,
    instrument: Any,
    chip: Any,
    filter: Any = None,
    date: datetime.datetime,
    of: str = appointed.ANYONE,
    by: int | None = None,
    needs: Needs | None = None,
) -> list[Candidate]:
    """Return every visible calibration of the chip with what speaks against it, newest first."""
    found = list(_same(cls, instrument, chip, filter))
    found.sort(key=lambda item: (item.creation_date, str(item.object_id)), reverse=True)
    order = appointed.order(of, by)
    verdicts = [
        Candidate(
            calibration=item,
            objections=_objections(item, date) + _whose(item, order) + _fits(item, needs),
        )
        for item in found
    ]
    valid = [one for one in verdicts if not one.objections]
    if not valid:
        return verdicts
    best = min(valid, key=lambda one: appointed.rank(one.calibration, order))
    return [
        one if one.objections or one is best else _behind(one, best, order) for one in verdicts
    ]


def why(product: Any, role: str | None = None) -> Verdicts | AllVerdicts:
    """Return which calibrations a product could have had in a role, and why it has the one it has.

    Parameters
    ----------
    product : ReducedScienceFrame or calibration
        Object with a link `role`.
    role : str, optional
        Name of the link: `bias`, `flat`, `hot`...; all of them when left out.
    """
    if role is None:
        roles = [one for one in chosen_roles(type(product)) if one != "back"]
        return AllVerdicts(_why(product, one) for one in roles)
    return _why(product, role)


def _why(product: Any, role: str) -> Verdicts:
    cls = type(product)._attribute(role).target
    if not has(cls, "timestamp_start"):
        msg = f"{role} of {type(product).__name__} is not chosen by validity; ask for bias or flat"
        raise ArgumentError(msg)
    date = date_of(product)
    chosen = getattr(product, role)
    filter_ = value_of(product, "filter")
    candidates = judge(
        cls,
        instrument=product.instrument,
        chip=product.chip,
        filter=filter_,
        date=date,
        of=appointed.allowed(product),
        by=product._creator,
        needs=needs_of(product),
    )
    wanted = _wanted(cls, product.instrument, product.chip, filter_, date)
    by_hand = (value_of(product, "choices") or {}).get(role, VALIDITY)
    note = "" if by_hand == VALIDITY else f", chosen {by_hand}"
    if chosen is not None and appointed.rank(chosen, appointed.order("project", product._creator)):
        note += f", made by {appointed.name(chosen)}, whom nobody appointed"
    return Verdicts(wanted=wanted + note, chosen=chosen, candidates=candidates)


def night_range(instrument: Any, date: Any) -> tuple[datetime.datetime, datetime.datetime]:
    """Return begin and end [UTC] of the night that began at the telescope on a date."""
    try:
        night = dates.night(date)
    except ValueError as error:
        msg = f"date {date!r} is not a night; write it as CCYY-MM-DD, for example '2012-05-31'"
        raise ArgumentError(msg) from error
    camera = instruments.get(_text(instrument))
    try:
        return camera.night_range(night)
    except OverflowError as error:
        msg = f"date {date!r} is at the end of the calendar; give that of a night with frames"
        raise ArgumentError(msg) from error


def range_around(
    cls: Any, instrument: Any, first: datetime.datetime, last: datetime.datetime
) -> tuple[datetime.datetime, datetime.datetime]:
    """Return the validity range of a new calibration whose inputs span `first` to `last`."""
    camera = instruments.get(_text(instrument))
    begin, _ = camera.night_range(camera.night(first))
    _, end = camera.night_range(camera.night(last))
    margin = datetime.timedelta(days=cls.validity_days)
    return begin - margin, end + margin


def _same(cls: Any, instrument: Any, chip: Any, filter: Any) -> Any:
    query = _is(cls.instrument, instrument)
    if has(cls, "chip"):
        query &= _is(cls.chip, chip)
    if has(cls, "filter"):
        if filter is None:
            msg = f"{cls.__name__} is chosen by filter too; give filter='...'"
            raise ArgumentError(msg)
        query &= _is(cls.filter, filter)
    return query


def _is(path: Any, value: Any) -> Any:
    return path.name == value if isinstance(value, str) else path == value


def _objections(item: Any, date: datetime.datetime) -> tuple[str, ...]:
    objections = list(unsound(item))
    if item.timestamp_start is None or item.timestamp_end is None:
        return tuple(objections)
    if date < item.timestamp_start:
        late = _span(item.timestamp_start - date)
        objections.append(f"valid from {item.timestamp_start}, {late} too late")
    if date >= item.timestamp_end:
        early = _span(date - item.timestamp_end)
        objections.append(f"valid until {item.timestamp_end}, {early} too early")
    return tuple(objections)


def _whose(item: Any, order: appointed.Order) -> tuple[str, ...]:
    if appointed.rank(item, order) < len(order):
        return ()
    return (f"made by {appointed.name(item)}, and CALIBRATIONS_OF does not allow that",)


def _fits(item: Any, needs: Needs | None) -> tuple[str, ...]:
    found = needs.objection(item) if needs is not None else None
    return () if found is None else (found,)


def _behind(one: Candidate, best: Candidate, order: appointed.Order) -> Candidate:
    if appointed.rank(one.calibration, order) == appointed.rank(best.calibration, order):
        return _older(one, best)
    reason = (
        f"valid, but made by {appointed.name(one.calibration)}: your own and those of the "
        "managers of the project and of public ones go before"
    )
    return Candidate(calibration=one.calibration, objections=(reason,))


def _older(one: Candidate, best: Candidate) -> Candidate:
    age = best.calibration.creation_date - one.calibration.creation_date
    reason = f"valid, but {_span(age)} older than the newest that fits"
    return Candidate(calibration=one.calibration, objections=(reason,))


def _span(delta: datetime.timedelta) -> str:
    seconds = delta.total_seconds()
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} days"


def _listing(candidates: list[Candidate]) -> str:
    if not candidates:
        return "; there is none at all for this chip"
    lines = "".join(f"\n  {candidate}" for candidate in candidates[:LISTED])
    rest = len(candidates) - LISTED
    return f"; ruled out:{lines}" + (f"\n  and {rest} more" if rest > 0 else "") + "\n"


def _wanted(cls: Any, instrument: Any, chip: Any, filter: Any, date: datetime.datetime) -> str:
    names = [_text(instrument), *([_text(chip)] if has(cls, "chip") else [])]
    if has(cls, "filter"):
        names.append(_text(filter))
    return f"{cls.__name__} for {' '.join(names)} on {date}"


def _next_step(cls: Any, instrument: Any, chip: Any, filter: Any, found: list[Candidate]) -> str:
    place = {"instrument": _text(instrument), "chip": _text(chip), "filter": _text(filter)}
    # with one objection and sound in all else, the flags are that objection
    flagged = next(
        (
            one.calibration for one in found
            if len(one.objections) == 1 and one.calibration.is_valid > 0
            and one.objections == unsound(one.calibration) and one.calibration.quality_flags
        ),
        None,
    )  # fmt: skip
    return remedy.make_it(cls, place, flagged)


def _text(named: Any) -> str:
    return named if isinstance(named, str) else str(getattr(named, "name", named))


def _name(item: Any) -> str:
    return value_of(item, "filename", "") or f"{type(item).__name__} {item.object_id}"

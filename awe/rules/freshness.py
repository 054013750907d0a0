"""Whether a product is what would be made today: with which inputs, parameters and software.

Answers are found in the database by the rule that chose the inputs, never by comparing files.
A calibration that was named by the user is not stale because of a newer one, only if it was
judged bad.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from awe import __version__, columns
from awe.db.declare import registry
from awe.db.declare.attributes import Kind
from awe.db.objects.base import DBObject
from awe.db.server import scope
from awe.errors import NotVisible
from awe.lazy import resolve
from awe.model.given import values_for
from awe.model.mixins import QualityFlag, has, value_of
from awe.model.raw import RawFrame
from awe.model.recipe import SHOWN
from awe.model.science import ScienceProduct
from awe.rules import appointed, validity
from awe.rules.fitting import needs_of
from awe.rules.leftout import left_out
from awe.rules.made_from import newer, newest_solution, solvable
from awe.rules.roles import MISSING, NOT_NAMED, VALIDITY, chosen_roles, date_of
from awe.terminal import harmless

__all__ = [
    "Reason",
    "Reasons",
    "Today",
    "consulted",
    "is_uptodate",
    "open_roles",
    "parts",
    "reasons",
    "why_stale",
]

#: Calibrations a recipe uses if there is one, and does without if there is none.
OPTIONAL = {"ReducedScienceFrame": ("gain", "illumination", "fringe", "dark"),
            "PhotSrcCatalog": ("transform",), "RegriddedFrame": ("photom",)}  # fmt: skip
#: Links to what a product was made of, not along with: their own reasons are another's.
MADE_OF = (
    "reduced", "regridded_frames", "frame", "detection_frame", "input_lists",
    "input_associatelist", "photcats", "solutions",
)  # fmt: skip
#: Corrections of one certain object: a newer one corrects another and does not replace it.
KEPT = {"MasterFlatFrame": ("nightsky",)}


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One thing that would be different today.

    Attributes
    ----------
    kind : str
        Kind of the reason: `newer calibration`, `bad calibration`, `stale calibration`, `bad
        input`, `newer input`, `stale input`, `steps`, `recipe`, `parameters` or `software`.
    text : str
        The reason in one line.
    """

    kind: str
    text: str

    def __str__(self) -> str:
        return harmless(f"{self.kind}: {self.text}")


class Reasons(tuple[Reason, ...]):
    """Everything that would be different today; empty for a product that is up to date."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or "up to date"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        if not self:
            return columns.outline(repr(self), ())
        return columns.html(("reason", ""), [(one.kind, one.text) for one in self])

    @property
    def brief(self) -> str:
        """The first reason, and how many more there are; empty without any."""
        if not self:
            return ""
        first, *more = self
        return f"{first}{f'; and {len(more)} more' if more else ''}"


@dataclass(frozen=True, kw_only=True)
class Today:
    """What products are compared with, and what was found so far.

    Attributes
    ----------
    choose : callable
        Returns the calibration of a class that a product would get today, or None.
    pars : mapping
        Process parameters that one would use; defaults for those left out.
    known : dict
        Reasons of the products that were looked at, by object_id.
    """

    choose: Callable[[Any, Any], Any]
    pars: Mapping[str, Any] = field(default_factory=dict)
    known: dict[Any, Reasons] = field(default_factory=dict)


def is_uptodate(self: DBObject, pars: Mapping[str, Any] | None = None) -> bool:
    """Return True if the object would be made the same way today.

    Parameters
    ----------
    pars : mapping, optional
        Process parameters one would use, as tasks take them; defaults for those left out.
    """
    return not why_stale(self, pars)


def why_stale(self: DBObject, pars: Mapping[str, Any] | None = None) -> Reasons:
    """Return what would be different if the object was made today.

    Parameters
    ----------
    pars : mapping, optional
        Process parameters one would use, as tasks take them; defaults for those left out.
    """
    return reasons(self, Today(choose=_valid, pars=pars or {}))


def reasons(item: Any, today: Today) -> Reasons:
    """Return what would be different if an object was made today; each is looked at once.

    Parameters
    ----------
    item : product or raw frame
        Object to judge.
    today : Today
        What it is compared with.

    Raises
    ------
    NotVisible
        Something it was made from is not visible to you, and all that is would be the same.
    """
    known = today.known
    if item.object_id not in known:
        known[item.object_id] = Reasons()  # a class that refers to itself ends here
        found: dict[Reason, None] = {}
        try:
            for reason in _all(item, today):
                found[reason] = None
        except NotVisible:
            # What is seen suffices to call it stale, but not to call it fresh.
            if not found:
                del known[item.object_id]
                raise
        known[item.object_id] = Reasons(found)
    return known[item.object_id]


def _all(item: Any, today: Today) -> Iterator[Reason]:
    """Yield all reasons; raise at the end what was not visible."""
    hidden: NotVisible | None = None
    kinds = (
        _inputs(item), _made_of(item, today), _solved(item), _steps(item), _recipe(item),
        _calibrations(item, today), _consulted(item, today), _made_with(item, today),
    )  # fmt: skip
    for kind in kinds:
        try:
            yield from kind
        except NotVisible as error:
            hidden = hidden or error
    if hidden is not None:
        raise hidden


def _made_with(item: Any, today: Today) -> Iterator[Reason]:
    for part in parts(item):
        yield from _parameters(part, today.pars)
        yield from _software(part)


def parts(item: Any) -> Iterator[Any]:
    """Yield a product and the products made along with it: its weight and the maps behind it."""
    yield item
    for name, attribute in type(item)._attributes.items():
        along = attribute.kind is Kind.LINK and issubclass(attribute.target, ScienceProduct)
        if along and name not in MADE_OF:
            linked = getattr(item, name)
            if linked is not None:
                yield from parts(linked)


def _inputs(item: Any) -> Iterator[Reason]:
    for name, attribute in type(item)._attributes.items():
        if attribute.is_link and issubclass(attribute.target, RawFrame):
            value = getattr(item, name)
            frames = value if isinstance(value, list) else [value]
            for frame in frames:
                if frame is not None and frame.is_valid <= 0:
                    text = f"{frame.filename} has is_valid {frame.is_valid}"
                    yield Reason(kind="bad input", text=text)


def _made_of(item: Any, today: Today) -> Iterator[Reason]:
    """Yield what speaks against the products a product was made of, or for newer ones."""
    for role in MADE_OF:
        linked = value_of(item, role)
        if role == "solutions":
            linked = [one.reduced for one in linked or ()]
        for used in linked if isinstance(linked, list) else [linked]:
            if used is None:
                continue
            if used.is_valid <= 0:
                yield Reason(kind="bad input", text=f"{_name(used)} has is_valid {used.is_valid}")
            later = newer(used)
            if later is not None:
                text = f"{role} {_name(later)}; {_name(used)} was used"
                yield Reason(kind="newer input", text=text)
            elif inner := reasons(used, today):
                yield Reason(kind="stale input", text=f"{role} {_name(used)}: {inner[0]}")


def _solved(item: Any) -> Iterator[Reason]:
    """Yield that an object has not the places of the newest solution of its reduced frame."""
    frame = solvable(item) if has(item, "astrom_params") else None
    if frame is None:
        return
    newest, used = newest_solution(frame), item.astrom_params
    if newest is not None and newest != used:
        before = f"{_name(used)} was used" if used is not None else "none was used"
        yield Reason(kind="newer input", text=f"astrom_params {_name(newest)}; {before}")


def _steps(item: Any) -> Iterator[Reason]:
    if value_of(item, "request") and (names := left_out(item)):
        yield Reason(kind="steps", text=f"made without {', '.join(names)}")


def _calibrations(item: Any, today: Today) -> Iterator[Reason]:
    free = open_roles(item)
    hidden: NotVisible | None = None
    for role in chosen_roles(type(item)):
        used = getattr(item, role)
        if used is not None and (used.is_valid <= 0 or used.quality_flags):
            yield Reason(kind="bad calibration", text=f"{role} {_said(used)}")
        if role not in free:
            continue
        best = today.choose(item, type(item)._attribute(role).target)
        if best is not None and best != used:
            before = f"{_name(used)} was used" if used is not None else "none was used"
            yield Reason(kind="newer calibration", text=f"{role} {_name(best)}; {before}")
            continue
        # Only where no other would be chosen: one reason is enough for what is replaced.
        try:
            inner = reasons(used, today) if used is not None else Reasons()
        except NotVisible as error:
            hidden = hidden or error
            continue
        if inner:
            text = f"{role} {_name(used)}: {inner[0]}"
            yield Reason(kind="stale calibration", text=text)
    if hidden is not None:
        raise hidden


def open_roles(item: Any) -> list[str]:
    """Return the roles of a product in which a newer calibration would be taken today.

    Named calibrations, and corrections of one certain object, are judged as bad or sound only;
    a role that is empty is open where the recipe fills it if it can, or was let go on without.

    Parameters
    ----------
    item : product
        Object with links to calibrations.

    Raises
    ------
    NotVisible
        One of them is not visible to you.
    """
    name = type(item).__name__
    choices = value_of(item, "choices") or {}
    missing = [role for role, how in choices.items() if how == MISSING]
    return [
        role
        for role in chosen_roles(type(item))
        if role not in KEPT.get(name, ())
        and choices.get(role, VALIDITY) in NOT_NAMED
        and (role in (*OPTIONAL.get(name, ()), *missing) or getattr(item, role) is not None)
    ]


def _recipe(item: Any) -> Iterator[Reason]:
    """Tell of one's own recipe whose file has changed; awe's own are told by their version."""
    recipe = value_of(item, "recipe")
    if recipe is None or not recipe.own or recipe._creator != scope.current().user_id:
        return
    now = resolve("awe.tasks.exact:current")(recipe.name)
    if now and now != recipe.digest:
        was = recipe.digest[:SHOWN] or "(typed)"
        text = f"made by {recipe.name} {was}, the recipe is now {now[:SHOWN]}"
        yield Reason(kind="recipe", text=text)


def consulted(item: Any) -> Iterator[tuple[Any, str | None]]:
    """Yield class and object_id of what the recipe looked for and the product does not link to.

    Parameters
    ----------
    item : product
        Object that a recipe made; an object_id is None if there was no such calibration.
    """
    linked = {type(item)._attribute(role).target.__name__ for role in chosen_roles(type(item))}
    choices = value_of(item, "choices") or {}
    for name, number in (value_of(item, "consulted") or {}).items():
        cls: Any = registry.find(name)
        named = choices.get(name, MISSING) != MISSING
        if name not in linked and not named and has(cls, "timestamp_start"):
            yield cls, number


def _consulted(item: Any, today: Today) -> Iterator[Reason]:
    """Yield newer calibrations that the recipe looked for and the product does not link to."""
    for cls, number in consulted(item):
        best = today.choose(item, cls)
        if best is not None and str(best.object_id) != number:
            before = f"{cls.__name__} {number[:8]} was used" if number else "none was used"
            yield Reason(kind="newer calibration", text=f"{cls.__name__} {_name(best)}; {before}")


def _valid(item: Any, cls: Any) -> Any:
    """Return the calibration of a class that would be chosen today."""
    filter_ = value_of(item, "filter") if has(cls, "filter") else None
    if has(cls, "filter") and filter_ is None:
        return None
    return validity.find(
        cls,
        instrument=item.instrument,
        chip=item.chip,
        filter=filter_,
        date=date_of(item),
        # With the eyes of its maker: whose calibrations go first depends on who asks, and whoever
        # merely looks at a product must not make it stale.
        of=appointed.allowed(item),
        by=item._creator,
        needs=needs_of(item),
    )


def _parameters(item: Any, pars: Mapping[str, Any]) -> Iterator[Reason]:
    made_with = value_of(item, "process_params")
    if made_with is None:
        return
    name = type(item).__name__
    now = made_with.defaults(item.instrument.name if item.instrument is not None else None)
    now |= values_for(pars, name, filter=value_of(item, "filter"), chip=item.chip)
    declared = made_with.declarations
    for key, value in made_with.values().items():
        if value is None and now[key] == declared[key].default:
            # the parameter came with a later awe; its default is what was done before
            continue
        if value != now[key]:
            yield Reason(kind="parameters", text=f"{name}.{key} was {value}, is now {now[key]}")


def _software(item: Any) -> Iterator[Reason]:
    made_with = value_of(item, "process_params")
    if made_with is not None and made_with.version != __version__:
        text = f"made by awe {made_with.version or '(unknown)'}, this is {__version__}"
        yield Reason(kind="software", text=text)


def _said(item: Any) -> str:
    if item.is_valid <= 0:
        return f"{_name(item)} has is_valid {item.is_valid}"
    return f"{_name(item)} has quality_flags {QualityFlag.explain(item.quality_flags)}"


def _name(item: Any) -> str:
    return value_of(item, "filename", "") or f"{type(item).__name__} {str(item.object_id)[:8]}"

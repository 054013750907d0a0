"""Differences between sets of process parameters, and sets kept as text files (TOML)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from awe import __version__, columns
from awe.db.objects.base import DBObject
from awe.errors import ArgumentError, FileTaken, ParameterError, UserMistake, among
from awe.instruments.drafting.sheet import Sheet
from awe.model.given import Key, keys, values_for
from awe.model.info import label
from awe.model.mixins import value_of
from awe.model.parameters import parameters_class
from awe.rules.freshness import parts
from awe.terminal import out

if TYPE_CHECKING:
    from awe.pars import Pars

__all__ = ["Difference", "Differences", "diff", "load", "save"]

#: keys at the top of a file, besides the classes
TOP = ("target", "instrument", "at")
PLACES = ("filter", "chip")


class Difference(NamedTuple):
    """One parameter that is not the same in two sets."""

    key: str
    value: Any
    other: Any
    unit: str


class Differences(list[Difference]):
    """The parameters that differ; prints itself as a table.

    Parameters
    ----------
    found : list of Difference
        The parameters.
    against : str
        What the set is compared with.
    """

    def __init__(self, found: list[Difference], against: str) -> None:
        super().__init__(found)
        self._against = against

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (one.key.replace(".process_params.", "."), f"{one.value}", f"{one.other}", one.unit)
            for one in self
        ]

    def __repr__(self) -> str:
        if not self:
            return columns.fit(f"no difference from {self._against}")
        return columns.text(("parameter", "here", self._against, "unit"), self._rows())

    def _repr_html_(self) -> str:
        return columns.html(("parameter", "here", self._against, "unit"), self._rows())


def diff(self: Pars, other: Any = None) -> Differences:
    """Return the parameters that differ from the defaults, another set, or those of a product.

    Parameters
    ----------
    other : Pars, mapping or product, optional
        Another set, what its `get()` returned, or an object that a recipe made, whose filter and
        chip decide which values here count; the instrument's values when left out.

    Raises
    ------
    ArgumentError
        It is something else.
    """
    if isinstance(other, DBObject):
        return Differences(list(_from_product(self, other)), label(other))
    if other is None:
        theirs: Mapping[str, Any] = {}
        against = f"default of {self.instrument}" if self.instrument else "default"
    elif isinstance(other, Mapping):
        theirs, against = {str(Key.parse(key)): value for key, value in other.items()}, "other"
    elif hasattr(other, "get") and hasattr(other, "diff"):
        theirs, against = other.get(), "other"
    else:
        msg = f"diff() expects Pars, a mapping of parameters or a product, not {other!r}"
        raise ArgumentError(msg)
    mine = self.get()
    found = []
    for text in dict.fromkeys([*mine, *theirs]):
        key = Key.parse(text)
        value, their = (_value(self, key, given) for given in (mine, theirs))
        if value != their:
            found.append(Difference(text, value, their, _unit(key)))
    return Differences(found, against)


def _value(pars: Pars, key: Key, given: Mapping[str, Any]) -> Any:
    """Return what holds for the frames of a key in a set: its own value or a weaker one."""
    weaker = [
        (one.weight, value)
        for one, value in keys(given)
        if (one.product, one.name) == (key.product, key.name) and one.holds(key.filter, key.chip)
    ]
    if weaker:
        return weaker[-1][1]
    branch = pars._branches_by_name().get(key.product)
    return branch.process_params._defaults.get(key.name) if branch is not None else None


def _from_product(pars: Pars, product: Any) -> Iterator[Difference]:
    for part in parts(product):
        name = type(part).__name__
        made_with = value_of(part, "process_params")
        branch = pars._branches_by_name().get(name)
        if made_with is None or branch is None:
            continue
        place = {"filter": value_of(part, "filter"), "chip": value_of(part, "chip")}
        mine = branch.process_params._defaults | values_for(pars.get(), name, **place)
        for parameter, their in made_with.values().items():
            if mine[parameter] != their:
                key = Key(product=name, name=parameter)
                yield Difference(str(key), mine[parameter], their, _unit(key))


def _unit(key: Key) -> str:
    cls = parameters_class(key.product)
    declared = cls.declarations.get(key.name) if cls is not None else None
    return "" if declared is None or declared.unit == "None" else declared.unit


def save(self: Pars, path: str | Path, *, replace: bool = False) -> None:
    """Write what was changed to a text file in TOML, each value with its meaning.

    Parameters
    ----------
    path : str or Path
        The file, such as `reduce.toml`.
    replace : bool
        Whether a file of that name is replaced.

    Raises
    ------
    FileTaken
        There is a file of that name.
    ArgumentError
        It cannot be written.
    """
    target = Path(path).expanduser()
    if target.exists() and not replace:
        msg = f"{target} is there already: another name, or replace=True to replace it"
        raise FileTaken(msg)
    sheet = Sheet()
    sheet.note(f"process parameters that differ from the defaults, by awe {__version__}")
    sheet.key("target", self.target)
    sheet.key("instrument", self.instrument)
    places: dict[tuple[str, str], list[tuple[Key, Any]]] = {}
    for key, value in keys(self.get()):
        places.setdefault((key.filter, key.chip), []).append((key, value))
    for names, found in places.items():
        if any(names):
            sheet.section("[[at]]")
            for place, name in zip(PLACES, names, strict=True):
                sheet.key(place, name or None)
        _write(sheet, found, "at." if any(names) else "")
    try:
        target.write_text(sheet.text(), encoding="utf-8")
    except OSError as error:
        msg = f"{target} cannot be written: {error.strerror}; choose another directory"
        raise ArgumentError(msg) from error
    out(f"{len(self.get())} parameters: {target}\n")


def _write(sheet: Sheet, found: list[tuple[Key, Any]], before: str) -> None:
    product = ""
    for key, value in sorted(found, key=lambda one: (one[0].product, one[0].name)):
        if key.product != product:
            product = key.product
            sheet.section(f"[{before}{product}]")
        declared = parameters_class(product).declarations[key.name]  # type: ignore[union-attr]
        unit = f" [{declared.unit}]" if declared.unit != "None" else ""
        sheet.note(f"{declared.doc}{unit}, {declared.range}; declared default {declared.default}")
        sheet.key(key.name, value)


def load(cls: type[Pars], path: str | Path) -> Pars:
    """Return the parameters of a file that `save` wrote, or somebody by hand: one set.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    ArgumentError
        It cannot be read, is not TOML, or lacks `target`.
    ParameterError
        A parameter is unknown, or its value of the wrong type or out of range.
    """
    source = Path(path).expanduser()
    try:
        given = tomllib.loads(source.read_text(encoding="utf-8-sig"))
    except OSError as error:
        msg = f"{source} cannot be read: {error.strerror}"
        raise ArgumentError(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"{source} is not TOML: {' '.join(str(error).split())}"
        raise ArgumentError(msg) from error
    if not isinstance(given.get("target"), str):
        msg = f"{source} lacks target: write target = \"Reduce\" for the parameters of Reduce"
        raise ArgumentError(msg)
    pars = cls(given["target"], instrument=given.get("instrument"))
    _fill(pars, {k: v for k, v in given.items() if k not in TOP}, str(source))
    places = given.get("at", [])
    for number, one in enumerate(places if isinstance(places, list) else [places], start=1):
        name = f"{source}, at number {number}"
        if not isinstance(one, Mapping):
            msg = f"{name}: expected a table, [[at]] with filter or chip"
            raise ArgumentError(msg)
        tree = _told(name, lambda one=one: pars.at(filter=one.get("filter"), chip=one.get("chip")))
        _fill(tree, {k: v for k, v in one.items() if k not in PLACES}, name)
    return pars


def _fill(tree: Any, given: Mapping[str, Any], name: str) -> None:
    """Set the values of tables of a file."""
    for product, values in given.items():
        known = list(tree._branches_by_name())
        if product not in known or not isinstance(values, Mapping):
            msg = f"{name}: {product} is not one of its classes{among(product, known)}"
            raise ParameterError(msg)
        branch = tree._branches_by_name()[product].process_params
        for parameter, value in values.items():
            _told(name, lambda p=parameter, v=value, b=branch: setattr(b, p, v))


def _told(name: str, action: Any) -> Any:
    """Run an action; let an error say in which file it was."""
    try:
        return action()
    except UserMistake as error:
        msg = f"{name}: {error}"
        raise type(error)(msg) from error

"""Products made again: exactly as they were, or with what would be chosen today.

An exact remake takes inputs and parameters from the product, or from the header of its file alone,
and gives the same pixels bit by bit as long as the software is the same. Inputs that are gone or
not visible are refused by name; nothing is chosen in their place.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.db.mixins import has, value_of
from awe.errors import ArgumentError, BadHeader, NotFound
from awe.recipes.task import Task, Unit

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["from_header", "recipe_of", "remake"]


def remake(
    self: Any,
    *,
    exact: bool = False,
    pars: Mapping[str, Any] | None = None,
    commit: bool = False,
) -> Any:
    """Make the product again and return the new object; its files are left here.

    Parameters
    ----------
    exact : bool
        True takes the very inputs and parameters of the product. False takes the calibrations
        that would be chosen today (those named by hand stay) and today's parameters.
    pars : mapping, optional
        Process parameters that differ from the defaults, for a remake that is not exact.
    commit : bool
        Store and commit the new product.

    Raises
    ------
    ArgumentError
        No recipe makes such objects, or parameters are given to an exact remake.
    NotVisible
        An input is not visible to you.
    """
    if exact and pars:
        msg = "an exact remake takes the parameters of the product; leave out pars or exact"
        raise ArgumentError(msg)
    task_class = recipe_of(type(self))
    frames = _frames(self)
    arguments: dict[str, Any] = {"instrument": self.instrument.name, "commit": commit}
    arguments["pars"] = _parameters(self) if exact else dict(pars or {})
    if has(self, "combine") and exact:
        arguments["combine"] = self.combine
    arguments["nightsky"] = not exact and value_of(self, "nightsky") is not None
    unit = Unit(
        name=value_of(self, "filename", "") or f"{type(self).__name__} {self.object_id}",
        instrument=self.instrument,
        chip=self.chip,
        frames=tuple(frames),
        date=_date(self),
        filter=value_of(self, "filter"),
        given=_given(self) if exact else None,
        by_hand=_by_hand(self),
    )
    if exact:
        _warn_of_software(value_of(self.process_params, "version", ""))
    return _run(task_class, arguments, unit)


def from_header(path: str | Path, *, commit: bool = False) -> Any:
    """Make the product of a FITS file again from the cards of its header and the inputs they name.

    Parameters
    ----------
    path : str or Path
        A file awe made.
    commit : bool
        Store and commit the new product.

    Raises
    ------
    BadHeader
        The header has no such cards.
    NotFound
        An input is not in the database, or not visible to you.
    """
    from awe import fits
    from awe.db import classes, registry
    from awe.db.freshness import chosen_roles

    classes.load()
    header = fits.read_header(Path(path))
    name = header.get("AWE CLASS")
    if not name:
        msg = f"{path} has no card AWE CLASS: awe did not make it, or its header was changed"
        raise BadHeader(msg)
    cls = registry.find(str(name))
    task_class = recipe_of(cls)
    wanted = chosen_roles(cls)
    parents = [
        (entry["role"], _parent(entry))
        for entry in fits.read_lineage(header)
        if entry["role"] in wanted or entry["role"].startswith("raw")
    ]
    frames = [parent for role, parent in parents if role.startswith("raw")]
    given = {type(parent).__name__: parent for role, parent in parents if parent not in frames}
    place = _place(cls, header, parents)
    arguments = {
        "instrument": place["instrument"].name,
        "commit": commit,
        "pars": _parameters_in(header, cls, task_class),
    }
    if "AWE ARG COMBINE" in header:
        arguments["combine"] = int(header["AWE ARG COMBINE"])
    _warn_of_software(str(header.get("AWE VERSION", "")))
    by_hand = {
        type(parent).__name__: (parent, str(header[f"AWE CHOICE {role.upper()}"]))
        for role, parent in parents
        if f"AWE CHOICE {role.upper()}" in header
    }
    unit = Unit(
        name=str(header.get("AWE FILENAME", Path(path).name)),
        frames=tuple(frames),
        date=_date_in(header, frames),
        given=given,
        by_hand=by_hand,
        **place,
    )
    return _run(task_class, arguments, unit)


def recipe_of(cls: Any) -> type[Task]:
    """Return the recipe whose main product is of a class.

    Raises
    ------
    ArgumentError
        There is none.
    """
    from awe import recipes

    for identifier in recipes.available():
        task = recipes.find(identifier)
        if task.makes and task.makes[0] == cls.__name__:
            return task
    for identifier in recipes.available():
        task = recipes.find(identifier)
        if cls.__name__ in task.makes:
            main = task.makes[0]
            msg = f"{cls.__name__} is made along with {main}; remake that object instead"
            raise ArgumentError(msg)
    msg = f"no recipe makes {cls.__name__}; raw frames and hand-made objects are not remade"
    raise ArgumentError(msg)


# -- from the object ---------------------------------------------------------------------------


def _frames(product: Any) -> list[Any]:
    from awe.db.raw import RawFrame

    frames: list[Any] = []
    for name, attribute in type(product)._attributes.items():
        if attribute.is_link and issubclass(attribute.target, RawFrame):
            value = getattr(product, name)
            frames += value if isinstance(value, list) else [value]
    return [frame for frame in frames if frame is not None]


def _given(product: Any) -> dict[str, Any]:
    """Return the calibrations a product was made with, by class."""
    from awe.db.freshness import chosen_roles

    given = {}
    for role in chosen_roles(type(product)):
        used = getattr(product, role)
        if used is not None:
            given[type(used).__name__] = used
    return given


def _by_hand(product: Any) -> dict[str, tuple[Any, str]]:
    """Return the calibrations named by hand: class, object, and what was recorded."""
    choices = value_of(product, "choices") or {}
    found = {}
    for role, how in choices.items():
        if how != "validity":
            used = getattr(product, role)
            found[type(used).__name__] = (used, how)
    return found


def _parameters(product: Any) -> dict[str, Any]:
    from awe.db.freshness import parts

    found = {}
    for part in parts(product):
        made_with = value_of(part, "process_params")
        if made_with is not None:
            for name, value in made_with.values().items():
                found[f"{type(part).__name__}.process_params.{name}"] = value
    return found


def _date(product: Any) -> Any:
    from awe.db.validity import date_of

    return date_of(product)


# -- from the header ---------------------------------------------------------------------------


def _parent(entry: Mapping[str, str]) -> Any:
    from awe.db import registry

    cls: Any = registry.find(entry["class"])
    try:
        return cls(object_id=entry["id"])
    except NotFound as error:
        name = entry.get("file") or entry["id"]
        msg = f"its {entry['role']} {name} is not in the database, or not visible to you"
        raise NotFound(msg) from error


def _place(cls: Any, header: Header, parents: list[tuple[str, Any]]) -> dict[str, Any]:
    for _, parent in parents:
        if has(parent, "instrument") and has(parent, "chip"):
            place = {"instrument": parent.instrument, "chip": parent.chip}
            break
    else:
        msg = "the header names no input by which instrument and chip are known"
        raise BadHeader(msg)
    filters = [p.filter for _, p in parents if value_of(p, "filter") is not None]
    place["filter"] = filters[0] if filters and has(cls, "filter") else None
    return place


def _parameters_in(header: Header, cls: Any, task: type[Task]) -> dict[str, Any]:
    from awe import fits

    found = {
        f"{cls.__name__}.process_params.{name}": value
        for name, value in fits.read_parameters(header).items()
    }
    folded = {name.upper(): name for name in task.makes}
    for keyword, value in header.items():
        words = keyword.split()
        if words[:2] == ["AWE", "PAROF"] and len(words) == 4 and words[2] in folded:
            found[f"{folded[words[2]]}.process_params.{words[3]}"] = value
    return found


def _date_in(header: Header, frames: list[Any]) -> Any:
    import datetime

    if frames:
        return frames[0].DATE_OBS
    try:
        start, end = (
            datetime.datetime.fromisoformat(str(header[f"AWE TIMESTAMP {word}"]))
            for word in ("START", "END")
        )
    except (KeyError, ValueError) as error:
        msg = "the header has no raw frames and no validity range: its date is not known"
        raise BadHeader(msg) from error
    return start + (end - start) / 2


# -- running -----------------------------------------------------------------------------------


def _run(task_class: type[Task], arguments: Mapping[str, Any], unit: Unit) -> Any:
    names = {argument.name for argument in task_class.arguments}
    task = task_class(**{key: value for key, value in arguments.items() if key in names})
    task.only = (unit,)
    (product,) = task.execute()
    return product


def _warn_of_software(version: str) -> None:
    from awe import __version__

    if version != __version__:
        text = f"made by awe {version or '(unknown)'}, this is {__version__}: pixels may differ\n"
        sys.stdout.write(text)

"""`SourceList().make()` and its siblings: what was begun at the prompt is filled by its recipe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from awe.db.declare.attributes import Kind
from awe.db.server.scope import current
from awe.errors import ArgumentError
from awe.model.mixins import value_of
from awe.recipes import find
from awe.tasks.naming import BY_HAND
from awe.tasks.selection import one_each

__all__ = ["filled", "make", "require_new"]

SYSTEM = ("object_id", "creation_date")

#: class of what is begun: recipe, link to the frame, and the frames it may be of
RECIPES = {
    "SourceList": ("SourceList", "frame", "a reduced, regridded or coadded frame"),
    "AstrometricParameters": ("Astrometry", "reduced", "a reduced frame"),
    "PhotSrcCatalog": ("Photcat", "frame", "a reduced frame"),
}  # fmt: skip

#: class of the frame: the argument of the recipe that names it
NAMED_BY = {
    "ReducedScienceFrame": "red_filenames", "RegriddedFrame": "reg_filenames",
    "CoaddedRegriddedFrame": "coadd_filenames",
}  # fmt: skip


def make(self: Any, pars: dict[str, Any] | None = None) -> None:
    """Fill what was begun with its frame; `commit()` then stores and commits it.

    Of a source list `detection_frame`, of standards `transform`, and of standards and solutions
    `refcat` are used where they are set. Nothing has to be retrieved before. Attributes that were
    set stay, such as `name`.

    Parameters
    ----------
    pars : dict, optional
        Process parameters, as tasks take them.

    Raises
    ------
    ArgumentError
        It has no frame, or is committed.
    """
    require_new(self)
    name = type(self).__name__
    recipe, role, frames = RECIPES[name]
    frame = getattr(self, role)
    argument = NAMED_BY.get(type(frame).__name__)
    if argument is None:
        state = "no frame" if frame is None else f"a {type(frame).__name__} as its frame"
        msg = f"the {name} has {state}: set its {role} to {frames} first"
        raise ArgumentError(msg)
    given: dict[str, Any] = {argument: [frame.filename]}
    named: dict[str, tuple[Any, str]] = {}
    by_hand = BY_HAND.format(current().user_name)
    if (other := value_of(self, "detection_frame")) is not None:
        given["detection"] = other.filename
    if (catalogue := value_of(self, "refcat")) is not None:
        named["SourceList"] = (catalogue, by_hand)
    task = find(recipe)(instrument=frame.instrument.name, pars=pars, **given)
    if (transform := value_of(self, "transform")) is not None:
        named[type(transform).__name__] = (transform, by_hand)
    task.only = tuple(replace(unit, by_hand=named) for unit in one_each([frame]))
    [product] = task.execute()
    filled(self, product)
    self.__dict__["_rows"] = product.__dict__.pop("_rows", None)


def require_new(self: Any) -> None:
    """Refuse to fill what is committed.

    Raises
    ------
    ArgumentError
        It is.
    """
    if self._committed:
        name = type(self).__name__
        msg = f"{self!r} is committed and never changes; make a new one: {name}()"
        raise ArgumentError(msg)


def filled(self: Any, product: Any, keep: tuple[str, ...] = SYSTEM) -> None:
    """Take the attributes and the file of a product that a recipe made; what was set stays.

    Parameters
    ----------
    self : product
        What was begun.
    product : product
        New object of its class.
    keep : tuple of str
        Attributes that are left alone.
    """
    mine = dict(self.__dict__["_values"])
    for name, value in product.__dict__["_values"].items():
        listed = self._attributes[name].kind in (Kind.LINKS, Kind.ARRAY)
        if name not in keep and not name.startswith("_") and not mine.get(name):
            setattr(self, name, list(value) if listed else value)
    self.pathname = product.pathname

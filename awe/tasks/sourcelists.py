"""`SourceList().make()`: a list that was begun at the prompt is filled by the recipe."""

from __future__ import annotations

from typing import Any

from awe.db.declare.attributes import Kind
from awe.errors import ArgumentError
from awe.recipes import find
from awe.tasks.selection import one_each

__all__ = ["make"]

SYSTEM = ("object_id", "creation_date")

#: class of the frame of a list: the argument of the recipe that names it
NAMED_BY = {
    "ReducedScienceFrame": "red_filenames", "RegriddedFrame": "reg_filenames",
    "CoaddedRegriddedFrame": "coadd_filenames",
}  # fmt: skip


def make(self: Any, pars: dict[str, Any] | None = None) -> None:
    """Detect the sources of `frame` and fill the list; `commit()` then stores and commits it.

    Where `detection_frame` is set, its sources are measured in `frame`. Nothing has to be
    retrieved before. Attributes that were set stay, such as `name`.

    Parameters
    ----------
    pars : dict, optional
        Process parameters, as tasks take them.

    Raises
    ------
    ArgumentError
        The list has no frame, or is committed.
    """
    if self._committed:
        msg = f"{self!r} is committed and never changes; make a new one: SourceList()"
        raise ArgumentError(msg)
    if self.frame is None:
        msg = (
            "the list has no frame: set sourcelist.frame to a reduced, regridded or coadded frame "
            "first"
        )
        raise ArgumentError(msg)
    frame, other = self.frame, self.detection_frame
    given: dict[str, Any] = {NAMED_BY[type(frame).__name__]: [frame.filename]}
    if other is not None:
        given["detection"] = other.filename
    task = find("SourceList")(instrument=frame.instrument.name, pars=pars, **given)
    task.only = tuple(one_each([frame]))
    [product] = task.execute()
    mine = dict(self.__dict__["_values"])
    for name, value in product.__dict__["_values"].items():
        attribute = self._attributes[name]
        listed = attribute.kind in (Kind.LINKS, Kind.ARRAY)
        if name not in SYSTEM and not name.startswith("_") and not mine.get(name):
            setattr(self, name, list(value) if listed else value)
    self.pathname = product.pathname
    self.__dict__["_rows"] = product.__dict__.pop("_rows", None)

"""A small model with everything a declaration can say: links, lists, circles, missing values."""

from __future__ import annotations

import datetime
import uuid

from awe.db.objects.base import DBObject, persistent

CLASSES: list[type[DBObject]]


class Tint(DBObject):
    """A reference object: small, and found by its unique name."""

    name = persistent("Name [None]", str, "")
    wavelength = persistent("Wavelength [nm]", float, None)

    __order__ = ("name",)
    __unique__ = ("name",)
    __reference__ = True


class Plate(DBObject):
    """An input."""

    name = persistent("Name [None]", str, None)
    tint = persistent("Filter [None]", Tint, None)
    taken = persistent("Start [UTC]", datetime.datetime, None)
    exposure = persistent("Exposure time [sec]", float, None)
    number = persistent("Number [None]", int, None)
    good = persistent("It is good [None]", bool, None)
    marks = persistent("Marks [None]", int, [])
    notes = persistent("Anything [None]", dict, {})
    label = persistent("Some id [None]", uuid.UUID, None)
    twin = persistent("Another plate [None]", "Plate", None)
    best = persistent("A product [None]", "Stack", None)
    is_valid = persistent("Verdict [None]", int, 1)

    __order__ = ("taken", "tint.name")
    __indexes__ = ("name", ("tint", "taken"))

    def describe(self) -> str:
        return "plate"


class PlateProduct(DBObject, abstract=True):
    """What is made of plates."""

    plates = persistent("Inputs [None]", Plate, [])
    level = persistent("Level [ADU]", float, None)


class Stack(PlateProduct):
    """A product."""

    first = persistent("First input [None]", Plate, None)


class Mosaic(PlateProduct):
    """Another product."""

    stack = persistent("Part [None]", Stack, None)


class Remark(DBObject):
    """Something said about any product."""

    about = persistent("Product [None]", PlateProduct, None)
    said = persistent("Text [None]", str, "")


CLASSES = [Tint, Plate, Stack, Mosaic, Remark]
ABSTRACT = [PlateProduct]

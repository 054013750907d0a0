"""Which recipe and which code made a product: one object for all products of one code.

Awe's own recipes are told by name, digest and version; of somebody's own recipe the text of its
file is kept too. An object has the rights of all others and goes public with the first product
that does, so the text is as visible as what was made with it. Nothing here is ever run.
"""

from __future__ import annotations

from awe.db.objects.base import DBObject, behaviour, persistent

__all__ = ["SHOWN", "Recipe"]

#: digits of a digest that people read
SHOWN = 8


class Recipe(DBObject):
    """The recipe and the code that made a product."""

    name = persistent("Name of the recipe, as `dpu.run` takes it [None]", str, "")
    digest = persistent("SHA-256 of its file, empty where it was typed [None]", str, "")
    version = persistent("Version of awe it ran in [None]", str, "")
    own = persistent("Whether it is somebody's own and not one of awe's [None]", bool, False)
    source = persistent("Text of the file, kept of own recipes [None]", str, "")

    def __str__(self) -> str:
        """Return name, beginning of the digest, and version of awe."""
        code = f" {self.digest[:SHOWN]}" if self.digest else ""
        whose = "own recipe " if self.own else ""
        return f"{whose}{self.name}{code}, awe {self.version}"

    keep = behaviour("awe.tasks.code:keep")

"""Lineage both ways: what an object was made from, and what was made from it.

Links of the declarations are the graph; nothing is stored twice. Objects you may not see are
named as such where a link points to them, and absent where they point here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from awe import columns
from awe.db.declare.registry import registry
from awe.db.objects.base import DBObject
from awe.errors import NotVisible
from awe.inspect.graph import draw
from awe.inspect.shown import present
from awe.lazy import behaviour, resolve
from awe.model.info import label
from awe.model.mixins import has, value_of
from awe.model.recipe import SHOWN

#: products named of each class
FIRST = 3
#: characters of a label in a drawing
WIDEST = 24

__all__ = ["Affected", "Tree", "flat", "inverse_objects", "lineage", "pointing_at", "used_by"]


@dataclass(frozen=True, kw_only=True)
class Tree:
    """An object and what it was made from, printed as a tree."""

    item: Any
    role: str
    parents: tuple[Tree, ...]
    note: str = ""

    def lines(self, guide: str = "") -> Iterator[str]:
        """Yield the lines of the tree."""
        text = ", ".join(part for part in (_name(self.item), self.note) if part)
        yield f"{self.role}: {text}" if self.role else text
        for number, parent in enumerate(self.parents):
            last = number == len(self.parents) - 1
            first, *rest = parent.lines()
            yield f"{' `-- ' if last else ' |-- '}{first}"
            yield from (f"{'     ' if last else ' |   '}{line}" for line in rest)

    to_prov = behaviour("awe.rules.prov:to_prov")

    def draw(self, path: str | None = None) -> Any:
        """Draw the lineage as a graph: in a window, in the notebook, or to a file that is named.

        Parameters
        ----------
        path : str, optional
            File to write, its format by the ending.

        Returns
        -------
        Figure
            The matplotlib figure.
        """
        nodes, edges, _ = flat(self)
        names = {number: _two_lines(item) for number, item in nodes.items()}
        begin = resolve("matplotlib.pyplot").figure
        name = re.sub(r"\W+", "_", label(self.item).removesuffix(".fits"))
        return present(
            lambda: draw(names, edges, self.item.object_id, begin=begin), path,
            name=f"{name}-lineage.png", title=f"lineage of {label(self.item)}",
        )  # fmt: skip

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return columns.fit(str(self))

    def _repr_html_(self) -> str:
        own = ", ".join(part for part in (_name(self.item) or "not visible", self.note) if part)
        parts = [parent._repr_html_() for parent in self.parents]
        return columns.outline(f"{self.role}: {own}" if self.role else own, parts)


def flat(tree: Tree) -> tuple[dict[Any, Any], list[tuple[Any, Any, str]], int]:
    """Return a tree as objects by id, links (product, input, role), and how many are hidden."""
    nodes: dict[Any, Any] = {}
    edges: dict[tuple[Any, Any, str], None] = {}
    hidden = 0
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        nodes[one.item.object_id] = one.item
        for parent in one.parents:
            if parent.item is None:
                hidden += 1
                continue
            edges[one.item.object_id, parent.item.object_id, parent.role] = None
            waiting.append(parent)
    return nodes, list(edges), hidden


class Affected(list[Any]):
    """Products made with an object that was judged bad; prints their number and the first."""

    def __init__(self, item: DBObject, products: Iterable[Any]) -> None:
        self.item = item
        super().__init__(products)

    remake = behaviour("awe.tasks.renewal:remake_all")

    def __repr__(self) -> str:
        name = label(self.item)
        if not self:
            bad = getattr(self.item, "is_valid", None) == 0
            then = "; no product that you see was made with it" if bad else ""
            return columns.fit(f"{name}: is_valid is {self.item.is_valid} now{then}")
        kinds: dict[str, list[str]] = {}
        for product in self:
            kinds.setdefault(type(product).__name__, []).append(label(product))
        lines = [f"{len(self)} products were made with {name}:"]
        for kind, labels in kinds.items():
            more = ", ..." if labels[FIRST:] else ""
            lines.append(f"  {len(labels)} {kind}: {', '.join(labels[:FIRST])}{more}")
        lines.append("remake() plans to make them again; product.why_stale() tells why")
        return columns.fit("\n".join(lines))


def inverse_objects(self: DBObject) -> list[Any]:
    """Return all visible objects that refer to this one, class by class."""
    found: dict[Any, Any] = {}
    for cls, name in pointing_at(type(self)):
        for item in _referring(cls, name, self):
            found[item.object_id] = item
    return list(found.values())


def used_by(self: DBObject) -> list[Any]:
    """Return all visible products made with this object, directly or through other products.

    Nearest first. The version after an object was not made with it.
    """
    found: dict[Any, Any] = {}
    level: list[Any] = [self]
    while level:
        following: dict[Any, Any] = {}
        for cls, name in _links_to(level):
            attribute = cls._attributes[name]
            items = [one for one in level if attribute.may_hold(type(one))]
            for item in getattr(cls, name).isin(items):
                if item.object_id not in found:
                    following[item.object_id] = item
        found |= following
        level = list(following.values())
    return list(found.values())


def _links_to(items: Iterable[Any]) -> list[tuple[Any, str]]:
    """Return (class, attribute) of every link by which a product may be made with some objects."""
    links = {
        (cls, name): None
        for kind in {type(item) for item in items}
        for cls, name in pointing_at(kind)
        if has(cls, "is_valid") and name != "prev"
    }
    return sorted(links, key=lambda link: (link[0].__name__, link[1]))


def lineage(self: DBObject) -> Tree:
    """Return what the object was made from, as a tree that prints itself."""
    return _tree(self, "", set())


def _tree(item: Any, role: str, seen: set[Any]) -> Tree:
    if item.object_id in seen:
        return Tree(item=item, role=role, parents=(), note="see above")
    seen.add(item.object_id)
    parents = []
    note = _maker(item)
    for name in item.get_persistent_properties():
        if name == "prev" or not item._attribute(name).is_link:
            continue
        try:
            value = getattr(item, name)
            linked = value if isinstance(value, list) else [value]
            parents += [_tree(one, name, seen) for one in linked if _made(one)]
        except NotVisible:
            parents.append(Tree(item=None, role=name, parents=(), note="not visible to you"))
    return Tree(item=item, role=role, parents=tuple(parents), note=note)


def _maker(item: Any) -> str:
    """Return which recipe made an object; awe's own by its name alone."""
    try:
        recipe = value_of(item, "recipe")
    except NotVisible:
        return "by a recipe not visible to you"
    if recipe is None:
        return ""
    if not recipe.own:
        return f"by {recipe.name}"
    return f"by own recipe {recipe.name} {recipe.digest[:SHOWN]}"


def _name(item: Any) -> str:
    """Return class and label of an object, the class once."""
    if item is None:
        return ""
    kind = type(item).__name__
    text = label(item)
    return text if text.startswith(kind) else f"{kind} {text}"


def _two_lines(item: Any) -> str:
    """Return class and label for a box of a drawing; long file names by their end."""
    text = label(item)
    short = text if len(text) <= WIDEST else f"...{text[-WIDEST:]}"
    return f"{type(item).__name__}\n{short}"


def _made(item: Any) -> bool:
    """Return True if an object belongs in a lineage: products and raw frames do, chips do not."""
    return item is not None and has(item, "is_valid")


def pointing_at(cls: type[DBObject]) -> Iterator[tuple[Any, str]]:
    """Yield (class, attribute) of every link that may point to objects of a class."""
    for other in list(registry.values()):
        for name, attribute in other._attributes.items():
            if attribute.may_hold(cls):
                yield other, name


def _referring(cls: Any, name: str, item: DBObject) -> Iterator[Any]:
    path = getattr(cls, name)
    many = isinstance(cls._attributes[name].default, list)
    yield from (path.contains(item) if many else path == item)

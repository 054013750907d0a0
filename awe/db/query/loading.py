"""From rows to objects, and from links to the objects they point to.

Objects that one statement brought form a batch: the first touch of a link loads it for the whole
batch, so a loop over frames costs a constant number of statements. One row is one object for as
long as somebody holds it. A link to a row one may not see raises `NotVisible`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar
from weakref import ref

from awe.db.declare import registry
from awe.db.declare.attributes import MUTABLE, Kind, Persistent, TypedList
from awe.db.declare.entity import Entity
from awe.db.query.compiler import link_table, quoted, table
from awe.db.server.connection import database
from awe.errors import ArgumentError, NotFound, NotVisible

__all__ = ["Batch", "columns", "fetch", "follow", "load", "read", "restore"]

D = TypeVar("D", bound=Entity)

#: Shortest beginning of an object id that may stand for the whole.
SHORTEST_ID = 4
#: Attributes that can change after commit and are refreshed whenever the row is read.
CHANGING = (*MUTABLE, "_privileges")


class Batch:
    """The objects one statement brought, held weakly."""

    def __init__(self) -> None:
        self._members: list[ref[Entity]] = []

    def add(self, item: Entity) -> None:
        """Add an object."""
        self._members.append(ref(item))

    def members(self) -> list[Entity]:
        """Return the objects that are still in use."""
        alive = (member() for member in self._members)
        return [item for item in alive if item is not None]


def stored(cls: type[Entity]) -> list[Persistent[Any]]:
    """Return the attributes that are columns of the class's own table."""
    return [a for a in cls._attributes.values() if a.kind is not Kind.LINKS]


def columns(cls: type[Entity], alias: str) -> str:
    """Return the list of columns that `restore` reads, in its order."""
    return ", ".join(f"{alias}.{quoted(attribute.column)}" for attribute in stored(cls))


def restore(cls: type[D], rows: Iterable[Sequence[Any]]) -> list[D]:
    """Return the objects of rows selected with `columns`, as one batch."""
    batch = Batch()
    attributes = stored(cls)
    names = [attribute.name for attribute in attributes]
    arrays = [attribute for attribute in attributes if attribute.kind is Kind.ARRAY]
    known = database.objects
    objects: list[D] = []
    for row in rows:
        values = dict(zip(names, row, strict=True))
        for attribute in arrays:
            values[attribute.name] = _frozen(attribute, values[attribute.name] or ())
        item = known.get((cls, values["object_id"]))
        if item is None:
            item = cls._restore(values, batch)
            known[cls, values["object_id"]] = item
        else:
            _refresh(item, values)
            item.__dict__["_batch"] = batch
        batch.add(item)
        objects.append(item)
    return objects


def _refresh(item: Entity, values: dict[str, Any]) -> None:
    for name in CHANGING:
        if name in values:
            item.__dict__["_values"][name] = values[name]


def _frozen(attribute: Persistent[Any], items: Iterable[Any]) -> TypedList:
    result = TypedList(attribute, items)
    result.freeze()
    return result


def load(cls: type[D], ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, D]:
    """Return the visible objects of these ids, from memory where they are known."""
    wanted = dict.fromkeys(ids)
    found: dict[uuid.UUID, D] = {}
    for object_id in wanted:
        item = database.objects.get((cls, object_id))
        if item is not None:
            found[object_id] = item
    missing = [object_id for object_id in wanted if object_id not in found]
    if missing:
        text = f"SELECT {columns(cls, 't')} FROM {table(cls)} t WHERE t.object_id = ANY(%s)"
        for item in restore(cls, database.execute(text, (missing,))):
            found[item.object_id] = item
    return found


def read(cls: type[D], ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, D]:
    """Return the visible objects of these ids as they are now, as one batch."""
    text = f"SELECT {columns(cls, 't')} FROM {table(cls)} t WHERE t.object_id = ANY(%s)"
    return {item.object_id: item for item in restore(cls, database.execute(text, (list(ids),)))}


def load_linked(attribute: Persistent[Any], ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Entity]:
    """Return the visible objects a link may point to, of whatever class they are."""
    remaining = set(ids)
    found: dict[uuid.UUID, Entity] = {}
    # A link to an abstract class is an id without a foreign key, and the id does not say of which
    # class: one statement per class until all are found.
    for target in registry.concrete(attribute.target):
        if remaining:
            found.update(load(target, remaining))
            remaining -= found.keys()
    return found


def follow(item: Entity, attribute: Persistent[Any]) -> Any:
    """Load a link for the whole batch of `item` and return the value for `item`.

    Raises
    ------
    NotVisible
        The object is there, but you may not see it.
    """
    batch: Batch = item.__dict__["_batch"]
    members = [member for member in batch.members() if attribute.name in member._attributes]
    if item not in members:
        members.append(item)
    if attribute.kind is Kind.LINKS:
        return _follow_list(item, attribute, members)
    name = attribute.name
    waiting = [m for m in members if type(m.__dict__["_values"].get(name)) is uuid.UUID]
    found = load_linked(attribute, {m.__dict__["_values"][name] for m in waiting})
    for member in waiting:
        values = member.__dict__["_values"]
        values[name] = found.get(values[name], values[name])
    value = item.__dict__["_values"][name]
    if type(value) is uuid.UUID:
        msg = f"{item!r}: its {name} is not visible to you; ask its creator to publish it"
        raise NotVisible(msg)
    return value


def _follow_list(item: Entity, attribute: Persistent[Any], members: list[Entity]) -> Any:
    name = attribute.name
    waiting = [member for member in members if name not in member.__dict__["_values"]]
    text = (
        f"SELECT owner, target FROM {link_table(type(item), attribute)} "
        f"WHERE owner = ANY(%s) ORDER BY owner, position"
    )
    rows = database.execute(text, ([member.object_id for member in waiting],))
    found = load_linked(attribute, {target for _, target in rows})
    targets: dict[uuid.UUID, list[uuid.UUID]] = {member.object_id: [] for member in waiting}
    for owner, target in rows:
        targets[owner].append(target)
    for member in waiting:
        ids = targets[member.object_id]
        # A list with gaps would be taken for the whole list: it is set complete or not at all.
        if all(target in found for target in ids):
            elements = [found[target] for target in ids]
            member.__dict__["_values"][name] = _frozen(attribute, elements)
    if name not in item.__dict__["_values"]:
        ids = targets[item.object_id]
        hidden = sum(target not in found for target in ids)
        msg = f"{item!r}: {hidden} of its {len(ids)} {name} are not visible to you"
        raise NotVisible(msg)
    return item.__dict__["_values"][name]


def fetch(cls: type[D], name: str, value: Any) -> D:
    """Return the one object with this object id, beginning of an id, or filename.

    Raises
    ------
    NotFound
        There is no such object, or you may not see it.
    ArgumentError
        There are several such objects.
    """
    if isinstance(value, uuid.UUID):
        value = str(value)
    if not isinstance(value, str):
        msg = f"{cls.__name__}({name}=...) expects a string, not {value!r}"
        raise ArgumentError(msg)
    condition, parameters = _by_name(value) if name == "filename" else _by_id(cls, value)
    text = (
        f"SELECT {columns(cls, 't')} FROM {table(cls)} t WHERE {condition} "
        f"ORDER BY t.creation_date DESC, t.object_id LIMIT 5"
    )
    found = restore(cls, database.execute(text, parameters))
    if not found:
        msg = f"no {cls.__name__} with {name} {value!r} that you may see"
        raise NotFound(msg)
    if len(found) > 1:
        ids = ", ".join(str(item.object_id) for item in found[:4])
        msg = f"several {cls.__name__} have {name} {value!r}; say which: object_id one of {ids}"
        raise ArgumentError(msg)
    return found[0]


def _by_name(value: str) -> tuple[str, list[Any]]:
    return "t.filename = %s", [value]


def _by_id(cls: type[Entity], value: str) -> tuple[str, list[Any]]:
    digits = value.strip().lower().replace("-", "")
    if len(digits) < SHORTEST_ID or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        msg = (
            f"{value!r} is not an object id of {cls.__name__}: expected 32 hexadecimal digits, "
            f"or at least the first {SHORTEST_ID}"
        )
        raise ArgumentError(msg)
    # PostgreSQL orders uuids as their digits are ordered, so a beginning is a range of the primary
    # key; LIKE on the text of the id would read the whole table.
    low, high = uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))
    return "t.object_id BETWEEN %s AND %s", [low, high]

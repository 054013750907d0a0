"""Deleting one's own unpublished objects, with a look before and seven days to undo.

What others depend on stays; what is published stays for ever and is only made invalid. The rows
go to the trash of the database, the files to the dataserver's, and come back together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from awe import columns
from awe.db.declare import registry
from awe.db.declare.attributes import Kind
from awe.db.declare.entity import Entity
from awe.db.objects import commit
from awe.db.query.compiler import link_table, quoted, table
from awe.db.query.loading import load
from awe.db.rights.projects import level_text, user
from awe.db.server import scope
from awe.db.server.connection import database
from awe.errors import NotFound, Refused
from awe.terminal import harmless

__all__ = ["Deletion", "Restored", "delete", "preview", "undelete"]

#: objects that link to one, by its id: their class and their id
References = dict[UUID, set[tuple[type[Entity], UUID]]]

SHOWN = 8
HIGHEST_DELETABLE = 2


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """What deleting would take away, or has taken.

    Attributes
    ----------
    objects : tuple of DBObject
        Objects that go, in the order in which they can go.
    hindrances : tuple of str
        Reasons why it cannot be done: what refers to them and whose it is, level, owner.
    done : bool
        Whether the objects were deleted.
    """

    objects: tuple[Entity, ...]
    hindrances: tuple[str, ...]
    done: bool = False

    def __repr__(self) -> str:
        verb = "deleted" if self.done else "would delete"
        names = ", ".join(repr(item) for item in self.objects[:SHOWN])
        more = len(self.objects) - SHOWN
        lines = [f"{verb}: {names}{f' and {more} more' if more > 0 else ''}"]
        if self.done:
            lines.append("  seven days to change your mind: context.undelete()")
        lines.extend(f"  refused: {reason}" for reason in self.hindrances)
        return columns.wrapped(harmless("\n".join(lines)))


class Restored(int):
    """How many objects came back; says so."""

    def __repr__(self) -> str:
        return "one object is back" if self == 1 else f"{int(self)} objects are back"


def preview(objects: Sequence[Entity], *, parts: bool = True) -> Deletion:
    """Return what deleting `objects` would take away and what prevents it.

    The database is asked too: it refuses what objects depend on that one does not see.

    Parameters
    ----------
    objects : sequence of DBObject
        Objects to delete.
    parts : bool, optional
        Whether their parameters and statistics go too, if nothing else uses them.
    """
    plan = _planned(objects, parts)
    if plan.hindrances:
        return plan
    refusal = commit.refusal_of(lambda: commit.delete(list(plan.objects)))
    return replace(plan, hindrances=(refusal,)) if refusal else plan


def _planned(objects: Sequence[Entity], parts: bool) -> Deletion:
    chosen = dict.fromkeys(objects)
    hindrances = [line for item in chosen for line in _own_hindrances(item)]
    references = _references(chosen)
    for item in chosen:
        for other in _others(references.get(item.object_id, ()), chosen):
            whose = "yours" if _is_mine(other) else f"of {user(other._creator).name}"
            hindrances.append(f"{other!r} ({whose}) refers to {item!r}; delete that first")
    if parts and not hindrances:
        candidates = dict.fromkeys(part for item in chosen for part in _parts(item))
        references |= _references(candidates)
        for part in candidates:
            here = {item.object_id for item in chosen}
            if all(owner in here for _, owner in references.get(part.object_id, ())):
                chosen[part] = None
    objects = _children_first(chosen, references)
    return Deletion(objects=tuple(objects), hindrances=tuple(hindrances))


def delete(objects: Sequence[Entity], *, parts: bool = True) -> Deletion:
    """Delete objects, all or none.

    Raises
    ------
    Refused
        One is published, not yours, or something depends on it; nothing was deleted.
    """
    plan = _planned(objects, parts)
    if plan.hindrances:
        msg = f"nothing was deleted: {'; '.join(plan.hindrances[:SHOWN])}"
        raise Refused(msg)
    commit.delete(list(plan.objects))
    return Deletion(objects=plan.objects, hindrances=(), done=True)


def undelete(ids: Iterable[UUID] | None = None) -> Restored:
    """Bring deleted objects back, without `ids` those of the last deletion.

    Returns
    -------
    Restored
        Number of objects restored, an int that says what it counts.

    Raises
    ------
    NotFound
        They are not in the trash: never yours, or deleted more than seven days ago.
    """
    if ids is None:
        rows = database.execute(
            "SELECT DISTINCT object_id FROM awe.trash "
            # All rows of one deletion have one date, that of its transaction; lists are rows too,
            # hence DISTINCT.
            "WHERE deleted = (SELECT max(deleted) FROM awe.trash)"
        )
        wanted = [row[0] for row in rows]
    else:
        wanted = list(ids)
    if not wanted:
        which = "your trash is empty" if ids is None else "there is nothing to bring back"
        msg = f"{which}; it keeps what you deleted for seven days"
        raise NotFound(msg)
    with database.transaction():
        restored: int = database.execute("SELECT awe.undelete(%s::uuid[])", (wanted,))[0][0]
        missing = len(set(wanted)) - restored
        if missing:
            what = "one object is" if missing == 1 else f"{missing} objects are"
            msg = (
                f"nothing was brought back: {what} not in your trash, which keeps what you "
                "deleted for seven days"
            )
            raise NotFound(msg)
    return Restored(restored)


def _own_hindrances(item: Entity) -> list[str]:
    if not item._committed:
        return [f"{item!r} is not committed; there is nothing to delete"]
    if not _is_mine(item):
        return [f"{item!r} belongs to {user(_author(item)).name}; only its creator deletes it"]
    if item._privileges > HIGHEST_DELETABLE and not _is_comment(item):
        level = level_text(item._privileges)
        return [f"{item!r} is published at {level} and stays; judge it bad instead: "
                "context.update_is_valid(obj, 0)"]
    return []


def _is_mine(item: Entity) -> bool:
    return _author(item) == scope.current().user_id


def _is_comment(item: Entity) -> bool:
    """Return True for a comment, which has the rights of its object and an author of its own."""
    return "_author" in item._attributes


def _author(item: Entity) -> int:
    """Return who made an object; of a comment `_creator` is who made what it is about."""
    made_by: int = getattr(item, "_author" if _is_comment(item) else "_creator")
    return made_by


def _references(items: Iterable[Entity]) -> References:
    """Return which objects one sees link to each of some, by the id of what they link to.

    One statement asks all classes and attributes for all of them.
    """
    asked = [item for item in items if item._committed]
    kinds = {type(item) for item in asked}
    texts, classes = [], [*registry.registry.values()]
    for number, cls in enumerate(classes):
        for attribute in cls._attributes.values():
            if not any(attribute.may_hold(kind) for kind in kinds):
                continue
            if attribute.kind is Kind.LINKS:
                owner, target, source = "owner", "target", link_table(cls, attribute)
            else:
                owner, target, source = "object_id", quoted(attribute.column), table(cls)
            texts.append(
                f"SELECT {number}, {owner}, {target} FROM {source} "
                # a subquery without a row of its own: PostgreSQL then takes the index
                f"WHERE {target} = ANY ((SELECT ids FROM asked)::uuid[])"
            )
    found: References = {}
    if not texts:
        return found
    text = f"WITH asked AS (SELECT %s::uuid[] AS ids) {' UNION '.join(texts)}"
    for number, owner, target in database.execute(text, ([one.object_id for one in asked],)):
        found.setdefault(target, set()).add((classes[number], owner))
    return found


def _others(owners: Iterable[tuple[type[Entity], UUID]], chosen: Iterable[Entity]) -> list[Entity]:
    """Return the objects of some ids that are not among the chosen."""
    here = {item.object_id for item in chosen}
    wanted: dict[type[Entity], set[UUID]] = {}
    for cls, owner in owners:
        if owner not in here:
            wanted.setdefault(cls, set()).add(owner)
    return [item for cls, ids in wanted.items() for item in load(cls, ids).values()]


def _parts(item: Entity) -> list[Entity]:
    """Return one's own objects without a file that an object links to."""
    found = []
    for name, attribute in item._attributes.items():
        if attribute.kind is not Kind.LINK or "filename" in attribute.target._attributes:
            continue
        part = getattr(item, name)
        if part is not None and not _own_hindrances(part):
            found.append(part)
    return found


def _children_first(chosen: Iterable[Entity], references: References) -> list[Entity]:
    by_id = {item.object_id: item for item in chosen}
    order: dict[Entity, None] = {}

    def visit(item: Entity) -> None:
        if item in order:
            return
        for _, owner in references.get(item.object_id, ()):
            if owner in by_id and owner != item.object_id:
                visit(by_id[owner])
        order[item] = None

    for item in by_id.values():
        visit(item)
    return list(order)

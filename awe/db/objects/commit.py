"""Writing objects: new ones with everything new they link to, in one transaction.

Objects are stamped with the scope of the session; the server's clock gives the date. Ctrl-C waits
for the end of the commit. When the connection breaks off in the middle, the server is asked until
it has decided, and then for the object's id, which the client chose: the answer is committed or
not committed. Where the server stays away it is `OutcomeUnknown`, and the next `commit()` of the
same object asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import Any

from psycopg2.extras import Json

from awe.db.declare.attributes import Kind, Persistent, TypedList, convert
from awe.db.declare.entity import Entity
from awe.db.query.compiler import link_table, quoted, table
from awe.db.query.loading import Batch, stored
from awe.db.server import failures, scope
from awe.db.server.connection import database
from awe.db.server.interrupts import interrupts_deferred
from awe.db.server.outcome import Doubt
from awe.errors import ArgumentError, OutcomeUnknown, Refused

__all__ = ["commit_all", "delete", "refusal_of", "update"]

SYSTEM = ("object_id", "creation_date", "_creator", "_project", "_privileges")


def commit_all(objects: Iterable[Entity]) -> None:
    """Commit objects and every new object they link to, together or not at all.

    Raises
    ------
    Refused
        The database does not allow it; nothing was stored.
    DatabaseError
        The connection was lost; nothing was stored.
    OutcomeUnknown
        It was lost while committing, and the database does not answer.
    KeyboardInterrupt
        Ctrl-C was pressed; it waited for the end, and says which.
    """
    new: list[Entity] = []
    try:
        with interrupts_deferred():
            levels = _levels(objects)
            new = [item for level in levels for item in level]
            if any("_doubt" in item.__dict__ for item in new):
                levels = _asked_again(new)
                new = [item for level in levels for item in level]
            if not new:
                return
            for item in new:
                item._ready()
            current = scope.current()
            database.retrying(lambda: _write_checked(levels, current))
    except KeyboardInterrupt:
        if not new or database.in_transaction:
            raise
        stored = all(item._committed for item in new)
        some = "1 object is" if len(new) == 1 else f"{len(new)} objects are"
        text = f"{some} committed" if stored else "nothing was committed"
        raise KeyboardInterrupt(text) from None


def _asked_again(items: Iterable[Entity]) -> list[list[Entity]]:
    """Find out what became of objects whose commit had no answer; return what is still new."""
    doubtful: dict[Doubt, list[Entity]] = {}
    for item in items:
        if "_doubt" in item.__dict__:
            doubtful.setdefault(item.__dict__["_doubt"][0], []).append(item)
    for doubt, some in doubtful.items():
        if database.became(doubt, [partial(_are_there, some)]) is None:
            raise OutcomeUnknown(failures.UNKNOWN)
        dates = _dates([some])
        for item in some:
            current = item.__dict__.pop("_doubt")[1]
            if item.object_id in dates:
                _settle([item], dates, current)
    return _levels(items)


def _are_there(items: list[Entity]) -> bool:
    return bool(_dates([items]))


def _levels(objects: Iterable[Entity]) -> list[list[Entity]]:
    """Return the new objects reached over links, each level linking only to former ones."""
    # Foreign keys are checked at the end of each INSERT, not of the transaction: what a row links
    # to has to be there before it. Level n holds what links to levels below n only.
    depth: dict[Entity, int] = {}
    entered: set[Entity] = set()

    def visit(item: Entity) -> int:
        if item in depth:
            return depth[item]
        if item in entered:
            msg = f"{item!r} links to itself over other new objects; commit one of them first"
            raise ArgumentError(msg)
        entered.add(item)
        depth[item] = 1 + max((visit(other) for other in _new_links(item)), default=-1)
        return depth[item]

    for item in objects:
        if not item._committed:
            visit(item)
    levels: list[list[Entity]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for item, level in depth.items():
        levels[level].append(item)
    return levels


def _new_links(item: Entity) -> Iterator[Entity]:
    values = item.__dict__["_values"]
    for name, value in values.items():
        if value and (attribute := item._attributes.get(name)) and attribute.is_link:
            linked = value if attribute.kind is Kind.LINKS else [value]
            yield from (other for other in linked if not getattr(other, "_committed", True))


def _write_checked(levels: list[list[Entity]], current: scope.Scope) -> None:
    """Write in one transaction and mark the objects as committed, unless it is undone."""
    try:
        with database.transaction():
            # The objects are marked inside the transaction and unmarked when it is undone: an
            # outer transaction may still fail after this one has ended well.
            dates = _write(levels, current)
            database.on_doubt(lambda: bool(_dates(levels)))
            _settle([item for level in levels for item in level], dates, current)
    except Refused as error:
        explained = _explained(error, current)
        if explained is error:
            raise  # with what the server said as its cause
        raise explained from error


def _write(levels: list[list[Entity]], current: scope.Scope) -> dict[Any, Any]:
    dates: dict[Any, Any] = {}
    for level in levels:
        by_class: dict[type[Entity], list[Entity]] = {}
        for item in level:
            by_class.setdefault(type(item), []).append(item)
        for cls, items in by_class.items():
            dates.update(_insert(cls, items, current))
    for level in levels:
        # The policy of lists takes links only for an owner of this very transaction that is there
        # already, and an element may be of any level: lists come after all rows.
        _insert_lists(level)
    for level in levels:
        for item in level:
            item._entered()
    return dates


def _insert(
    cls: type[Entity], items: Sequence[Entity], current: scope.Scope
) -> list[tuple[Any, ...]]:
    names, attributes = _columns(cls)
    stamp = (current.user_id, current.project_id, current.privileges)
    rows = [(item.object_id, *stamp, *_bound(item, attributes)) for item in items]
    text = f"INSERT INTO {table(cls)} ({names}) VALUES %s RETURNING object_id, creation_date"
    return database.insert_rows(text, rows)


@cache
def _columns(cls: type[Entity]) -> tuple[str, list[Persistent[Any]]]:
    """Return the columns that are written for a class, and the attributes of all but the first."""
    attributes = [a for a in stored(cls) if a.name not in SYSTEM]
    names = ["object_id", "_creator", "_project", "_privileges", *(a.column for a in attributes)]
    return ", ".join(map(quoted, names)), attributes


class _Jsonb(Json):  # type: ignore[misc]
    """A dict that says its type: inside ARRAY[...] it would be taken for text."""

    def getquoted(self) -> bytes:
        quoted: bytes = super().getquoted()
        return quoted + b"::jsonb"


def _bound(item: Entity, attributes: Iterable[Persistent[Any]]) -> Iterator[Any]:
    """Yield the values of columns in the types of the driver."""
    values = item.__dict__["_values"]
    for attribute in attributes:
        name, kind = attribute.name, attribute.kind
        value = values[name] if name in values else attribute.fresh_default()
        if kind is Kind.LINK:
            yield getattr(value, "object_id", value)
        elif attribute.declared_type is dict and value is not None:
            # A dict may have been changed since it was assigned.
            fresh = convert(attribute, value)
            yield [_Jsonb(one) for one in fresh] if kind is Kind.ARRAY else Json(fresh)
        elif kind is Kind.ARRAY:
            yield list(value)
        else:
            yield value


def _insert_lists(items: Iterable[Entity]) -> None:
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for item in items:
        for name, attribute in item._attributes.items():
            if attribute.kind is Kind.LINKS and item.__dict__["_values"].get(name):
                elements = item.__dict__["_values"][name]
                rows.setdefault(link_table(type(item), attribute), []).extend(
                    (item.object_id, position, element.object_id)
                    for position, element in enumerate(elements)
                )
    for name, links in rows.items():
        database.insert_rows(f"INSERT INTO {name} (owner, position, target) VALUES %s", links)


def _dates(levels: list[list[Entity]]) -> dict[Any, Any]:
    """Return the dates of what was stored: of all objects, or of none."""
    dates: dict[Any, Any] = {}
    for item in (item for level in levels for item in level):
        text = f"SELECT object_id, creation_date FROM {table(type(item))} WHERE object_id = %s"
        dates.update(database.execute(text, (item.object_id,)))
    return dates


def _settle(items: list[Entity], dates: dict[Any, Any], current: scope.Scope) -> None:
    """Mark objects as committed."""
    batch = Batch()
    for item in items:
        values = item.__dict__["_values"]
        values.update(
            creation_date=dates[item.object_id],
            _creator=current.user_id,
            _project=current.project_id,
            _privileges=current.privileges,
        )
        for name, attribute in item._attributes.items():
            if attribute.kind in (Kind.LINKS, Kind.ARRAY):
                values.setdefault(name, TypedList(attribute))
                values[name].freeze()
        item.__dict__["_committed"] = True
        item.__dict__["_batch"] = batch
        batch.add(item)
        database.objects[type(item), item.object_id] = item
    database.on_rollback(lambda: _unsettle(items, current))


def _unsettle(items: list[Entity], current: scope.Scope) -> None:
    """Make objects new again, because the transaction around their commit failed."""
    for item in items:
        item.__dict__["_committed"] = False
        if database.doubt is not None:
            item.__dict__["_doubt"] = (database.doubt, current)
        values = item.__dict__["_values"]
        for name in SYSTEM[1:]:
            values.pop(name, None)
        for value in values.values():
            if isinstance(value, TypedList):
                value.freeze(False)
        database.objects.pop((type(item), item.object_id), None)


def _explained(error: Refused, current: scope.Scope) -> Refused:
    """Return a refusal with the reason the database can give afterwards."""
    # 42501 is what a policy raises at INSERT, without a word of why. A failed transaction takes no
    # further statement, so the reason can only be asked outside of one.
    if getattr(error.__cause__, "pgcode", None) != "42501" or database.in_transaction:
        return error
    rows = database.execute(
        "SELECT awe.why_refused(%s, %s)", (current.project_id, current.privileges)
    )
    return Refused(f"nothing was stored: {rows[0][0]}")


def update(objects: Sequence[Entity], **values: Any) -> None:
    """Change `is_valid`, `timestamp_start`, `timestamp_end` or `_privileges` of committed objects.

    Raises
    ------
    Refused
        One of them may not be changed by you; none was.
    """
    with interrupts_deferred(), database.transaction():
        _history_tells(objects)
        for item in objects:
            attributes = [item._attribute(name) for name in values]
            new = [convert(a, value) for a, value in zip(attributes, values.values(), strict=True)]
            sets = ", ".join(f"{quoted(attribute.column)} = %s" for attribute in attributes)
            text = f"UPDATE {table(type(item))} SET {sets} WHERE object_id = %s RETURNING 1"
            # For UPDATE and DELETE a policy leaves rows out instead of raising: refused is a
            # statement that changed nothing, and RETURNING says which it was.
            if not database.execute(text, (*new, item.object_id)):
                msg = f"{item!r} may not be changed by you; ask its creator or a project manager"
                raise Refused(msg)
        for item in objects:
            own = item.__dict__["_values"]
            database.on_rollback(partial(own.update, {name: own.get(name) for name in values}))
            own.update(
                {name: convert(item._attribute(name), value) for name, value in values.items()}
            )


def delete(objects: Sequence[Entity]) -> None:
    """Delete committed objects, all or none.

    Raises
    ------
    Refused
        One of them is not yours, is published, or others depend on it.
    """
    with interrupts_deferred(), database.transaction():
        _history_tells(objects)
        for item in objects:
            text = f"DELETE FROM {table(type(item))} WHERE object_id = %s RETURNING 1"
            if not database.execute(text, (item.object_id,)):
                msg = f"{item!r} cannot be deleted: it is not yours, or it is published"
                raise Refused(msg)
    for item in objects:
        database.objects.pop((type(item), item.object_id), None)


def _history_tells(objects: Sequence[Entity]) -> None:
    """Let the history say whether a change was stored, if the connection breaks off at its end."""
    bound = ([item.object_id for item in objects], database.began)
    text = (
        "SELECT 1 FROM awe.audit WHERE object_id = ANY (%s::uuid[]) "
        "AND user_id = (SELECT awe.uid()) AND at >= %s::timestamptz LIMIT 1"
    )
    database.on_doubt(lambda: bool(database.execute(text, bound)))


def refusal_of(change: Callable[[], object]) -> str:
    """Make a change, take it back, and return why the database refuses it; empty if it does not.

    Parameters
    ----------
    change : callable
        Calls `update` or `delete`.
    """
    # A refused statement spoils its whole transaction; with a savepoint only what came after it.
    # The change is real until then, so every trigger and policy has its say.
    undo = database._session.undo
    with database.transaction():
        before = len(undo)
        database.execute("SAVEPOINT tried")
        refusal = ""
        try:
            change()
        except Refused as error:
            refusal = str(error)
        finally:
            # The rows go back with the savepoint; the objects in memory have to go back with them.
            while len(undo) > before:
                undo.pop()()
        database.execute("ROLLBACK TO SAVEPOINT tried")
    return refusal

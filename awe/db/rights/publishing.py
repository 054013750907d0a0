"""Publishing: objects become visible to more people, never before what they were made from.

Works out what an object depends on, refuses what would dangle or takes it along, and raises all
levels in one transaction. The database checks the same rules again; the messages are made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from awe import columns
from awe.db.declare.attributes import Kind
from awe.db.objects.base import DBObject
from awe.db.objects.commit import refusal_of, update
from awe.db.rights.projects import level_text, user
from awe.db.server import scope
from awe.errors import NotVisible, Refused
from awe.terminal import harmless

__all__ = ["Publication", "preview", "publish"]

SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What publishing would change, or has changed.

    Attributes
    ----------
    level : int
        The new level.
    objects : tuple of DBObject
        Requested objects, with their parameters and statistics, whose level is lower.
    parents : tuple of DBObject
        One's own frames they were made from and whose level is lower.
    hindrances : tuple of str
        Reasons why it cannot be done: parents of others, invisible ones, or one's own that would
        stay.
    done : bool
        Whether the change was made.
    """

    level: int
    objects: tuple[DBObject, ...]
    parents: tuple[DBObject, ...]
    hindrances: tuple[str, ...]
    done: bool = False

    def __repr__(self) -> str:
        verb = "published" if self.done else "would publish"
        lines = [f"{verb} at {level_text(self.level)}: {_listed(_files_first(self.objects))}"]
        if self.parents:
            lines.append(f"  with what they were made from: {_listed(self.parents)}")
        lines.extend(f"  refused: {reason}" for reason in self.hindrances)
        return columns.wrapped(harmless("\n".join(lines)))


def _files_first(objects: Iterable[DBObject]) -> list[DBObject]:
    """Return frames before the parts that go with them: a list shows its first ones only."""
    return sorted(objects, key=lambda item: "filename" not in item._attributes)


def preview(objects: Sequence[DBObject], level: int, *, follow: bool = False) -> Publication:
    """Return what `publish` would do or refuse, without changing anything.

    The database is asked too: the change is made there and taken back.
    """
    plan = _planned(objects, level, follow)
    if plan.hindrances:
        return plan
    refusal = refusal_of(lambda: update(_in_order(plan), _privileges=level))
    return replace(plan, hindrances=(refusal,)) if refusal else plan


def _planned(objects: Sequence[DBObject], level: int, follow: bool) -> Publication:
    order: dict[DBObject, None] = {}
    hindrances: dict[str, None] = {}
    for item in objects:
        if not item._committed:
            hindrances[f"{item!r} is not committed yet; commit it first"] = None
        elif item._privileges > level:
            hindrances[f"{item!r} is at {level_text(item._privileges)}; levels only rise"] = None
        else:
            _collect(item, level, order, hindrances)
    asked = set(objects)
    parts = tuple(i for i in order if i in asked or not _is_frame(i))
    parents = tuple(i for i in order if i not in set(parts))
    if parents and not follow and not hindrances:
        reason = (
            f"made from objects of lower level: {_listed(parents)}; publish these first, or all "
            "together with follow=True"
        )
        hindrances[reason] = None
    return Publication(level=level, objects=parts, parents=parents, hindrances=tuple(hindrances))


def publish(objects: Sequence[DBObject], level: int, *, follow: bool = False) -> Publication:
    """Raise `objects` to `level`, with `follow` also what they were made from.

    Raises
    ------
    Refused
        Something they were made from would stay behind; nothing was changed.
    """
    plan = _planned(objects, level, follow)
    if plan.hindrances:
        msg = f"nothing was published: {'; '.join(plan.hindrances)}"
        raise Refused(msg)
    update(_in_order(plan), _privileges=level)
    return replace(plan, done=True)


def _collect(
    item: DBObject, level: int, order: dict[DBObject, None], hindrances: dict[str, None]
) -> None:
    """Add an object after everything it depends on."""
    if item in order or item._privileges >= level:
        return
    if item._creator != scope.current().user_id:
        hindrances[f"{item!r} belongs to {user(item._creator).name}, who must publish it"] = None
        return
    for name, attribute in item._attributes.items():
        if not attribute.is_link:
            continue
        try:
            value = getattr(item, name)
        except NotVisible as error:
            hindrances[str(error)] = None
            continue
        linked = value if attribute.kind is Kind.LINKS else [value]
        for parent in linked:
            if parent is not None:
                _collect(parent, level, order, hindrances)
    # Last, so that the order of the dict is that of the updates: the database refuses to raise an
    # object above what it was made from.
    order[item] = None


def _in_order(plan: Publication) -> list[DBObject]:
    """Return parents before what was made from them: frames by date, parts before frames."""
    everything = {*plan.objects, *plan.parents}
    order: dict[DBObject, None] = {}
    for item in (*plan.parents, *plan.objects):
        _collect(item, plan.level, order, {})
    return [item for item in order if item in everything]


def _is_frame(item: DBObject) -> bool:
    return "filename" in item._attributes


def _listed(objects: Sequence[DBObject]) -> str:
    names = [repr(item) for item in objects[:SHOWN]]
    if len(objects) > SHOWN:
        names.append(f"and {len(objects) - SHOWN} more")
    return ", ".join(names) or "nothing (all are there already)"

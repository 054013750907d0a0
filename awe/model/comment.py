"""Comments: what people write about an object, `raw.comment('cloud passes')`, `raw.comments`.

The database gives a comment the rights of what it is about: whoever may read the object reads its
comments. It writes down the author itself, whatever a client says. A comment never changes; its
author deletes it (`context.delete`). It goes with its object and comes back with it.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Any, ClassVar

from awe import columns
from awe.columns import cut
from awe.db.declare import registry
from awe.db.objects.base import DBObject, persistent
from awe.db.query.compiler import table_name
from awe.db.query.loading import load
from awe.db.server.connection import database
from awe.errors import ArgumentError
from awe.terminal import harmless

__all__ = ["LONGEST", "Comment", "Comments", "comment", "comments"]

#: characters of a comment, at most; the database refuses more
LONGEST = 4000
#: characters of it in one line
SHOWN = 60
HEADS = ("when", "who", "comment")
EMPTY = "no comments; obj.comment('text') writes one"


class Comment(DBObject):
    """What somebody wrote about an object, seen by whoever sees that.

    Parameters
    ----------
    object : DBObject
        A committed object of any class.
    **attributes : object
        `content`, the text.
    """

    content = persistent("What was written [None]", str, "")
    author = persistent("Login of who wrote it [None]", str, "")
    about = persistent("object_id of what it is about [None]", uuid.UUID, None)
    about_class = persistent("Class of what it is about [None]", str, "")
    _author = persistent("Id of the user who wrote it [None]", int, None)
    _relation = persistent("Table of what it is about [None]", str, "")
    _before = persistent("Level before its object was deleted [None]", int, None)
    _gone = persistent("Moment its object was deleted [UTC]", datetime.datetime, None)

    __order__ = ("creation_date",)
    __indexes__: ClassVar[tuple[str, ...]] = ("about", "author")

    def __init__(self, *, object: DBObject | None = None, **attributes: Any) -> None:
        super().__init__(**attributes)
        if object is None or self._committed:
            return
        if not isinstance(object, DBObject) or isinstance(object, Comment):
            msg = f"a comment is about an object, not about {object!r}"
            raise ArgumentError(msg)
        values = self.__dict__["_values"]
        values.update(
            about=object.object_id,
            about_class=type(object).__name__,
            _relation=table_name(type(object)),
        )
        if not object._committed:
            msg = f"{object!r} is not committed; a comment is about an object that is stored"
            raise ArgumentError(msg)

    @property
    def object(self) -> DBObject:
        """What the comment is about."""
        found: Any = registry.find(self.about_class)
        about: DBObject = found(object_id=self.about)
        return about

    def commit(self) -> None:
        """Store the comment; the database takes the rights of its object and notes the author.

        Raises
        ------
        Refused
            The object is not there, or not visible to you.
        """
        super().commit()
        names = ("_creator", "_project", "_privileges", "_author", "author")
        rows = database.execute(
            f"SELECT {', '.join(names)} FROM awe.comment WHERE object_id = %s", (self.object_id,)
        )
        self.__dict__["_values"].update(zip(names, rows[0], strict=True))

    def _ready(self) -> None:
        text = self.content.strip()
        if not 1 <= len(text) <= LONGEST:
            msg = f"a comment has 1 to {LONGEST} characters, found {len(text)}"
            raise ArgumentError(msg)
        if not self.about:
            msg = "a comment is about an object: obj.comment('text'), or Comment(object=obj, ...)"
            raise ArgumentError(msg)

    def __repr__(self) -> str:
        when = f"{self.creation_date:%Y-%m-%d %H:%M} " if self._committed else "not committed "
        return harmless(f"<Comment {when}{self.author}: {cut(self.content, SHOWN)}>", lines=False)


class Comments(list[Comment]):
    """The comments on one object, oldest first; prints itself."""

    def __repr__(self) -> str:
        return columns.text(HEADS, self._rows()) if self else EMPTY

    def _repr_html_(self) -> str:
        return columns.html(HEADS, self._rows()) if self else EMPTY

    def _rows(self) -> list[tuple[str, ...]]:
        return [(f"{one.creation_date:%Y-%m-%d %H:%M}", one.author, one.content) for one in self]


def comment(self: DBObject, text: str) -> Comment:
    """Write a comment about the object; whoever sees the object sees it, with your name.

    Parameters
    ----------
    text : str
        What to say, up to 4000 characters.

    Raises
    ------
    ArgumentError
        The text is empty or too long, or the object is not committed.
    """
    made = Comment(object=self, content=text)
    made.commit()
    return made


def comments(self: DBObject) -> Comments:
    """Return the comments on the object, oldest first, with author and date."""
    rows = database.execute(
        "SELECT object_id FROM awe.comment WHERE about = %s ORDER BY creation_date, object_id",
        (self.object_id,),
    )
    found = load(Comment, [row[0] for row in rows])
    return Comments(found[row[0]] for row in rows if row[0] in found)

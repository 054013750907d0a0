"""`Comment`: text about any object, kept in the database."""

from awe_astrowise import session

from awe.model.comment import Comment

__all__ = ["Comment"]

session.ready()

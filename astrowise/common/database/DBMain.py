"""`DBObject` and `persistent`, with which classes are declared."""

from awe_astrowise import session

from awe.db.objects.base import DBObject, persistent

__all__ = ["DBObject", "persistent"]

session.ready()

"""`DataObject`: an object with a file."""

from awe_astrowise import session

from awe.model.data import DataObject

__all__ = ["DataObject"]

session.ready()

"""`database`, the connection of this thread."""

from awe_astrowise import session
from awe_astrowise.database import database

__all__ = ["database"]

session.ready()

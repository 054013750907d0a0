"""`profiles`: who logs in."""

from awe_astrowise import session
from awe_astrowise.profiles import profiles

__all__ = ["profiles"]

session.ready()

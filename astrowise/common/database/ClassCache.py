"""`classcache`: persistent classes by name."""

from awe_astrowise import session
from awe_astrowise.classes import classcache

__all__ = ["classcache"]

session.ready()

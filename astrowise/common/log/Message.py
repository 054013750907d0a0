"""`Message`: a line on the screen and in the log."""

from awe_astrowise import session
from awe_astrowise.message import Message

__all__ = ["Message"]

session.ready()

"""`context`: user, project, privileges."""

from awe_astrowise import session
from awe_astrowise.classes import Context

from awe.context import context

__all__ = ["Context", "context"]

session.ready()

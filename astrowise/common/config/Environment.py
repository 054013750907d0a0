"""`Env`, the configuration."""

from awe_astrowise import session
from awe_astrowise.environment import Env

__all__ = ["Env"]

session.ready()

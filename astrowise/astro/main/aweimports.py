"""`from astro.main.aweimports import *`: every name of the prompt."""

from awe_astrowise import names, session

session.ready()
__all__ = names.every()
__getattr__ = names.find

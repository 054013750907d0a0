"""Astro-WISE's package of classes and recipes, on the objects of awe."""

from awe_astrowise import finder

finder.install()

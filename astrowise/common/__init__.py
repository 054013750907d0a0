"""Astro-WISE's package of database, configuration and messages, on the objects of awe."""

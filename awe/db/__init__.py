"""Persistent classes, queries, the connection and rights: what speaks to the database."""

"""Frames on common grids of pixels: grid targets, regridded frames and their weights."""

from __future__ import annotations

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Do nothing: the tables of new classes are made from their declarations."""

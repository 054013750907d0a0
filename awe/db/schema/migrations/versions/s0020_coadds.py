"""Sums of regridded frames."""

from __future__ import annotations

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Do nothing: the tables of new classes are made from their declarations."""

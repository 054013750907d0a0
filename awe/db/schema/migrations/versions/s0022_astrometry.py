"""Frames have astrometric solutions, and source lists say which one their places are from."""

from __future__ import annotations

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Do nothing: the class gets its table, and lists their new column."""

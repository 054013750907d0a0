"""Calibrations say which of their own calibrations somebody named."""

from __future__ import annotations

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Do nothing: columns that classes have gained are added to their tables."""

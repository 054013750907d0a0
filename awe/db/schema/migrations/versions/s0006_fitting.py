"""Frames and calibrations say in which mode they were read, calibrations what they show."""

from __future__ import annotations

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Do nothing: columns that classes have gained are added to their tables."""

"""Cosmic rays have a limit for dim pixels next to a hit."""

from __future__ import annotations

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Do nothing: columns that classes have gained are added after all steps."""

"""Descriptions of cameras are kept."""

from __future__ import annotations

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Do nothing: the table is in the files that are run again."""

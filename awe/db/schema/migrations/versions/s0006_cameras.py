"""Descriptions of cameras are kept."""

from __future__ import annotations

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Do nothing: the table is in the files that are run again."""

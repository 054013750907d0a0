"""A description of a camera is read only where its keeper brought that camera in."""

from __future__ import annotations

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Do nothing: the file of the table is run again, with its policy and function."""

"""Jobs have a priority and a memory limit of their own, and are claimed by both."""

from __future__ import annotations

from awe.db.schema.migrations import run_folder

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Drop the functions that give other columns or take other arguments now."""
    run_folder("s0014_turns")

"""Proprietary periods end by themselves, and it is noted who read which file."""

from __future__ import annotations

from awe.db.schema.migrations import run_folder

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Let the history tell of periods; all else is in the files that are run again."""
    run_folder("s0024_periods")

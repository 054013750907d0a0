"""Policies and checks of references that are planned once for each session."""

from __future__ import annotations

from alembic import op

from awe.db.migrations import run_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Take the step."""
    run_file("s0003_planned_once.sql")
    op.execute("SET ROLE awe_owner")
    op.execute("INSERT INTO awe.schema_version (version) VALUES (3)")
    op.execute("RESET ROLE")

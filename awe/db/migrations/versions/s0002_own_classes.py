"""Classes of users' own, saved queries, the ObsCore view."""

from __future__ import annotations

from alembic import op

from awe.db.migrations import run_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Take the step."""
    run_file("s0002_own_classes.sql")
    op.execute("SET ROLE awe_owner")
    op.execute("INSERT INTO awe.schema_version (version) VALUES (2)")
    op.execute("RESET ROLE")

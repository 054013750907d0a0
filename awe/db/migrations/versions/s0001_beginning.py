"""The schema this tool found: the classes of the optical pipeline, their rights, jobs, files."""

from __future__ import annotations

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Do nothing: `awe.db.schema.install` made it."""

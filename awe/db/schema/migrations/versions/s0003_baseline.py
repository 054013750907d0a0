"""The oldest schema that is brought forward: classes, rights, jobs, files, own classes."""

from __future__ import annotations

revision = "0003"
down_revision = None


def upgrade() -> None:
    """Do nothing: `awe.db.schema.install.install` made it."""

"""Products record the arguments they were requested with."""

from __future__ import annotations

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Do nothing: the classes get their new column."""

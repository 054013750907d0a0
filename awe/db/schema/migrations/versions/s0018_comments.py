"""People write comments about objects."""

from __future__ import annotations

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Do nothing: the files of the schema are run again, and the new table is that of a class."""

"""What people and projects may have of files is limited where an administrator says so."""

from __future__ import annotations

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Do nothing: the files of the schema are run again, and the new table is in one of them."""

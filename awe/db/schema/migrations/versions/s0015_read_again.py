"""The dataserver reads files again: it may ask which were not looked at for long."""

from __future__ import annotations

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Do nothing: the file of the dataserver's functions is run again."""

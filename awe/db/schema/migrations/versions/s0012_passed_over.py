"""Products say which calibrations had files that could not be used."""

from __future__ import annotations

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Do nothing: columns that classes have gained are added to their tables."""

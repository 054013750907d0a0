"""Process parameters have limits of what strays."""

from __future__ import annotations

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Do nothing: columns that classes have gained are added afterwards."""

"""Own classes may hold lists of text."""

from __future__ import annotations

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Do nothing: the function that changed is in the files that are run again."""

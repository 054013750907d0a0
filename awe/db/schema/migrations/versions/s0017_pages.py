"""Pages act as the person who looks at them."""

from __future__ import annotations

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Do nothing: the files of the schema are run again, and one of them has the functions."""

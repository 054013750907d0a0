"""Nights have extinctions and zero points, frames of a field a common astrometric solution."""

from __future__ import annotations

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Do nothing: classes get their tables, and those there are their new columns."""

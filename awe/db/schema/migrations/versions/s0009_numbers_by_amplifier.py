"""Read noise, gain and curvature are kept by amplifier too."""

from __future__ import annotations

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Do nothing: columns that classes have gained are added anyway."""

"""Regridded frames have a zero point with its solution, and the band of their magnitudes."""

from __future__ import annotations

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Do nothing: the classes get their new columns."""

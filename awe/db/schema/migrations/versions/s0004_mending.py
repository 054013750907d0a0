"""Names are those of files, limits for everybody, footprints, the code behind a product."""

from __future__ import annotations

from awe.db.schema.migrations import run_folder

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Take the step."""
    run_folder("s0004_mending")

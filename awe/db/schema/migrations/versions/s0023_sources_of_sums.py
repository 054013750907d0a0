"""Source lists are of frames on grids too; regridded frames say which solution places them."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Let the frame of a list be of several classes: a trigger checks what the key did."""
    op.execute(
        "ALTER TABLE IF EXISTS awe.source_list DROP CONSTRAINT IF EXISTS source_list_frame_fkey"
    )

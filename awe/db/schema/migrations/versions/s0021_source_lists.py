"""What is detected in frames is kept: source lists, and their sources by place and light."""

from __future__ import annotations

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Do nothing: classes get their tables, and the file of the sources is run again."""

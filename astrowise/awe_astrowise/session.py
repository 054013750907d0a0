"""The session of a script in plain Python: its first command begins it, its imports do not."""

from __future__ import annotations

from awe.db.server import scope
from awe.prompt.session import begin_when_needed
from awe_astrowise import frames

__all__ = ["ready"]


def ready() -> None:
    """Let the first command log in, if nobody has, and give frames their old methods."""
    frames.install()
    if not scope.begun():
        begin_when_needed()

"""The lines `awe` greets with: python, the welcome, and who one is in which project.

Astro-WISE's layout; the text is awe's own.
"""

from __future__ import annotations

import sys

from awe import __version__
from awe.prompt.session import Session

__all__ = ["banner", "profile"]


#: Where somebody begins who sees the prompt for the first time.
START = "New here? Type help. Tab completes, in quotes too; RawScienceFrame? explains."


def banner(session: Session) -> str:
    """Return everything shown before the first prompt."""
    welcome = f"Welcome to the awe Environment (awe {__version__})"
    return "\n".join(
        [
            _python(),
            "",
            f"               {welcome}",
            "",
            *([session.trouble, ""] if session.trouble else []),
            profile(session),
            START,
        ]
    )


def profile(session: Session) -> str:
    """Return the block that tells user, database, project and level."""
    return "\n".join(
        [
            "Current profile:",
            f"- username : {session.user_name}",
            f"- database : {session.database_name}",
            f"- project  : {session.project_name}",
            f"- current privileges : {session.level}",
        ]
    )


def _python() -> str:
    version = sys.version.replace("\n", " ").replace(" [", "\n[", 1)
    return f"Python {version} on {sys.platform}"

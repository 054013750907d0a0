"""The `awe` command: the prompt, scripts, and what is preloaded there.

Importing the package loads nothing; `awe.prompt.command` starts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.prompt.command import main
    from awe.prompt.script import run_code, run_file, run_input
    from awe.prompt.session import Session, connect, open_session

__all__ = ["Session", "connect", "main", "open_session", "run_code", "run_file", "run_input"]

face(__name__)

"""How the last image was shown: stretch, range and colour map, for the next window.

They are in `AWE_HOME/inspect.json`. A file that cannot be read counts as none, and one that
cannot be written is let be: both are a matter of taste, not of work.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from awe.config import home_directory
from awe.inspect.stretch import COLOURS, RANGES, STRETCHES

__all__ = ["keep", "recalled"]

NAMES = {"stretch": tuple(STRETCHES), "range": RANGES, "cmap": COLOURS}


def _path() -> Path:
    return home_directory() / "inspect.json"


def recalled() -> tuple[dict[str, str], str]:
    """Return what was kept, and one line about a file that is damaged."""
    try:
        found = json.loads(_path().read_text(encoding="utf-8"))
        kept = {name: found[name] for name, known in NAMES.items() if found.get(name) in known}
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, AttributeError) as error:
        return {}, f"{_path()} is not heeded ({str(error)[:60]}); the next choice writes it anew"
    return kept, ""


def keep(**chosen: str) -> None:
    """Keep a choice for the next window.

    Parameters
    ----------
    **chosen : str
        Some of stretch, range and cmap.
    """
    path = _path()
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        part.write_text(json.dumps({**recalled()[0], **chosen}), encoding="utf-8")
        part.replace(path)

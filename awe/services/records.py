"""The records of an installation: small JSON files in its directory `services`.

Each is replaced whole and readable by its owner alone. What is in them is the business of whoever
writes them; that they stay in one home, and what else is there, is not this module's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from awe.errors import ConfigError

__all__ = ["prepare", "read", "write"]


def prepare(home: Path) -> None:
    """Make the installation's directory and `services` in it, unless they are there.

    Made by root, the directory lets the server's account pass; one that is there stays.
    """
    if not home.exists():
        home.mkdir(mode=0o711 if os.getuid() == 0 else 0o700, parents=True)
    (home / "services").mkdir(mode=0o700, exist_ok=True)


def read(home: Path, name: str) -> dict[str, Any]:
    """Return the values of one file; empty if it does not exist.

    Raises
    ------
    ConfigError
        The file is damaged.
    """
    try:
        found = json.loads((home / "services" / name).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError as error:
        msg = f"{home / 'services' / name} is damaged ({error}); remove it and start again"
        raise ConfigError(msg) from error
    return dict(found)


def write(home: Path, name: str, values: Mapping[str, Any]) -> None:
    """Replace one file by these values; only the owner can read it."""
    folder = home / "services"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f".{name}.{os.getpid()}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(values, file, indent=1)
    fresh.replace(folder / name)

"""Which code a service runs, so that one of before an upgrade is recognised and replaced.

An edition is the version, the schema it knows, the place of the package and the times of its
files. A prompt compares what costs nothing to look at and replaces only what is older than
itself; `awe-admin start` and `migrate` compare every file.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import awe

__all__ = ["edition", "outdated"]

PACKAGE = Path(awe.__file__).parent
#: Files whose times tell a prompt that the package was installed again.
TELLING = ("__init__.py", "db/schema/install.py")


def edition() -> dict[str, Any]:
    """Return the edition of this process, as a service writes it down when it starts."""
    return {**_quick(), "files": _files()}


def outdated(recorded: Mapping[str, Any] | None, *, thorough: bool = False) -> bool:
    """Return True if a service of that edition is to be replaced by one of this process's.

    Parameters
    ----------
    recorded : mapping or None
        Record of the service; None if it is older than editions.
    thorough : bool
        Whether to compare every file, and to replace newer services too.
    """
    if recorded is None:
        return True
    mine = _quick()
    if recorded.get("package") == mine["package"]:
        differs = any(recorded.get(key) != value for key, value in mine.items())
        return differs or (thorough and recorded.get("files") != _files())
    theirs = str(recorded.get("version", ""))
    return thorough or _number(theirs) < _number(awe.__version__)


def _quick() -> dict[str, Any]:
    return {
        "version": awe.__version__,
        "package": str(PACKAGE),
        "times": [(PACKAGE / name).stat().st_mtime_ns for name in TELLING],
    }


def _files() -> str:
    found = sha256()
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in (".py", ".sql"):
            found.update(f"{path} {path.stat().st_mtime_ns}\n".encode())
    return found.hexdigest()


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))

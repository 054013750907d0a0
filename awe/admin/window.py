"""What the windows of `inspect()` lack on this machine, for `awe-admin doctor`.

Qt is tried first and Tk after it, so a Qt that cannot start is not a failure; but its 250 MB are
unused, and the packages of Debian that would change it are known by a rule.
"""

from __future__ import annotations

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

__all__ = ["missing_packages", "package_of", "unused"]

PLATFORM = Path("Qt", "plugins", "platforms", "libqxcb.so")
#: Libraries whose package is not named by the rule.
ODD = {"libglib-2.0.so.0": "libglib2.0-0", "libgthread-2.0.so.0": "libglib2.0-0"}
_MISSING = re.compile(r"^\s*(\S+) => not found", re.MULTILINE)


def unused() -> str | None:
    """Return in one line why Qt cannot open windows here, None if it can or is not installed."""
    spec = find_spec("PySide6")
    if spec is None or spec.origin is None:
        return None
    plugin = Path(spec.origin).parent / PLATFORM
    packages = missing_packages(plugin)
    if not packages:
        return None
    return (
        f"Qt cannot open windows here, so inspect() falls back to Tk; on Debian and Ubuntu this "
        f"helps: apt install {' '.join(packages)}"
    )


def missing_packages(library: Path) -> list[str]:
    """Return the packages of Debian whose libraries `library` does not find."""
    if not library.exists():
        return []
    try:
        done = subprocess.run(
            ["ldd", library], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        # no such program here: nothing is known
        return []
    return sorted({package_of(name) for name in _MISSING.findall(done.stdout)})


def package_of(library: str) -> str:
    """Return the package that holds a library, by Debian's rule for their names.

    Examples
    --------
    >>> package_of("libxcb-icccm.so.4"), package_of("libxkbcommon-x11.so.0")
    ('libxcb-icccm4', 'libxkbcommon-x11-0')
    """
    if library in ODD:
        return ODD[library]
    name, _, number = library.lower().partition(".so.")
    dash = "-" if name[-1:].isdigit() and number else ""
    return f"{name}{dash}{number}"

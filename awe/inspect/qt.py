"""Whether Qt starts on this machine, and which system packages it lacks where it does not."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

from awe.imports import PYTHON

__all__ = ["lack", "linked", "missing", "package", "starts"]

PLATFORM = Path("Qt", "plugins", "platforms", "libqxcb.so")
PROBE = "from PySide6.QtWidgets import QApplication as A; A([])"
#: libraries whose package is not named by the rule
ODD = {"libglib-2.0.so.0": "libglib2.0-0", "libgthread-2.0.so.0": "libglib2.0-0"}
NOT_FOUND = re.compile(r"(lib[\w.+-]+\.so[\d.]*)(?: => not found|: cannot open shared object)")


def starts() -> tuple[bool, str]:
    """Return whether Qt starts, and one line about what to install where it only lacks that.

    It is tried in a process of its own: Qt aborts its process where a library is missing.
    """
    found = importlib.util.find_spec("PySide6")
    if found is None:
        return False, ""
    try:
        done = subprocess.run(
            [*PYTHON, "-c", PROBE], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False, ""
    if done.returncode == 0:
        return True, ""
    return False, lack(done.stderr)


def lack(text: str = "") -> str:
    """Return one line about what to install so that Qt starts; empty where that is not known.

    Parameters
    ----------
    text : str
        What a process wrote that could not start it, if one tried.
    """
    found = importlib.util.find_spec("PySide6")
    if found is None:
        return ""
    packages = missing(text + linked(Path(found.origin or "").parent / PLATFORM))
    if not packages:
        return ""
    return (
        "Qt does not start: this machine lacks libraries; on Debian and Ubuntu: "
        f"apt install {' '.join(packages)}"
    )


def missing(text: str) -> list[str]:
    """Return the Debian packages of the libraries that a text of the loader calls missing.

    Parameters
    ----------
    text : str
        Message of the dynamic loader.
    """
    return sorted({package(name) for name in NOT_FOUND.findall(text)})


def package(library: str) -> str:
    """Return the Debian package of a shared library, by Debian's rule for their names.

    Parameters
    ----------
    library : str
        Name of a shared library.
    """
    if library in ODD:
        return ODD[library]
    name, _, version = library.partition(".so")
    number = version.strip(".")
    return f"{name}-{number}".lower() if name[-1].isdigit() else f"{name}{number}".lower()


def linked(library: Path) -> str:
    """Return what the loader says about the libraries that one needs.

    Parameters
    ----------
    library : Path
        Shared library, such as Qt's plug-in for X.
    """
    try:
        done = subprocess.run(
            ["ldd", str(library)], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout

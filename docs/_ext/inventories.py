"""The lists of names of other projects' pages, where a network brings them in time.

Sphinx would warn, or wait, where there is none; here a list that does not come within seconds is
left out, and names of that project are then printed without a link.
"""

from __future__ import annotations

import os
import tempfile
import threading
import urllib.request
from pathlib import Path

__all__ = ["reachable"]

#: Seconds all lists together may take.
PATIENCE = 5.0


def reachable(**projects: str) -> dict[str, tuple[str, str]]:
    """Return the mapping of `intersphinx` for those projects whose list of names came.

    Parameters
    ----------
    **projects : str
        The address of the pages of a project, by its name.
    """
    if os.environ.get("AWE_DOCS_OFFLINE"):
        return {}
    folder = Path(tempfile.mkdtemp(prefix="awe-inventories-"))
    threads = {
        name: threading.Thread(target=_fetch, args=(address, folder / name), daemon=True)
        for name, address in projects.items()
    }
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        thread.join(PATIENCE / len(threads))
    came = [name for name in projects if (folder / name).exists()]
    return {name: (projects[name], str(folder / name)) for name in came}


def _fetch(address: str, path: Path) -> None:
    try:
        with urllib.request.urlopen(f"{address}objects.inv", timeout=PATIENCE) as answer:
            content = answer.read()
    except OSError:
        return
    if content.startswith(b"# Sphinx inventory"):
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.replace(path)

"""The directory `AWE_HOME/prompt`: history, IPython configuration, and files run at the start.

What is in it is run as the user, so a file that somebody else could have written is refused:
neither the file nor a directory that holds it, up to AWE_HOME, may belong to others or be writable
for them. Nothing is read from the working directory, from `~/.ipython` or from `/etc/ipython`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from awe.errors import ConfigError

__all__ = ["CONFIGURATION", "directory", "refuse_foreign", "startup_files"]

#: Files of configuration, as IPython names them.
CONFIGURATION = ("ipython_config.py", "ipython_config.json")
#: Who may own them besides the user: the administrator.
ROOT = 0


def directory(home: Path) -> Path:
    """Return the directory of the prompt below AWE_HOME, made where it is not there yet."""
    place = home / "prompt"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return place


def startup_files(place: Path) -> list[Path]:
    """Return the files to run before the first prompt, in the order of their names."""
    folder = place / "startup"
    return sorted([*folder.glob("*.py"), *folder.glob("*.ipy")])


def refuse_foreign(path: Path, home: Path) -> None:
    """Refuse a file that somebody else could have written.

    Parameters
    ----------
    path : Path
        A file that is about to be run.
    home : Path
        AWE_HOME; of a file below it every directory up to there is looked at, of another file
        the one that holds it.

    Raises
    ------
    ConfigError
        The file or a directory belongs to another account, or others can write to it.
    """
    true, top = path.resolve(), home.resolve()
    folders = [true.parent]
    if true.is_relative_to(top):
        folders = [each for each in true.parents if each.is_relative_to(top)]
    for each in (true, *folders):
        if reason := _foreign(each):
            msg = f"configuration {path} is not read: {reason}"
            raise ConfigError(msg)


def _foreign(path: Path) -> str:
    """Return why others could have written here, an empty string if they could not."""
    found = path.stat()
    if found.st_uid not in (os.geteuid(), ROOT):
        return f"{path} belongs to another account; expected your own: make it anew"
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o022:
        return f"others can write to {path} (mode {mode:04o}); chmod go-w {path}"
    return ""

"""Which code a recipe has now, and the recipe with exactly the code that made something."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from awe import recipes
from awe.errors import ArgumentError
from awe.recipes import user
from awe.tasks import code
from awe.tasks.task import Task

__all__ = ["current", "exact"]


def current(name: str) -> str:
    """Return the digest of one's own recipe of that name as its file is now; empty for none."""
    for path in _own_files():
        if _defines(path, name):
            return _digest(path)
    return ""


def exact(name: str, digest: str, *, own: bool, whose: str = "", mine: bool = True) -> type[Task]:
    """Return the recipe with that very code.

    Parameters
    ----------
    name, digest : str
        Name of the recipe; digest of its code, or the beginning of it.
    own : bool
        Whether it is somebody's own. Of awe's own recipes awe's is returned, whatever replaces it
        for this person.
    whose : str
        Login of the user who ran it, for the message.
    mine : bool
        Whether that is the current user, for the message.

    Raises
    ------
    ArgumentError
        No file of yours has that code; the message says how to get one.
    """
    if not own:
        return recipes.find_ours(name)
    if len(digest) >= code.IN_HEADER:
        for path in (*_own_files(), *_kept_files()):
            if _defines(path, name) and _digest(path).startswith(digest):
                return recipes.load_file(name, path)
    shown = f"{name} {digest[:8]}".strip()
    now = current(name)
    state = f"yours is now {now[:8]}" if now else f"you have no recipe {name}"
    if not digest:
        step = "its code was typed and not kept; remake() takes the code of today"
    elif mine:
        step = "obj.recipe.keep() writes that code to a file for exact remakes"
    else:
        step = "read obj.recipe.source; obj.recipe.keep() lets exact remakes run it as you"
    msg = f"made by {shown}{f' of {whose}' if whose else ''}, {state}; {step}"
    raise ArgumentError(msg)


def _own_files() -> Iterator[Path]:
    """Yield the files of own recipes, the one that wins first."""
    for directory in user.directories():
        if directory.is_dir():
            yield from sorted(directory.glob("[!_]*.py"), reverse=True)


def _kept_files() -> list[Path]:
    return sorted(code.folder().glob("*.py")) if code.folder().is_dir() else []


def _defines(path: Path, name: str) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return name in recipes.CLASS.findall(text)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

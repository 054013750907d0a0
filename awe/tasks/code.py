"""The code of recipes: what a task was read from, what is kept of it, and which code may run.

Code runs here only from files of the person who runs it. Text kept in the database is written to
such a file when that person asks for it by `recipe.keep()`, and never otherwise.
"""

from __future__ import annotations

import hashlib
import linecache
import re
import sys
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import __version__
from awe.config import home_directory
from awe.db.query.compiler import table
from awe.db.server import scope
from awe.db.server.connection import database
from awe.errors import NotFound, Refused
from awe.model.recipe import Recipe

if TYPE_CHECKING:

    from awe.tasks.unit import Call

__all__ = ["Code", "folder", "keep", "of", "recorded"]

#: longest text that is kept [byte]
LARGEST = 256 * 1024
#: digits of a digest in the header of a file
IN_HEADER = 40

_NAME = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)
_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Code:
    """The code of a task.

    Attributes
    ----------
    name : str
        Identifier of the recipe.
    digest : str
        SHA-256 of its file; empty if it has none.
    own : bool
        Whether it is somebody's own recipe, not one of awe's.
    source : str
        Text of the file of an own recipe; empty if it cannot be kept.
    """

    name: str
    digest: str
    own: bool
    source: str = ""

    def unsaved(self) -> Recipe:
        """Return a new object that records the code."""
        return Recipe(
            name=self.name, digest=self.digest, version=__version__, own=self.own,
            source=self.source,
        )  # fmt: skip


def of(task: type[Call]) -> Code:
    """Return the code of a task class, as it was loaded."""
    known: Code | None = task.__dict__.get("_code")
    if known is None:
        data = _text(task)
        own = not task._is_ours()
        source = _kept_text(data) if own else ""
        digest = hashlib.sha256(data).hexdigest() if data else ""
        known = Code(name=task.identifier(), digest=digest, own=own, source=source)
        type.__setattr__(task, "_code", known)
    return known


def recorded(code: Code) -> Recipe:
    """Return the committed object of a code: the one there is for this person, project and level.

    Its level is that of the session or higher, so that whoever sees a new product sees it too.
    """
    now = scope.current()
    text = (
        f"SELECT object_id FROM {table(Recipe)} WHERE _creator = %s AND _project = %s "
        "AND _privileges >= %s AND name = %s AND digest = %s AND version = %s AND own = %s "
        "ORDER BY creation_date LIMIT 1"
    )
    values = (
        now.user_id, now.project_id, now.privileges, code.name, code.digest, __version__, code.own,
    )  # fmt: skip
    with _lock:  # of several threads one makes it
        rows = database.execute(text, values)
        if rows:
            return Recipe(object_id=rows[0][0])
        made = code.unsaved()
        made.commit()
        return made


def keep(self: Recipe) -> Path:
    """Write the kept text to a file of yours, from where exact remakes may run it; return it.

    Read the `source` of somebody else's recipe first: it will run as you.

    Raises
    ------
    NotFound
        No text was kept.
    Refused
        The text is not that of the digest, or the name cannot be one of a recipe.
    """
    if not self.source:
        msg = f"no text of {self} was kept: it is a recipe of awe's, or was typed at a prompt"
        raise NotFound(msg)
    data = self.source.encode()
    digest = hashlib.sha256(data).hexdigest()
    if digest != self.digest or not _NAME.fullmatch(self.name):
        msg = f"the text kept of {self.name!r} does not have the digest {self.digest[:16]!r}"
        raise Refused(msg)
    path = folder() / f"{self.name}_{digest[:IN_HEADER]}.py"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(data)
    sys.stdout.write(f"{path}: exact remakes run it as you\n")
    return path


def folder() -> Path:
    """Return the folder of texts kept on request; no recipe is found there by name."""
    return home_directory() / "recipes" / "kept"


# -- files -------------------------------------------------------------------------------------


def _kept_text(data: bytes) -> str:
    """Return a text that can be kept and given back byte by byte; empty where it cannot."""
    if len(data) > LARGEST or b"\0" in data:
        return ""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _text(task: type[Call]) -> bytes:
    """Return the text a task class was loaded from; empty where nobody has it."""
    module = sys.modules.get(task.__module__)
    loaded = getattr(module, "__loader__", None)
    if (data := getattr(loaded, "loaded", None)) is not None:
        return bytes(data)
    file = getattr(module, "__file__", None)
    if file is not None:
        return _read(file) if task._is_ours() else Path(file).read_bytes()
    code: Any = getattr(task.make, "__code__", None)
    return "".join(linecache.getlines(code.co_filename)).encode() if code is not None else b""


@cache
def _read(file: str) -> bytes:
    return Path(file).read_bytes()

"""The names and manners of the prompt in a notebook, or in any IPython: `%load_ext awe`.

Opens the session the prompt would open and gives the shell what the prompt has; `%unload_ext awe`
takes it back. Refuses to load where no session can begin: a notebook has nobody to ask for a
password.
"""

from __future__ import annotations

import sys
from typing import Any

from awe.errors import ServiceDown
from awe.prompt import namespace
from awe.prompt.manners import Manners
from awe.prompt.session import Session, open_session
from awe.prompt.traits import Awe
from awe.terminal import out

__all__ = ["load", "unload"]

_given: list[tuple[Session, Manners, bool]] = []
"""The session, what its shell was given, and whether that used jedi before."""


def load(shell: Any) -> None:
    """Log in and give the shell the names of the prompt.

    Parameters
    ----------
    shell : InteractiveShell
        The notebook's, as IPython hands it to an extension.

    Raises
    ------
    ServiceDown
        The session cannot begin; the message says why.
    """
    if is_prompt(shell):
        out("this is the awe prompt: all of it is here already\n")
        return
    session = open_session()
    if session.trouble:
        session.close()
        raise ServiceDown(session.trouble)
    names = namespace.build(session.environment)
    # what belongs to the notebook itself stays its own
    own = {name: value for name, value in names.items() if not name.startswith("__")}
    jedi = shell.Completer.use_jedi
    # jedi reads properties, which fetches files and asks the database for a Tab
    shell.Completer.use_jedi = False
    settings = Awe(parent=shell)
    _given.append((session, Manners(shell, own, settings, debug=session.debug), jedi))
    place = f"{session.user_name} in {session.project_name}, privileges {session.level}"
    out(f"awe: {place}\n")


def unload(shell: Any) -> None:
    """Take back what `load` gave, except names that were given another meaning since."""
    while _given:
        session, manners, jedi = _given.pop()
        manners.take_back()
        shell.Completer.use_jedi = jedi
        session.close()


def is_prompt(shell: Any) -> bool:
    """Return True if a shell is the prompt itself."""
    module = sys.modules.get("awe.prompt.shell")
    return module is not None and isinstance(shell, module.AweShell)

"""The names and manners of the prompt in a notebook, or in any IPython: `%load_ext awe`.

Opens the session the prompt would open, puts the same names into the notebook, shows users'
mistakes as one line and completes through links. Refuses to load where no session can begin:
a notebook has nobody to ask for a password.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from awe.errors import ServiceDown, UserMistake
from awe.prompt import errors, matchers, namespace
from awe.prompt.session import Session, open_session
from awe.terminal import err, out

__all__ = ["load", "unload"]

_loaded: dict[str, Any] = {}
_sessions: list[Session] = []
_handlers: list[tuple[Any, Any, Any]] = []
"""The exceptions shown by awe's handler, and exceptions and handler there were before."""


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
    session = open_session()
    if session.trouble:
        session.close()
        raise ServiceDown(session.trouble)
    _sessions.append(session)
    names = namespace.build(session.environment)
    # what belongs to the notebook itself stays its own
    _loaded.update({name: value for name, value in names.items() if not name.startswith("__")})
    shell.push(_loaded)
    if not session.debug:
        _take_mistakes(shell)
    matchers.install(shell)
    place = f"{session.user_name} in {session.project_name}, privileges {session.level}"
    out(f"awe: {place}\n")


def unload(shell: Any) -> None:
    """Take back what `load` gave, except names that were given another meaning since."""
    shell.drop_by_id(_loaded)
    _loaded.clear()
    _give_mistakes_back(shell)
    matchers.remove(shell)
    while _sessions:
        _sessions.pop().close()


def _take_mistakes(shell: Any) -> None:
    """Show users' mistakes as one line, and let other exceptions go where they went."""
    theirs, handler = shell.custom_exceptions, shell.CustomTB

    def show(shell: Any, kind: type, error: BaseException, *trace: Any, **offset: Any) -> Any:
        if isinstance(error, UserMistake):
            return _show_mistake(shell, kind, error, *trace, **offset)
        return handler(kind, error, *trace, **offset)

    ours = (UserMistake, *theirs)
    shell.set_custom_exc(ours, show)
    _handlers.append((ours, theirs, handler))


def _give_mistakes_back(shell: Any) -> None:
    """Restore the handler there was, unless another one has been set since."""
    while _handlers:
        ours, theirs, handler = _handlers.pop()
        if shell.custom_exceptions is ours:
            shell.custom_exceptions, shell.CustomTB = theirs, handler


def _show_mistake(
    shell: Any, kind: type, error: BaseException, trace: TracebackType, tb_offset: Any = None
) -> None:
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
    err(errors.one_line(error) + "\n")

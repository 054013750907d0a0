"""The scope of a session: who asks, in which project and at which level of privileges.

A scope stamps new objects and filters what queries find; it is never the guard, which is the
database itself. Each thread has its own; a thread that never set one works in the main thread's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from awe.errors import DatabaseError

__all__ = ["Scope", "begin_later", "begun", "current", "use", "using"]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """User, project and level of privileges."""

    user_id: int
    user_name: str
    project_id: int
    project_name: str
    #: Level of new objects, and the lowest level queries find.
    privileges: int = 1


class _State(threading.local):
    scope: Scope | None = None


_state = _State()
_of_main_thread: list[Scope] = []
#: What a session that could not log in when it began will try at its first command.
_later: list[Callable[[], object]] = []


def current() -> Scope:
    """Return the scope of this thread."""
    scope = _known()
    if scope is None and _later:
        _later[-1]()
        scope = _known()
    if scope is None:
        msg = (
            "no session yet: run this with `awe`, or in plain Python begin with "
            "`import awe; awe.connect()`"
        )
        raise DatabaseError(msg)
    return scope


def begun() -> bool:
    """Return True if there is a session, or the first command that needs one begins it."""
    return _known() is not None or bool(_later)


def _known() -> Scope | None:
    return _state.scope or (_of_main_thread[-1] if _of_main_thread else None)


def begin_later(start: Callable[[], object] | None) -> None:
    """Call `start`, which has to `use` a scope, when one is first needed; None forgets it."""
    _later[:] = [start] if start else []


def use(scope: Scope | None) -> None:
    """Work in this scope from now on; None forgets it."""
    _state.scope = scope
    if threading.current_thread() is threading.main_thread():
        _of_main_thread[:] = [scope] if scope else []


@contextmanager
def using(scope: Scope) -> Iterator[Scope]:
    """Work in this scope inside the `with` block."""
    before = _state.scope
    use(scope)
    try:
        yield scope
    finally:
        use(before)

"""What awe gives an IPython shell, at its own prompt and in a notebook alike, and takes back.

Names, completion, users' mistakes in one line with `%traceback` for the rest, suggestions for
names nobody knows, recipes whose files came late, one line about figures that nobody sees, and
`awe> ` in front of pasted lines ignored.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from types import TracebackType
from typing import Any

from awe.errors import UserMistake
from awe.prompt import errors, figures, tab
from awe.prompt.namespace import add_all, add_tasks
from awe.prompt.results import Out
from awe.prompt.traits import Awe
from awe.terminal import err, out

__all__ = ["Manners"]

PASTED = re.compile(r"^\s*awe> ?")
#: seconds between two questions about jobs, and after one without an answer
NEWS = 3.0
NO_NEWS = 60.0
CONTINUED = re.compile(r"^\s*(awe>|\.\.\.) ?")


class Manners:
    """What one shell was given.

    Parameters
    ----------
    shell : InteractiveShell
        The shell that is given it.
    names : dict
        Names of the prompt, as it begins; `whole` adds the others.
    settings : Awe
        What the user set.
    debug : bool
        Show full tracebacks of users' mistakes.
    """

    def __init__(self, shell: Any, names: dict[str, Any], settings: Awe, *, debug: bool) -> None:
        self.shell = shell
        self.debug = debug
        self.names = names
        self._before = {n: shell.user_ns[n] for n in names if n in shell.user_ns}
        # what was there before the user came is not theirs: %who and %whos leave it out
        shell.push(names, interactive=False)
        shell.configurables.append(settings)
        self._settings = settings
        self._handlers = shell.custom_exceptions, shell.CustomTB
        self._show_other = shell.showtraceback
        self._take_mistakes()
        self._is_whole = False
        self._next_news = 0.0
        tab.install(shell, settings, self.whole)
        shell.input_transformer_manager.cleanup_transforms.insert(0, without_prompt)
        shell.events.register("pre_run_cell", self._before_run)
        shell.events.register("post_run_cell", self._after_run)
        shell.register_magic_function(self.traceback, "line", "traceback")

    def take_back(self) -> None:
        """Take it all back, except what was given another meaning since."""
        shell = self.shell
        shell.drop_by_id(self.names)
        gone = {n: value for n, value in self._before.items() if n not in shell.user_ns}
        shell.user_ns.update(gone)
        shell.configurables.remove(self._settings)
        if shell.custom_exceptions is self._exceptions:
            shell.custom_exceptions, shell.CustomTB = self._handlers
        if shell.showtraceback == self._show:
            shell.showtraceback = self._show_other
        tab.remove(shell)
        shell.input_transformer_manager.cleanup_transforms.remove(without_prompt)
        shell.events.unregister("pre_run_cell", self._before_run)
        shell.events.unregister("post_run_cell", self._after_run)
        shell.magics_manager.magics["line"].pop("traceback", None)

    # -- mistakes ----------------------------------------------------------------------------

    def _take_mistakes(self) -> None:
        """Show users' mistakes as one line, and let other exceptions go where they went."""
        theirs, handler = self._handlers

        def show(shell: Any, kind: type, error: BaseException, *trace: Any, **offset: Any) -> Any:
            if isinstance(error, UserMistake):
                return self._show((kind, error, *trace))
            return handler(kind, error, *trace, **offset)

        self._exceptions = (UserMistake, *theirs)
        self.shell.set_custom_exc(self._exceptions, show)
        self.shell.showtraceback = self._show

    def _show(self, *arguments: Any, **options: Any) -> None:
        """Show an exception; what a representation or a window raises comes this way, too."""
        given = arguments[0] if arguments else options.get("exc_tuple")
        kind, error, trace = given if given is not None else sys.exc_info()
        if error is not None and not isinstance(error, UserMistake):
            self._suggest(error)
        one_line = isinstance(error, Exception) and errors.is_mistake(error, debug=self.debug)
        if error is not None and one_line:
            self._show_line(kind, error, trace)
        else:  # %tb comes without one
            self._show_other(*arguments, **options)

    def _show_line(self, kind: Any, error: BaseException, trace: TracebackType | None) -> None:
        sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
        # %debug looks here first, at the error before this one
        self.shell.InteractiveTB.tb = None
        err(errors.one_line(error) + "\n")

    def _suggest(self, error: BaseException) -> None:
        results = self.shell.user_ns.get("Out")
        name = getattr(error, "name", None) if isinstance(error, NameError) else None
        if name and isinstance(results, Out) and (missed := results.missed(name)):
            error.args = (f"{error}{missed}",)
        else:
            errors.suggest(error, self.shell.user_ns)

    def traceback(self, line: str) -> None:
        """Show the full traceback of the last error."""
        if getattr(sys, "last_type", None) is None:
            out("no error so far\n")
            return
        self._show_other((sys.last_type, sys.last_value, sys.last_traceback))

    # -- around a command --------------------------------------------------------------------

    def whole(self) -> None:
        """See to it that all names are there; until somebody types, the prompt needs few."""
        if not self._is_whole:
            self._is_whole = True
            self._hide(add_all(self.shell.user_ns))

    def _before_run(self, info: Any) -> None:
        """Look for recipes whose files came since the session began, where one is named."""
        self.whole()
        self._hide(add_tasks(self.shell.user_ns, info.raw_cell))

    def _hide(self, new: dict[str, Any]) -> None:
        """Leave what is new and not the user's out of %who."""
        self.names.update(new)
        self.shell.user_ns_hidden.update(new)

    def _after_run(self, result: Any) -> None:
        """Say how a figure that was drawn comes to the screen, and which jobs are over."""
        waiting = figures.waiting()
        if waiting:
            sys.stdout.write(waiting + "\n")
        self._tell_of_jobs()

    def _tell_of_jobs(self) -> None:
        """Say once, to a person at a terminal, that the jobs this session submitted are over."""
        news = getattr(self.shell.user_ns.get("dpu"), "news", None)
        if news is None or not sys.stdout.isatty() or time.monotonic() < self._next_news:
            return
        # what cannot be asked now is asked much later: nobody typed this, and it may take long
        self._next_news = time.monotonic() + NO_NEWS
        with contextlib.suppress(UserMistake, KeyboardInterrupt):
            if line := news():
                out(line + "\n")
            self._next_news = time.monotonic() + NEWS


def without_prompt(lines: list[str]) -> list[str]:
    """Remove `awe> ` and `...` from lines copied out of a page or a terminal."""
    if not lines or not PASTED.match(lines[0]):
        return lines
    return [CONTINUED.sub("", line) for line in lines]


without_prompt.has_side_effects = False  # type: ignore[attr-defined]

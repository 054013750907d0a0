"""The interactive prompt: IPython, made to look and behave like the awe prompt.

Prompt `awe> `, continuation `...`, results printed as python prints them, history and profile
below `AWE_HOME`, awe's own Tab completion, users' mistakes as one line. Windows of `inspect()`
live in IPython's event loop, so the prompt goes on while they are open. Ctrl-D, SIGTERM and a
closed terminal all end the session the same way.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import warnings
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)
from IPython.core.profiledir import ProfileDir
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from IPython.terminal.prompts import Prompts, RichPromptDisplayHook
from pygments.token import Token  # type: ignore[import-untyped]
from traitlets import Type
from traitlets.config import Config

from awe.errors import UserMistake
from awe.prompt import errors
from awe.prompt.completion import complete
from awe.prompt.namespace import add_tasks
from awe.prompt.script import exit_status

__all__ = ["AweShell", "Ended", "run"]

PASTED = re.compile(r"^\s*awe> ?")


class Ended(BaseException):
    """The session was told to end by a signal while a command ran."""


class _Prompts(Prompts):
    """`awe> ` and `...`; results stand alone."""

    def in_prompt_tokens(self) -> list[tuple[Any, str]]:
        return [(Token.Prompt, "awe> ")]

    def continuation_prompt_tokens(self, *_: Any, **__: Any) -> list[tuple[Any, str]]:
        return [(Token.Prompt, "...  ")]

    def rewrite_prompt_tokens(self) -> list[tuple[Any, str]]:
        return [(Token.Prompt, "")]

    def out_prompt_tokens(self) -> list[tuple[Any, str]]:
        return []


class _Results(RichPromptDisplayHook):
    """Prints results and keeps the last one as `_`, no more: frames are large."""

    def update_user_ns(self, result: Any) -> None:
        shell: Any = self.shell
        shell.user_ns["_"] = result


class AweShell(TerminalInteractiveShell):
    """One interactive session."""

    displayhook_class = Type(_Results)
    debug = False
    exit_code = 0

    def before_run(self, info: Any) -> None:
        """Look for recipes whose files came since the prompt was started, where one is named."""
        add_tasks(self.user_ns, info.raw_cell)

    def showtraceback(self, *arguments: Any, **options: Any) -> None:
        """Show an exception; `sys.exit()` leaves the prompt as it leaves python."""
        error = sys.exc_info()[1]
        if isinstance(error, SystemExit):
            self.exit_code = exit_status(error.code)
            self.keep_running = False
            return
        super().showtraceback(*arguments, **options)

    def end_by_signal(self, number: int, frame: FrameType | None) -> None:
        """Leave the prompt, or break off the command that runs, because of a signal."""
        self.exit_code = 128 + number
        self.keep_running = False
        application = self.pt_app.app if self.pt_app is not None else None
        if application is not None and application.is_running:
            loop = application.loop or asyncio.get_event_loop()
            loop.call_soon_threadsafe(_leave, application)
        else:
            raise Ended

    def show_mistake(
        self, kind: type, error: BaseException, trace: TracebackType, tb_offset: Any = None
    ) -> None:
        """Show a user's mistake as one line; IPython calls this in place of a traceback."""
        if isinstance(error, Ended):
            return
        if errors.is_mistake(error, debug=self.debug):
            sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
            sys.stderr.write(errors.one_line(error) + "\n")
            return
        self.showtraceback((kind, error, trace), tb_offset=tb_offset)

    @context_matcher()  # type: ignore[untyped-decorator]
    def awe_matcher(self, context: CompletionContext) -> SimpleMatcherResult:
        """Give awe's own completions to IPython."""
        text = "\n".join(
            [
                *context.full_text.split("\n")[: context.cursor_line],
                context.text_until_cursor,
            ]
        )
        found = complete(text, self.user_ns)
        if found is None:
            return {"completions": [], "suppress": False}
        return {
            "completions": [SimpleCompletion(text=name) for name in found.names],
            "matched_fragment": found.part,
            "ordered": True,
            "suppress": {"IPCompleter.python_matcher", "IPCompleter.python_func_kw_matcher"},
        }


def _leave(application: Any) -> None:
    if application.is_running:
        application.exit(exception=EOFError())


def run(namespace: dict[str, Any], *, banner: str, home: Path, debug: bool) -> int:
    """Run the prompt until it is left; return the exit code.

    Parameters
    ----------
    namespace : dict
        Names at the prompt; the session's own are added.
    banner : str
        Printed first.
    home : Path
        `AWE_HOME`; history and profile are kept below it.
    debug : bool
        Show full tracebacks of users' mistakes.
    """
    directory = home / "prompt"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    shell: Any = AweShell.instance(
        config=_configuration(),
        user_ns=namespace,
        ipython_dir=str(directory),
        profile_dir=_profile(directory),
    )
    shell.debug = debug
    shell.set_custom_exc((UserMistake, KeyboardInterrupt, Ended), AweShell.show_mistake)
    shell.Completer.custom_matchers.append(shell.awe_matcher)
    shell.input_transformer_manager.cleanup_transforms.insert(0, _without_prompt)
    shell.events.register("pre_run_cell", shell.before_run)
    _add_magics(shell)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, shell.end_by_signal)
    sys.stdout.write(banner + "\n")
    warnings.filterwarnings("ignore", message="To exit: use")
    try:
        shell.mainloop()
    except Ended:
        shell.atexit_operations()
    return int(shell.exit_code)


def _profile(directory: Path) -> Any:
    make: Any = ProfileDir.create_profile_dir
    return make(str(directory))


def _configuration() -> Config:
    config = Config()
    shell = config.TerminalInteractiveShell
    shell.prompts_class = _Prompts
    shell.confirm_exit = False
    shell.autosuggestions_provider = None
    shell.separate_in = ""
    shell.separate_out = ""
    shell.separate_out2 = ""
    shell.term_title_format = "awe"
    shell.xmode = "Plain"
    shell.cache_size = 0
    shell.autoindent = False
    shell.enable_tip = False
    config.Completer.use_jedi = False
    config.Completer.evaluation = "minimal"
    config.IPCompleter.disable_matchers = [
        "IPCompleter.python_matcher",
        "IPCompleter.python_func_kw_matcher",
    ]
    return config


def _without_prompt(lines: list[str]) -> list[str]:
    """Remove `awe> ` and `...` from lines copied out of a page or a terminal."""
    if not lines or not PASTED.match(lines[0]):
        return lines
    return [re.sub(r"^\s*(awe>|\.\.\.) ?", "", line) for line in lines]


_without_prompt.has_side_effects = False  # type: ignore[attr-defined]


def _add_magics(shell: Any) -> None:
    def traceback(line: str) -> None:
        """Show the full traceback of the last error."""
        kind = getattr(sys, "last_type", None)
        if kind is None:
            sys.stdout.write("no error so far\n")
            return
        shell.showtraceback((kind, sys.last_value, sys.last_traceback))

    shell.register_magic_function(traceback, "line", "traceback")

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

from IPython.core.profiledir import ProfileDir
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from IPython.terminal.prompts import Prompts, RichPromptDisplayHook
from prompt_toolkit.utils import is_dumb_terminal
from pygments.token import Token  # type: ignore[import-untyped]
from traitlets import Type
from traitlets.config import Config

from awe.errors import UserMistake
from awe.prompt import errors, figures, matchers
from awe.prompt.namespace import add_tasks
from awe.prompt.page import awe_help
from awe.prompt.script import exit_status
from awe.terminal import err, harmless, out

__all__ = ["AweShell", "Ended", "run"]

PASTED = re.compile(r"^\s*awe> ?")


class Ended(BaseException):
    """The session was told to end by a signal while a command ran."""


class _Prompts(Prompts):
    """`awe> ` and `...`; results have no prompt."""

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

    def __call__(self, result: Any = None) -> None:
        module: Any = sys.modules.get("awe.inspect.said")
        if result is None or module is None or module.reading is not result:
            show: Any = super().__call__
            show(result)
            return
        module.reading = None
        self.update_user_ns(result)

    def update_user_ns(self, result: Any) -> None:
        shell: Any = self.shell
        shell.user_ns["_"] = result

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        """Print a result, harmless whatever it is made of."""
        plain = {**format_dict, "text/plain": harmless(str(format_dict.get("text/plain", "")))}
        super().write_format_data(plain, md_dict)


class AweShell(TerminalInteractiveShell):
    """One interactive session."""

    displayhook_class = Type(_Results)
    debug = False
    #: a traceback was requested
    whole = False
    exit_code = 0

    def before_run(self, info: Any) -> None:
        """Look for recipes whose files came since the prompt was started, where one is named."""
        add_tasks(self.user_ns, info.raw_cell)

    def showtraceback(self, *arguments: Any, **options: Any) -> None:
        """Show an exception; `sys.exit()` leaves the prompt as it leaves python."""
        given = arguments[0] if arguments else None
        error = given[1] if given is not None else sys.exc_info()[1]
        if isinstance(error, UserMistake) and not (self.debug or self.whole):
            # what a representation, a window or an event raises comes this way
            self.show_mistake(type(error), error, error.__traceback__)
            return
        if error is not None:
            errors.suggest(error, self.user_ns)
        if isinstance(error, SystemExit):
            self.exit_code = exit_status(error.code)
            self.keep_running = False
            return
        super().showtraceback(*arguments, **options)

    def show_usage(self) -> None:
        """Show awe's page: `?`."""
        awe_help()

    def after_run(self, result: Any) -> None:
        """Say how a figure that was drawn comes to the screen."""
        waiting = figures.waiting()
        if waiting:
            sys.stdout.write(waiting + "\n")

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
        self,
        kind: type,
        error: BaseException,
        trace: TracebackType | None,
        tb_offset: Any = None,
    ) -> None:
        """Show a user's mistake as one line; IPython calls this in place of a traceback."""
        if isinstance(error, Ended):
            return
        if errors.is_mistake(error, debug=self.debug):
            sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
            err(errors.one_line(error) + "\n")
            return
        self.showtraceback((kind, error, trace), tb_offset=tb_offset)


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
    # what was there before the user came is not theirs: %who and %whos leave it out
    shell.user_ns_hidden.update(namespace)
    shell.set_custom_exc((UserMistake, KeyboardInterrupt, Ended), AweShell.show_mistake)
    matchers.install(shell)
    shell.input_transformer_manager.cleanup_transforms.insert(0, _without_prompt)
    shell.events.register("pre_run_cell", shell.before_run)
    shell.events.register("post_run_cell", shell.after_run)
    _add_magics(shell)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, shell.end_by_signal)
    out(banner + "\n")
    warnings.filterwarnings("ignore", message="To exit: use")
    try:
        shell.mainloop()
    except Ended:
        shell.atexit_operations()
    return int(shell.exit_code)


def _plain_return(shell: Any) -> Any:
    """Return what Return does on a terminal that cannot take a letter back."""

    def enter(event: Any) -> None:
        buffer = event.current_buffer
        if shell.check_complete(buffer.text)[0] == "incomplete":
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    return enter


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
    shell.autoindent = True
    if is_dumb_terminal():
        shell.handle_return = _plain_return
    shell.enable_tip = False
    config.Completer.use_jedi = False
    config.Completer.evaluation = "limited"
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
            out("no error so far\n")
            return
        shell.whole = True
        try:
            shell.showtraceback((kind, sys.last_value, sys.last_traceback))
        finally:
            shell.whole = False

    shell.register_magic_function(traceback, "line", "traceback")

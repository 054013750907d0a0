"""The interactive prompt: IPython, made to look and behave like the awe prompt.

Prompt `awe> `, continuation `...`, results printed as python prints them. Windows of `inspect()`
live in IPython's event loop, so the prompt goes on while they are open. Ctrl-D, SIGTERM and a
closed terminal all end the session the same way.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import warnings
from types import FrameType, TracebackType
from typing import Any

from IPython.terminal.interactiveshell import TerminalInteractiveShell
from IPython.terminal.prompts import Prompts, RichPromptDisplayHook
from prompt_toolkit.utils import is_dumb_terminal
from pygments.token import Token  # type: ignore[import-untyped]
from traitlets import Type
from traitlets.config import Config

from awe.prompt import errors, results
from awe.prompt.page import awe_help
from awe.prompt.script import exit_status
from awe.prompt.traits import Awe
from awe.terminal import err, harmless, out

__all__ = ["AweShell", "Ended", "defaults"]


class Ended(BaseException):
    """The session was told to end by a signal while a command ran."""


class _Prompts(Prompts):
    """What the settings say, `awe> ` and `...`; results have no prompt."""

    shell: Any

    def in_prompt_tokens(self) -> list[tuple[Any, str]]:
        return [(Token.Prompt, self._shown(self.shell.settings.prompt))]

    def continuation_prompt_tokens(self, *_: Any, **__: Any) -> list[tuple[Any, str]]:
        return [(Token.Prompt, self._shown(self.shell.settings.continuation))]

    def rewrite_prompt_tokens(self) -> list[tuple[Any, str]]:
        return [(Token.Prompt, "")]

    def out_prompt_tokens(self) -> list[tuple[Any, str]]:
        return []

    def _shown(self, text: str) -> str:
        return harmless(self.shell.settings.shown(text, self.shell.execution_count))


class _Results(RichPromptDisplayHook):
    """Prints results, and keeps all but frames."""

    def __call__(self, result: Any = None) -> None:
        module: Any = sys.modules.get("awe.inspect.said")
        if result is None or module is None or module.reading is not result:
            show: Any = super().__call__
            show(result)
            return
        module.reading = None
        self.update_user_ns(result)

    def update_user_ns(self, result: Any) -> None:
        """Keep a result as `_`, and as `Out[n]` where it is not too large."""
        shell: Any = self.shell
        if not shell.settings.keep_results or not self.do_full_cache:
            shell.user_ns["_"] = result
            return
        keep: Any = super().update_user_ns
        keep(result)
        limit = shell.settings.largest_result
        self._let_go(limit)
        number = self.prompt_count
        if results.size(result, limit) > limit and number in shell.user_ns["Out"]:
            shell.user_ns["Out"].leave_out(number, result)
            for names in (shell.user_ns, shell.user_ns_hidden):
                names.pop(f"_{number}", None)

    def _let_go(self, limit: int) -> None:
        """Let go of what was too large and is not the last result any more."""
        shell: Any = self.shell
        for name in ("__", "___"):
            value = getattr(self, name)
            if results.size(value, limit) > limit:
                setattr(self, name, "")
                shell.push({name: ""}, interactive=False)

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        """Print a result, harmless whatever it is made of."""
        plain = {**format_dict, "text/plain": harmless(str(format_dict.get("text/plain", "")))}
        super().write_format_data(plain, md_dict)


class AweShell(TerminalInteractiveShell):
    """One interactive session."""

    displayhook_class = Type(_Results)
    #: what the user set, and what greets them
    settings: Awe
    greeting = ""
    exit_code = 0

    def __init__(self, *arguments: Any, settings: Awe, greeting: str, **options: Any) -> None:
        # prompts are made on the way
        self.settings = settings
        self.greeting = greeting
        super().__init__(*arguments, **options)
        take: Any = self.set_custom_exc
        take((KeyboardInterrupt, Ended), AweShell.show_interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.end_by_signal)
        warnings.filterwarnings("ignore", message="To exit: use")

    def init_history(self) -> None:
        """Set up the history, with results that are not kept whatever they are."""
        set_up: Any = super().init_history
        set_up()
        manager: Any = self.history_manager
        # IPython takes Out from the history manager when it fills the namespace, later on.
        manager.output_hist = results.Out()

    def show_banner(self, banner: str | None = None) -> None:
        """Greet, unless the settings say not to."""
        if self.settings.banner:
            out((self.greeting if banner is None else banner) + "\n")

    def showtraceback(self, *arguments: Any, **options: Any) -> None:
        """Show an exception; `sys.exit()` leaves the prompt as it leaves python."""
        given = arguments[0] if arguments else None
        error = given[1] if given is not None else sys.exc_info()[1]
        if isinstance(error, SystemExit):
            self.exit_code = exit_status(error.code)
            self.keep_running = False
            return
        super().showtraceback(*arguments, **options)

    def show_usage(self) -> None:
        """Show awe's page: `?`."""
        awe_help()

    def end_by_signal(self, number: int, frame: FrameType | None) -> None:
        """Leave the prompt, or break off the command that runs, because of a signal."""
        self.exit_code = 128 + number
        self.keep_running = False
        application = self.pt_app.app if self.pt_app is not None else None
        # While the prompt waits for a line, prompt_toolkit's loop has to be told, and from a
        # signal only call_soon_threadsafe wakes it. While a command runs, an exception ends the
        # command; a BaseException, which `except Exception` in a user's code does not catch.
        if application is not None and application.is_running:
            loop = application.loop or asyncio.get_event_loop()
            loop.call_soon_threadsafe(_leave, application)
        else:
            raise Ended

    def show_interrupt(
        self,
        kind: type,
        error: BaseException,
        trace: TracebackType | None,
        tb_offset: Any = None,
    ) -> None:
        """Say in one line that a command was broken off."""
        if not isinstance(error, Ended):
            sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
            err(errors.one_line(error) + "\n")


def _leave(application: Any) -> None:
    if application.is_running:
        application.exit(exception=EOFError())


def _plain_return(shell: Any) -> Any:
    """Return what Return does on a terminal that cannot take a letter back."""

    def enter(event: Any) -> None:
        buffer = event.current_buffer
        if shell.check_complete(buffer.text)[0] == "incomplete":
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    return enter


def defaults() -> Config:
    """Return how the prompt differs from IPython, where its user does not say otherwise.

    Each trait is set under the class that declares it, so that a setting under that class or
    any other below it takes its place.
    """
    config = Config()
    shell, terminal = config.InteractiveShell, config.TerminalInteractiveShell
    terminal.prompts_class = _Prompts
    terminal.confirm_exit = False
    terminal.autosuggestions_provider = None
    terminal.term_title_format = "awe"
    if is_dumb_terminal():
        terminal.handle_return = _plain_return
    shell.separate_in = ""
    shell.separate_out = ""
    shell.separate_out2 = ""
    shell.xmode = "Plain"
    shell.autoindent = True
    shell.enable_tip = False
    config.Completer.use_jedi = False
    return config

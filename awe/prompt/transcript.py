"""`transcript('night.py')`: what is typed and what came of it, as a script that can be run again.

Commands are written as they were typed, results and job numbers as comments below them. What
failed, and what only a prompt understands (`%timeit`, `!ls`), is written as a comment too, so
that `awe night.py` runs the file from end to end.
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Any

from awe import __version__
from awe.db.server import scope
from awe.errors import ArgumentError, FileTaken, Refused
from awe.terminal import harmless, out

__all__ = ["Transcript", "transcript"]

#: Lines of a result, and letters of a line, that are written down.
MOST_LINES = 30
LONGEST = 200


class Transcript:
    """The file a session is written into, command by command.

    Parameters
    ----------
    shell : InteractiveShell
        The shell whose commands are written down.
    path : Path
        The file.
    """

    def __init__(self, shell: Any, path: Path) -> None:
        self._shell = shell
        self.path = path
        self._jobs = len(self._submitted())
        shell.events.register("post_run_cell", self.write)

    def stop(self) -> None:
        """Write no further command."""
        self._shell.events.unregister("post_run_cell", self.write)

    def begin(self, earlier: list[str]) -> None:
        """Write the head of the file, and what was typed before."""
        here = scope.current()
        now = datetime.datetime.now(datetime.UTC)
        self._add([
            f"# awe {__version__}, {now:%Y-%m-%d %H:%M:%S} UTC, {here.user_name} in "
            f"{here.project_name}, level {here.privileges}; run it again: awe {self.path.name}",
            f"context.set_project({here.project_name!r})",
            f"context.set_privileges({here.privileges})",
        ])  # fmt: skip
        for code in earlier:
            self._add(["", *_code(code)])

    def write(self, result: Any) -> None:
        """Write a command and what came of it."""
        code = result.info.raw_cell.strip()
        error = result.error_before_exec or result.error_in_exec
        if not code or code.startswith("transcript("):
            return
        lines = ["", f"# {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M:%S}"]
        if error is not None:
            text = " ".join(str(error).split())
            lines += [*_comments(code), *_comments(f"{type(error).__name__}: {text}")]
        else:
            lines += _code(code)
            if result.result is not None:
                lines += _comments(_shown(result.result))
        submitted = self._submitted()
        new, self._jobs = submitted[self._jobs :], len(submitted)
        if new:
            lines.append(f"# submitted: jobs {', '.join(map(str, new))}")
        self._add(lines)

    def _submitted(self) -> list[int]:
        dpu = self._shell.user_ns.get("dpu")
        return list(dpu.get_jobids()) if hasattr(dpu, "get_jobids") else []

    def _add(self, lines: list[str]) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
        except OSError as error:
            self.stop()
            sys.stderr.write(f"the transcript {self.path} ends here: {error.strerror}\n")


_running: list[Transcript] = []


def transcript(filename: str | Path | None = None, *, append: bool = False) -> None:
    """Write the session into a file from now on, what was typed before included; None ends it.

    Commands are as they were typed, results, errors and job numbers are comments: the file is a
    script, `awe night.py` runs it again. A command that failed is a comment.

    Parameters
    ----------
    filename : str or Path, optional
        The new file; without one the transcript that runs is ended.
    append : bool
        Whether the session is added to a file that is there.

    Raises
    ------
    FileTaken
        There is a file of that name, and `append` is False.
    ArgumentError
        The file cannot be written.
    Refused
        This is a script, where nothing is typed.
    """
    shell = _shell()
    if shell is None:
        msg = "transcript() writes down what is typed at a prompt; a script is its own transcript"
        raise Refused(msg)
    if filename is None:
        _end()
        return
    path = Path(filename).expanduser().absolute()
    try:
        path.open("a" if append else "x", encoding="utf-8").close()
    except FileExistsError as error:
        msg = f"{path} is there already: another name, or append=True to go on in it"
        raise FileTaken(msg) from error
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}; give another name"
        raise ArgumentError(msg) from error
    _end()
    made = Transcript(shell, path)
    made.begin(_earlier(shell))
    _running.append(made)
    out(f"this session is written to {path}; transcript() ends that\n")


def _end() -> None:
    while _running:
        ended = _running.pop()
        ended.stop()
        out(f"transcript {ended.path} ended\n")


def _shell() -> Any:
    module: Any = sys.modules.get("IPython")
    return None if module is None else module.get_ipython()


def _earlier(shell: Any) -> list[str]:
    """Return what was typed before in this session, without the call that is running."""
    history = [str(code).strip() for code in shell.user_ns.get("In", [])[1:-1]]
    return [code for code in history if code and not code.startswith("transcript(")]


def _code(code: str) -> list[str]:
    """Return lines of code as they are, or as comments where only a prompt understands them."""
    try:
        compile(code, "<transcript>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return _comments(code)
    return harmless(code).split("\n")


def _shown(result: Any) -> str:
    try:
        return repr(result)
    except Exception as error:  # whatever a representation raises was shown already
        return f"{type(error).__name__}: {error}"


def _comments(text: str) -> list[str]:
    lines = harmless(text).split("\n")
    shown = [f"# {line[:LONGEST]}".rstrip() for line in lines[:MOST_LINES]]
    more = len(lines) - MOST_LINES
    return [*shown, f"# ... {more} more lines"] if more > 0 else shown

"""How an exception is shown at the prompt and by scripts.

A user's mistake is one line, `NoCalibration: no master flat for ...`; anything else keeps its
traceback. The traceback of a mistake is one command away (`%traceback`), or always shown with
`debug : 1` in the configuration.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import os
import traceback
from collections.abc import Iterable
from types import TracebackType

from awe import astrowise
from awe.errors import UserMistake, nearest
from awe.terminal import err, harmless

__all__ = ["is_mistake", "one_line", "report", "suggest"]

#: Mark of an error whose one line says what to do.
TOLD = "awe says what to do"

PRELOADED = os.sep + "prompt" + os.sep + "script.py"


def is_mistake(error: BaseException, *, debug: bool) -> bool:
    """Return True where one line says enough."""
    told = isinstance(error, (UserMistake, KeyboardInterrupt)) or TOLD in vars(error)
    return told and not debug


def one_line(error: BaseException) -> str:
    """Return `Name: message` on a single line."""
    if isinstance(error, KeyboardInterrupt):
        return f"Interrupted: {error}" if str(error) else "Interrupted"
    text = harmless(" ".join(str(error).split()), lines=False)
    name = error.code if isinstance(error, UserMistake) else type(error).__name__
    return f"{name}: {text}" if text else name


def suggest(error: BaseException, names: Iterable[str], source: str | bytes = "") -> None:
    """Let a NameError name what may have been meant: a known name, or text without its quotes.

    Of names and modules of Astro-WISE that are not here one line says what there is instead.

    Parameters
    ----------
    error : BaseException
        What was raised.
    names : iterable of str
        Names that are known.
    source : str or bytes
        What ran, where python does not find it by its file name.
    """
    name = getattr(error, "name", None)
    if _tell_instead(error, name):
        return
    if not isinstance(error, NameError) or not name or "did you mean" in str(error):
        return
    known = [*names, *dir(builtins)]
    hint = nearest(name, known) if name not in known else ""
    if name in known and not isinstance(error, UnboundLocalError):
        # %run gives a file a namespace of its own
        hint = "; a file has the names of the prompt with %run -i FILE, and with awe FILE"
    if not hint and _is_value(name, error.__traceback__, source):
        hint = f"; did you mean {name!r} in quotes?"
    error.args = (f"{error}{hint}",)


def _tell_instead(error: BaseException, name: str | None) -> bool:
    """Let an error about a name or module of Astro-WISE say what to use instead."""
    instead = ""
    if name and isinstance(error, NameError):
        instead = astrowise.of_name(name)
    elif name and isinstance(error, ModuleNotFoundError):
        instead = astrowise.of_module(name)
    if instead:
        error.args = (text := f"{error}; {instead}",)
        if isinstance(error, ImportError):
            error.msg = text
        vars(error)[TOLD] = True
    return bool(instead)


def _is_value(name: str, trace: TracebackType | None, source: str | bytes) -> bool:
    """Return True if a name was used as a value: as an argument, or in a comparison."""
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    known = linecache.getlines(trace.tb_frame.f_code.co_filename)
    try:
        tree = ast.parse("".join(known) if known else source)
    except (SyntaxError, ValueError):
        return False
    return any(
        isinstance(value, ast.Name) and value.id == name and value.lineno == trace.tb_lineno
        for node in ast.walk(tree)
        for value in _values(node)
    )


def _values(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        return [*node.args, *(keyword.value for keyword in node.keywords)]
    return node.comparators if isinstance(node, ast.Compare) else []


def report(error: BaseException, *, debug: bool, skip: str = PRELOADED) -> None:
    """Write an exception to standard error the way it deserves.

    Parameters
    ----------
    error : BaseException
        What was raised.
    debug : bool
        Show tracebacks of users' mistakes too.
    skip : str
        Frames at the top of the traceback whose file name ends so are awe's own and left out.
    """
    if is_mistake(error, debug=debug):
        err(one_line(error) + "\n")
        return
    trace = _without(error.__traceback__, skip)
    err("".join(traceback.format_exception(type(error), error, trace)))


def _without(trace: TracebackType | None, skip: str) -> TracebackType | None:
    while trace is not None and trace.tb_frame.f_code.co_filename.endswith(skip):
        trace = trace.tb_next
    return trace

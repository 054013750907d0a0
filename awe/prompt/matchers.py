"""Completions of awe next to those of IPython, at the prompt and in notebooks alike.

The answers of awe come first, and where it has some they are the only ones: links by their
declared types, arguments, values in quotes. Everything else completes as in any IPython, under
IPython's own policy of what may be evaluated, with three exceptions: magics are offered at the
start of a line only, files only where a path is possible, in a string without backslashes, and no
attribute of a persistent object is read: for a Tab nothing asks the database or fetches a file.
"""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
)
from IPython.core.guarded_eval import EVALUATION_POLICIES

from awe.prompt.completion import complete, listed
from awe.prompt.expressions import open_bracket, open_string
from awe.prompt.stand_ins import chain_of, is_ours, ours_in, stand_in

__all__ = ["match", "may_be_read"]

#: IPython's matchers that are silent where awe speaks.
OTHERS = {"IPCompleter.jedi_matcher", "IPCompleter.dict_key_matcher"}
LINE_START = re.compile(r"\s*%{0,2}\w*\Z")
CALL = re.compile(r"[\w\])]\s*\Z")


def may_be_read(completer: Any, value: Any, name: str) -> bool:
    """Return True if IPython's policy reads an attribute, and its object is not awe's."""
    usual: Any = EVALUATION_POLICIES[completer.evaluation]
    return not is_ours(value) and bool(usual.can_get_attr(value, name))


def match(shell: Any, context: CompletionContext, *, ours: bool) -> SimpleMatcherResult:
    """Return what a shell offers at the cursor.

    Parameters
    ----------
    shell : InteractiveShell
        Its names, and its own matchers.
    context : CompletionContext
        What is typed, and where the cursor is.
    ours : bool
        Let awe answer before IPython.
    """
    if ours:
        return _match(shell, context)
    return _asked(shell, context, "magic", "file", "python", "python_func_kw")


def _match(shell: Any, context: CompletionContext) -> SimpleMatcherResult:
    line = context.text_until_cursor
    above = context.full_text.split("\n")[: context.cursor_line]
    if shell.Completer._is_completing_in_cli_context(line):
        return _asked(shell, context, "magic", "file")
    text = "\n".join([*above, line])
    found = complete(text, shell.user_ns)
    if found is not None and found.names:
        names = [SimpleCompletion(text=name) for name in found.names]
        magics = _asked(shell, context, "magic") if LINE_START.match(line) else _nothing()
        return {
            "completions": [*names, *magics["completions"]],
            "matched_fragment": found.part,
            "ordered": True,
            "suppress": OTHERS,
        }
    if open_string(text) is not None:
        return _files(text) if found is None else _nothing()
    return _of_others(shell, context, above)


def _of_others(shell: Any, context: CompletionContext, above: list[str]) -> SimpleMatcherResult:
    """Return what IPython finds where awe has nothing to say."""
    line = context.text_until_cursor
    if LINE_START.match(line):
        return _asked(shell, context, "magic", "python", "python_func_kw")
    split = chain_of(line)
    if split is None:
        return _asked(shell, context, "python", "python_func_kw")
    if shell.Completer.use_jedi:
        return _nothing()
    chain, part = split
    if ours_in(chain, shell.user_ns):
        found = stand_in(chain, shell.user_ns, shell.Completer)
        names = listed(part, dir(found.value)) if found is not None else ()
        return {
            "completions": [SimpleCompletion(text=name) for name in names],
            "matched_fragment": part,
            "suppress": False,
        }
    # what the lines above do with awe's objects must not be done for a Tab
    kept = [each for each in above if not ours_in(each, shell.user_ns)]
    lines = [*kept, *context.full_text.split("\n")[context.cursor_line :]]
    narrowed = dataclasses.replace(context, full_text="\n".join(lines), cursor_line=len(kept))
    result: SimpleMatcherResult = shell.Completer.python_matcher(narrowed)
    return result


def _nothing() -> SimpleMatcherResult:
    """Return an answer without completions, a new one: IPython writes what was typed into it."""
    return {"completions": [], "suppress": False}


def _asked(shell: Any, context: CompletionContext, *names: str) -> SimpleMatcherResult:
    """Return what several of IPython's own matchers find."""
    completions: list[SimpleCompletion] = []
    python = {"python", "python_func_kw"} if shell.Completer.use_jedi else set()
    for name in names:
        if name not in python:
            completions += getattr(shell.Completer, f"{name}_matcher")(context)["completions"]
    return {"completions": completions, "suppress": False}


def _files(text: str) -> SimpleMatcherResult:
    """Return the files for a string that may be a path: an argument, or what looks like one."""
    begin = open_string(text)
    if begin is None or begin < 0:
        return _nothing()
    typed = text[begin + 1 :]
    before = re.sub(r"(?<!\w)[rRbBfFuU]{1,2}\Z", "", text[:begin])
    opening = open_bracket(before)
    called = opening > 0 and before[opening] == "(" and bool(CALL.search(before[:opening]))
    if not (called or "/" in typed or typed.startswith(("~", "."))):
        return _nothing()
    folder, slash, part = typed.rpartition("/")
    place = Path(f"{folder}{slash}" or ".").expanduser()
    try:
        entries = sorted(os.scandir(place), key=lambda entry: entry.name)
    except OSError:
        return _nothing()
    names = [
        f"{folder}{slash}{entry.name}{'/' if entry.is_dir() else ''}"
        for entry in entries
        if entry.name.startswith(part) and (part or not entry.name.startswith("."))
    ]
    fitting = [n for n in names if n.isprintable() and text[begin] not in n and "\\" not in n]
    return {
        "completions": [SimpleCompletion(text=name, type="path") for name in fitting],
        "matched_fragment": typed,
        "ordered": True,
        "suppress": False,
    }

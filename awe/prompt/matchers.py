"""Completions of awe handed to IPython, at the prompt and in notebooks alike.

Where awe has something to say, it alone speaks; where it has nothing, IPython's own completions
are as they ever were, with two exceptions: magics are offered at the start of a line only, and
files only where a path is possible, in a string without backslashes.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from awe.prompt.completion import complete
from awe.prompt.expressions import open_bracket, open_string

__all__ = ["install", "remove"]

OURS = "awe"
#: IPython's matchers that are silent where awe speaks.
OTHERS = {"IPCompleter.jedi_matcher", "IPCompleter.dict_key_matcher"}
#: Those that awe asks itself, where they belong.
ASKED = [f"IPCompleter.{name}_matcher" for name in ("magic", "file", "python", "python_func_kw")]
LINE_START = re.compile(r"\s*%{0,2}\w*\Z")
CALL = re.compile(r"[\w\])]\s*\Z")


def install(shell: Any) -> None:
    """Let a shell complete as the prompt does."""

    @context_matcher(identifier=OURS)  # type: ignore[untyped-decorator]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        return _match(shell, context)

    completer = shell.Completer
    completer.custom_matchers.append(match)
    completer.disable_matchers = [*completer.disable_matchers, *ASKED]


def remove(shell: Any) -> None:
    """Take back what `install` did."""
    completer = shell.Completer
    kept = [m for m in completer.custom_matchers if getattr(m, "matcher_identifier", "") != OURS]
    completer.custom_matchers[:] = kept
    completer.disable_matchers = [m for m in completer.disable_matchers if m not in ASKED]


def _match(shell: Any, context: CompletionContext) -> SimpleMatcherResult:
    line = context.text_until_cursor
    above = context.full_text.split("\n")[: context.cursor_line]
    if shell.Completer._is_completing_in_cli_context(line):
        return _merged(shell, context, ("magic_matcher", "file_matcher"))
    text = "\n".join([*above, line])
    found = complete(text, shell.user_ns)
    if found is not None and found.names:
        names = [SimpleCompletion(text=name) for name in found.names]
        magics = shell.Completer.magic_matcher(context) if LINE_START.match(line) else _nothing()
        return {
            "completions": [*names, *magics["completions"]],
            "matched_fragment": found.part,
            "ordered": True,
            "suppress": OTHERS,
        }
    if open_string(text) is not None:
        return _files(text) if found is None else _nothing()
    python = () if shell.Completer.use_jedi else ("python_matcher", "python_func_kw_matcher")
    return _merged(shell, context, ("magic_matcher", *python)[not LINE_START.match(line) :])


def _nothing() -> SimpleMatcherResult:
    """Return an answer without completions, a new one: IPython writes what was typed into it."""
    return {"completions": [], "suppress": False}


def _merged(
    shell: Any, context: CompletionContext, names: tuple[str, ...]
) -> SimpleMatcherResult:
    """Return what several of IPython's own matchers find."""
    completions: list[SimpleCompletion] = []
    for name in names:
        completions += getattr(shell.Completer, name)(context)["completions"]
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

"""Sessions at the prompt as they stand on the pages: read, and coloured.

A session is a code block whose language is `awe`. A command begins with `awe> ` and goes on while
its brackets are open, after a backslash, or in a line that begins with `... `; what stands between
it and the next command is its output. An output line that is `...`, and a `...` inside a line,
stand for anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pygments.lexer import Lexer
from pygments.lexers import PythonLexer
from pygments.token import Generic

__all__ = ["Command", "Session", "SessionLexer", "read", "sessions"]

PROMPT = "awe> "
BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+?) -->\n)?^```awe\n(?P<text>.*?)^```$", re.M | re.S
)


@dataclass
class Command:
    """A command and what the page says it prints."""

    code: str
    output: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Session:
    """One block of a page; `reason` says why nobody can run it, or is empty."""

    line: int
    reason: str
    commands: list[Command]


def sessions(page: str) -> Iterator[Session]:
    """Yield the sessions of a page, in order."""
    for block in BLOCK.finditer(page):
        line = page.count("\n", 0, block.start("text")) + 1
        yield Session(line, block["reason"] or "", read(block["text"]))


def read(text: str) -> list[Command]:
    """Return the commands of one block."""
    found: list[Command] = []
    for line in text.splitlines():
        if line.startswith(PROMPT):
            found.append(Command(line.removeprefix(PROMPT)))
        elif found and not found[-1].output and _goes_on(found[-1].code, line):
            found[-1].code += "\n" + line.removeprefix("... ")
        elif found:
            found[-1].output.append(line)
    return found


def _goes_on(code: str, line: str) -> bool:
    bare = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|#.*", "", code)
    opened = sum(bare.count(c) for c in "([{") - sum(bare.count(c) for c in ")]}")
    return opened > 0 or bare.endswith("\\") or line.startswith("... ")


class SessionLexer(Lexer):
    """Colours of a session: prompt, Python, output."""

    name = "awe session"
    aliases = ("awe",)

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, Any, str]]:
        """Yield place, kind and text of every token."""
        place = 0
        code = ""
        for line in text.splitlines(keepends=True):
            bare = line.rstrip("\n")
            command = bare.startswith(PROMPT)
            if command:
                code = bare.removeprefix(PROMPT)
            elif code and _goes_on(code, bare):
                code += "\n" + bare
            else:
                code = ""
            if not code:
                yield place, Generic.Output, line
            else:
                start = len(PROMPT) if command else 0
                if command:
                    yield place, Generic.Prompt, PROMPT
                for at, kind, token in PythonLexer().get_tokens_unprocessed(line[start:]):
                    yield place + start + at, kind, token
            place += len(line)


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx about the language."""
    app.add_lexer("awe", SessionLexer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

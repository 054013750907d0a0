"""Fenced blocks of the pages that are no sessions: commands that parse, Python that imports.

Sessions at the prompt are typed by `tests/tutorial/test_sessions.py`, the blocks of the page on
scripts are run by `tests/prompt/test_connect.py`.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from awe.admin.manual import COMMANDS
from awe.lazy import resolve

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([*(DOCS / "howto").glob("*.md"), *DOCS.glob("*.md"), DOCS.parent / "README.md"])
BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (?P<line>awe(?:-\w+)? .*)$", re.MULTILINE)


def commands(page: Path) -> list[str]:
    text = page.read_text()
    blocks = [block["text"] for block in BLOCK.finditer(text) if block["kind"] in ("", "sh")]
    lines = [line for block in blocks for line in block.splitlines()]
    lines += [found["line"] for found in INDENTED.finditer(text)]
    return [line for line in lines if re.match(r"(\$ )?awe(-admin|-ingest)?( |$)", line)]


LINES = [(page.name, line) for page in PAGES for line in commands(page)]


@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_command_of_a_page_is_one_its_program_takes(page: str, line: str) -> None:
    words = shlex.split(line.removeprefix("$ ").split(" && ")[0], comments=True)
    name, arguments = words[0], words[1:]
    if name == "awe":
        # a script, -c or notebook ends its own options
        ends = [n for n, word in enumerate(arguments) if word == "-c" or word[0] != "-"]
        arguments = arguments[: ends[0]] if ends else arguments
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.suppress(SystemExit):
        COMMANDS[name]().parse_args(arguments)
    assert not told.getvalue(), f"{page}: {line}\n{told.getvalue()}"


def test_there_are_commands_and_a_wrong_one_would_be_seen() -> None:
    assert len(LINES) > 30
    with pytest.raises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
        COMMANDS["awe-admin"]().parse_args(["backpu", "x"])


PYTHON = [
    (f"{page.name}:{page.read_text().count(chr(10), 0, block.start('text'))}", block["text"])
    for page in PAGES
    for block in BLOCK.finditer(page.read_text())
    if block["kind"] == "python"
]


@pytest.mark.parametrize(("place", "text"), PYTHON, ids=[place for place, _ in PYTHON])
def test_a_block_of_python_parses_and_what_it_imports_of_awe_is_there(
    place: str, text: str
) -> None:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "awe":
            for alias in node.names:
                try:
                    resolve(f"{node.module}:{alias.name}")
                except AttributeError:
                    resolve(f"{node.module}.{alias.name}")

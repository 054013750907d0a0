"""The sessions of the pages, typed at a real prompt and compared with what the pages print."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from prompt_faults import admin
from prompt_process import Prompt
from sessions import Command, Session, sessions

from awe import errors

__all__ = ["DOCS", "README", "REASONS", "Played", "account", "difference", "pages", "play"]

DOCS = Path(__file__).parents[2] / "docs"
README = DOCS.parent / "README.md"
PASTE = "\x1b[200~{}\x1b[201~"
MISTAKE = re.compile(rf"^(?:Traceback|(?:{'|'.join(errors.__all__)})\b.*?:|\w+Error: )", re.M)

#: Why a session of a page may be left alone; every reason is counted.
REASONS = {
    "it takes an archive in the net": "no test leaves this machine",
    "a second person": "what it shows takes a login of somebody else",
    "it needs the reference above": "the page begins with a table of the reader's own",
    "it needs the standards above": "the page begins with a table of the reader's own",
}


@dataclass(frozen=True)
class Played:
    """A command as a page has it, and what the prompt printed."""

    place: str
    command: Command
    printed: str


def pages() -> dict[str, list[Session]]:
    """Return the sessions of every page that has some, by its name."""
    found = {}
    for page in [README, *sorted(DOCS.rglob("*.md"))]:
        read = list(sessions(page.read_text()))
        if read:
            found[os.path.relpath(page, DOCS)] = read
    return found


def play(home: Path, directory: Path, page: str) -> list[Played]:
    """Type the sessions of a page one after the other, at a prompt of an account of its own."""
    name = "page_" + re.sub(r"\W+", "_", page.removesuffix(".md")).strip("_").lower()
    prompt = Prompt(home, directory, **account(home, name), TQDM_DISABLE="1")
    played = []
    try:
        prompt.type("import pydoc; pydoc.pager = pydoc.plainpager")
        for session in pages()[page]:
            if session.reason:
                continue
            for command in session.commands:
                printed = prompt.type(_keys(command.code), timeout=300)
                printed = re.sub(name, "STUDENT", printed, flags=re.IGNORECASE)
                played.append(Played(f"{page}:{session.line}", command, printed))
    finally:
        prompt.close()
    return played


def difference(played: Played) -> str | None:
    """Say how what was printed differs from the page, or return None."""
    wanted = "\n".join(played.command.output)
    told = f"{played.place}: {played.command.code}\n{played.printed}"
    if MISTAKE.search(played.printed) and not MISTAKE.search(wanted):
        return f"{told}\n(a mistake the page does not show)"
    if not wanted or re.fullmatch(_pattern(wanted), _squeezed(played.printed)):
        return None
    return f"{told}\n(the page has)\n{wanted}"


def _pattern(wanted: str) -> str:
    parts = (re.escape(_squeezed(part)) for part in wanted.split("..."))
    return "(?s:" + r"\s*.*?\s*".join(parts) + ")"


def _squeezed(text: str) -> str:
    """Make layout and the running numbers of jobs alike."""
    return re.sub(r"^\[\d+\]|\bjob \d+", "job N", " ".join(text.split()))


def _keys(code: str) -> str:
    if "\n" not in code:
        return code
    block = code.splitlines()[-1].startswith(" ") and re.match(r"(class|def|for|with|if)\b", code)
    return PASTE.format(code.replace("\n", "\r")) + ("\n" if block else "")


def account(home: Path, name: str) -> dict[str, str]:
    """Make an account and return how it logs in, as configuration."""
    made = admin(home, "user", "add", name, "--project", "TUTORIAL2015")
    return dict(re.findall(r"^(database_\w+) *: (\S+)$", made, re.MULTILINE))

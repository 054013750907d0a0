"""`awe-admin manual`, `awe-admin completion`: pages of man, and Tab in the shell.

Both are made from the parsers of the three commands when somebody asks, so that they say what
this version does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from awe import __version__
from awe.admin import command as administration
from awe.errors import ArgumentError, nearest
from awe.ingest import command as ingest
from awe.lazy import resolve
from awe.prompt import command as prompt
from awe.terminal import out

__all__ = ["COMMANDS", "add", "completion", "page"]

#: The parsers by the name of their command.
COMMANDS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "awe": prompt.parser,
    "awe-admin": administration.parser,
    "awe-ingest": ingest.parser,
}
SHELLS = ("bash", "zsh", "tcsh")


def add(commands: Any) -> None:
    """Add the subcommands."""
    made = commands.add_parser("manual", help="write man pages of awe, awe-admin and awe-ingest")
    made.add_argument(
        "directory", type=Path, nargs="?", default=Path.home() / ".local" / "share" / "man",
        help="of the pages, with man1 in it; else that of this account",
    )  # fmt: skip
    made.set_defaults(run=_manual)
    made = commands.add_parser(
        "completion", help='Tab in the shell: eval "$(awe-admin completion bash)"'
    )
    made.add_argument("shell", help=", ".join(SHELLS))
    made.set_defaults(run=_completion)


def page(name: str) -> str:
    """Return the man page of a command.

    Parameters
    ----------
    name : str
        `'awe'`, `'awe-admin'` or `'awe-ingest'`.
    """
    made = resolve("argparse_manpage.manpage:Manpage")(COMMANDS[name]())
    made.source, made.manual = f"awe {__version__}", "awe"
    return str(made)


def completion(shell: str) -> str:
    """Return what a shell reads to complete the three commands.

    Parameters
    ----------
    shell : str
        `'bash'`, `'zsh'` or `'tcsh'`.

    Raises
    ------
    ArgumentError
        There is nothing for this shell.
    """
    if shell not in SHELLS:
        there = ", ".join(SHELLS)
        msg = f"no completion for {shell!r}{nearest(shell, list(SHELLS))}; there is {there}"
        raise ArgumentError(msg)
    texts = []
    for name, parser in COMMANDS.items():
        made = parser()
        if name == "awe":
            # a script, which its own parser leaves alone, is a file
            files = made.add_argument("script", nargs="*", help="a script and its arguments")
            files.complete = resolve("shtab:FILE")  # type: ignore[attr-defined]
        texts.append(resolve("shtab:complete")(made, shell=shell))
    return "\n".join(texts)


def _manual(options: argparse.Namespace) -> None:
    folder = options.directory / "man1"
    folder.mkdir(parents=True, exist_ok=True)
    for name in COMMANDS:
        (folder / f"{name}.1").write_text(page(name), encoding="utf-8")
        out(f"{folder / name}.1\n")


def _completion(options: argparse.Namespace) -> None:
    sys.stdout.write(completion(options.shell) + "\n")

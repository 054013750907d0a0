"""The command `awe-admin`: services, people, projects and checks, one noun per module.

Finds the modules of this package and asks each for its subcommands, so that a new noun is one
new file with a function `add(commands)`. Only files that mention the command that was typed are
loaded: some need libraries that take longer to load than others to do their work. Mistakes are
one line on standard error and exit code 1; what the nouns do is their own business.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from awe.errors import UserMistake
from awe.imports import forget_working_directory
from awe.terminal import err

__all__ = ["main", "parser"]


def parser(command: str = "") -> argparse.ArgumentParser:
    """Return the parser with the subcommands of all modules of this package.

    Parameters
    ----------
    command : str, optional
        The command that was typed; where it is known, those of other modules may be left out.
    """
    made = argparse.ArgumentParser(
        prog="awe-admin",
        description="Look after an awe installation: services, people, projects.",
    )
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        if command and f'"{command}"' not in path.read_text(encoding="utf-8"):
            continue
        add = getattr(importlib.import_module(f"awe.admin.{path.stem}"), "add", None)
        if add is not None:
            add(commands)
    return made if not command or command in commands.choices else parser()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 refused or found something."""
    forget_working_directory()
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        chosen = parser(words[0] if words else "").parse_args(words)
        code: int | None = chosen.run(chosen)
    except UserMistake as error:
        err(f"awe-admin: {error}\n")
        return 1
    except KeyboardInterrupt:
        err("awe-admin: interrupted\n")
        return 130
    except BrokenPipeError:
        return 0
    return code or 0

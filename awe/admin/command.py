"""The command `awe-admin`: services, people, projects and checks, one noun per module.

Finds the modules of this package and asks each for its subcommands, so that a new noun is one
new file with a function `add(commands)`. Mistakes are one line on standard error and exit code
1; what the nouns do is their own business.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections.abc import Sequence
from pathlib import Path

from awe.errors import UserMistake
from awe.imports import forget_working_directory
from awe.terminal import err

__all__ = ["main", "parser"]


def parser() -> argparse.ArgumentParser:
    """Return the parser with the subcommands of all modules of this package."""
    made = argparse.ArgumentParser(
        prog="awe-admin",
        description="Look after an awe installation: services, people, projects.",
    )
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    folder = str(Path(__file__).parent)
    for module in sorted(pkgutil.iter_modules([folder]), key=lambda module: module.name):
        add = getattr(importlib.import_module(f"awe.admin.{module.name}"), "add", None)
        if add is not None:
            add(commands)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 refused or found something."""
    forget_working_directory()
    chosen = parser().parse_args(arguments)
    try:
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

"""`awe-admin start`, `stop`, `status`, `destroy`: the embedded services of this AWE_HOME."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from awe.config import home_directory
from awe.errors import ArgumentError, ServiceDown

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the subcommands."""
    start = commands.add_parser("start", help="start the database and awe-server")
    start.set_defaults(run=_start)
    stop = commands.add_parser("stop", help="stop them; running jobs go back to the queue")
    stop.set_defaults(run=_stop)
    status = commands.add_parser("status", help="say what runs, and where")
    status.set_defaults(run=_status)
    destroy = commands.add_parser("destroy", help="remove the whole installation with its data")
    destroy.add_argument("--yes", action="store_true", help="do not ask")
    destroy.set_defaults(run=_destroy)


def _start(_: argparse.Namespace) -> None:
    from awe.services import stack

    stack.start(home_directory(), lambda line: print(f"{line} ..."))  # noqa: T201 - progress
    _print_status()


def _stop(_: argparse.Namespace) -> None:
    from awe.services import stack

    stopped = stack.stop(home_directory())
    sys.stdout.write(f"stopped: {', '.join(stopped) or 'nothing was running'}\n")


def _status(_: argparse.Namespace) -> int:
    return 0 if _print_status() else 1


def _destroy(chosen: argparse.Namespace) -> None:
    from awe.services import stack

    home = home_directory()
    if not chosen.yes:
        answer = input(f"remove {home} with all its data and files? Type its path: ")
        if answer.strip() != str(home):
            msg = f"that is not {home}; nothing was removed"
            raise ArgumentError(msg)
    left = stack.destroy(home)
    sys.stdout.write(f"removed: {home}\n")
    if left:
        names = ", ".join(path.name for path in left)
        sys.stdout.write(f"kept, because awe did not make it: {names}\n")


def _print_status() -> bool:
    """Print one line for each service and return whether all run."""
    from awe.services import stack

    try:
        lines = stack.status(home_directory())
    except ServiceDown as error:
        lines = {"trouble": str(error)}
    for name, text in lines.items():
        sys.stdout.write(f"{name:11} {text}\n")
    return all(lines.get(name, "").startswith("running") for name in ("database", "awe-server"))

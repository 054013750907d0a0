"""`awe-admin start`, `stop`, `status`, `adopt`, `destroy`: the services of this AWE_HOME."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from awe.errors import ArgumentError, ServiceDown
from awe.services import sharing, stack
from awe.services.installation import Installation

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the subcommands."""
    start = commands.add_parser("start", help="start the database and awe-server")
    start.set_defaults(run=_start)
    stop = commands.add_parser("stop", help="stop them; running jobs go back to the queue")
    stop.set_defaults(run=_stop)
    status = commands.add_parser("status", help="say what runs, and where")
    status.set_defaults(run=_status)
    adopt = commands.add_parser("adopt", help="make a copied or moved home an installation")
    adopt.add_argument(
        "--anyway", action="store_true", help="even if it was copied while its database ran"
    )
    adopt.set_defaults(run=_adopt)
    destroy = commands.add_parser("destroy", help="remove the whole installation with its data")
    destroy.add_argument("--yes", action="store_true", help="do not ask")
    destroy.set_defaults(run=_destroy)


def _start(_: argparse.Namespace) -> None:
    house = Installation()
    # The line of a step that takes time is shown while it lasts.
    endpoints = stack.start(house, lambda line: print(f"{line} ...", flush=True), thorough=True)  # noqa: T201
    if line := sharing.moved(house.home, int(endpoints["data_port"])):
        sys.stdout.write(f"{line}\n")
    _print_status()


def _stop(_: argparse.Namespace) -> None:
    stopped = stack.stop(Installation())
    sys.stdout.write(f"stopped: {', '.join(stopped) or 'nothing was running'}\n")


def _status(_: argparse.Namespace) -> int:
    return 0 if _print_status() else 1


def _adopt(chosen: argparse.Namespace) -> None:
    sys.stdout.write(f"{stack.adopt(Installation(), anyway=chosen.anyway)}\n")


def _destroy(chosen: argparse.Namespace) -> None:
    house = Installation()
    home = house.home
    if not chosen.yes:
        answer = input(f"remove {home} with all its data and files? Type its path: ")
        if answer.strip() != str(home):
            msg = f"that is not {home}; nothing was removed"
            raise ArgumentError(msg)
    left = stack.destroy(house)
    sys.stdout.write(f"removed: {home}\n")
    if home / "backups" in left:
        sys.stdout.write(f"kept: {home / 'backups'}\n")
    others = [path for path in left if path.parent == home and path.name != "backups"]
    if others:
        names = ", ".join(path.name for path in others)
        sys.stdout.write(f"kept, because awe did not make it: {names}\n")
    for path in left:
        if path.parent != home:
            sys.stdout.write(f"kept, because it is another home's database: {path}\n")


def _print_status() -> bool:
    """Print one line for each service and return whether all run."""
    try:
        lines = stack.status(Installation())
    except ServiceDown as error:
        lines = {"trouble": str(error)}
    for name, text in lines.items():
        sys.stdout.write(f"{name:11} {text}\n")
    # what listens for a student proves itself to tickets only; it counts as there
    fine = ("running", "something listens")
    return all(lines.get(name, "").startswith(fine) for name in ("database", "awe-server"))

"""`awe-admin doctor`: what is wrong with this installation, one line for each finding."""

from __future__ import annotations

import argparse
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from awe.config import Environment
from awe.db.schema import install as schema
from awe.errors import UserMistake
from awe.inspect import qt
from awe.services import belonging, leftovers, stack
from awe.services.cluster import orphans
from awe.services.installation import Installation
from awe.terminal import out

__all__ = ["add"]

#: Files nobody else may read, and directories nobody else may look into.
PRIVATE = ("Environment.cfg", "services", "services/secrets.json", "services/state.json")


def add(commands: Any) -> None:
    """Add the subcommand."""
    doctor = commands.add_parser("doctor", help="check the installation and its rights")
    doctor.add_argument(
        "--all", action="store_true",
        help="what is left of installations that are gone, anywhere on this machine",
    )
    doctor.add_argument("--yes", action="store_true", help="with --all: remove it without asking")
    doctor.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    if chosen.all:
        return _sweep(chosen.yes)
    findings = list(examine(Installation()))
    for line in findings:
        out(f"{line}\n")
    if not findings:
        out("all is well\n")
    for line in notes():
        out(f"note: {line}\n")
    return 1 if findings else 0


def _sweep(yes: bool) -> int:
    """List leftovers, remove those the user agrees to, and return 1 if any stay."""
    staying = 0
    found = leftovers.leftovers()
    for left in found:
        out(f"{left}\n")
        if yes or _answer("remove it? [y/N] ").lower() in ("y", "yes"):
            leftovers.remove(left)
            out("    removed\n")
        else:
            staying += 1
    if not found:
        out("nothing is left of other installations\n")
    return 1 if staying else 0


def _answer(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        out("\n")
        return ""


def examine(house: Installation) -> Iterator[str]:
    """Yield what is wrong with an installation."""
    yield from _configuration(house.home)
    yield from _services(house)
    yield from _rights(house)


def notes() -> Iterator[str]:
    """Yield what is worth knowing without being a fault of this installation."""
    yield from _orphans()
    lacking = qt.lack()
    if lacking:
        yield f"{lacking}; until then inspect() falls back to Tk"


def _orphans() -> Iterator[str]:
    found = [f"{base} ({home})" for base, home in orphans()]
    if found:
        yield (
            f"data of installations that are gone: {', '.join(found)}; "
            "awe-admin doctor --all removes them"
        )


def _configuration(home: Path) -> Iterator[str]:
    try:
        Environment.load()
    except UserMistake as error:
        yield str(error)
    for name in PRIVATE:
        path = home / name
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield f"{path} can be read by others; chmod go= {path}"
    if home.exists():
        usage = shutil.disk_usage(home)
        if usage.free < max(2 * 1024**3, usage.total // 20):
            yield f"only {usage.free // 2**20} MB are left below {home}; free some"


def _services(house: Installation) -> Iterator[str]:
    for name, text in stack.status(house).items():
        if name in ("trouble", "files"):
            yield text
        if name in ("database", "awe-server") and not text.startswith("running"):
            yield f"{name} is {text}; awe-admin start"


def _rights(house: Installation) -> Iterator[str]:
    cluster = house.cluster
    if belonging.explain(house.home) is not None or cluster.process() is None:
        return
    superuser = cluster.superuser()
    found = schema.version(superuser)
    if found != schema.VERSION:
        yield f"database schema {found}, this version of awe knows {schema.VERSION}"
        return
    for rule, culprit in schema.self_check(superuser):
        yield f"rights: {rule}: {culprit}"

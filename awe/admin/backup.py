"""`awe-admin backup`, `restore`: the whole installation in a directory, and back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from awe.admin import fsck
from awe.admin.share import say
from awe.db.schema import install as schema
from awe.services import backup, restore, stack
from awe.services.installation import Installation
from awe.terminal import out

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the subcommands."""
    verb = commands.add_parser(
        "backup", help="database, logins and files into a directory, while work goes on"
    )
    verb.add_argument("directory", type=Path, help="made if need be; earlier backups stay in it")
    verb.add_argument(
        "--no-files", action="store_true", help="leave the stored files where they are"
    )
    verb.set_defaults(run=_backup)
    verb = commands.add_parser("restore", help="a backup into this AWE_HOME, which is empty")
    verb.add_argument(
        "directory", type=Path, help="a backup, or a directory of backups: the newest"
    )
    verb.set_defaults(run=_restore)


def _backup(chosen: argparse.Namespace) -> int:
    made = backup.make(
        Installation(), chosen.directory, files=not chosen.no_files, say=say
    )
    out(
        f"backup: {made.folder}: {made.files} files, {made.copied / 2**20:.1f} MB of them copied\n"
    )
    if made.damaged:
        out(
            f"{len(made.damaged)} files are damaged or gone and not in it: awe-admin fsck\n"
        )
    return 1 if made.damaged else 0


def _restore(chosen: argparse.Namespace) -> int:
    house = Installation()
    done = restore.restore(chosen.directory, house, say)
    out(f"restored: {house.home}, from {done.source}: {done.files} files\n")
    if done.address:
        out(f"{done.address}\n")
    if done.schema < schema.VERSION:
        out(f"its schema is {done.schema}: awe-admin migrate, then awe-admin start\n")
        return 0
    stack.start(house, say)
    found = fsck.examine(house)
    for rule, culprit in schema.self_check(house.cluster.superuser()):
        out(f"rights: {rule}: {culprit}\n")
        found += 1
    out("all is well\n" if not found else f"{found} findings\n")
    return 1 if found else 0

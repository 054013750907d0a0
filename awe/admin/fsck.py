"""`awe-admin fsck`: are the stored files those the database knows, byte for byte."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any
from uuid import UUID

from awe.dataserver import fsck
from awe.dataserver.store import Store
from awe.db.schema import install as schema
from awe.services.filestore import files_of
from awe.services.installation import Installation
from awe.services.logins import superuser
from awe.terminal import out

__all__ = ["add", "compare", "examine"]

_EXPECTED = (
    "SELECT id::text, filename, size, encode(sha256, 'hex'), health FROM awe.file"
    " WHERE state IN ('stored', 'linked') OR (state = 'trash' AND trashed > '-infinity')"
)
_KNOWN = "SELECT id::text FROM awe.file"
_LOOSE = (
    "SELECT id::text, filename, state, created AT TIME ZONE 'UTC' FROM awe.file"
    " WHERE state IN ('open', 'stored') ORDER BY created"
)
#: what a file no object names is, by its state
LOOSE = {"open": "reserved, and not stored,", "stored": "stored, and named by no object,"}


def add(commands: Any) -> None:
    """Add the subcommand."""
    fsck = commands.add_parser("fsck", help="read every stored file and compare it")
    fsck.add_argument(
        "--mend", action="store_true", help="mark damaged files, put unknown ones aside"
    )
    fsck.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    number = examine(Installation(), mend=chosen.mend)
    if number and not chosen.mend:
        out("nothing was changed; repeat with --mend to mark and put aside\n")
    return 1 if number else 0


def examine(house: Installation, *, mend: bool = False) -> int:
    """Print what differs between disk and database and return how much."""
    with closing(superuser(house)) as connection:
        connection.autocommit = True
        number = compare(connection, files_of(house.home), mend=mend)
        # told, not counted: they are as they were stored, and nothing can mend them
        for line in schema.misnamed(house.cluster.superuser()):
            out(f"{line}\n")
    return number


def _say(line: str) -> None:
    out(f"{line}\n")


def compare(
    connection: Any, store: Store, *, mend: bool = False, say: Callable[[str], object] = _say
) -> int:
    """Tell of every difference between a store and its database, and return how many they are.

    Files that no object names are told and not counted: they are on their way in, or left over by
    somebody who was interrupted, and then given up by themselves a day after.

    Parameters
    ----------
    connection : connection
        Connection of the superuser.
    store : Store
        The files.
    mend : bool
        Whether damaged files are marked and unknown ones put aside.
    say : callable
        Function that takes the lines.
    """
    expected = [
        fsck.Expected(file_id=UUID(row[0]), filename=row[1], size=row[2], sha256=row[3],
                      health=row[4])
        for row in _rows(connection, _EXPECTED)
    ]  # fmt: skip
    number = 0
    for finding in fsck.check(store, expected, known=lambda: _ids(connection)):
        number += 1
        say(f"{finding}")
        if mend:
            done = fsck.mend(store, finding, lambda i, h: _mark(connection, i, h))
            say(f"    {done}")
    loose = [f"orphan: {name}: {file_id} is {LOOSE[state]} since {since:%Y-%m-%d %H:%M} UTC"
             for file_id, name, state, since in _rows(connection, _LOOSE)]  # fmt: skip
    loose += [f"orphan: {name}: an upload that has not ended" for name in store.unfinished()]
    for line in loose:
        say(line)
    more = f", orphans: {len(loose)}, given up a day after" if loose else ""
    say(f"{len(expected)} files read, {number} findings{more}")
    return number


def _rows(connection: Any, statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _ids(connection: Any) -> Iterable[UUID]:
    return [UUID(row[0]) for row in _rows(connection, _KNOWN)]


def _mark(connection: Any, file_id: UUID, health: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT awe.ds_health(%s::uuid, %s)", (str(file_id), health))

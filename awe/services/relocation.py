"""Moving all stored files of an installation to another place, while people work.

Files never change, so they are copied while awe-server runs, each compared with the checksum the
database knows; then awe-server is ended, what came meanwhile is copied, the record is written and
awe-server started again. The files of before stay where they were: nothing is removed here, and
a move that is broken off has changed nothing but the place it went to, where the next one goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from awe.dataserver.store import Store
from awe.errors import ArgumentError, ChecksumMismatch, FileGone, StoreAway
from awe.services import records, stack
from awe.services.filestore import HOME, RECORD, files_of, open_store, record_of
from awe.services.installation import Installation
from awe.services.logins import superuser
from awe.services.process import Progress, silent

__all__ = ["Moved", "move"]

CHUNK = 1 << 20
_FILES = (
    "SELECT id::text, size, encode(sha256, 'hex') FROM awe.file"
    " WHERE state IN ('stored', 'linked') OR (state = 'trash' AND trashed > '-infinity')"
    " ORDER BY id"
)


@dataclass(kw_only=True)
class Moved:
    """What a move did.

    Attributes
    ----------
    former : str
        Where the files were, and still are.
    files, size : int
        How many were copied, and their bytes; those of an earlier move that broke off are not in.
    damaged : list of str
        Files that are damaged or gone where they were; they are not in the new place.
    """

    former: str
    files: int = 0
    size: int = 0
    damaged: list[str] = field(default_factory=list)


def move(
    house: Installation, place: str, options: Mapping[str, Any], say: Progress = silent
) -> Moved:
    """Move all files to a place, `home`, a folder or a URL, and go on from there.

    Parameters
    ----------
    house : Installation
        The installation; its database must run.
    place : str
        Where the files are to be.
    options : mapping
        Arguments of the file system of a URL, such as the login; kept in the home.
    say : callable
        Function that is called with one line before each step that takes time.

    Raises
    ------
    ArgumentError
        They are there already.
    StoreAway
        The new place or the old one cannot be reached.
    """
    if place == record_of(house.home).get("place", HOME):
        msg = f"the files are at {place} already"
        raise ArgumentError(msg)
    old = files_of(house.home)
    new = open_store(house.home, place, options, claim=True)
    done = Moved(former=old.url)
    _copy(house, old, new, done, say)
    say("ending awe-server for a moment")
    with stack.replacing_server(house):
        done.damaged.clear()
        _copy(house, old, new, done, say)
        record = {} if place == HOME else {"place": place, "options": dict(options)}
        records.write(house.home, RECORD, record)
    return done


def _copy(house: Installation, old: Store, new: Store, done: Moved, say: Progress) -> None:
    # The new place is listed before the database is asked: what came after is copied then.
    there = set(new.ids())
    with closing(superuser(house)) as connection, connection.cursor() as cursor:
        cursor.execute(_FILES)
        wanted = [(UUID(name), size, sha) for name, size, sha in cursor.fetchall()]
    left = [file for file in wanted if file[0] not in there]
    if left:
        total = sum(size for _, size, _ in left) / 2**20
        say(f"copying {len(left)} files, {total:.1f} MB, to {new.url}")
    for file_id, size, sha256 in left:
        try:
            _one(old, new, file_id, size, sha256)
        except StoreAway:
            raise
        except (FileGone, ChecksumMismatch):
            done.damaged.append(str(file_id))
        else:
            done.files, done.size = done.files + 1, done.size + size


def _one(old: Store, new: Store, file_id: UUID, size: int, sha256: str) -> None:
    with old.open(file_id) as stream:
        upload = new.receive(file_id, size)
        try:
            while block := stream.read(CHUNK):
                upload.write(block)
            upload.finish(size=size, sha256=sha256)
        finally:
            upload.abandon()

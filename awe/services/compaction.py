"""Raw frames of an installation kept packed, or as they came again, while people work."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from uuid import UUID

from awe.dataserver import repacking
from awe.errors import AweError, ChecksumMismatch, FileGone
from awe.services.filestore import files_of
from awe.services.installation import Installation
from awe.services.logins import superuser
from awe.services.process import Progress, silent

__all__ = ["Turned", "turn"]

#: Frames after which a line is printed.
EACH = 500
#: Files of all classes of raw frames, in the order they came.
_RAW = (
    "SELECT table_schema, table_name FROM information_schema.columns"
    " WHERE column_name = 'file' AND table_name ~ '^raw_([a-z]+_)*frame$' ORDER BY 1, 2"
)
_FILES = (
    "SELECT f.id::text, f.filename, f.size, encode(f.sha256, 'hex') FROM {}.{} r"
    " JOIN awe.file f ON f.id = r.file WHERE f.state = 'linked' ORDER BY f.created, f.id"
)


@dataclass(kw_only=True)
class Turned:
    """What was done.

    Attributes
    ----------
    files, others : int
        Frames that have the other form now, and those that had it or are not worth it.
    saved : int
        Bytes less than before.
    damaged : list of str
        Names of files that are damaged or gone; they stay as they are.
    """

    files: int = 0
    others: int = 0
    saved: int = 0
    damaged: list[str] = field(default_factory=list)


def turn(
    house: Installation, *, undo: bool = False, most: int | None = None, say: Progress = silent
) -> Turned:
    """Pack the raw frames there are, or undo that; what is broken off goes on with the next call.

    Parameters
    ----------
    house : Installation
        The installation; its database must run.
    undo : bool
        Whether packed frames are kept as they came again.
    most : int, optional
        Number of frames after which it ends.
    say : callable
        Function that is called with one line now and then.

    Raises
    ------
    ArgumentError
        The files are not in a folder of this machine.
    DiskFull
        There is no room for a file in both forms.
    """
    store = files_of(house.home)
    done = Turned()
    with closing(superuser(house)) as connection, connection.cursor() as cursor:
        cursor.execute(_RAW)
        files = []
        for schema, table in cursor.fetchall():
            cursor.execute(_FILES.format(schema, table))
            files += cursor.fetchall()
    for name, filename, size, sha256 in files:
        if most is not None and done.files >= most:
            break
        file_id = UUID(name)
        try:
            if undo:
                before = store.forms(file_id)[1]
                saved = before.stat().st_size - size if before.exists() else 0
                saved = saved if repacking.unpack(store, file_id, sha256) else 0
            else:
                saved = repacking.pack(store, file_id, sha256)
        except (FileGone, ChecksumMismatch) as error:
            done.damaged.append(f"{filename}: {_brief(error)}")
            continue
        done.files, done.saved = done.files + bool(saved), done.saved + saved
        done.others += not saved
        if saved and done.files % EACH == 0:
            say(f"{done.files} frames, {abs(done.saved) / 2**30:.1f} GB")
    return done


def _brief(error: AweError) -> str:
    return str(error).partition("; ")[0]

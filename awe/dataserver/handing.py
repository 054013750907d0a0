"""Files that are handed over to the store: their own bytes go there, written once.

A task has just written its products, nobody else knows them, and a copy under their names is as
good as they are. It goes from the pages of the file to the disk, without a second set of pages,
which are most of what a copy costs; the file itself gets the name by which the dataserver takes
it up. Files of several names, of other accounts and on other file systems stay where they are, to
be copied into the store.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["hand_over"]

#: Places and lengths of what goes past the pages are whole numbers of this [byte].
BLOCK = 4096
#: Bytes of one write.
PIECE = 8 << 20


def hand_over(path: Path, part: Path) -> bool:
    """Give a file another name and leave a copy under its own; False if it stays as it was.

    Parameters
    ----------
    path : Path
        A file that was written by this process, and that nobody has open.
    part : Path
        Its new name, in a folder of this account.
    """
    try:
        status = path.lstat()
        alone = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        if not alone or status.st_uid != os.geteuid():
            return False
        with _second(path, status) as second:
            # at no moment there is no file of that name
            os.link(path, part, follow_symlinks=False)
            second.replace(path)
    except OSError:
        # another file system, or one without links or such writes
        with suppress(FileNotFoundError):
            part.unlink()
        return False
    return True


@contextmanager
def _second(path: Path, status: os.stat_result) -> Iterator[Path]:
    """Give a file of the same bytes in the same folder, removed unless it was renamed."""
    second = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_DIRECT
    target = os.open(second, flags, 0o600)
    try:
        try:
            with path.open("rb") as stream:
                _written(stream.fileno(), target, status.st_size)
            os.fchmod(target, stat.S_IMODE(status.st_mode))
            os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
        finally:
            os.close(target)
        yield second
    finally:
        with suppress(FileNotFoundError):
            second.unlink()


def _written(source: int, target: int, size: int) -> None:
    """Write the bytes of an open file into another, past the pages of memory but for the end."""
    whole = size - size % BLOCK
    if whole:
        # the pages of the one file are what the disk reads for the other
        with mmap.mmap(source, whole, access=mmap.ACCESS_READ) as pages, memoryview(pages) as all_:
            place = 0
            while place < whole:
                place += os.pwrite(target, all_[place : min(place + PIECE, whole)], place)
    fcntl.fcntl(target, fcntl.F_SETFL, fcntl.fcntl(target, fcntl.F_GETFL) & ~os.O_DIRECT)
    end = os.pread(source, BLOCK, whole)
    while end:
        count = os.pwrite(target, end, whole)
        end, whole = end[count:], whole + count

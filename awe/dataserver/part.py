"""The part of a file that is here already, while it is on its way.

Owns one hidden file next to the target, `.<id>.part`. It is held by a lock, so that two processes
that fetch the same file do not write into each other's; who comes second uses a part of its own,
which does not stay. What broke off, by Ctrl-C, kill -9 or a line that is dead, stays for the next
try if that saves time, a week at most. In a folder where others may write, a part is taken up
only if it is a plain file of this account with no second name.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self

from awe.errors import AweError, DiskFull

__all__ = ["Part", "room"]

#: Bytes from which a part is worth to be kept, and seconds it is.
WORTH = 1 << 20
KEPT = 7 * 24 * 3600.0

_NAME = re.compile(r"\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.[0-9a-f]{8})?\.part")
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Part:
    """A file under its temporary name; what is in it stays at the end if `keep` is set.

    Parameters
    ----------
    target : Path
        The final name.
    file_id : str
        Id of the file: no other has these bytes.
    """

    def __init__(self, target: Path, file_id: str) -> None:
        self.path = target.with_name(f".{file_id}.part")
        self.keep = False
        self._shared = True
        self._descriptor = -1

    def __enter__(self) -> Self:
        _forget_old(self.path.parent)
        descriptor = _taken_up(self.path)
        if descriptor is None:
            # somebody else's, or being written now
            self.path = self.path.with_suffix(f".{secrets.token_hex(4)}.part")
            self._shared = False
            descriptor = os.open(self.path, _FLAGS | os.O_EXCL, 0o666)
        self._descriptor = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stays = self.keep and self._shared and self.size >= WORTH
        if not stays and self._is_here():
            with suppress(FileNotFoundError):
                self.path.unlink()
        # the lock goes last: until then nobody takes up what is being removed
        os.close(self._descriptor)

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return os.fstat(self._descriptor).st_size

    def write(self, block: bytes) -> None:
        """Append bytes."""
        left = memoryview(block)
        place = self.size
        while left:
            written = os.pwrite(self._descriptor, left, place)
            left, place = left[written:], place + written

    def empty(self) -> None:
        """Begin anew."""
        os.ftruncate(self._descriptor, 0)

    def _is_here(self) -> bool:
        return _same(self._descriptor, self.path)


def _taken_up(path: Path) -> int | None:
    """Return the locked file of that name, None if it is not ours to write to."""
    try:
        descriptor = os.open(path, _FLAGS, 0o666)
    except OSError:
        # a link, a pipe, a directory, another account's; or no room, which the next open tells
        return None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_nlink == 1:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # its owner may have given it the final name before the lock was ours
            if _same(descriptor, path):
                return descriptor
    os.close(descriptor)
    return None


def _same(descriptor: int, path: Path) -> bool:
    opened = os.fstat(descriptor)
    try:
        named = path.lstat()
    except OSError:
        return False
    return opened.st_nlink == 1 and os.path.samestat(opened, named)


@lru_cache(maxsize=64)
def _forget_old(folder: Path) -> None:
    """Remove parts of this account that nobody went on with, once for a folder."""
    limit = time.time() - KEPT
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not _NAME.fullmatch(entry.name):
                continue
            # gone meanwhile, or in a folder where it cannot be removed
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if status.st_uid == os.geteuid() and status.st_mtime < limit:
                    os.unlink(entry.path)  # noqa: PTH108 - a path that scandir gave as text


@contextmanager
def room(target: Path) -> Iterator[None]:
    """Turn a full disk into an error that names the target."""
    try:
        yield
    except AweError:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        msg = f"no space left here for {target}; free some or choose another folder"
        raise DiskFull(msg) from error

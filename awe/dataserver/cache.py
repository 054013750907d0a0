"""Files that were fetched before, kept on this machine for whoever of this account asks again.

Owns one folder, `cache` in AWE_HOME, of mode 0700: files under the SHA-256 of their content, in
one size limit for all prompts and workers of the account. What was not used for the longest time
goes first. A file is hashed while it is copied out, so that one that rotted, or was changed, is
dropped and fetched again. Room is taken before bytes are, so that processes side by side keep the
limit, and what a killed one left is removed by the next. Knows nothing of rights: the dataserver
is asked each time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from awe.errors import ConfigError

__all__ = ["Cache", "bytes_of"]

CHUNK = 1 << 20
#: Seconds after which a file on its way in belongs to nobody any more.
STALE = 3600.0

_UNITS = {"": 1, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_NAME = re.compile(r"[0-9a-f]{64}")


def bytes_of(size: str) -> int:
    """Return the bytes of a size such as `10GB`."""
    unit = size.lstrip("0123456789")
    return int(size.removesuffix(unit)) * _UNITS[unit.upper()]


class Sink(Protocol):
    """What bytes are copied into."""

    def write(self, block: bytes) -> None:
        """Append bytes."""

    def empty(self) -> None:
        """Begin anew."""


@dataclass(frozen=True)
class _Kept:
    path: str
    size: int
    used: float


class Cache:
    """Files by the SHA-256 of their content.

    Parameters
    ----------
    root : Path
        Folder of this account; made where it does not exist.
    limit : int
        Bytes of all files together.

    Raises
    ------
    ConfigError
        The folder belongs to another account, or others can enter it.
    """

    def __init__(self, root: Path, limit: int) -> None:
        self.root = root
        self.limit = limit
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = root.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            msg = f"{root} is not a folder of this account; move it away, or set cache_size to 0"
            raise ConfigError(msg)
        if stat.S_IMODE(status.st_mode) & 0o077:
            msg = f"{root} can be entered by others; close it: chmod 700 {root}"
            raise ConfigError(msg)

    def path(self, sha256: str) -> Path:
        """Return where a file of that content is, if it is."""
        if not _NAME.fullmatch(sha256):
            msg = f"{sha256!r:.80} is not a SHA-256"
            raise ValueError(msg)
        return self.root / sha256

    def has(self, sha256: str, size: int) -> bool:
        """Return True if there is a file of that name and size."""
        try:
            status = self.path(sha256).lstat()
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size == size

    def give(self, sha256: str, size: int, sink: Sink) -> bool:
        """Copy a file out; False, and nothing copied, if it is not there or not right any more.

        Parameters
        ----------
        sha256, size : str, int
            Content that is wanted, and its bytes.
        sink : Sink
            What it is copied into.
        """
        path = self.path(sha256)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return False
        sink.empty()
        digest = hashlib.sha256()
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            status = os.fstat(descriptor)
            mine = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
            left = size if mine and status.st_size == size else 0
            while left > 0 and (block := stream.read(min(CHUNK, left))):
                digest.update(block)
                sink.write(block)
                left -= len(block)
            if mine and digest.hexdigest() == sha256:
                # when it was used last
                with suppress(OSError):
                    os.utime(path)
                return True
        sink.empty()
        with suppress(OSError):
            path.unlink()
        return False

    def take(self, source: Path, sha256: str, size: int, *, move: bool = False) -> bool:
        """Keep a copy of a right file, if there is room for it; False if there is not.

        Parameters
        ----------
        source : Path
            The file.
        sha256, size : str, int
            Its content, and its bytes.
        move : bool
            Whether the file itself is kept instead of a copy; it is on the same disk.
        """
        if size > self.limit or self.has(sha256, size):
            return False
        part = self.root / f"{sha256}.{secrets.token_hex(4)}.part"
        try:
            self._reserve(part, size)
            if move:
                source.replace(part)
            else:
                with source.open("rb", buffering=0) as stream:
                    _copy(stream.fileno(), part, size)
            part.chmod(0o400)
            # not while others count, who would see it twice or not at all
            with self._alone():
                part.rename(self.path(sha256))
        except OSError:
            # A full disk, above all: the cache is not needed for anything.
            with suppress(OSError):
                part.unlink()
            return False
        return True

    def used(self) -> int:
        """Return the bytes of everything in the cache."""
        with self._alone():
            return sum(kept.size for kept in self._kept())

    def _reserve(self, part: Path, size: int) -> None:
        """Take room for a file: what is used longest ago goes until there is some."""
        with self._alone():
            kept = sorted(self._kept(), key=lambda each: each.used)
            total = sum(each.size for each in kept)
            now = time.time()
            for each in kept:
                under_way = each.path.endswith(".part")
                if under_way and now - each.used > STALE:
                    os.unlink(each.path)  # noqa: PTH108 - a path that scandir gave as text
                    total -= each.size
                elif not under_way and total + size > self.limit:
                    os.unlink(each.path)  # noqa: PTH108
                    total -= each.size
            if total + size > self.limit:
                msg = "others are taking all the room"
                raise OSError(msg)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.ftruncate(descriptor, size)
            finally:
                os.close(descriptor)

    def _kept(self) -> Iterator[_Kept]:
        with os.scandir(self.root) as entries:
            for entry in entries:
                name = entry.name.removesuffix(".part")
                if not _NAME.fullmatch(name[:64]):
                    continue
                with suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    yield _Kept(entry.path, status.st_size, status.st_mtime)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # the system opens it when its holder is killed
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _copy(source: int, part: Path, size: int) -> None:
    target = os.open(part, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        place = 0
        while place < size:
            block = os.pread(source, min(CHUNK, size - place), place)
            if not block:
                msg = "the file became shorter"
                raise OSError(msg)
            place += os.pwrite(target, block, place)
    finally:
        os.close(target)

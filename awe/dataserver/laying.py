"""Files that are laid into the store by who makes them, where client and server are one account.

A file is copied into the folder where the dataserver gathers uploads, within the kernel, or handed
over, and the server takes up several at once with their previews: nothing is sent, and each is
hashed once, by the server, from the bytes it keeps. What is in memory is written there; what is in
the file then is compared with it, byte by byte, or with the sum that it is to have. Where that
folder cannot be written to (another machine, another account, a store without folders), or the
server does not take a file as it is, the file is sent as any other. The server is on this machine
and has proven itself before it is asked.
"""

from __future__ import annotations

import base64
import errno
import json
import mmap
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from awe.dataserver.handing import hand_over
from awe.dataserver.upload import Outgoing
from awe.errors import AweError
from awe.fits.blocks import datasum

if TYPE_CHECKING:
    from awe.dataserver.client import Client

__all__ = ["LOOPBACK", "Layable", "lay", "part_name"]

#: Addresses of this machine; only there a server has a folder that may be ours.
LOOPBACK = ("127.0.0.1", "::1", "localhost")
CHUNK = 64 << 20


@dataclass(frozen=True)
class Layable:
    """A file on this machine, or its bytes, to be stored, and its preview.

    One that is `given` was written by this process and nobody has it open: a copy of it will do.
    """

    content: Path | Outgoing
    png: bytes = b""
    given: bool = False


def part_name(file_id: UUID | str, mark: str) -> str:
    """Return the name of a file in the folder where uploads are gathered."""
    return f"{file_id}.{mark}.part"


def lay(client: Client, files: Mapping[UUID, Layable]) -> set[UUID]:
    """Lay files into the store and return those that are stored now.

    Parameters
    ----------
    client : Client
        The way to the dataserver.
    files : mapping of UUID to Layable
        Files by the ids reserved for them.
    """
    folder = _folder(client)
    if folder is None or not files:
        return set()
    parts: dict[UUID, Path] = {}
    try:
        told = []
        for file_id, one in files.items():
            mark = secrets.token_hex(8)
            parts[file_id] = folder / part_name(file_id, mark)
            _fill(parts[file_id], one.content, one.given)
            preview = base64.b64encode(one.png).decode()
            told.append({"id": str(file_id), "mark": mark, "preview": preview})
        return _taken(client, files, told)
    except OSError:
        return set()  # no space, or no such file: to send it will say so
    finally:
        # what was taken up is not there any more
        for part in parts.values():
            with suppress(FileNotFoundError):
                part.unlink()


def _taken(
    client: Client, files: Mapping[UUID, Layable], told: list[dict[str, str]]
) -> set[UUID]:
    name = ", ".join(one.content.name for one in files.values())
    try:
        answer = json.loads(client.asked("/laid", name, json.dumps(told).encode()))
    except (AweError, ValueError):
        return set()  # to send them will say what is wrong
    return {one for one in files if "sha256" in answer.get(str(one), {})}


def _folder(client: Client) -> Path | None:
    """Return the folder uploads are gathered in, if it is one of this account's own."""
    if urlsplit(client.base_url).hostname not in LOOPBACK:
        return None
    known: dict[str, Path | None] = client.__dict__.setdefault("_folders", {})
    if client.base_url not in known:
        folder = client.told_place("GET", "/incoming", {})
        known[client.base_url] = folder if folder is not None and _is_own(folder) else None
    return known[client.base_url]


def _is_own(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    closed = stat.S_IMODE(status.st_mode) & 0o077 == 0
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and closed


def _fill(target: Path, content: Path | Outgoing, given: bool = False) -> None:
    """Make a new file of these bytes."""
    if given and isinstance(content, Path) and hand_over(content, target):
        return
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(target, flags, 0o600)
    try:
        parts = content.parts if isinstance(content, Outgoing) else content
        if isinstance(parts, Path):
            with parts.open("rb") as stream:
                _copied(stream.fileno(), descriptor)
        elif isinstance(content, Outgoing):
            # all at once, which takes less than block by block; and a full disk shows first
            _take_room(descriptor, content.size)
            for piece in content.pieces():
                left = memoryview(piece)
                while left:
                    left = left[os.write(descriptor, left) :]
            _compare(descriptor, content, parts)
    finally:
        os.close(descriptor)


def _take_room(descriptor: int, size: int) -> None:
    """Have the blocks of a file on the disk before its bytes come; where that cannot be, later."""
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise


def _compare(
    descriptor: int, content: Outgoing, parts: Sequence[bytes | memoryview]
) -> None:
    """Refuse a file that does not hold these bytes, or bytes of the sum they are to have."""
    place = 0
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as laid, memoryview(laid) as view:
        for part, wanted in zip_longest(parts, content.sums):
            with view[place : place + len(part)] as found:
                same = datasum(found) == wanted if wanted is not None else _is_same(found, part)
            if not same:
                msg = f"{content.name} as it was laid is not what was to be written"
                raise OSError(msg)
            place += len(part)


def _is_same(found: memoryview, part: bytes | memoryview) -> bool:
    import numpy as np

    # eight bytes at a time where there are as many
    kind = np.dtype(np.uint8 if len(part) % 8 else np.uint64)
    return all(
        np.array_equal(
            np.frombuffer(found[place : place + CHUNK], kind),
            np.frombuffer(part[place : place + CHUNK], kind),
        )
        for place in range(0, len(part), CHUNK)
    )


def _copied(source: int, target: int) -> None:
    """Copy a file within the kernel; on file systems that can, its blocks are shared."""
    while True:
        try:
            count = os.copy_file_range(source, target, CHUNK)
        except OSError as error:
            # between two file systems, or on one that does not know the call
            if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            count = os.sendfile(target, source, None, CHUNK)
        if not count:
            return

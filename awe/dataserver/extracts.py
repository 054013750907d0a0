"""Extracts of a file: of one on this machine, or of one at the dataserver.

Both offer the same two questions, which `awe.fits.cutting` asks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from awe.dataserver.rows import Rows
from awe.errors import BadFits

if TYPE_CHECKING:
    from uuid import UUID

    from awe.dataserver.client import Client

__all__ = ["Local", "Remote"]


class Remote:
    """A file at the dataserver.

    Parameters
    ----------
    client : Client
        The way there.
    file_id : UUID
        The file.
    name, sha256, size : str, str, int
        What the database says of it.
    """

    def __init__(self, client: Client, file_id: UUID, name: str, sha256: str, size: int) -> None:
        self.name, self.size = name, size
        self.fetched = 0
        self._client, self._file_id, self._sha256 = client, file_id, sha256

    def read(self, first: int, length: int) -> bytes:
        """Return `length` bytes from `first` on."""
        return self.rows(first, length, length, 1)

    def rows(self, first: int, length: int, step: int, count: int) -> bytes:
        """Return `count` stretches of `length` bytes, each `step` behind the one before."""
        wanted = Rows(first, length, step, count)
        if not wanted.size:
            return b""
        got = self._client.rows(self._file_id, self.name, sha256=self._sha256, rows=wanted)
        self.fetched += len(got)
        return got

    def preview(self) -> bytes:
        """Return the preview of the file."""
        return self._client.preview(self._file_id, self.name)


class Local:
    """A file of this machine.

    Parameters
    ----------
    path : Path
        The file.
    """

    fetched = 0

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.size = path.stat().st_size

    def read(self, first: int, length: int) -> bytes:
        """Return `length` bytes from `first` on."""
        return self.rows(first, length, length, 1)

    def rows(self, first: int, length: int, step: int, count: int) -> bytes:
        """Return `count` stretches of `length` bytes, each `step` behind the one before."""
        wanted = Rows(first, length, step, count)
        with self.path.open("rb", buffering=0) as stream:
            got = wanted.block(stream.fileno(), 0, wanted.size) if wanted.size else b""
        if len(got) != wanted.size:
            msg = f"{self.path} has become shorter; fetch it again"
            raise BadFits(msg)
        return got

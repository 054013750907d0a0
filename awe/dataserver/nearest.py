"""Reading from a second dataserver that is near, and from the first where that does not help."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from awe.dataserver.client import Client
from awe.dataserver.rows import Rows
from awe.errors import ChecksumMismatch, DataserverError, FileGone

__all__ = ["NearestFirst", "opened"]

#: Seconds in which a second dataserver that did not answer is not asked.
REST = 30.0

_Answer = TypeVar("_Answer")


def opened(address: str, near: str, ticket: Callable[[], str | None], **more: Any) -> Client:
    """Return a client of a dataserver, and of a second one where there is one.

    Parameters
    ----------
    address : str
        Address of the first.
    near : str
        `host:port` of the second; empty if there is none.
    ticket : callable
        Function that returns the ticket to show.
    **more
        Further arguments of `Client`.
    """
    if not near:
        return Client(address, ticket, **more)
    protocol = address.partition("://")[0]
    mirror = Client(f"{protocol}://{near}", ticket, cache=more.get("cache"), waits=())
    return NearestFirst(mirror, address, ticket, **more)


class NearestFirst(Client):
    """Client of two dataservers with the same files: what is read comes from the second.

    Parameters
    ----------
    mirror : Client
        Client of the second.
    base_url : str
        Address of the first.
    *arguments, **more
        Further arguments of its client.
    """

    def __init__(self, mirror: Client, base_url: str, *arguments: Any, **more: Any) -> None:
        super().__init__(base_url, *arguments, **more)
        self._mirror = mirror
        self._again = 0.0

    def get(
        self,
        file_id: UUID | str,
        target: Path | str,
        *,
        sha256: str,
        size: int,
        replace: bool = False,
        link: bool = False,
    ) -> Path:
        """Bring a file here and return its path; see `Client.get`."""
        more = {"sha256": sha256, "size": size, "replace": replace}
        return self._first_of(
            lambda: self._mirror.get(file_id, target, **more),  # type: ignore[arg-type]
            lambda: Client.get(self, file_id, target, link=link, **more),  # type: ignore[arg-type]
        )

    def preview(self, file_id: UUID | str, name: str) -> bytes:
        """Return the preview of a file."""
        return self._first_of(
            lambda: self._mirror.preview(file_id, name),
            lambda: Client.preview(self, file_id, name),
        )

    def beginning(self, file_id: UUID | str, name: str, *, sha256: str, length: int) -> bytes:
        """Return the first bytes of a file; see `Client.beginning`."""
        return self._first_of(
            lambda: self._mirror.beginning(file_id, name, sha256=sha256, length=length),
            lambda: Client.beginning(self, file_id, name, sha256=sha256, length=length),
        )

    def rows(self, file_id: UUID | str, name: str, *, sha256: str, rows: Rows) -> bytes:
        """Return stretches of a file; see `Client.rows`."""
        return self._first_of(
            lambda: self._mirror.rows(file_id, name, sha256=sha256, rows=rows),
            lambda: Client.rows(self, file_id, name, sha256=sha256, rows=rows),
        )

    def close(self) -> None:
        """Close the connections to both."""
        self._mirror.close()
        super().close()

    def _first_of(self, near: Callable[[], _Answer], far: Callable[[], _Answer]) -> _Answer:
        if time.monotonic() < self._again:
            return far()
        try:
            return near()
        except FileGone:
            # absent here, or not visible: the first says it in its own words
            return far()
        except (DataserverError, ChecksumMismatch) as error:
            if getattr(error, "nobody_there", False):
                self._again = time.monotonic() + REST
            return far()

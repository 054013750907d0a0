"""Connections that never get to their point: closed after ten seconds without a whole header.

A client has that long from connecting, or from the first byte of a further request, until its
header is complete; bytes that trickle in do not buy more. Bodies are not watched here: the
application gives uploads their own patience, and keeping a connection open is the server's.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["HEADER_PATIENCE", "Protocol"]

#: Seconds until the header of a request must be there.
HEADER_PATIENCE = 10.0


class Protocol(H11Protocol):
    """One connection of uvicorn, with a limit of time for headers."""

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first header."""
        super().connection_made(transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        """Take bytes; begin to wait with the first of a header, stop with the last."""
        if self._limit is None and not self._answering:
            self._begin()
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._end()
        super().connection_lost(exc)

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _begin(self) -> None:
        self._limit = self.loop.call_later(HEADER_PATIENCE, self._give_up)

    def _end(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _give_up(self) -> None:
        self._limit = None
        # A pipelined request may have been taken up since.
        if not self._answering and not self.transport.is_closing():
            self.transport.close()

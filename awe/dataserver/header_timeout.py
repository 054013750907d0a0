"""Connections that keep the server waiting: limits of time, and who goes when room is short.

A header must be complete ten seconds after its first byte or after connecting; bytes that trickle
in do not buy more. What is sent must be read: a block of a file that is not taken within its
patience ends the connection, whatever is read meanwhile. Bodies are not watched here: the
application gives uploads their own patience, and keeping an unused connection open is the
server's. When connections become scarce, `crowd` decides which of them go.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from awe.dataserver.crowd import Crowd

__all__ = ["CONNECTIONS", "HEADER_PATIENCE", "READING_PATIENCE", "Protocol", "configured"]

#: Connections answered at once; each is a file descriptor, and a file being sent is another.
CONNECTIONS = 400
#: Seconds until the header of a request must be there.
HEADER_PATIENCE = 10.0
#: Seconds until a client must have read a block that was sent: 1 MB of a file, so 35 kB/s.
READING_PATIENCE = 30.0


class Protocol(H11Protocol):
    """One connection of uvicorn that does not wait for ever."""

    _work: asyncio.Task[None] | None = None
    _limit: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None
    peer: object = None
    _heard = 0.0
    _paused = 0.0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        limit = self.limit_concurrency or 2 * CONNECTIONS
        self._crowd: Crowd = getattr(self.config, "crowd", None) or Crowd(limit // 2)
        self._application = self.app
        self.app = self._answer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first header; make room if connections are scarce."""
        super().connection_made(transport)
        self._heard = self.loop.time()
        self._begin()
        self._crowd.join(self, self.connections)

    def data_received(self, data: bytes) -> None:
        """Take bytes; begin to wait with the first of a header, stop with the last."""
        self._heard = self.loop.time()
        if self._limit is None and not self._answering:
            self._begin()
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._end()

    def on_response_complete(self) -> None:
        """Count from here how long the connection is not used."""
        self._heard = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        # asyncio calls this when more is buffered than its limit, and resume_writing when less is.
        self._paused = self.loop.time()
        self._reading = self.loop.call_later(READING_PATIENCE, self.leave)

    def resume_writing(self) -> None:
        """Stop waiting: the client has read."""
        self._end_reading()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._end()
        self._end_reading()
        super().connection_lost(exc)

    def leave(self) -> None:
        """End the connection at once, and what is being done for it."""
        self._end_reading()
        # close() would first wait for a client that does not read to take what is buffered.
        self.transport.abort()
        if self._work is not None:
            self._work.cancel()

    @property
    def owes_since(self) -> float | None:
        """Time since when the client has been silent or not reading; None if it is our turn."""
        if self._reading is not None:
            return self._paused
        if not self._answering or self.cycle.more_body:
            return self._heard
        return None

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        self._work = asyncio.current_task()
        try:
            async with self._crowd.turn(self):
                await self._application(scope, receive, send)
        except asyncio.CancelledError:
            if not self.transport.is_closing():
                raise
        finally:
            self._work = None

    def _begin(self) -> None:
        self._limit = self.loop.call_later(HEADER_PATIENCE, self._give_up)

    def _end(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _end_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _give_up(self) -> None:
        self._limit = None
        # A pipelined request may have been taken up since.
        if not self._answering and not self.transport.is_closing():
            self.transport.close()


def configured(
    app: Any, certificate: Path | None = None, key: Path | None = None
) -> uvicorn.Config:
    """Return how uvicorn answers for the dataserver.

    Parameters
    ----------
    app : application
        What answers.
    certificate, key : Path, optional
        Files of its certificate and of the private key: it answers by https.
    """
    config = uvicorn.Config(
        app,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        http=Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_keep_alive=15,
        timeout_graceful_shutdown=10,
        # the crowd keeps below half of it; refusing everybody is the last resort
        limit_concurrency=2 * CONNECTIONS,
    )
    config.crowd = Crowd(CONNECTIONS)  # type: ignore[attr-defined]
    return config

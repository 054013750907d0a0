"""Who goes when connections become scarce: whoever keeps the server waiting longest.

Owns the choice, made only when few connections are left: of the caller with the most
connections, those whose client has been silent, or has not read, for the longest time. A caller
is an account of this machine, or the address of another machine. So a client that holds many
connections loses its own, and what it requests meanwhile is done two at a time; whoever else asks
and reads is answered as ever. Costs nothing while there is room.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, Protocol

from awe.dataserver.peer import account_of

__all__ = ["Connected", "Crowd"]

#: Part of the connections that is kept free, and that is freed at once when it is not.
SPARE = 0.05
#: Seconds a client may always take.
QUIET = 0.2
#: Requests done side by side for a peer that holds most connections, and for how long.
NARROW = 2
NARROW_FOR = 2.0

_log = logging.getLogger(__name__)


class Connected(Protocol):
    """What is asked of a connection."""

    client: tuple[str, int] | None
    server: tuple[str, int | None] | None
    transport: Any
    #: Who is at the other end, once it was looked up.
    peer: object

    @property
    def owes_since(self) -> float | None:
        """Time since when the client keeps us waiting, None if it does not."""

    def leave(self) -> None:
        """End it."""


class Crowd:
    """The connections of one server.

    Parameters
    ----------
    most : int
        Connections there should be at once.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._narrow = asyncio.Semaphore(NARROW)
        self._dominant: object = None
        self._until = -math.inf

    def join(self, connection: Connected, connections: Collection[Any]) -> None:
        """Take note of a new connection; make room if few are left."""
        if len(connections) < self.most // 4:
            return
        _look_up(connection)
        spare = max(1, int(self.most * SPARE))
        if len(connections) < self.most - spare:
            return
        alive = [each for each in connections if not each.transport.is_closing()]
        if len(alive) >= self.most - spare:
            self._make_room(alive, len(alive) - (self.most - 2 * spare))

    @asynccontextmanager
    async def turn(self, connection: Connected) -> AsyncIterator[None]:
        """Wait for a turn, if this peer holds most of the connections that others need."""
        if time.monotonic() < self._until and connection.peer == self._dominant:
            async with self._narrow:
                yield
        else:
            yield

    def _make_room(self, alive: list[Connected], wanted: int) -> None:
        peers: defaultdict[object, list[Connected]] = defaultdict(list)
        for each in alive:
            _look_up(each)
            peers[each.peer].append(each)
        members = max(peers.values(), key=len)
        patience = time.monotonic() - QUIET
        going = [each for each in members if (each.owes_since or math.inf) < patience]
        if len(members) > self.most // 2 and len(members) < len(alive):
            self._dominant, self._until = members[0].peer, time.monotonic() + NARROW_FOR
            # it holds what others need: its requests in work may go as well
            going = members
        going = sorted(going, key=lambda each: each.owes_since or math.inf)[:wanted]
        for each in going:
            each.leave()
        if going:
            _log.warning("%d connections that kept the server waiting were closed", len(going))


def _look_up(connection: Connected) -> None:
    if connection.peer is None and connection.client and connection.server:
        host, port = connection.client
        place, number = connection.server
        if host == place:
            connection.peer = account_of((host, port), (place, number or 0))
        if connection.peer is None:
            connection.peer = host

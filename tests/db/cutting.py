"""A wire to the database that is cut at a chosen byte of a COMMIT or of its answer."""

from __future__ import annotations

import selectors
import socket
import threading
from pathlib import Path

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"


class Wire:
    """Listens on a socket of its own and passes everything on, until it is told to cut.

    Parameters
    ----------
    folder : Path
        Where its socket goes.
    server : Path
        The real server's socket.
    """

    def __init__(self, folder: Path, server: Path) -> None:
        self._server = str(server)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()
        #: bytes of COMMIT and its answer that still pass; None passes everything
        self.passing: int | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        with client, server, selectors.DefaultSelector() as ready:
            server.connect(self._server)
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            left: int | None = None
            while True:
                for key, _ in ready.select():
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        return
                    if self.passing is not None and key.fileobj is client and data == COMMIT:
                        left, self.passing = self.passing, None
                    if left is not None:
                        data, left = data[:left], left - len(data)
                    key.data.sendall(data)
                    if left is not None and left <= 0:
                        return

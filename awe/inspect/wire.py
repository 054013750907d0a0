"""Messages between two processes that hold the ends of one socket: JSON, and open files with it.

Each message is a length and as many bytes of JSON; open files travel next to it.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["Wire"]

#: Bytes taken from the socket at once, and open files at most.
CHUNK, FILES = 1 << 16, 8
_LENGTH = struct.Struct("!I")


class Wire:
    """One end of the socket.

    Parameters
    ----------
    end : socket
        A connected stream socket of this machine.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._lock = threading.Lock()
        self._heard = bytearray()
        self._files: list[int] = []

    def fileno(self) -> int:
        """Return the number of the socket, for those who wait for it."""
        return self._end.fileno()

    def shut(self) -> None:
        """Let both ends hear that nothing more comes."""
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)

    def send(self, message: Mapping[str, Any], files: Sequence[int] = ()) -> None:
        """Send a message, whole.

        Parameters
        ----------
        message : mapping
            Anything JSON can say, and numbers of numpy.
        files : sequence of int
            Descriptors the other end gets copies of.

        Raises
        ------
        OSError
            Nobody is at the other end.
        """
        text = json.dumps({**message, "files": len(files)}, default=_plain).encode()
        data = _LENGTH.pack(len(text)) + text
        with self._lock:
            if files:
                data = data[socket.send_fds(self._end, [data], files) :]
            self._end.sendall(data)

    def take(self) -> Iterator[tuple[dict[str, Any], list[int]]]:
        """Wait for bytes and give the messages that are complete by then, with their files.

        Raises
        ------
        EOFError
            The other end is closed.
        """
        data, files, _, _ = socket.recv_fds(self._end, CHUNK, FILES, socket.MSG_CMSG_CLOEXEC)
        if not data:
            raise EOFError
        self._heard += data
        self._files += files
        while len(self._heard) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._heard)
            end = _LENGTH.size + length
            if len(self._heard) < end:
                return
            message = json.loads(self._heard[_LENGTH.size : end])
            del self._heard[:end]
            number = message.pop("files")
            mine, self._files = self._files[:number], self._files[number:]
            yield message, mine

    def close(self) -> None:
        """Close this end."""
        self._end.close()


def _plain(value: Any) -> Any:
    """Return what JSON can say of a value of numpy."""
    return value.tolist() if hasattr(value, "tolist") else str(value)

"""The test's end of the line to the processes that are to be killed."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Held", "Watch"]


@dataclass
class Held:
    """A process that waits at its step."""

    tried: int
    step: str
    pid: int
    backend: int
    line: socket.socket

    def release(self) -> None:
        """Let it go on."""
        with suppress(OSError):  # it was killed while it waited
            self.line.sendall(b".")
        self.line.close()


class Watch:
    """Hears what processes tell of themselves, each by the number of its try."""

    def __init__(self, path: Path) -> None:
        self.said: dict[int, list[str]] = defaultdict(list)
        self.reserved: dict[int, list[str]] = defaultdict(list)
        self.times: dict[int, list[tuple[str, float]]] = {}
        self._held: dict[int, Held] = {}
        self._spent: set[int] = set()
        self._change = threading.Condition()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def gather(self, tries: Collection[int], seconds: float) -> list[Held]:
        """Wait until all of these tries stand at their step; return those that do by then."""
        limit = time.monotonic() + seconds
        with self._change:
            while not self._held.keys() >= set(tries) and time.monotonic() < limit:
                self._change.wait(0.2)
            self._spent.update(tries)
            return [self._held.pop(one) for one in tries if one in self._held]

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._hear, args=(line,), daemon=True).start()

    def _hear(self, line: socket.socket) -> None:
        try:
            with line.makefile() as stream:
                told: dict[str, Any] = json.loads(stream.readline())
        except (OSError, ValueError):
            # it was killed while it spoke
            line.close()
            return
        tried = told["tried"]
        with self._change:
            if "step" in told and tried not in self._spent:
                self._held[tried] = Held(line=line, **told)
                self._change.notify_all()
                return
            self.said[tried] += [told["said"]] if "said" in told else []
            self.reserved[tried] += told.get("reserved", [])
            if "times" in told:
                self.times[tried] = [(step, moment) for step, moment in told["times"]]
        with suppress(OSError):  # killed meanwhile
            line.sendall(b".")
        line.close()

"""What services have in common that run in one process for one home: their lock and their log."""

from __future__ import annotations

import fcntl
import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

from awe.errors import ServiceDown

__all__ = ["log_to", "only_one"]


class only_one:  # noqa: N801 - reads as a statement: with only_one(lock, name)
    """Hold a lock file of a home as long as this process lives.

    Parameters
    ----------
    path : Path
        The lock file, in the directory `services` of the home.
    name : str
        Name of the service, for whoever finds the lock taken.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self._stream: IO[str] | None = None

    def __enter__(self) -> None:
        self._stream = self.path.open("a")
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._stream.close()
            msg = f"{self.name} runs already for {self.path.parent.parent}"
            raise ServiceDown(msg) from error

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()


def log_to(path: Path) -> None:
    """Let this process log into a file that only its owner can read, kept to 40 MB."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.close(descriptor)
    handler = RotatingFileHandler(path, maxBytes=10 << 20, backupCount=3)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)

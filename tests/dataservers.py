"""Real dataserver processes on loopback, forked from one so that each starts in a moment."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Dataserver"]

SERVE = Path(__file__).parent / "dataserver" / "serve.py"
_keepers: list[subprocess.Popen[str]] = []


@dataclass(frozen=True)
class Dataserver:
    """A process that serves one store."""

    pid: int
    port: int

    @classmethod
    def start(cls, db: Any, root: Path, **more: Any) -> Dataserver:
        """Start one before that database; `more` is its patience [s], reserve [bytes], port."""
        asked = {"root": str(root), "connection": _connection(db), "environ": dict(os.environ),
                 "pages": db.password("awe_pages")}
        keeper = _keeper()
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        keeper.stdin.write(json.dumps({**asked, **more}) + "\n")
        keeper.stdin.flush()
        pid, port = map(int, keeper.stdout.readline().split())
        return cls(pid, port)

    def stop(self) -> None:
        """Kill it and wait until it is gone."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
            while True:
                os.kill(self.pid, 0)
                time.sleep(0.002)


def _connection(db: Any) -> dict[str, Any]:
    """The dataserver's own way into a database."""
    return {
        "host": str(db.cluster.socket),
        "port": 5432,
        "dbname": db.name,
        "user": "awe_dataserver",
        "password": db.password("awe_dataserver"),
    }


def _keeper() -> subprocess.Popen[str]:
    if not _keepers:
        pipe = subprocess.PIPE
        keeper = subprocess.Popen([sys.executable, str(SERVE)], stdin=pipe, stdout=pipe, text=True)
        _keepers.append(keeper)
        atexit.register(_end, keeper)
    return _keepers[0]


def _end(keeper: subprocess.Popen[str]) -> None:
    keeper.kill()
    keeper.communicate()

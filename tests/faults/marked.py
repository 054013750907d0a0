"""Reduce as it is, in a process that tells a test at which step it stands.

Copied into the recipes of a home, so that prompts and workers of every kind run it as what it is:
a recipe of a user's own. At the step that its arguments name it waits until the test lets it go.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from awe import bars
from awe.dataserver import client, laying
from awe.dataserver.upload import Outgoing
from awe.db.server.connection import database
from awe.dpu.worker import worker
from awe.recipes import Argument
from awe.recipes.reduce import ReduceTask
from awe.tasks import keeping

WATCH = Path(__file__).parents[1] / "watch"
#: bytes of a file that are sent at a time: the middle of an upload is somewhere
PIECE = 1 << 14

_this: dict[str, Any] = {"tried": 0, "at": -1}
_seen: Counter[str] = Counter()
_times: list[tuple[str, float]] = []


class MarkedTask(ReduceTask):
    """Reduce, which waits at one of its steps."""

    arguments = (
        *ReduceTask.arguments,
        Argument(name="tried", type=int, default=0, doc="number of the try"),
        Argument(name="step", type=str, default="", doc="step at which it waits"),
        Argument(name="turn", type=int, default=1, doc="which time it comes there"),
    )

    def units(self) -> list[Any]:
        _this.update(tried=self.tried, step=self.step, turn=self.turn)
        _mark("select")
        return super().units()

    def _choose(self, unit: Any) -> Any:
        _mark("choose")
        return super()._choose(unit)

    def fetch(self, objects: Any) -> None:
        if not _seen["read"]:
            _mark("read")
        super().fetch(objects)

    def _seeing(self, *given: Any) -> Any:
        if not _seen["reduce"]:
            _mark("reduce")
        return super()._seeing(*given)

    def write(self, *given: Any, **details: Any) -> None:
        if not _seen["write"]:
            _mark("write")
        super().write(*given, **details)


def _mark(step: str) -> None:
    """Note that a step begins; wait if it is the one of this try."""
    _seen[step] += 1
    _times.append((step, time.monotonic()))
    if _this["at"] >= 0:
        os.pwrite(_this["at"], step.ljust(8).encode(), 0)
    if (step, _seen[step]) == (_this.get("step"), _this.get("turn")):
        note = WATCH.with_name(f"at-{_this['tried']}")
        _this["at"] = os.open(note, os.O_CREAT | os.O_WRONLY, 0o600)
        os.pwrite(_this["at"], step.ljust(8).encode(), 0)
        connection = database._session.connection
        _tell(step=step, pid=os.getpid(),
              backend=connection.info.backend_pid if database.connected else 0)  # fmt: skip


def _tell(**what: Any) -> None:
    """Tell the test something and wait until it has heard, or until nobody listens any more."""
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(WATCH))
            line.sendall(json.dumps({"tried": _this["tried"], **what}).encode() + b"\n")
            line.recv(1)
        except OSError:
            return


def _marked(owner: Any, name: str, before: Callable[..., None]) -> None:
    """Let `before` see every call of a function first."""
    function = getattr(owner, name)

    def called(*given: Any, **more: Any) -> Any:
        before(*given)
        return function(*given, **more)

    setattr(owner, name, called)


def _reserving(text: str, parameters: Any = None) -> None:
    if text.startswith("INSERT INTO awe.file"):
        _mark("reserve")
        _tell(reserved=list(parameters[::2]))


def _ending(_: Any, report: dict[str, Any]) -> None:
    if "end" in report:
        _mark("state")
        _tell(times=_times)


def _blocks(outgoing: Outgoing) -> Iterator[bytes]:
    """Send a file in small pieces; before the last one the server cannot have compared it."""
    path = outgoing.parts
    assert isinstance(path, Path)
    left = path.stat().st_size
    with path.open("rb") as stream:
        while block := stream.read(PIECE):
            left -= len(block)
            if not left:
                _mark("verify")
            yield block


_say = bars.say


def _saying(text: str = "") -> None:
    done = text.endswith("; committed")
    if done:
        _mark("log")
    _say(text)
    if done:
        _tell(said=text)


if not hasattr(bars, "marked"):
    # a waiting job runs its task again in the same process
    bars.marked = True
    bars.say = _saying
    Outgoing.blocks = _blocks
    _marked(database, "execute", _reserving)
    # laid into the store where it is near, sent where it is not
    _marked(laying, "_fill", lambda *_: _mark("upload"))
    _marked(laying, "_taken", lambda _, files, *__: [_mark("verify") for _ in files])
    _marked(client.Client, "put", lambda *_: _mark("upload"))
    _marked(keeping, "commit_all", lambda *_: _mark("commit"))
    _marked(worker.Reports, "__call__", _ending)
    # of a prompt; workers end otherwise
    atexit.register(lambda: _tell(times=[*_times, ("", time.monotonic())]))

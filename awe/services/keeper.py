"""The process `keeper`: brings a killed database or awe-server back while nobody is at a prompt.

It waits for the end of the recorded processes, which costs nothing, and lets a fresh process of
awe start what is missing. A service that ends again and again is started ever less often, once a
minute at last. `awe-admin stop` says that nothing is wanted and ends it first; it also goes by
itself when the home is gone, stopped or looked after by another keeper. awe-server looks after
the keeper in its turn.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from awe.errors import UserMistake
from awe.services.installation import COMMANDS, Installation
from awe.services.process import Identity, identify

__all__ = ["main", "revive"]

WATCHED = {"cluster": "the database", "server": "awe-server"}
#: Seconds between two looks at `state.json` while nothing ends.
LOOK = 5.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
#: A service that lived that long is started again without a pause.
SETTLED = 120.0
LARGEST_LOG = 1 << 20


def main(words: list[str]) -> int:
    """Keep the services of this `AWE_HOME`, or with `revive` start what is missing once."""
    house = Installation()
    if words == ["revive"]:
        return _revive(house)
    pause, last = FIRST_PAUSE, 0.0
    while _mine(house):
        gone = _wait(house)
        if not gone:
            continue
        pause = FIRST_PAUSE if time.monotonic() - last > SETTLED else min(2 * pause, LONGEST_PAUSE)
        _note(house, f"{' and '.join(gone)} ended; starting again in {pause:g} s")
        time.sleep(pause)
        if _mine(house):
            revive()
        last = time.monotonic()
    return 0


def revive() -> None:
    """Let a process of its own start what is missing, if it is wanted."""
    subprocess.run([*COMMANDS["keeper"], "revive"], stdin=subprocess.DEVNULL, check=False)


def _revive(house: Installation) -> int:
    from awe.services import stack

    try:
        stack.revive(house)
    except UserMistake as error:
        if house.services.is_dir():
            _note(house, str(error))
        return 1
    return 0


def _mine(house: Installation) -> bool:
    """Return True while the services are wanted and no other keeper looks after them."""
    try:
        if not house.wanted:
            return False
        keeper = house.process("keeper")
    except UserMistake:
        return False
    return keeper is None or keeper.pid == os.getpid()


def _wait(house: Installation) -> list[str]:
    """Wait until a service ends, or for a while; return what to call those that have ended."""
    found = house.state
    living: list[Identity] = []
    gone = []
    for name, words in WATCHED.items():
        process = Identity.from_record(found.get(name))
        if process is not None and process.alive:
            living.append(process)
        else:
            gone.append(words)
    if not gone:
        _sleep_beside(living)
    return gone


def _sleep_beside(living: list[Identity]) -> None:
    with _descriptors(living) as descriptors:
        if len(descriptors) < len(living):
            time.sleep(1.0)
            return
        poller = select.poll()
        for descriptor in descriptors:
            poller.register(descriptor, select.POLLIN)
        poller.poll(LOOK * 1000)


@contextmanager
def _descriptors(living: list[Identity]) -> Iterator[list[int]]:
    """Open a descriptor for each process that becomes readable at its end, where there are."""
    opened: list[int] = []
    try:
        for process in living:
            try:
                opened.append(os.pidfd_open(process.pid))
            except (AttributeError, OSError):
                # no such thing here, or the process has just ended: the caller looks again
                break
        yield opened
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _note(house: Installation, text: str) -> None:
    path = house.services / "keeper.log"
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_suffix(".log.old"))
    moment = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a") as file:
        file.write(f"{moment} {' '.join(text.split())}\n")


if __name__ == "__main__":
    if identify(os.getpid()) is None:
        sys.exit("keeper: this system does not tell which processes live")
    sys.exit(main(sys.argv[1:]))

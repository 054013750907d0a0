"""Ctrl-C at the doors of a block that lets it wait."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from awe.db.server import interrupts
from awe.db.server.interrupts import interrupts_deferred


def _ignore(*_: object) -> None:
    """Hear Ctrl-C outside of the block, where nothing is to break off."""


@pytest.fixture
def hail() -> Iterator[None]:
    """Ctrl-C is pressed without end."""
    before = signal.signal(signal.SIGINT, _ignore)
    presses = f"while kill -INT {os.getpid()}; do :; done"
    presser = subprocess.Popen(["sh", "-c", presses], start_new_session=True)
    yield
    presser.kill()
    presser.wait()
    signal.signal(signal.SIGINT, before)


def _block() -> bool:
    """Return whether Ctrl-C was told when the block was done, or broke in."""
    try:
        with interrupts_deferred():
            sum(range(300))
    except KeyboardInterrupt:
        return True
    return False


@pytest.mark.usefixtures("hail")
def test_ctrl_c_without_end_leaves_its_handler_as_it_was() -> None:
    told = 0
    began = time.monotonic()
    # on a busy machine it takes a while until the first press
    while (passed := time.monotonic() - began) < 1.0 or (not told and passed < 60.0):
        told += _block()
        assert signal.getsignal(signal.SIGINT) is _ignore
        assert not interrupts._deferring
    assert told

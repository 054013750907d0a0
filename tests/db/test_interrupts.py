"""Ctrl-C at the doors of a block that lets it wait."""

from __future__ import annotations

import subprocess
import sys

#: Ctrl-C is pressed without end, in a process that the test run can do without.
HAILED = """
import os
import signal
import subprocess
import time

from awe.db.server import interrupts
from awe.db.server.interrupts import interrupts_deferred


def ignore(*_):
    pass


def block():
    try:
        with interrupts_deferred():
            sum(range(300))
    except KeyboardInterrupt:
        return True
    return False


signal.signal(signal.SIGINT, ignore)
presses = f"while kill -INT {os.getpid()}; do :; done"
nowhere = subprocess.DEVNULL
subprocess.Popen(["sh", "-c", presses], start_new_session=True, stdout=nowhere, stderr=nowhere)
told = 0
began = time.monotonic()
# on a busy machine it takes a while until the first press
while (passed := time.monotonic() - began) < 1.0 or (not told and passed < 60.0):
    told += block()
    assert signal.getsignal(signal.SIGINT) is ignore
    assert not interrupts._deferring
assert told
os._exit(0)
"""


def test_ctrl_c_without_end_leaves_its_handler_as_it_was() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HAILED], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

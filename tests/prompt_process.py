"""The real `awe` command as a child process, for tests: to its end, or typed at on a pty."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

__all__ = ["AWE", "CODES", "PATIENCE", "Prompt", "environment", "hang_up", "installation"]

AWE = Path(sys.executable).parent / "awe"
CODES = re.compile(r"\x1b\][^\x07]*\x07|\x1b\[[0-9;?]*[a-zA-Z]|\r|\x1b[=>]")


#: Seconds any single step may take on a machine that others use too.
PATIENCE = 120.0


def hang_up(child: pexpect.spawn[str]) -> None:
    """Close a terminal; on a busy machine even what was killed takes a while to end."""
    for _ in range(50):
        try:
            child.close(force=True)
        except pexpect.ExceptionPexpect:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"process {child.pid} does not end")


@contextlib.contextmanager
def installation(name: str) -> Iterator[Path]:
    """A place for an AWE_HOME; stopped and removed at the end, with what root kept elsewhere."""
    from awe.services import stack
    from awe.services.installation import Installation

    folder = Path(tempfile.mkdtemp(prefix=f"awe-{name}-"))
    folder.chmod(0o755)
    try:
        yield folder / "home"
    finally:
        stack.destroy(Installation(folder / "home"))
        shutil.rmtree(folder, ignore_errors=True)


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return {**kept, "AWE_HOME": str(home), "PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm", **more}


class Prompt:
    """A real awe prompt on a pseudo-terminal."""

    def __init__(self, home: Path, directory: Path, **more: str) -> None:
        self.child = pexpect.spawn(
            str(AWE),
            env=environment(home, **more),
            cwd=str(directory),
            encoding="utf-8",
            timeout=PATIENCE,
            dimensions=(60, 200),
        )
        self.banner = self.wait()

    def wait(self) -> str:
        """Wait for the prompt; return what was printed before it."""
        self.child.expect(r"awe> (?:\x1b\[[0-9;?]*[a-zA-Z])*")
        text = self.child.before
        time.sleep(0.15)
        return CODES.sub("", text)

    def type(self, line: str, timeout: float = PATIENCE) -> str:
        """Type lines, press Return, and give back what was printed.

        A marker is printed by a second command, so that output which arrives late, or looks
        like a prompt, cannot be missed.
        """
        for part in line.split("\n"):
            self.child.send(part + "\r")
            time.sleep(0.1)
        marker = f"end-{time.monotonic_ns()}"
        self.child.send(f"print('{marker[:4]}' + '{marker[4:]}')\r")
        self.child.expect(re.compile(rf"{marker}\r?\n"), timeout=timeout)
        text = CODES.sub("", self.child.before)
        self.wait()
        kept = []
        for printed in text.split("\n"):
            if printed.startswith(("awe> ", "... ")) or f"print('{marker[:4]}'" in printed:
                continue
            kept.append(printed)
        return "\n".join(kept).strip("\n")

    def drain(self) -> None:
        """Read what came unasked, so that the process never waits for a reader."""
        with contextlib.suppress(pexpect.TIMEOUT):
            while True:
                self.child.read_nonblocking(10000, timeout=0.2)

    def close(self) -> None:
        hang_up(self.child)

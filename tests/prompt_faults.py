"""Faults brought about on purpose, and what a prompt may say of them; shared by tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prompt_process import PATIENCE, environment

from awe.services.process import Identity

__all__ = ["admin", "kill", "mistake", "tiny_disk"]


def admin(home: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "awe.admin", *words],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def kill(home: Path, service: str) -> Identity:
    state = json.loads((home / "services" / "state.json").read_text())
    victim = Identity.from_record(state[service])
    assert victim is not None
    os.kill(victim.pid, signal.SIGKILL)
    limit = time.monotonic() + PATIENCE
    while victim.alive:
        assert time.monotonic() < limit
        time.sleep(0.02)
    return victim


@contextmanager
def nobody_keeps(home: Path) -> Iterator[None]:
    """Hold the process that brings killed services back, so that they stay away for a while."""
    keeper = json.loads((home / "services" / "state.json").read_text())["keeper"]["pid"]
    os.kill(keeper, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(keeper, signal.SIGCONT)


@contextmanager
def tiny_disk(place: Path, size: str, *, busy: bool = False) -> Iterator[None]:
    """Let a file system of that size be at a place, where this account may mount one.

    At the end nothing may be open there, unless it may be `busy`.
    """
    words = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(
        words, capture_output=True, check=False
    ).returncode:
        pytest.skip("no small file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", *["-l"] * busy, str(place)], check=True)


def mistake(said: str, kind: str, *words: str) -> None:
    """One line of that kind of error, with all the words, and nothing else."""
    assert len(said.splitlines()) == 1, said
    assert said.startswith(f"{kind}: "), said
    for word in words:
        assert word in said, f"{word!r} not in {said}"

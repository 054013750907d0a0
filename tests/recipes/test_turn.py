"""One process of an installation compiles at a time, and nobody waits for one that died."""

from __future__ import annotations

import subprocess
import sys

import pytest

from awe.tasks import compiling
from awe.tasks.compiling import Turn

#: takes the turn, says so, and ends when its standard input does
HOLDER = """
import sys
from awe.tasks.compiling import Turn
turn = Turn()
turn.take()
print("taken", flush=True)
sys.stdin.read()
turn.give_back()
print("given", flush=True)
sys.stdin.close()
"""
#: a kernel that no cache has
KERNEL = """
from numba import njit
from awe.tasks.compiling import told
with told() as turn:
    made = njit(lambda x: x + 1)(1)
    turn.give_back()
    print(made, flush=True)
    input()
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AWE_HOME", str(tmp_path))
    return tmp_path


def begun(code):
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline()
    return process


def taken(turn):
    """Take the turn and return how often it was waited for."""
    waited = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling.time, "sleep", waited.append)
        turn.take()
    return len(waited)


def test_another_process_waits_until_the_turn_is_given_back(home, monkeypatch):
    monkeypatch.setattr(compiling, "LONGEST", 0.3)
    turn = Turn()
    with begun(HOLDER) as holder:
        assert taken(turn) > 0  # not for longer than that
        turn.give_back()
        holder.stdin.close()
        holder.wait(30)
    assert taken(turn) == taken(turn) == 0
    turn.give_back()


def test_who_is_killed_does_not_keep_it(home):
    with begun(HOLDER) as holder:
        holder.kill()
        holder.wait(30)
    turn = Turn()
    assert taken(turn) == 0
    turn.give_back()


def test_a_task_gives_it_back_when_its_first_kernels_are_compiled(home):
    with begun(KERNEL) as task:
        assert (home / "compiling.lock").exists()
        turn = Turn()
        assert taken(turn) == 0
        turn.give_back()
        task.communicate("\n", timeout=30)
    assert task.returncode == 0


def test_without_a_folder_for_it_nobody_waits(home, monkeypatch):
    monkeypatch.setenv("AWE_HOME", str(home / "nowhere"))
    assert taken(Turn()) == 0

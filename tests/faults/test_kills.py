"""Who stores a frame is killed at any step of it: nothing is lost, nothing is there twice.

The short version runs always. `python -m tests.faults` kills twenty times at every step and writes
the page docs/reference/faults.md.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dpu.slurm_cluster import slurm
from tests.faults.matrix import Matrix
from tests.faults.steps import STEPS, VICTIMS

TRIES = int(os.environ.get("AWE_FAULT_TRIES", "0"))
PLACES = os.environ.get("AWE_FAULT_PLACES", "local slurm prompt").split()
RESULT = os.environ.get("AWE_FAULT_RESULT", "")
SIDE_BY_SIDE = 4

pytestmark = [pytest.mark.services, pytest.mark.timeout(900 if not TRIES else 8 * 3600)]

#: of the short version: some steps under a worker and under everybody else, others each time
SHORT = {
    "local": {"worker": STEPS, "runner": STEPS[7:], "dataserver": STEPS[5:9],
              "postmaster": STEPS[6:10], "backend": ("select", "reserve", "verify", "commit")},
    "slurm": {"worker": ("read", "upload", "commit", "log")},
    "prompt": {"prompt": STEPS[6:10]},
}  # fmt: skip
#: how many of them, under a service and under who does the work
FEW, MORE = 2, SIDE_BY_SIDE


def batches(place: str, victim: str, chance: random.Random) -> Iterator[list[str]]:
    """Yield the steps at which a victim is killed, a few at a time and in any order."""
    if victim == "nobody":
        # the first has to compile and to load what the others find
        yield from ([""], [""] * (SIDE_BY_SIDE if TRIES else 2))
        return
    steps = STEPS if place != "prompt" else STEPS[:-1]
    some = list(steps if TRIES else SHORT[place].get(victim, ()))
    chance.shuffle(some)
    if not TRIES:
        some = some[: MORE if victim in ("worker", "prompt") else FEW]
    for first in range(0, len(some), SIDE_BY_SIDE):
        yield some[first : first + SIDE_BY_SIDE]


@pytest.mark.parametrize("place", [place for place in VICTIMS if place in PLACES])
def test_whoever_is_killed_at_whichever_step(place, bed, frames, tmp_path, monkeypatch):
    chance = random.Random()
    matrix = Matrix(bed, frames, chance)
    if place == "slurm":
        with slurm(tmp_path, processors=SIDE_BY_SIDE) as cluster:
            monkeypatch.setenv("SLURM_CONF", str(cluster.settings))
            kill_all(matrix, place)
    else:
        kill_all(matrix, place)
    assert matrix.wrong == []
    assert sum(row.tries for row in matrix.rows.values()) > 4 * len(matrix.late)
    control = [row for (_, victim, _), row in matrix.rows.items() if victim == "nobody"]
    assert [(row.tries, row.again, row.orphans) for row in control] == [(row.committed, 0, 0)
                                                                       for row in control]


def kill_all(matrix: Matrix, place: str) -> None:
    if place != "prompt":
        matrix.bed.start_runner()
    for number in range(max(TRIES, 1)):
        for victim in VICTIMS[place]:
            for steps in batches(place, victim, matrix.chance):
                matrix.batch(place, victim, steps)
            if TRIES:
                # a long run that is ended early keeps what it has counted
                matrix.settle()
                report(matrix, place)
        if not TRIES:
            matrix.settle()
            report(matrix, place)
        say(f"{place}: round {number + 1} of {max(TRIES, 1)}, {len(matrix.wrong)} wrong")


def report(matrix: Matrix, place: str) -> None:
    """Keep what was counted so far where the long version asks for it."""
    counted = [[*key, *row.values()] for key, row in matrix.rows.items()]
    if not TRIES:
        say("\n".join(map(str, [*matrix.spans.items(), *counted, *matrix.wrong, *matrix.late])))
    if RESULT:
        told = {"rows": counted, "wrong": matrix.wrong, "late": matrix.late}
        Path(RESULT, f"{place}.json").write_text(json.dumps(told))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()

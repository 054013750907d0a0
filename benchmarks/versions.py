"""Two versions of awe at the same work, in turns, to see whether the newer one is slower.

Each version is a virtual environment with awe in it and an AWE_HOME that holds the tutorial night.
One prompt of each is kept open; the steps a user waits for are run in turns, and medians and their
ratio are printed. Exits 1 when a ratio is above the limit.

    python -m benchmarks.versions OLD_VENV OLD_HOME NEW_VENV NEW_HOME [--repeats N] [--limit 1.05]
        [--steps start reduce ...]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.alternating import load

WORKER = Path(__file__).with_name("version_steps.py")
STEPS = ("start", "query", "links", "commit", "retrieve", "submit", "reduce")


class Prompt:
    """One version, with a prompt of its own that runs a step when it is told to."""

    def __init__(self, environment: Path, home: Path) -> None:
        self.awe = environment / "bin" / "awe"
        self.folder = tempfile.TemporaryDirectory()
        self.variables = {**os.environ, "AWE_HOME": str(home)}
        self.process = subprocess.Popen(
            [str(self.awe), str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=self.variables, cwd=self.folder.name,
        )  # fmt: skip

    def start(self) -> float:
        """Return the seconds one start of the prompt takes."""
        begin = time.perf_counter()
        subprocess.run([str(self.awe), "-c", "pass"], check=True, env=self.variables,
                       stdout=subprocess.DEVNULL, cwd=self.folder.name)  # fmt: skip
        return time.perf_counter() - begin

    def run(self, step: str) -> float:
        """Return the seconds a step takes in the open prompt."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(step + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):
                seconds: float = json.loads(line)["seconds"]
                return seconds
        msg = f"the prompt of {self.awe} ended at {step}"
        raise RuntimeError(msg)

    def close(self) -> None:
        """End the prompt and remove what it wrote."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)
        self.folder.cleanup()


def main() -> int:
    """Run all steps in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for word in ("old", "old_home", "new", "new_home"):
        parser.add_argument(word, type=Path)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--limit", type=float, default=1.05)
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    chosen = parser.parse_args()
    places = {"old": (chosen.old, chosen.old_home), "new": (chosen.new, chosen.new_home)}
    sides = {side: Prompt(*place) for side, place in places.items()}
    times: dict[tuple[str, str], list[float]] = {}
    for turn in range(chosen.repeats + 1):
        order = list(sides) if turn % 2 else list(sides)[::-1]
        for step in chosen.steps:
            for side in order:
                prompt = sides[side]
                took = prompt.start() if step == "start" else prompt.run(step)
                if turn:
                    times.setdefault((step, side), []).append(1000 * took)
    for prompt in sides.values():
        prompt.close()
    return _report(times, chosen.steps, chosen.limit)


def _report(
    times: dict[tuple[str, str], list[float]], steps: Sequence[str], limit: float
) -> int:
    slow: list[Any] = []
    sys.stdout.write(f"{load()}\n{'step':10} {'old ms':>9} {'new ms':>9} ratio of minima\n")
    for step in steps:
        old, new = (statistics.median(times[step, side]) for side in ("old", "new"))
        least = min(times[step, "new"]) / min(times[step, "old"])
        sys.stdout.write(f"{step:10} {old:9.2f} {new:9.2f} {new / old:6.2f} {least:9.2f}\n")
        if new / old > limit:
            slow.append(step)
    if slow:
        sys.stdout.write(f"above {limit}: {', '.join(slow)}\n")
    return bool(slow)


if __name__ == "__main__":
    sys.exit(main())

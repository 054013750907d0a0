"""Start-up of the prompt, measured against IPython's own.

Runs `awe -c pass` and `ipython -c pass` alternately, services running, and prints medians and
their ratio; exits 1 when the ratio is above the limit. Also prints how long the interactive
prompt takes until it can be typed at.

    python benchmarks/startup.py [--repeats N] [--limit RATIO]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pexpect

BIN = Path(sys.executable).parent


def seconds(*command: str) -> float:
    """Return the wall-clock time of a command that must succeed."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def seconds_to_prompt() -> float:
    """Return the wall-clock time from the command to the first prompt."""
    start = time.perf_counter()
    child = pexpect.spawn(str(BIN / "awe"), encoding="utf-8", timeout=60)
    child.expect("awe> ")
    elapsed = time.perf_counter() - start
    child.sendcontrol("d")
    child.expect(pexpect.EOF)
    return elapsed


def main() -> int:
    """Measure, print the table, and return 1 where the limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--limit", type=float, default=1.5)
    options = parser.parse_args()
    awe = [str(BIN / "awe"), "-c", "pass"]
    ipython = [str(BIN / "ipython"), "-c", "pass"]
    seconds(*awe)
    seconds(*ipython)
    times: dict[str, list[float]] = {"awe -c pass": [], "ipython -c pass": []}
    for _ in range(options.repeats):
        times["awe -c pass"].append(seconds(*awe))
        times["ipython -c pass"].append(seconds(*ipython))
    times["awe (until the prompt)"] = [seconds_to_prompt() for _ in range(3)]
    for name, values in times.items():
        print(f"{name:24} median {statistics.median(values):.3f} s   best {min(values):.3f} s")
    ratio = statistics.median(times["awe -c pass"]) / statistics.median(times["ipython -c pass"])
    print(f"{'ratio':24} {ratio:.2f} (limit {options.limit})")
    return int(ratio > options.limit)


if __name__ == "__main__":
    sys.exit(main())

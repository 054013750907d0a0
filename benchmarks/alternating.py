"""Two or more ways of doing the same thing, timed in turns in one run.

Absolute times drift with the load of the machine; ratios of medians taken in turns do not.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Times", "alternate", "load", "table"]


@dataclass(frozen=True, kw_only=True)
class Times:
    """Medians of one way, in milliseconds; CPU is that of this process only."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:9.2f} ms ({self.cpu:7.2f} cpu)"


def alternate(ways: Mapping[str, Callable[[], Any]], *, repeats: int = 9) -> dict[str, Times]:
    """Run every way once to warm up, then all in turns, and return their medians."""
    for way in ways.values():
        way()
    walls: dict[str, list[float]] = {name: [] for name in ways}
    cpus: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way()
            walls[name].append(1000 * (time.perf_counter() - wall))
            cpus[name].append(1000 * (time.process_time() - cpu))
    return {
        name: Times(wall=statistics.median(walls[name]), cpu=statistics.median(cpus[name]))
        for name in ways
    }


def load() -> str:
    """Return how busy the machine is with other things."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def table(heading: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return rows as a Markdown table."""
    lines = [heading, tuple("-" * len(cell) for cell in heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

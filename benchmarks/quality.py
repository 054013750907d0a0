"""How often quality bits are raised on good products, and which bad frames raise one.

    python -m benchmarks.quality                  8 nights, then every bad frame
    python -m benchmarks.quality --nights 160     ... of 15 chips
    python -m benchmarks.quality --cases 'bias*'  bad frames of these names only
    python -m benchmarks.quality --table FILE     the tables as Markdown

Raw files of small chips go through ingest and every recipe, in an installation of its own that is
removed afterwards. Good nights follow each other on a chip: their products have predecessors.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from awe import calib
from awe.model.mixins import QualityFlag
from benchmarks import scenes, spoiled
from benchmarks.nights import SKIES, Night
from benchmarks.pipeline import installation

#: days between the nights of two chips: no calibration reaches from one to the other
APART = 40

#: bits that good products may have: they say what the sky was like
WELCOME = QualityFlag.SEEING


@dataclass
class Counts:
    """How many products of each class were made, and how often each bit was raised."""

    made: Counter[str] = field(default_factory=Counter)
    raised: Counter[tuple[str, str]] = field(default_factory=Counter)
    earned: Counter[str] = field(default_factory=Counter)

    def add(self, product: Any, response: np.ndarray | None = None) -> list[str]:
        """Count a product; return its bits.

        A flat that strays, and is as far from the true response, is not a good one: it is counted
        as earned.
        """
        name = type(product).__name__
        self.made[name] += 1
        flags = QualityFlag(product.quality_flags)
        if flags == QualityFlag.STRAYS and response is not None and _is_off(product, response):
            self.earned[name] += 1
            flags = QualityFlag(0)
        found = [str(flag.name) for flag in QualityFlag if flags & flag]
        for bit in found:
            self.raised[name, bit] += 1
        return found

    @property
    def wrong(self) -> int:
        """Number of bits raised on good products, those that are welcome left out."""
        return sum(n for (_, bit), n in self.raised.items() if bit != WELCOME.name)

    def rows(self) -> Iterator[tuple[str, int, str]]:
        """Yield class, number of products and bits raised."""
        for name, made in sorted(self.made.items()):
            bits = [f"{bit} {n}" for (cls, bit), n in sorted(self.raised.items()) if cls == name]
            yield name, made, ", ".join(bits) or "none"


def nights(count: int, chips: int, size: int, seed: int, folder: Path) -> Iterator[Night]:
    """Yield good nights: of one chip until it is the next one's turn."""
    each = -(-count // chips)
    for number in range(count):
        chip, night = divmod(number, each)
        sensor = scenes.sensor(size, 1000 * seed + chip)
        rng = np.random.default_rng([seed, chip, night])
        sky = SKIES[number % len(SKIES)]
        yield Night(folder, f"ESO_CCD_#{65 + chip}", sensor, APART * chip + night, rng, sky)


def good(all_nights: Iterator[Night], *, tell: bool = True) -> Counts:
    """Make everything of good nights and count the bits."""
    counts = Counts()
    start = time.process_time()
    for number, night in enumerate(all_nights, start=1):
        for recipe, product in night.good():
            bits = counts.add(product, night.sensor.response)
            if tell and set(bits) - {WELCOME.name}:
                told = f"{recipe}: {type(product).__name__} {bits}"
                print(f"  {night.chip} {night.date} {told}", flush=True)
        if tell:
            made = counts.made.total()
            spent = time.process_time() - start
            print(f"night {number}: {made} products, {counts.wrong} bits, {spent:.0f} CPU s",
                  flush=True)  # fmt: skip
    return counts


def _is_off(product: Any, response: np.ndarray) -> bool:
    """Return True if more boxes of a flat are off the truth than its limit allows."""
    limits = product.process_params
    if "Flat" not in type(product).__name__ or product.data.shape != response.shape:
        return False
    across = min(32, min(response.shape) // 4)
    ny, nx = (size // across for size in response.shape)
    ratio = (product.data / (response / response.mean()))[: ny * across, : nx * across]
    boxes = ratio.reshape(across, ny, across, nx).swapaxes(1, 2).reshape(across**2, ny * nx)
    off = np.abs(np.nanmedian(boxes, axis=1) - 1) > limits.STRAY_STEP
    return bool(off.mean() > limits.MAXIMUM_STRAY_BOXES)


def upper(found: int, of: int) -> float:
    """Return the 95 % upper limit of a rate, by Poisson."""
    from scipy.stats import chi2

    return float(chi2.ppf(0.95, 2 * (found + 1)) / 2 / max(of, 1))


def report(counts: Counts, outcomes: Sequence[spoiled.Outcome]) -> str:
    """Return both tables as Markdown."""
    lines = ["| product | made | bits raised |", "|---|---|---|"]
    lines += [f"| {name} | {made} | {bits} |" for name, made, bits in counts.rows()]
    total, reduced = counts.made.total(), counts.made["ReducedScienceFrame"]
    of_reduced = sum(n for (cls, bit), n in counts.raised.items()
                     if cls == "ReducedScienceFrame" and bit != WELCOME.name)  # fmt: skip
    lines += [
        "",
        f"{counts.wrong} of {total} products have a bit other than {WELCOME.name} (95 % upper "
        f"limit {1000 * upper(counts.wrong, total):.2g} in 1,000); reduced frames: {of_reduced} "
        f"of {reduced} ({1000 * upper(of_reduced, reduced):.2g} in 1,000). Not counted: "
        f"{counts.earned.total()} flats that stray as far from the true response.",
        "",
        "| bad frames | recipe | what happens |",
        "|---|---|---|",
    ]
    lines += [f"| {one.case.text} | {one.case.recipe} | {one.text} |" for one in outcomes]
    noticed = sum(one.noticed for one in outcomes)
    return "\n".join([*lines, "", f"{noticed} of {len(outcomes)} kinds noticed.", ""])


def main() -> int:
    """Print both tables; return 1 where a good product has a bit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nights", type=int, default=8, help="good nights")
    parser.add_argument("--chips", type=int, default=0, help="chips they are of, 15 at most")
    parser.add_argument("--size", type=int, default=160, help="side of a chip [pixel]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", nargs="*", default=["*"], metavar="PATTERN")
    parser.add_argument("--table", metavar="FILE", help="write the tables as Markdown")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = [case for case in spoiled.CASES
              if any(fnmatch(case.name, one) for one in options.cases)]  # fmt: skip
    with installation() as folder:
        calib.warm()
        chips = options.chips or min(-(-options.nights // 5), 15)
        counts = good(nights(options.nights, chips, options.size, options.seed, folder))
        night = next(nights(1, 1, options.size, options.seed + 500, folder))
        night.chip, night.days, night.sky = "ESO_CCD_#80", -APART, 700.0
        outcomes = spoiled.tried(night, chosen) if chosen else []
    text = report(counts, outcomes)
    print(text)
    if options.table:
        Path(options.table).write_text(text, encoding="utf-8")
    return 1 if counts.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

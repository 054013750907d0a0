"""Zero points of simulated nights: how far from the truth, and how often the error bar holds it.

Every night has 1 to 8 frames, 8 to 60 standard stars, a transparency that changes from frame to
frame, catalogue errors, errors of the flat, outliers, and an extinction that is known as well as
its error says. Exits 1 where the bias is 2 mmag or more, or the bars hold the truth in less than
63 or more than 73 % of the nights.

    python -m benchmarks.zeropoints [--nights 300]
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass

import numpy as np

from awe.calib.sky.zeropoint import Standards, fit

#: zero point [mag], extinction [mag/airmass] and what is not known of it
ZERO, EXTINCTION, UNKNOWN = 24.6, 0.1, 0.004
BIAS, COVERED, WITHIN = 0.002, 0.683, 0.05
CLIP, STEADINESS = 3.5, 0.005


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found of some nights: off the truth and error [mag], and the seconds it took."""

    off: np.ndarray
    error: np.ndarray
    seconds: float

    @property
    def covered(self) -> float:
        """Part of the nights whose error bar holds the truth."""
        return float((abs(self.off) < self.error).mean())


def night(rng: np.random.Generator) -> tuple[Standards, float]:
    """Return the raw zero points of a night, an extinction taken off, and its mean airmass."""
    stars, frames = int(rng.integers(8, 60)), int(rng.integers(1, 9))
    of_star = rng.normal(0, rng.uniform(0.004, 0.02), stars)
    of_frame = rng.normal(0, rng.uniform(0.0, 0.012), frames)
    airmass = rng.uniform(1.0, 1.8, frames)
    star, frame = (one.ravel() for one in np.meshgrid(np.arange(stars), np.arange(frames)))
    # dithers and bad pixels cost every fifth measurement
    seen = rng.random(star.size) < 0.8
    star, frame = star[seen], frame[seen]
    errors = rng.uniform(0.002, 0.03, star.size)
    beyond = rng.uniform(0.0, 0.008)
    values = ZERO + of_star[star] + of_frame[frame] - EXTINCTION * airmass[frame]
    values += rng.normal(0, np.hypot(errors, beyond))
    values += np.where(rng.random(star.size) < 0.03, rng.normal(0, 0.5, star.size), 0.0)
    values += rng.normal(EXTINCTION, UNKNOWN) * airmass[frame]
    found = Standards(
        values=values, errors=errors, star=star, frame=np.unique(frame, return_inverse=True)[1]
    )
    return found, float(airmass[frame].mean())


def nights(number: int, seed: int = 16) -> Found:
    """Return what is found of so many nights."""
    rng = np.random.default_rng(seed)
    off, error = [], []
    begin = time.process_time()
    for _ in range(number):
        raw, airmass = night(rng)
        fitted = fit(raw, clip=CLIP, steadiness=STEADINESS)
        off.append(fitted.values[0] - ZERO)
        error.append(np.hypot(fitted.errors[0], airmass * UNKNOWN))
    return Found(
        off=np.array(off), error=np.array(error), seconds=time.process_time() - begin
    )


def main() -> int:
    """Print what was found; return 1 where it is not good enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nights", type=int, default=300)
    found = nights(parser.parse_args().nights)
    bias = float(found.off.mean())
    print(f"{len(found.off)} nights, {found.seconds / len(found.off):.3f} CPU s each")
    print(f"bias {1000 * bias:+.2f} mmag, rms {1000 * found.off.std():.1f} mmag, "
          f"mean error {1000 * found.error.mean():.1f} mmag")
    print(f"error bars hold the truth in {100 * found.covered:.1f} % of the nights")
    return int(abs(bias) >= BIAS or abs(found.covered - COVERED) > WITHIN)


if __name__ == "__main__":
    sys.exit(main())

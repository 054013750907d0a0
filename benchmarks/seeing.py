"""Seeing of frames with few or many stars and hits, and the hits found with it, beside a peer.

python -m benchmarks.seeing            900 x 900 pixels, 4 seeings x 5 fields
python -m benchmarks.seeing --short    one small frame
python -m benchmarks.seeing --chip     CPU time of the seeing of a chip of 2048 x 4100
"""

from __future__ import annotations

import argparse
import time

import astroscrappy
import numpy as np

from awe.calib import cosmic
from awe.calib.sky import seeing
from benchmarks.fields import GAIN, READ_NOISE, exposed, score, stars

SKY = 700.0

#: width the recipe takes where there is none
DEFAULT = 2.6

FIELDS = ((0, 300), (30, 300), (300, 300), (300, 2000), (2000, 300))


def measured(image: np.ndarray) -> seeing.Seeing:
    """Return the seeing as Reduce measures it."""
    return seeing.measure(image, threshold=12.0, saturation=60000.0, narrowest=1.5, gain=GAIN)


def ours(image: np.ndarray, width: float) -> np.ndarray:
    """Return the hits of awe with the recommended settings."""
    return cosmic.find(
        image, gain=GAIN, read_noise=READ_NOISE * GAIN, sigma=4.0, neighbour_fraction=0.3375,
        sharpness=cosmic.sharpness_limit(width, tested=True), iterations=4,
        saturation=60000.0, groups=34.0,
        fwhm=width, wing_limit=2.7,
    ).bad


def peer(image: np.ndarray) -> np.ndarray:
    """Return the hits of astroscrappy, separable medians, its defaults."""
    return astroscrappy.detect_cosmics(
        image, sigclip=4.5, sigfrac=0.3, objlim=5.0, gain=GAIN, readnoise=READ_NOISE * GAIN,
        satlevel=60000 * GAIN, niter=4, sepmed=True, cleantype="meanmask",
    )[0]


def row(seed: int, shape: tuple[int, int], fwhm: float, field: tuple[int, int]) -> str:
    """Return one line of the table."""
    rng = np.random.default_rng(seed)
    light = SKY + stars(rng, shape, field[0], fwhm)
    image, charge = exposed(rng, light, field[1])
    image = np.clip(image, -200, 65535).astype(np.float32)
    found = measured(image)
    ones, others = ours(image, found.flanks if found.known else DEFAULT), peer(image)
    (part, wrong), (theirs, their_wrong) = (score(one, charge, light) for one in (ones, others))
    width = f"{found.fwhm:5.2f}" if found.known else " none"
    return (
        f"| {fwhm} | {field[0]} | {field[1]} | {width} | {100 * part:.1f} / {wrong} "
        f"| {100 * theirs:.1f} / {their_wrong} |"
    )


def chip(seed: int) -> str:
    """Return the CPU time of the seeing of a whole chip."""
    rng = np.random.default_rng(seed)
    image, _ = exposed(rng, SKY + stars(rng, (4100, 2048), 2500, 3.6), 2000)
    raw = np.clip(np.rint(image + 250), 0, 65535).astype(np.uint16)
    spent = []
    for _ in range(9):
        start = time.process_time()
        found = measured(raw)
        spent.append(time.process_time() - start)
    return f"{found}: {np.median(spent):.3f} s CPU (median of nine)"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--chip", action="store_true")
    parser.add_argument("--seed", type=int, default=92_000)
    options = parser.parse_args()
    if options.chip:
        print(chip(options.seed))
        return
    shape, widths = ((400, 400), (3.6,)) if options.short else ((900, 900), (1.5, 2.2, 3.6, 6.0))
    fields = FIELDS[2:3] if options.short else FIELDS
    print("| FWHM | stars | hits | measured | awe: found % / false px | astroscrappy |\n"
          "|---|---|---|---|---|---|")
    for place, fwhm in enumerate(widths):
        for number, field in enumerate(fields):
            print(row(options.seed + 100 * place + number, shape, fwhm, field), flush=True)


if __name__ == "__main__":
    main()

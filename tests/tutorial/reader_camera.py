"""A night of a camera that awe does not know, as a reader of the pages has it in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits

__all__ = ["write"]

SHAPE = (260, 320)
LIT = 300
GAIN = 1.5
NOISE = 4.0


def write(folder: Path) -> None:
    """Write biases, darks, dome flats of two exposure times and two frames of the sky.

    One chip of 320 x 260 pixels, 20 columns of them a strip, with a gain of 1.5 electron/ADU.
    """
    folder.mkdir(parents=True)
    random = np.random.default_rng(20200301)
    response = random.normal(1, 0.01, (SHAPE[0], LIT))

    def expose(name: str, kind: str, clock: str, light: float, seconds: float) -> None:
        pixels = random.normal(900, NOISE, SHAPE)
        pixels[:, :LIT] += random.poisson(light * response * GAIN) / GAIN
        cards = {
            "INSTRUME": "TINYCAM", "TELESCOP": "SMALL", "DATE-OBS": f"2020-03-01T{clock}",
            "IMAGETYP": kind, "EXPTIME": seconds, "FILTER": "R", "OBJECT": "NGC 3587",
            "TRIMSEC": f"[1:{LIT},1:{SHAPE[0]}]", "BIASSEC": f"[{LIT + 1}:320,1:{SHAPE[0]}]",
        }  # fmt: skip
        made = fits.PrimaryHDU(np.rint(pixels).astype(np.uint16))
        made.header.update(cards)
        made.writeto(folder / f"{name}.fits")

    for number in range(5):
        expose(f"b{number}", "Bias Frame", f"18:0{number}:00", 0.0, 0.0)
        expose(f"d{number}", "Dark Frame", f"18:1{number}:00", 0.2, 60.0)
        expose(f"f{number}", "Flat Field", f"18:2{number}:00", 20_000.0, 9.0)
        expose(f"g{number}", "Flat Field", f"18:3{number}:00", 10_000.0, 4.5)
    for number in range(2):
        expose(f"s{number}", "Light Frame", f"20:0{number}:00", 300.0, 120.0)

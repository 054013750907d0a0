"""Hits cut out of a real exposure, to be laid on simulated ones by `benchmarks.pipeline --real`.

The frame is a spectrum of 1200 s; what is away from the slit's edges, the object and bright lines
of the sky is as good as a dark. Its lines run along columns: the median along a column is taken
off, groups over three sigma that reach twelve are hits, and their pixels over three sigma are the
truth. What a hit has below that, the frame's own noise hides.
"""

from __future__ import annotations

from pathlib import Path

import astropy.io.fits
import numpy as np
from scipy import ndimage

from benchmarks.scenes import GAIN

FRAME = "kast_lick_raw/b27.fits.gz"
#: rows without object and edges; columns are those of the light
PARTS = (slice(40, 150), slice(180, 300))
COLUMNS = slice(8, 2040)
#: gain of the real camera [electron/ADU], and how much lines of the sky may add [ADU]
THEIR_GAIN, LINE = 1.2, 25.0


def library(data: Path) -> list[np.ndarray]:
    """Return the hits of the real frame [ADU of the simulated camera], odd squares."""
    pixels = astropy.io.fits.getdata(data / FRAME).astype(float)
    found = []
    for rows in PARTS:
        part = pixels[rows, COLUMNS]
        part = part - ndimage.median_filter(part, (61, 1))
        sigma = 1.4826 * np.median(np.abs(part))
        dark = ndimage.median_filter(pixels[rows, COLUMNS], (61, 1))
        dark = dark - np.median(dark, axis=1, keepdims=True) < LINE
        groups, count = ndimage.label((part > 3 * sigma) & dark, np.ones((3, 3)))
        peaks = ndimage.maximum(part, groups, np.arange(1, count + 1))
        for place, number in zip(ndimage.find_objects(groups), range(1, count + 1), strict=True):
            if peaks[number - 1] > 12 * sigma:
                hit = np.where(groups[place] == number, part[place], 0)
                found.append(square(hit * THEIR_GAIN / GAIN))
    return found


def square(hit: np.ndarray) -> np.ndarray:
    """Return a hit in the middle of an odd square."""
    side = max(hit.shape) // 2 * 2 + 1
    room = np.zeros((side, side))
    top, left = (side - hit.shape[0]) // 2, (side - hit.shape[1]) // 2
    room[top : top + hit.shape[0], left : left + hit.shape[1]] = hit
    return room

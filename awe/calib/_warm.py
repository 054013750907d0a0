"""One small run of everything that is compiled, so that nobody waits for it later."""

from __future__ import annotations

import time

import numpy as np

__all__ = ["compile_all"]

_SIZE = 256


def compile_all() -> float:
    """Run every compiled kernel once on a small frame; returns the seconds it took."""
    from awe.calib import background, cosmic, satellite, statistics
    from awe.calib.combine import Method, combine

    start = time.perf_counter()
    rng = np.random.default_rng(1)
    frame = rng.normal(500, 15, (_SIZE, _SIZE)).astype(np.float32)
    line = np.arange(_SIZE)
    frame[line, line] += 100
    frame[20, 200] += 3000
    frame[100:110, 30:40] = 65535
    good = np.zeros(frame.shape, np.bool_)
    statistics.image_statistics(frame)
    surface = background.estimate(np.ones_like(frame), box=32)
    combine([frame.astype(np.uint16)] * 3, method=Method.STD, sigma=3.0, count=True)
    for vignetting in (None, surface):
        cosmic.find(
            frame, gain=2.5, read_noise=5.5, sigma=4.0, neighbour_fraction=0.3, sharpness=3.0,
            iterations=4, saturation=60000.0, groups=34.0, fwhm=3.0, bad=good,
            vignetting=vignetting,
        )
    satellite.find(
        frame, bad=good, saturated=frame > 60000, threshold=6.5, binning=4, minimum_length=300.0
    )
    return time.perf_counter() - start

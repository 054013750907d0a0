"""Ten chips combined: awe beside astropy and ccdproc, CPU seconds, memory and equality.

python -m benchmarks.combine            2048 x 4100 pixels
python -m benchmarks.combine --short    512 x 1024 pixels
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
import warnings

import numpy as np

from awe.calib.combine import Method, Noise, combine


def clock(function):
    """Return the result and CPU seconds of a call."""
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    shape = (1024, 512) if options.short else (4100, 2048)
    rng = np.random.default_rng(1)
    frames = []
    for _ in range(10):
        frame = rng.normal(250, 4, shape).astype(np.float32)
        frame[rng.random(shape, np.float32) < 5e-5] += 400
        frames.append(np.rint(frame).astype(np.uint16))
    noise = Noise(constant=16.0)
    combine([frame[:8] for frame in frames], method=Method.STD, sigma=3.0)
    for method, sigma in (
        (Method.MEAN, np.inf), (Method.MEDIAN, np.inf), (Method.FIXED, 5.0), (Method.STD, 3.0),
        (Method.MAD, 3.0),
    ):
        def run(method=method, sigma=sigma):
            return combine(frames, method=method, sigma=sigma, noise=noise)

        seconds = [clock(run)[1] for _ in range(3)]
        print(f"awe {method.name:28} {np.median(seconds):8.3f} s")
    tracemalloc.start()
    ours = combine(frames, method=Method.STD, sigma=3.0)
    peak = tracemalloc.get_traced_memory()[1] - ours.image.nbytes
    tracemalloc.stop()
    print(f"awe memory beyond the result     {peak / 2**20:8.1f} MiB")
    from astropy.stats import sigma_clip

    cube = np.array(frames, np.float32)
    clipped, seconds = clock(lambda: np.nanmean(
        sigma_clip(cube, sigma=3, maxiters=None, cenfunc="median", stdfunc="std", axis=0,
                   masked=False, copy=True), axis=0))
    print(f"astropy sigma_clip, nanmean      {seconds:8.3f} s")
    print(f"largest difference from astropy  {np.nanmax(np.abs(ours.image - clipped)):8.2g} ADU")
    import ccdproc
    from astropy.nddata import CCDData

    images = [CCDData(frame.astype(np.float32), unit="adu") for frame in frames]
    combiner = ccdproc.Combiner(images)

    def peer():
        combiner.sigma_clipping(3, 3, func=np.ma.median)
        return combiner.average_combine()

    print(f"ccdproc Combiner                 {clock(peer)[1]:8.3f} s")


if __name__ == "__main__":
    main()

"""What previews cost when frames are stored, and how soon 32 of them are here.

`python -m benchmarks.previews` makes the preview of a full chip nine times, as it is made when a
frame is stored, then makes an installation in a temporary directory, stores 32 frames and fetches
the previews of all of them one after the other. It prints medians of CPU and of wall.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.exposure import login, started

CHIPS = 32
TIMES = 9


def main() -> None:
    """Print what was measured."""
    home = Path(tempfile.mkdtemp(prefix="awe-previews-"))
    os.environ["AWE_HOME"] = str(home)
    print(f"load {os.getloadavg()[0]:.1f}")
    try:
        made(home)
        with started(home):
            login(home)
            fetched(home)
    finally:
        shutil.rmtree(home)


def made(home: Path) -> None:
    """Print what it costs to make one."""
    import numpy as np
    from astropy.io.fits import PrimaryHDU

    from awe.fits import preview

    random = np.random.default_rng(1)
    for name, pixels in (
        ("product, float32", random.normal(300, 17, (4100, 2048)).astype(np.float32)),
        ("raw, uint16", random.normal(300, 17, (4200, 2144)).astype(np.uint16)),
    ):
        path = home / "chip.fits"
        PrimaryHDU(pixels).writeto(path, overwrite=True)
        preview.of_file(path)
        walls, spent = [], []
        for _ in range(TIMES):
            cpu, begin = time.process_time(), time.perf_counter()
            picture = preview.of_file(path)
            spent.append(1e3 * (time.process_time() - cpu))
            walls.append(1e3 * (time.perf_counter() - begin))
        size = len(picture.png) / 1e3 if picture else 0
        cpu, wall = statistics.median(spent), statistics.median(walls)
        print(f"{name:20} {cpu:6.1f} ms CPU {wall:6.1f} ms wall, {size:.0f} kB")


def fetched(home: Path) -> None:
    """Print how long the previews of an exposure take to come."""
    import numpy as np
    from astropy.io.fits import Header

    from awe import fits, model

    random = np.random.default_rng(2)
    frames = []
    for chip in range(CHIPS):
        path = home / f"chip{chip}.fits"
        pixels = random.normal(300, 17, (2050, 1024)).astype(np.float32)
        fits.write(path, fits.Image(pixels, Header()))
        frames.append(model.RawScienceFrame(pathname=path))
        frames[-1].store()
        path.unlink()
    frames[0].preview()
    cpu, begin = time.process_time(), time.perf_counter()
    for frame in frames:
        assert np.isfinite(frame.preview().values).any()
    wall, spent = time.perf_counter() - begin, time.process_time() - cpu
    print(f"{CHIPS} previews fetched in {wall:.2f} s of wall, {spent:.2f} s of CPU here")


if __name__ == "__main__":
    main()

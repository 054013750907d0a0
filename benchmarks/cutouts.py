"""A part of a full chip through the dataserver, next to the whole file and its header.

`python -m benchmarks.cutouts` makes an installation in a temporary directory and stores the file
of a reduced chip: science, reason bits and variance of 4100 x 2048 pixels, once plain and once
with compressed planes. It prints bytes over the wire, as the loopback device counts them, seconds
of wall and of CPU, for `header`, `cutout()` and `retrieve()`.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import psutil

from benchmarks.exposure import login, started

SHAPE = (4100, 2048)
TIMES = 7
SIDES = (50, 200, 1000)


def main() -> None:
    """Print the table."""
    home = Path(tempfile.mkdtemp(prefix="awe-cutouts-"))
    os.environ["AWE_HOME"] = str(home)
    try:
        with started(home):
            login(home)
            print(f"load {os.getloadavg()[0]:.1f}")
            for kind in ("plain", "compressed planes"):
                measure(home, stored(home, kind), kind)
    finally:
        shutil.rmtree(home)


def stored(home: Path, kind: str) -> Any:
    """Return a frame whose file is at the dataserver only."""
    import numpy as np
    from astropy.io.fits import Header

    from awe import fits, model
    from awe.fits.planes import VARIANCE_WITHIN

    random = np.random.default_rng(1)
    science = random.normal(300, 17, SHAPE).astype(np.float32)
    flags = (random.random(SHAPE) < 0.001).astype(np.uint16)
    variance = np.full(SHAPE, 289, np.float32) * random.normal(1, 0.01, SHAPE).astype(np.float32)
    packed = kind != "plain"
    planes = [fits.Image(flags, Header([("EXTNAME", "MASK")]), 0.0 if packed else None),
              fits.Image(variance, Header([("EXTNAME", "UNCERT")]),
                         VARIANCE_WITHIN if packed else None)]  # fmt: skip
    cards = [("CTYPE1", "RA---TAN"), ("CTYPE2", "DEC--TAN"), ("CRVAL1", 150.0), ("CRVAL2", 2.0),
             ("CRPIX1", 1000.0), ("CRPIX2", 2000.0), ("CD1_1", -5.9e-5), ("CD1_2", 0.0),
             ("CD2_1", 0.0), ("CD2_2", 5.9e-5)]  # fmt: skip
    path = home / f"{kind.replace(' ', '_')}.fits"
    primary = fits.Image(science, Header(cards))
    fits.write(path, planes, primary=primary)
    frame = model.RawScienceFrame(pathname=path)
    frame.store()
    again = model.RawScienceFrame()
    again.filename, again.file = frame.filename, frame.file
    path.unlink()
    return again


def measure(home: Path, frame: Any, kind: str) -> None:
    """Print bytes, wall and CPU of each way to look at a frame."""

    def fresh_header() -> None:
        frame.__dict__.pop("_head", None)
        assert frame.header

    def part(side: int) -> Callable[[], None]:
        first = (1024 - side // 2, 2050 - side // 2)
        corners = (*first, first[0] + side - 1, first[1] + side - 1)
        return lambda: touch(frame.cutout(*corners))

    def whole() -> None:
        # a copy, as on a machine that is not the dataserver's
        with redirect_stdout(StringIO()):
            frame.retrieve(home, replace=True)
        Path(frame.pathname).unlink()

    row("header", fresh_header, kind, home)
    for side in SIDES:
        row(f"cutout of {side} x {side}", part(side), kind, home)
    place = (150.0, 2.0)
    row("cutout of 42 arcsec", lambda: touch(frame.cutout(*place, size=42 / 3600)), kind, home)
    row("the whole file", whole, kind, home)


def touch(part: Any) -> None:
    """Touch the pixels of all planes."""
    assert part.data.any()
    assert part.flags is not None
    assert part.variance.any()


def row(name: str, action: Callable[[], None], kind: str, home: Path) -> None:
    """Print one line: medians of a few runs."""
    record = json.loads((home / "services" / "state.json").read_text())
    server = psutil.Process(record["server"]["pid"])
    walls, mine, theirs, sizes = [], [], [], []
    action()
    for _ in range(TIMES):
        before = sum(server.cpu_times()[:2])
        sent = psutil.net_io_counters(pernic=True)["lo"].bytes_sent
        cpu, begin = time.process_time(), time.perf_counter()
        action()
        walls.append(time.perf_counter() - begin)
        mine.append(time.process_time() - cpu)
        sizes.append(psutil.net_io_counters(pernic=True)["lo"].bytes_sent - sent)
        theirs.append(sum(server.cpu_times()[:2]) - before)
    median = statistics.median
    print(
        f"{kind:18} {name:30} {median(sizes) / 1e3:10.0f} kB {1e3 * median(walls):8.1f} ms wall"
        f" {1e3 * median(mine):8.1f} ms CPU here {1e3 * sum(theirs) / TIMES:8.1f} ms at the server"
    )


if __name__ == "__main__":
    main()

"""What one dataserver hands out: bytes and requests a second, and its CPU, with many readers.

    python -m benchmarks.served [--readers 1,4,16] [--seconds 15]

Makes an installation in a temporary directory with files of 84 MB, the size of a reduced chip, and
lets readers, each a process as a worker is, fetch whole files and headers. Prints what came, the
CPU of awe-server and of the database, and their connections, with the load of the machine.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.exposure import login, started

SHAPE = (5125, 4096)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readers", default="1,4,16")
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="awe-served-"))
    os.environ["AWE_HOME"] = str(home)
    try:
        with started(home):
            login(home)
            frame = stored(home)
            print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
            print("| readers | what | MB/s | a second | server CPU s per GB | ms of CPU each "
                  "| database ms each | connections |")  # fmt: skip
            for readers in map(int, options.readers.split(",")):
                for what in ("whole file", "header"):
                    measure(frame, readers, what, options.seconds)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def stored(home: Path) -> Any:
    """Return a frame with the size of a reduced chip whose file is at the dataserver only."""
    import numpy as np
    from astropy.io.fits import Header

    from awe import fits, model

    pixels = np.random.default_rng(1).normal(300, 17, SHAPE).astype(np.float32)
    path = home / "chip.fits"
    fits.write(path, fits.Image(pixels, Header()))
    frame = model.RawScienceFrame(pathname=path)
    frame.store()
    path.unlink()
    return frame


def measure(frame: Any, readers: int, what: str, seconds: float) -> None:
    """Print one line: readers that fetch the same thing again and again."""
    from awe.db.server.connection import database
    from awe.db.server.tickets import ticket
    from awe.model.data import _records, base_url

    record = _records([frame])[frame.file]
    given = (base_url(), ticket(), str(frame.file), record.sha256, record.size, what, seconds)
    server, cluster = _services()
    before = _cpu(server), _cpu(*cluster)
    begin = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(readers) as pool:
        counts = pool.starmap(_read, [given] * readers)
    wall = time.monotonic() - begin
    spent = _cpu(server) - before[0]
    asked = _cpu(*_services()[1]) - before[1]
    # of the reading alone: processes were started before
    wall = min(wall, max(count[1] for count in counts))
    number = sum(count[0] for count in counts)
    size = record.size if what == "whole file" else 2880
    total = number * size
    open_now = database.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = 'awe'")
    print(f"| {readers} | {what} | {total / wall / 1e6:.0f} | {number / wall:.0f} "
          f"| {spent / (total / 1e9):.2f} | {1e3 * spent / number:.2f} "
          f"| {1e3 * asked / number:.2f} | {open_now[0][0]} |", flush=True)  # fmt: skip


def _read(
    url: str, secret: str, file_id: str, sha256: str, size: int, what: str, seconds: float
) -> tuple[int, float]:
    """Fetch until the time is over; return how often, and how long it took."""
    from awe.dataserver.client import Client

    client = Client(url, lambda: secret)
    folder = Path(tempfile.mkdtemp(prefix="awe-reader-"))
    number, begin = 0, time.monotonic()
    try:
        while time.monotonic() - begin < seconds:
            if what == "header":
                client.beginning(file_id, "chip.fits", sha256=sha256, length=2880)
            else:
                path = folder / "chip.fits"
                client.get(file_id, path, sha256=sha256, size=size)
                path.unlink()
            number += 1
    finally:
        shutil.rmtree(folder)
    return number, time.monotonic() - begin


def _services() -> tuple[psutil.Process, list[psutil.Process]]:
    """Return awe-server, and the processes of its database."""
    from awe.services.installation import Installation

    house = Installation()
    server, cluster = house.process("server"), house.cluster.process()
    assert server is not None
    assert cluster is not None
    postmaster = psutil.Process(cluster.pid)
    return psutil.Process(server.pid), [postmaster, *postmaster.children(recursive=True)]


def _cpu(*processes: psutil.Process) -> float:
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


if __name__ == "__main__":
    main()

"""How long the ingest takes, next to a copy of the same bytes and to ccdproc.

    python -m benchmarks.ingest            one exposure of 32 whole chips; 2,000 files; 10,000 dry
    python -m benchmarks.ingest --short    4 chips, a window of each; 60 files; 60 dry
    python -m benchmarks.ingest --turns 9 --files 0 0       exposures alone, nine of each

Makes an installation in a temporary folder, removed afterwards (9 GB). An exposure is ingested by
a process of its own, with statistics of all chips; its memory is the highest VmHWM of any process
of its kind. It is compared with reading the same file and writing its bytes to as many files as
it has chips, on the same disk, in pieces of 1 MB, each waited for until it is on disk, as the
ingest does. Both take turns, each going first every other time: once with the file out of the
page cache, once with it there. The small files have one chip each, two headers and
0.05 MB, and moments of their own. Of a dry run all bytes are read and compared with DATASUM.
The table of all cards is made by `awe.ingest.headers`, of both headers of a file, and by
`ImageFileCollection` of ccdproc, of the first: an astropy table each. CPU of all is that of one
process.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from awe.demo.plan import Window, plan
from benchmarks.alternating import load
from benchmarks.exposure import WINDOW, Watch, login, simulated, started, write_exposure

PIECE = 1 << 20
SMALL = Window(x=825, y=1841, nx=120, ny=100, overscan_y=10)
#: files that both are timed on
TABLE = 300


def main() -> None:
    """Make the installation and the files, and print what each took."""
    options = _options()
    if options.child:
        child(options)
        return
    home = Path(tempfile.mkdtemp(prefix="awe-ingest-"))
    os.environ["AWE_HOME"] = str(home)
    try:
        with started(home):
            login(home)
            if options.turns:
                whole(home, options.short, options.turns)
            files = options.files or ((60, 60) if options.short else (2000, 10_000))
            if any(files):
                small(home, *files)
    finally:
        subprocess.run(["rm", "-rf", str(home)], check=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="4 chips, 60 files")
    parser.add_argument("--files", type=int, nargs=2, metavar=("COMMIT", "DRY"))
    parser.add_argument("--turns", type=int, default=5, help="exposures from disk, and in memory")
    parser.add_argument("--child", nargs=3, metavar=("PATH", "COMMIT", "PROCESSES"),
                        help=argparse.SUPPRESS)  # fmt: skip
    return parser.parse_args()


def child(options: argparse.Namespace) -> None:
    """Ingest a file or folder in this process and print the figures as JSON."""
    from awe.config import home_directory
    from awe.ingest import ingest
    from awe.model.classes import load as load_classes

    login(home_directory())
    load_classes()
    path, commit, processes = options.child
    begin, cpu = time.perf_counter(), time.process_time()
    report = ingest([path], commit=commit == "commit", processes=int(processes) or None)
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    if not report.ok:
        raise SystemExit(str(report))
    print(json.dumps({"wall": wall, "cpu": cpu, "files": len(report)}))


def ingested(path: Path, commit: str, processes: int = 0) -> dict[str, float]:
    """Ingest in a process of its own and return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.ingest", "--child", str(path), commit, str(processes)],
        stdout=subprocess.PIPE, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def whole(home: Path, short: bool, turns: int) -> None:
    """Time exposures of many chips, and copies of their files, in turns."""
    from awe.demo.exposures import Night
    from awe.instruments import get

    window = WINDOW if short else Window.full()
    night = Night(window=window, chips=tuple(get("OMEGACAM").chips)[: 4 if short else 32])
    planned = next(item for item in plan() if item.category == "SCIENCE")
    raws, detectors = simulated(night, planned)
    ingested_in: dict[bool, list[float]] = {True: [], False: []}
    copied_in: dict[bool, list[float]] = {True: [], False: []}
    cpu: dict[str, list[float]] = defaultdict(list)
    highest: dict[str, float] = defaultdict(float)
    for turn in range(2 * turns):
        cold = turn % 2 == 0
        with tempfile.TemporaryDirectory(dir=home) as name:
            for number, raw in enumerate(raws):
                raw.flat[number] = 1000 + turn  # no two of them have the same pixels
            start = planned.start + datetime.timedelta(minutes=turn)
            path = write_exposure(
                Path(name), night, replace(planned, start=start), raws, detectors
            )
            size = path.stat().st_size / 1e6
            # each goes first every other time
            for way in ("copy", "ingest") if turn % 4 < 2 else ("ingest", "copy"):
                _settle(path, cold=cold)
                if way == "copy":
                    copied_in[cold].append(copied(path, len(night.chips)))
                else:
                    _ingest(home, path, ingested_in[cold], cpu, highest)
    for cold in (True, False):
        copy, ours = (statistics.median(one[cold]) for one in (copied_in, ingested_in))
        ratios = [a / b for a, b in zip(ingested_in[cold], copied_in[cold], strict=True)]
        print(
            f"exposure of {size:.0f} MB, {len(night.chips)} chips, "
            f"{'from the disk' if cold else 'in memory'}: {ours:.2f} s, read and written to as "
            f"many files {copy:.2f} s, median of {turns} turns ({min(copied_in[cold]):.2f} to "
            f"{max(copied_in[cold]):.2f}); ratio {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )
    each = ", ".join(f"{kind} {statistics.median(spent):.2f}" for kind, spent in cpu.items())
    total = statistics.median(map(sum, zip(*cpu.values(), strict=True)))
    kinds = ", ".join(f"{kind} {peak:.0f}" for kind, peak in sorted(highest.items()))
    print(f"  CPU {total:.2f} s ({each}); peak memory [MiB]: {kinds}; {load()}", flush=True)


def _ingest(
    home: Path, path: Path, walls: list[float], cpu: dict[str, list[float]],
    highest: dict[str, float],
) -> None:  # fmt: skip
    with Watch(home) as watch:
        told = ingested(path, "commit")
    walls.append(told["wall"])
    cpu["ingest"].append(told["cpu"])
    for kind in ("server", "database"):
        cpu[kind].append(watch.cpu[kind])
    for kind, peak in watch.highest.items():
        highest[kind] = max(highest[kind], peak)


def _settle(path: Path, *, cold: bool) -> None:
    """Wait until all is on disk, and have the file out of the page cache, or in it."""
    os.sync()
    with path.open("rb") as stream:
        if cold:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            return
        while stream.read(PIECE):
            pass


def copied(path: Path, files: int) -> float:
    """Return the seconds it takes to read a file and write it to as many files as it has chips.

    As the dataserver does, it waits until each is on disk.
    """
    folder = path.with_suffix(".copy")
    folder.mkdir()
    part = -(-path.stat().st_size // files)
    begin = time.perf_counter()
    with path.open("rb") as source:
        for number in range(files):
            with (folder / str(number)).open("wb") as sink:
                left = part
                while left and (piece := source.read(min(PIECE, left))):
                    sink.write(piece)
                    left -= len(piece)
                sink.flush()
                os.fsync(sink.fileno())
    spent = time.perf_counter() - begin
    shutil.rmtree(folder)
    return spent


def small(home: Path, stored: int, dry: int) -> None:
    """Time many small files: a dry run, the table of headers, and an ingest of some."""
    with tempfile.TemporaryDirectory(dir=home) as name:
        folder = Path(name)
        write_small(folder / "dry", dry)
        few = folder / "few"
        few.mkdir()
        for path in sorted((folder / "dry").iterdir())[:TABLE]:
            (few / path.name).hardlink_to(path)
        with Watch(home) as watch:
            told = ingested(folder / "dry", "dry", 2)
        print(f"dry run of {told['files']} files{spent(told, watch)}")
        compare(few)
        some = folder / "some"
        some.mkdir()
        for path in sorted((folder / "dry").iterdir())[:stored]:
            path.rename(some / path.name)
        with Watch(home) as watch:
            told = ingested(some, "commit", 2)
        print(f"ingest of {told['files']} files{spent(told, watch)}", flush=True)


def spent(told: dict[str, float], watch: Watch) -> str:
    """Return wall time, rate and CPU of an ingest by two processes."""
    files = told["files"]
    each = {kind: 1e3 * seconds / files for kind, seconds in watch.cpu.items()}
    return (
        f", two processes: {told['wall']:.1f} s, {60 * files / told['wall']:.0f} a minute; CPU a "
        f"file {sum(each.values()):.1f} ms "
        f"({', '.join(f'{kind} {time:.1f}' for kind, time in each.items())}), the start of "
        f"Python included; {load()}"
    )


def write_small(folder: Path, number: int) -> None:
    """Write exposures of one chip, a fifth of a second apart: their airmass is simulated."""
    from awe.demo.exposures import Night

    folder.mkdir()
    night = Night(window=SMALL, chips=("ESO_CCD_#65",))
    first = next(item for item in plan() if item.category == "SCIENCE")
    raws, detectors = simulated(night, first)
    # between the moments of whole exposures, which are minutes apart
    for shift in range(1, number + 1):
        later = datetime.timedelta(milliseconds=200 * shift - 100)
        # no two of them have the same pixels
        raws[0].flat[0] = shift
        planned = replace(first, start=first.start + later)
        write_exposure(folder, night, planned, raws, detectors)


def compare(folder: Path) -> None:
    """Time a table of the headers of a folder, by awe and by ccdproc in turns, by CPU.

    Next to them the examination of a dry run, which reads all bytes.
    """
    from ccdproc import ImageFileCollection

    from awe.ingest import headers
    from awe.ingest.split import examine

    paths = sorted(folder.iterdir())
    ways = {
        "awe": lambda: headers(folder).to_table(),
        "examined": lambda: [examine(path, digest=False) for path in paths],
        "ccdproc": lambda: ImageFileCollection(str(folder)).summary,
    }
    best = dict.fromkeys(ways, float("inf"))
    with warnings.catch_warnings(action="ignore"):
        for _ in range(6):
            for way, run in ways.items():
                begin = time.process_time()
                run()
                best[way] = min(best[way], 1e3 * (time.process_time() - begin) / len(paths))
    print(
        f"table of {len(paths)} headers: awe {best['awe']:.2f} ms CPU a file, ccdproc "
        f"{best['ccdproc']:.2f} ms: {best['ccdproc'] / best['awe']:.1f} times; a dry run of all "
        f"bytes {best['examined']:.2f} ms ({best['ccdproc'] / best['examined']:.1f} times); "
        f"{load()}", flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()

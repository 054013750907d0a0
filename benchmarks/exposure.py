"""One whole exposure the way users reduce it: database, dataserver, files, commits and all.

    python -m benchmarks.exposure                 32 whole chips by `dpu.run` and by `execute`
    python -m benchmarks.exposure --short         4 chips, a window of each
    python -m benchmarks.exposure --ways execute  only the task at the prompt
    python -m benchmarks.exposure --workers 1     ... in one thread
    python -m benchmarks.exposure --split 6       what a chip costs, step by step

Makes an installation in a temporary folder, removed afterwards (4 GB, and 5 GB more for each way
and round; `--home DIR` keeps and fills it), ingests a raw exposure and commits bias, flat, hot
and cold pixels and read noise of every chip through their classes. Four chips are simulated; the
others have the pixels of one of these in files of their own. Wall time is from the call to the
last commit. CPU is that of all processes of the installation, the dataserver and PostgreSQL among
them. Memory is the highest VmHWM of any process of its kind; loads include the run itself.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from awe.demo.plan import PlannedExposure, Window, plan
from awe.services import stack
from awe.services.installation import Installation
from awe.services.logins import account
from awe.services.running import ensure
from benchmarks.alternating import load

SCIENTIST = "awscientist"
PROJECT = "OMEGACAM@VST"
WINDOW = Window(x=825, y=1841, nx=800, ny=840, overscan_y=20)
DISTINCT = 4
READOUT = 40.0


def main() -> None:
    """Make the installation, reduce the exposure in each way and print what it took."""
    options = _options()
    if options.child:
        child(options)
        return
    kept = Path(options.home).absolute() if options.home else None
    home = kept or Path(tempfile.mkdtemp(prefix="awe-exposure-"))
    os.environ["AWE_HOME"] = str(home)
    try:
        with started(home):
            if not (home / "exposure.json").exists():
                prepare(home, options)
            for way in options.ways:
                measure(home, way, options)
    finally:
        if kept is None:
            shutil.rmtree(home)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="4 chips, a window of each")
    parser.add_argument("--chips", type=int, default=0)
    parser.add_argument("--home", help="where the installation is made, and kept")
    parser.add_argument("--ways", nargs="+", default=["dpu", "execute"])
    parser.add_argument("--workers", type=int, help="threads of execute()")
    parser.add_argument("--split", type=int, default=0, help="chips whose steps are timed")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--child", choices=["dpu", "execute", "split"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.chips = options.chips or (4 if options.short else 32)
    if options.split:
        options.ways = ["split"]
    options.ways = options.ways * options.rounds
    return options


@contextlib.contextmanager
def started(home: Path) -> Iterator[None]:
    """Run the services of the installation, at least as long as the block lasts.

    What ran before runs on: it is somebody else's.
    """
    house = Installation(home)
    ran = house.process("server") is not None
    stack.start(house)
    try:
        yield
    finally:
        if not ran:
            stack.stop(house)


def login(home: Path) -> None:
    """Work as the calibration scientist, for everybody to see."""
    from awe.config import Environment
    from awe.context import context

    scientist = account(Installation(home), SCIENTIST, "Calibration Scientist", manager=(PROJECT,))
    known = Environment.keys_declared()
    endpoints = {key: value for key, value in ensure(Installation(home)).items() if key in known}
    context.start(Environment.load(**endpoints, **scientist, project=PROJECT, privileges="4"))


# -- what is reduced -----------------------------------------------------------------------------


def prepare(home: Path, options: argparse.Namespace) -> None:
    """Simulate and ingest the exposure, and commit the calibrations of its chips."""
    from awe import calib, fits
    from awe.demo.exposures import Night
    from awe.ingest import ingest
    from awe.instruments import get

    start = time.perf_counter()
    calib.warm()
    list(fits.warming())
    login(home)
    window = WINDOW if options.short else Window.full()
    night = Night(window=window, chips=tuple(get("OMEGACAM").chips)[: options.chips])
    planned = next(item for item in plan() if item.category == "SCIENCE")
    with tempfile.TemporaryDirectory(dir=home) as name:
        folder = Path(name)
        raws, detectors = simulated(night, planned)
        path = write_exposure(folder, night, planned, raws, detectors)
        begin = time.perf_counter()
        report = ingest([path], "science", commit=True)
        if not report.ok:
            raise SystemExit(str(report))
        print(f"ingest of {path.stat().st_size / 1e6:.0f} MB: {time.perf_counter() - begin:.1f} s")
        calibrate(folder, night, detectors)
    (home / "exposure.json").write_text(json.dumps({"file": planned.filename}))
    print(f"prepared in {time.perf_counter() - start:.0f} s; {load()}", flush=True)


def simulated(night: Any, planned: PlannedExposure) -> tuple[list[Any], list[Any]]:
    """Return raw pixels and detectors of as many chips as are simulated."""
    from awe.demo.plan import sky_field

    sources = sky_field(night.seed)
    raws, detectors = [], []
    for name in night.chips[:DISTINCT]:
        detector = night.detector(name)
        raws.append(night.take(planned, name, detector, sources)[0])
        detectors.append(detector)
    return raws, detectors


def write_exposure(
    folder: Path, night: Any, planned: PlannedExposure, raws: list[Any], detectors: list[Any]
) -> Path:
    """Write the multi-extension file as the camera does."""
    import numpy as np

    from awe.demo.headers import extension_cards, primary_cards
    from awe.fits.blocks import card, datasum, pad, sealed
    from awe.instruments import get

    path = folder / planned.filename
    first = [card("SIMPLE", True), card("BITPIX", 8), card("NAXIS", 0), card("EXTEND", True)]
    with path.open("wb") as stream:
        cards = primary_cards(planned, night.window, len(night.chips))
        stream.write(sealed(first + cards, 0))
        for number, name in enumerate(night.chips):
            raw = raws[number % len(raws)]
            geometry = night_geometry(night, name)
            data = pad((raw ^ np.uint16(0x8000)).astype(">u2").tobytes())
            structure = [
                card("XTENSION", "IMAGE"), card("BITPIX", 16), card("NAXIS", 2),
                card("NAXIS1", raw.shape[1]), card("NAXIS2", raw.shape[0]), card("PCOUNT", 0),
                card("GCOUNT", 1), card("BSCALE", 1.0), card("BZERO", 32768.0),
            ]
            like = replace(detectors[number % len(raws)], **geometry)
            own = extension_cards(planned, get("OMEGACAM").chip(name), like, number + 1)
            stream.write(sealed(structure + own, datasum(data)) + data)
    return path


def night_geometry(night: Any, name: str) -> dict[str, Any]:
    """Return what a header says of a chip besides its pixels."""
    from awe.calib.detector.geometry import ChipGeometry
    from awe.instruments import get

    chip = get("OMEGACAM").chip(name)
    window = night.window
    geometry = ChipGeometry.from_counts(
        nx=window.nx + 96, ny=window.ny + window.overscan_y, prescan_x=48, overscan_x=48,
        overscan_y=window.overscan_y, read_at_top=chip.read_at_top, start_x=window.x,
        start_y=window.y,
    )
    return {
        "geometry": geometry, "gain": chip.gain, "read_noise": chip.read_noise,
        "level": chip.bias_level, "corner": chip.corner, "read_at_top": chip.read_at_top,
    }


def calibrate(folder: Path, night: Any, detectors: list[Any]) -> None:
    """Commit what every chip is reduced with."""
    from awe.model.observing import Chip, Filter, Instrument

    instrument = next(iter(Instrument.name == "OMEGACAM"))
    filter_ = next(iter(Filter.name == "OCAM_r_SDSS"))
    for number, name in enumerate(night.chips):
        chip = next(iter(Chip.name == name))
        _calibrate_chip(folder, instrument, chip, filter_, detectors[number % len(detectors)])


def _calibrate_chip(
    folder: Path, instrument: Any, chip: Any, filter_: Any, detector: Any
) -> None:
    import numpy as np

    from awe.db.objects.commit import commit_all
    from awe.demo.plan import SCIENCE_START
    from awe.model import calibrations as calfiles
    from awe.model.data import store
    from awe.model.parameters import parameters_class
    from awe.tasks import products
    from awe.tasks.inputs import imstat

    week = datetime.timedelta(days=7)
    flat = detector.response * detector.vignetting * detector.illumination
    pixels = {
        calfiles.BiasFrame: detector.bias.astype(np.float32),
        calfiles.MasterFlatFrame: (flat / flat.mean()).astype(np.float32),
        calfiles.HotPixelMap: (detector.hot <= 0).astype(np.uint8),
        calfiles.ColdPixelMap: (~detector.cold).astype(np.uint8),
        calfiles.ReadNoise: None,
    }
    made = []
    for cls, plane in pixels.items():
        declared: Any = parameters_class(cls.__name__)
        item: Any = cls(
            instrument=instrument, chip=chip, timestamp_start=SCIENCE_START - week,
            timestamp_end=SCIENCE_START + week, process_status=1,
            process_params=declared.make("OMEGACAM", {}),
        )
        if "filter" in cls._attributes:
            item.filter = filter_
        if plane is None:
            item.read_noise = detector.read_noise / detector.gain
        else:
            item.imstat = imstat(plane)
            unit = "adu" if cls is calfiles.BiasFrame else ""
            _, write = products.prepare(item, plane, [], directory=folder, unit=unit)
            write()
        made.append(item)
    store([item for item in made if hasattr(item, "filename")])
    commit_all(made)
    for path in folder.glob("Cal-*.fits"):
        path.unlink()


# -- how it is reduced ---------------------------------------------------------------------------


def measure(home: Path, way: str, options: argparse.Namespace) -> None:
    """Run one way in a process of its own and print what it took."""
    command = [sys.executable, "-m", "benchmarks.exposure", "--child", way]
    command += ["--chips", str(options.split or options.chips)]
    if options.workers:
        command += ["--workers", str(options.workers)]
    with tempfile.TemporaryDirectory(dir=home) as work, Watch(home) as watch:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        done = subprocess.run(
            command, env=environment, cwd=work, stdout=subprocess.PIPE, text=True, check=False
        )
    told = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {}
    if not told or told["products"] != told["wanted"]:
        msg = f"{way}: {told or 'failed'}\n{done.stdout}"
        raise SystemExit(msg)
    chips = told["products"]
    print(
        f"{way}: {chips} chips: wall {told['wall']:.1f} s (one readout takes {READOUT:.0f} s), "
        f"CPU {sum(watch.cpu.values()):.1f} s = {sum(watch.cpu.values()) / chips:.2f} s per chip "
        f"({', '.join(f'{k} {v / chips:.2f}' for k, v in watch.cpu.items())}); {load()}"
    )
    kinds = ", ".join(f"{kind} {size:.0f}" for kind, size in sorted(watch.highest.items()))
    print(f"  peak memory [MiB]: {kinds}")
    for line in told.get("lines", []):
        print("  " + line)
    sys.stdout.flush()


class Watch:
    """CPU and peak memory of this process's children and of an installation's services."""

    def __init__(self, home: Path) -> None:
        record = json.loads((home / "services" / "state.json").read_text())
        self._roots = {
            "database": psutil.Process(record["cluster"]["pid"]),
            "server": psutil.Process(record["server"]["pid"]),
            "benchmark": psutil.Process(),
        }
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.highest: dict[str, float] = defaultdict(float)
        self.cpu: dict[str, float] = {}

    def __enter__(self) -> Watch:
        self.cpu = {kind: -seconds for kind, seconds in self._spent().items()}
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for kind, seconds in self._spent().items():
            self.cpu[kind] += seconds

    def _all(self) -> Iterator[tuple[str, psutil.Process]]:
        """Yield every process with its kind; jobs and the process they fork from are `jobs`."""
        seen: set[int] = set()
        for kind, root in self._roots.items():
            yield kind, root
            seen.add(root.pid)
            inner = {"server": "jobs", "benchmark": "prompt"}.get(kind, kind)
            for process in root.children(recursive=True):
                if process.pid not in seen:  # services are children of who started them
                    seen.add(process.pid)
                    yield inner, process

    def _spent(self) -> dict[str, float]:
        """Return CPU seconds by kind, of processes that are gone too."""
        spent = dict.fromkeys(("prompt", "database", "server", "jobs"), 0.0)
        for kind, process in self._all():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                own = {"benchmark": "prompt"}.get(kind, kind)
                spent[own] += times.user + times.system
                spent["jobs" if own == "server" else own] += (
                    times.children_user + times.children_system
                )
        return spent

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            with contextlib.suppress(psutil.Error):
                for kind, process in self._all():
                    with contextlib.suppress(OSError, StopIteration):
                        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
                        peak = next(line for line in lines if line.startswith("VmHWM"))
                        self.highest[kind] = max(
                            self.highest[kind], int(peak.split()[1]) / 1024
                        )


def child(options: argparse.Namespace) -> None:
    """Reduce the exposure in this process or by jobs, and print the figures as JSON."""
    from awe.config import home_directory
    from awe.model.classes import load as load_classes

    login(home_directory())
    load_classes()
    names = chosen(options.chips)
    told = {"dpu": by_dpu, "execute": by_execute, "split": by_step}[options.child](names, options)
    print(json.dumps({**told, "wanted": len(names)}))


def chosen(chips: int) -> list[str]:
    """Return the names of the raw frames of so many chips."""
    from awe.model.raw import RawScienceFrame

    return [raw.filename for raw in RawScienceFrame.is_valid > 0][:chips]


def by_dpu(names: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Submit one job per chip and wait for the last."""
    from awe.dpu import jobs
    from awe.dpu.client import Processor

    start = time.perf_counter()
    dpu = Processor()
    numbers = dpu.run("Reduce", instrument="OMEGACAM", raw_filenames=names, commit=True)
    while not all(job.over for job in jobs.fetch(numbers)):
        time.sleep(0.1)
    wall = time.perf_counter() - start
    return {"wall": wall, "products": sum(job.done for job in jobs.fetch(numbers))}


def by_execute(names: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Run the task here."""
    from awe.recipes.reduce import ReduceTask

    start = time.perf_counter()
    more = {"workers": options.workers} if options.workers else {}
    task = ReduceTask(instrument="OMEGACAM", raw_filenames=names, commit=True, **more)
    made = task.execute()
    return {"wall": time.perf_counter() - start, "products": len(made)}


# -- what a chip costs ---------------------------------------------------------------------------


def by_step(names: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Run the task in this process with a clock around every step."""
    from awe import fits
    from awe.calib import reduction, statistics
    from awe.calib.sky import seeing
    from awe.dataserver import sending
    from awe.dataserver.client import Client
    from awe.db.server.connection import database
    from awe.recipes.reduce import ReduceTask
    from awe.tasks import keeping, selection
    from awe.tasks import task as tasks

    clock = Clock()
    places = (
        (selection, "raw_frames", "select frames"), (ReduceTask, "_choose", "choose"),
        (Client, "get", "fetch"), (fits, "judge", "judge"), (fits, "read", "read"),
        (fits, "read_pixels", "read"), (reduction, "reduce", "reduce kernel"),
        (statistics, "image_statistics", "statistics"), (seeing, "measure", "seeing"),
        (tasks, "prepare", "headers"), (fits, "write", "write"), (fits, "sha256", "hash"),
        (sending, "store", "store"), (keeping, "commit_all", "commit"),
    )  # fmt: skip
    for owner, name, step in places:
        setattr(owner, name, clock.around(getattr(owner, name), step))
    one = {"workers": 1} if any(a.name == "workers" for a in ReduceTask.arguments) else {}
    ReduceTask(instrument="OMEGACAM", raw_filenames=names[:1], commit=True, **one).execute()
    clock.spent.clear()
    statements, start = database.statements, time.perf_counter()
    task = ReduceTask(instrument="OMEGACAM", raw_filenames=names[1:], commit=True, **one)
    made = task.execute()
    wall = time.perf_counter() - start
    clock.spent["everything else"] = [wall - sum(v[0] for v in clock.spent.values()), 0.0, 1]
    chips = len(made)
    lines = [f"{(database.statements - statements) / chips:.1f} statements per chip",
             f"{'step':16} {'wall s':>7} {'CPU s':>7} {'calls':>6}   (per chip)"]  # fmt: skip
    for step, (seconds, cpu, calls) in clock.spent.items():
        lines.append(f"{step:16} {seconds / chips:7.3f} {cpu / chips:7.3f} {calls / chips:6.1f}")
    return {"wall": wall, "products": chips + 1, "lines": lines}


class Clock:
    """Wall and CPU time of this process, by step; what an inner step takes is not the outer's."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0])
        self._inner = [[0.0, 0.0]]

    def around(self, function: Callable[..., Any], step: str) -> Callable[..., Any]:
        """Return the function with a clock around it."""

        def timed(*arguments: Any, **keywords: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            self._inner.append([0.0, 0.0])
            try:
                return function(*arguments, **keywords)
            finally:
                inner = self._inner.pop()
                took = (time.perf_counter() - wall, time.process_time() - cpu)
                for place in range(2):
                    self.spent[step][place] += took[place] - inner[place]
                    self._inner[-1][place] += took[place]
                self.spent[step][2] += 1

        return timed


if __name__ == "__main__":
    main()

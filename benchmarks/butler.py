"""The same frames in awe and in LSST's data butler, on the same embedded PostgreSQL.

Metadata only on both sides: exposures of 32 chips, five to a template (the butler's group). The
butler logs in as the owner of its tables, awe as an ordinary user under row-level security. It
needs lsst-daf-butler and psycopg2 in an environment of its own:

    python -m venv ENV && ENV/bin/pip install lsst-daf-butler psycopg2-binary
    python -m benchmarks.butler --peer ENV/bin/python [--keep DIR] [--frames 100000]
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

CHIPS = 32
EXPOSURES = 5
FILTERS = 6
BEGIN = datetime.datetime(2021, 1, 1)
PASSWORD = "benchmark"
REPEATS = 15


def timed(action: Callable[[int], int], frames: int) -> dict[str, float]:
    """Return the time of the first query and the median of others, in milliseconds."""
    templates = frames // (CHIPS * EXPOSURES)
    times = []
    for turn in range(REPEATS + 1):
        start = time.perf_counter()
        found = action(turn * 7 % templates)
        times.append(1000 * (time.perf_counter() - start))
        if found != CHIPS * EXPOSURES:
            msg = f"{found} frames instead of {CHIPS * EXPOSURES}"
            raise AssertionError(msg)
    return {"first": times[0], "repeated": statistics.median(times[1:])}


def butler_side(frames: int) -> dict[str, float]:
    """Load the frames into a butler and query it; runs in the peer's own environment."""
    from lsst.daf.butler import Butler, Config, DatasetType, Timespan

    with tempfile.TemporaryDirectory() as root:
        config = Config({"registry": {"db": os.environ["BUTLER_DB"]}})
        Butler.makeRepo(root, config=config)
        butler = Butler.from_config(root, writeable=True, run="raws")
        registry = butler.registry
        name = "OMEGACAM"
        registry.insertDimensionData(
            "instrument",
            {"name": name, "visit_max": 10**9, "exposure_max": 10**9, "detector_max": CHIPS},
        )
        registry.insertDimensionData(
            "detector",
            *(
                {"instrument": name, "id": i, "full_name": f"ESO_CCD_#{65 + i}"}
                for i in range(CHIPS)
            ),
        )
        registry.insertDimensionData(
            "physical_filter",
            *({"instrument": name, "name": f"F{i}", "band": f"f{i}"} for i in range(FILTERS)),
        )
        raw = DatasetType("raw", ("instrument", "exposure", "detector"), "StructuredDataDict",
                          universe=butler.dimensions)  # fmt: skip
        registry.registerDatasetType(raw)
        begin = time.perf_counter()
        for template in range(frames // (CHIPS * EXPOSURES)):
            _butler_template(butler, name, template, Timespan)
        ingest = time.perf_counter() - begin

        def ask(template: int) -> int:
            refs = butler.query_datasets(
                "raw", collections="raws", where="exposure.group = :g AND instrument = :i",
                bind={"g": f"T{template}", "i": name}, with_dimension_records=True,
            )  # fmt: skip
            return len(refs)

        fresh = Butler.from_config(root)
        butler = fresh
        return {"ingest": frames / ingest, **timed(ask, frames)}


def _butler_template(butler: Any, name: str, template: int, span: Any) -> None:
    """Register one template: its exposures as dimension records, its frames as datasets."""
    import astropy.time

    start = BEGIN + datetime.timedelta(minutes=15 * template)
    day = int(start.strftime("%Y%m%d"))
    registry = butler.registry
    registry.insertDimensionData("day_obs", {"instrument": name, "id": day}, skip_existing=True)
    registry.insertDimensionData("group", {"instrument": name, "name": f"T{template}"})
    numbers = range(template * EXPOSURES, (template + 1) * EXPOSURES)
    records = []
    for number in numbers:
        moment = astropy.time.Time(start) + astropy.time.TimeDelta(150 * number, format="sec")
        end = moment + astropy.time.TimeDelta(100, format="sec")
        records.append(
            {"instrument": name, "id": number, "day_obs": day, "group": f"T{template}",
             "physical_filter": f"F{template % FILTERS}", "obs_id": f"E{number}",
             "exposure_time": 360.0, "dark_time": 360.0, "observation_type": "science",
             "observation_reason": "survey", "seq_num": number, "seq_start": number,
             "seq_end": number, "target_name": f"KIDS_{template}", "science_program": "",
             "tracking_ra": 10.0, "tracking_dec": -30.0, "timespan": span(moment, end)}
        )  # fmt: skip
    registry.insertDimensionData("exposure", *records)
    places = [
        {"instrument": name, "exposure": number, "detector": chip}
        for number in numbers
        for chip in range(CHIPS)
    ]
    registry.insertDatasets("raw", places, run="raws")


def awe_side(filled: Any, name: str, frames: int) -> dict[str, float]:
    """Commit the frames through awe and query them, as an ordinary user."""
    from awe.db.server.connection import database
    from awe.model.observing import Chip, Filter, Instrument
    from awe.model.raw import RawScienceFrame

    filled.connect(name)
    camera = (Instrument.name == "OMEGACAM")[0]
    chips = list(Chip.select_all())
    filters = list(Filter.select_all())
    begin = time.perf_counter()
    for template in range(frames // (CHIPS * EXPOSURES)):
        _awe_template(template, camera, chips, filters)
    ingest = time.perf_counter() - begin
    database.close()
    filled.connect(name)

    def ask(template: int) -> int:
        start = BEGIN + datetime.timedelta(minutes=15 * template)
        query = (RawScienceFrame.instrument.name == "OMEGACAM") & (
            RawScienceFrame.template.start == start
        )
        return len(list(query))

    return {"ingest": frames / ingest, **timed(ask, frames)}


def _awe_template(template: int, camera: Any, chips: list[Any], filters: list[Any]) -> None:
    from awe.db.objects.commit import commit_all
    from awe.model.observing import Template
    from awe.model.raw import RawScienceFrame

    start = BEGIN + datetime.timedelta(minutes=15 * template)
    block = Template(id=f"B{template}", name="OMEGACAM_img_obs_dither", start=start,
                     number_of_exposures=EXPOSURES)  # fmt: skip
    commit_all(
        RawScienceFrame(
            filename=f"B{template}.{exposure}.{i}.fits", instrument=camera, chip=chip,
            filter=filters[template % FILTERS], template=block, extension=i + 1, EXPTIME=360.0,
            DATE_OBS=start + datetime.timedelta(seconds=150 * exposure),
            OBJECT=f"KIDS_{template}", process_status=1,
        )
        for exposure in range(EXPOSURES)
        for i, chip in enumerate(chips)
    )  # fmt: skip


def prepare(filled: Any) -> tuple[str, str]:
    """Make fresh databases for both sides; return awe's name and the butler's address."""
    with closing(filled.superuser("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS filled_160_1920 WITH (FORCE)")
        cursor.execute("DROP DATABASE IF EXISTS butler WITH (FORCE)")
        cursor.execute("DROP ROLE IF EXISTS butler")
        cursor.execute(f"CREATE ROLE butler LOGIN PASSWORD '{PASSWORD}'")
        cursor.execute("CREATE DATABASE butler OWNER butler")
    with closing(filled.superuser("butler")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION btree_gist")
    socket = filled.cluster.socket
    address = f"postgresql+psycopg2://butler:{PASSWORD}@/butler?host={socket}"
    return filled.database(160, 1920), address


def main() -> int:
    """Load both, ask both, print the table; skip with a reason where the peer is absent."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peer", default=sys.executable, help="python with lsst-daf-butler")
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(butler_side(options.frames)))
        return 0
    probe = subprocess.run(
        [options.peer, "-c", "import lsst.daf.butler as b, psycopg2; print(b.__version__)"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if probe.returncode:
        print(f"skipped: {probe.stderr.strip().splitlines()[-1]} in {options.peer}")
        return 0
    from benchmarks.alternating import load, table
    from benchmarks.filled import opened

    with opened(options.keep) as filled:
        name, address = prepare(filled)
        ours = awe_side(filled, name, options.frames)
        command = [options.peer, "-P", __file__, "--inside", "--frames", str(options.frames)]
        done = subprocess.run(
            command, env={**os.environ, "BUTLER_DB": address}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            print(done.stderr[-3000:])
            return 1
        theirs = json.loads(done.stdout.splitlines()[-1])
    print(f"{options.frames} frames, butler {probe.stdout.strip()}, {load()}")
    print(
        table(
            ("", "awe", "butler"),
            [
                ("ingest, frames/s", f"{ours['ingest']:.0f}", f"{theirs['ingest']:.0f}"),
                *(
                    (f"{turn} query, 160 frames", f"{ours[turn]:.1f} ms", f"{theirs[turn]:.1f} ms")
                    for turn in ("first", "repeated")
                ),
            ],
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

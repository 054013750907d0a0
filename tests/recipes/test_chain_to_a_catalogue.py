"""From raw names to a catalogue in one call: at the prompt, and by jobs of a real runner."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.dpu.conftest import Bench, RunnerThread
from tests.dpu.jobs_waiting import until
from tests.recipes.conftest import CHIPS

CHAIN = "Reduce>Astrometry>Regrid>Coadd>SourceList"
COMMAND = "import sys; from awe.ingest import main; sys.exit(main())"
MOVES = ((0, 0), (12, 8), (20, 6))
SCALE, DEC = 5.9e-5, -11.25


@pytest.fixture
def field(calibrated, tmp_path):
    """Names of three dithered raw frames with wrong headers, the places of stars, their table."""
    from awe.model.data import store
    from awe.model.raw import RawScienceFrame

    night = calibrated
    random = np.random.default_rng(8)
    ny, nx = night.shape
    grid = np.mgrid[12 : nx - 8 : 24, 12 : ny - 8 : 24].reshape(2, -1).T
    places = grid + random.uniform(-5, 5, grid.shape)
    fluxes = 10 ** random.uniform(4.0, 5.2, len(places))
    y, x = np.mgrid[0:ny, 0:nx]
    names = []
    for number, (dx, dy) in enumerate(MOVES):
        light = np.full(night.shape, 300.0)
        for (sx, sy), flux in zip(places - (dx, dy), fluxes, strict=True):
            light += flux * np.exp(-((x - sx) ** 2 + (y - sy) ** 2) / 4.5) / (2 * np.pi * 2.25)
        before = len(night.frames)
        night._expose(RawScienceFrame, "science", 20 + number, light)
        frame = night.frames[before]
        night.frames = night.frames[:before]
        frame.astrom.CRPIX1 -= dx
        frame.astrom.CRPIX2 -= dy
        frame.astrom.CRVAL2 += (3 - 8 * number) / 3600
        frame.OBJECT = "FIELD"
        store([frame])
        frame.commit()
        names.append(frame.filename)
    up = DEC + (places[:, 1] - 79) * SCALE
    ra = 212.5 - (places[:, 0] - 99) * SCALE / np.cos(np.radians(up))
    rows = [
        f"{a:.8f},{d:.8f},{-2.5 * np.log10(f):.3f},2012.414"
        for a, d, f in zip(ra, up, fluxes, strict=True)
    ]
    table = tmp_path / "stars.csv"
    table.write_text("\n".join(["ra,dec,mag,epoch", *rows, ""]))
    return names, np.stack([ra, up], axis=-1), table


def typed_at_a_shell(night, *words):
    """Run `awe-ingest` as a process of its own."""
    keys = night.db.environment(
        "scientist", data_server="127.0.0.1", data_port=str(night.port), privileges="4"
    )
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *words],
        capture_output=True, text=True, check=False, env={**os.environ, **keys},
    )  # fmt: skip


def off(made, truth):
    """Median distance of the sources of a list from the stars [arcsec], and how many are stars."""
    rows = made.sources.to_table()
    sky = np.stack([rows["RA"], rows["DEC"]], axis=-1)
    away = (sky[:, None] - truth) * (np.cos(np.radians(DEC)), 1.0)
    nearest = np.hypot(away[..., 0], away[..., 1]).min(axis=1) * 3600
    near = nearest < 1.0
    return float(np.median(nearest[near])), int(near.sum())


def test_raw_names_become_a_catalogue_at_the_prompt_and_by_jobs(calibrated, field):
    from awe.context import context
    from awe.dpu import Processor
    from awe.dpu.local import LocalProcessor
    from awe.model.astrometry import AstrometricParameters
    from awe.model.sources import SourceList

    names, truth, table = field
    refused = typed_at_a_shell(calibrated, "--reference", "stars", "-i", str(table.parent / "no"))
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    done = typed_at_a_shell(calibrated, "--reference", "stars", "-i", str(table), "-commit")
    assert done.returncode == 0, done.stderr
    assert f"stars: {len(truth)} stars, epoch 2012.41" in done.stdout
    [reference] = SourceList.name == "stars"
    arguments = {"i": "OMEGACAM", "raw": names, "reference": "stars", "C": 1}
    made = LocalProcessor().run(CHAIN, **arguments)
    assert [type(one).__name__ for one in made] == [
        *(3 * ["ReducedScienceFrame"]), *(3 * ["AstrometricParameters"]),
        *(3 * ["RegriddedFrame"]), "CoaddedRegriddedFrame", "SourceList",
    ]  # fmt: skip
    here = made[-1]
    distance, number = off(here, truth)
    assert distance < 0.04
    assert number > 30
    solutions = {reg.astrom_params for reg in made[-2].regridded_frames}
    assert solutions == set(made[3:6])

    class Served(Bench):
        def environment(self, person="scientist", **more):
            return super().environment(person, data_port=str(calibrated.port), **more)

    context.set_privileges(1)
    runner = RunnerThread(Served(calibrated.db))
    runner.start(workers=1)
    try:
        ids = Processor().run(CHAIN, **arguments)
        sql = "SELECT state::text, message FROM awe.job WHERE id = ANY(%s) ORDER BY id"
        states = until(
            lambda: (rows := calibrated.db.rows("superuser", sql, list(ids)))
            and all(state not in ("queued", "running", "waiting") for state, _ in rows) and rows,
            500,
        )  # fmt: skip
    finally:
        runner.stop()
    assert len(states) == 5
    assert {state for state, _ in states} == {"done"}, states
    lists = list(SourceList.select_all().order_by("creation_date"))
    first, by_jobs = (one for one in lists if one.frame is not None)
    assert first == here
    assert by_jobs.frame.chip.name == CHIPS[0]
    assert off(by_jobs, truth) == (pytest.approx(distance, abs=0.002), number)
    assert len(AstrometricParameters.select_all()) == 6
    assert {one.refcat for one in AstrometricParameters.select_all()} == {reference}

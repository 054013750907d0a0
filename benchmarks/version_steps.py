"""The steps of `benchmarks.versions`, run inside a prompt: `awe benchmarks/version_steps.py`.

Reads the name of a step from standard input, runs it and prints the seconds it took as JSON.
"""

# ruff: noqa: F821 - the names are those of the prompt

import contextlib
import io
import itertools
import json
import sys
import time
from pathlib import Path

START = datetime.datetime(2012, 6, 1, 8, 51, 44)
count = itertools.count()
ingested = RawScienceFrame.is_valid > 0


def query():
    """Ask the chapter's question and read what it finds."""
    found = (
        (RawScienceFrame.instrument.name == "OMEGACAM")
        & (RawScienceFrame.template.start == START)
        & (RawScienceFrame.is_valid > 0)
        & (RawScienceFrame.chip.name == "ESO_CCD_#65")
    )
    for _ in range(20):
        assert len(found) == 5
        assert found.max("DATE_OBS").EXPTIME > 0


def links():
    """Follow three links of every frame."""
    for _ in range(5):
        assert all(raw.filter.name and raw.imstat.max and raw.chip.name for raw in ingested)


def commit():
    """Store 160 frames as a prompt does."""
    first = ingested.top(1)[0]
    for _ in range(160):
        RawScienceFrame(
            filename=f"none{next(count)}.fits", chip=first.chip, filter=first.filter,
            instrument=first.instrument, template=first.template, DATE_OBS=first.DATE_OBS,
            EXPTIME=1.0, is_valid=0, astrom=first.astrom,
        ).commit()


def retrieve():
    """Fetch one file ten times, each into a place of its own."""
    raw = ingested.top(1)[0]
    for _ in range(10):
        Path(raw.filename).unlink(missing_ok=True)
        raw.retrieve()


def submit():
    """Submit a job that has nothing to do, then take it back."""
    name = ingested.top(1)[0].filename
    with contextlib.redirect_stdout(io.StringIO()):
        for job in dpu.run("Reduce", instrument="OMEGACAM", raw_filenames=[name]):
            dpu.cancel_job(job)


def reduce():
    """Reduce a chip, files in and out, without a commit."""
    name = ingested.top(1)[0].filename
    with contextlib.redirect_stdout(io.StringIO()):
        ReduceTask(instrument="OMEGACAM", raw_filenames=[name], commit=False).execute()


context.set_project("TUTORIAL2015")
context.set_privileges(1)
steps = {"query": query, "links": links, "commit": commit, "retrieve": retrieve, "submit": submit,
         "reduce": reduce}
for line in sys.stdin:
    begin = time.perf_counter()
    steps[line.strip()]()
    sys.stdout.write("\n" + json.dumps({"seconds": time.perf_counter() - begin}) + "\n")
    sys.stdout.flush()

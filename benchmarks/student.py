"""One student at work: the chapter as a script, `awe benchmarks/student.py REPORT.json [CHIP]`.

Runs in the prompt's own namespace, command by command as the chapter prints them, notes how long
each step took, and ends with exit code 1 at the first thing that is not as the chapter says.
"""

# ruff: noqa: F821 - the names are those of the prompt

import contextlib
import io
import json
import resource
import sys
import time
from pathlib import Path

REPORT = Path(sys.argv[1])
CHIP = sys.argv[2] if len(sys.argv) > 2 else "ESO_CCD_#65"
STEPS = {}


@contextlib.contextmanager
def step(name):
    """Measure one step; what it prints is for nobody."""
    begin = time.perf_counter()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        yield printed
    STEPS[name] = time.perf_counter() - begin


def check(claim, text):
    """Stop here unless the claim holds."""
    if not claim:
        sys.exit(f"{STEPS and list(STEPS)[-1]}: {text}")


with step("project") as printed:
    context.set_project("TUTORIAL2015")
    context.set_privileges(1)
    print(context.get_current_project())
check("TUTORIAL2015" in printed.getvalue(), "the project is not printed")

with step("query"):
    query = (
        (RawScienceFrame.instrument.name == "OMEGACAM")
        & (RawScienceFrame.template.start == datetime.datetime(2012, 6, 1, 8, 51, 44))
        & (RawScienceFrame.is_valid > 0)
    )
    whole = len(query)
    query = query & (RawScienceFrame.chip.name == CHIP)
    exposures = len(query)
check((whole % 5, exposures) == (0, 5), f"{whole} and {exposures} frames, expected n * 5 and 5")

with step("info"):
    raw = query.max("DATE_OBS")
    raw.info()
    maxima = [(r.DATE_OBS, r.filter.name, r.imstat.max) for r in query]
check(len(maxima) == 5 and all(row[2] > 0 for row in maxima), f"{maxima}")

with step("retrieve"):
    raw.retrieve()
check(Path(raw.filename).stat().st_size > 0, "no file came")

with step("inspect"):
    raw.inspect()
check(list(Path().glob("*.png")), "inspect() left no PNG")

filenames = [r.filename for r in query]
with step("dpu.run"):
    jobs = list(dpu.run("Reduce", instrument="OMEGACAM", raw_filenames=filenames, commit=True))
    jobs += dpu.run(
        "Reduce", instrument="OMEGACAM", template="2012-06-01T08:51:44", chip=CHIP, commit=True
    )
with step("get_status") as printed:
    dpu.get_status()
check("Reduce" in printed.getvalue(), "get_status() shows no job")
with step("get_logs"):
    dpu.get_logs()
check(list(Path().glob("*.log")), "get_logs() left no file")
made = [product for job in jobs for product in dpu.get_job_result(job)]
check(len(made) == 10, f"the DPU made {len(made)} products, expected 10: see {dpu.get_logs(jobs)}")
with step("cancel_job"):
    for jobid in dpu.get_jobids():
        dpu.cancel_job(jobid)

with step("ReduceTask 1"):
    task = ReduceTask(instrument="OMEGACAM", raw_filenames=filenames, commit=True)
    task.execute()
with step("ReduceTask 2"):
    task = ReduceTask(
        instrument="OMEGACAM", template="2012-06-01T08:51:44", chip=CHIP, commit=True
    )
    task.execute()

with step("results"):
    qred = ReducedScienceFrame.raw == query[0]
    qred.project_only()
    qred.user_only()
    red = qred.max("creation_date")
    qred = [
        (ReducedScienceFrame.raw == raw).project_only().user_only().max("creation_date")
        for raw in query
    ]
check(red is not None and all(qred) and len(qred) == 5, "a frame has no result")

with step("lineage"):
    qred[0].bias.info()
    qred[0].flat.info()
with step("inspect bias"):
    red = qred[0]
    red.bias.raw_bias_frames[0].inspect()

with step("Pars"):
    for what in (ReduceTask, "Reduce", ReducedScienceFrame):
        p = Pars(what, instrument="OMEGACAM")
    p.show()
    p.ReducedScienceFrame.process_params.FRINGE_THRESHOLD_HIGH = 6.0
check(p.get() == {"ReducedScienceFrame.process_params.FRINGE_THRESHOLD_HIGH": 6.0}, f"{p.get()}")

me = context.get_current_user().id
mine = [frame for frame in ReducedScienceFrame.select_all() if frame._creator == me]
others = [frame.filename for frame in ReducedScienceFrame.select_all() if frame._creator != me]
check(len(mine) == 20, f"{len(mine)} frames of my own, expected 20")
check(not others, f"frames of others: {others[:3]}")
REPORT.write_text(
    json.dumps(
        {
            "steps": STEPS,
            "jobs": jobs,
            "objects": [str(frame.object_id) for frame in mine],
            "files": [str(frame.file) for frame in mine],
            "names": [frame.filename for frame in mine],
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
    )
)

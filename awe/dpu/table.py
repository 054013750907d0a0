"""The table of `dpu.get_status`: jobs in lines that fit a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from awe import columns
from awe.dpu.jobs import Job
from awe.dpu.totals import RunSummary

__all__ = ["age", "counted", "is_dry", "run_html", "run_table", "shortened", "status_html",
           "status_table"]

HEADS = ("job", "recipe", "arguments", "state", "done", "host", "age", "last line")
RUN_HEADS = ("jobs", "recipe", "number", "states", "done", "age", "last line")
WIDEST = {"arguments": 34, "host": 14}


def status_table(jobs: Sequence[Job]) -> str:
    """Return one line per job under a heading, and a line of totals when there are several."""
    text = columns.lines(HEADS, [_cells(job) for job in jobs])
    if len(jobs) > 1:
        text.append(f"{len(jobs)} jobs: {counted(Counter(job.state for job in jobs))}")
    return "\n".join(text)


def status_html(jobs: Sequence[Job]) -> str:
    """Return the same as HTML."""
    total = f"{len(jobs)} jobs: {counted(Counter(job.state for job in jobs))}"
    return columns.html(HEADS, [_cells(job) for job in jobs], title=total)


def run_html(runs: Sequence[RunSummary]) -> str:
    """Return one line for each run as HTML."""
    return columns.html(RUN_HEADS, [_run_cells(run) for run in runs])


def run_table(runs: Sequence[RunSummary]) -> str:
    """Return one line for each run, however many jobs it has, and a line of totals."""
    text = columns.lines(RUN_HEADS, [_run_cells(run) for run in runs])
    states: Counter[str] = Counter()
    for run in runs:
        states.update(run.states)
    number = sum(states.values())
    text.append(f"{number} jobs: {counted(states)}; by_run=False shows each")
    return "\n".join(text)


def counted(states: Mapping[str, int]) -> str:
    """Return how many jobs there are in each state, such as `31 done, 1 failed`."""
    return ", ".join(f"{number} {state}" for state, number in states.items())


def is_dry(arguments: Mapping[str, Any]) -> bool:
    """Return True if a job with these arguments keeps nothing."""
    return not arguments.get("commit")


def shortened(arguments: Mapping[str, Any]) -> str:
    """Return arguments in the fewest letters that still tell jobs apart."""
    parts = []
    order = sorted(arguments, key=lambda name: (name != "chip", name == "instrument"))
    for name in order:
        value = arguments[name]
        if isinstance(value, list):
            value = f"{len(value)} {name}"
        elif isinstance(value, bool | int | float | dict) or value is None:
            continue
        parts.append(str(value))
    parts.append("dry run" if is_dry(arguments) else "commit")
    return _cut(" ".join(parts), WIDEST["arguments"])


def age(seconds: float) -> str:
    """Return a length of time as `12 s`, `3:25` or `2:03:25`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _cells(job: Job) -> tuple[str, ...]:
    state = "stopping" if job.state == "running" and job.cancel else job.state
    progress = f"{job.done} of {job.total}" if job.total else (str(job.done) if job.done else "")
    host = _cut(job.host or "", WIDEST["host"])
    arguments = shortened(job.args)
    return str(job.id), job.recipe, arguments, state, progress, host, age(job.age), job.line


def _run_cells(run: RunSummary) -> tuple[str, ...]:
    done = f"{run.done} of {run.total}" if run.total else (str(run.done) if run.done else "")
    return (
        f"{run.first}-{run.last}" if run.first != run.last else str(run.first), run.recipe,
        str(run.number), counted(run.states), done, age(run.age), run.line,
    )  # fmt: skip


def _cut(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."

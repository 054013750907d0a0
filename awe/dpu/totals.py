"""What many jobs come to, counted by the database: a run of thousands is a few numbers here.

Job numbers go to the database as ranges, because those of a run follow each other: ten thousand
numbers are one range, and asking for them costs milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from awe.db.server.connection import database
from awe.dpu import jobs

__all__ = ["Progress", "RunSummary", "any_open", "progress", "reviewed", "runs", "states"]

# Range by range through the index, however many there are: OFFSET 0 keeps the planner from
# comparing every job with every range.
OF_RANGES = """
  FROM unnest(%s::bigint[], %s::bigint[]) r(low, high),
       LATERAL (SELECT * FROM awe.job k WHERE k.id BETWEEN r.low AND r.high OFFSET 0) j
"""
COUNTS = ", ".join(f"count(*) FILTER (WHERE j.state = '{state}')" for state in jobs.STATES)

# Items of a job that is not running are all there will be, so the frames of one that is over are
# its total, or one where it never told; only those that run are counted item by item.
PROGRESS = f"""
SELECT count(*), count(*) FILTER (WHERE j.state NOT IN ('queued', 'running')),
       count(*) FILTER (WHERE j.state = 'running'),
       count(*) FILTER (WHERE j.state IN ('failed', 'lost')),
       count(*) FILTER (WHERE j.state IN ('queued', 'running') AND j.attempt > 0), count(j.total),
       coalesce(sum(j.total), 0),
       coalesce(sum(coalesce(j.total, 1)) FILTER (WHERE j.state NOT IN ('queued', 'running')), 0)
       + coalesce(sum((SELECT count(*) FROM awe.job_item i WHERE i.job = j.id AND i.ok))
                  FILTER (WHERE j.state IN ('queued', 'running') AND j.attempt > 0), 0)
  {OF_RANGES}
"""

RUNS = f"""
SELECT j.run, j.recipe, min(j.id), max(j.id), count(*),
       {COUNTS},
       coalesce(sum((SELECT count(*) FROM awe.job_item i WHERE i.job = j.id AND i.ok)), 0),
       coalesce(sum(j.total), 0),
       max(extract(epoch FROM coalesce(j.ended, clock_timestamp()) - j.submitted))::float8,
       coalesce(max(j.id) FILTER (WHERE j.state IN ('failed', 'lost')), max(j.id))
  {OF_RANGES} GROUP BY j.run, j.recipe ORDER BY min(j.id)
"""


# Each state by itself, because what waits and what runs has an index of its own, and both at one
# moment: a job that was claimed in between is not missed.
OPEN = " OR ".join(
    f"""EXISTS (SELECT 1 FROM awe.job j
  WHERE j.user_id = (SELECT awe.uid()) AND j.state = '{state}'
  AND j.id BETWEEN %s AND %s
  AND EXISTS (SELECT 1 FROM unnest(%s::bigint[], %s::bigint[]) r(low, high)
              WHERE j.id BETWEEN r.low AND r.high))"""
    for state in ("running", "queued")
)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far jobs are: counts of jobs, and of their inputs as far as they are known.

    `taken` is the number of those not over that a worker has had; `known` of those that have told
    how many inputs they have, `total` how many these are, `done` how many of all are finished.
    """

    jobs: int
    over: int
    running: int
    bad: int
    taken: int
    known: int
    total: int
    done: int

    @property
    def expected(self) -> int:
        """Return how many inputs there are, with the mean for each job that has not told yet."""
        if not self.known:
            return max(self.jobs, self.done)
        return max(round(self.total * self.jobs / self.known), self.done)

    def __str__(self) -> str:
        text = f"{self.over} of {self.jobs} jobs over" if self.jobs > 1 else ""
        parts = [text, f"{self.running} running" if self.running and self.jobs > 1 else "",
                 f"{self.bad} failed" if self.bad else ""]  # fmt: skip
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """Jobs of one run and recipe in one line; `line` is of the one that tells most."""

    run: int
    recipe: str
    first: int
    last: int
    number: int
    states: Mapping[str, int]
    done: int
    total: int
    age: float
    line: str


def states(ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return state and recipe of each job, by number, in the order of the numbers.

    Raises
    ------
    JobUnknown
        A number is of no job, or of somebody else's.
    """
    sql = f"SELECT j.id, j.state::text, j.recipe {OF_RANGES} ORDER BY j.id"
    found = {number: (state, recipe) for number, state, recipe in
             database.execute(sql, _ranges(ids))}  # fmt: skip
    missing = sorted(set(ids) - found.keys())
    if missing:
        raise jobs.unknown(missing)
    return found


def progress(ids: Sequence[int]) -> Progress:
    """Return how far jobs are, counted by the database."""
    (row,) = database.execute(PROGRESS, _ranges(ids))
    return Progress(**dict(zip(Progress.__dataclass_fields__, map(int, row), strict=True)))


def runs(ids: Sequence[int]) -> list[RunSummary]:
    """Return one summary for each run and recipe of the jobs, in the order of their numbers."""
    rows = database.execute(RUNS, _ranges(ids))
    # what went wrong says more than what goes well
    telling = {job.id: job.line for job in jobs.fetch([row[-1] for row in rows])}
    found = []
    for run, recipe, first, last, number, *states, done, total, age, teller in rows:
        counts = {state: n for state, n in zip(jobs.STATES, states, strict=True) if n}
        found.append(RunSummary(
            run=run, recipe=recipe, first=first, last=last, number=number, states=counts,
            done=int(done), total=int(total), age=age, line=telling[teller],
        ))  # fmt: skip
    return found


def any_open(ids: Sequence[int]) -> bool:
    """Return True if one of these jobs of one's own is not over; milliseconds for thousands."""
    if not ids:
        return False
    values = (min(ids), max(ids), *_ranges(ids))
    return bool(database.execute(f"SELECT {OPEN}", (*values, *values))[0][0])


def reviewed(ids: Sequence[int]) -> tuple[dict[str, int], list[str], list[int]]:
    """Return the number of jobs in each state, the recipes, and some that did not end well."""
    rows = database.execute(
        "SELECT j.state::text, j.recipe, count(*), (array_agg(j.id ORDER BY j.id))[1:4] "
        f"{OF_RANGES}"
        "GROUP BY j.state, j.recipe ORDER BY j.state, min(j.id)", _ranges(ids),
    )  # fmt: skip
    counts: dict[str, int] = {}
    for state, _, number, _ in rows:
        counts[state] = counts.get(state, 0) + number
    recipes = list(dict.fromkeys(recipe for _, recipe, _, _ in rows))
    bad = sorted(job for state, _, _, some in rows if state != "done" for job in some)
    return counts, recipes, bad[:4]


def _ranges(ids: Iterable[int]) -> tuple[list[int], list[int]]:
    """Return the first and last numbers of the ranges that numbers make up."""
    lows: list[int] = []
    highs: list[int] = []
    for number in sorted(set(ids)):
        if highs and highs[-1] + 1 == number:
            highs[-1] = number
        else:
            lows.append(number)
            highs.append(number)
    return lows, highs

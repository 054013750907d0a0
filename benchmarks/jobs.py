"""Thousands of jobs over several runners: what the queue carries, and whether each is done once.

    AWE_HOME=... python -m benchmarks.jobs [--jobs 10000] [--runners 4] [--short]

Starts the installation of AWE_HOME if need be, and runners with homes of their own next to that
of awe-server. The jobs do nothing but note one input. Prints jobs and claims a second, the time
from a submission to the first line, connections and memory, with the load of the machine; exits
with 1 where a job was not done exactly once.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from awe.config import Environment, home_directory
from awe.dpu.runner.queue import Queue
from awe.dpu.runner.runner import connection_parameters
from awe.services import running
from awe.services.installation import Installation
from awe.services.logins import superuser

RECIPE = '''
import time
from awe.db.server.connection import database
from awe.recipes import Argument, Task


class TrivialTask(Task):
    """Notes one input, and waits if it shall."""

    arguments = (Argument(name="wait", type=float, default=0.0, doc="seconds"),)

    def execute(self):
        print("at work", flush=True)
        time.sleep(self.wait)
        if not self.items.finished("only"):  # by an attempt that was killed behind it
            with database.transaction():
                self.items.record("only", None)
        return []
'''


class Bench:
    """The queue of one installation, seen by its superuser."""

    def __init__(self, house: Installation) -> None:
        self.house = house
        self.connection = superuser(house)
        self.connection.autocommit = True

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def submit(self, number: int, back_end: str = "local", **args: Any) -> list[int]:
        """Submit jobs as the owner of the installation would."""
        login = Environment.load().database_user.lower()
        job = {"recipe": "Trivial", "args": args, "back_end": back_end}
        self.rows(f"SET ROLE {login}")
        rows = self.rows(
            "SELECT awe.job_submit(%s, 'Trivial', '{}', (SELECT id FROM awe.project"
            " WHERE name = 'TUTORIAL2015'), 1, %s::jsonb)",
            str(uuid.uuid4()), json.dumps([job] * number),
        )  # fmt: skip
        self.rows("RESET ROLE")
        return [row[0] for row in rows]

    def wait(self, ids: list[int], seconds: float) -> None:
        """Wait until jobs are over."""
        limit = time.monotonic() + seconds
        sql = ("SELECT count(*) FROM awe.job WHERE id BETWEEN %s AND %s"
               " AND state IN ('queued', 'running')")  # fmt: skip
        while self.rows(sql, ids[0], ids[-1])[0][0]:
            if time.monotonic() > limit:
                sys.exit(f"jobs {ids[0]} to {ids[-1]} are not over after {seconds:.0f} s")
            time.sleep(0.1)


def main() -> int:
    """Measure, print a table, and return 1 where a job was not done exactly once."""
    options = _options()
    house = Installation(home_directory())
    running.ensure(house)
    _add_recipe(house.home)
    bench = Bench(house)
    with (
        closing(bench.connection),
        tempfile.TemporaryDirectory(prefix="awe-jobs-") as scratch,
        runners(house, Path(scratch), options.runners - 1),
    ):
        bench.wait(bench.submit(options.runners), 120)  # all have started
        latencies = [_first_line(bench) for _ in range(options.latencies)]
        report = _many(bench, options.jobs)
        memory = _memory(bench)
        report["claims and ends a second, one connection"] = _claims(bench, options.claims)
    report["submission to first line, median [ms]"] = 1e3 * statistics.median(latencies)
    report["submission to first line, largest [ms]"] = 1e3 * max(latencies)
    report["memory of a worker [MB]"] = memory / 1e6
    report["load"] = os.getloadavg()[0]
    for name, value in report.items():
        print(f"| {name} | {value:.4g} |")
    wrong = report["jobs not done exactly once"]
    print("each done exactly once" if not wrong else f"TROUBLE: {wrong} jobs")
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--runners", type=int, default=4)
    parser.add_argument("--latencies", type=int, default=20)
    parser.add_argument("--claims", type=int, default=1000)
    parser.add_argument("--short", action="store_true", help="40 jobs, two runners")
    options = parser.parse_args()
    if options.short:
        options.jobs, options.runners, options.latencies, options.claims = 40, 2, 3, 50
    return options


def _add_recipe(home: Path) -> None:
    (home / "recipes").mkdir(parents=True, exist_ok=True)
    (home / "recipes" / "trivial.py").write_text(RECIPE)


@contextmanager
def runners(house: Installation, place: Path, number: int) -> Iterator[None]:
    """Run runners in homes of their own, as `awe-admin runner` on other machines."""
    started = []
    known = house.endpoints
    for n in range(number):
        home = place / f"runner{n}"
        (home / "services").mkdir(mode=0o700, parents=True)
        _add_recipe(home)
        keys = ("database_name", "data_server", "data_port")
        lines = "".join(f"{key} : {known[key]}\n" for key in keys)
        (home / "Environment.cfg").write_text(f"[global]\n{lines}")
        secrets = home / "services" / "secrets.json"
        secrets.write_text(json.dumps({"awe_runner": house.secrets["awe_runner"]}))
        for path in (home / "Environment.cfg", secrets):
            path.chmod(0o600)
        started.append(subprocess.Popen(
            [sys.executable, "-m", "awe.admin", "runner"], stdout=subprocess.DEVNULL,
            env={**os.environ, "AWE_HOME": str(home)}, start_new_session=True,
        ))  # fmt: skip
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


def _first_line(bench: Bench) -> float:
    begin = time.perf_counter()
    (job,) = bench.submit(1)
    while not bench.rows("SELECT 1 FROM awe.job_log WHERE job = %s LIMIT 1", job):
        time.sleep(0.005)
    took = time.perf_counter() - begin
    bench.wait([job], 60)
    return took


def _many(bench: Bench, number: int) -> dict[str, float]:
    begin = time.perf_counter()
    ids = bench.submit(number)
    submitted = time.perf_counter() - begin
    peak = 0
    while bench.rows("SELECT count(*) FROM awe.job WHERE id BETWEEN %s AND %s"
                     " AND state IN ('queued', 'running')", ids[0], ids[-1])[0][0]:  # fmt: skip
        peak = max(peak, bench.rows("SELECT count(*) FROM pg_stat_activity"
                                    " WHERE backend_type = 'client backend'")[0][0])  # fmt: skip
        time.sleep(0.5)
    took = time.perf_counter() - begin
    once = bench.rows(
        "SELECT count(*) FROM awe.job j WHERE j.id BETWEEN %s AND %s AND j.state = 'done'"
        " AND (SELECT count(*) FROM awe.job_item i WHERE i.job = j.id AND i.ok) = 1"
        " AND (SELECT count(*) FROM awe.attempt t WHERE t.job = j.id AND t.state = 'ended') = 1",
        ids[0], ids[-1],
    )  # fmt: skip
    return {
        "jobs": number, "submission of all [s]": submitted, "all done [s]": took,
        "jobs a second": number / took, "connections": peak,
        "jobs not done exactly once": number - once[0][0],
    }  # fmt: skip


def _memory(bench: Bench) -> float:
    ids = bench.submit(2, wait=3.0)
    bench.wait(ids, 120)
    return float(bench.rows("SELECT max(memory) FROM awe.attempt WHERE job = ANY (%s)", ids)[0][0])


def _claims(bench: Bench, number: int) -> float:
    """Return how many jobs a second one connection claims and ends, without any worker."""
    # the name of a back end that no runner has
    bench.submit(number, back_end="nowhere")
    password = bench.house.secrets["awe_runner"]
    queue = Queue(connection_parameters(Environment.load(), "awe_runner", password), "bench", 30.0)
    begin = time.perf_counter()
    for _ in range(number):
        claim = queue.claim(["nowhere"])
        if claim is None:
            sys.exit("a claim came back empty")
        queue.end(claim.job, claim.attempt, "done", 0, "")
    took = time.perf_counter() - begin
    queue.close()
    return number / took


if __name__ == "__main__":
    sys.exit(main())

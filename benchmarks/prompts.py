"""Many prompts at once that submit, watch, read and cancel jobs, and how long each call takes.

    AWE_HOME=... python -m benchmarks.prompts [--prompts 50] [--seconds 300] [--short]

Each prompt is a process of its own with a login and a home of its own, against the installation
in AWE_HOME. Prints median, 95 % and the largest of each kind of call, and exits with 1 where a
call failed or a job of somebody was not as its owner left it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from awe.config import home_directory
from awe.db.rights import people
from awe.services import running
from awe.services.installation import Installation
from awe.services.logins import register, superuser
from benchmarks.jobs import RECIPE

#: what one prompt does until its time is over; the names are those of the prompt
SCRIPT = '''
import contextlib, io, json, sys, time
seconds, report = float(sys.argv[1]), sys.argv[2]
took, made, cancelled = [], [], set()
def timed(kind, call):
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        answer = call()
    took.append((kind, time.perf_counter() - begin))
    return answer
until = time.monotonic() + seconds
turn = 0
while time.monotonic() < until:
    turn += 1
    made += timed("submit", lambda: dpu.run("Trivial", wait=0.0))
    timed("status", lambda: dpu.get_status(made[-20:]))
    timed("query", lambda: len(RawScienceFrame.is_valid > 0))
    timed("numbers", dpu.get_jobids)
    timed("result", lambda: dpu.get_job_result(made[0]))
    timed("news", dpu.news)
    if turn % 3 == 0:
        timed("cancel", lambda: dpu.cancel(made[-1]))
        cancelled.add(made[-1])
    time.sleep(1.0)
dpu.cancel(made)
from awe.dpu import totals
deadline = time.monotonic() + 120
while totals.any_open(made) and time.monotonic() < deadline:
    time.sleep(0.5)
states = totals.states(made)
with open(report, "w") as file:
    json.dump({"took": took, "jobs": len(made), "states": [s for s, _ in states.values()]}, file)
'''


def main() -> int:
    """Run the prompts, print the table, and return 1 where something failed."""
    options = _options()
    house = Installation(home_directory())
    running.ensure(house)
    (house.home / "recipes").mkdir(exist_ok=True)
    (house.home / "recipes" / "trivial.py").write_text(RECIPE)
    with tempfile.TemporaryDirectory(prefix="awe-prompts-") as scratch:
        place = Path(scratch)
        homes = [_home(house, place, number) for number in range(options.prompts)]
        script = place / "script.py"
        script.write_text(SCRIPT)
        started = [_start(home, script, options.seconds) for home in homes]
        codes = [process.wait() for process in started]
        troubles = [f"prompt {n} ended with {code}: {(homes[n] / 'said').read_text()[-300:]}"
                    for n, code in enumerate(codes) if code]  # fmt: skip
        reports = [json.loads((home / "report").read_text())
                   for home, code in zip(homes, codes, strict=True) if not code]  # fmt: skip
    odd = [state for report in reports for state in report["states"]
           if state not in ("done", "cancelled")]  # fmt: skip
    if odd:
        troubles.append(f"{len(odd)} jobs are {', '.join(sorted(set(odd)))}")
    _print(reports)
    for line in troubles:
        print(f"TROUBLE: {line}")
    return 1 if troubles else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--short", action="store_true", help="three prompts for five seconds")
    options = parser.parse_args()
    if options.short:
        options.prompts, options.seconds = 3, 5.0
    return options


def _home(house: Installation, place: Path, number: int) -> Path:
    """Make a login and a home for one prompt."""
    login, password = f"awbench{number:02}", people.new_password()
    with closing(superuser(house)) as connection:
        if register(connection, login, password, ""):
            people.add_member(connection, "TUTORIAL2015", login)
    home = place / login
    (home / "recipes").mkdir(parents=True)
    (home / "recipes" / "trivial.py").write_text(RECIPE)
    known = house.endpoints
    keys = ("database_name", "data_server", "data_port")
    lines = "".join(f"{key} : {known[key]}\n" for key in keys)
    path = home / "Environment.cfg"
    path.write_text(
        f"[global]\n{lines}database_user : {login}\ndatabase_password : {password}\n"
        "project : TUTORIAL2015\n"
    )
    path.chmod(0o600)
    return home


def _start(home: Path, script: Path, seconds: float) -> subprocess.Popen[bytes]:
    kept = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "AWE_HOME")}
    command = [Path(sys.executable).parent / "awe", script, str(seconds), home / "report"]
    with (home / "said").open("wb") as said:
        return subprocess.Popen(
            command, env={**kept, "AWE_HOME": str(home)}, cwd=home, stdin=subprocess.DEVNULL,
            stdout=said, stderr=said,
        )  # fmt: skip


def _print(reports: list[dict[str, object]]) -> None:
    """Print the table of all calls."""
    found: dict[str, list[float]] = defaultdict(list)
    jobs = 0
    for report in reports:
        jobs += int(str(report["jobs"]))
        for kind, seconds in report["took"]:  # type: ignore[attr-defined] # of JSON
            found[kind].append(1e3 * seconds)
    print(f"{len(reports)} prompts, {jobs} jobs, load {os.getloadavg()[0]:.1f}")
    print("| call | number | median [ms] | 95 % [ms] | largest [ms] |\n|---|---|---|---|---|")
    for kind, some in found.items():
        late = statistics.quantiles(some, n=20)[-1] if len(some) > 1 else some[0]
        print(f"| {kind} | {len(some)} | {statistics.median(some):.0f} | {late:.0f} "
              f"| {max(some):.0f} |")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())

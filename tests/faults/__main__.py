"""The long version: kill again and again at every step, and write down what was found.

    python -m tests.faults                          20 rounds everywhere; hours
    python -m tests.faults --rounds 4               4 kills of everybody at every step
    python -m tests.faults --places local slurm     not at the prompt
    python -m tests.faults --keep DIR               counts stay in DIR, with those of other places

Writes docs/reference/faults.md. The status is 1 if anything was lost, there twice or left over.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.faults.steps import STEPS, VICTIMS

HERE = Path(__file__).parents[2]
PAGE = HERE / "docs" / "reference" / "faults.md"
TITLES = {
    "local": "Jobs on this machine",
    "slurm": "Jobs on a node of SLURM",
    "prompt": "`execute()` at a prompt, typed again until it ends well",
}
WHO = {
    "worker": "worker", "runner": "runner", "dataserver": "dataserver", "prompt": "prompt",
    "postmaster": "PostgreSQL", "backend": "a session of PostgreSQL",
}  # fmt: skip
INTRODUCTION = """\
# Kills at every step

One frame is reduced, stored and committed: five files and their rows. At each step of it one of
the processes that take part is ended by SIGKILL, at a random moment between the beginning of the
step and the time it takes. What was killed is started again, as its keeper does. A job goes on by
itself; a call at a prompt is typed again. Then it is counted:

| what must be 0 | found |
| --- | --- |
{verdict}

Each cell: tries, frames committed (once each), attempts more than the first, orphans (files that
no object names) that were left. A try has five orphans where all five files were reserved and
none came to be named. `awe-admin fsck` tells of every one, and the collector takes all of them
away. Of {tries} frames {within} were still at their step when the kill came, the others a step
further.
Frames that took more than 90 s to come to their step, so that a service was killed before that or
nobody was killed: {late}.

"""
STEPS_TOLD = """\
The steps: `select` asks which frames there are, `choose` for their calibrations, `read` fetches
and reads, `reduce` computes, `write` writes five files here, `reserve` asks for their records,
`upload` sends a file, `verify` is its last piece, its comparison and its row at the dataserver,
`commit` is the transaction with the product and the job's record of it, `log` its line, `state`
the end of the job.

Last run on {day} with `python -m tests.faults --rounds N`, on two cores at a load of {load}. A
short version is one of the tests: `python -m pytest tests/faults`.
"""
CLAIMS = {
    "rows without their file": "row without",
    "products acknowledged and lost": "acknowledged",
    "frames not committed, or committed twice": "products, ",
    "jobs that ended otherwise than done": "job ",
    "jobs, logins or processes left over": "left",
    "orphans that fsck did not tell of": "fsck",
    "anything else": "",
}


def main() -> int:
    """Kill, and write the page; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="kills of everybody at every step")
    parser.add_argument("--places", nargs="+", choices=[*VICTIMS], default=[*VICTIMS])
    parser.add_argument("--keep", type=Path, help="directory of the counts")
    parser.add_argument("--write", action="store_true", help="only write the page from DIR")
    chosen = parser.parse_args()
    kept = (chosen.keep or Path(tempfile.mkdtemp(prefix="awe-faults-"))).absolute()
    kept.mkdir(parents=True, exist_ok=True)
    status = 0
    if not chosen.write:
        given = {"AWE_FAULT_TRIES": str(chosen.rounds), "AWE_FAULT_RESULT": str(kept),
                 "AWE_FAULT_PLACES": " ".join(chosen.places)}  # fmt: skip
        status = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-s", "-o", "faulthandler_timeout=0",
             "tests/faults/test_kills.py"],
            cwd=HERE, env={**os.environ, **given}, check=False,
        ).returncode  # fmt: skip
    results = {p.stem: json.loads(p.read_text()) for p in sorted(kept.glob("*.json"))}
    PAGE.write_text(page({place: results[place] for place in VICTIMS if place in results}))
    return status


def page(results: dict[str, Any]) -> str:
    """Return the page about these results."""
    rows = [row for result in results.values() for row in result["rows"] if row[1] != "nobody"]
    wrong = [line for result in results.values() for line in result["wrong"]]
    verdict = []
    for claim, word in CLAIMS.items():
        found = [line for line in wrong if word in line]
        wrong = [line for line in wrong if line not in found]
        verdict.append(f"| {claim} | {len(found)} |")
    late = sum(len(result["late"]) for result in results.values())
    parts = [INTRODUCTION.format(
        verdict="\n".join(verdict), within=sum(row[7] for row in rows),
        tries=sum(row[3] for row in rows), late=late,
    )]  # fmt: skip
    parts += [_table(place, result) for place, result in results.items()]
    parts.append(_last(results))
    return "\n".join(parts)


def _table(place: str, result: dict[str, Any]) -> str:
    steps = [step for step in STEPS if any(row[2] == step for row in result["rows"])]
    cells = {(row[1], row[2]): row[3:7] for row in result["rows"]}
    lines = [f"## {TITLES[place]}", "", f"| killed | {' | '.join(steps)} | all |",
             "| --- |" + " --- |" * (len(steps) + 1)]  # fmt: skip
    for victim in VICTIMS[place][1:]:
        some = [cells.get((victim, step), [0, 0, 0, 0]) for step in steps]
        total = [sum(column) for column in zip(*some, strict=True)]
        told = " | ".join(", ".join(map(str, cell)) for cell in (*some, total))
        lines.append(f"| {WHO[victim]} | {told} |")
    columns = [[cells.get((victim, step), [0, 0, 0, 0]) for victim in VICTIMS[place][1:]]
               for step in steps]  # fmt: skip
    sums = [[sum(column) for column in zip(*some, strict=True)] for some in columns]
    sums.append([sum(column) for column in zip(*sums, strict=True)])
    lines.append(f"| all | {' | '.join(', '.join(map(str, cell)) for cell in sums)} |")
    control = cells["nobody", ""]
    lines += ["", f"Nobody killed, the control: {', '.join(map(str, control))}.", ""]
    return "\n".join(lines)


def _last(results: dict[str, Any]) -> str:
    today = datetime.datetime.now(datetime.UTC)
    load = os.getloadavg()[2]
    return STEPS_TOLD.format(day=f"{today:%d %B %Y}", load=f"{load:.0f}")


if __name__ == "__main__":
    sys.exit(main())

"""Scripts run through a person's own login by the `psql` that comes with the server."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import Any

MARK = "@@@"


@dataclass(frozen=True)
class Answer:
    """What one part of a script printed."""

    out: str
    error: str

    @property
    def text(self) -> str:
        return self.out + self.error


def run(db: Any, person: str, parts: dict[str, str], *, fresh: bool = True) -> dict[str, Answer]:
    """Run named parts in one `psql`, each as in a new session if `fresh`, and return the answers.

    A part that connects elsewhere has a `psql` of its own, which ends if that fails.
    """
    answers = _run(db, person, {n: s for n, s in parts.items() if r"\connect" not in s}, fresh)
    for name in parts.keys() - answers.keys():
        answers |= _run(db, person, {name: parts[name]}, False)
    return answers


def _run(db: Any, person: str, parts: dict[str, str], fresh: bool) -> dict[str, Answer]:
    lines = [r"\set VERBOSITY verbose", r"\pset pager off"]
    for number, statement in enumerate(parts.values()):
        if fresh:
            lines.append("DISCARD ALL;")
        lines += [rf"\echo {MARK}{number}", rf"\warn {MARK}{number}", statement.rstrip(";") + ";"]
        lines += ["ROLLBACK;"]
    done = subprocess.run(
        [str(db.cluster.program("psql")), "-XqAt"],
        input="\n".join([*lines, ""]), capture_output=True, text=True, timeout=240,
        env={**os.environ, **login(db, person)}, check=False, errors="replace",
    )
    out, error = _split(done.stdout), _split(done.stderr)
    assert str(len(parts) - 1) in out or not parts, f"broken off: {done.stderr[-2000:]}"
    quiet = "there is no transaction in progress"
    return {
        name: Answer(out[str(number)], "\n".join(
            line for line in error[str(number)].splitlines()
            if quiet not in line and not line.startswith("LOCATION:")
        ))
        for number, name in enumerate(parts)
    }


def login(db: Any, person: str) -> dict[str, str]:
    """Return the environment with which psql logs in as that person."""
    return {
        "PGHOST": str(db.cluster.socket), "PGPORT": "5432", "PGDATABASE": db.name,
        "PGUSER": db.user(person), "PGPASSWORD": db.password(person), "PGOPTIONS": "",
    }


def _split(text: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith(MARK):
            name = line.removeprefix(MARK)
        found.setdefault(name, []).append(line)
    return {name: "\n".join(lines[1:]) for name, lines in found.items()}

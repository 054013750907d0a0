"""One person at work in a process of the package's own: answers what each class shows him.

Reads the configuration as JSON from the first line of standard input, then one line per question:
a level to work at and job numbers; writes one line of JSON per answer.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

from awe.config import Environment
from awe.context import context
from awe.db.declare import registry
from awe.db.server import scope
from awe.dpu import jobs
from awe.errors import JobUnknown, Refused
from awe.model import classes


def visible_jobs(numbers: list[int]) -> list[int]:
    """Return those jobs whose state and log the person is shown."""
    found = []
    for number in numbers:
        try:
            jobs.fetch([number])
        except (JobUnknown, Refused):
            assert not (logs := lines(number)), logs
        else:
            assert lines(number)
            found.append(number)
    return found


def lines(number: int) -> list[Any]:
    try:
        return jobs.lines(number)
    except Refused:
        return []


def main() -> None:
    context.start(Environment.load(**json.loads(sys.stdin.readline())))
    classes.load()
    for line in sys.stdin:
        asked = json.loads(line)
        scope.use(replace(scope.current(), privileges=asked["level"]))
        shown = {
            name: [str(row[0]) for row in cls.select_all().values("object_id")]
            for name, cls in registry.registry.items()
        }
        answer = {"objects": shown, "jobs": visible_jobs(asked["jobs"])}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()

"""The process of one attempt: `python -m awe.dpu.worker.worker DIRECTORY`.

Reads its description, with the connection data, from standard input; logs in as the attempt's own
login, which can become the submitter and nobody else; takes the project and level the submission
had; runs the task in the `work` directory; reports the end. It knows no other secret, and what it
knows is in no file, argument or environment.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from awe import recipes
from awe.calib import threads
from awe.config import Environment
from awe.db.server import scope
from awe.db.server.connection import database
from awe.db.server.failures import is_away
from awe.dpu.worker.items import JobItems
from awe.errors import AweError, JobError, UserMistake
from awe.tasks.arguments import refuse_paths
from awe.terminal import out

__all__ = ["main", "work"]

#: seconds a job waits for the database and the dataserver while it gets nowhere
PATIENCE = 60.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0


class Reports:
    """The worker's lines to its runner."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, report: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(report) + "\n")
            file.flush()
            os.fsync(file.fileno())


def main(arguments: list[str] | None = None) -> int:
    """Run one attempt; the exit status is 0 whenever the end was reported."""
    (directory,) = arguments if arguments is not None else sys.argv[1:]
    return work(Path(directory), json.loads(sys.stdin.buffer.read()))


def work(directory: Path, description: dict[str, Any]) -> int:
    """Run the attempt described, in `directory`, and report its end."""
    os.umask(0o077)
    os.chdir(directory / "work")
    reports = Reports(directory / "report")
    try:
        state, message = _patiently(description, reports)
    except UserMistake as error:
        state, message = "failed", f"{error.code}: {error}"
    except (AweError, Exception) as error:
        traceback.print_exc()
        state, message = "failed", f"{type(error).__name__}: {error}"
    out(f"{description['recipe']}: {message}\n")
    sys.stdout.flush()
    reports({"end": state, "message": message[:2000]})
    return 0


def _patiently(description: dict[str, Any], reports: Reports) -> tuple[str, str]:
    """Run the task; where a service is away, wait for it and do again what is not finished.

    After a minute without any progress the attempt gives up, and the job is queued again.
    """
    finished, since, pause = -1, time.monotonic(), FIRST_PAUSE
    while True:
        done: list[int] = []
        try:
            return _run(description, reports, done)
        except AweError as error:
            if not is_away(error):
                raise
            if sum(done) > finished:
                finished, since, pause = sum(done), time.monotonic(), FIRST_PAUSE
            message = f"{error.code}: {error}"
        if time.monotonic() - since > PATIENCE:
            return "died", f"no service for {PATIENCE:.0f} s: {message}"
        sys.stdout.write(f"{message}; waiting for it, what is finished is kept\n")
        sys.stdout.flush()
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _run(
    description: dict[str, Any], reports: Reports, finished: list[int]
) -> tuple[str, str]:
    """Run the task once; put the number of inputs done into `finished`, however it ends."""
    threads.narrow(description.get("processors"))
    role = description["role"]
    database.connect(Environment(**description["environment"]), role=role)
    try:
        _take_scope(description)
        items = JobItems(description["job"], description["attempt"], reports)
        finished.append(items.number)
        recipe = recipes.find(description["recipe"])
        refuse_paths(description["recipe"], recipe.arguments, description["args"])
        task = recipe(**description["args"])
        task.items = items
        try:
            products = task.execute()
        except UserMistake as error:
            if is_away(error) or not items.errors:
                raise
            products = []
        finally:
            finished[:] = [items.number]
        _record_rest(items, products)
        return items.summary()
    finally:
        database.close()


def _take_scope(description: dict[str, Any]) -> None:
    """Work in the project and at the level of the submission, if the user still may."""
    rows = database.execute(
        "SELECT u.id, u.role_name::text, p.id, p.name FROM awe.users u, awe.project p "
        "WHERE u.role_name = current_user AND p.id = %s AND p.id = ANY (awe.my_projects())",
        (description["project"],),
    )
    if not rows:
        msg = f"{description['role']} is no longer a member of the job's project: ask its manager"
        raise JobError(msg)
    user, role, project, name = rows[0]
    scope.use(
        scope.Scope(
            user_id=user,
            # as at the prompt: products keep it, in lineage and header
            user_name=role.upper(),
            project_id=project,
            project_name=name,
            privileges=description["privileges"],
        )
    )


def _record_rest(items: Any, products: Any) -> None:
    """Record the products of a task that does not do it itself."""
    if products is None:
        return
    some = products if isinstance(products, list | tuple) else [products]
    known = items.products
    for number, product in enumerate(some):
        identity = str(getattr(product, "object_id", ""))
        if identity not in known:
            # the name of a file that is not kept is another one each time
            kept = getattr(product, "_committed", True)
            name = getattr(product, "filename", None) if kept else None
            name = name or f"product {number + 1}"
            if not items.finished(name):
                items.record(name, product)


if __name__ == "__main__":
    sys.exit(main())

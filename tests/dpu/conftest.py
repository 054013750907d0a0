"""Jobs on a real server: a runner in a thread, workers as processes, recipes in a directory."""

from __future__ import annotations

import json
import socket
import time
import uuid
from typing import Any

import pytest

from awe.config import Environment
from awe.dpu.queue import Queue
from awe.dpu.runner import connection_parameters


class Bench:
    """What the tests of jobs do to a database."""

    def __init__(self, db: Any) -> None:
        self.db = db

    def submit(self, person: str, *jobs: dict[str, Any], **more: Any) -> list[int]:
        """Submit jobs over the person's own connection, as any client could."""
        given = {"request": str(uuid.uuid4()), "recipe": "Probe", "args": "{}", "project": 37,
                 "privileges": 1, **more}
        some = [{"recipe": "Probe", "args": {}, "back_end": "local", **job}
                for job in jobs or ({},)]
        rows = self.db.rows(
            person,
            "SELECT awe.job_submit(%s::uuid, %s, %s::jsonb, %s, %s, %s::jsonb)",
            *given.values(),
            json.dumps(some),
        )
        return [row[0] for row in rows]

    def state(self, job: int) -> str:
        sql = "SELECT state::text FROM awe.job WHERE id = %s"
        return self.db.rows("superuser", sql, job)[0][0]

    def environment(self, person: str = "student", **more: str) -> Environment:
        return Environment.load(**self.db.environment(person, **more))

    def queue(self, lease: float = 30.0, host: str | None = None) -> Queue:
        password = self.db.password("awe_runner")
        parameters = connection_parameters(self.environment(), "awe_runner", password)
        return Queue(parameters, host or socket.gethostname(), lease)


def until(claim: Any, seconds: float = 20.0) -> Any:
    """Wait until `claim()` is true and return what it gave."""
    limit = time.monotonic() + seconds
    while not (found := claim()):
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)
    return found


@pytest.fixture
def bench(db):
    return Bench(db)


@pytest.fixture
def queue(bench):
    queue = bench.queue()
    yield queue
    queue.close()

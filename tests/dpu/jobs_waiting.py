"""Waiting for what another process will do."""

from __future__ import annotations

import time
from typing import Any


def until(claim: Any, seconds: float = 60.0) -> Any:
    """Wait until `claim()` is true and return what it gave."""
    limit = time.monotonic() + seconds
    while not (found := claim()):
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)
    return found


def log(db: Any, job: int) -> list[str]:
    """Return the lines a job has printed."""
    rows = db.rows(
        "superuser", "SELECT line FROM awe.job_log WHERE job = %s ORDER BY attempt, line_no", job
    )
    return [row[0] for row in rows]

"""The pages `/jobs`: what was submitted, how far it is, its log and products; cancel and retry.

Rows are those the database shows the visitor: one's own, and what managers see of their projects.
A job of somebody else and a job that never was look the same.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from awe.db.server.connection import database
from awe.dpu import jobs as queue
from awe.dpu.table import counted
from awe.web.view import Look

__all__ = ["cancel", "cancel_run", "job", "jobs_page", "retry", "run_page"]

_NUMBER = re.compile(r"[1-9][0-9]{0,14}")
PER_PAGE = 50
#: Jobs of a run on one page.
OF_RUN = 200
#: What a page shows of long texts: characters, lines of a log, products.
LONGEST, LINES, PRODUCTS = 20_000, 2000, 1000
#: Seconds between two looks at what still runs.
LIVE = 2

_RUNS = """
SELECT r.id, r.recipe, upper(u.role_name::text) AS person, p.name AS project, r.submitted,
       r.user_id = (SELECT awe.uid()) AS own, c.*
  FROM awe.run r
  JOIN awe.users u ON u.id = r.user_id JOIN awe.project p ON p.id = r.project,
  LATERAL (SELECT jsonb_object_agg(s.state, s.n) AS states, sum(s.n)::int AS number,
                  coalesce(sum(s.n) FILTER (WHERE s.state NOT IN ('queued', 'running')), 0)::int
                    AS over, min(s.first) AS first,
                  (SELECT left(j.message, 300) FROM awe.job j
                    WHERE j.run = r.id AND j.message IS NOT NULL
                    ORDER BY j.state IN ('failed', 'lost') DESC, j.id DESC LIMIT 1) AS message
             FROM (SELECT j.state::text AS state, count(*) AS n, min(j.id) AS first
                     FROM awe.job j WHERE j.run = r.id GROUP BY j.state) s) c
 WHERE r.id < %s ORDER BY r.id DESC LIMIT %s
"""
_JOBS = """
SELECT j.id, j.run, j.recipe, j.state::text, j.cancel, j.total, t.host, j.submitted, j.started,
       j.ended, left(j.message, 2000) AS message, upper(u.role_name::text) AS person,
       p.name AS project, j.user_id = (SELECT awe.uid()) AS own,
       (SELECT count(*) FROM awe.job_item i WHERE i.job = j.id AND i.ok) AS done,
       CASE WHEN octet_length(j.args::text) < %s THEN j.args
            ELSE to_jsonb(left(j.args::text, %s) || ' ...') END AS args
  FROM awe.job j JOIN awe.users u ON u.id = j.user_id JOIN awe.project p ON p.id = j.project
  LEFT JOIN awe.attempt t ON t.job = j.id AND t.attempt = j.attempt
"""
_ITEMS = """
SELECT i.item, i.class AS kind, i.product, i.ok, left(i.message, 300) AS message
  FROM awe.job_item i WHERE i.job = %s ORDER BY i.at, i.item LIMIT %s
"""
_LOG = """
SELECT l.line FROM (
  SELECT * FROM awe.job_log x WHERE x.job = %s ORDER BY x.attempt DESC, x.line_no DESC LIMIT %s) l
 ORDER BY l.attempt, l.line_no
"""
RUN_COLUMNS = ("id", "recipe", "person", "project", "submitted", "own", "states", "number", "over",
               "first", "message")  # fmt: skip
JOB_COLUMNS = ("id", "run", "recipe", "state", "cancel", "total", "host", "submitted", "started",
               "ended", "message", "person", "project", "own", "done", "args")  # fmt: skip


def jobs_page(look: Look) -> Response:
    """Return the page of the runs, newest first."""
    before = _place(look.query.get("before", ""))
    found = _named(RUN_COLUMNS, database.execute(_RUNS, (before, PER_PAGE + 1)))
    shown = found[:PER_PAGE]
    for run in shown:
        run["told"] = counted(run["states"] or {})
    live = any(run["over"] < (run["number"] or 0) for run in shown)
    older = shown[-1]["id"] if len(found) > PER_PAGE else None
    return look.page("runs.html", title="Jobs", runs=shown, older=older, live=live,
                     newer=before < _LAST)  # fmt: skip


def run_page(look: Look) -> Response:
    """Return the page of the jobs of one run."""
    number = _number(look, "run")
    after = look.query.get("after", "0")
    after = after if _NUMBER.fullmatch(after) else "0"
    rows = database.execute(
        f"{_JOBS} WHERE j.run = %s AND j.id > %s ORDER BY j.id LIMIT %s",
        (0, 0, number, int(after), OF_RUN + 1),
    )
    found = _named(JOB_COLUMNS, rows)
    if not found:
        raise HTTPException(404)
    shown = found[:OF_RUN]
    live = any(one["state"] not in queue.FINAL for one in shown)
    more = shown[-1]["id"] if len(found) > OF_RUN else None
    return look.page("run.html", title=f"Run {number}, {shown[0]['recipe']}", jobs=shown,
                     number=number, live=live, more=more, own=shown[0]["own"])  # fmt: skip


def job(look: Look) -> Response:
    """Return the page of one job."""
    number = _number(look, "job")
    rows = database.execute(f"{_JOBS} WHERE j.id = %s", (LONGEST, LONGEST, number))
    if not rows:
        raise HTTPException(404)
    (one,) = _named(JOB_COLUMNS, rows)
    args = one.pop("args")
    return look.page(
        "job.html",
        title=f"Job {number}, {one['recipe']}",
        job=one,
        arguments=args if isinstance(args, str) else json.dumps(args, indent=1),
        items=_named(("item", "kind", "product", "ok", "message"),
                     database.execute(_ITEMS, (number, PRODUCTS))),
        log="\n".join(row[0] for row in database.execute(_LOG, (number, LINES))),
        over=one["state"] in queue.FINAL,
        again=one["own"] and one["state"] in ("failed", "lost", "cancelled"),
        live=LIVE,
    )  # fmt: skip


def cancel(look: Look) -> Response:
    """Cancel a job of one's own."""
    number = _number(look, "job")
    marked = queue.cancel(number)
    text = f"job {number} is being stopped" if marked else f"job {number} was over before"
    return look.there(f"/jobs/{number}", text)


def cancel_run(look: Look) -> Response:
    """Cancel what is not over of a run of one's own."""
    number = _number(look, "run")
    rows = database.execute(
        "SELECT id, state IN ('queued', 'running') FROM awe.job WHERE run = %s", (number,)
    )
    if not rows:
        raise HTTPException(404)
    ids = [row[0] for row in rows if row[1]]
    if ids:
        queue.cancel_all(ids)
    return look.there(f"/runs/{number}", f"{len(ids)} jobs are being stopped")


def retry(look: Look) -> Response:
    """Queue a job of one's own again."""
    number = _number(look, "job")
    (one,) = queue.fetch([number])
    again = queue.retry(number)
    text = "is queued again" if again else f"is {one.state}, there is nothing to do again"
    return look.there(f"/jobs/{number}", f"job {number} {text}")


_LAST = 10**15


def _place(text: str) -> int:
    return int(text) if _NUMBER.fullmatch(text) else _LAST


def _number(look: Look, name: str) -> int:
    text = look.part(name)
    if not _NUMBER.fullmatch(text):
        raise HTTPException(404)
    return int(text)


def _named(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]

"""`product.log()`: what was said while a product was made, by a job or at the prompt."""

from __future__ import annotations

from typing import Any

from awe.db.server.connection import database
from awe.dpu.levels import at_least, check
from awe.errors import NotFound
from awe.tasks.runlog import path_of
from awe.terminal import harmless

__all__ = ["ProductLog", "log"]

OF_PRODUCT = "SELECT DISTINCT job FROM awe.job_item WHERE product = %s AND ok ORDER BY job"
NAMES = "SELECT item, product = %s FROM awe.job_item WHERE job = %s"
LINES = """
SELECT l.at AT TIME ZONE 'UTC', j.recipe, l.line
  FROM awe.job_log l JOIN awe.job j ON j.id = l.job
 WHERE l.job = %s ORDER BY l.attempt, l.line_no"""


class ProductLog(tuple[str, ...]):
    """Lines of a log, shown one below the other."""

    __slots__ = ()

    def __repr__(self) -> str:
        return harmless("\n".join(self)) or "no line of this level"


def log(product: Any, level: str = "INFO") -> ProductLog:
    """Return the lines that were said while the product was made.

    A job's lines are in the database, for its owner and the managers of the project; those of
    `task.execute()` are on the machine and below the AWE_HOME where it ran. Lines that name
    another frame of the same run are left out.

    Parameters
    ----------
    level : str
        Lowest level of lines that are returned: `'INFO'`, `'WARNING'` or `'ERROR'`.

    Raises
    ------
    ArgumentError
        There is no such level.
    NotFound
        No log of the product is here that you may read.
    """
    wanted = check(level)
    lines = _of_jobs(product) or _of_runs(product)
    if not lines:
        msg = (
            f"no log of {product!r} is here that you may read: it was made by {product.creator} "
            f"elsewhere, or before logs were kept"
        )
        raise NotFound(msg)
    return ProductLog(line for line in lines if at_least(line, wanted))


def _of_jobs(product: Any) -> list[str]:
    number = str(product.object_id)
    found = []
    for (job,) in database.execute(OF_PRODUCT, (number,)):
        names = database.execute(NAMES, (number, job))
        others = {name for name, own in names if not own}
        mine = {name for name, own in names if own}
        for at, recipe, line in database.execute(LINES, (job,)):
            words = {word.rstrip(":;,") for word in line.split()}
            if not words & others or words & mine:
                found.append(f"{at:%Y-%m-%dT%H:%M:%S} [{recipe} {job}] {line}")
    return found


def _of_runs(product: Any) -> list[str]:
    try:
        return path_of(product).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []

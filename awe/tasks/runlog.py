"""What tasks said at the prompt, kept for each product they committed.

Jobs have their lines in the database; those of `task.execute()` are files below AWE_HOME, one for
each product, that only their owner can read. A line that names another unit of the task belongs
to that one, all others to every product of the run.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from awe import terminal
from awe.db.server.connection import database

__all__ = ["keep", "listening", "path_of"]

WORDS = re.compile(r"[^\s;,]+")
LONGEST = 2000

Line = tuple[datetime.datetime, str]


@contextmanager
def listening() -> Iterator[list[Line]]:
    """Give the lines that are said during a block, as they come, with their moments (UTC)."""
    lines: list[Line] = []

    def hear(text: str) -> None:
        now = datetime.datetime.now(datetime.UTC)
        lines.extend((now, line[:LONGEST]) for line in text.splitlines() if line.strip())

    terminal.listeners.append(hear)
    try:
        yield lines
    finally:
        terminal.listeners.remove(hear)


def keep(lines: Sequence[Line], made: Sequence[tuple[str, Any]], recipe: str) -> None:
    """Write the lines of a run into one file for each product.

    Parameters
    ----------
    lines : sequence
        Moment and text of each line.
    made : sequence of tuple
        Name of each unit with its committed product, or None.
    recipe : str
        Name of the recipe.
    """
    owners: dict[str, int] = {}
    for place, (name, product) in enumerate(made):
        owners[name] = place
        # a number, such as a read noise, has no file
        if file := getattr(product, "filename", ""):
            owners[file] = place
    common: list[str] = []
    own: dict[int, list[str]] = {}
    for at, text in lines:
        line = f"{at:%Y-%m-%dT%H:%M:%S} [{recipe}] {text}"
        found = {owners[w] for word in WORDS.findall(text)
                 if (w := word.rstrip(":")) in owners}  # fmt: skip
        for place in found:
            own.setdefault(place, []).append(line)
        if not found:
            common.append(line)
    # a log that cannot be kept must not cost the product
    with suppress(OSError):
        for place, (_, product) in enumerate(made):
            if product is not None and product._committed:
                _write(path_of(product), sorted([*common, *own.get(place, [])], key=_moment))


def path_of(product: Any) -> Path:
    """Return where the lines of a product are kept, whether it has some or not."""
    number = str(product.object_id)
    home: Path = database.environment.home
    return home / "logs" / number[:2] / f"{number}.log"


def _moment(line: str) -> str:
    return line[:19]


def _write(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))

"""What row-level security costs: the same statements with policies and without, in turns.

The statements are those awe sends for the questions of `benchmarks.database`. With policies they
run as an ordinary user, member of ten of two hundred projects; without, as the superuser, whom no
policy applies to. Exits 1 where a ratio is above its limit.

    python -m benchmarks.rights [--keep DIR] [--frames 1000000] [--repeats 15]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.alternating import alternate, load, table
from benchmarks.database import CHIP, Questions
from benchmarks.filled import opened

CHAPTER_LIMIT = 1.5
COUNT_LIMIT = 4.0

Statements = list[tuple[str, Any]]


def recorded(action: Callable[[], Any]) -> Statements:
    """Return the statements an action sends."""
    from awe.db.server.connection import database

    sent: Statements = []
    original = database.execute

    def execute(text: str, values: Any = None) -> list[tuple[Any, ...]]:
        sent.append((text, values))
        return original(text, values)

    database.execute = execute  # type: ignore[method-assign]
    try:
        action()
    finally:
        del database.execute  # type: ignore[method-assign]
    return sent


def replay(connection: Any, statements: Statements) -> Callable[[], None]:
    """Return a call that sends statements over a connection and fetches what they find."""

    def run() -> None:
        with connection.cursor() as cursor:
            for text, values in statements:
                cursor.execute(text, values)
                cursor.fetchall()

    return run


def main() -> int:
    """Fill, measure, print the table, and return 1 where a limit is exceeded."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--calibrations", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    rows = []
    missed = []
    with opened(options.keep) as filled:
        name = filled.database(options.frames, options.calibrations)
        filled.connect(name)
        with closing(filled.person(name)) as person, closing(filled.superuser(name)) as free:
            questions = Questions(person, options.frames)
            raw = questions.raw
            prefix = "OMEGACAM." + questions.start().strftime("%Y-%m-%dT%H")
            asked: dict[str, tuple[Callable[[], Any], float]] = {
                "chapter's query, len and load": (questions.chapter()["awe"], CHAPTER_LIMIT),
                "the same for one chip": (questions.chapter_chip()["awe"], CHAPTER_LIMIT),
                "max('DATE_OBS') of a chip": (questions.newest()["awe"], CHAPTER_LIMIT),
                "five links": (questions.chain()["awe"], COUNT_LIMIT),
                "bias for a frame": (questions.choice(questions.bias)["awe"], COUNT_LIMIT),
                "160 frames, 3 links each": (questions.three_links()["awe"], CHAPTER_LIMIT),
                "filename.like('prefix*')": (
                    lambda: list(raw.filename.like(prefix + "*")), COUNT_LIMIT
                ),
                "count of one chip": (lambda: len(raw.chip.name == CHIP), COUNT_LIMIT),
                "count of all": (lambda: len(raw.select_all()), COUNT_LIMIT),
            }  # fmt: skip
            for question, (action, limit) in asked.items():
                statements = recorded(action)
                times = alternate(
                    {"on": replay(person, statements), "off": replay(free, statements)},
                    repeats=options.repeats if "count" not in question else 5,
                )
                ratio = times["on"].wall / times["off"].wall
                rows.append(
                    (question, f"{times['on'].wall:.2f} ms", f"{times['off'].wall:.2f} ms",
                     f"{ratio:.2f}", f"{limit}")
                )  # fmt: skip
                if ratio > limit:
                    missed.append(f"{question}: {ratio:.2f} times, limit {limit}")
    print(f"{options.frames} raw frames, 200 users, 200 projects, {load()}")
    print(table(("question", "policies on", "policies off", "ratio", "limit"), rows))
    for line in missed:
        print(f"missed: {line}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())

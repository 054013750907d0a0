"""One place on the sky among many frames, next to the same statement by hand, q3c and pgsphere.

awe asks as an ordinary user under row-level security; by hand is the statement awe sends, over a
plain connection of the same user. The extensions have no such policies: they are asked as the
owner of a copy of the corners, in a server of their own, where Debian's packages
`postgresql-15-q3c` and `postgresql-15-pgsphere` are installed. Exits 1 where a place takes longer
than 10 ms or twice as long as by hand.

    python -m benchmarks.places [--keep DIR] [--frames 1000000] [--peer "host=... dbname=..."]
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.alternating import alternate, load, table
from benchmarks.filled import opened

LIMIT = 10.0
RATIO_LIMIT = 2.0

PEER = """
CREATE EXTENSION IF NOT EXISTS q3c;
CREATE EXTENSION IF NOT EXISTS pg_sphere;
DROP TABLE IF EXISTS chips;
CREATE TABLE chips (ra float8, decl float8, poly float8[], outline spoly);
"""
INDEXES = """
CREATE INDEX ON chips (q3c_ang2ipix(ra, decl));
CREATE INDEX ON chips USING gist (outline);
ANALYZE chips;
"""


def corners(rows: list[tuple[Any, ...]]) -> list[tuple[float, float, list[float], str]]:
    """Return middle, polygon of q3c and polygon of pgsphere of outlines as awe keeps them."""
    from math import asin, atan2, degrees, hypot

    found = []
    for (outline,) in rows:
        vectors = [outline[i : i + 3] for i in range(0, 12, 3)]
        places = [(degrees(atan2(y, x)) % 360, degrees(asin(z))) for x, y, z in vectors]
        x, y, z = (sum(part) for part in zip(*vectors, strict=True))
        flat = [number for place in places for number in place]
        text = "{" + ", ".join(f"({ra:.12f}d, {dec:.12f}d)" for ra, dec in places) + "}"
        found.append((degrees(atan2(y, x)) % 360, degrees(atan2(z, hypot(x, y))), flat, text))
    return found


def copy(source: Any, target: Any) -> int:
    """Copy the corners of all frames to the peer's server; return how many."""
    from psycopg2.extras import execute_values

    number = 0
    with target.cursor() as cursor, source.cursor() as reader:
        cursor.execute(PEER)
        reader.execute("SELECT _corners FROM awe.raw_science_frame WHERE _cell IS NOT NULL")
        while rows := reader.fetchmany(10_000):
            execute_values(cursor, "INSERT INTO chips VALUES %s", corners(rows), page_size=1000,
                           template="(%s, %s, %s, %s::spoly)")  # fmt: skip
            number += len(rows)
        cursor.execute(INDEXES)
    return number


def ways(
    person: Any, peer: Any, places: list[tuple[float, float]]
) -> dict[str, Callable[[], Any]]:
    """Return the ways of asking which frames cover the next place."""
    from awe.model.raw import RawScienceFrame

    turn = iter(range(10**9))

    def place() -> tuple[float, float]:
        return places[next(turn) % len(places)]

    def by_hand() -> int:
        text, values = RawScienceFrame.covers(*place())._statement()
        with person.cursor() as cursor:
            cursor.execute(text, values)
            return len(cursor.fetchall())

    def extension(text: str) -> Callable[[], int]:
        def ask() -> int:
            ra, dec = place()
            with peer.cursor() as cursor:
                cursor.execute(text, {"ra": ra, "dec": dec})
                return len(cursor.fetchall())

        return ask

    found: dict[str, Callable[[], Any]] = {
        "awe": lambda: len(list(RawScienceFrame.covers(*place()))),
        "hand": by_hand,
    }
    if peer is not None:
        found["q3c"] = extension(
            "SELECT * FROM chips WHERE q3c_radial_query(ra, decl, %(ra)s, %(dec)s, 0.14) "
            "AND q3c_poly_query(%(ra)s::float8, %(dec)s::float8, poly)"
        )
        found["pgsphere"] = extension(
            "SELECT * FROM chips WHERE outline ~ spoint(radians(%(ra)s), radians(%(dec)s))"
        )
    return found


def main() -> int:
    """Fill, copy, measure, print the table, and return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--calibrations", type=int, default=1920)
    parser.add_argument("--peer", help="connection string of a server with q3c and pgsphere")
    parser.add_argument("--repeats", type=int, default=51)
    options = parser.parse_args()
    import psycopg2

    with opened(options.keep) as filled:
        name = filled.database(options.frames, options.calibrations)
        filled.connect(name)
        with closing(filled.person(name)) as person, closing(filled.superuser(name)) as owner:
            peer = None
            if options.peer:
                peer = psycopg2.connect(options.peer)
                peer.autocommit = True
                print(f"  {copy(owner, peer)} outlines copied")
            with owner.cursor() as cursor:
                cursor.execute("SELECT _corners FROM awe.raw_science_frame LIMIT 3000")
                middles = corners(cursor.fetchall())
            chosen = random.Random(3).sample(middles, 200)
            times = alternate(ways(person, peer, [m[:2] for m in chosen]), repeats=options.repeats)
            print(f"\n{options.frames} raw frames, {load()}")
            print(table(("way", "time"), [(way, str(t)) for way, t in times.items()]))
    ratio = times["awe"].wall / times["hand"].wall
    print(f"  awe / by hand: {ratio:.2f}")
    return int(times["awe"].wall > LIMIT or ratio > RATIO_LIMIT)


if __name__ == "__main__":
    sys.exit(main())

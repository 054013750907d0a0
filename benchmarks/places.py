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
import io
import random
import sys
from collections.abc import Callable, Sequence
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
INDEXES = {
    "q3c": "CREATE INDEX ON chips (q3c_ang2ipix(ra, decl))",
    "pgsphere": "CREATE INDEX ON chips USING gist (outline)",
}
ASKED = {
    "q3c": "SELECT * FROM chips WHERE q3c_radial_query(ra, decl, %(ra)s, %(dec)s, 0.14) "
           "AND q3c_poly_query(%(ra)s::float8, %(dec)s::float8, poly)",
    "pgsphere": "SELECT * FROM chips WHERE outline ~ spoint(radians(%(ra)s), radians(%(dec)s))",
}  # fmt: skip


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


def copy(source: Any, target: Any, extensions: Sequence[str]) -> int:
    """Copy the corners of all frames to the peer's server; return how many."""
    number = 0
    with (
        target.cursor() as cursor, source.cursor("outlines", withhold=True) as reader
    ):  # fmt: skip
        cursor.execute(PEER)
        reader.itersize = 20_000
        reader.execute("SELECT _corners FROM awe.raw_science_frame WHERE _cell IS NOT NULL")
        while rows := reader.fetchmany(20_000):
            lines = "".join(
                f"{ra!r}\t{dec!r}\t{{{','.join(map(repr, flat))}}}\t{text}\n"
                for ra, dec, flat, text in corners(rows)
            )
            cursor.copy_expert("COPY chips FROM STDIN", io.StringIO(lines))
            number += len(rows)
        for extension in extensions:
            cursor.execute(INDEXES[extension])
        cursor.execute("ANALYZE chips")
    return number


def ways(
    person: Any, peer: Any, extensions: Sequence[str], places: list[tuple[float, float]]
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
        found |= {name: extension(ASKED[name]) for name in extensions}
    return found


def main() -> int:
    """Fill, copy, measure, print the table, and return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--calibrations", type=int, default=1920)
    parser.add_argument("--peer", help="connection string of a server with q3c and pgsphere")
    parser.add_argument("--extensions", nargs="+", choices=ASKED, default=list(ASKED))
    parser.add_argument("--repeats", type=int, default=51)
    options = parser.parse_args()
    import psycopg2

    from awe.model.raw import RawScienceFrame

    with opened(options.keep) as filled:
        name = filled.database(options.frames, options.calibrations)
        filled.connect(name)
        with closing(filled.person(name)) as person, closing(filled.superuser(name)) as owner:
            peer = None
            if options.peer:
                peer = psycopg2.connect(options.peer)
                peer.autocommit = True
                print(f"  {copy(owner, peer, options.extensions)} outlines copied")
            with owner.cursor() as cursor:
                cursor.execute(
                    "SELECT _corners FROM awe.raw_science_frame TABLESAMPLE SYSTEM (%s)",
                    (min(100, 100 * 30_000 / options.frames),),
                )
                middles = corners(cursor.fetchall())
            chosen = [middle[:2] for middle in random.Random(3).sample(middles, 200)]
            asked = ways(person, peer, options.extensions, chosen)
            times = alternate(asked, repeats=options.repeats)
            covering = sorted(len(list(RawScienceFrame.covers(*place))) for place in chosen[:51])
            print(f"\n{options.frames} raw frames, {covering[25]} cover a place, {load()}")
            print(table(("way", "time"), [(way, str(t)) for way, t in times.items()]))
    ratio = times["awe"].wall / times["hand"].wall
    print(f"  awe / by hand: {ratio:.2f}")
    return int(times["awe"].wall > LIMIT or ratio > RATIO_LIMIT)


if __name__ == "__main__":
    sys.exit(main())

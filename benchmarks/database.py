"""Questions an observer asks, at a million and at ten million frames, beside plain psycopg2.

Both sides log in as the same ordinary user, under row-level security, and take turns. The peer's
statements are those a careful person writes by hand for the same rows and columns. Exits 1 where
a ratio or a time is above its limit.

    python -m benchmarks.database [--keep DIR] [--frames 1000000 10000000] [--repeats 5]
"""

from __future__ import annotations

import argparse
import datetime
import resource
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.alternating import Times, alternate, load, table
from benchmarks.filled import CHIPS, EXPOSURES, opened

CHIP = "ESO_CCD_#70"
CHAPTER_LIMIT = 2.0
GROWTH_LIMIT = 2.0
CHOICE_LIMIT = 20.0
INTERRUPT_LIMIT = 1.0
ROUNDS = 3

Ways = dict[str, Callable[[], Any]]


class Questions:
    """The questions, each as awe asks it and as a statement written by hand."""

    def __init__(self, connection: Any, frames: int) -> None:
        from awe.model.calibrations import BiasFrame, MasterFlatFrame
        from awe.model.raw import RawScienceFrame
        from awe.model.science import ReducedScienceFrame

        self.raw = RawScienceFrame
        self.reduced = ReducedScienceFrame
        self.bias = BiasFrame
        self.flat = MasterFlatFrame
        self.connection = connection
        self._turn = 0
        #: Time and area that hold as many frames as at a million.
        self.scale = 1_000_000 / frames
        templates = frames // (CHIPS * EXPOSURES)
        # Templates everybody sees: those whose number ends in 0, at level 3.
        self.templates = [
            self._start(k) for k in range(templates // 2 // 20 * 20, templates, 20)
        ][:40]

    def _start(self, number: int) -> datetime.datetime:
        return self.by_hand(
            "SELECT start FROM awe.template WHERE id = %s ORDER BY start LIMIT 1", f"T{number}"
        )[0][0]

    def start(self) -> datetime.datetime:
        """Return another template each time, so that nothing is warm by repetition."""
        self._turn += 1
        return self.templates[self._turn // 2 % len(self.templates)]

    def by_hand(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement over the plain connection."""
        with self.connection.cursor() as cursor:
            cursor.execute(text, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def chapter(self) -> Ways:
        """Ask the query of the tutorial's chapter: its number, then its frames."""
        tables = (
            "FROM awe.raw_science_frame r JOIN awe.instrument i ON i.object_id = r.instrument "
            "JOIN awe.template t ON t.object_id = r.template "
            "WHERE i.name = %s AND t.start = %s AND r.is_valid > 0"
        )

        def awe() -> int:
            query = (
                (self.raw.instrument.name == "OMEGACAM")
                & (self.raw.template.start == self.start())
                & (self.raw.is_valid > 0)
            )
            return len(query) + len(list(query))

        def hand() -> int:
            values = ("OMEGACAM", self.start())
            number = self.by_hand(f"SELECT count(*) {tables}", *values)[0][0]
            rows = self.by_hand(f"SELECT r.* {tables} ORDER BY r.date_obs, r.chip", *values)
            return int(number) + len(rows)

        return {"awe": awe, "hand": hand}

    def chapter_chip(self) -> Ways:
        """Ask the same, narrowed to one chip."""
        tables = (
            "FROM awe.raw_science_frame r JOIN awe.instrument i ON i.object_id = r.instrument "
            "JOIN awe.template t ON t.object_id = r.template "
            "JOIN awe.chip c ON c.object_id = r.chip "
            "WHERE i.name = %s AND t.start = %s AND r.is_valid > 0 AND c.name = %s"
        )

        def awe() -> int:
            query = (
                (self.raw.instrument.name == "OMEGACAM")
                & (self.raw.template.start == self.start())
                & (self.raw.is_valid > 0)
                & (self.raw.chip.name == CHIP)
            )
            return len(query) + len(list(query))

        def hand() -> int:
            values = ("OMEGACAM", self.start(), CHIP)
            number = self.by_hand(f"SELECT count(*) {tables}", *values)[0][0]
            rows = self.by_hand(f"SELECT r.* {tables} ORDER BY r.date_obs", *values)
            return int(number) + len(rows)

        return {"awe": awe, "hand": hand}

    def newest(self) -> Ways:
        """Ask for the newest frame of one chip."""
        text = (
            "SELECT r.* FROM awe.raw_science_frame r WHERE r.chip = "
            "(SELECT object_id FROM awe.chip WHERE name = %s) ORDER BY r.date_obs DESC LIMIT 1"
        )
        return {
            "awe": lambda: (self.raw.chip.name == CHIP).max("DATE_OBS"),
            "hand": lambda: self.by_hand(text, CHIP),
        }

    def chain(self) -> Ways:
        """Go five links: reduced frames of a night by the read noise behind their flat."""
        text = (
            "SELECT r.* FROM awe.reduced_science_frame r "
            "JOIN awe.master_flat_frame f ON f.object_id = r.flat "
            "JOIN awe.dome_flat_frame d ON d.object_id = f.dome "
            "JOIN awe.bias_frame b ON b.object_id = d.bias "
            "JOIN awe.read_noise n ON n.object_id = b.read_noise "
            "WHERE r.date_obs >= %s AND r.date_obs <= %s AND n.read_noise > %s ORDER BY r.date_obs"
        )
        span = datetime.timedelta(days=2 * self.scale)

        def awe() -> int:
            start = self.start()
            query = (
                self.reduced.DATE_OBS.between(start, start + span)
                & (self.reduced.flat.dome.bias.read_noise.read_noise > 2.2)
            )
            return len(list(query))

        def hand() -> int:
            start = self.start()
            return len(self.by_hand(text, start, start + span, 2.2))

        return {"awe": awe, "hand": hand}

    def three_links(self, number: int = 160) -> Ways:
        """Loop over frames and touch chip, filter and statistics of each."""
        text = (
            "SELECT r.*, c.*, f.*, s.* FROM awe.raw_science_frame r "
            "JOIN awe.template t ON t.object_id = r.template "
            "JOIN awe.chip c ON c.object_id = r.chip JOIN awe.filter f ON f.object_id = r.filter "
            "JOIN awe.imstat s ON s.object_id = r.imstat "
            "WHERE t.start = %s ORDER BY r.date_obs, c.name LIMIT %s"
        )

        def awe() -> float:
            query = (self.raw.template.start == self.start()).top(number)
            return sum(
                frame.imstat.median + len(frame.chip.name) + len(frame.filter.name)
                for frame in query
            )

        def hand() -> int:
            return len(self.by_hand(text, self.start(), number))

        return {"awe": awe, "hand": hand}

    def choice(self, cls: Any) -> Ways:
        """Choose the calibration that belongs to a frame, among a million."""
        from awe.rules import validity

        named = {"filter": "OCAM_r_SDSS"} if hasattr(cls, "filter") else {}
        name = {"BiasFrame": "bias_frame", "MasterFlatFrame": "master_flat_frame"}[cls.__name__]
        more = (
            "AND b.filter = (SELECT object_id FROM awe.filter WHERE name = 'OCAM_r_SDSS') "
            if named else ""
        )  # fmt: skip
        text = (
            f"SELECT b.* FROM awe.{name} b WHERE b.chip = (SELECT object_id FROM awe.chip "
            f"WHERE name = %s) {more} AND b.is_valid > 0 AND b.quality_flags = 0 "
            "AND b.timestamp_start <= %s AND b.timestamp_end > %s "
            "ORDER BY b.creation_date DESC LIMIT 1"
        )

        def awe() -> Any:
            return validity.choose(
                cls, instrument="OMEGACAM", chip=CHIP, date=self.start(), **named
            )

        def hand() -> Any:
            start = self.start()
            return self.by_hand(text, CHIP, start, start)

        return {"awe": awe, "hand": hand}

    def near(self) -> Ways:
        """Find frames near a place on the sky; by hand, in a band of declination."""
        radius = self.scale**0.5
        text = (
            "SELECT r.* FROM awe.raw_science_frame r JOIN awe.astrom a ON a.object_id = r.astrom "
            f"WHERE a.crval2 BETWEEN {-30 - radius} AND {-30 + radius} AND acosd(least(1, "
            "sind(a.crval2) * sind(-30) + cosd(a.crval2) * cosd(-30) * cosd(a.crval1 - 150))) "
            f"<= {radius} ORDER BY r.date_obs"
        )
        return {
            "awe": lambda: list(self.raw.near(150.0, -30.0, radius)),
            "hand": lambda: self.by_hand(text),
        }

    def everything(self) -> Ways:
        """Count all frames."""
        return {
            "awe": lambda: len(self.raw.select_all()),
            "hand": lambda: self.by_hand("SELECT count(*) FROM awe.raw_science_frame"),
        }


def measure(questions: Questions, repeats: int) -> dict[str, dict[str, Times]]:
    """Return the medians of every question."""
    asked: dict[str, Ways] = {
        "chapter's query, len and load": questions.chapter(),
        "the same for one chip": questions.chapter_chip(),
        "max('DATE_OBS') of a chip": questions.newest(),
        "five links": questions.chain(),
        "160 frames, 3 links each": questions.three_links(),
        "bias for a frame": questions.choice(questions.bias),
        "flat for a frame": questions.choice(questions.flat),
        "near a place": questions.near(),
    }
    found = {name: alternate(ways, repeats=repeats) for name, ways in asked.items()}
    found["count of all"] = alternate(questions.everything(), repeats=3)
    return found


def pooled(rounds: list[dict[str, dict[str, Times]]]) -> dict[str, dict[str, Times]]:
    """Return the medians of several rounds."""
    return {
        question: {
            way: Times(
                wall=statistics.median(one[question][way].wall for one in rounds),
                cpu=statistics.median(one[question][way].cpu for one in rounds),
            )
            for way in ways
        }
        for question, ways in rounds[0].items()
    }


def statements(questions: Questions) -> dict[int, int]:
    """Return how many statements a loop over so many frames sends."""
    from awe.db.server.connection import database

    counted = {}
    for number in (32, 160):
        before = database.statements
        questions.three_links(number)["awe"]()
        counted[number] = database.statements - before
    return counted


def interrupted(questions: Questions) -> tuple[float, float]:
    """Return seconds from Ctrl-C to the prompt, and of the next command."""
    sent: list[float] = []
    here = threading.get_ident()

    def send() -> None:
        time.sleep(0.2)
        sent.append(time.perf_counter())
        signal.pthread_kill(here, signal.SIGINT)

    threading.Thread(target=send, daemon=True).start()
    try:
        while True:
            len(questions.raw.filename.like("*nothing*"))
    except KeyboardInterrupt:
        back = time.perf_counter() - sent[0]
        start = time.perf_counter()
        len(questions.raw.chip.name == "no such chip")
        return back, time.perf_counter() - start


def memory(questions: Questions) -> list[tuple[str, ...]]:
    """Return by how many MiB the process grows while it asks about all frames."""
    from awe.errors import QueryError

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def loop() -> None:
        for number, _ in enumerate(questions.raw.select_all().stream()):
            if number == 20000:
                return

    def load_all() -> None:
        try:
            list(questions.raw.select_all())
        except QueryError as error:
            print(f"  list(everything): {error}")

    every = questions.raw.select_all()
    rows = []
    for name, action in {
        "len": lambda: len(every), "repr": lambda: repr(every), "first": lambda: every[0],
        "list, refused": load_all, "20,000 of stream()": loop,
    }.items():  # fmt: skip
        before, start = peak(), time.perf_counter()
        action()
        rows.append((name, f"{peak() - before:.1f} MiB", f"{time.perf_counter() - start:.2f} s"))
    return rows


def failures(found: dict[int, dict[str, dict[str, Times]]]) -> list[str]:
    """Return the targets that were missed."""
    missed = []
    for frames, answers in found.items():
        for name in ("chapter's query, len and load", "the same for one chip"):
            ratio = answers[name]["awe"].wall / answers[name]["hand"].wall
            if ratio > CHAPTER_LIMIT:
                missed.append(f"{name} at {frames}: {ratio:.2f} times the peer")
        for name in ("bias for a frame", "flat for a frame"):
            if answers[name]["awe"].wall > CHOICE_LIMIT:
                missed.append(f"{name} at {frames}: {answers[name]['awe'].wall:.1f} ms")
    small, large = min(found), max(found)
    for name in found[small]:
        growth = found[large][name]["awe"].wall / found[small][name]["awe"].wall
        if name != "count of all" and growth > GROWTH_LIMIT:
            missed.append(f"{name}: {growth:.2f} times as long at {large} as at {small}")
    return missed


def main() -> int:
    """Fill, measure, print the tables, and return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--frames", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--calibrations", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    found: dict[int, dict[str, dict[str, Times]]] = {}
    late: list[str] = []
    with opened(options.keep) as filled:
        names = {n: filled.database(n, options.calibrations) for n in options.frames}
        # The sizes take turns too, so that the load of the machine is the same for all.
        rounds: dict[int, list[dict[str, dict[str, Times]]]] = {n: [] for n in names}
        for _ in range(ROUNDS):
            for frames, name in names.items():
                filled.connect(name)
                with closing(filled.person(name)) as connection:
                    rounds[frames].append(measure(Questions(connection, frames), options.repeats))
        for frames, name in names.items():
            found[frames] = pooled(rounds[frames])
            filled.connect(name)
            with closing(filled.person(name)) as connection:
                questions = Questions(connection, frames)
                rows = [
                    (question, *map(str, t.values()), f"{t['awe'].wall / t['hand'].wall:.2f}")
                    for question, t in found[frames].items()
                ]
                print(f"\n{frames} raw frames, {load()}")
                print(table(("question", "awe", "psycopg2 by hand", "ratio"), rows))
                print(f"  statements of the loop over 32 and 160 frames: {statements(questions)}")
                print(table(("all frames", "growth", "time"), memory(questions)))
                back, after = interrupted(questions)
                print(f"  Ctrl-C in a long query: {back:.3f} s, next command {after:.3f} s")
                late += [f"Ctrl-C took {back:.2f} s"] if back > INTERRUPT_LIMIT else []
    missed = failures(found) + late
    for line in missed:
        print(f"missed: {line}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())

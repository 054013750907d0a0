"""A course at work: many students go through the whole chapter at once, on one machine.

    AWE_HOME=... python -m benchmarks.course --students 30

The installation in AWE_HOME needs the tutorial night and no course yet. Real `awe` processes, one
AWE_HOME with one Environment.cfg each, share its services. Prints how long each step took (p50,
p95, largest), what it cost in memory and connections, and exits with 1 where anybody failed, saw
something of somebody else's, was served out of turn, or could not be reset to nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from awe.config import home_directory
from awe.services import courses
from awe.services.installation import Installation
from awe.services.logins import superuser

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
COURSE = "TUTORIAL2015"
#: Things of each neighbour that everybody tries to reach.
TRIED = 3
#: Finished jobs of other students that may be ahead of one's first: what starts together.
TURNS = (
    "SELECT u.role_name, j.submitted, j.started, j.ended, j.state::text FROM awe.job j"
    " JOIN awe.users u ON u.id = j.user_id WHERE u.role_name = ANY (%s) ORDER BY j.started"
)


@dataclass
class Student:
    """One scripted student: where it works, and how it went."""

    login: str
    home: Path
    folder: Path
    seconds: float = 0.0
    code: int = -1
    memory: int = 0
    report: dict[str, Any] = field(default_factory=dict)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start an awe process of this student."""
        self.folder.mkdir(exist_ok=True)
        hidden = ("DISPLAY", "WAYLAND_DISPLAY", "AWE_HOME")
        kept = {key: value for key, value in os.environ.items() if key not in hidden}
        with (self.folder / "said.txt").open("ab") as said:
            return subprocess.Popen(
                [BIN / "awe", *arguments],
                env={**kept, "AWE_HOME": str(self.home)},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    @property
    def said(self) -> str:
        """The last lines of what the processes printed."""
        return "\n".join((self.folder / "said.txt").read_text().splitlines()[-6:])

    def work(self, *arguments: str) -> None:
        """Run an awe process to its end and note what it took."""
        begin = time.perf_counter()
        process = self.start(*arguments)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = self.code = os.waitstatus_to_exitcode(status)
        self.seconds = time.perf_counter() - begin
        self.memory = usage.ru_maxrss * 1024


@dataclass
class Peaks:
    """Largest values seen while the students worked."""

    memory: int = 0
    connections: int = 0
    load: float = 0.0


def main() -> int:
    """Run the course, print the table, and return 1 where something is not as it must be."""
    options = _options()
    home = home_directory()
    with tempfile.TemporaryDirectory(prefix="awe-course-") as scratch:
        place = Path(scratch)
        students = enroll(home, place, options.students)
        try:
            troubles = run(home, students, options.chip, options.quiet)
            troubles += tidy(home)
        finally:
            admin("course", "remove", COURSE, "--yes")
    for line in troubles:
        print(f"TROUBLE: {line}")
    print("no trouble" if not troubles else f"{len(troubles)} troubles")
    return 1 if troubles else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--chip", default="ESO_CCD_#65")
    parser.add_argument("--quiet", action="store_true", help="only troubles")
    return parser.parse_args()


def admin(*arguments: str) -> str:
    """Run awe-admin as the teacher, and return what it printed."""
    done = subprocess.run(
        [BIN / "awe-admin", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        msg = f"awe-admin {' '.join(arguments)}: {done.stderr or done.stdout}"
        raise SystemExit(msg)
    return done.stdout


def enroll(home: Path, place: Path, count: int) -> list[Student]:
    """Make a course of `count` students below `place`."""
    prefix = f"s{os.urandom(3).hex()}_"
    folder = place / "course"
    admin(
        "course",
        "create",
        COURSE,
        "--students",
        str(count),
        "--prefix",
        prefix,
        "--directory",
        str(folder),
    )
    logins = courses.find(home, COURSE).students
    return [Student(login, folder / login, place / login) for login in logins]


def run(home: Path, students: list[Student], chip: str, quiet: bool = False) -> list[str]:
    """Let everybody work at once, then look at each other; return what went wrong."""
    peaks, stop = Peaks(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(home, peaks, stop))
    watcher.start()
    begin = time.perf_counter()
    try:
        _together(students, lambda s: [str(HERE / "student.py"), str(s.folder / "report"), chip])
    finally:
        stop.set()
        watcher.join()
    elapsed = time.perf_counter() - begin
    failed = [s for s in students if s.code]
    troubles = [f"{s.login} ended with {s.code}: {s.said}" for s in failed]
    fine = [s for s in students if not s.code]
    for student in fine:
        student.report = json.loads((student.folder / "report").read_text())
    if not quiet and fine:
        _table(fine, elapsed, peaks)
    troubles += _out_of_turn(home, students, quiet)
    return troubles + _look_around(fine, quiet)


def _together(students: list[Student], arguments: Any) -> None:
    threads = [threading.Thread(target=s.work, args=arguments(s)) for s in students]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _watch(home: Path, peaks: Peaks, stop: threading.Event) -> None:
    import psutil

    with closing(superuser(Installation(home))) as connection:
        connection.autocommit = True
        while not stop.wait(1.0):
            held = 0
            for process in psutil.process_iter(["name", "cmdline"]):
                if any("student.py" in word for word in process.info["cmdline"] or ()):
                    try:
                        held += process.memory_full_info().pss
                    except psutil.Error:
                        continue
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE usename IS NOT NULL")
                connections = cursor.fetchone()[0]
            peaks.memory = max(peaks.memory, held)
            peaks.connections = max(peaks.connections, connections)
            peaks.load = max(peaks.load, os.getloadavg()[0])


def _table(students: list[Student], elapsed: float, peaks: Peaks) -> None:
    print(f"{len(students)} students, {elapsed:.0f} s from the first start to the last end")
    print(f"{'step':14} {'p50 [s]':>9} {'p95 [s]':>9} {'max [s]':>9}")
    for name in students[0].report["steps"]:
        _row(name, [s.report["steps"][name] for s in students])
    _row("start, end", [s.seconds - sum(s.report["steps"].values()) for s in students])
    _row("whole", [s.seconds for s in students])
    one = max(s.memory for s in students) / 2**20
    print(f"memory: {one:.0f} MB the largest prompt, {peaks.memory / 2**30:.1f} GB all together")
    print(f"connections: {peaks.connections} at most; load {peaks.load:.0f} at most")


def _row(name: str, values: list[float]) -> None:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    print(f"{name:14} {statistics.median(ordered):9.2f} {p95:9.2f} {ordered[-1]:9.2f}")


def _out_of_turn(home: Path, students: list[Student], quiet: bool) -> list[str]:
    """Return whose second job started while somebody's first was waiting."""
    with closing(superuser(Installation(home))) as connection, connection.cursor() as cursor:
        cursor.execute(TURNS, ([s.login for s in students],))
        jobs = cursor.fetchall()
    troubles = [f"a job of {who} is {state}" for who, *_, state in jobs if state != "done"]
    first: dict[str, tuple[Any, Any]] = {}
    later = []
    for who, submitted, started, _, _ in jobs:
        if started is None:
            continue
        if who in first:
            later.append((who, started))
        else:
            first[who] = (submitted, started)
    for who, started in later:
        for other, (submitted, served) in first.items():
            if submitted < started < served:
                troubles.append(f"{who} had a second job started before the first of {other}")
    waits = [(started - submitted).total_seconds() for submitted, started in first.values()]
    if waits and not quiet:
        _row("first job waits", waits)
        print(f"{len(jobs)} jobs done in turn")
    return troubles


def _look_around(students: list[Student], quiet: bool) -> list[str]:
    """Let everybody ask for what everybody else has."""
    for student in students:
        others = [s.report for s in students if s is not student]
        things = {
            key: [item for other in others for item in other[key][:TRIED]]
            for key in ("objects", "files", "names", "jobs")
        }
        (student.folder / "things").write_text(json.dumps(things))
    _together(students, lambda s: [str(HERE / "neighbour.py"), str(s.folder / "things")])
    tried = 0
    for student in students:
        if not student.code:
            tried += json.loads(student.said.splitlines()[-1])["tried"]
    if not quiet:
        print(f"{tried} looks at neighbours' objects, files and jobs")
    return [f"{s.login} found something: {s.said}" for s in students if s.code]


def tidy(home: Path) -> list[str]:
    """Reset everybody; return what is left, or what is gone that was not theirs."""
    before = _public(home)
    begin = time.perf_counter()
    admin("course", "reset", COURSE, "--yes")
    print(f"course reset: {time.perf_counter() - begin:.1f} s")
    listed = admin("course", "list", COURSE).splitlines()
    left = [line for line in listed if " 0 objects, 0 jobs, 0 in trash" not in line]
    if _public(home) != before:
        left.append(f"public objects: {before} before, {_public(home)} after")
    return left


def _public(home: Path) -> dict[str, int]:
    """Return the number of public objects and files."""
    counts = {}
    with closing(superuser(Installation(home))) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text FROM pg_class c"
            " JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = 'awe'::regnamespace AND c.relkind = 'r'"
            " AND a.attname = '_privileges'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {table} WHERE _privileges > 2")
            counts[table] = cursor.fetchone()[0]
    return counts


if __name__ == "__main__":
    sys.exit(main())

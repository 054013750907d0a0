"""Kills at every step between read and commit, and what is found afterwards."""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from awe.admin import fsck
from awe.dataserver.authorisation import Permits
from awe.dataserver.collector import collect
from awe.dataserver.store import Store
from tests.faults.bed import Bed, until
from tests.faults.watch import Held

__all__ = ["Matrix", "Row"]

#: of these several may come in one frame: that of the five files of its product
MANY = ("upload", "verify")
FILES = 5
#: seconds of a step that was not measured; seconds in which a runner follows a report, and those
#: in which a worker that has reported ends
SHORT = 0.1
FOLLOWING = 0.3
ENDING = 0.02
#: seconds in which a job comes to its step, and in which what was hit has to be mended
ARRIVAL = 90.0
MENDED = 150.0

#: every row with a file, as the triggers of all classes see it
WITH_FILES = """
SELECT string_agg(format('SELECT %L, t.object_id::text, t.filename, t.file::text, f.state, f.size'
  ' FROM %s t LEFT JOIN awe.file f ON f.id = t.file WHERE t.file IS NOT NULL', c.oid::regclass,
  c.oid::regclass), ' UNION ALL ')
  FROM pg_class c WHERE relnamespace = 'awe'::regnamespace AND relkind = 'r' AND relname <> 'file'
   AND 3 = (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT attisdropped
             AND attname IN ('object_id', 'file', 'filename'))
"""


@dataclass
class Row:
    """What became of the tries of one victim at one step."""

    tries: int = 0
    committed: int = 0
    again: int = 0
    orphans: int = 0
    within: int = 0

    def __add__(self, other: Row) -> Row:
        return Row(*(a + b for a, b in zip(self.values(), other.values(), strict=True)))

    def values(self) -> tuple[int, ...]:
        return self.tries, self.committed, self.again, self.orphans, self.within


@dataclass
class Try:
    """One frame on its way, and the moment at which somebody is killed."""

    number: int
    step: str
    turn: int
    job: int = 0
    prompt: subprocess.Popen[str] | None = None
    again: int = 0
    within: int = 0
    late: bool = False


@dataclass
class Matrix:
    """All tries of one bed."""

    bed: Bed
    frames: Sequence[tuple[str, str]]
    chance: random.Random
    rows: dict[tuple[str, str, str], Row] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    #: frames that came to their step later than a kill waits for
    late: list[str] = field(default_factory=list)
    spans: dict[str, float] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    # -- a batch ---------------------------------------------------------------------------------

    def batch(self, place: str, victim: str, steps: Sequence[str]) -> None:
        """Bring a frame to each of these steps, kill, wait until all is mended, and judge."""
        before = self._products()
        tries = [self._begin(place, victim, step) for step in steps]
        if victim != "nobody":
            held = self.bed.watch.gather([one.number for one in tries], ARRIVAL)
            for one in tries:
                one.late = one.number not in {other.tried for other in held}
            if victim in ("worker", "prompt"):
                self._kill_each(tries, held)
            else:
                self._kill_service(victim, tries, held)
        self._wait(place, tries)
        self._judge(place, victim, tries, before)

    def _begin(self, place: str, victim: str, step: str) -> Try:
        turn = self.chance.randint(1, FILES) if step in MANY else 1
        one = Try(next(self._numbers), "" if victim == "nobody" else step, turn)
        chip, name = self.chance.choice(self.frames)
        given = {"instrument": "OMEGACAM", "chip": chip, "raw_filenames": [name], "commit": True,
                 "tried": one.number, "step": one.step, "turn": turn}  # fmt: skip
        if place == "prompt":
            one.prompt = self._prompt(given)
            one.prompt.given = given  # type: ignore[attr-defined]
        else:
            one.job = self._submit(place, given)
        return one

    def _submit(self, place: str, given: dict[str, Any]) -> int:
        asked = json.dumps([{"recipe": "Marked", "args": given, "back_end": place}])
        ((job,),) = self.bed.db.rows(
            "student", "SELECT awe.job_submit(%s::uuid, 'Marked', '{}'::jsonb, 37, 1, %s::jsonb)",
            str(uuid.uuid4()), asked,
        )  # fmt: skip
        return int(job)

    def _prompt(self, given: dict[str, Any]) -> subprocess.Popen[str]:
        code = f"from awe import recipes; recipes.find('Marked')(skip=True, **{given!r}).execute()"
        keys = {f"AWE_{key.upper()}": value for key, value in self.bed.environment().items()}
        work = self.bed.folder / "work" / str(given["tried"])
        work.mkdir(parents=True, exist_ok=True)
        return subprocess.Popen(
            [sys.executable, "-m", "awe.prompt.command", "-c", code], cwd=work, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **keys, "AWE_HOME": str(self.bed.home)}, start_new_session=True,
        )  # fmt: skip

    # -- the kill --------------------------------------------------------------------------------

    def _moment(self, step: str, ending: float = FOLLOWING) -> float:
        """Return a moment within a step, in seconds from its beginning."""
        span = ending if step == "state" else self.spans.get(step, SHORT)
        return self.chance.uniform(0.0, span)

    def _note(self, tries: list[Try]) -> None:
        """Note which of the tries are still at their step."""
        for one in tries:
            with suppress(FileNotFoundError):
                at = (self.bed.home / f"at-{one.number}").read_text()
                one.within = int(at.strip() == one.step)

    def _kill_each(self, tries: list[Try], held: list[Held]) -> None:
        for one in held:
            moment = self._moment(one.step, ENDING)
            one.release()
            time.sleep(moment)
            with suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
            self._note([each for each in tries if each.number == one.tried])

    def _kill_service(self, victim: str, tries: list[Try], held: list[Held]) -> None:
        """Let everyone go so that the one kill meets each at a moment of its own."""
        moments = sorted(((self._moment(one.step), one) for one in held), key=lambda m: -m[0])
        left = moments[0][0] if moments else 0.0
        for moment, one in moments:
            time.sleep(max(0.0, left - moment))
            left = moment
            one.release()
        time.sleep(left)
        self.bed.kill(victim, next((one.backend for one in held if one.backend), 0))
        self._note(tries)
        time.sleep(self.chance.uniform(0.0, 0.5))
        self.bed.bring_back(victim)

    def _wait(self, place: str, tries: list[Try]) -> None:
        if place == "prompt":
            for one in tries:
                self._finish_prompt(one)
            return
        jobs = [one.job for one in tries]
        going = ("SELECT 1 FROM awe.job WHERE id = ANY (%s)"
                 " AND state::text IN ('queued', 'running')")  # fmt: skip
        until(lambda: not self.bed.ask(going, jobs), MENDED)

    def _finish_prompt(self, one: Try) -> None:
        """Type the call again until it ends well, as the user whose prompt was killed does."""
        assert one.prompt is not None
        given = one.prompt.given  # type: ignore[attr-defined]
        limit = time.monotonic() + MENDED
        while True:
            told, _ = one.prompt.communicate(timeout=MENDED)
            if one.prompt.returncode == 0:
                return
            if "Traceback" in told or time.monotonic() > limit:
                self.wrong.append(f"prompt: try {one.number}: {told[-2000:]}")
                return
            one.again += 1
            one.prompt = self._prompt(given)
            one.prompt.given = given  # type: ignore[attr-defined]

    # -- the verdict -----------------------------------------------------------------------------

    def _products(self) -> dict[str, str]:
        return dict(self.bed.ask("SELECT filename, file::text FROM awe.reduced_science_frame"))

    def _judge(
        self, place: str, victim: str, tries: list[Try], before: Collection[str]
    ) -> None:
        where = f"{place}, {victim} killed at {'/'.join(one.step for one in tries)}"
        new = self._products().keys() - before
        loose = self._loose()
        committed = 0
        for one in tries:
            kept = self._made(one) if one.job else self._said(one)
            committed += kept
            orphans = loose & set(self.bed.watch.reserved[one.number])
            if one.late:
                self.late.append(f"{place}, {victim} at {one.step}")
            row = Row(1, kept, one.again, len(orphans), one.within)
            key = (place, victim, one.step)
            self.rows[key] = self.rows.get(key, Row()) + row
        if len(new) != len(tries) or committed != len(tries):
            self.wrong.append(f"{where}: {len(new)} products, {committed} of {len(tries)} tries")
        said = {line for one in tries for line in self.bed.watch.said[one.number]}
        lost = [line for line in said if line.split()[1].rstrip(",") not in new]
        if lost:
            self.wrong.append(f"{where}: acknowledged and lost: {lost}")
        self.wrong += [f"{where}: {row}" for row in self._without_files()]
        if victim == "nobody":
            self._measure(tries)

    def _made(self, one: Try) -> int:
        """Return how many products the job has; note its attempts and what is wrong with it."""
        ((state, message, attempts),) = self.bed.ask(
            "SELECT state::text, message, (SELECT count(*) FROM awe.attempt a WHERE a.job = j.id)"
            " FROM awe.job j WHERE id = %s", one.job
        )  # fmt: skip
        one.again = attempts - 1
        if state != "done":
            log = self.bed.ask("SELECT line FROM awe.job_log WHERE job = %s ORDER BY attempt,"
                               " line_no", one.job)  # fmt: skip
            self.wrong.append(f"job {one.job} at {one.step} is {state}: {message}: {log[-6:]}")
        ((items,),) = self.bed.ask(
            "SELECT count(DISTINCT p.object_id) FROM awe.job_item i"
            " JOIN awe.reduced_science_frame p ON p.object_id = i.product"
            " WHERE i.job = %s AND i.ok", one.job
        )  # fmt: skip
        return int(items)

    def _said(self, one: Try) -> int:
        """Return 1 for a prompt whose last call ended well: its product is counted by its row."""
        return int(one.prompt is not None and one.prompt.returncode == 0)

    def _loose(self) -> set[str]:
        rows = self.bed.ask("SELECT id::text FROM awe.file WHERE state IN ('open', 'stored')")
        return {row[0] for row in rows}

    def _without_files(self) -> list[str]:
        ((statement,),) = self.bed.ask(WITH_FILES)
        store = self.bed.store
        return [
            f"row without its file: {row}"
            for row in self.bed.ask(statement)
            if row[4] != "linked" or not _has(store, row[3], row[5])
        ]

    def _measure(self, tries: list[Try]) -> None:
        """Take from undisturbed frames how long each step is."""
        known: dict[str, list[float]] = {}
        for one in tries:
            times = self.bed.watch.times.get(one.number, [])
            for (step, begin), (_, end) in pairwise(times):
                known.setdefault(step, []).append(end - begin)
        self.spans.update({step: statistics.median(some) for step, some in known.items()})

    # -- the end ---------------------------------------------------------------------------------

    def settle(self) -> None:
        """Compare disk and database, clear what is left over, and compare again."""
        told: list[str] = []
        if not until(lambda: not self.bed.processes(), 30.0):
            self.wrong.append(f"processes left: {self.bed.processes()}")
        logins = "SELECT rolname FROM pg_roles WHERE rolname ~ '^job_[0-9]'"
        until(lambda: not self.bed.ask(logins), 45.0)
        self.wrong += [f"a login is left: {row}" for row in self.bed.ask(logins)]
        loose, parts = self._loose(), list(self.bed.store.incoming.iterdir())
        findings = self._fsck(told)
        if findings:
            self.wrong.append(f"fsck: {findings} findings: {told[-20:]}")
        unseen = [one for one in [*loose, *(p.name for p in parts)] if one not in "\n".join(told)]
        if unseen:
            self.wrong.append(f"fsck did not tell of {unseen}")
        permits = Permits(_dataserver_login(self.bed))
        collect(self.bed.store, permits, grace=0.0)
        permits.close()
        if self._loose() or list(self.bed.store.incoming.iterdir()) or self._fsck([]):
            self.wrong.append("something is left after the collector")
        on_disk = {str(one) for one in self.bed.store.ids()}
        known = {row[0] for row in self.bed.ask("SELECT id::text FROM awe.file")}
        if on_disk != known:
            self.wrong.append(f"disk and database differ: {on_disk ^ known}")

    def _fsck(self, told: list[str]) -> int:
        return fsck.compare(self.bed.db.superuser(), self.bed.store, say=told.append)


def _has(store: Store, file: str, size: int) -> bool:
    path: Path = store.path(uuid.UUID(file))
    return path.exists() and path.stat().st_size == size


def _dataserver_login(bed: Bed) -> dict[str, Any]:
    db = bed.db
    return {"host": str(db.cluster.socket), "port": 5432, "dbname": db.name,
            "user": "awe_dataserver", "password": db.password("awe_dataserver")}  # fmt: skip

"""The part of awe-server that makes jobs happen: claims, starts, watches, kills, records.

It holds no state that matters: the queue is in the database, the processes are found again by
their directories, so a runner that was killed is replaced by starting another. It sees no user's
password and acts for nobody: a worker's login is minted for the attempt and dropped with it.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from awe.config import Environment
from awe.db.server.address import connection_arguments
from awe.dpu import options
from awe.dpu.planning import BACK_ENDS
from awe.dpu.runner.attempt_files import Folder, forget_old
from awe.dpu.runner.attempts import Running
from awe.dpu.runner.backends import BackEnd, Limits
from awe.dpu.runner.queue import Claim, Later, Queue
from awe.errors import AweError, DatabaseError, ServiceDown
from awe.lazy import resolve

__all__ = ["Runner"]

logger = logging.getLogger(__name__)

LEASE = 30.0
#: bytes a job may hold that names no limit, where the configuration says nothing
MEMORY = 4 << 30
DAYS_KEPT = 7.0
#: most attempts placed between two looks at those that run: a batch engine takes its time
BURST = 16
#: Most seconds of a job, where the configuration says nothing: long work, but not for ever.
LONGEST = 12 * 3600


class Runner:
    """Runs the jobs of one machine.

    Parameters
    ----------
    environment : Environment
        Configuration with the database, the dataserver, the home directory and the number of
        workers.
    secrets : mapping
        Passwords, with that of `awe_runner`.
    lease : float
        Time without a sign of life after which a job counts as abandoned [s].
    memory : int, optional
        Memory limit of a job that names none [byte]; that of the configuration when left out.
    """

    def __init__(
        self,
        environment: Environment,
        secrets: Mapping[str, str],
        *,
        lease: float = LEASE,
        memory: int | None = None,
    ) -> None:
        self._environment = environment
        self._root = Path(environment.home) / "dpu"
        self._workers = _workers(environment)
        self._memory = memory or options.configured(environment.dpu_memory, MEMORY)
        # of this machine: more than that it cannot give
        whole = int(0.75 * psutil.virtual_memory().total)
        most = options.configured(environment.dpu_most_memory, whole)
        self._most_memory = max(self._memory, most)
        self._longest = int(environment.dpu_time or LONGEST)
        self._later: dict[str, float] = {}
        self._pause = min(0.25, lease / 4)
        self._beat_every = min(1.0, lease / 4)
        parameters = connection_parameters(environment, "awe_runner", secrets["awe_runner"])
        self._queue = Queue(parameters, socket.gethostname(), lease)
        self._places: dict[str, BackEnd] = {
            name: resolve(place).of(environment, self._workers)
            for name, place in BACK_ENDS.items()
        }
        self._running: list[Running] = []
        self._next_beat = 0.0
        self._next_tidy = 0.0
        self._next_word = 0.0
        self._recovered = False
        self._next_recovery = 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; then end the workers and queue their jobs again."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        while not stop.is_set():
            try:
                self.step()
                self._next_word = 0.0
            except DatabaseError as error:
                self._say_again(error)
                stop.wait(1.0)
            except Exception:
                logger.exception("an error in the runner; it goes on")
                stop.wait(1.0)
        self._close()

    def _say_again(self, error: DatabaseError) -> None:
        """Log that the database does not answer, at once and then every ten minutes."""
        if time.monotonic() >= self._next_word:
            self._next_word = time.monotonic() + 600.0
            logger.warning("%s; trying again every second", error)

    def step(self) -> None:
        """Do everything that is due, then wait for the next event for a moment."""
        now = time.monotonic()
        if not self._recovered and now >= self._next_recovery:
            self._next_recovery = now + 5 * self._beat_every
            self._recover()
        if now >= self._next_tidy:
            self._queue.tidy()
            self._queue.sweep()
            self._next_tidy = now + 15 * self._beat_every
        self._look(now)
        self._fill()
        busy = bool(self._running)
        if self._queue.wait(self._pause if busy else 4 * self._pause):
            self._queue.tidy()
            self._next_beat = 0.0

    def _look(self, now: float) -> None:
        beat = now >= self._next_beat
        if beat:
            self._next_beat = now + self._beat_every
        for running in list(self._running):
            if now < self._later.get(running.name, 0.0):
                continue
            try:
                if beat:
                    running.look()
                running.listen()
                if running.finished():
                    self._leave(running)
            except Later as error:
                logger.warning("job %d: %s", running.job, error)
                self._later[running.name] = now + self._beat_every
            except DatabaseError:
                raise
            except Exception:
                logger.exception("job %d: an error in the runner; the others go on", running.job)
                self._later[running.name] = now + self._beat_every
                self._stumble(running)

    def _stumble(self, running: Running) -> None:
        """Give an attempt up that cannot be followed; not even that stops the others."""
        try:
            if running.stumble():
                self._leave(running)
        except DatabaseError:
            raise
        except Exception:
            logger.exception("job %d: it cannot be given up yet", running.job)

    def _leave(self, running: Running) -> None:
        """Forget an attempt that is over, and let its job's followers know."""
        self._running.remove(running)
        self._later.pop(running.name, None)
        self._queue.tidy()

    def _fill(self) -> None:
        # what takes long to place must not cost the others their leases
        until = time.monotonic() + self._beat_every
        for _ in range(BURST):
            if time.monotonic() > until:
                break
            room = [name for name, place in self._places.items()
                    if self._held(name) < place.most and place.ready()]  # fmt: skip
            claim = self._queue.claim(room) if room else None
            if claim is None:
                break
            self._start(claim)
        if self._held("local") == self._workers:
            guest = self._queue.claim(["local"], guest=True)
            if guest is not None:
                self._start(guest)

    def _held(self, name: str) -> int:
        """Return how many attempts are at a place."""
        return sum(running.place == name for running in self._running)

    def _start(self, claim: Claim) -> None:
        folder = Folder(self._root, claim.job, claim.attempt)
        try:
            folder.make()
            password = secrets.token_urlsafe(32)
            login = self._queue.login(claim.job, claim.attempt, password)
            description = self._describe(claim, login, password)
            limits = self._limits(claim.seconds, claim.memory)
            held = [(claim.job, claim.attempt), *((one.job, one.attempt) for one in self._running)]
            worker = self._places[claim.back_end].start(
                folder, description, limits, partial(self._hold, held)
            )
        except (OSError, AweError) as error:
            logger.exception("job %d attempt %d was not started", claim.job, claim.attempt)
            self._queue.died(claim.job, claim.attempt, None, f"could not be started: {error}")
            self._queue.logout(claim.job, claim.attempt)
            folder.remove()
            return
        # Watched before it is recorded: the database may go away in between. A runner killed here
        # leaves an attempt without a number; the next one counts it as dead and drops its login,
        # so that what still lives can store nothing.
        self._watch(claim.job, claim.attempt, worker, folder, limits, claim.back_end)
        self._queue.placed(claim.job, claim.attempt, worker.number)
        logger.info("job %d attempt %d runs as %d", claim.job, claim.attempt, worker.number)

    def _hold(self, held: list[tuple[int, int]]) -> None:
        """Renew the leases of attempts while a place takes its time."""
        with suppress(DatabaseError):  # then it is the next second's
            for job, attempt in held:
                self._queue.beat(job, attempt)

    def _watch(
        self, job: int, attempt: int, worker: Any, folder: Folder, limits: Limits, place: str
    ) -> None:
        self._running.append(Running(job, attempt, worker, folder, self._queue, limits, place))

    def _limits(self, seconds: int | None, memory: int | None) -> Limits:
        """Return what a job may take, by its own limits and those of the installation."""
        given = min(memory or self._memory, self._most_memory)
        return Limits(
            seconds=min(seconds or self._longest, self._longest), memory=given,
            asked=memory is not None, most=given == self._most_memory,
        )  # fmt: skip

    def _describe(self, claim: Claim, login: str, password: str) -> bytes:
        env = self._environment
        keys = ("database_name", "data_server", "data_port", "data_protocol", "data_mirror",
                "query_limit")
        values = {key: env[key] for key in keys}
        values.update(_dataserver(env))
        values.update(database_user=login, database_password=password)
        return json.dumps(
            {
                "job": claim.job,
                "attempt": claim.attempt,
                "role": claim.role,
                "recipe": claim.recipe,
                "args": claim.args,
                "project": claim.project,
                "privileges": claim.privileges,
                "environment": values,
                "processors": self._places[claim.back_end].processors,
            }
        ).encode()

    def _recover(self) -> None:
        """Take over the workers of a former runner; record those that are gone.

        Those of a place that does not answer are looked for again, and keep nobody waiting.
        """
        unknown = False
        known = {running.name for running in self._running}
        # The only step that can fail for want of the database: then nothing was taken over yet.
        for job, attempt, number, seconds, back_end, memory in self._queue.left():
            folder = Folder(self._root, job, attempt)
            if folder.path.name in known:
                continue
            if not folder.path.is_dir():
                # of another home on a machine of this name, or gone with its home: if nobody
                # follows it its lease ends, and it is queued again
                continue
            place = self._places.get(back_end)
            try:
                worker = place.adopt(number, folder) if place else None
            except ServiceDown as error:
                logger.warning("job %d attempt %d: %s; looked for again", job, attempt, error)
                unknown = True
                continue
            if worker is None:
                worker = _Gone(number or 0)
            limits = self._limits(seconds, memory)
            self._watch(job, attempt, worker, folder, limits, back_end)
        if not unknown:
            forget_old(self._root, DAYS_KEPT, {running.name for running in self._running})
            self._recovered = True

    def _close(self) -> None:
        for running in self._running:
            # All are asked before any is waited for: they share the five seconds.
            running.stop("the service was stopped", counts=False)
        limit = time.monotonic() + 5.0
        while self._running and time.monotonic() < limit:
            try:
                self._running = [r for r in self._running if not r.finished()]
            except DatabaseError as error:
                logger.warning("%s; the next runner will record the rest", error)
                break
            time.sleep(0.05)
        for place in self._places.values():
            place.close()
        self._queue.close()


class _Gone:
    """A worker of a former runner that does not live any more; its report tells how it ended."""

    def __init__(self, number: int) -> None:
        self.number = number

    def poll(self) -> int | None:
        return 0

    def signal(self, number: int) -> None:
        return

    def alive(self) -> bool:
        return False

    def waiting(self) -> bool:
        return False

    def memory(self) -> int:
        return 0

    def said(self) -> str:
        return ""

    def short(self) -> bool:
        return False

    def stuck(self) -> str:
        return ""


def connection_parameters(environment: Environment, user: str, password: str) -> dict[str, Any]:
    """Return the keyword arguments of `psycopg2.connect` for a service's login."""
    return {
        **connection_arguments(environment.database_name, user, password),
        "connect_timeout": 10,
        "application_name": "awe-runner",
    }


def _dataserver(environment: Environment) -> dict[str, str]:
    """Return where the embedded dataserver listens now: its port changes with every start."""
    if environment.origin.get("data_port", "default") not in ("default", "embedded services"):
        return {}
    try:
        text = (Path(environment.home) / "services" / "endpoints.json").read_text()
        known = json.loads(text)
    except (OSError, ValueError):
        return {}
    keys = ("data_server", "data_port", "data_protocol")
    return {key: str(known[key]) for key in keys if key in known}


def _workers(environment: Environment) -> int:
    given = environment.dpu_workers
    return max(1, int(given)) if given else max(1, os.cpu_count() or 1)

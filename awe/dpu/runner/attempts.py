"""One running attempt as the runner sees it: its log, its lease, its limits and its end.

Owns the rule that nothing is called cancelled, failed or dead while a process of it lives: the
group gets TERM, then KILL, and only its verified absence is recorded.
"""

from __future__ import annotations

import logging
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from awe.dpu.options import size_text
from awe.dpu.runner.attempt_files import Folder
from awe.dpu.runner.backends import Limits, Worker
from awe.dpu.runner.queue import Queue
from awe.terminal import harmless

__all__ = ["Running"]

logger = logging.getLogger(__name__)

PATIENCE = 0.4
LINES_KEPT = 100_000
LAST_KEPT = 1000
LONGEST_NOTE = 2000
#: errors of the runner over one attempt before it gives that up
MOST_STUMBLES = 3
#: seconds for which a place gives the same reason not to start an attempt until that is told
STEADY = 5.0
#: part of its limit from which on an attempt that was killed had run out of memory
NEARLY = 0.9
CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT,
           signal.SIGSYS, signal.SIGTRAP)  # fmt: skip


class Running:
    """An attempt that was placed or adopted.

    Parameters
    ----------
    job, attempt : int
        Numbers of the job and of its attempt.
    worker : Worker
        The process that was started.
    folder : Folder
        Directory of the attempt.
    queue : Queue
        Queue that records the attempt.
    limits : Limits
        What it may take.
    place : str
        Name of the back end it is at.
    """

    def __init__(
        self,
        job: int,
        attempt: int,
        worker: Worker,
        folder: Folder,
        queue: Queue,
        limits: Limits,
        place: str = "local",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.job = job
        self.attempt = attempt
        self.worker = worker
        self.place = place
        self._folder = folder
        self._queue = queue
        self._clock = clock
        # From here, also for an attempt that was adopted: its limit begins anew with its runner.
        self._until = clock() + limits.seconds
        self._limits = limits
        self._held = 0
        self._short = False
        self._stuck = self._told = ""
        self._since = 0.0
        self._stopping: float | None = None
        self._why = ""
        self._cancelled = False
        self._counts = True
        self._final = False
        self._end: dict[str, Any] | None = None
        self._over = 0
        self._stumbles = 0
        self._last: deque[str] = deque(maxlen=LAST_KEPT)

    @property
    def name(self) -> str:
        """Name of the attempt's directory."""
        return self._folder.path.name

    def look(self) -> None:
        """Renew the lease; notice a cancellation, a lost lease and limits passed."""
        answer = self._queue.beat(self.job, self.attempt)
        if self.worker.waiting():
            self._until = self._clock() + self._limits.seconds
            self._tell_if_stuck()
        self._held = max(self._held, held := self.worker.memory())
        if answer == "cancel":
            self._cancelled = True
            self.stop("cancelled")
        elif answer is None:
            self.stop("another attempt holds the job")
        elif self._clock() > self._until:
            self.stop(f"killed: the time limit of {self._limits.seconds} s is over", final=True)
        elif held > self._limits.memory:
            self._short = self._short or self._stopping is None
            self.stop(f"killed: over the memory limit of {self._more_memory()}", final=True)
        elif self.worker.poll() is None and (why := self._folder.wrong()):
            self.stop(f"killed: {why}", final=True)

    def _more_memory(self) -> str:
        """Return the memory limit, and how the job gets more."""
        limit = size_text(self._limits.memory)
        if self._limits.most:
            return f"{limit}, the most a job may have here (dpu_most_memory)"
        return f"{limit}; dpu.retry_job({self.job}) gives it more"

    def _tell_if_stuck(self) -> None:
        """Say in the log, once, why the place does not start the attempt and will not either."""
        why = self.worker.stuck()
        if why != self._stuck:
            # a reason may be one of a moment
            self._stuck, self._since = why, self._clock()
        elif why and why != self._told and self._clock() - self._since > STEADY:
            self._told = why
            self._folder.note(why)

    def stop(self, why: str, *, counts: bool = True, final: bool = False) -> None:
        """Ask the process group to end; `finished` kills it when it does not.

        A `final` stop fails the job; another one queues it again, and only where it `counts` does
        it use up one of the attempts allowed.
        """
        if self._stopping is None:
            self._why = why
            self._counts = counts
            self._final = final
            self._stopping = self._clock()
            self.worker.signal(signal.SIGTERM)

    def listen(self, last: bool = False) -> None:
        """Carry new lines of the log and reports of the worker to the queue."""
        for first, lines in self._folder.rest() if last else [self._folder.new_lines()]:
            self._carry(first, lines)
        if last:
            self._carry_end()
        for report in self._folder.new_reports():
            total = report.get("total")
            if isinstance(total, int) and 0 <= total < 2**31:
                self._queue.total(self.job, self.attempt, total)
            if report.get("end") in ("done", "failed", "died"):
                self._end = report

    def _carry(self, first: int, lines: list[str]) -> None:
        """Hand lines on; of those after the first `LINES_KEPT` only the last stay, for the end."""
        kept = lines[: max(0, LINES_KEPT + 1 - first)]
        if kept:
            self._queue.say(self.job, self.attempt, first, kept)
        if len(kept) < len(lines) and not self._over:
            self._over = 1
            text = (
                f"... more than {LINES_KEPT} lines: what follows is left out here but for the "
                f"last {LAST_KEPT}, which come when the job is over"
            )
            self._queue.say(self.job, self.attempt, LINES_KEPT + 1, [text])
        self._over += len(lines) - len(kept)
        self._last.extend(lines[len(kept) :])

    def _carry_end(self) -> None:
        """Hand on the last lines of a log that was too long, after how many are left out."""
        if self._last:
            left_out = self._over - 1 - len(self._last)
            note = f"... {left_out} lines are left out here ..."
            self._queue.say(self.job, self.attempt, LINES_KEPT + 2, [note, *self._last])
            self._last.clear()

    def finished(self) -> bool:
        """Return True if the attempt is over and recorded."""
        status = self.worker.poll()
        if status is None:
            if self._stopping is not None and self._clock() - self._stopping > PATIENCE:
                self.worker.signal(signal.SIGKILL)
            return False
        if self.worker.alive():  # what the worker started must not outlive it
            self.worker.signal(signal.SIGKILL)
            return False
        # Nothing of the attempt lives that could write more; only now is its end recorded. A
        # runner killed before leaves the job to the next one, which finds the same files.
        self.listen(last=True)
        self._record(status)
        return True

    def stumble(self) -> bool:
        """Take note that following the attempt failed; True once it is given up and recorded.

        The attempt may have written what nobody expects. Its job ends then; nobody else's does.
        """
        self._stumbles += 1
        if self._stumbles < MOST_STUMBLES:
            return False
        self.worker.signal(signal.SIGKILL)
        if self.worker.alive():
            return False
        note = "given up: what its worker left cannot be read; server.log has the details"
        self._queue.end(self.job, self.attempt, "failed", None, note)
        self._queue.logout(self.job, self.attempt)
        self._folder.remove_work()
        return True

    def _record(self, status: int) -> None:
        short = self._ran_short(status)
        if self._held or short:
            self._queue.held(self.job, self.attempt, self._held, short=short)
        # A report counts only if its worker then ended by itself, as `work` does, with 0.
        if self._end is not None and status == 0 and self._end["end"] == "died":
            note = "cancelled" if self._cancelled else _told(self._end)
            self._queue.died(self.job, self.attempt, status, note)
        elif self._end is not None and status == 0:
            note = _told(self._end)
            if self._cancelled and self._end["end"] != "done":
                note = "cancelled"
            self._queue.end(self.job, self.attempt, str(self._end["end"]), status, note)
        elif self._cancelled:
            self._queue.end(self.job, self.attempt, "cancelled", status, "cancelled")
        elif self._final:
            self._queue.end(self.job, self.attempt, "failed", status, self._why)
        elif short:
            note = f"killed for want of memory, at the limit of {self._more_memory()}"
            self._queue.end(self.job, self.attempt, "failed", status, note)
        elif not self._why and _own_doing(status):
            note = f"{_exit(status)}; dpu.get_logs({self.job}) shows how far it came"
            self._queue.end(self.job, self.attempt, "failed", status, note)
        else:
            note = self._why or self.worker.said() or _exit(status)
            self._queue.died(self.job, self.attempt, status, note, counts=self._counts)
        # After the end is recorded: a login left by a runner killed here is swept later.
        self._queue.logout(self.job, self.attempt)
        self._folder.remove_work()
        if self._end is not None and self._end["end"] == "done":
            self._folder.remove()
        logger.info("job %d attempt %d ended: status %d", self.job, self.attempt, status)


    def _ran_short(self, status: int) -> bool:
        """Return True if the attempt ended because it held as much memory as it may.

        What grows fast is killed by the system or the place before the runner has seen it.
        """
        if self._short or self._why or status == 0:
            return self._short
        full = status == -signal.SIGKILL and self._held > NEARLY * self._limits.memory
        return full or self.worker.short()


def _told(report: Mapping[str, Any]) -> str:
    """Return the message of a report as a database takes it."""
    return harmless(str(report.get("message", ""))[:LONGEST_NOTE])


def _own_doing(status: int) -> bool:
    """Return True if the code of the job ended its worker, so that it would do so again.

    Crashes come from within, and so does an exit without a report; KILL, TERM and their like come
    from outside (a person, a machine out of memory), and 0 and 1 stand for ends nobody knows.
    """
    return -status in CRASHES or status > 1


def _exit(status: int) -> str:
    if status < 0:
        try:
            name = f" ({signal.Signals(-status).name})"
        except ValueError:
            name = ""
        return f"killed by signal {-status}{name}"
    return f"the worker ended with exit status {status} and without a report"

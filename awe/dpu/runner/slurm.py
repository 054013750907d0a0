"""Workers on the nodes of a SLURM cluster: one batch job for each attempt.

The runner submits, the node runs `awe.dpu.runner.node` in the attempt's directory, which the
cluster's machines share. What the attempt wrote there speaks first: its reports, and the file
`end` with how its worker ended. SLURM is asked about what wrote nothing, and "not in the queue"
is never an end by itself, nor a success. Facts about SLURM 22.05: an unknown job of a list is left
out without an error, and so is one that has just ended, unless the question is for all states.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from awe.config import Environment
from awe.dpu.runner.attempt_files import Folder
from awe.dpu.runner.backends import Limits, environment
from awe.dpu.runner.listing import Entry, Listing
from awe.errors import ServiceDown
from awe.imports import PYTHON
from awe.terminal import harmless

__all__ = ["Slurm", "SlurmHandle"]

NODE = "awe.dpu.runner.node"
#: attempts in the cluster's queue at a time, where the configuration says nothing
MOST = 100
#: seconds in which a command of SLURM answers, fewer than the leases of other jobs have
ANSWER = 15.0
#: seconds in which a file written on a node is seen here
SETTLING = 5.0
#: seconds between two requests to end an attempt
AGAIN = 1.0
#: states after which nothing of a job runs any more
OVER = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
        "PREEMPTED", "REVOKED", "TIMEOUT", "GONE"}  # fmt: skip
#: of these, the ones in which the job itself came to its end: nobody killed it
BY_ITSELF = {"COMPLETED", "FAILED", "GONE"}
#: `sbatch --parsable`: a number, with several clusters the name of one; warnings may come before
SUBMITTED = re.compile(r"^([0-9]{1,9})(?:;\S*)?$", re.MULTILINE)
#: a line of the queue about a job of ours
ENTRY = re.compile(r"^\s*([0-9]{1,9})\|([A-Z_]+)\|(awe-[0-9]+_[0-9]+)\|(.*?)\s*$", re.MULTILINE)
#: reasons for which a batch job waits that pass by themselves
PASSING = {"", "None", "Resources", "Priority", "BeginTime", "Prolog", "Cleaning", "Reservation",
           "QOSGrpCpuLimit", "AssocGrpCpuLimit", "AssocMaxJobsLimit", "QOSMaxJobsPerUserLimit",
           "JobArrayTaskLimit", "Licenses"}  # fmt: skip
#: what to do about those for which it waits for ever
HINTS = {
    "PartitionTimeLimit": ": its time limit is above the partition's; cancel it, and give "
    "dpu_time less, or --partition in dpu_slurm_options another",
}
#: what slurmstepd writes into the log of a batch job it ends
KILLED_FOR_MEMORY = re.compile(
    r"slurmstepd[^ :]*: error: .*(exceeded memory limit|oom[-_]kill)", re.IGNORECASE
)
MEMORY = re.compile(r"--mem=([0-9]+)([KMGT]?)B?", re.IGNORECASE)
#: options with which an attempt would be several, none, or something else; sbatch takes
#: beginnings of long ones as well
FOREIGN = {"array", "wait", "wrap", "test-only", "help", "usage", "version", "quiet", "clusters",
           "cluster"}  # fmt: skip
FOREIGN_LETTERS = "aWhVQM"


class SlurmHandle:
    """An attempt in the queue or on a node of a cluster.

    Parameters
    ----------
    number : int
        Number of the batch job.
    folder : Folder
        Directory of the attempt.
    listing : Listing
        What the cluster's queue holds.
    """

    def __init__(self, number: int, folder: Folder, listing: Listing) -> None:
        self.number = number
        self._folder = folder
        self._listing = listing
        self._since = time.monotonic()
        self._over: float | None = None
        self._asked = 0.0
        self._asking: threading.Thread | None = None
        self._farewell: threading.Timer | None = None

    def poll(self) -> int | None:
        """Return how the attempt ended: as its node wrote, else 1 or a signal by SLURM's state."""
        if (end := self._folder.end()) is not None:
            self._see_to_the_end()
            return end
        state = self._entry().state
        if state not in OVER:
            self._over = None
            return None
        self._over = self._over or time.monotonic()
        # what no node took has nothing to write
        if not self._folder.waits() and time.monotonic() - self._over < SETTLING:
            return None
        return 1 if state in BY_ITSELF else -signal.SIGKILL

    def _see_to_the_end(self) -> None:
        """Let nothing run on that wrote down its end itself; what ended is left alone."""
        if self._farewell is None:
            cancel = ["scancel", "--state=RUNNING", str(self.number)]
            self._farewell = threading.Timer(SETTLING, _ask, (cancel,))
            self._farewell.daemon = True
            self._farewell.start()

    def said(self) -> str:
        """Return what SLURM tells of an end that the attempt did not write down itself."""
        if self._folder.end() is not None:
            return ""
        entry = self._entry()
        reason = "" if entry.reason in ("", "None") else f" ({entry.reason})"
        state = "no longer known" if entry.state == "GONE" else entry.state + reason
        return f"SLURM job {self.number} is {state}, and its worker left no report"

    def signal(self, number: int) -> None:
        """Cancel the batch job; the keeper on the node then ends all that is below it.

        A controller that does not answer keeps nobody waiting: it is asked again.
        """
        if number != signal.SIGTERM and time.monotonic() < self._asked + AGAIN:
            return
        self._asked = time.monotonic()
        cancel = ["scancel", str(self.number)]
        if number == signal.SIGKILL and self._entry().state == "COMPLETING":
            cancel[1:1] = ["--batch", "--signal=KILL"]
        if self._asking is None or not self._asking.is_alive():
            self._asking = threading.Thread(target=_ask, args=(cancel,), daemon=True)
            self._asking.start()

    def alive(self) -> bool:
        """Return True if SLURM has the attempt as running and its node has not told its end."""
        return self._folder.end() is None and self._entry().state not in OVER

    def waiting(self) -> bool:
        """Return True if the cluster has not started the attempt yet."""
        if self._folder.end() is not None:
            return False
        state = self._entry().state
        return state in ("PENDING", "CONFIGURING") or (state == "UNKNOWN" and self._folder.waits())

    def short(self) -> bool:
        """Return True if SLURM ended the attempt because it held too much memory.

        Only with control groups it has a state for that; else a line of the log says so.
        """
        if self._entry().state == "OUT_OF_MEMORY":
            return True
        return KILLED_FOR_MEMORY.search(self._folder.last_words()) is not None

    def stuck(self) -> str:
        """Return why SLURM does not start the attempt, if it is not for want of a free node."""
        entry = self._entry()
        if entry.state != "PENDING" or entry.reason in PASSING:
            return ""
        return (
            f"SLURM job {self.number} waits, and not for a free node: {entry.reason}"
            f"{HINTS.get(entry.reason, '; see scontrol show job and dpu_slurm_options')}"
        )

    def memory(self) -> int:
        """Return the bytes of memory that the node measured a moment ago."""
        return self._folder.used()

    def _entry(self) -> Entry:
        return self._listing.entry(self.number, job_name(self._folder), self._since)


class Slurm:
    """Workers as batch jobs of a cluster whose nodes share the directory of the attempts.

    Parameters
    ----------
    options : str
        More options of `sbatch`, such as `--partition=astro --mem=4G`.
    most : int
        Attempts in the cluster's queue at a time.
    """

    name = "slurm"
    processors = 1

    def __init__(self, options: str = "", most: int = MOST) -> None:
        self._given = options
        self.most = most
        self._listing = Listing(_queue)

    @classmethod
    def of(cls, configured: Environment, workers: int) -> Slurm:
        """Return the back end as an installation configures it."""
        return cls(configured.dpu_slurm_options, int(configured.dpu_slurm_jobs or MOST))

    def ready(self) -> bool:
        """Return True if this machine can submit to a cluster whose controller answers."""
        return shutil.which("sbatch") is not None and self._listing.answered()

    def start(
        self, folder: Folder, description: bytes, limits: Limits, meanwhile: Callable[[], None]
    ) -> SlurmHandle:
        """Submit a batch job that finds its description in a file only its owner can read.

        Nothing is done `meanwhile`: SLURM has answered, or is given up, before leases run out.

        Raises
        ------
        ServiceDown
            SLURM did not take the job, the message has its first line; or an option cannot be.
        """
        options = _with_memory(_options(self._given), limits)
        folder.describe(description)
        script = f"#!/bin/sh\nexec {shlex.join([*PYTHON, '-m', NODE, str(folder.path)])}\n"
        submit = [
            "sbatch", "--ntasks=1", f"--time={-(-limits.seconds // 60) + 1}", *options,
            # of two the last counts: an attempt is found by these
            "--parsable", f"--job-name={job_name(folder)}", "--no-requeue",
            "--open-mode=append", f"--output={str(folder.log).replace('%', '%%')}",
            f"--error={str(folder.log).replace('%', '%%')}", f"--chdir={folder.path}",
        ]  # fmt: skip
        try:
            answer = command(submit, script)
        except ServiceDown:
            # the next is submitted once the queue is seen again
            self._listing.doubt()
            raise
        number = SUBMITTED.findall(answer)
        if not number:
            msg = f"sbatch answers {answer.strip()!a:.200}, expected the number of a batch job"
            raise ServiceDown(msg)
        return SlurmHandle(int(number[-1]), folder, self._listing)

    def adopt(self, number: int | None, folder: Folder) -> SlurmHandle | None:
        """Return the attempt a former runner submitted, also where its number was not kept."""
        if number is None:
            number = self._listing.number(job_name(folder))
        return None if number is None else SlurmHandle(number, folder, self._listing)

    def close(self) -> None:
        """Stop asking for the queue; batch jobs go on."""
        self._listing.close()


def job_name(folder: Folder) -> str:
    """Return the name of a batch job, which everybody on the cluster sees."""
    return f"awe-{folder.path.name}"


def _options(given: str) -> list[str]:
    """Return the options an installation adds, as words.

    Raises
    ------
    ServiceDown
        They cannot be read, or hold one that is for awe to set.
    """
    try:
        words = shlex.split(given)
    except ValueError as error:
        msg = f"dpu_slurm_options is {given!a:.200}: {error}; correct it, then retry the job"
        raise ServiceDown(msg) from None
    for word in words:
        name = word[2:].partition("=")[0]
        long = word.startswith("--") and any(full.startswith(name) for full in FOREIGN)
        if long or (word[:1] == "-" and word[1:2] in FOREIGN_LETTERS):
            msg = f"dpu_slurm_options has {word!a:.200}, which no job of awe can have; remove it"
            raise ServiceDown(msg)
    return words


def _with_memory(options: list[str], limits: Limits) -> list[str]:
    """Return the options with at least the memory a job names, where they name some.

    A cluster that does not know how much its nodes have takes no such option.
    """
    if not limits.asked:
        return options
    wanted = -(-limits.memory // 2**20)
    made = []
    for word in options:
        found = MEMORY.fullmatch(word)
        unit = 1 << 10 * " KMGT".index(found[2].upper() or "M") if found else 0
        raised = found and int(found[1]) * unit < limits.memory
        made.append(f"--mem={wanted}M" if raised else word)
    return made


def _ask(cancel: list[str]) -> None:
    with suppress(ServiceDown, OSError):
        command(cancel, check=False)


def command(words: list[str], text: str = "", *, check: bool = True) -> str:
    """Run a command of SLURM in the environment of a worker, and return what it printed.

    Raises
    ------
    ServiceDown
        It failed, or did not answer in time.
    """
    # its environment goes to the node: no login, and nothing a person configured
    given = environment()
    given.update({name: os.environ[name] for name in ("SLURM_CONF",) if name in os.environ})
    try:
        done = subprocess.run(
            words, input=text, env=given, cwd="/", capture_output=True, encoding="utf-8",
            errors="replace", timeout=ANSWER, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        msg = f"{words[0]} has not answered for {ANSWER:.0f} s: is slurmctld running?"
        raise ServiceDown(msg) from error
    if done.returncode and check:
        told = harmless((done.stderr.strip() or "without a word").splitlines()[0], lines=False)
        msg = f"{words[0]} failed: {told[:500]}; see sinfo and dpu_slurm_options"
        raise ServiceDown(msg)
    return done.stdout


def _queue() -> dict[int, Entry]:
    """Ask for all batch jobs of this account that the controller remembers.

    The names of other jobs may hold anything, line breaks as well: their lines count for nothing.
    """
    # by number: the environment of a service may have the name of another account
    told = command(["squeue", "--noheader", "--states=all", f"--user={os.getuid()}",
                    "--format=%A|%T|%j|%r"])  # fmt: skip
    lines = ENTRY.finditer(told)
    return {int(line[1]): Entry(state=line[2], name=line[3], reason=line[4]) for line in lines}

"""Workers on the nodes of a SLURM cluster: one batch job for each attempt.

The runner submits, the node runs `awe.dpu.runner.node` in the attempt's directory, which the
cluster's machines share. What the attempt wrote there speaks first: its reports, and the file
`end` with how its worker ended. SLURM is asked about what wrote nothing, and "not in the queue"
is never an end by itself, nor a success. Facts about SLURM 22.05: an unknown job of a list is left
out without an error, and so is one that has just ended, unless the question is for all states.
"""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import signal
import subprocess
import time

from awe.config import Environment
from awe.dpu.runner.attempt_files import Folder
from awe.dpu.runner.backends import Limits, environment
from awe.dpu.runner.listing import Entry, Listing
from awe.errors import ServiceDown
from awe.imports import PYTHON

__all__ = ["Slurm", "SlurmHandle"]

NODE = "awe.dpu.runner.node"
#: attempts in the cluster's queue at a time, where the configuration says nothing
MOST = 100
#: seconds in which a command of SLURM answers
ANSWER = 30.0
#: seconds in which a file written on a node is seen here
SETTLING = 5.0
#: seconds between two requests to end an attempt
AGAIN = 1.0
#: states after which nothing of a job runs any more
OVER = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
        "PREEMPTED", "REVOKED", "TIMEOUT", "GONE"}  # fmt: skip
#: of these, the ones in which the job itself came to its end: nobody killed it
BY_ITSELF = {"COMPLETED", "FAILED", "GONE"}


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

    def poll(self) -> int | None:
        """Return how the attempt ended: as its node wrote, else 1 or a signal by SLURM's state."""
        if (end := self._folder.end()) is not None:
            return end
        state = self._entry().state
        if state not in OVER:
            self._over = None
            return None
        self._over = self._over or time.monotonic()
        if time.monotonic() - self._over < SETTLING:
            return None
        return 1 if state in BY_ITSELF else -signal.SIGKILL

    def said(self) -> str:
        """Return what SLURM tells of an end that the attempt did not write down itself."""
        if self._folder.end() is not None:
            return ""
        entry = self._entry()
        reason = "" if entry.reason in ("", "None") else f" ({entry.reason})"
        state = "no longer known" if entry.state == "GONE" else entry.state + reason
        return f"SLURM job {self.number} is {state}, and its worker left no report"

    def signal(self, number: int) -> None:
        """Cancel the batch job; the keeper on the node then ends all that is below it."""
        if number != signal.SIGTERM and time.monotonic() < self._asked + AGAIN:
            return
        self._asked = time.monotonic()
        cancel = ["scancel", str(self.number)]
        if number == signal.SIGKILL and self._entry().state == "COMPLETING":
            cancel[1:1] = ["--batch", "--signal=KILL"]
        command(cancel, check=False)

    def alive(self) -> bool:
        """Return True if SLURM has the attempt as running and its node has not told its end."""
        return self._folder.end() is None and self._entry().state not in OVER

    def waiting(self) -> bool:
        """Return True if the cluster has not started the attempt yet."""
        return self._folder.end() is None and self._entry().state in ("PENDING", "CONFIGURING")

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
        self._options = shlex.split(options)
        self.most = most
        self._listing = Listing(_queue)

    @classmethod
    def of(cls, configured: Environment, workers: int) -> Slurm:
        """Return the back end as an installation configures it."""
        return cls(configured.dpu_slurm_options, int(configured.dpu_slurm_jobs or MOST))

    def ready(self) -> bool:
        """Return True if this machine can submit to a cluster whose controller answers."""
        return shutil.which("sbatch") is not None and self._listing.answered()

    def start(self, folder: Folder, description: bytes, limits: Limits) -> SlurmHandle:
        """Submit a batch job that finds its description in a file only its owner can read.

        Raises
        ------
        ServiceDown
            SLURM did not take the job; the message has its first line.
        """
        folder.describe(description)
        script = f"#!/bin/sh\nexec {shlex.join([*PYTHON, '-m', NODE, str(folder.path)])}\n"
        submit = [
            "sbatch", "--parsable", f"--job-name={job_name(folder)}", "--no-requeue",
            "--open-mode=append", f"--output={str(folder.log).replace('%', '%%')}",
            f"--chdir={folder.path}", "--ntasks=1", f"--time={-(-limits.seconds // 60) + 1}",
            *self._options,
        ]  # fmt: skip
        answer = command(submit, script)
        # with several clusters the number is followed by the name of one
        return SlurmHandle(int(answer.strip().partition(";")[0]), folder, self._listing)

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
            words, input=text, env=given, cwd="/", capture_output=True, text=True,
            timeout=ANSWER, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        msg = f"{words[0]} has not answered for {ANSWER:.0f} s: is slurmctld running?"
        raise ServiceDown(msg) from error
    if done.returncode and check:
        told = (done.stderr.strip() or "without a word").splitlines()[0]
        msg = f"{words[0]} failed: {told}; see that sinfo works on this machine"
        raise ServiceDown(msg)
    return done.stdout


def _queue() -> dict[int, Entry]:
    """Ask for all batch jobs of this account that the controller remembers."""
    told = command(["squeue", "--noheader", "--states=all", f"--user={getpass.getuser()}",
                    "--format=%A|%T|%j|%r"])  # fmt: skip
    found = {}
    for line in told.splitlines():
        number, state, name, reason = line.strip().split("|", 3)
        found[int(number)] = Entry(state=state, name=name, reason=reason)
    return found

"""A process that has imported what recipes need, and forks a worker in milliseconds.

`main` listens on the inherited socket whose number is its argument: each request is the directory
of an attempt with two open files, the worker's standard input and its log. It answers
`started PID` and later `ended PID STATUS`: of the worker's keeper (`awe.dpu.runner.keeper`),
which ends when nothing of the attempt lives; what a killed keeper leaves is killed here. When it
has nothing to do it imports the rest and loads the compiled kernels (`awe.dpu.runner.kernels`),
which every later worker then has, a few between two looks. It has one thread, opens no connection
and knows no secret; when its socket closes it goes, and its workers go on.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from awe.dpu.runner import keeper
from awe.dpu.runner.kernels import Kernels, settle
from awe.dpu.worker import worker
from awe.errors import ServiceDown
from awe.imports import PYTHON

__all__ = ["ForkServer", "main"]

PRELOADED = ("psycopg2.extras", "sqlalchemy", "numpy", "scipy.ndimage", "numba", "astropy.io.fits",
             "astropy.wcs", "awe.fits", "awe.recipes", "awe.model.classes",
             "awe.dpu.worker.worker", "awe.dpu.worker.items")  # fmt: skip
COMMAND = "import sys; from awe.dpu.runner.forkserver import main; sys.exit(main())"
LONGEST_REQUEST = 4096


class ForkServer:
    """The runner's end: starts the process, asks it for workers, hears how they ended.

    Parameters
    ----------
    environment : mapping
        Whole environment of the process and so of its workers.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        # Their end is closed here: with the process its last holder dies, and reading ends.
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*PYTHON, "-c", COMMAND, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=dict(environment),
                cwd="/",
                # A signal to the terminal or the group of awe-server does not reach jobs.
                start_new_session=True,
            )
        self._socket = ours
        self._heard = b""
        self._started: list[int] = []
        self._ended: dict[int, int] = {}
        self.gone = False

    def start(
        self, directory: Path, stdin: int, log: int, meanwhile: Callable[[], None] = lambda: None
    ) -> int:
        """Fork a worker and return its process number, which is also its group's.

        Parameters
        ----------
        directory : Path
            Directory of the attempt.
        stdin, log : int
            Descriptors of the worker's standard input and output.
        meanwhile : callable
            Called once a second as long as the process has not finished its imports.

        Raises
        ------
        ServiceDown
            The process is gone.
        """
        try:
            socket.send_fds(self._socket, [f"{directory}\n".encode()], [stdin, log])
        except OSError:
            self.gone = True
        while not self._started and not self.gone:
            self._hear(seconds=1.0)
            if not self._started:
                meanwhile()
        if not self._started:
            # gone from the socket it is; without an end in time the status stays unknown
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            status = self._process.returncode
            msg = (
                f"the process that starts workers is gone (exit status {status}); see server.log, "
                "and restart with awe-admin stop and awe-admin start where awe was upgraded"
            )
            raise ServiceDown(msg)
        return self._started.pop()

    def status(self, pid: int) -> int | None:
        """Return how a worker ended, None as long as nothing is known."""
        if not self.gone:
            self._hear(seconds=0.0)
        return self._ended.get(pid)

    def close(self) -> None:
        """Let the process go and wait for it."""
        self._socket.close()
        self.gone = True
        self._process.kill()  # it holds nothing, and may still be importing
        self._process.wait()

    def _hear(self, *, seconds: float) -> None:
        if not _ready([self._socket.fileno()], seconds):
            return
        try:
            data = self._socket.recv(LONGEST_REQUEST)
        except OSError:
            data = b""
        if not data:
            self.gone = True
            return
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            word, *numbers = line.split()
            if word == b"started":
                self._started.append(int(numbers[0]))
                # the system gives numbers again: what is known under it is of another worker
                self._ended.pop(int(numbers[0]), None)
            else:
                self._ended[int(numbers[0])] = int(numbers[1])


def main() -> int:
    """Preload, then fork a worker per request until the socket closes."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    # Programs that jobs start must not hold the channel open.
    channel.set_inheritable(False)
    for name in PRELOADED:
        # What cannot be imported now fails in the job that needs it, and is explained in its log.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    settle()
    keeper.adopt_orphans()
    ears, voice = os.pipe()
    heard = channel.fileno()
    os.set_blocking(voice, False)
    # Only signals with a handler are written to the wakeup descriptor, which must not block.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(voice, warn_on_full_buffer=False)
    kernels = Kernels()
    keepers: set[int] = set()

    def leave() -> None:
        for number in (heard, ears, voice):
            os.close(number)

    while True:
        # The first request is there already: its worker loads the kernels it needs by itself.
        ready = _ready([heard, ears], None if kernels.idle else 0)
        if not ready:
            with _listening_meanwhile(channel, keepers, kernels):
                kernels.step(leave)
        if ears in ready:
            os.read(ears, LONGEST_REQUEST)
            _tell_ended(channel, keepers, kernels)
        if heard in ready and not _serve(channel, (ears, voice), keepers):
            return 0


def _ready(descriptors: list[int], seconds: float | None) -> set[int]:
    """Return which of some descriptors can be read; unlike select, of any number."""
    with selectors.DefaultSelector() as selector:
        for number in descriptors:
            selector.register(number, selectors.EVENT_READ)
        return {key.fd for key, _ in selector.select(seconds)}


@contextlib.contextmanager
def _listening_meanwhile(
    channel: socket.socket, keepers: set[int], kernels: Kernels
) -> Iterator[None]:
    """Tell which keepers end while this process is busy, between two steps of what it does."""
    telling: list[bool] = []

    def tell(*_: object) -> None:
        if not telling:  # a child that ends meanwhile is seen below
            telling.append(True)
            _tell_ended(channel, keepers, kernels)
            telling.clear()

    before = signal.signal(signal.SIGCHLD, tell)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)
        _tell_ended(channel, keepers, kernels)


def _serve(channel: socket.socket, own: tuple[int, int], keepers: set[int]) -> bool:
    """Answer one request; False when the other side is gone."""
    try:
        data, files, _, _ = socket.recv_fds(channel, LONGEST_REQUEST, 2)
    except OSError:
        return False
    if not data:
        return False
    pid = os.fork()
    if pid == 0:
        _become_keeper(data.decode().rstrip("\n"), files, channel, own)
    keepers.add(pid)
    for number in files:
        os.close(number)
    # In the child too: whoever is first makes the group, and it is there before the answer.
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)
    channel.sendall(f"started {pid}\n".encode())
    return True


def _tell_ended(channel: socket.socket, keepers: set[int], kernels: Kernels) -> None:
    """Tell which keepers ended, once nothing lives of what a killed one left to this process."""
    told: list[str] = []

    def note(pid: int, status: int) -> None:
        kernels.ended(pid)
        if pid in keepers:
            keepers.discard(pid)
            told.append(f"ended {pid} {os.waitstatus_to_exitcode(status)}\n")

    keeper.bury(note)
    # What came to this process as a child without being its own is left by a killed keeper.
    own = keepers if kernels.child is None else {*keepers, kernels.child}
    keeper.kill_all(lambda: keeper.bury(note), own)
    # where nobody listens any more, reading from the channel ends this process
    with contextlib.suppress(OSError):
        channel.sendall("".join(told).encode())


def _become_keeper(
    directory: str, files: list[int], channel: socket.socket, own: tuple[int, int]
) -> None:
    """Turn this fresh child into the keeper of an attempt, and its child into the worker."""
    try:
        # This pipe is the parent's: a signal of the keeper would wake it.
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # refused where the parent was first: then the group is made
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        os.chdir(directory)
        keeper.adopt_orphans()
        stdin, log = files
        for number, place in ((stdin, 0), (log, 1), (log, 2)):
            os.dup2(number, place)
        # And the channel: held here, it would hide the death of the forking process.
        for number in (stdin, log, *own):
            os.close(number)
        channel.close()
        # Before the fork: the end of a worker that dies at once waits until it is looked for.
        signal.pthread_sigmask(signal.SIG_BLOCK, keeper.WATCHED)
        worker = os.fork()
        if worker == 0:
            _become_worker(directory)
        # The keeper lets go of the pipe, so that the runner is told when its only reader is gone.
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        keeper.end_like(keeper.keep(worker))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _become_worker(directory: str) -> None:
    """Turn this fresh child into the worker of an attempt; never returns."""
    status = 1
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, keeper.WATCHED)
        os.environ["TMPDIR"] = str(Path(directory) / "work")
        status = worker.main([directory])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)

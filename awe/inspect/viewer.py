"""The process that has the windows of `inspect()`, as the prompt sees it: started, asked, heard.

One process serves all windows of a prompt. It is started on first use and joined by a socket
without a name, so it ends when the prompt does, however that ends; nothing that happens to it
or to the display reaches the prompt but one line. Signals of the terminal do not reach it. It
tells of itself which toolkit started: Qt aborts its process where a library is missing, and then
another process tries Tk.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from queue import SimpleQueue
from typing import Any, Protocol

from awe import errors
from awe.errors import Defect, ServiceDown, UserMistake
from awe.imports import PYTHON
from awe.inspect import backend, qt
from awe.inspect.wire import Wire
from awe.terminal import out

__all__ = ["Shown", "Viewer", "apart", "begin", "ready"]

#: Seconds in which a toolkit starts on a busy machine, or never will.
START = 60.0
#: Seconds in which a process ends that has closed its socket.
END = 5.0
#: Seconds without a window after which a viewer of the desktop says so, and is let go.
IDLE = 600.0
LOST = ("X connection", "X11 connection", "fatal IO error", "Wayland connection", "wl_display")


class Shown(Protocol):
    """A window in the viewer, as the prompt holds it."""

    name: str

    def keep(self, row: dict[str, Any]) -> None:
        """Take up a measurement."""

    def choose(self, name: str) -> None:
        """Hear that a chip of a mosaic is to be opened."""

    def pointed(self, ra: float, dec: float) -> None:
        """Hear where on the sky the pointer is."""

    def wanted(self, want: str, about: dict[str, Any]) -> None:
        """Hear what the window needs of the prompt."""

    def gone(self) -> None:
        """Hear that the window is closed."""


class Viewer:
    """One process with windows.

    Parameters
    ----------
    toolkit : Screen
        Which toolkit it starts.
    """

    def __init__(self, toolkit: backend.Screen) -> None:
        self.toolkit = toolkit
        self._owner = os.getpid()
        self._log = os.memfd_create("awe-viewer-log")
        ours, theirs = socket.socketpair()
        told = (str(theirs.fileno()), toolkit.value, str(IDLE))
        with theirs:
            self._process = subprocess.Popen(
                [*PYTHON, "-m", "awe.inspect.showing", *told],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._wire = Wire(ours)
        self._numbers = itertools.count(1)
        self._answers: dict[int, SimpleQueue[dict[str, Any]]] = {}
        self._windows: dict[int, Shown] = {}
        self._started = threading.Event()
        self._ended = threading.Event()
        self._used = time.monotonic()
        self.text = ""
        #: where its windows are, in a browser
        self.address = ""
        threading.Thread(target=self._hear, name="awe-viewer", daemon=True).start()

    @property
    def alive(self) -> bool:
        """False when it ended, or belongs to the process this one was forked from."""
        return self._owner == os.getpid() and not self._ended.is_set()

    def use(self) -> Viewer:
        """Return this one, which is about to get a window and is not let go."""
        self._used = time.monotonic()
        return self

    def starts(self) -> bool:
        """Wait for the toolkit, and return whether it started."""
        if not self._started.wait(START):
            self._process.kill()
        return self._started.wait(END) and self.alive

    def ask(self, do: str, files: Sequence[int] = (), **about: Any) -> dict[str, Any]:
        """Let it do something, print what it has to say, and return its answer.

        Parameters
        ----------
        do : str
            What to do.
        files : sequence of int
            Open files it gets.
        **about : Any
            Details, as JSON knows them.

        Raises
        ------
        UserMistake
            The one that was made.
        ServiceDown
            The process is not there any more.
        """
        number = next(self._numbers)
        waiting = self._answers[number] = SimpleQueue()
        try:
            if not self.alive:
                raise self._lost()
            try:
                self._wire.send({"do": do, "number": number, **about}, files)
            except OSError as error:
                raise self._lost() from error
            answer = waiting.get()
        finally:
            del self._answers[number]
        for line in answer.get("said", ()):
            _print(line)
        if "mistake" in answer:
            raise _mistake(answer["mistake"], answer["text"])
        if "defect" in answer:
            raise Defect(answer["defect"])
        if "lost" in answer:
            raise self._lost()
        return answer

    def open(self, window: Shown, files: Sequence[int], about: Mapping[str, Any]) -> int:
        """Open a window, and return its number.

        Parameters
        ----------
        window : Shown
            Whom to tell of its measurements.
        files : sequence of int
            The pixels.
        about : mapping
            What is shown and how.
        """
        number = next(self._numbers)
        self._windows[number] = window
        try:
            self.ask("open", files, window=number, about=about)
        except BaseException:
            self._windows.pop(number, None)
            raise
        return number

    def _lost(self) -> ServiceDown:
        return ServiceDown("the viewer is gone and its windows with it; inspect() starts another")

    # what it tells

    def _hear(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                for message, _ in self._wire.take():
                    self._heed(message)
        self._end()

    def _heed(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.address = message.get("address", "")
            self._started.set()
        elif "answer" in message:
            waiting = self._answers.get(message["answer"])
            if waiting is not None:  # nobody waits any more after Ctrl-C
                waiting.put(message)
        elif "say" in message:
            _print(message["say"])
        elif "row" in message:
            self._windows[message["window"]].keep(message["row"])
        elif "chosen" in message:
            self._windows[message["window"]].choose(message["chosen"])
        elif "pointed" in message and (window := self._windows.get(message["window"])):
            window.pointed(*message["pointed"])
        elif "want" in message and (window := self._windows.get(message["window"])):
            window.wanted(message["want"], message["about"])
        elif "idle" in message:
            self._let_go()
        elif "closed" in message and (window := self._windows.pop(message["closed"], None)):
            window.gone()

    def _let_go(self) -> None:
        """Let a process end that has had no window for a while; the next window has another."""
        with _lock:
            waits = self._windows or self._answers or time.monotonic() - self._used < IDLE / 2
            if not waits and self.toolkit is not backend.Screen.BROWSER:
                self._ended.set()
                self._wire.shut()

    def _end(self) -> None:
        """Clear up behind a process that is gone, and say so if somebody looked at it."""
        self._wire.close()
        try:
            status = self._process.wait(END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        size = os.fstat(self._log).st_size
        self.text = os.pread(self._log, 20_000, max(0, size - 20_000)).decode(errors="replace")
        os.close(self._log)
        windows, self._windows = list(self._windows.values()), {}
        self._ended.set()
        if self._started.is_set() and windows:
            _print(_epitaph(windows, self._reason(status)))
        for window in windows:
            window.gone()
        for waiting in list(self._answers.values()):
            waiting.put({"lost": True})
        self._started.set()

    def _reason(self, status: int) -> str:
        if any(words in self.text for words in LOST):
            return "the display does not answer any more"
        if status < 0:
            return f"the viewer was ended by {signal.Signals(-status).name}"
        last = (self.text.strip().splitlines() or [f"it returned {status}"])[-1]
        return f"the viewer ended: {last[:120]}"


def _epitaph(windows: Sequence[Shown], reason: str) -> str:
    names = ", ".join(dict.fromkeys(window.name for window in windows[:3]))
    more = f" and {len(windows) - 3} more" if len(windows) > 3 else ""
    return (
        f"{names}{more}: closed, {reason}; measurements are in .table, "
        "inspect() opens a new window"
    )


def _mistake(code: str, text: str) -> UserMistake:
    kind: type[UserMistake] = getattr(errors, code, UserMistake)
    return kind(text)


def _print(text: str) -> None:
    """Write a line to the prompt; above what is half typed, if it is waiting."""
    # standard output may be closed by whoever reads it
    with contextlib.suppress(OSError, ValueError):
        out(text + "\n")
        sys.stdout.flush()


# the one of this prompt

_current: dict[bool, Viewer] = {}
"""The viewer of the desktop under False, that of the browser under True."""
_lock = threading.Lock()


def apart(*, browser: bool = False) -> bool:
    """Return whether windows of this process can be in a process of their own.

    Parameters
    ----------
    browser : bool
        Windows in a browser.
    """
    return hasattr(os, "memfd_create") and (browser or backend.on_desktop())


def begin(*, browser: bool = False) -> None:
    """Start the viewer if there is none; what it needs to start goes on meanwhile.

    Parameters
    ----------
    browser : bool
        That of windows in a browser.
    """
    with _lock:
        if browser not in _current or not _current[browser].use().alive:
            qt_there = importlib.util.find_spec("PySide6") is not None
            desktop = backend.Screen.QT if qt_there else backend.Screen.TK
            _current[browser] = Viewer(backend.Screen.BROWSER if browser else desktop)


def ready(*, browser: bool = False) -> Viewer | None:
    """Return the viewer when its toolkit has started; None where none does.

    Parameters
    ----------
    browser : bool
        That of windows in a browser.
    """
    begin(browser=browser)
    with _lock:
        viewer = _current[browser].use()
        if not viewer.starts() and viewer.toolkit is backend.Screen.QT:
            lack = qt.lack(viewer.text)
            viewer = Viewer(backend.Screen.TK)
            if viewer.starts() and lack:
                lack += "; Tk shows windows meanwhile"
            if lack:
                out(lack + "\n")
            _current[False] = viewer
        if not browser:
            backend.know(viewer.toolkit if viewer.alive else backend.Screen.FILE)
        return viewer if viewer.alive else None

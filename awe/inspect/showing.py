"""The viewer: a process with nothing but windows, and the loop of their toolkit.

`main` gets the number of an inherited socket and the toolkit. Requests open, press, save and
close; what is measured and said goes back, in the order in which it happened. When the socket
closes the process ends. It opens no connection, knows no database and keeps nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import importlib
import logging
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot

from awe.errors import ArgumentError, UserMistake
from awe.inspect import backend
from awe.inspect.facts import read
from awe.inspect.mosaic import Tile
from awe.inspect.picture import Look
from awe.inspect.shared import mapped
from awe.inspect.sight import Sight
from awe.inspect.window import Window
from awe.inspect.wire import Wire
from awe.lazy import resolve

__all__ = ["Pane", "Showing", "main"]

#: Milliseconds after which it is told that a window was closed: when the display goes away, Qt
#: closes all windows and ends, which is another thing.
CLOSED = 50
#: Seconds a new window has for its first picture, before what the pointer needs is loaded.
FIRST = 0.5


class Pane(Window):
    """A window that tells another process what it measures.

    Parameters
    ----------
    showing : Showing
        Whom to tell.
    number : int
        What the other process calls it.
    sight : Sight
        The image.
    **about : Any
        Arguments of `Window`.
    """

    def __init__(self, showing: Showing, number: int, sight: Sight, **about: Any) -> None:
        self._showing = showing
        self._number = number
        #: what was said while a request is answered
        self.lines: list[str] | None = None
        super().__init__(sight, **about)

    def show(self, *, block: bool) -> None:
        """Bring this window to the screen, and no other.

        Parameters
        ----------
        block : bool
            Not heeded: the process that asked waits, if somebody does.
        """
        manager: Any = self._figure.canvas.manager
        manager.show()

    def save(self, target: Any = None) -> None:
        """Write a figure to a file in the directory where the prompt is; say where.

        Parameters
        ----------
        target : Figure, str or Path, optional
            As in `Window.save`.
        """
        # the prompt may have moved, and names of files are meant from where it is
        with contextlib.suppress(OSError):
            os.chdir(f"/proc/{os.getppid()}/cwd")
        super().save(target)

    def _say(self, text: str) -> None:
        if self.lines is None:
            self._showing.tell({"say": text})
        else:
            self.lines.append(text)

    def _keep(self, row: dict[str, Any]) -> None:
        self._showing.tell({"row": row, "window": self._number})

    def _choose_chip(self, name: str) -> None:
        self._showing.tell({"chosen": name, "window": self._number})

    def _want(self, want: str, **about: Any) -> None:
        self._showing.tell({"want": want, "window": self._number, "about": about})

    def point_out(self, ra: float, dec: float) -> None:
        """Tell where the pointer is.

        Parameters
        ----------
        ra, dec : float
            Right ascension and declination [deg].
        """
        self._showing.tell({"pointed": [ra, dec], "window": self._number})

    def _gone(self) -> None:
        super()._gone()
        self._showing.closed(self._number)

    def _new_figure(self, title: str, size: tuple[float, float]) -> Any:
        figure: Any = super()._new_figure(title, size)
        figure.canvas.callbacks.exception_handler = self._defect
        return figure

    def _defect(self, error: Exception) -> None:
        """Tell of what should not have happened; matplotlib would write it where nobody reads."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        kind = type(error).__name__
        self._showing.tell(
            {"say": f"{kind}: {error} ({place.filename}:{place.lineno}); please report it"}
        )


class Showing:
    """What the process does when it is asked.

    Parameters
    ----------
    end : socket
        The other end is the prompt's.
    """

    def __init__(self, end: socket.socket) -> None:
        self.wire = Wire(end)
        self._windows: dict[int, Pane] = {}
        self._queue: SimpleQueue[Mapping[str, Any]] = SimpleQueue()
        #: how the loop calls something later
        self.later: Callable[[Callable[[], Any]], Any] = lambda work: work()
        # a prompt that does not read must not stop the windows
        threading.Thread(target=self._send, daemon=True).start()

    def wait_for_windows(self, idle: float) -> None:
        """Tell when there has been no window for a while, again and again.

        Parameters
        ----------
        idle : float
            How long [s].
        """
        since = time.monotonic()

        def look() -> None:
            nonlocal since
            while True:
                time.sleep(idle / 4)
                if self._windows:
                    since = time.monotonic()
                elif time.monotonic() - since >= idle:
                    self.tell({"idle": True})

        threading.Thread(target=look, daemon=True).start()

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message, sooner or later, in order.

        Parameters
        ----------
        message : mapping
            Anything JSON can say.
        """
        self._queue.put(message)

    def closed(self, number: int) -> None:
        """Forget a window that is closed, and tell of it.

        Parameters
        ----------
        number : int
            What the other process calls it.
        """
        if self._windows.pop(number, None) is not None:
            self.later(lambda: self._freed(number))

    def _freed(self, number: int) -> None:
        gc.collect()  # a figure is a circle, and holds its pixels
        self.tell({"closed": number})

    def _send(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.wire.send(self._queue.get())

    def heed(self, *_: Any) -> None:
        """Take what was sent and do it; end with the prompt.

        Parameters
        ----------
        *_ : Any
            What the loop of the toolkit says.
        """
        try:
            for message, files in self.wire.take():
                self._answer(message, files)
        except (EOFError, OSError):
            os._exit(0)

    def _answer(self, message: dict[str, Any], files: Sequence[int]) -> None:
        answer: dict[str, Any] = {}
        number, do = message.pop("number"), message.pop("do")
        said: list[str] = []
        try:
            if do == "open":
                self._open(files, **message)
            else:
                answer = self._do(said, do, files, **message)
        except UserMistake as mistake:
            answer = {"mistake": mistake.code, "text": str(mistake)}
        except Exception:
            answer = {"defect": traceback.format_exc()}
        self.tell({**answer, "answer": number, "said": said})

    def _open(self, files: Sequence[int], window: int, about: dict[str, Any]) -> None:
        sights = zip(files, about.pop("sights"), strict=True)
        sight, *others = [_sight(file, **told) for file, told in sights]
        about["look"], about["size"] = Look(**about["look"]), tuple(about["size"])
        pane = Pane(self, window, sight, other=others[0] if others else None, **about)
        self._windows[window] = pane
        pane.show(block=False)
        loading = threading.Timer(FIRST, importlib.import_module, ["astropy.wcs"])
        loading.daemon = True
        loading.start()  # in a thread: the windows answer meanwhile

    def _do(
        self, said: list[str], do: str, files: Sequence[int], window: int, **about: Any
    ) -> dict[str, Any]:
        pane = self._windows.get(window)
        if pane is None:
            for file in files:
                os.close(file)
            msg = "the window is closed; inspect() opens another"
            raise ArgumentError(msg)
        pane.lines = said
        try:
            if do == "press":
                reading = pane.press(**about)
                return {"reading": reading and dataclasses.asdict(reading)}
            if do == "save":
                pane.save(**about)
            elif do == "set":
                pane.set(about["name"], *about["values"])
            elif do == "take":
                pane.take(_sight(files[0], **about["sight"]), about["text"], about["plane"],
                          about["which"])  # fmt: skip
            elif do == "back":
                pane.back(about["which"])
            elif do == "marked":
                return {"text": pane.marked(**about)}
            elif do == "follow":
                pane.follow(pane.point_out if about["on"] else None)
            elif do in ("mark", "mark_places", "unmark", "point"):
                getattr(pane, do)(**about)
            elif do == "tell":
                pane.tell(about["text"])
            elif do == "close":
                pane.close()
        finally:
            pane.lines = None
        return {}


def _sight(
    file: int,
    *,
    layout: dict[str, Any],
    first: Sequence[int],
    header: str,
    tiles: Sequence[dict[str, Any]],
    **texts: str,
) -> Sight:
    """Return what the prompt sent to be shown."""
    pixels = mapped(file, **layout)
    x, y = first
    chips = tuple(Tile(**tile) for tile in tiles)
    return Sight(pixels=pixels, first=(x, y), header=read(header), tiles=chips, **texts)


def _qt(showing: Showing) -> None:
    from matplotlib.backends import backend_qtagg  # noqa: F401 - loaded before it is needed
    from PySide6.QtCore import QSocketNotifier, QTimer
    from PySide6.QtWidgets import QApplication

    application = QApplication(["awe"])
    application.setQuitOnLastWindowClosed(False)
    showing.later = lambda work: QTimer.singleShot(CLOSED, work)
    notifier = QSocketNotifier(showing.wire.fileno(), QSocketNotifier.Type.Read)
    notifier.activated.connect(showing.heed)
    showing.tell({"ready": True})
    application.exec()


def _tk(showing: Showing) -> None:
    import tkinter

    from matplotlib.backends import backend_tkagg  # noqa: F401 - loaded before it is needed

    root = tkinter.Tk()
    root.withdraw()
    showing.later = lambda work: root.after(CLOSED, work)
    root.createfilehandler(showing.wire, tkinter.READABLE, showing.heed)
    showing.tell({"ready": True})
    root.mainloop()


def _browser(showing: Showing) -> None:
    begin = resolve("awe.inspect.webpage:Page")  # it loads a server

    async def run() -> None:
        page = begin()
        loop = asyncio.get_running_loop()
        showing.later = lambda work: loop.call_later(CLOSED / 1000, work)
        loop.add_reader(showing.wire.fileno(), showing.heed)
        showing.tell({"ready": True, "address": page.address})
        await page.serve()

    asyncio.run(run())


def main() -> None:
    """Run the viewer: arguments are its socket, the toolkit, and seconds without a window."""
    number, toolkit, idle = sys.argv[1:]
    screen = backend.Screen(toolkit)
    backend.know(screen)
    mpl.use(screen.value)
    # what Qt and matplotlib find odd is nothing for the log of a process that may run for days
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    showing = Showing(socket.socket(fileno=int(number)))
    showing.wait_for_windows(float(idle))
    loops = {backend.Screen.QT: _qt, backend.Screen.BROWSER: _browser}
    loops.get(screen, _tk)(showing)


if __name__ == "__main__":
    main()

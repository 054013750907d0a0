"""SAMP: frames and tables go to TOPCAT, Aladin or DS9, tables come from them, pointers follow.

`samp` is the one connection of a prompt to the hub that runs. What others send is taken up in a
thread of its own, one after the other, and nothing they send can stop the prompt: the library
calls back in threads of its server, and again when a callback fails.
"""

from __future__ import annotations

import atexit
import contextlib
import getpass
import math
import queue
import shutil
import tempfile
import threading
import time
import urllib.request
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from awe.errors import ArgumentError, AweError, ServiceDown
from awe.inspect import backend
from awe.lazy import resolve
from awe.terminal import harmless, out

if TYPE_CHECKING:
    from astropy.table import Table

    from awe.inspect.inspection import Inspection

__all__ = ["Samp", "samp"]

TABLE, IMAGE, POINT = "table.load.votable", "image.load.fits", "coord.pointAt.sky"
FITS_TABLE = "table.load.fits"
#: Seconds in which another program takes what it was sent.
ANSWER = 30
#: Most bytes of a table that is taken.
MOST = 500_000_000
#: Shortest time between two places that are sent [s].
PAUSE = 0.15


class Samp:
    """The connection to other programs on this desktop.

    Attributes
    ----------
    tables : list of Table
        Tables that were received, the newest last.
    images : list of str
        Files and addresses of images that were received, for `inspect`.
    """

    def __init__(self) -> None:
        self.tables: list[Table] = []
        self.images: list[str] = []
        self._client: Any = None
        self._followers: list[Inspection] = []
        self._came: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._folder = ""
        self._pointer: tuple[float, float] | None = None

    # the hub

    @property
    def clients(self) -> dict[str, str]:
        """Other programs that are connected: their names by their numbers at the hub.

        Raises
        ------
        ServiceDown
            There is no hub.
        """
        return {number: self._name(number) for number in self._hub().get_registered_clients()}

    def connect(self) -> None:
        """Register at the hub that runs; the first use of anything else does so too.

        Raises
        ------
        ArgumentError
            The library is not installed.
        ServiceDown
            No hub runs.
        """
        self._hub()
        names = [self._name(one) for one in self._client.get_registered_clients()]
        out(f"samp: connected with {', '.join(sorted(names))}\n")

    def disconnect(self) -> None:
        """Leave the hub."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):  # the hub may be gone
                client.disconnect()

    def _hub(self) -> Any:
        if self._client is not None and self._alive():
            return self._client
        if find_spec("pyvo") is None:
            msg = "SAMP takes pyvo: pip install 'awe-prompt[samp]'"
            raise ArgumentError(msg)
        import pyvo.samp as library

        self._client = None
        # without this an outside web page is asked whether there is an internet
        with library.conf.set_temp("use_internet", False):
            client = library.SAMPIntegratedClient(
                name="awe", description=f"the awe> prompt of {getpass.getuser()}"
            )
            try:
                client.connect()
            except (library.SAMPHubError, library.SAMPProxyError, OSError) as error:
                msg = (
                    "no SAMP hub runs here; TOPCAT, Aladin and DS9 each bring one: start it, then "
                    "try again"
                )
                raise ServiceDown(msg) from error
        self._client = client
        for kind in (TABLE, FITS_TABLE, IMAGE, POINT):
            client.bind_receive_notification(kind, self._notice)
            client.bind_receive_call(kind, self._call)
        threading.Thread(target=self._work, args=(client,), name="awe-samp", daemon=True).start()
        atexit.register(self.disconnect)
        return client

    def _alive(self) -> bool:
        try:
            self._client.ping()
        except Exception:  # whatever a hub that was killed leaves behind
            return False
        return True

    def _name(self, number: str) -> str:
        try:
            name = self._client.get_metadata(number).get("samp.name", number)
        except Exception:  # it has just left
            name = number
        return harmless(str(name), lines=False)

    # what is sent

    def send(self, what: Any, to: str | None = None) -> None:
        """Send a frame or a table to other programs, and say who took it.

        Parameters
        ----------
        what : frame, path, CCDData, ndarray, query or Table
            A frame goes as a FITS file, a query or a table as a VOTable.
        to : str, optional
            Name of the program; default: all that take such a thing.

        Raises
        ------
        ArgumentError
            No program takes it, or there is nothing to send in it.
        ServiceDown
            No hub runs.
        """
        client = self._hub()
        table = what.to_table() if hasattr(what, "to_table") else what
        kind = TABLE if hasattr(table, "colnames") else IMAGE
        takers = {number: self._name(number) for number in client.get_subscribed_clients(kind)}
        if to is not None:
            takers = {one: name for one, name in takers.items() if name.lower() == to.lower()}
        if not takers:
            there = ", ".join(sorted(set(self.clients.values()))) or "none"
            msg = f"no program{f' {to}' if to else ''} takes {kind}; connected: {there}"
            raise ArgumentError(msg)
        path, name = self._table_file(table) if kind == TABLE else self._image_file(what)
        number = harmless(name, ascii_only=True, lines=False)
        text = {"url": path.absolute().as_uri(), "name": number}
        text["table-id" if kind == TABLE else "image-id"] = number
        for one, called in takers.items():
            self._hand_over(client, one, called, {"samp.mtype": kind, "samp.params": text})

    def _hand_over(self, client: Any, one: str, called: str, message: Mapping[str, Any]) -> None:
        name = message["samp.params"]["name"]
        try:
            answer = client.call_and_wait(one, message, str(ANSWER))
        except Exception as error:  # errors of the library, of its transport and of the hub
            answer = {"samp.status": "samp.error", "samp.error": {"samp.errortxt": str(error)}}
        if answer.get("samp.status") == "samp.ok":
            out(f"samp: {called} has {name}\n")
            return
        said = str((answer.get("samp.error") or {}).get("samp.errortxt", "it did not say why"))
        out(f"samp: {called} did not take {name}: {harmless(said, lines=False)[:160]}\n")

    def _table_file(self, table: Table) -> tuple[Path, str]:
        name = f"awe-{len(list(self._place().iterdir())) + 1}"
        path = self._place() / f"{name}.vot"
        try:
            table.write(path, format="votable")
        except (TypeError, ValueError) as error:
            msg = f"the table cannot be a VOTable: {str(error)[:120]}; leave out that column"
            raise ArgumentError(msg) from error
        return path, str(table.meta.get("name", name))

    def _image_file(self, frame: Any) -> tuple[Path, str]:
        """Return a file of an image; one is written for arrays, parts and extensions."""
        sight = resolve("awe.inspect.sight:sight_of")(frame)
        if sight.path and not sight.name.endswith("]"):
            return Path(sight.path), sight.name
        path: Path = resolve("awe.inspect.ds9:written")(sight, self._place())
        return path, sight.name

    def _place(self) -> Path:
        """Return the directory of what is sent, which goes with the prompt."""
        if not self._folder:
            self._folder = tempfile.mkdtemp(prefix="awe-samp-")
            atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        return Path(self._folder)

    # pointers

    def follow(self, window: Inspection | None) -> None:
        """Let a window and the pointers of other programs follow each other on the sky.

        Parameters
        ----------
        window : Inspection or None
            What `inspect` gave; None ends it for all.

        Raises
        ------
        ServiceDown
            No hub runs.
        ArgumentError
            The frame has no coordinates of the sky, or its window is in this process.
        """
        for one in self._followers:
            with contextlib.suppress(AweError):  # it was closed
                one.follow(None)
        self._followers.clear()
        if window is None:
            return
        if backend.screen().has_windows and hasattr(window, "every_figure"):
            # their toolkit is in this process and knows one thread
            msg = "pointers follow windows that have a process of their own, as on Linux"
            raise ArgumentError(msg)
        self._hub()
        window.follow(self._pointed)
        self._followers.append(window)

    def _pointed(self, ra: float, dec: float) -> None:
        """Let others know soon where the pointer is; called for each of its motions."""
        waiting, self._pointer = self._pointer, (ra, dec)
        if waiting is None:
            self._came.put(("", "", {}, None))

    def _point_out(self, client: Any) -> None:
        """Tell others where the pointer is now."""
        time.sleep(PAUSE)
        place, self._pointer = self._pointer, None
        if place is not None:
            with contextlib.suppress(Exception):  # the hub is gone: nobody follows
                client.enotify_all(POINT, ra=f"{place[0]:.7f}", dec=f"{place[1]:.7f}")

    # what comes, in threads of the library's server; it counts the arguments of what it calls

    def _notice(self, key: str, sender: str, kind: str, about: Any, whole: Any) -> None:
        self._came.put((sender, kind, about, None))

    def _call(
        self, key: str, sender: str, number: str, kind: str, about: Any, whole: Any
    ) -> None:
        self._came.put((sender, kind, about, number))

    def _work(self, client: Any) -> None:
        while self._client is client:
            try:
                sender, kind, about, number = self._came.get(timeout=1)
            except queue.Empty:
                continue
            if not sender:
                self._point_out(client)
                continue
            status, said = "samp.ok", ""
            try:
                self._take(self._name(sender), kind, about)
            except Exception as error:  # of any kind: it is what another program sent
                status, said = "samp.error", f"{type(error).__name__}: {error}"[:200]
                out(f"samp: {self._name(sender)} sent what cannot be taken: {said}\n")
            if number is not None:
                with contextlib.suppress(Exception):  # who sent it is gone
                    client.ereply(number, status, result={}, error={"samp.errortxt": said})

    def _take(self, sender: str, kind: str, about: Mapping[str, str]) -> None:
        if kind == POINT:
            ra, dec = float(about["ra"]), float(about["dec"])
            if not (math.isfinite(ra) and -90 <= dec <= 90):
                msg = f"ra {about['ra']}, dec {about['dec']} is not a place"
                raise ValueError(msg)
            for window in [*self._followers]:
                try:
                    window.point(ra % 360, dec)
                except AweError:  # it was closed
                    self._followers.remove(window)
            return
        name = harmless(str(about.get("name") or about["url"]), lines=False)
        if kind == IMAGE:
            parts = urlsplit(about["url"])
            path = urllib.request.url2pathname(parts.path) if parts.scheme == "file" else ""
            self.images.append(path or self._fetched(about["url"], "image.fits"))
            out(f"samp: {sender} sent {name}: inspect(samp.images[-1])\n")
            return
        read = resolve("astropy.table:Table").read
        path = self._fetched(about["url"], "table")
        table = read(path, format="votable" if kind == TABLE else "fits")
        table.meta["name"] = name
        self.tables.append(table)
        out(f"samp: {sender} sent {name}, {len(table)} rows: samp.tables[-1]\n")

    def _fetched(self, address: str, name: str) -> str:
        """Return a file of what an address has."""
        if urlsplit(address).scheme not in ("file", "http", "https"):
            msg = f"{address[:80]}: expected an address of file, http or https"
            raise ValueError(msg)
        path = Path(tempfile.mkdtemp(dir=self._place())) / name
        with urllib.request.urlopen(address, timeout=ANSWER) as source, path.open("wb") as file:
            while block := source.read(1 << 20):
                file.write(block)
                if file.tell() > MOST:
                    msg = f"more than {MOST / 1e6:.0f} MB"
                    raise ValueError(msg)
        return str(path)

    def __repr__(self) -> str:
        state = "connected" if self._client is not None else "not connected"
        return f"<samp: {state}, {len(self.tables)} tables, {len(self.images)} images>"


#: The connection of this prompt.
samp = Samp()

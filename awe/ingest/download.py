"""Files of an archive brought here by HTTP: continued where they broke off, within limits.

A file goes into one folder, under a name of letters and digits made from its address; nothing
that a server says decides where. It gets that name when it is complete. What an answer is, is told
from its first bytes: FITS, packed or not, or a page that names files.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from awe.config import home_directory
from awe.errors import ArchiveError, ArgumentError, AweError, DiskFull, FileTaken
from awe.ingest import archive
from awe.ingest.arrival import Arrival
from awe.ingest.report import Row, State
from awe.localfiles import plain_name

if TYPE_CHECKING:
    import httpx

__all__ = ["Fetched", "fetched"]

#: Bytes of a file, and of a page that names files.
LARGEST = 16 << 30
LARGEST_PAGE = 16 << 20
#: Seconds: to connect, between two parts of an answer, for a whole file.
CONNECT, SILENCE, LONGEST = 10.0, 30.0, 6 * 3600.0
#: Bytes that have to come within the patience [s].
PACE, PATIENCE = 1 << 20, 60.0
#: Waits [s] before it is tried again after nothing came.
WAITS = (0.5, 2.0, 8.0)
#: Seconds a busy server may ask to be left alone.
LONGEST_WAIT = 60.0
MOST_MOVES = 5
#: What an answer begins with, and how files of that kind end.
KINDS = ((b"SIMPLE  =", ".fits"), (b"\x1f\x8b", ".fits.gz"), (b"BZh", ".fits.bz2"))
MOVED = (301, 302, 303, 307, 308)

#: Files that are fetched at the same time; more would be a burden to an archive.
AT_ONCE = 4

Page = tuple[bytes, str]
#: a file that is here, what a page names, or what went wrong
Brought = Path | list[archive.Remote] | AweError
Progress = Callable[[int, int], None]


@dataclass
class Fetched:
    """What came from an archive: files on this machine, and a row for each that did not come."""

    folder: Path
    paths: list[Path] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def where(self) -> str:
        """How many files are here, and where."""
        return f"{len(self.paths)} file(s) of the archive are in {self.folder}"


def fetched(
    given: Any,
    into: Path | str | None = None,
    *,
    hosts: Collection[str] = (),
    progress: Progress | None = None,
) -> Fetched:
    """Bring the files of an archive here; those that are here already are not sent again.

    Parameters
    ----------
    given : str, table, or iterable of str, pair or Source
        An address of a file, of a list or of a folder; `@list` of addresses; a table as astroquery
        gives it; pairs of name and address, or objects with `name` and `url`.
    into : path, optional
        Folder for them; one below `AWE_HOME/fetched` that belongs to what is asked otherwise.
    hosts : collection of str
        Further hosts that may answer: an archive may send files from elsewhere.
    progress : callable, optional
        Called with the number of files done and of all.

    Raises
    ------
    ArchiveError
        A list, page or table names no file, or one elsewhere; another ingest fetches into it.
    ArgumentError
        What is given names no address, or the folder cannot be made.
    DiskFull
        There is no space left for a file.
    """
    import httpx

    remotes = archive.asked(given)
    folder = _folder(remotes) if into is None else Path(into).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{folder}: no folder for what is fetched ({error.strerror}); choose one with --into"
        raise ArgumentError(msg) from None
    limits = httpx.Timeout(SILENCE, connect=CONNECT)
    with _alone(folder), httpx.Client(timeout=limits, follow_redirects=False) as session:
        bringing = _Archive(session, folder, hosts, progress)
        try:
            return bringing.bring(remotes)
        except KeyboardInterrupt as stop:
            stop.add_note(bringing.got.where)
            raise


def _folder(remotes: list[archive.Remote]) -> Path:
    addresses = "\n".join(archive.plainly(remote.url) for remote in remotes)
    key = hashlib.sha256(addresses.encode()).hexdigest()[:8]
    host = plain_name(urlsplit(remotes[0].url).hostname or "") if remotes else "nothing"
    return home_directory() / "fetched" / f"{host}-{key}"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder: two that continue one file would mix their bytes."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        msg = f"{folder}: another ingest fetches into this folder; wait for it, or use --into"
        raise ArchiveError(msg) from None
    finally:
        os.close(lock)


class _Archive:
    """One call: what was asked, some files at a time, over connections that are used again."""

    def __init__(
        self, session: httpx.Client, folder: Path, hosts: Collection[str],
        progress: Progress | None,
    ) -> None:  # fmt: skip
        self.session = session
        self.hosts = {host.lower() for host in hosts}
        self.progress = progress
        self.got = Fetched(folder)
        self._stop = threading.Event()
        self._naming = threading.Lock()

    def bring(self, remotes: list[archive.Remote]) -> Fetched:
        """Fetch what was asked, and what lists and pages among it name."""
        found = self._all(remotes, done=0, may_list=True)
        if len(remotes) == 1 and isinstance(found[0], AweError):
            raise found[0]
        # the files of a page come in its place
        named = [one for some in found if isinstance(some, list) for one in some]
        behind = iter(self._all(named, done=len(remotes) - _pages(found), may_list=False))
        for remote, what in zip(remotes, found, strict=True):
            if isinstance(what, list):
                for one in what:
                    self._keep(one, next(behind))
            else:
                self._keep(remote, what)
        return self.got

    def _keep(self, remote: archive.Remote, what: Brought) -> None:
        if isinstance(what, Path) and what in self.got.paths:
            msg = f"{archive.plainly(remote.url)}: two files of this ingest are called {what.name}"
            what = FileTaken(msg)
        if isinstance(what, AweError):
            self.got.rows.append(_lost(remote, what))
        elif isinstance(what, Path):
            self.got.paths.append(what)

    def _all(
        self, remotes: list[archive.Remote], *, done: int, may_list: bool
    ) -> list[Brought]:
        """Fetch files and pages, several at a time; return what each is, in order."""
        found: dict[int, Brought] = {}
        # one address that is named twice is fetched once and then asked again: its bytes must
        # not mix
        chains: dict[str, list[int]] = {}
        for number, remote in enumerate(remotes):
            chains.setdefault(archive.plainly(remote.url), []).append(number)

        def bring(numbers: list[int]) -> None:
            for number in numbers:
                found[number] = self._one(remotes[number], may_list)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            jobs = [pool.submit(bring, numbers) for numbers in chains.values()]
            try:
                for job in as_completed(jobs):
                    job.result()
                    if self.progress is not None:
                        here = len(found) - _pages(found.values())
                        more = sum(len(one) for one in found.values() if isinstance(one, list))
                        self.progress(done + here, done + len(remotes) - _pages(found.values())
                                      + more)  # fmt: skip
            except BaseException:
                # who stops it keeps what is here; what is under way ends at its next part
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                self.got.paths += [one for one in found.values() if isinstance(one, Path)]
                raise
        return [found[number] for number in range(len(remotes))]

    def _one(self, remote: archive.Remote, may_list: bool) -> Brought:
        """Fetch a file, or return what a page names, or what went wrong."""
        try:
            arrival = Arrival(self.got.folder, remote)
            page = self._tried(arrival, may_list)
            if page is not None:
                return archive.named(*page, self.hosts)
            with self._naming:
                # who comes first has the name
                return arrival.appear()
        except DiskFull:
            raise
        except AweError as error:
            return error

    def _tried(self, arrival: Arrival, may_list: bool) -> Page | None:
        idle, most, until = 0, arrival.size, time.monotonic() + LONGEST
        while True:
            try:
                return self._attempt(arrival, may_list)
            except ArchiveError as error:
                # what comes again after a new beginning does not count
                idle = 0 if arrival.size > most else idle + 1
                most = max(most, arrival.size)
                tired = idle > len(WAITS) or time.monotonic() > until or self._stop.is_set()
                if tired or not getattr(error, "worth_another_try", False):
                    raise
                self._stop.wait(getattr(error, "wait", WAITS[idle - 1] if idle else 0.0))

    def _attempt(self, arrival: Arrival, may_list: bool) -> Page | None:
        """Ask once: the file goes on arriving, or a page is returned with its address."""
        url = arrival.url
        for _ in range(MOST_MOVES + 1):
            with (
                _faults(arrival.shown),
                self.session.stream("GET", url, headers=arrival.request()) as answer,
            ):
                if answer.status_code not in MOVED:
                    page = self._taken_in(answer, arrival, may_list)
                    return None if page is None else (page, str(answer.url))
                url = self._moved(answer, arrival)
        msg = f"{arrival.shown}: the archive sends on from one address to the next"
        raise ArchiveError(msg)

    def _moved(self, answer: httpx.Response, arrival: Arrival) -> str:
        target = archive.joined(str(answer.url), answer.headers.get("location", ""))
        if archive.is_inside(target, arrival.url, self.hosts):
            return target
        host = archive.host_of(target)
        cure = f"--host {host} allows it" if host else "ask the archive for the right address"
        there = f"{archive.plainly(target)!a:.200}"
        msg = f"{arrival.shown} is sent on to {there}, which was not asked; {cure}"
        raise ArchiveError(msg)

    def _taken_in(
        self, answer: httpx.Response, arrival: Arrival, may_list: bool
    ) -> bytes | None:
        if answer.status_code == 304 and arrival.complete:
            return None
        _check(answer, arrival)
        goes_on = arrival.begins(answer)
        parts = _paced(answer, arrival.shown, self._stop)
        head = b"" if goes_on else _head(parts)
        ending = "" if goes_on else _ending(head)
        if not goes_on and not ending:
            if may_list and b"\0" not in head[:2000]:
                return _page(head, parts, arrival.shown)
            msg = f"{arrival.shown} is not a FITS file, it begins with {head[:20]!a}{_hint(head)}"
            raise ArchiveError(msg)
        length = answer.headers.get("content-length", "")
        arrival.receive(head, parts, int(length) if length.isdigit() else None, ending, LARGEST)
        return None


def _pages(found: Iterable[Brought]) -> int:
    return sum(isinstance(one, list) for one in found)


def _lost(remote: archive.Remote, error: AweError) -> Row:
    name = plain_name(remote.called) or "file"
    return Row(path=Path(name), state=State.FAILED, message=str(error))


def _head(parts: Iterator[bytes]) -> bytes:
    head = b""
    for part in parts:
        head += part
        if len(head) >= 2000:
            break
    return head


def _ending(head: bytes) -> str:
    if head[257:262] == b"ustar":
        return ".tar"
    return next((ending for magic, ending in KINDS if head.startswith(magic)), "")


def _hint(head: bytes) -> str:
    if head.startswith(b"\x1f\x9d"):
        return " (packed by compress, .Z): fetch it, unpack it with gunzip, then awe-ingest -i"
    if head.lstrip()[:1] == b"<":
        return ": a page came instead, perhaps it asks for a login"
    return ""


def _page(head: bytes, parts: Iterator[bytes], name: str) -> bytes:
    content = head
    for part in parts:
        content += part
        if len(content) > LARGEST_PAGE:
            msg = f"{name} is not a FITS file, and too large for a list ({LARGEST_PAGE >> 20} MB)"
            raise ArchiveError(msg)
    return content


def _paced(answer: httpx.Response, name: str, stop: threading.Event) -> Iterator[bytes]:
    """Yield what comes, as it was sent; too little, for too long, or a stop ends it."""
    begin = time.monotonic()
    came, until = 0, begin + PATIENCE
    for part in answer.iter_raw():
        now = time.monotonic()
        came += len(part)
        if came >= PACE:
            came, until = 0, now + PATIENCE
        if now > until or now - begin > LONGEST:
            slow = f"less than {PACE >> 20} MB in {PATIENCE:.0f} s"
            long = f"for longer than {LONGEST / 3600:.0f} h"
            msg = f"{name}: the archive sends {slow if now > until else long}; try again later"
            raise ArchiveError(msg)
        if stop.is_set():
            msg = f"{name}: stopped; repeat the command to go on"
            raise ArchiveError(msg)
        yield part


@contextmanager
def _faults(name: str) -> Iterator[None]:
    import httpx

    try:
        yield
    except (httpx.TransportError, httpx.InvalidURL) as error:
        said = re.sub(r"\s+", " ", str(error))[:200] or type(error).__name__
        msg = f"{name}: the archive does not answer ({said}); repeat the command to go on"
        raised = ArchiveError(msg)
        raised.worth_another_try = not isinstance(  # type: ignore[attr-defined]
            error, httpx.InvalidURL | httpx.UnsupportedProtocol
        )
        raise raised from error


def _check(answer: httpx.Response, arrival: Arrival) -> None:
    """Raise what a status means that gives no file."""
    status = answer.status_code
    if status in (200, 206):
        return
    meaning = {
        401: "it requires a login: fetch the file with the archive's own tool, then awe-ingest -i",
        403: "it does not give this file to you",
        404: "it has no such file",
        410: "it has no such file any more",
        416: "it could not go on where the file broke off",
    }.get(status, "try again later" if status >= 500 or status == 429 else "")
    msg = f"{arrival.shown}: the archive answers {status}{f', {meaning}' if meaning else ''}"
    error = ArchiveError(msg)
    if status == 416:
        arrival.forget()
    error.worth_another_try = status in (408, 416, 429) or status >= 500  # type: ignore[attr-defined]
    with suppress(ValueError):
        wait = float(answer.headers.get("retry-after", "x"))
        # in this order "nan" means no wait
        error.wait = min(max(0.0, wait), LONGEST_WAIT)  # type: ignore[attr-defined]
    raise error

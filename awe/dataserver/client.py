"""The client of the dataserver.

Owns the way of a file between this machine and the server: temporary name in the target's
folder, length and SHA-256 compared, renamed only then; retried with growing waits, continued
where it broke off, also by a later process. A file on this machine that this account can read
need not travel: a link to it will do where the caller says so. Refuses to replace a local file
with other content unless asked, and to hand over bytes that are not those stored. Every fault is
one line that says what to do next.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit
from uuid import UUID

import httpx

from awe.dataserver import answers, line
from awe.dataserver.attested import holds
from awe.dataserver.part import Part, room
from awe.dataserver.rows import HEADER as ROWS
from awe.dataserver.rows import Rows
from awe.dataserver.upload import Outgoing
from awe.errors import (
    AweError,
    ChecksumMismatch,
    DataserverError,
    FileGone,
    FileTaken,
)
from awe.fits.image import sha256 as sha256_of
from awe.fits.preview import LARGEST
from awe.localfiles import appear, is_plain_file

if TYPE_CHECKING:
    from awe.dataserver.cache import Cache

__all__ = ["Client"]

#: Seconds for the next bytes of an answer, and for the server to take and keep what is sent.
SILENCE = 15.0
SENDING = 60.0
#: Waits before the second and third try, in seconds.
WAITS = (0.3, 1.0)
#: Times a server is followed to another address for one file.
MOST_MOVES = 3


class Client:
    """Files of one dataserver.

    Parameters
    ----------
    base_url : str
        Address of the server, `http://host:port`.
    ticket : callable
        Function that returns the ticket to show, or None to ask as nobody.
    look_again : callable, optional
        Returns where the server is now; asked when it does not answer where it was.
    cache : Cache, optional
        Where files are kept that were fetched; what is there is not fetched again.
    waits : sequence of float
        Times before the second try and further ones [s].
    """

    def __init__(
        self,
        base_url: str,
        ticket: Callable[[], str | None] = lambda: None,
        *,
        look_again: Callable[[], str] | None = None,
        cache: Cache | None = None,
        waits: Sequence[float] = WAITS,
    ) -> None:
        self._waits = waits
        self.base_url = base_url.rstrip("/")
        self._look_again = look_again
        self._ticket = ticket
        self._cache = cache
        self._session: httpx.Client | None = None
        self._opening = threading.Lock()
        self._near = True

    def get(
        self,
        file_id: UUID | str,
        target: Path | str,
        *,
        sha256: str,
        size: int,
        replace: bool = False,
        link: bool = False,
    ) -> Path:
        """Bring a file here and return its path; a right one that is here already is kept.

        Parameters
        ----------
        file_id : UUID
            The file.
        target : path
            Path of the local file.
        sha256, size : str, int
            Checksum and size [byte] that the database holds.
        replace : bool
            Whether a local file of that name with other content is replaced.
        link : bool
            Whether the target may be a symbolic link to the server's own file, which must only be
            read.

        Raises
        ------
        FileTaken
            The target has other content and `replace` is False.
        FileGone
            The server has no such file for you, or has lost it.
        ChecksumMismatch
            What arrives is not what was stored, twice.
        DiskFull
            There is no space here.
        DataserverError
            The server does not answer.
        """
        target = Path(target)
        if os.path.lexists(target):
            if _is_right(target, size, sha256):
                return target
            if not replace:
                msg = f"{target} is here already with other content; move it or use replace=True"
                raise FileTaken(msg)
        elif link and self._link(str(file_id), target, sha256, size):
            return target
        with room(target), Part(target, str(file_id)) as part:
            if not self._from_cache(str(file_id), part, target.name, sha256, size):
                try:
                    self._fetch(str(file_id), part, target, sha256, size)
                except (DataserverError, KeyboardInterrupt) as error:
                    part.keep = getattr(error, "worth_going_on", True)
                    raise
                if self._cache is not None:
                    self._cache.take(part.path, sha256, size)
            appear(part.path, target, replace=replace)
        return target

    def put(
        self, file_id: UUID | str, content: Path | str | Outgoing, *, sha256: str
    ) -> None:
        """Store a local file, or bytes, under an id that was reserved for it.

        Parameters
        ----------
        file_id : UUID
            The reserved id.
        content : path or Outgoing
            The file, or its bytes.
        sha256 : str
            Of all of it, in hexadecimal.

        Raises
        ------
        ChecksumMismatch
            The file changed while it was sent, or arrived damaged, twice.
        FileTaken
            The id has other content.
        DiskFull
            There is no space on the server.
        DataserverError
            The server does not answer or does not take the file.
        """
        if isinstance(content, str | Path):
            content = Outgoing(name=Path(content).name, parts=Path(content))
        headers = content.headers(sha256)

        def send() -> None:
            self._request(
                "PUT",
                f"/file/{file_id}",
                content.name,
                headers=headers,
                content=content.blocks(),
                timeout=SENDING,
            )

        self._tried(send, content.name)

    def show(self, file_id: UUID | str, name: str, png: bytes) -> None:
        """Send the preview of a file whose bytes are still to come; without a second try.

        Raises
        ------
        DataserverError
            The server does not answer or does not take it.
        """
        self._request("PUT", f"/file/{file_id}/preview", name, content=png)

    def preview(self, file_id: UUID | str, name: str) -> bytes:
        """Return the preview of a file.

        Raises
        ------
        FileGone
            There is none, or no such file for you.
        DataserverError
            The server does not answer.
        """
        got = b""

        def receive() -> None:
            nonlocal got
            got = self._first(f"/file/{file_id}/preview", {}, name, LARGEST)

        self._tried(receive, name)
        return got

    def beginning(self, file_id: UUID | str, name: str, *, sha256: str, length: int) -> bytes:
        """Return the first bytes of a file, `length` at most, without the rest of it.

        They are those of the file that has this SHA-256 at the server; what arrives cannot be
        compared with it.

        Raises
        ------
        FileGone
            The server has no such file for you, or has lost it.
        DataserverError
            The server does not answer.
        """
        got = b""

        def receive() -> None:
            nonlocal got
            # If-Range (RFC 9110, 13.1.5): other content comes whole.
            headers = {"range": f"bytes=0-{length - 1}", "if-range": f'"{sha256}"'}
            got = self._first(f"/file/{file_id}", headers, name, length)

        self._tried(receive, name)
        return got

    def rows(self, file_id: UUID | str, name: str, *, sha256: str, rows: Rows) -> bytes:
        """Return stretches of a file, one behind the other, without the rest of it.

        As with `beginning`, what arrives cannot be compared with the checksum.

        Raises
        ------
        FileGone
            The server has no such file for you, or has lost it.
        DataserverError
            The server does not answer, has other content, or does not know such requests.
        """
        got = b""

        def receive() -> None:
            nonlocal got
            got = self._first(f"/file/{file_id}", {ROWS: str(rows)}, name, rows.size, sha256)
            if len(got) < rows.size:
                msg = f"{name} broke off after {len(got)} of {rows.size} bytes"
                raise DataserverError(msg)

        self._tried(receive, name)
        return got

    def _first(
        self, path: str, headers: dict[str, str], name: str, length: int, sha256: str = "",
        *, method: str = "GET", **more: Any,
    ) -> bytes:
        with (
            self._faults(name),
            self._client().stream(
                method, self.base_url + path, headers=self._signed(headers), **more
            ) as answer,
        ):
            answers.require(answer, name, self.base_url)
            if sha256:
                self._require(answer, name, sha256, headers[ROWS])
            got = bytearray()
            for block in answers.parts(answer, name):
                got += block
                if len(got) >= length:
                    break
        return bytes(got[:length])

    def _require(self, answer: httpx.Response, name: str, sha256: str, rows: str) -> None:
        if answer.headers.get("etag") == f'"{sha256}"' and answer.headers.get(ROWS) == rows:
            return
        what = "has other content under it" if ROWS in answer.headers else "knows no rows"
        msg = f"{name}: the file server at {self.base_url} {what}; retrieve() the whole file"
        raise DataserverError(msg)

    def asked(self, path: str, name: str, content: bytes) -> bytes:
        """Post something and return the answer, 64 kB at most; without a second try."""
        return self._first(path, {}, name, answers.LARGEST, method="POST", content=content)

    def url(self, filename: str) -> str:
        """Return the address of a file by its name."""
        return f"{self.base_url}/{quote(filename, safe='')}"

    def close(self) -> None:
        """Close the connections to the server."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _link(self, file_id: str, target: Path, sha256: str, size: int) -> bool:
        """Link to the server's own file; False where it cannot be read here, or is not right."""
        asked = {"awe-near": "path"}
        place = self.told_place("HEAD", f"/file/{file_id}", asked) if self._near else None
        if place is None:
            return False
        try:
            # a pipe must not hold the reader
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            self._near = False  # another machine or account: do not ask again
            return False
        try:
            if not holds(descriptor, sha256, size):
                return False
        finally:
            os.close(descriptor)
        target.symlink_to(place)
        return True

    def told_place(self, method: str, path: str, headers: dict[str, str]) -> Path | None:
        """Return a path on this machine, None if the server does not give one."""
        try:
            answer = self._request(method, path, headers=headers)
            place = urlsplit(answer.get("content-location", ""))
        except (DataserverError, ValueError):
            return None  # to fetch or send it will say what is wrong, and try again
        return Path(unquote(place.path)) if place.scheme == "file" else None

    def _from_cache(self, file_id: str, part: Part, name: str, sha256: str, size: int) -> bool:
        """Copy a file out of the cache, if the server says that it may be read."""
        if self._cache is None or not self._cache.has(sha256, size):
            return False
        headers = {"if-none-match": f'"{sha256}"'}

        def ask() -> None:
            self._request("GET", f"/file/{file_id}", name, headers=headers)

        try:
            self._tried(ask, name)
        except FileGone as error:
            # lost or damaged there, and right here: who may not read it is told otherwise
            if getattr(error, "status", 404) != answers.GONE:
                raise
        return self._cache.give(sha256, size, part)

    def _fetch(self, file_id: str, part: Part, target: Path, sha256: str, size: int) -> None:
        def receive() -> None:
            self._continue(file_id, part, target.name, sha256, size)
            if part.size < size:
                msg = f"{target.name} broke off after {part.size} of {size} bytes"
                raise DataserverError(msg)
            # Of the whole file on disk: an earlier try may have left its beginning.
            found = sha256_of(part.path)
            if found != sha256:
                part.empty()
                msg = f"{target.name} from {self.base_url} has SHA-256 {found}, stored {sha256}"
                raise ChecksumMismatch(msg)

        try:
            self._tried(receive, target.name)
        except ChecksumMismatch as error:
            # the server is asked to look at its copy; heard or not, this error is the one told
            with suppress(AweError):
                self._request("POST", f"/file/{file_id}/verify")
            msg = f"{error}; nothing was written, ask the administrator for 'awe-admin fsck'"
            raise ChecksumMismatch(msg) from None

    def _continue(self, file_id: str, part: Part, name: str, sha256: str, size: int) -> None:
        have = part.size
        headers = {"range": f"bytes={have}-", "if-range": f'"{sha256}"'} if have else {}
        with (
            self._faults(name),
            self._client().stream(
                "GET", f"{self.base_url}/file/{file_id}", headers=self._signed(headers)
            ) as answer,
        ):
            # Nothing is left to send; the checksum says if what is here is right.
            if answer.status_code == 416:
                return
            answers.require(answer, name, self.base_url)
            more = answer.status_code == 206
            left = size - have if more else size
            if not more:
                part.empty()
            for block in answers.parts(answer, name):
                left -= len(block)
                if left < 0:
                    raise answers.too_long(name, self.base_url, size)
                part.write(block)

    def _tried(self, action: Callable[[], None], name: str) -> None:
        damaged = moves = 0
        waits = iter((*self._waits, None))
        wait = next(waits)
        while True:
            try:
                return action()
            except ChecksumMismatch:
                damaged += 1
                if wait is None or damaged > 1:
                    raise
            except DataserverError as error:
                # another address is tried at once, also after the last wait: nothing was sent yet
                if moves < MOST_MOVES and self._moved(error):
                    moves += 1
                    continue
                if wait is None or not getattr(error, "worth_another_try", True):
                    raise
            time.sleep(wait)
            wait = next(waits)

    def _moved(self, error: DataserverError) -> bool:
        """Follow the server to another address, if the database knows one."""
        if self._look_again is None or not getattr(error, "nobody_there", False):
            return False
        place = self._look_again().rstrip("/")
        if place == self.base_url:
            return False
        self.close()
        self.base_url = place
        return True

    def _request(
        self, method: str, path: str, name: str = "", **arguments: Any
    ) -> Mapping[str, str]:
        """Ask something that is answered in a few bytes, and return the headers.

        With a `name` of what it is about, a refusal is raised.
        """
        with self._faults(name or path):
            headers = self._signed(arguments.pop("headers", {}))
            with self._client().stream(
                method, self.base_url + path, headers=headers, **arguments
            ) as answer:
                if name:
                    answers.require(answer, name, self.base_url)
                answers.short(answer)
                return answer.headers

    def _client(self) -> httpx.Client:
        with self._opening:
            if self._session is None:
                self._session = line.session(
                    self.base_url, self._ticket, sending=SENDING, silence=SILENCE
                )
                weakref.finalize(self, self._session.close)
            return self._session

    def _signed(self, headers: dict[str, str]) -> dict[str, str]:
        ticket = self._ticket()
        signed = {**headers, "accept-encoding": "identity"}
        if ticket:
            signed["authorization"] = f"Bearer {ticket}"
        return signed

    @contextmanager
    def _faults(self, name: str) -> Iterator[None]:
        try:
            yield
        except DataserverError as error:
            # not proven to be the server: perhaps it is elsewhere now
            error.nobody_there = True  # type: ignore[attr-defined]
            raise
        except (httpx.TransportError, httpx.InvalidURL) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise answers.not_trusted(self.base_url, error) from error
            silent = isinstance(error, httpx.ReadTimeout)
            reason = f"silent for {SILENCE:.0f} s" if silent else str(error)
            msg = (
                f"the file server at {self.base_url} does not answer "
                f"({reason or type(error).__name__}) for {name}; "
                "metadata is fine, start the server with 'awe-admin start' and repeat"
            )
            raised = DataserverError(msg)
            raised.worth_another_try = not silent  # type: ignore[attr-defined]
            raised.nobody_there = isinstance(error, httpx.ConnectError)  # type: ignore[attr-defined]
            raise raised from error


def _is_right(path: Path, size: int, sha256: str) -> bool:
    right = is_plain_file(path) and path.stat().st_size == size
    return right and sha256_of(path) == sha256

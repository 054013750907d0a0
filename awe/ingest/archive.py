"""Which files are requested of an archive: addresses, lists of them, pages of folders, tables.

What a server sends may name further files; only those of the host that was asked count, and of a
page of a folder only those inside it. Nothing here fetches anything or touches the disk.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Protocol, runtime_checkable
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from awe.errors import ArchiveError, ArgumentError
from awe.ingest.sources import ENDINGS, TAR

__all__ = ["FITS_PAGE", "Remote", "Source", "asked", "host_of", "is_inside", "joined", "named",
           "plainly"]  # fmt: skip

SCHEMES = ("http", "https")
PORTS = {"http": 80, "https": 443}
NAME_WITH_COLON = re.compile(r"[^/?#:]+:(?!//)")
#: A VOTable that has its rows at another address, or hides that it does.
ELSEWHERE = re.compile(rb"<(?:[\w.-]+:)?STREAM\s[^<]*\bhref\s*=|<!ENTITY", re.IGNORECASE)
#: Files that one list, page or table may name.
MOST_FILES = 100_000
#: Columns of tables as TAP services and astroquery name them: ESO's identifier, ObsCore 1.1,
#: DataLink 1.1, and what others call an address. The first that a table has is taken.
IDENTIFIERS = ("dp_id", "DP.ID")
ADDRESSES = ("access_url", "datalink_url", "datalink", "dataURL", "url", "URL")
#: Where ESO gives a file by its identifier.
FITS_PAGE = "https://dataportal.eso.org/dataPortal/file/"


@runtime_checkable
class Source(Protocol):
    """A file of an archive: what anything that yields such objects can be fetched from."""

    @property
    def url(self) -> str:
        """Address of the file, http or https."""

    @property
    def name(self) -> str:
        """What the file is called here; empty for the last part of the address."""


@dataclass(frozen=True)
class Remote:
    """A file of an archive, or a page that names files."""

    url: str
    name: str = ""

    @property
    def called(self) -> str:
        """Name of the file as its archive writes it, not fit for a disk yet."""
        return self.name or unquote(urlsplit(self.url).path.rpartition("/")[2])


def asked(given: Any) -> list[Remote]:
    """Return what was requested.

    Parameters
    ----------
    given : str, table, or iterable of str, pair or Source
        An address; `@list` of addresses on this machine; a table with a column `dp_id`,
        `access_url`, `datalink_url` or `url`, such as astroquery gives; pairs of name and address.

    Raises
    ------
    ArgumentError
        It is something else, or an address of another kind than http and https.
    """
    if isinstance(given, str | Path):
        text = str(given)
        return _listed(Path(text[1:])) if text.startswith("@") else [_remote(text)]
    heads = getattr(given, "colnames", getattr(given, "columns", None))
    if heads is not None:
        return _table(given, [str(head) for head in heads])
    if not isinstance(given, Iterable):
        msg = f"--from takes an address, a list or a table, not {type(given).__name__}"
        raise ArgumentError(msg)
    return [remote for one in given for remote in _one(one)]


def _one(given: Any) -> list[Remote]:
    if isinstance(given, str | Path):
        return asked(given)
    if isinstance(given, Source):
        return [_remote(given.url, given.name)]
    if isinstance(given, tuple | list) and len(given) == 2:
        return [_remote(str(given[1]), str(given[0]))]
    return asked(given)


def _remote(url: str, name: str = "") -> Remote:
    try:
        parts = urlsplit(url)
        right = parts.scheme in SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        right = False
    if not right or not url.isprintable() or " " in url:
        msg = f"{plainly(url)!a:.200} is not an address of a file: expected http(s)://HOST/PATH"
        raise ArgumentError(msg)
    return Remote(url, name)


def _listed(path: Path) -> list[Remote]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        msg = f"@{path}: the list of addresses cannot be read ({reason})"
        raise ArgumentError(msg) from None
    found = [_remote(line) for line in _lines(text)]
    if not found:
        msg = f"@{path}: the list is empty; write one address a line"
        raise ArgumentError(msg)
    return found


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _table(table: Any, heads: list[str]) -> list[Remote]:
    head = next((head for head in (*IDENTIFIERS, *ADDRESSES) if head in heads), None)
    if head is None:
        msg = (
            f"the table has no column of addresses: expected {', '.join(IDENTIFIERS)} or "
            f"{', '.join(ADDRESSES)}, its columns are {', '.join(heads)}"
        )
        raise ArgumentError(msg)
    cells = [_text(cell) for cell in table[head]]
    if head in IDENTIFIERS:
        return [_remote(FITS_PAGE + quote(cell, safe=":"), cell) for cell in cells if cell]
    return [_remote(cell) for cell in cells if cell]


def _text(cell: Any) -> str:
    """Return the text of a cell; empty for one without a value."""
    if isinstance(cell, bytes):
        cell = cell.decode("ascii", "replace")
    # numpy's masked value and pandas' NaN have no letters of an address in them
    return cell.strip() if isinstance(cell, str) else ""


def plainly(url: str) -> str:
    """Return an address without a name and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def is_inside(url: str, origin: str, hosts: Iterable[str] = ()) -> bool:
    """Return True for an address of the host that was asked, or of one that may answer as well.

    Parameters
    ----------
    url, origin : str
        The address somebody else gave, and the one that was asked.
    hosts : iterable of str
        Further hosts, `HOST` or `HOST:PORT`.
    """
    try:
        there, here = urlsplit(url), urlsplit(origin)
        place, home = _place(there), _place(here)
    except ValueError:
        return False
    if there.scheme not in SCHEMES or (here.scheme == "https" and there.scheme == "http"):
        return False
    if place[0] in hosts or f"{place[0]}:{place[1]}" in hosts:
        return True
    encrypted = here.scheme == "http" and place == (home[0], 443) and home[1] == 80
    return place == home or encrypted


def _place(parts: Any) -> tuple[str, int]:
    return (parts.hostname or "").lower(), parts.port or PORTS.get(parts.scheme, 0)


def named(content: bytes, origin: str, hosts: Iterable[str] = ()) -> list[Remote]:
    """Return the files that a list, a page of a folder or a VOTable names.

    Parameters
    ----------
    content : bytes
        What the server sent.
    origin : str
        Where it came from, which was asked.
    hosts : iterable of str
        Further hosts files may be on.

    Raises
    ------
    ArchiveError
        It names no file, or one of a host that was not asked.
    """
    text = content.decode("utf-8", "replace")
    begin = text.lstrip("\ufeff \t\r\n")[:2000].lower()
    if "<votable" in begin:
        found = _votable(content, origin)
    elif begin.startswith("<"):
        found = list(_folder(text, origin))
    else:
        found = [joined(origin, line) for line in _lines(text)]
    found = list(dict.fromkeys(found))
    where = plainly(origin)
    if not found or len(found) > MOST_FILES:
        what = "no FITS file" if not found else f"{len(found)} files, {MOST_FILES} are the most"
        msg = f"{where} names {what}; ask for a file, a list of files or a folder of them"
        raise ArchiveError(msg)
    odd = [url for url in found if not is_inside(url, origin, hosts)]
    if odd:
        host = host_of(odd[0])
        hint = f"; --host {host} takes files from there as well" if host else ""
        msg = f"{where} names {plainly(odd[0])!a:.200}, which is not on the host you asked{hint}"
        raise ArchiveError(msg)
    try:
        return [_remote(url) for url in found]
    except ArgumentError as error:
        msg = f"{where}: {error}"
        raise ArchiveError(msg) from None


def joined(origin: str, link: str) -> str:
    """Return the address of a link; `CAMERA.2012-06-01T08:51:46.fits` has no scheme before `:`.

    What cannot be read as an address is returned unchanged; no host has it.
    """
    try:
        return urljoin(origin, f"./{link}" if NAME_WITH_COLON.match(link) else link)
    except ValueError:
        return link


def host_of(url: str) -> str:
    """Return the host of an address of http, as `--host` takes it."""
    try:
        parts = urlsplit(url)
        host, port = _place(parts)
    except ValueError:
        return ""
    if parts.scheme not in SCHEMES:
        return ""
    return host if port == PORTS[parts.scheme] else f"{host}:{port}"


class _Links(HTMLParser):
    """The links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def _folder(text: str, origin: str) -> Iterator[str]:
    """Yield the addresses of FITS files in the folder of a page."""
    links = _Links()
    # what Python cannot read of a page ends it there
    with suppress(AssertionError):
        links.feed(text)
    folder = urlsplit(urljoin(origin, "."))
    for link in links.found:
        try:
            target = urlsplit(joined(origin, link))
        except ValueError:
            continue
        parent, _, name = target.path.rpartition("/")
        inside = (target.scheme, target.netloc, f"{parent}/") == (
            folder.scheme, folder.netloc, folder.path,
        )  # fmt: skip
        if inside and unquote(name).lower().endswith((*ENDINGS, *TAR)):
            yield urlunsplit(target._replace(query="", fragment=""))


def _votable(content: bytes, origin: str) -> list[str]:
    """Return the addresses in a VOTable: those of a DataLink that are the data themselves."""
    from astropy.io.votable import parse

    if ELSEWHERE.search(content):
        # astropy would open whatever address or file of this machine it names
        msg = f"{plainly(origin)}: its VOTable has its data elsewhere; ask for one with its rows"
        raise ArchiveError(msg)
    try:
        with warnings.catch_warnings(action="ignore"):
            tables = list(parse(io.BytesIO(content), verify="ignore").iter_tables())
            rows = [list(_rows(table.to_table())) for table in tables if len(table.array)]
    except Exception as error:
        reason = f"{type(error).__name__}: {error!s:.200}"
        msg = f"{plainly(origin)}: its VOTable cannot be read ({reason})"
        raise ArchiveError(msg) from error
    return [joined(origin, url) for some in rows for url in some]


def _rows(table: Any) -> Iterator[str]:
    heads: Mapping[str, Any] = {head: table[head] for head in table.colnames}
    if "access_url" in heads and "semantics" in heads:
        for url, meaning in zip(heads["access_url"], heads["semantics"], strict=True):
            # DataLink 1.1, 3.2.6: #this is the data set, the others are previews, calibrations
            if _text(meaning).endswith("#this") and _text(url):
                yield _text(url)
        return
    yield from (remote.url for remote in _table(table, list(heads)))

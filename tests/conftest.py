"""The database of the test run: a real server, one template, a copy as new for each test."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import order
import pytest
from databases import Pool

from awe.db.declare import registry
from awe.services.cluster import Cluster, ClusterSettings

# a run started in the background by a shell ignores Ctrl-C, and so would all it starts
signal.signal(signal.SIGINT, signal.default_int_handler)

TEMPLATE = "awe_template"
#: The same in every copy of this module: some tests install a second time in the same server.
PASSWORDS = {name: f"{name}-password" for name in ("awe_dataserver", "awe_runner", "awe_pages")}
PEOPLE = {
    "student": "awstudent",
    "other": "awother",
    "scientist": "awscientist",
    "manager": "awmanager",
    "outsider": "awoutsider",
}
MEMBERS = [
    ("TUTORIAL2015", "student", False),
    ("TUTORIAL2015", "other", False),
    ("TUTORIAL2015", "manager", True),
    ("OMEGACAM@VST", "scientist", True),
]


@dataclass
class Database:
    """One database with the five people of the tests, and ways in for each of them."""

    cluster: Cluster
    name: str
    _open: list[Any] = field(default_factory=list)

    def user(self, person: str) -> str:
        return PEOPLE.get(person, person)

    def password(self, person: str) -> str:
        role = self.user(person)
        return "anonymous" if role == "anonymous" else PASSWORDS.get(role, f"{role}-password")

    @property
    def database_name(self) -> str:
        return f"{self.cluster.socket}:5432/{self.name}"

    def environment(self, person: str = "student", **more: str) -> dict[str, str]:
        """Keyword arguments for Environment.load(...)."""
        course = person in ("student", "other", "manager")
        return {
            "database_user": self.user(person),
            "database_password": self.password(person),
            "database_name": self.database_name,
            "project": "TUTORIAL2015" if course else "OMEGACAM@VST",
            "privileges": "1",
            **more,
        }

    def connect(self, person: str = "student", **more: Any) -> Any:
        """A psycopg2 connection of that person, closed at the end of the test."""
        import psycopg2

        connection = psycopg2.connect(
            host=str(self.cluster.socket), port=5432, dbname=self.name,
            user=self.user(person), password=self.password(person), **more,
        )
        connection.autocommit = True
        self._open.append(connection)
        return connection

    def superuser(self) -> Any:
        import psycopg2

        connection = psycopg2.connect(**self.cluster.superuser(self.name))
        connection.autocommit = True
        self._open.append(connection)
        return connection

    def rows(self, person: str, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement as that person ('superuser' as the administrator)."""
        connection = self.superuser() if person == "superuser" else self.connect(person)
        with closing(connection), connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        for connection in self._open:
            connection.close()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The server of the test run, as the product starts it but without waiting for the disk."""
    import psycopg2

    home = Path(tempfile.gettempdir()) / f"awe-tests-{os.getpid()}-{secrets.token_hex(4)}"
    settings = ClusterSettings(durable=False, ballast_bytes=0, shared_buffers="64MB")
    server = Cluster(home, settings)
    server.start()
    connection = psycopg2.connect(**server.superuser())
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        # what it analyzes has another catalog than its template and is not used again
        cursor.execute("ALTER SYSTEM SET autovacuum = off")
        cursor.execute("SELECT pg_reload_conf()")
    yield server
    server.stop()
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """A database with schema, people and projects, to be copied."""
    import psycopg2
    from psycopg2.extensions import encrypt_password

    from awe.db.schema import install as schema

    services = {k: v for k, v in PASSWORDS.items() if k.startswith("awe_")}
    schema.install(cluster.superuser(), services, database=TEMPLATE)
    connection = psycopg2.connect(**cluster.superuser(TEMPLATE))
    with connection, connection.cursor() as cursor:
        for person, role in PEOPLE.items():
            verifier = encrypt_password(f"{role}-password", role, connection, "scram-sha-256")
            cursor.execute("SELECT awe.user_create(%s, %s, %s)", (role, verifier, person.title()))
        for project, person, manager in MEMBERS:
            cursor.execute("SELECT awe.member_add(%s, %s, %s)", (project, PEOPLE[person], manager))
    connection.close()
    return TEMPLATE


@pytest.fixture(scope="session")
def pool(cluster: Cluster, template: str) -> Pool:
    """Copies of the template, used one after the other."""
    return Pool(cluster, template)


@pytest.fixture(autouse=True)
def own_classes() -> Iterator[None]:
    """Classes that a test declares leave the list of classes with it."""
    known = set(registry.declared)
    yield
    for name in registry.declared.keys() - known:
        if registry.declared[name].__module__.partition(".")[0].startswith("test"):
            del registry.declared[name]
            registry.registry.pop(name, None)


@pytest.fixture
def db(pool: Pool) -> Iterator[Database]:
    """A database as new: everybody registered, no objects."""
    with taken(pool) as database:
        yield database


@pytest.fixture(scope="module")
def standing(pool: Pool) -> Iterator[Database]:
    """One database for all tests of a module that leave nothing behind."""
    with taken(pool) as database:
        yield database


@contextmanager
def taken(pool: Pool) -> Iterator[Database]:
    """A database of the pool, given back at the end."""
    copy = pool.take()
    database = Database(pool.cluster, copy.name)
    yield database
    database.close()
    pool.give_back(copy)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-seconds", action="store_true",
        help="write the seconds each file took to tests/seconds.toml: the longest go first",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--record-seconds") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(order.Recorder())


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Let a Ctrl-C that came too late for its test fail the test; it would end a worker."""
    try:
        return (yield)
    except KeyboardInterrupt:
        if hasattr(pyfuncitem.config, "workerinput"):
            pytest.fail("a Ctrl-C of this test, or of one before it, came when none was due")
        raise


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out whole files, and the files of one installation in one piece."""
    return order.scheduler(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the quick tests and those that use the database; several workers start the longest."""
    quick = order.quick(map(order.file_of, items))
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)
        if order.file_of(item) in quick:
            item.add_marker(pytest.mark.quick)
    if hasattr(config, "workerinput"):
        order.longest_first(items)

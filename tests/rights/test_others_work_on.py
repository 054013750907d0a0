"""After each attack on what everybody shares, twenty other people work on.

Each of them asks, commits an object with a file, fetches a published file over HTTP and queues a
job, through a connection of their own. Nobody may wait longer than a second more than without the
attack, or three times as long where the machine is busy.
"""

from __future__ import annotations

import itertools
import json
import os
import secrets
import signal
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress

import httpx
import psycopg2
import pytest

from awe.dataserver.connections import PAUSE, Connections
from awe.services.guard import Guard
from tests.dataserver.conftest import Running

PEOPLE = 20
COMMIT = """
INSERT INTO awe.bias_frame (object_id, _project, _privileges, prev)
SELECT gen_random_uuid(), 37, 1, object_id FROM awe.bias_frame WHERE _privileges >= 4 LIMIT 1"""
TICKET = "INSERT INTO awe.ticket (hash) VALUES (%s)"
SUBMIT = "SELECT awe.job_submit(%s::uuid, 'Bias', '{}', 37, 1, %s)"
RECIPE = {"recipe": "Bias", "args": {}, "back_end": "local"}


@pytest.fixture(scope="module")
def course(standing, tmp_path_factory):
    """Twenty people with connections, a dataserver with a published file, and the guard."""
    db = standing
    server = Running(db, tmp_path_factory.mktemp("store"))
    server.start()
    guard = Guard({"host": str(db.cluster.socket), "port": 5432, "dbname": db.name,
                   "user": "awe_runner", "password": db.password("awe_runner")})  # fmt: skip
    stop = threading.Event()
    watch = threading.Thread(target=guard.run, args=(stop,))
    watch.start()
    published = _published(db, server)
    with ExitStack() as stack:
        people = [stack.enter_context(closing(db.connect("other", options=OPTIONS)))
                  for _ in range(PEOPLE)]
        yield Course(db, server, people, published)
    stop.set()
    watch.join()
    server.stop()


OPTIONS = "-c statement_timeout=60s"


def _published(db, server) -> str:
    number = str(server.put(b"published", "scientist", "p.fits"))
    db.rows(
        "scientist",
        "INSERT INTO awe.bias_frame (object_id, _project, _privileges, filename, file) "
        "VALUES (gen_random_uuid(), 36, 4, 'p.fits', %s)",
        number,
    )
    return number


class Course:
    def __init__(self, db, server, people, published):
        self.db, self.server, self.people, self.published = db, server, people, published
        self.longest()
        #: seconds of the slowest step where nobody attacks
        self.usual = self.longest()

    def longest(self) -> float:
        """Let everybody do a round of work at once; return the longest time one step took."""
        with ThreadPoolExecutor(PEOPLE) as pool:
            return max(pool.map(self._work, self.people))

    def _work(self, connection) -> float:
        job = (str(uuid.uuid4()), json.dumps([RECIPE]))
        steps = [
            lambda: self._ask(connection, "SELECT count(*) FROM awe.bias_frame"),
            lambda: self._ask(connection, COMMIT),
            lambda: self._ask(connection, TICKET, secrets.token_bytes(32)),
            lambda: self._fetch(),
            lambda: self._ask(connection, SUBMIT, *job),
        ]
        times = []
        for step in steps:
            begin = time.monotonic()
            step()
            times.append(time.monotonic() - begin)
        return max(times)

    def _ask(self, connection, statement, *values):
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)

    def _fetch(self):
        answer = httpx.get(f"{self.server.url}/file/{self.published}", timeout=60)
        assert (answer.status_code, answer.content) == (200, b"published")


@contextmanager
def held(db, *statements, person="scientist"):
    """A transaction somebody leaves open, with their session's timeouts off."""
    connection = db.connect(person, options="-c idle_in_transaction_session_timeout=0")
    connection.autocommit = False
    with connection.cursor() as cursor:
        for statement in statements:
            with suppress(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)
    yield
    connection.close()


@contextmanager
def busy(db, *statements, person="scientist"):
    """Somebody whose statement does not end."""
    connection = db.connect(person, options="-c statement_timeout=0")
    connection.autocommit = False

    def run():
        with suppress(psycopg2.Error), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.3)
    yield
    with suppress(psycopg2.Error):
        connection.cancel()
    thread.join()
    connection.close()


@contextmanager
def open_sockets(db, number):
    """Sockets at the database that begin a login and never end it."""
    names = ("user", "awscientist", "database", db.name, "")
    begin = (196608).to_bytes(4, "big") + "".join(f"{name}\0" for name in names).encode()
    with ExitStack() as stack:
        for _ in range(number):
            one = stack.enter_context(closing(socket.socket(socket.AF_UNIX)))
            with suppress(OSError):
                one.connect(f"{db.cluster.socket}/.s.PGSQL.5432")
                one.sendall((len(begin) + 4).to_bytes(4, "big") + begin)
        yield


@contextmanager
def anonymous_crowd(db):
    with ExitStack() as stack:
        for _ in range(20):
            with suppress(psycopg2.OperationalError):
                stack.enter_context(closing(db.connect("anonymous")))
        yield


@contextmanager
def checks_without_end(course):
    """Somebody has a published file read again and again."""
    stop = threading.Event()

    def run():
        while not stop.is_set():
            with suppress(httpx.HTTPError):
                httpx.post(f"{course.server.url}/file/{course.published}/verify", timeout=60)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


MINE = "SELECT 1 FROM awe.bias_frame WHERE _creator = awe.uid()"
DECLARE = """SELECT awe.define_class('{"name": "Mine", "attributes": [
  {"name": "x", "column": "x", "kind": "link", "class": "BiasFrame", "targets": ["bias_frame"]}],
  "indexes": [], "unique": []}')"""
LOCK = "LOCK TABLE awe.bias_frame"
SLEEP = "SELECT pg_sleep(60)"
COUNT = "SELECT count(*) FROM generate_series(1, 1000000000)"
SORT = """
SELECT count(*) FROM (SELECT md5(i::text) m FROM generate_series(1, 20000000) i ORDER BY m) s"""
SERIALIZABLE = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"
ATTACKS = {
    "lock the tickets": lambda c: held(c.db, "LOCK TABLE awe.ticket"),
    "lock the saved queries": lambda c: held(c.db, "LOCK TABLE awe.saved_query"),
    "lock the jobs": lambda c: held(c.db, "LOCK TABLE awe.job"),
    "take the installers' lock": lambda c: held(c.db, "SELECT pg_advisory_lock(8791)"),
    "lock a class": lambda c: held(c.db, LOCK),
    "lock a class and sleep": lambda c: busy(c.db, LOCK, SLEEP),
    "lock a class and work": lambda c: busy(c.db, LOCK, COUNT),
    "lock one's own published row": lambda c: held(c.db, MINE + " FOR UPDATE"),
    "lock one's own row and sleep": lambda c: busy(c.db, MINE + " FOR UPDATE", SLEEP),
    "cancel a job and wait": lambda c: held(c.db, "SELECT awe.job_cancel(max(id)) FROM awe.job"),
    "declare a class and wait": lambda c: held(c.db, DECLARE),
    "listen in an open transaction": lambda c: held(c.db, "LISTEN awe_jobs", "SELECT 1"),
    "predicates of a serializable transaction": lambda c: held(
        c.db, SERIALIZABLE, "SELECT count(*) FROM awe.bias_frame"),
    "a hundred sockets without a login": lambda c: open_sockets(c.db, 100),
    "anonymous takes all its connections": lambda c: anonymous_crowd(c.db),
    "checks without end": checks_without_end,
    "sort without end": lambda c: busy(c.db, SORT),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_twenty_others_work_on_after(course, name):
    with ATTACKS[name](course):
        during = course.longest()
    before = course.usual
    assert during <= max(1.0 + before, 3 * before), f"{during:.2f} s, without {before:.2f} s"


def test_a_database_that_stands_still_is_said_to_and_goes_on(course):
    """A stopped database answers nobody: requests end in seconds, and all goes on afterwards."""
    processes = [row[0] for row in course.db.rows(
        "superuser", "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' "
        "AND pid <> pg_backend_pid()")] + [course.db.cluster.process().pid]  # fmt: skip
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        begin = time.monotonic()
        answer = httpx.get(f"{course.server.url}/file/{course.published}", timeout=60)
        assert answer.status_code == 503
        assert time.monotonic() - begin < 15
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
    # for a moment after the silence the dataserver refuses at once
    limit = time.monotonic() + 2 * PAUSE
    while httpx.get(f"{course.server.url}/file/{course.published}").status_code == 503:
        assert time.monotonic() < limit
        time.sleep(0.05)
    assert course.longest() < 10


def test_nobody_is_sent_away_for_reading_or_for_somebody_elses_wish(course):
    """Who reads in an open transaction stays; who asks for the whole table goes."""
    reader = course.db.connect("student")
    reader.autocommit = False
    with reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM awe.bias_frame")
        with busy(course.db, "LOCK TABLE awe.bias_frame"):
            course.longest()
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]


def test_services_and_administrators_are_never_sent_away(course):
    db = course.db
    root = db.superuser()
    root.autocommit = False
    asked = Connections({"host": str(db.cluster.socket), "port": 5432, "dbname": db.name,
                         "user": "awe_runner", "password": db.password("awe_runner")})  # fmt: skip
    with root.cursor() as cursor:
        cursor.execute("LOCK TABLE awe.cold_pixel_map")
        with busy(db, "SELECT 1 FROM awe.cold_pixel_map"):
            time.sleep(1.0)
            asked.ask("SELECT * FROM awe.end_blockers('0 s')", ())
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]
    root.rollback()
    asked.close()


def published(course) -> str:
    """A row of the attacker's that everybody may refer to."""
    number = str(uuid.uuid4())
    course.db.rows("scientist", "INSERT INTO awe.bias_frame (object_id, _project, _privileges) "
                   "VALUES (%s, 36, 4)", number)
    return number


REFER = ("INSERT INTO awe.bias_frame (object_id, _project, _privileges, prev) "
         "VALUES (gen_random_uuid(), 37, 1, %s)")


def test_a_long_question_is_not_ended_by_somebodys_wish_for_the_table(course):
    """Nobody else waits: the one who asks for the whole table does, however long."""
    reader = course.db.connect("student")
    reader.autocommit = False
    with reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM awe.bias_frame")
        with busy(course.db, LOCK):
            time.sleep(6.5)
            cursor.execute("SELECT 1")
    reader.rollback()


def test_a_transaction_is_not_ended_by_whoever_locks_the_row_it_refers_to(course):
    number = published(course)
    writer = course.db.connect("student")
    writer.autocommit = False
    with writer.cursor() as cursor:
        cursor.execute(REFER, (number,))
        lock = f"SELECT 1 FROM awe.bias_frame WHERE object_id = '{number}' FOR UPDATE"
        with busy(course.db, lock):
            time.sleep(1.5)
            cursor.execute("SELECT 1")
    writer.rollback()


def test_who_leaves_a_written_transaction_open_does_not_keep_a_table_for_ever(course):
    writer = course.db.connect("scientist", options="-c idle_in_transaction_session_timeout=0")
    writer.autocommit = False
    with writer.cursor() as cursor:
        cursor.execute("INSERT INTO awe.bias_frame (object_id, _project, _privileges) "
                       "VALUES (gen_random_uuid(), 36, 1)")
    begin = time.monotonic()
    with closing(course.db.connect("student", options=OPTIONS)) as other:
        other.autocommit = False
        with other.cursor() as cursor:
            cursor.execute(LOCK + " IN SHARE ROW EXCLUSIVE MODE")
        other.rollback()
    assert 4 < time.monotonic() - begin < 12
    writer.close()


def test_a_chain_of_ones_own_sessions_keeps_nobody_waiting_for_long(course):
    """Each holds a row and waits for the next one's."""
    rows = [published(course) for _ in range(8)]
    lock = "SELECT 1 FROM awe.bias_frame WHERE object_id = '{}' FOR UPDATE"
    with ExitStack() as stack:
        stack.enter_context(held(course.db, lock.format(rows[-1])))
        for mine, next_ in reversed(list(itertools.pairwise(rows))):
            stack.enter_context(busy(course.db, lock.format(mine), lock.format(next_)))
        with closing(course.db.connect("student", options=OPTIONS)) as other, \
                other.cursor() as cursor:
            begin = time.monotonic()
            cursor.execute(REFER, (rows[0],))
            waited = time.monotonic() - begin
    assert waited < 2.5, f"{waited:.1f} s"


class Untaken:
    """A file that takes nothing until it is told to."""

    def __init__(self):
        self.over = threading.Event()

    def write(self, data):
        self.over.wait(30)


def test_an_answer_nobody_takes_is_idling(course):
    number = published(course)
    connection = course.db.connect("scientist", options="-c statement_timeout=0")
    connection.autocommit = False
    untaken = Untaken()

    def ask():
        with suppress(psycopg2.Error), connection.cursor() as cursor:
            cursor.copy_expert(
                "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 100000), awe.bias_frame b "
                f"WHERE object_id = '{number}' FOR UPDATE OF b) TO STDOUT", untaken)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.5)
    with closing(course.db.connect("student", options=OPTIONS)) as other:
        begin = time.monotonic()
        course._ask(other, REFER, number)
        waited = time.monotonic() - begin
    untaken.over.set()
    thread.join()
    connection.close()
    assert 0.1 < waited < 2.5, f"{waited:.1f} s"


def test_an_idle_session_outside_a_transaction_is_left_alone(course):
    """All wait for their clients; that is not idling with something others want."""
    (rows,) = course.db.rows("superuser", """
        SELECT count(*) FILTER (WHERE a.state LIKE 'idle in%'), count(*) FROM pg_stat_activity a
         WHERE a.usename = 'awother' AND a.wait_event_type = 'Client'""")
    assert rows[1] >= PEOPLE
    asked = Connections({"host": str(course.db.cluster.socket), "port": 5432,
                         "dbname": course.db.name, "user": "awe_runner",
                         "password": course.db.password("awe_runner")})  # fmt: skip
    assert asked.ask("SELECT * FROM awe.end_blockers('0 s')", ()) == []
    asked.close()

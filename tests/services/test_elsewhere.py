"""awe on a PostgreSQL server that somebody else looks after: schema, awe-server and runners."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
import pytest

from awe.admin.command import main
from awe.db.schema import install as schema
from awe.services.logins import owner_login
from awe.services.starting import SERVICE_ROLES
from tests.databases import drop
from tests.services.typed import FETCH, STORE

RECIPE = '''
from awe.db.server.connection import database
from awe.recipes import Argument, Task


class QuietTask(Task):
    """Records one input."""

    arguments = (Argument(name="note", type=str, doc="anything"),)

    def execute(self):
        with database.transaction():
            self.items.record("only", None)
        return []
'''
NAME = "awe_elsewhere"
QUEUED = """
WITH r AS (
  INSERT INTO awe.run (user_id, request, recipe, args, project, privileges)
  SELECT min(id), gen_random_uuid(), 'Quiet', '{}', 37, 1 FROM awe.users WHERE role_name LIKE 'aw%'
  RETURNING id, user_id)
INSERT INTO awe.job (run, ordinal, user_id, recipe, args, project, privileges)
SELECT id, 0, user_id, 'Quiet', '{}', 37, 1 FROM r RETURNING id
"""


@pytest.fixture
def server(cluster, standing, tmp_path, monkeypatch):
    """A home without a database, and the address of one to be made; services know the tests'."""
    home = tmp_path / "server"
    (home / "services").mkdir(parents=True, mode=0o700)
    secrets = home / "services" / "secrets.json"
    secrets.write_text(json.dumps({role: standing.password(role) for role in SERVICE_ROLES}))
    secrets.chmod(0o600)
    monkeypatch.setenv("AWE_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    known = cluster.superuser()
    yield home, f"{known['host']}:{known['port']}/{NAME}", str(known["user"])
    with suppress(psycopg2.errors.InvalidCatalogName):
        drop(cluster, NAME)
    role(cluster, f"DROP ROLE IF EXISTS {owner_login()}")


def role(cluster, statement):
    with closing(psycopg2.connect(**cluster.superuser())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def install(server):
    _, url, user = server
    return main(["database", "install", "--url", url, "--superuser", user])


def rows(cluster, statement, *values):
    with closing(psycopg2.connect(**cluster.superuser(NAME))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall()


def process(words, home, piped=False):
    return subprocess.Popen(
        [sys.executable, "-m", "awe.admin", *words], env={**os.environ, "AWE_HOME": str(home)},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE if piped else subprocess.DEVNULL,
    )  # fmt: skip


def test_the_schema_is_made_once_and_the_home_is_its_owners_alone(server, cluster, capsys):
    home, url, _ = server
    assert install(server) == 0
    first = (home / "Environment.cfg").read_text()
    assert url in first
    assert stat.S_IMODE((home / "Environment.cfg").stat().st_mode) == 0o600
    assert schema.version(cluster.superuser(), NAME) == schema.VERSION
    assert install(server) == 0
    assert (home / "Environment.cfg").read_text() == first
    capsys.readouterr()
    other = (home, f"{url}2", server[2])
    assert install(other) == 1
    assert "correct it, or set AWE_HOME" in capsys.readouterr().err


def test_a_database_elsewhere_follows_a_new_version(server, cluster, capsys):
    home, url, user = server
    assert install(server) == 0
    words = ["database", "migrate", "--url", url, "--superuser", user]
    assert main(words) == 0
    assert "already done" in capsys.readouterr().out
    # as a version that did not have the last step left it
    rows(cluster, "UPDATE awe.schema_version SET version = version - 1 RETURNING version")
    assert main(["migrate"]) == 1
    assert f"awe-admin database migrate --url {url}" in capsys.readouterr().err
    assert not (home / "services" / "cluster.json").exists()
    assert main(words) == 0
    told = capsys.readouterr().out
    assert f"step {schema.VERSION} of {schema.VERSION}" in told
    assert f"now schema {schema.VERSION}" in told
    assert schema.version(cluster.superuser(), NAME) == schema.VERSION


def test_a_login_of_another_database_of_that_server_is_told_in_a_line(server, cluster, capsys):
    role(cluster, f"CREATE ROLE {owner_login()}")
    assert install(server) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "for another database of this server" in told


def test_who_is_no_superuser_makes_nothing(server, cluster, standing, capsys, monkeypatch):
    home, url, _ = server
    monkeypatch.setenv("PGPASSWORD", standing.password("awe_runner"))
    assert main(["database", "install", "--url", url, "--superuser", "awe_runner"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "awe_runner" in told
    assert not (home / "Environment.cfg").exists()


def test_a_lone_runner_does_jobs_and_knows_one_password(
    server, cluster, tmp_path, capsys, monkeypatch
):
    home, _, _ = server
    assert install(server) == 0
    place = tmp_path / "runner"
    assert main(["database", "runner-home", str(place)]) == 1
    assert "which no other machine reaches" in capsys.readouterr().err
    configuration = home / "Environment.cfg"
    text = configuration.read_text().replace("127.0.0.1", "127.0.0.2")
    configuration.write_text(text.replace("8470", str(free_port())))
    assert main(["database", "runner-home", str(place)]) == 0
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    known = json.loads((place / "services" / "secrets.json").read_text())
    assert list(known) == ["awe_runner"]
    assert "password" not in (place / "Environment.cfg").read_text()
    (place / "recipes").mkdir()
    (place / "recipes" / "quiet.py").write_text(RECIPE)
    with (place / "Environment.cfg").open("a") as file:
        file.write("dpu_workers : 1\n")
    ((job,),) = rows(cluster, QUEUED)
    at_work = process(["runner"], place)
    try:
        limit = time.monotonic() + 60
        sql = "SELECT state::text, message FROM awe.job WHERE id = %s"
        while (found := rows(cluster, sql, job))[0][0] in ("queued", "running"):
            assert time.monotonic() < limit, found
            assert at_work.poll() is None
            time.sleep(0.1)
        assert found == [("done", "1 of 1 done")]
        second = process(["runner"], place, piped=True)
        assert b"a runner runs already for" in second.communicate(timeout=30)[1]
    finally:
        at_work.send_signal(signal.SIGTERM)
        assert at_work.wait(30) == 0


STORED, FETCHED = (text.format(name="near.fits") for text in (STORE, FETCH))


def prompt(home, code):
    return subprocess.run(
        [sys.executable, "-m", "awe.prompt.command", "-c", code], text=True, timeout=200,
        env={**os.environ, "AWE_HOME": str(home)}, capture_output=True, check=False,
    )  # fmt: skip


def answers(port, address):
    limit = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < limit
            time.sleep(0.1)


def test_a_second_dataserver_serves_what_it_has_while_the_first_is_away(
    server, cluster, tmp_path, capsys
):
    home, _, _ = server
    assert install(server) == 0
    first, near = free_port(), free_port()
    configuration = home / "Environment.cfg"
    text = configuration.read_text().replace("127.0.0.1", "127.0.0.2").replace("8470", str(first))
    configuration.write_text(f"{text}data_listen : 127.0.0.2\n")
    place = tmp_path / "second"
    assert main(["database", "mirror-home", str(place), "--at", f"127.0.0.3:{near}"]) == 0
    assert list(json.loads((place / "services" / "secrets.json").read_text())) == [
        "awe_dataserver"
    ]
    with configuration.open("a") as file:
        file.write(f"data_mirror : 127.0.0.3:{near}\n")
    serving, second = process(["serve"], home), process(["mirror"], place)
    try:
        answers(first, "127.0.0.2")
        answers(near, "127.0.0.3")
        done = prompt(home, STORED)
        assert done.returncode == 0, done.stderr
        done = prompt(home, f"{FETCHED}print(Env['data_mirror'])")
        assert done.stdout.endswith(f"True\n127.0.0.3:{near}\n"), done.stderr
        assert len(list((place / "mirror").glob("?" * 64))) == 1
        serving.send_signal(signal.SIGTERM)
        serving.wait(30)
        done = prompt(home, FETCHED)
        assert done.stdout.endswith("True\n"), done.stderr
        again = process(["mirror"], place, piped=True)
        assert b"a second dataserver runs already for" in again.communicate(timeout=60)[1]
    finally:
        for one in (serving, second):
            one.send_signal(signal.SIGTERM)
            one.wait(30)
    # neither of them now: one line, which names the first
    done = prompt(home, FETCHED)
    assert "the file server at http://127.0.0.2" in done.stderr


@pytest.mark.parametrize(
    "words", [["runner"], ["serve"], ["mirror"], ["database", "runner-home", "x"]]
)
def test_a_home_with_its_own_database_needs_none_of_it(words, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AWE_HOME", str(tmp_path / "home"))
    assert main(words) == 1
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    said = ("services of its own", "has no passwords of services", "is not the home of a second")
    assert any(words in told.err for words in said)
    assert not Path(tmp_path / "home").exists()

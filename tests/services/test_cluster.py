"""The embedded PostgreSQL: private, and back after every kind of end."""

from __future__ import annotations

import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

from awe.errors import ConfigError, ServiceDown
from awe.services.account import Account, reachable
from awe.services.cluster import LONGEST_SOCKET, Cluster, ClusterSettings, orphans

SETTINGS = ClusterSettings(durable=False, ballast_bytes=0, shared_buffers="16MB")

as_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root to become other people")


def ask(cluster: Cluster, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(**cluster.superuser())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


def wait_gone(cluster: Cluster) -> None:
    for _ in range(500):
        if cluster.process() is None:
            return
        time.sleep(0.01)
    pytest.fail("the server does not end")


def test_starts_answers_stops(small):
    process = small.start()
    assert ask(small, "SELECT current_user") == [("postgres",)]
    assert small.start() == process
    assert small.stop()
    assert small.process() is None
    assert not small.stop()


def test_a_killed_server_comes_back_with_its_data(small):
    process = small.start()
    ask(small, "CREATE TABLE kept (n int)")
    ask(small, "INSERT INTO kept VALUES (42)")
    ask(small, "CHECKPOINT")
    os.kill(process.pid, signal.SIGKILL)
    wait_gone(small)
    again = small.start()
    assert again != process
    assert ask(small, "SELECT n FROM kept") == [(42,)]


def test_a_pid_file_of_a_stranger_is_not_believed(small):
    small.start()
    small.stop()
    pid_file = small.data / "postmaster.pid"
    sleeper = subprocess.Popen(
        ["sleep", "60"], user=pid_file.parent.stat().st_uid if os.getuid() == 0 else None
    )
    try:
        pid_file.write_text(f"{sleeper.pid}\n{small.data}\n{int(time.time())}\n5432\n\n\n\nready\n")
        os.chown(pid_file, small.data.stat().st_uid, small.data.stat().st_gid)
        assert small.process() is None
        started = small.start()
        assert started.pid != sleeper.pid
        assert ask(small, "SELECT 1") == [(1,)]
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_first_start_killed_at_any_moment_is_followed_by_a_clean_one(place):
    """Killed while initdb runs, or before, or after: nothing goes on, nothing is in the way."""
    place.chmod(0o755)
    chance = random.Random(33)
    words = ("from pathlib import Path; from awe.services.cluster import *; import sys; "
             "Cluster(Path(sys.argv[1]), ClusterSettings(durable=False, ballast_bytes=0)).start()")
    for number in range(8):
        home = place / f"home{number}"
        starting = subprocess.Popen([sys.executable, "-c", words, str(home)])
        time.sleep(chance.uniform(0.1, 1.2))
        starting.kill()
        starting.wait()
        cluster = Cluster(home, SETTINGS)
        try:
            cluster.start()
            assert ask(cluster, "SELECT 1") == [(1,)]
            left = {path.name for path in cluster.data.parent.glob("data*")}
            assert left == {"data"}
        finally:
            cluster.destroy()


def test_a_server_that_came_up_meanwhile_is_taken(place):
    """It was being started, by somebody who is dead now, when the start looked for one."""
    place.chmod(0o755)
    first = Cluster(place / "home", SETTINGS)
    try:
        running = first.start()
        second = Cluster(place / "home", SETTINGS)
        begin = time.monotonic()
        assert second._launch(second._place()) == running
        assert time.monotonic() - begin < 10
    finally:
        first.destroy()


def test_initdb_dies_with_whoever_started_it(place):
    place.chmod(0o755)
    words = ("from pathlib import Path; from awe.services.cluster import *; import sys; "
             "Cluster(Path(sys.argv[1]), ClusterSettings(durable=False, ballast_bytes=0)).start()")
    home = place / "home"
    starting = subprocess.Popen([sys.executable, "-c", words, str(home)])
    deadline = time.monotonic() + 20
    while not (busy := initialising(home)) and time.monotonic() < deadline:
        time.sleep(0.005)
    starting.kill()
    starting.wait()
    assert busy
    deadline = time.monotonic() + 2
    while initialising(home) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not initialising(home)
    Cluster(home, SETTINGS).destroy()


def initialising(home: Path) -> list[int]:
    """The processes that make the database of that home."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if words and Path(words[0]).name == "initdb" and any(str(home) in word for word in words):
            found.append(process.pid)
    return found


def test_the_space_set_aside_for_a_full_disk_is_set_aside_again(home):
    cluster = Cluster(home, ClusterSettings(durable=False, ballast_bytes=1 << 20))
    try:
        cluster.start()
        ballast = cluster.data.with_name("ballast")
        assert ballast.stat().st_size == 1 << 20
        cluster.stop()
        ballast.unlink()
        cluster.start()
        assert ballast.stat().st_size == 1 << 20
    finally:
        cluster.destroy()


def test_one_query_may_not_fill_the_disk(home):
    settings = ClusterSettings(durable=False, ballast_bytes=0, temp_file_limit="1MB")
    cluster = Cluster(home, settings)
    try:
        cluster.start()
        assert ask(cluster, "SHOW temp_file_limit") == [("1MB",)]
        assert ClusterSettings().temp_file_limit == "2GB"
    finally:
        cluster.destroy()


def test_nobody_gets_in_without_a_password(small):
    small.start()
    ask(small, "CREATE ROLE somebody LOGIN")
    for user in ("somebody", "nobody"):
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(host=str(small.socket), user=user, dbname="postgres")
    rules = ask(small, "SELECT auth_method, count(*) FROM pg_hba_file_rules GROUP BY 1 ORDER BY 1")
    assert rules == [("peer", 1), ("reject", 1), ("scram-sha-256", 1)]


def test_the_superuser_has_no_password_to_guess(small):
    small.start()
    assert ask(small, "SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'") == [(None,)]


@as_root
@pytest.mark.parametrize("stranger", ["nobody", "daemon"])
def test_another_account_of_the_machine_is_refused(small, stranger):
    small.start()
    command = [shutil.which("psql") or small.program("psql"), "-h", str(small.socket), "-U",
               "postgres", "-d", "postgres", "-c", "SELECT 1"]
    done = subprocess.run(command, user=stranger, group=stranger if stranger != "nobody" else None,
                          extra_groups=[], capture_output=True, text=True, check=False,
                          env={"PATH": os.defpath})
    assert done.returncode != 0
    assert "Permission denied" in done.stderr


@as_root
def test_another_account_is_refused_even_with_the_socket_in_hand(small):
    """Were the directory open, the server itself would still not take the stranger for us."""
    small.start()
    small.socket.chmod(0o755)
    (small.socket / ".s.PGSQL.5432").chmod(0o777)
    command = [shutil.which("psql") or small.program("psql"), "-h", str(small.socket), "-U",
               "postgres", "-d", "postgres", "-c", "SELECT 1"]
    done = subprocess.run(command, user="daemon", extra_groups=[], capture_output=True, text=True,
                          check=False, env={"PATH": os.defpath})
    small.socket.chmod(0o700)
    assert done.returncode != 0
    assert "Peer authentication failed" in done.stderr


def test_files_are_private_and_no_parent_is_touched(small, place):
    before = {p: p.stat().st_mode for p in (place, *place.parents)}
    small.start()
    assert {p: p.stat().st_mode for p in before} == before
    for path in (small.data, small.socket, small.services):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(small.log.stat().st_mode) == 0o600
    assert stat.S_IMODE((small.data / "pg_hba.conf").stat().st_mode) == 0o600


@as_root
def test_as_root_the_server_has_an_account_nobody_else_has(small):
    import pwd

    process = small.start()
    number = Path(f"/proc/{process.pid}").stat().st_uid
    assert number not in {0, *(entry.pw_uid for entry in pwd.getpwall())}


@as_root
def test_below_a_private_home_the_data_goes_where_the_account_can_reach_it(place):
    home = place / "home"
    cluster = Cluster(home, SETTINGS)
    try:
        cluster.start()
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert cluster.data.is_relative_to("/var/lib/awe")
        assert stat.S_IMODE(cluster.data.stat().st_mode) == 0o700
        assert ask(cluster, "SELECT 1") == [(1,)]
        assert Cluster(home, SETTINGS).data == cluster.data
        assert cluster.data.parent not in {base for base, _ in orphans()}
        (home / "services" / "cluster.json").rename(place / "kept")
        assert str(home) in {gone for _, gone in orphans()}
        (place / "kept").rename(home / "services" / "cluster.json")
        base = cluster.data.parent
    finally:
        cluster.destroy()
    assert not base.exists()


def test_a_wider_data_directory_is_refused(small):
    small.start()
    small.stop()
    small.data.chmod(0o755)
    with pytest.raises(ConfigError, match="chmod 700"):
        small.start()


def test_a_long_path_gets_a_short_socket(place):
    place.chmod(0o755)
    home = place / ("long" * 25)
    cluster = Cluster(home, SETTINGS)
    try:
        cluster.start()
        assert len(f"{cluster.socket}/.s.PGSQL.5432") <= LONGEST_SOCKET
        assert stat.S_IMODE(cluster.socket.stat().st_mode) == 0o700
        assert ask(cluster, "SELECT 1") == [(1,)]
    finally:
        cluster.destroy()


def test_a_server_that_cannot_start_says_why(small):
    small.start()
    small.stop()
    (small.data / "global" / "pg_control").unlink()
    with pytest.raises(ServiceDown, match="pg_control"):
        small.start()


def test_the_servers_log_holds_no_statement(small):
    small.start()
    with pytest.raises(psycopg2.Error):
        ask(small, "CREATE ROLE x PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$YWJj:broken' NONSENSE")
    assert "c2FsdA" not in small.log.read_text()


def test_reachable_asks_for_every_directory_on_the_way(place):
    stranger = Account(60700, 60700)
    inner = place / "inner"
    inner.mkdir(mode=0o755)
    assert not reachable(inner, stranger)
    place.chmod(0o711)
    assert reachable(inner, stranger)

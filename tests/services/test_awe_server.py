"""awe-server as its own process, started by the stack in an installation of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from awe.services import stack
from awe.services.cluster import Cluster
from awe.services.installation import Installation
from awe.services.logins import superuser
from awe.services.process import Identity
from awe.services.running import ensure

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def home():
    home = Path(tempfile.mkdtemp(prefix="awe-server-"))
    before = os.environ.get("AWE_HOME")
    os.environ["AWE_HOME"] = str(home)
    try:
        stack.start(Installation(home))
        yield home
    finally:
        data = Cluster(home).data
        stack.stop(Installation(home))
        shutil.rmtree(home)
        if data.parent.exists():
            shutil.rmtree(data.parent)
        if before is None:
            del os.environ["AWE_HOME"]
        else:
            os.environ["AWE_HOME"] = before


def identity(home):
    return Identity.from_record(Installation(home).state["server"])


def url(endpoints, path):
    return f"http://{endpoints['data_server']}:{endpoints['data_port']}{path}"


def gone(who):
    deadline = time.monotonic() + 15
    while who.alive and time.monotonic() < deadline:
        time.sleep(0.05)
    return not who.alive


def test_it_answers_and_pages_are_there(home):
    endpoints = ensure(Installation(home))
    absent = httpx.get(url(endpoints, "/no-such.fits"))
    assert (absent.status_code, absent.json()["code"]) == (404, "FileGone")
    page = httpx.get(url(endpoints, "/jobs"))
    assert page.status_code == 401
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_second_one_refuses_and_says_why(home):
    ensure(Installation(home))
    second = subprocess.run(
        [sys.executable, "-m", "awe.services.server"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert second.stderr == f"awe-server: awe-server runs already for {home}\n"


def test_sigterm_ends_it_cleanly(home):
    ensure(Installation(home))
    who = identity(home)
    os.kill(who.pid, signal.SIGTERM)
    assert gone(who)
    log = (home / "services" / "server.log").read_text()
    assert log.rstrip().endswith("stopped")
    assert "Traceback" not in log


def test_killed_it_comes_back_on_the_same_port(home):
    before = ensure(Installation(home))
    who = identity(home)
    os.kill(who.pid, signal.SIGKILL)
    assert gone(who)
    after = ensure(Installation(home))
    assert after["data_port"] == before["data_port"]
    assert identity(home) != who
    assert httpx.get(url(after, "/no-such.fits")).status_code == 404


def test_a_port_somebody_took_is_given_up_for_another_and_the_database_says_so(home):
    before = ensure(Installation(home))
    stack.stop(Installation(home))
    with socket.create_server(("127.0.0.1", int(before["data_port"]))):
        after = ensure(Installation(home))
    assert after["data_port"] != before["data_port"]
    with closing(superuser(Installation(home))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT address FROM awe.server")
        assert cursor.fetchall() == [(f"127.0.0.1:{after['data_port']}",)]


def test_passwords_are_in_no_log_argument_or_environment(home):
    ensure(Installation(home))
    process = Path("/proc") / str(identity(home).pid)
    shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    shown += b"".join(log.read_bytes() for log in (home / "services").glob("*.log*"))
    for password in Installation(home).secrets.values():
        assert password.encode() not in shown


def test_files_are_closed_to_others(home):
    ensure(Installation(home))
    for path in (home / "files", home / "services" / "server.log"):
        assert path.stat().st_mode & 0o077 == 0


def test_fsck_reads_everything_and_names_what_is_wrong(home, capsys):
    from awe.admin.command import main

    ensure(Installation(home))
    assert main(["fsck"]) == 0
    stray = home / "files" / "objects" / "stray"
    stray.write_text("x")
    capsys.readouterr()
    assert main(["fsck"]) == 1
    said = capsys.readouterr().out
    assert "extra: stray" in said
    assert "repeat with --mend" in said
    assert stray.exists()
    assert main(["fsck", "--mend"]) == 1
    assert not stray.exists()
    assert main(["fsck"]) == 0


@pytest.fixture
def readonly(home):
    """The store of a running installation, on a disk that went read-only under it."""
    ensure(Installation(home))
    files = home / "files"
    try:
        subprocess.run(["mount", "--bind", files, files], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", files], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        subprocess.run(["umount", files], check=False, capture_output=True)
        pytest.skip("this account cannot mount anything")
    yield files
    subprocess.run(["umount", files], check=True)


STORE = """
from pathlib import Path
import os, tempfile
os.chdir(tempfile.mkdtemp())
Path("a.fits").write_bytes(b"x")
frame = RawBiasFrame(filename="a.fits", DATE_OBS="2012-06-01T00:00:00")
frame.pathname = "a.fits"
frame.store()
"""


def test_a_read_only_store_says_so_to_whoever_stores_and_to_the_administrator(readonly, capsys):
    from awe.admin.command import main

    done = subprocess.run(
        [sys.executable, "-m", "awe.prompt.command", "-c", STORE],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr
    assert str(readonly) in done.stderr
    for words in ("status", "doctor"):
        main([words])
        assert f"{readonly} cannot be written to" in capsys.readouterr().out

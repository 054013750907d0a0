"""`raw.url()`: an address for an external viewer, good for one file and a short time."""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from awe.config import Environment
from awe.context import context
from awe.db.server import scope
from awe.db.server.connection import database
from awe.errors import AweError
from awe.model.raw import RawBiasFrame
from tests.dataserver.conftest import Running

CONTENT = b"SIMPLE  =                    T" * 100


@pytest.fixture
def raw(db, tmp_path):
    """A stored and committed frame of the student, and the dataserver that has it."""
    served = Running(db, tmp_path / "files")
    served.start()
    context.start(Environment.load(**db.environment(
        "student", data_server="127.0.0.1", data_port=str(served.port))))
    path = tmp_path / "frame.fits"
    path.write_bytes(CONTENT)
    frame = RawBiasFrame()
    frame.filename = "frame.fits"
    frame.pathname = path
    frame.store()
    frame.commit()
    yield frame
    database.close()
    scope.use(None)
    served.stop()


def viewer(address):
    """Fetch like a program that knows nothing of us; (status, body)."""
    if curl := shutil.which("curl"):
        done = subprocess.run([curl, "-s", "-w", "\n%{http_code}", address],
                              capture_output=True, check=True)
        body, _, status = done.stdout.rpartition(b"\n")
        return int(status), body
    try:
        with urllib.request.urlopen(address) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_viewer_without_login_opens_it_until_it_dies(raw):
    address = raw.url(expires=2)
    assert viewer(address) == (200, CONTENT)
    assert viewer(address.partition("?")[0])[0] == 404
    time.sleep(2.2)
    assert viewer(address)[0] == 404


def test_a_link_ends_with_its_row(raw):
    address = raw.url()
    assert viewer(address)[0] == 200
    database.execute("SELECT awe.ticket_drop(hash) FROM awe.ticket WHERE file IS NOT NULL")
    assert viewer(address)[0] == 404


@pytest.mark.parametrize("expires", [0, -1, 13 * 3600, "soon", None, True])
def test_a_link_of_a_senseless_length_is_refused_in_one_line(raw, expires):
    with pytest.raises(AweError) as caught:
        raw.url(expires=expires)
    assert "\n" not in str(caught.value)
    assert "expires" in str(caught.value)

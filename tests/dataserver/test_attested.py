"""A stored file is read once to know what it is, and again when it was changed."""

import hashlib
import os
import random
import stat
import time

import pytest

from awe.dataserver import attested

CONTENT = random.Random(3).randbytes(200_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def reads(monkeypatch):
    """Count the files that are read to be hashed."""
    found = []
    digest = hashlib.file_digest
    monkeypatch.setattr(
        attested.hashlib, "file_digest", lambda *given: found.append(1) or digest(*given)
    )
    return found


def link(served, file_id, folder, sha256=SHA):
    target = folder / f"{time.monotonic_ns()}.fits"
    served.client().get(file_id, target, sha256=sha256, size=len(CONTENT), link=True)
    assert target.read_bytes() == CONTENT
    return target


def rewritten(path):
    path.chmod(0o600)
    path.write_bytes(CONTENT)
    path.chmod(0o400)


def aged(path):
    known = os.getxattr(path, attested.NAME).decode().split()
    path.chmod(0o600)
    old = f"{time.time() - attested.LONGEST - 1:.0f}"
    os.setxattr(path, attested.NAME, " ".join([*known[:3], old]).encode())
    path.chmod(0o400)


def garbled(path):
    path.chmod(0o600)
    os.setxattr(path, attested.NAME, b"\xff 1 2")
    path.chmod(0o400)


def unknown(path):
    path.chmod(0o600)
    os.removexattr(path, attested.NAME)
    path.chmod(0o400)


def test_a_file_that_was_stored_is_linked_to_without_reading_it(served, tmp_path, reads):
    file_id = served.put(CONTENT)
    for _ in range(3):
        assert link(served, file_id, tmp_path).is_symlink()
    assert reads == []
    assert stat.S_IMODE(served.store.path(file_id).stat().st_mode) == 0o400


@pytest.mark.parametrize("change", [rewritten, aged, garbled, unknown])
def test_one_that_may_be_another_is_read(served, tmp_path, reads, change):
    file_id = served.put(CONTENT)
    change(served.store.path(file_id))
    assert link(served, file_id, tmp_path).is_symlink()
    assert reads == [1]
    # whoever of the server reads it says so again
    assert served.store.digest(file_id) == SHA
    reads.clear()
    link(served, file_id, tmp_path)
    assert reads == []


def test_one_that_was_changed_is_not_linked_to(served, tmp_path):
    file_id = served.put(CONTENT)
    path = served.store.path(file_id)
    path.chmod(0o600)
    with path.open("r+b") as stream:
        stream.write(b"changed")
    path.chmod(0o400)
    assert served.store.digest(file_id) != SHA
    descriptor = os.open(path, os.O_RDONLY)
    try:
        assert not attested.holds(descriptor, SHA, len(CONTENT))
    finally:
        os.close(descriptor)


def test_what_changes_while_it_is_read_is_not_attested(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(CONTENT)
    descriptor = os.open(path, os.O_RDWR)
    try:
        before = os.fstat(descriptor)
        time.sleep(0.02)
        os.pwrite(descriptor, b"later", 0)
        attested.attest(descriptor, SHA, before)
        assert not attested.holds(descriptor, SHA, len(CONTENT))
        assert not attested.is_let_alone(descriptor)
    finally:
        os.close(descriptor)


def test_without_such_attributes_it_is_read(served, tmp_path, reads, monkeypatch):
    def refused(*_):
        raise OSError(95, "Operation not supported")

    file_id = served.put(CONTENT)
    unknown(served.store.path(file_id))
    monkeypatch.setattr(attested.os, "setxattr", refused)
    assert served.store.digest(file_id) == SHA
    reads.clear()
    assert link(served, file_id, tmp_path).is_symlink()
    assert reads == [1]

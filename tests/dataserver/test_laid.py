"""Files that are laid into the store by the account it belongs to, instead of being sent."""

import errno
import hashlib
import json
import os
import random
import stat
import uuid

import numpy as np
import pytest

from awe.dataserver import handing, laying, sending
from awe.dataserver.client import Client
from awe.dataserver.handing import hand_over
from awe.dataserver.laying import Layable, lay, part_name
from awe.dataserver.upload import Outgoing
from awe.fits import preview
from awe.fits.blocks import datasum

CONTENT = random.Random(7).randbytes(3_000_000)
SHA = hashlib.sha256(CONTENT).hexdigest()
MARK = "0123456789abcdef"
PNG = preview.made_of(np.arange(64.0).reshape(8, 8)).png


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(CONTENT)
    return path


def post(served, files, person="student"):
    told = [{"mark": MARK, **one} for one in files]
    return served.ask("POST", "/laid", person, content=json.dumps(told).encode())


def put_there(served, file_id, content=CONTENT):
    path = served.root / "incoming" / part_name(file_id, MARK)
    path.write_bytes(content)
    return path


def test_several_files_are_stored_without_being_sent(served, source, tmp_path, monkeypatch):
    monkeypatch.setattr(Client, "put", None)
    other = tmp_path / "b.fits"
    other.write_bytes(b"b" * 5000)
    files = {served.reserve_file(name="a.fits"): source, served.reserve_file(name="b.fits"): other}
    client = served.client()
    sending.store(client, files, dict.fromkeys(files, PNG))
    for file_id, path in files.items():
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        assert served.state(file_id) == ("stored", "ok")
        kept = served.store.path(file_id).stat()
        assert stat.S_IMODE(kept.st_mode) == 0o400
        assert kept.st_nlink == 1
        got = client.get(file_id, tmp_path / str(file_id), sha256=digest, size=len(content))
        assert got.read_bytes() == content
        assert client.preview(file_id, path.name) == PNG
    assert served.store.unfinished() == []
    source.write_bytes(b"changed afterwards")
    assert served.store.digest(next(iter(files))) == SHA


def second_name(path):
    os.link(path, path.with_suffix(".second"))


def symbolic(path):
    path.rename(path.with_suffix(".true"))
    path.symlink_to(path.with_suffix(".true"))


def handed(source, tmp_path):
    """Hand a file over, or skip where the file system cannot write past its pages."""
    if not hand_over(source, tmp_path / "part"):
        pytest.skip("no direct writes on the file system of the temporary folder")
    (tmp_path / "part").unlink()
    source.write_bytes(CONTENT)


@pytest.mark.parametrize("size", [3_000_000, 4096 * 700, 100, 0])
def test_a_given_file_goes_into_the_store_and_leaves_a_copy(served, source, tmp_path, size):
    handed(source, tmp_path)
    source.write_bytes(CONTENT[:size])
    source.chmod(0o640)
    before = source.stat()
    file_id = served.reserve_file()
    sending.store(served.client(), {file_id: source}, {}, [source])
    kept, left = served.store.path(file_id).stat(), source.stat()
    assert kept.st_ino == before.st_ino != left.st_ino
    assert (kept.st_nlink, left.st_nlink) == (1, 1)
    assert served.store.path(file_id).read_bytes() == source.read_bytes() == CONTENT[:size]
    assert (left.st_mode, left.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a.fits"]


def no_links(*_, **__):
    raise OSError(errno.EXDEV, "another file system")


@pytest.mark.parametrize("change", [second_name, symbolic, "links"])
def test_a_given_file_that_cannot_be_handed_over_is_copied(served, source, monkeypatch, change):
    if change == "links":
        monkeypatch.setattr(handing.os, "link", no_links)
    else:
        change(source)
    before = source.stat()
    file_id = served.reserve_file()
    assert lay(served.client(), {file_id: Layable(source, given=True)}) == {file_id}
    assert served.store.path(file_id).stat().st_ino != before.st_ino == source.stat().st_ino
    assert served.store.digest(file_id) == SHA


def test_a_given_file_that_is_not_taken_stays(served, source, tmp_path):
    handed(source, tmp_path)
    file_id = served.reserve_file("student")
    assert lay(served.client("other"), {file_id: Layable(source, given=True)}) == set()
    assert served.store.unfinished() == []
    assert source.read_bytes() == CONTENT
    assert source.stat().st_nlink == 1


def test_who_has_not_reserved_a_file_lays_nothing(served, source):
    file_id = served.reserve_file("student")
    assert lay(served.client("other"), {file_id: Layable(source, PNG)}) == set()
    assert lay(served.client(None), {file_id: Layable(source)}) == set()
    assert served.state(file_id) == ("open", "ok")
    assert list(served.store.ids()) == []
    assert served.store.unfinished() == []
    put_there(served, file_id)
    answer = post(served, [{"id": str(file_id)}], "other")
    assert answer.json() == {str(file_id): {"code": "FileGone"}}
    assert post(served, [{"id": str(file_id)}], None).json() == answer.json()
    assert list(served.store.ids()) == []
    assert served.ask("GET", f"/file/{file_id}/preview", "student").status_code == 404


def pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [second_name, symbolic, pipe, os.unlink])
def test_what_is_not_a_plain_file_of_one_name_is_refused(served, change):
    file_id = served.reserve_file()
    change(put_there(served, file_id))
    answer = post(served, [{"id": str(file_id)}]).json()[str(file_id)]
    assert answer["code"] == "FileGone"
    assert "send it" in answer["message"]
    assert served.state(file_id) == ("open", "ok")
    assert list(served.store.ids()) == []


def test_what_somebody_still_writes_is_refused_and_then_sent(served, source, monkeypatch):
    copy = laying._copied
    held = []

    def held_open(reading, writing):
        copy(reading, writing)
        held.append(os.dup(writing))

    monkeypatch.setattr(laying, "_copied", held_open)
    file_id = served.reserve_file()
    sending.store(served.client(), {file_id: source}, {})
    assert len(held) == 1
    os.pwrite(held[0], b"too late", 0)
    os.close(held[0])
    assert served.state(file_id) == ("stored", "ok")
    assert served.store.digest(file_id) == SHA


def test_the_same_content_again_is_right_and_other_content_is_not(served, source):
    file_id = served.reserve_file()
    client = served.client()
    assert lay(client, {file_id: Layable(source)}) == {file_id}
    served.db.rows(
        "superuser", "UPDATE awe.file SET state = 'open' WHERE id = %s", str(file_id)
    )
    assert lay(client, {file_id: Layable(source)}) == {file_id}
    served.db.rows(
        "superuser", "UPDATE awe.file SET state = 'open' WHERE id = %s", str(file_id)
    )
    put_there(served, file_id, b"other")
    answer = post(served, [{"id": str(file_id)}]).json()[str(file_id)]
    assert answer["code"] == "FileTaken"
    assert served.store.digest(file_id) == SHA


@pytest.mark.parametrize("mode", [0o755, 0o710])
def test_a_folder_that_others_can_enter_is_not_used(served, source, mode):
    (served.root / "incoming").chmod(mode)
    file_id = served.reserve_file()
    assert lay(served.client(), {file_id: Layable(source)}) == set()
    (served.root / "incoming").chmod(0o700)


def test_without_a_folder_that_can_be_written_to_it_is_sent(served, source, monkeypatch):
    monkeypatch.setattr(laying, "_is_own", lambda folder: False)
    file_id = served.reserve_file()
    sending.store(served.client(), {file_id: source}, {file_id: PNG})
    assert served.store.digest(file_id) == SHA
    assert served.client().preview(file_id, "a.fits") == PNG


def test_strangers_are_not_told_the_folder(served):
    assert served.ask("GET", "/incoming").status_code == 404
    place = served.ask("GET", "/incoming", "student").headers["content-location"]
    assert place == (served.root / "incoming").as_uri()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"[1]", b'[{"id": "x", "mark": "0123456789abcdef"}]',
        json.dumps([{"id": str(uuid.UUID(int=1)), "mark": "../../x"}]).encode(),
        json.dumps([{"id": str(uuid.UUID(int=1)), "mark": MARK}] * 2).encode(),
        json.dumps([{"id": str(uuid.UUID(int=n)), "mark": MARK} for n in range(65)]).encode(),
        json.dumps([{"id": str(uuid.UUID(int=1)), "mark": MARK, "preview": "*"}]).encode(),
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_list_of_files_is_refused(served, body):
    assert served.ask("POST", "/laid", "student", content=body).status_code == 400


def test_a_picture_that_is_none_is_left_out(served, source):
    file_id = served.reserve_file()
    assert lay(served.client(), {file_id: Layable(source, b"no picture")}) == {file_id}
    assert served.ask("GET", f"/file/{file_id}/preview", "student").status_code == 404



def in_memory(content=CONTENT, sums=()):
    return Outgoing(name="a.fits", parts=(content[:2880], memoryview(content)[2880:]), sums=sums)


@pytest.mark.parametrize("size", [2881, 3_000_000, 2_999_993])
def test_what_is_in_memory_is_laid_and_its_checksum_is_the_servers(served, size, monkeypatch):
    monkeypatch.setattr(Client, "put", None)
    file_id = served.reserve_file()
    content = CONTENT[:size]
    made = {file_id: in_memory(content)}
    sending.send(served.client(), made, sha256=lambda _: pytest.fail("asked"))
    digest = hashlib.sha256(content).hexdigest()
    assert served.state(file_id) == ("stored", "ok")
    assert served.store.digest(file_id) == digest
    [(kept,)] = served.db.rows(
        "superuser", "SELECT encode(sha256, 'hex') FROM awe.file WHERE id = %s", str(file_id)
    )
    assert kept == digest


BLOCKS = CONTENT[: 1000 * 2880]
#: of the first block, and of all others
SUMS = (datasum(BLOCKS[:2880]), datasum(BLOCKS[2880:]))


@pytest.mark.parametrize("sums", [(None, SUMS[1]), SUMS, (SUMS[0],)])
def test_what_has_the_sum_it_is_to_have_is_laid(served, sums):
    file_id = served.reserve_file()
    assert lay(served.client(), {file_id: Layable(in_memory(BLOCKS, sums))}) == {file_id}
    assert served.store.digest(file_id) == hashlib.sha256(BLOCKS).hexdigest()


@pytest.mark.parametrize("sums", [(None, SUMS[1] ^ 1), (SUMS[1], SUMS[0]), (0, None)])
def test_what_has_another_sum_is_not_laid_and_nothing_is_left(served, sums):
    file_id = served.reserve_file()
    assert lay(served.client(), {file_id: Layable(in_memory(BLOCKS, sums))}) == set()
    assert served.state(file_id) == ("open", "ok")
    assert served.store.unfinished() == []


def test_of_several_files_those_that_cannot_be_laid_are_sent(served, monkeypatch):
    good, bad = served.reserve_file(), served.reserve_file()
    files = {good: in_memory(BLOCKS, SUMS), bad: in_memory(BLOCKS, (None, 7))}
    digest = hashlib.sha256(BLOCKS).hexdigest()
    sending.send(served.client(), files, sha256=lambda _: digest)
    assert [served.state(one) for one in files] == [("stored", "ok")] * 2
    assert served.store.unfinished() == []


@pytest.mark.parametrize("sums", [(), (datasum(CONTENT[:2880]), datasum(CONTENT[2880:]))])
@pytest.mark.parametrize("place", [0, 2880, 1_500_000, 2_999_999])
def test_bytes_that_are_not_those_written_are_sent_instead(served, place, sums, monkeypatch):
    file_id = served.reserve_file()
    write = os.write

    def spoil(descriptor, piece):
        # the disk keeps another byte than it was given
        begin = os.lseek(descriptor, 0, os.SEEK_CUR)
        piece = bytearray(piece)
        if begin <= place < begin + len(piece):
            piece[place - begin] ^= 1
        return write(descriptor, piece)

    with monkeypatch.context() as patched:
        patched.setattr(laying.os, "write", spoil)
        assert lay(served.client(), {file_id: Layable(in_memory(sums=sums))}) == set()
        assert served.state(file_id) == ("open", "ok")
        sending.send(served.client(), {file_id: in_memory()}, sha256=lambda _: SHA)
    assert served.state(file_id) == ("stored", "ok")
    assert served.store.digest(file_id) == SHA
    assert served.store.unfinished() == []

"""Raw frames that take less room in the store: whoever reads them gets the bytes that came."""

import hashlib
import random
import uuid

import numpy as np
import pytest

from awe.dataserver import fsck, repacking
from awe.dataserver.packed import ENDING, PackedFile, pack
from awe.dataserver.rows import Rows
from awe.errors import ChecksumMismatch, FileGone
from awe.fits.blocks import card, header, header_end, pad

NY, NX = 210, 150


def sha(content):
    return hashlib.sha256(content).hexdigest()


def counts(seed=1, shape=(NY, NX)):
    rng = np.random.default_rng(seed)
    level = rng.normal(520, 4, shape)
    level[50:60, 40:50] = 60000
    return (np.clip(level, 0, 65535).astype(np.uint16) ^ 0x8000).astype(">u2").tobytes()


def cards(first=("SIMPLE", True), shape=(NY, NX)):
    return [
        card(*first), card("BITPIX", 16), card("NAXIS", 2), card("NAXIS1", shape[1]),
        card("NAXIS2", shape[0]), card("BZERO", 32768.0), card("BSCALE", 1.0),
        *(card(f"KEY{n}", n, "a card of the camera") for n in range(40)),
    ]  # fmt: skip


def frame():
    return header(cards()) + pad(counts())


def odd_padding():
    content = bytearray(frame())
    content[-7:] = b"garbage"
    return bytes(content)


def trailing_bytes():
    return frame() + random.Random(1).randbytes(999)


def unreadable_card():
    content = frame()
    return content.replace(b"a card of the camera", b"\xe9t\xe9 \x00\x01 of the camera", 3)


def extension():
    empty = [card("SIMPLE", True), card("BITPIX", 8), card("NAXIS", 0)]
    more = cards(("XTENSION", "IMAGE"))
    more[5:5] = [card("PCOUNT", 0), card("GCOUNT", 1)]
    return header(empty) + header(more) + pad(counts())


def one_value():
    return header(cards()) + pad(bytes(2 * NY * NX))


def few_rows():
    shape = (7, 4000)
    return header(cards(shape=shape)) + pad(counts(shape=shape))


KINDS = [frame, odd_padding, trailing_bytes, unreadable_card, extension, one_value, few_rows]


@pytest.mark.parametrize("kind", KINDS)
def test_every_byte_comes_back(tmp_path, kind):
    content = kind()
    source, target = tmp_path / "a.fits", tmp_path / "a.fz"
    source.write_bytes(content)
    assert pack(source, target, sha(content))
    assert target.stat().st_size < 0.9 * len(content)
    chance = random.Random(3)
    with PackedFile(target.open("rb", buffering=0)) as stream:
        assert stream.read() == content
        for _ in range(50):
            first, length = chance.randrange(len(content) + 10), chance.randrange(20_000)
            stream.seek(first)
            assert stream.read(length) == content[first : first + length]
        wanted = Rows(first=3000, length=70, step=2 * NX, count=90)
        assert wanted.fits(len(content))
        whole = b"".join(content[3000 + 2 * NX * n :][:70] for n in range(90))
        assert stream.stretches(wanted, 0, 1 << 20) == whole
        assert stream.stretches(wanted, 100, 333) == whole[100:433]


def noise():
    return header(cards()) + pad(random.Random(5).randbytes(2 * NY * NX))


def floats():
    content = header(cards()).replace(b"                  16 ", b"                 -32 ", 1)
    return content + pad(bytes(4 * NY * NX))


def cut_off():
    return frame()[:-20_000]


def no_fits():
    return b"no FITS" * 9000


def small():
    return header(cards(shape=(20, 20))) + pad(counts(shape=(20, 20)))


@pytest.mark.parametrize("kind", [noise, floats, cut_off, no_fits, small])
def test_what_is_not_worth_it_is_left_as_it_is(tmp_path, kind):
    content = kind()
    source, target = tmp_path / "a.fits", tmp_path / "a.fz"
    source.write_bytes(content)
    assert not pack(source, target, sha(content))
    assert [path.name for path in tmp_path.iterdir()] == ["a.fits"]


def test_other_programs_read_the_counts(tmp_path):
    from astropy.io import fits

    content = frame()
    (tmp_path / "a.fits").write_bytes(content)
    pack(tmp_path / "a.fits", tmp_path / "b.fits", sha(content))
    with fits.open(tmp_path / "a.fits") as plain, fits.open(tmp_path / "b.fits") as packed:
        packed.verify("exception")
        assert (packed["COUNTS"].data == plain[0].data).all()


def test_a_damaged_original_is_not_packed(tmp_path):
    content = frame()
    (tmp_path / "a.fits").write_bytes(content)
    with pytest.raises(ChecksumMismatch, match="not packed"):
        pack(tmp_path / "a.fits", tmp_path / "a.fz", sha(b"other"))
    assert not (tmp_path / "a.fz").exists()


# -- in the store --------------------------------------------------------------------------------


@pytest.fixture
def packed(served):
    """A frame that is stored, and packed then."""
    content = frame()
    file_id = served.put(content, name="raw.fits", level=4)
    saved = repacking.pack(served.store, file_id, sha(content))
    assert saved > 0.4 * len(content)
    return file_id, content


def test_who_fetches_it_gets_what_was_stored(served, packed, tmp_path):
    file_id, content = packed
    client = served.client()
    for link in (False, True):
        target = tmp_path / f"{link}.fits"
        client.get(file_id, target, sha256=sha(content), size=len(content), link=link)
        assert target.read_bytes() == content
        assert not target.is_symlink()
    name = "raw.fits"
    assert client.beginning(file_id, name, sha256=sha(content), length=2880) == content[:2880]
    wanted = Rows(first=3000, length=70, step=2 * NX, count=90)
    got = client.rows(file_id, name, sha256=sha(content), rows=wanted)
    assert got == b"".join(content[3000 + 2 * NX * n :][:70] for n in range(90))
    part = served.ask("GET", f"/file/{file_id}", headers={"range": "bytes=20000-30000"})
    assert part.content == content[20000:30001]
    assert served.ask("HEAD", "/raw.fits").headers["content-length"] == str(len(content))
    near = served.ask("HEAD", f"/file/{file_id}", headers={"awe-near": "path"})
    assert near.status_code == 200
    assert "content-location" not in near.headers
    assert served.ask("POST", f"/file/{file_id}/verify", "student").json() == {"health": "ok"}


def test_the_store_knows_it(served, packed):
    file_id, content = packed
    store = served.store
    assert list(store.ids()) == [file_id]
    assert list(store.strangers()) == []
    assert store.digest(file_id) == sha(content)
    assert store.health(file_id, len(content), sha(content)) == "ok"
    assert store.older(-10.0) == {file_id}
    assert store.older(1000.0) == set()
    file = fsck.Expected(file_id=file_id, filename="raw.fits", size=len(content),
                         sha256=sha(content), health="ok")  # fmt: skip
    assert list(fsck.check(store, [file], known=lambda: [file_id])) == []
    [extra] = fsck.check(store, [], known=list)
    assert extra.kind == "extra"
    assert repacking.pack(store, file_id, sha(content)) == 0
    assert store.discard(file_id)
    assert list(store.ids()) == []
    with pytest.raises(FileGone):
        store.open(file_id)


def test_one_nobody_knows_is_put_aside(served, packed):
    file_id, _ = packed
    aside = served.store.put_aside(served.store.path(file_id))
    assert aside.exists()
    assert list(served.store.ids()) == []


def test_it_is_kept_as_it_came_again(served, packed):
    file_id, content = packed
    assert repacking.unpack(served.store, file_id, sha(content))
    assert not repacking.unpack(served.store, file_id, sha(content))
    assert served.store.path(file_id).read_bytes() == content
    assert not served.store.forms(file_id)[1].exists()
    assert served.store.unfinished() == []


def test_who_reads_meanwhile_reads_on(served):
    content = frame()
    file_id = served.put(content, name="raw.fits")
    with served.store.open(file_id) as before:
        before.read(100)
        repacking.pack(served.store, file_id, sha(content))
        with served.store.open(file_id) as after:
            assert repacking.unpack(served.store, file_id, sha(content))
            assert after.read() == content
        assert before.read() == content[100:]


def test_broken_off_between_the_forms_it_is_there_once(served, packed):
    file_id, content = packed
    plain, other = served.store.forms(file_id)
    plain.write_bytes(content)
    plain.chmod(0o400)
    assert list(served.store.ids()) == [file_id]
    assert not repacking.is_packed(served.store, file_id)
    assert repacking.pack(served.store, file_id, sha(content)) > 0
    assert other.exists()
    assert not plain.exists()


def place_of(broken, where):
    """Where the code of a tile is, the other bytes, or what the first header tells."""
    if where == "head":
        return broken.index(b"AWE PACKED FIRST")
    begin = broken.index(b"XTENSION")
    if where == "rest":
        begin = broken.index(b"XTENSION", begin + 1)
    start = header_end(bytes(broken[begin:])) + begin
    return start + (700 if where == "counts" else 20)


@pytest.mark.parametrize("where", ["counts", "rest", "head"])
def test_a_damaged_one_is_told(served, packed, where):
    file_id, content = packed
    path = served.store.forms(file_id)[1]
    broken = bytearray(path.read_bytes())
    place = place_of(broken, where)
    broken[place : place + 40] = random.Random(2).randbytes(40)
    path.chmod(0o600)
    path.write_bytes(broken)
    path.chmod(0o400)
    assert served.store.health(file_id, len(content), sha(content)) in ("bad", "lost")
    file = fsck.Expected(file_id=file_id, filename="raw.fits", size=len(content),
                         sha256=sha(content), health="ok")  # fmt: skip
    assert len(list(fsck.check(served.store, [file], known=lambda: [file_id]))) == 1
    answer = served.ask("POST", f"/file/{file_id}/verify", "student")
    assert answer.status_code == 410
    with pytest.raises((FileGone, ChecksumMismatch)):
        repacking.unpack(served.store, file_id, sha(content))


def test_who_stored_it_may_have_it_packed(served):
    content = frame()
    file_id = served.put(content, name="raw.fits", level=4)
    for person in ("other", None):
        assert served.ask("POST", f"/file/{file_id}/pack", person).status_code == 404
    assert served.ask("POST", f"/file/{uuid.uuid4()}/pack", "student").status_code == 404
    assert not repacking.is_packed(served.store, file_id)
    answer = served.ask("POST", f"/file/{file_id}/pack", "student").json()
    assert answer.get("saved", 0) > 0, answer
    assert repacking.is_packed(served.store, file_id)
    assert served.store.path(file_id).with_name(f"{file_id}{ENDING}").exists()
    assert served.ask("POST", f"/file/{file_id}/pack", "student").json() == {"saved": 0}

"""The HTTP interface, asked by real clients of a real process before a real database."""

import base64
import hashlib
import secrets
import socket
import threading
import time
import uuid

import httpx
import pytest

from awe.errors import ChecksumMismatch, DataserverError, DiskFull, FileGone, FileTaken

CONTENT = bytes(range(256)) * 5000


def sha(content):
    return hashlib.sha256(content).hexdigest()


def digest(content):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def test_what_is_stored_comes_back_and_is_kept(served, tmp_path):
    file_id = served.put(CONTENT)
    assert served.state(file_id) == ("stored", "ok")
    target = tmp_path / "a.fits"
    client = served.client()
    assert client.get(file_id, target, sha256=sha(CONTENT), size=len(CONTENT)) == target
    assert target.read_bytes() == CONTENT
    before = target.stat().st_mtime_ns
    client.get(file_id, target, sha256=sha(CONTENT), size=len(CONTENT))
    assert target.stat().st_mtime_ns == before


def test_local_file_with_other_content_is_refused_unless_asked(served, tmp_path):
    file_id = served.put(CONTENT)
    target = tmp_path / "a.fits"
    target.write_bytes(b"mine")
    with pytest.raises(FileTaken, match="replace=True"):
        served.client().get(file_id, target, sha256=sha(CONTENT), size=len(CONTENT))
    assert target.read_bytes() == b"mine"
    served.client().get(file_id, target, sha256=sha(CONTENT), size=len(CONTENT), replace=True)
    assert target.read_bytes() == CONTENT
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.fits", "files"]


def test_headers_tell_name_type_and_checksum(served):
    file_id = served.put(CONTENT, name="Sci-A#1.fits")
    answer = served.ask("GET", f"/file/{file_id}", "student")
    assert answer.headers["content-type"] == "image/fits"
    assert "Sci-A%231.fits" in answer.headers["content-disposition"]
    assert answer.headers["etag"] == f'"{sha(CONTENT)}"'
    assert answer.headers["repr-digest"] == digest(CONTENT)
    head = served.ask("HEAD", f"/file/{file_id}", "student")
    assert head.headers["content-length"] == str(len(CONTENT))
    assert head.content == b""


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=-7", len(CONTENT) - 7, len(CONTENT) - 1),
        ("bytes=1279990-", 1279990, len(CONTENT) - 1),
        ("bytes=5-99999999999", 5, len(CONTENT) - 1),
    ],
)
def test_ranges(served, asked, first, last):
    file_id = served.put(CONTENT)
    answer = served.ask("GET", f"/file/{file_id}", "student", {"range": asked})
    assert answer.status_code == 206
    assert answer.content == CONTENT[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"


def test_impossible_range_and_changed_file(served):
    file_id = served.put(CONTENT)
    path = f"/file/{file_id}"
    assert served.ask("GET", path, "student", {"range": "bytes=9999999-"}).status_code == 416
    assert served.ask("GET", path, "student", {"range": "bytes=-0"}).status_code == 416
    other = {"range": "bytes=5-", "if-range": '"other"'}
    assert served.ask("GET", path, "student", other).content == CONTENT


def test_unchanged_file_is_not_sent_again(served):
    file_id = served.put(CONTENT)
    same = {"if-none-match": f'"{sha(CONTENT)}"'}
    answer = served.ask("GET", f"/file/{file_id}", "student", same)
    assert (answer.status_code, answer.content) == (304, b"")
    absent = served.ask("GET", f"/file/{file_id}", "other", same)
    assert absent.status_code == 404


def test_who_sees_what_over_http_equals_who_sees_the_row(served):
    ids = {}
    for level in (1, 2, 3, 4, 5):
        ids[level] = served.put(CONTENT[:100], name=f"l{level}.fits", level=level)
    ids["stored"] = served.put(CONTENT[:100], name="stored.fits")
    for person in ("student", "other", "manager", "scientist", "outsider", None):
        asking = person or "anonymous"
        rows = served.db.rows(asking, "SELECT id::text FROM awe.file")
        visible = {row[0] for row in rows}
        for key, file_id in ids.items():
            expected = 200 if str(file_id) in visible else 404
            answer = served.ask("GET", f"/file/{file_id}", person)
            assert answer.status_code == expected, (person, key)
            assert served.ask("HEAD", f"/file/{file_id}", person).status_code == expected


def test_absent_and_forbidden_answer_alike(served):
    private = served.put(CONTENT, name="private.fits", level=1)
    absent = served.ask("GET", f"/file/{uuid.uuid4()}", "other")
    hidden = served.ask("GET", f"/file/{private}", "other")
    named = served.ask("GET", "/private.fits", "other")
    anonymous = served.ask("GET", f"/file/{private}")
    forged = httpx.get(
        f"{served.url}/file/{private}",
        headers={"authorization": f"Bearer {secrets.token_hex(32)}"},
    )
    for answer in (hidden, named, anonymous, forged):
        assert answer.status_code == absent.status_code == 404
        assert answer.content == absent.content
        assert set(answer.headers) == set(absent.headers)
    with pytest.raises(FileGone, match="not visible to you"):
        served.client("other").get(private, served.root.parent / "x", sha256="0" * 64, size=1)


def test_expired_and_one_file_tickets(served):
    mine = served.put(CONTENT, name="mine.fits", level=1)
    second = served.put(CONTENT, name="second.fits", level=1)
    link = secrets.token_urlsafe(32)
    served.db.rows(
        "student",
        "INSERT INTO awe.ticket (hash, file, expires) VALUES (%s, %s, now() + interval '1 hour')",
        hashlib.sha256(link.encode()).digest(),
        str(mine),
    )
    assert served.ask("GET", f"/file/{mine}?link={link}").content == CONTENT
    assert served.ask("GET", f"/mine.fits?link={link}").content == CONTENT
    assert served.ask("GET", f"/file/{second}?link={link}").status_code == 404
    expire = "UPDATE awe.ticket SET expires = now() - interval '1 s' WHERE file IS NOT NULL"
    served.db.rows("superuser", expire)
    assert served.ask("GET", f"/file/{mine}?link={link}").status_code == 404


def test_get_by_name_gives_the_newest_visible(served):
    served.put(b"old" * 100, name="Sci-#1.fits", level=4)
    served.put(b"new" * 100, name="Sci-#1.fits", level=4)
    served.put(b"hidden" * 100, name="Sci-#1.fits", level=1)
    assert served.ask("GET", "/Sci-%231.fits").content == b"new" * 100
    assert served.ask("GET", "/Sci-%231.fits", "student").content == b"hidden" * 100


TRAVERSALS = [
    "/file/../../etc/passwd",
    "/file/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/file/%252e%252e%252fetc",
    "/file/..%5c..%5cetc",
    "/..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/%00",
    "/a%00.fits",
    "/file/%00",
    "/" + "a" * 5000,
    "/file/" + "a" * 5000,
    "//etc/passwd",
    "http://example.org/etc/passwd",
    "/file/",
    "/file",
    "/.hidden",
    "/a..b",
    "/%ff%fe",
    "/incoming/x",
    "/objects/",
    "/file/{00000000-0000-0000-0000-000000000000}",
    "/file/00000000000000000000000000000000",
    "/file/00000000-0000-0000-0000-00000000000A",
    "/'; DROP TABLE awe.file; --",
]


@pytest.mark.parametrize("target", TRAVERSALS)
def test_traversal_is_not_found_and_nothing_else(served, target):
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        quoted = target.replace(" ", "%20")
        line.sendall(f"GET {quoted} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"404"
    assert b"no such file, or it is not visible to you" in body


def test_upload_needs_the_owner_and_a_reservation(served):
    mine = served.reserve_file("student")
    headers = {"content-digest": digest(CONTENT)}
    for person in ("other", None):
        answer = served.ask("PUT", f"/file/{mine}", person, headers, content=CONTENT)
        assert answer.status_code == 404
    answer = served.ask("PUT", f"/file/{uuid.uuid4()}", "student", headers, content=CONTENT)
    assert answer.status_code == 404
    assert list(served.store.ids()) == []
    assert list(served.store.incoming.iterdir()) == []


def test_stored_file_is_never_replaced(served):
    file_id = served.put(CONTENT, level=2)
    same = {"content-digest": digest(CONTENT)}
    answer = served.ask("PUT", f"/file/{file_id}", "student", same, content=CONTENT)
    assert answer.status_code == 200
    other = {"content-digest": digest(b"other")}
    for person in ("student", "other"):
        answer = served.ask("PUT", f"/file/{file_id}", person, other, content=b"other")
        assert answer.status_code == 409
    assert served.store.digest(file_id) == sha(CONTENT)


def test_wrong_announcements(served):
    file_id = served.reserve_file()
    path = f"/file/{file_id}"
    lie = {"content-digest": digest(b"something else")}
    assert served.ask("PUT", path, "student", lie, content=CONTENT).status_code == 422
    assert served.ask("PUT", path, "student", content=CONTENT).status_code == 400
    chunked = {"content-digest": digest(CONTENT)}
    answer = served.ask("PUT", path, "student", chunked, content=iter([CONTENT]))
    assert answer.status_code == 411
    assert served.state(file_id) == ("open", "ok")
    assert list(served.store.incoming.iterdir()) == []
    right = {"content-digest": digest(CONTENT)}
    assert served.ask("PUT", path, "student", right, content=CONTENT).status_code == 201


def test_an_upload_does_not_outgrow_its_length_in_chunks(served):
    """Where both are given the chunks count, and nothing would have ended them."""
    file_id = served.reserve_file()
    head = [
        f"PUT /file/{file_id} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {served.ticket('student')}",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        f"Content-Digest: {digest(b'12345')}",
    ]
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall("\r\n".join([*head, "", ""]).encode())
        line.sendall(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 400 ")
    assert list(served.store.incoming.iterdir()) == []
    assert served.state(file_id) == ("open", "ok")


def cut_upload(served, file_id, sent):
    lines = [
        f"PUT /file/{file_id} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {served.ticket('student')}",
        f"Content-Length: {len(CONTENT)}",
        f"Content-Digest: {digest(CONTENT)}",
    ]
    line = socket.create_connection(("127.0.0.1", served.port), timeout=10)
    line.sendall("\r\n".join([*lines, "", ""]).encode() + CONTENT[:sent])
    return line


@pytest.mark.parametrize("sent", [0, 1, 65536, len(CONTENT) - 1])
def test_upload_cut_off_leaves_nothing(served, sent):
    file_id = served.reserve_file()
    cut_upload(served, file_id, sent).close()
    deadline = time.monotonic() + 5
    while any(served.store.incoming.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(served.store.incoming.iterdir()) == []
    assert list(served.store.ids()) == []
    assert served.state(file_id) == ("open", "ok")


def test_silent_upload_is_given_up(served):
    served.stop()
    served.patience = 0.3
    served.start()
    with cut_upload(served, served.reserve_file(), 1000) as line:
        assert line.recv(65536).split()[1] == b"408"
    assert list(served.store.incoming.iterdir()) == []


def test_of_many_writers_of_one_id_one_content_wins(served):
    file_id = served.reserve_file()
    contents = [secrets.token_bytes(300_000) for _ in range(6)]
    answers = {}

    def write(content):
        headers = {"content-digest": digest(content)}
        answer = served.ask("PUT", f"/file/{file_id}", "student", headers, content=content)
        answers[content] = answer.status_code

    served.ticket("student")
    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [content for content, status in answers.items() if status in (200, 201)]
    assert len(winners) == 1
    assert sorted(answers.values())[1:] == [409] * 5
    assert served.store.digest(file_id) == sha(winners[0])


def test_full_server_says_so(served, tmp_path):
    served.stop()
    served.reserve = 1 << 60
    served.start()
    file_id = served.reserve_file()
    path = tmp_path / "f"
    path.write_bytes(CONTENT)
    with pytest.raises(DiskFull, match="no space on the file server"):
        served.client().put(file_id, path, sha256=sha(CONTENT))
    assert list(served.store.incoming.iterdir()) == []


def test_lost_file_is_410_and_marked(served, tmp_path):
    file_id = served.put(CONTENT)
    served.store.path(file_id).unlink()
    with pytest.raises(FileGone, match=r"lost.*administrator"):
        served.client().get(file_id, tmp_path / "x", sha256=sha(CONTENT), size=len(CONTENT))
    assert served.state(file_id) == ("stored", "lost")
    assert served.ask("GET", f"/file/{file_id}", "other").status_code == 404


def test_rotten_bytes_are_never_handed_over(served, tmp_path):
    file_id = served.put(CONTENT)
    path = served.store.path(file_id)
    path.chmod(0o600)
    rotten = bytearray(CONTENT)
    rotten[777] ^= 4
    path.write_bytes(rotten)
    with pytest.raises(ChecksumMismatch, match="fsck"):
        served.client().get(file_id, tmp_path / "x", sha256=sha(CONTENT), size=len(CONTENT))
    assert served.state(file_id) == ("stored", "bad")
    assert [p.name for p in tmp_path.iterdir()] == ["files"]


def test_dead_server_names_itself_and_the_next_step(served, tmp_path):
    file_id = served.put(CONTENT)
    client = served.client()
    url = served.url
    served.stop()
    began = time.monotonic()
    with pytest.raises(DataserverError, match=rf"{url} does not answer.*awe-admin start"):
        client.get(file_id, tmp_path / "x", sha256=sha(CONTENT), size=len(CONTENT))
    assert time.monotonic() - began < 5


def test_database_away_is_503_and_comes_back(served):
    file_id = served.put(CONTENT)
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = %s AND usename = 'awe_dataserver'"
    )
    served.db.rows("superuser", kill, served.db.name)
    assert served.ask("GET", f"/file/{file_id}", "student").status_code == 200
    served.db.rows("superuser", "ALTER ROLE awe_dataserver NOLOGIN")
    served.db.rows("superuser", kill, served.db.name)
    try:
        assert served.ask("GET", f"/file/{file_id}", "student").status_code == 503
    finally:
        served.db.rows("superuser", "ALTER ROLE awe_dataserver LOGIN")
    assert served.ask("GET", f"/file/{file_id}", "student").status_code == 200


def test_small_file_comes_without_delay(served):
    file_id = served.put(CONTENT[:100])
    headers = {"authorization": f"Bearer {served.ticket('student')}"}
    waits = []
    with httpx.Client(headers=headers) as client:
        for _ in range(12):
            began = time.perf_counter()
            client.get(f"{served.url}/file/{file_id}")
            waits.append(time.perf_counter() - began)
    assert min(waits[1:]) < 0.035, "a delayed acknowledgement takes 0.04 s"

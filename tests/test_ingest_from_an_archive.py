"""`awe-ingest --from`: files of a real HTTP server; some of its answers are broken or hostile."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from astropy.table import MaskedColumn, Table
from dataservers import Dataserver
from prompt_faults import tiny_disk

from awe.config import Environment
from awe.context import context
from awe.db.server.connection import database
from awe.demo.exposures import Night, write_night
from awe.errors import ArchiveError, ArgumentError, DiskFull, FileTaken
from awe.ingest import State, archive, download, fetched, ingest
from awe.model.raw import RawFitsData

CHIPS = ("ESO_CCD_#65",)


class Served(BaseHTTPRequestHandler):
    """Answers from the files of its server, as their marks say."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("range")))
        content, marks = self.server.files.get(self.path, (None, {}))
        if "takes" in marks:
            with self.server.counting:
                self.server.busy += 1
                self.server.busiest = max(self.server.busiest, self.server.busy)
            time.sleep(marks["takes"])
            with self.server.counting:
                self.server.busy -= 1
        if content is None:
            return self.plain(404, b"no such file")
        if "answers" in marks:
            status, headers = marks["answers"]
            return self.plain(status, content, **headers)
        if "moved" in marks:
            return self.plain(302, b"", location=marks["moved"])
        if marks.get("busy", 0) > 0:
            marks["busy"] -= 1
            return self.plain(503, b"busy", **{"retry-after": "0"})
        return self.file(content, marks)

    def file(self, content, marks):
        etag = marks.get("etag", f'"{hashlib.sha256(content).hexdigest()}"')
        headers = {"etag": etag} if etag else {}
        if etag and self.headers.get("if-none-match") == etag:
            return self.plain(304, b"", **headers)
        begin, wanted = 0, self.headers.get("range")
        if wanted and self.headers.get("if-range") == etag:
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
            told = begin + marks.get("shifted", 0)
            headers["content-range"] = f"bytes {told}-{len(content) - 1}/{len(content)}"
            if "parts" in marks:
                content = content[: begin + marks["parts"]]
                headers["content-range"] = f"bytes {told}-{len(content) - 1}/{marks['whole']}"
        self.send_response(206 if "content-range" in headers else 200)
        if "unsized" not in marks:
            length = marks.get("length", len(content))
            headers["content-length"] = str(length - begin)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        breaks = marks["breaks"].pop(0) if marks.get("breaks") else None
        self.wfile.write(content[begin:breaks])
        if breaks is not None or "unsized" in marks or "length" in marks:
            self.close_connection = True
        return None

    def plain(self, status, content, **headers):
        self.send_response(status)
        for name, value in {"content-length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving() -> Iterator[SimpleNamespace]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Served)
    server.daemon_threads = True
    server.files, server.asked = {}, []
    server.busy, server.busiest, server.counting = 0, 0, threading.Lock()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    port = server.server_address[1]

    def put(path, content, **marks):
        server.files[path] = (content, marks)
        return f"http://127.0.0.1:{port}{path}"

    try:
        yield SimpleNamespace(put=put, asked=server.asked, port=port, server=server)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.setattr(download, "WAITS", (0.0, 0.0, 0.0))
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def exposures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("night")
    return write_night(folder, Night(chips=CHIPS), processes=1)[4:7]


@pytest.fixture
def content(exposures):
    return exposures[1].read_bytes()


def hidden(folder):
    return sorted(path.name for path in folder.glob(".*.part"))


# -- one file ------------------------------------------------------------------------------------


def test_a_file_comes_once(site, content, tmp_path):
    url = site.put("/night/one.fits", content)
    for _ in range(2):
        got = fetched(url, tmp_path)
        assert got.paths == [tmp_path / "one.fits"]
        assert got.paths[0].read_bytes() == content
    changed = content[:-1] + b"x"
    site.put("/night/one.fits", changed)
    assert fetched(url, tmp_path).paths[0].read_bytes() == changed
    assert hidden(tmp_path) == []


def test_what_broke_off_goes_on_where_it_was(site, content, tmp_path):
    at = [len(content) // 3, len(content) // 2]
    url = site.put("/one.fits", content, breaks=list(at))
    assert fetched(url, tmp_path).paths[0].read_bytes() == content
    assert site.asked == [("/one.fits", None), *(("/one.fits", f"bytes={n}-") for n in at)]


def test_another_process_goes_on_as_well(site, content, tmp_path):
    half = len(content) // 2
    # four times nothing more comes: this process gives up
    url = site.put("/one.fits", content, breaks=[half] * 5)
    with pytest.raises(ArchiveError, match=r"does not answer .* repeat the command to go on"):
        fetched(url, tmp_path)
    assert not (tmp_path / "one.fits").exists()
    site.put("/one.fits", content)
    site.asked.clear()
    assert fetched(url, tmp_path).paths[0].read_bytes() == content
    assert site.asked == [("/one.fits", f"bytes={half}-")]


def test_another_content_is_not_joined_to_what_came(site, content, tmp_path):
    half = len(content) // 2
    url = site.put("/one.fits", content, breaks=[half] * 5)
    with pytest.raises(ArchiveError):
        fetched(url, tmp_path)
    other = content[:half] + bytes(len(content) - half)
    site.put("/one.fits", other)
    assert fetched(url, tmp_path).paths[0].read_bytes() == other


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_mark_of_the_content_everything_comes_anew(site, content, tmp_path, etag):
    url = site.put("/one.fits", content, etag=etag, breaks=[len(content) // 2])
    assert fetched(url, tmp_path).paths[0].read_bytes() == content
    assert [wanted for _, wanted in site.asked] == [None, None]


def test_another_part_than_was_asked_for_is_not_taken(site, content, tmp_path):
    url = site.put("/one.fits", content, breaks=[len(content) // 2], shifted=80)
    assert fetched(url, tmp_path).paths[0].read_bytes() == content
    assert site.asked[-1] == ("/one.fits", None)


def test_a_length_that_is_wrong_is_told(site, content, tmp_path):
    url = site.put("/one.fits", content, length=len(content) + 1)
    with pytest.raises(ArchiveError, match=r"one\.fits"):
        fetched(url, tmp_path)
    assert not (tmp_path / "one.fits").exists()


def test_a_file_whose_length_nobody_tells_comes(site, content, tmp_path):
    url = site.put("/one.fits", content, unsized=True)
    assert fetched(url, tmp_path).paths[0].read_bytes() == content


def test_a_busy_archive_is_asked_again(site, content, tmp_path):
    url = site.put("/one.fits", content, busy=2)
    assert fetched(url, tmp_path).paths[0].read_bytes() == content
    with pytest.raises(ArchiveError, match="answers 404, it has no such file"):
        fetched(url + "x", tmp_path)


ODD_ANSWERS = {
    "a wait that is no number": (503, {"retry-after": "nan"}),
    "a part nobody requested": (206, {"content-range": "bytes 0-9/10"}),
    "a part of endless numbers": (206, {"content-range": f"bytes {'9' * 5000}-9/10"}),
    "moved to no address": (302, {"location": "http://[::1/x.fits"}),
    "moved without an address": (302, {}),
    "not modified": (304, {}),
}


@pytest.mark.parametrize("answers", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_odd_answers_are_told_in_a_line(site, content, tmp_path, answers):
    url = site.put("/one.fits", content, answers=answers)
    with pytest.raises(ArchiveError, match=r"one\.fits"):
        fetched(url, tmp_path)
    assert list(tmp_path.glob("*.fits")) == []


def test_a_part_of_the_part_requested_is_not_the_end(site, content, tmp_path):
    third = len(content) // 3
    # the first answer did not tell the length and broke off; the others give a bit at a time
    url = site.put("/one.fits", content, parts=third, whole=len(content))
    begin(tmp_path, url, content, third)
    assert fetched(url, tmp_path).paths[0].read_bytes() == content


def begin(folder, url, content, size):
    """Leave what a fetch leaves that broke off after some bytes, the length unknown."""
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    note = {"url": url, "etag": etag, "modified": "", "length": "", "name": "one.fits"}
    (folder / f".{key}.json").write_text(json.dumps(note))
    (folder / f".{key}.part").write_bytes(content[:size])
    return folder / f".{key}.json", folder / f".{key}.part", note


NOTES = {
    "a name elsewhere": {"name": "../mine.fits", "named": "mine.fits"},
    "a hidden name": {"name": ".mine.fits"},
    "no name": {"name": None, "complete": True, "size": 3},
    "numbers": {"etag": 7, "length": 1000},
    "a line break": {"etag": '"a\r\nrange: b"'},
    "a list": {"named": ["one.fits"]},
}


@pytest.mark.parametrize("edits", NOTES.values(), ids=NOTES)
def test_a_note_that_somebody_edited_is_not_believed(site, content, tmp_path, edits):
    (tmp_path / "mine.fits").write_bytes(b"mine")
    folder = tmp_path / "inner"
    folder.mkdir()
    url = site.put("/one.fits", content)
    note, _, written = begin(folder, url, content, 2880)
    note.write_text(json.dumps({**written, **edits}))
    assert fetched(url, folder).paths == [folder / "one.fits"]
    assert (folder / "one.fits").read_bytes() == content
    assert (tmp_path / "mine.fits").read_bytes() == b"mine"


@pytest.mark.parametrize("kind", ["link", "pipe", "nest"])
def test_nothing_is_written_through_what_somebody_put_there(site, content, tmp_path, kind):
    mine = tmp_path / "mine"
    mine.write_bytes(content[:2880])
    folder = tmp_path / "inner"
    folder.mkdir()
    url = site.put("/one.fits", content)
    note, part, _ = begin(folder, url, content, 2880)
    for path in (part,) if kind == "link" else (note, part):
        path.unlink()
        if kind == "link":
            path.symlink_to(mine)
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            path.write_text("[" * 60_000)
    assert fetched(url, folder).paths[0].read_bytes() == content
    assert mine.read_bytes() == content[:2880]


def test_a_folder_that_cannot_be_made_is_told(site, content, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ArgumentError, match="no folder for what is fetched"):
        fetched(site.put("/one.fits", content), tmp_path / "taken")


def test_a_list_that_is_broken_is_told_and_a_page_gives_what_it_has(site, content, tmp_path):
    site.put("/one.fits", content)
    with pytest.raises(ArchiveError, match="list names"):
        fetched(site.put("/list", b"http://[::1/x.fits\n"), tmp_path)
    page = site.put("/page", b"<a href='one.fits'>one</a><![x[ ]>")
    assert fetched(page, tmp_path).paths == [tmp_path / "one.fits"]


@pytest.mark.parametrize("stream", [
    "<STREAM href='{url}'/>", "<STREAM type='locator'\nhref='{url}'></STREAM>",
])  # fmt: skip
def test_a_votable_sends_us_nowhere_for_its_rows(site, content, tmp_path, stream):
    inner = stream.format(url=f"http://localhost:{site.port}/secret")
    site.put("/secret", b"\0\0\0\1x")
    table = (
        '<?xml version="1.0"?><VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        '<RESOURCE><TABLE><FIELD name="access_url" datatype="char" arraysize="*"/><DATA><BINARY>'
        f"{inner}</BINARY></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    with pytest.raises(ArchiveError, match="has its data elsewhere"):
        fetched(site.put("/table", table.encode()), tmp_path)
    assert [path for path, _ in site.asked] == ["/table"]


def test_limits_of_size(site, content, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "LARGEST", len(content) - 1)
    for marks in ({}, {"unsized": True}):
        url = site.put("/one.fits", content, **marks)
        with pytest.raises(ArchiveError, match=f"{len(content) - 1} are the most"):
            fetched(url, tmp_path)
    assert hidden(tmp_path) == []


def test_an_archive_that_drips_is_left(site, content, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "PATIENCE", -1.0)
    monkeypatch.setattr(download, "PACE", len(content) * 2)
    url = site.put("/one.fits", content)
    with pytest.raises(ArchiveError, match="sends less than"):
        fetched(url, tmp_path)


# -- where it comes from, where it goes ----------------------------------------------------------


@pytest.mark.parametrize("target", [
    "file:///etc/passwd", "http://localhost:{port}/real.fits", "http://127.0.0.1:1/real.fits",
    "//localhost:{port}/real.fits", "ftp://127.0.0.1/real.fits",
])  # fmt: skip
def test_nobody_sends_us_elsewhere(site, content, tmp_path, target):
    site.put("/real.fits", content)
    url = site.put("/one.fits", b"", moved=target.format(port=site.port))
    with pytest.raises(ArchiveError, match="which was not asked"):
        fetched(url, tmp_path)
    assert [path for path, _ in site.asked] == ["/one.fits"]


def test_a_host_that_was_named_may_answer(site, content, tmp_path):
    site.put("/real.fits", content)
    url = site.put("/one.fits", b"", moved=f"http://localhost:{site.port}/real.fits")
    assert fetched(url, tmp_path, hosts=["localhost"]).paths == [tmp_path / "one.fits"]
    near = site.put("/near.fits", b"", moved="/real.fits")
    assert fetched(near, tmp_path).paths[0].read_bytes() == content
    circle = site.put("/circle.fits", b"", moved="/circle.fits")
    with pytest.raises(ArchiveError, match="from one address to the next"):
        fetched(circle, tmp_path)


@pytest.mark.parametrize(
    "path", ["/a/..%2F..%2Fx.fits", "/%2e%2e%2fx.fits", "/.bashrc", "/..%2f.x.fits"]
)
def test_names_lead_nowhere_else(site, content, tmp_path, path):
    folder = tmp_path / "inner" / "most"
    url = site.put(path, content)
    # asked together with another, it costs a row and not the call
    got = fetched([url, site.put("/good.fits", content)], folder)
    assert all("is not a name for a file" in row.message for row in got.rows)
    assert folder / "good.fits" in got.paths
    assert all(found.parent == folder for found in got.paths)
    assert [
        found for found in tmp_path.rglob("*") if found.is_file() and folder not in found.parents
    ] == []
    assert not any(found.name.startswith(".") for found in got.paths)


def test_a_name_ends_like_what_came(site, content, tmp_path):
    url = site.put("/file/OMEGA.2012-06-01T08:51:46.312", content)
    assert fetched(url, tmp_path).paths == [tmp_path / "OMEGA.2012-06-01T08:51:46.312.fits"]
    script = site.put("/run.sh", content)
    assert fetched(script, tmp_path).paths == [tmp_path / "run.sh.fits"]


def test_files_of_ones_own_stay(site, content, tmp_path):
    mine = tmp_path / "one.fits"
    mine.write_text("mine")
    with pytest.raises(FileTaken, match=r"did not come from .*--into"):
        fetched(site.put("/one.fits", content), tmp_path)
    assert mine.read_text() == "mine"


def test_passwords_in_addresses_are_not_told(site, content, tmp_path):
    url = site.put("/gone.fits", content).replace("//", "//me:secret@")
    fetched(url, tmp_path)
    with pytest.raises(ArchiveError) as told:
        fetched(url.replace("gone", "nothing"), tmp_path)
    assert "secret" not in str(told.value)
    assert not any("secret" in note.read_text() for note in tmp_path.glob(".*.json"))


def test_what_is_no_file_is_told(site, tmp_path):
    login = site.put("/a.fits", b"<html><body>Please log in</body></html>")
    got = fetched([site.put("/list", b"/a.fits\n")], tmp_path)
    assert got.paths == []
    assert "perhaps it asks for a login" in got.rows[0].message
    with pytest.raises(ArchiveError, match="names no FITS file"):
        fetched(login, tmp_path)
    with pytest.raises(ArchiveError, match=r"packed by compress, \.Z"):
        fetched(site.put("/b.fits.Z", b"\x1f\x9d\x90" + bytes(3000)), tmp_path)
    for odd in (
        "file:///etc/passwd",
        "ftp://h/x.fits",
        "x.fits",
        "http:///x.fits",
        "http://h:99999/x",
    ):
        with pytest.raises(ArgumentError, match="is not an address of a file"):
            fetched(odd, tmp_path)


# -- many files ----------------------------------------------------------------------------------


def test_a_list_names_files_of_its_host(site, content, tmp_path):
    two = site.put("/night/two.fits", content)
    site.put("/night/one.fits", content)
    lists = site.put("/night/all.txt", f"# frames\none.fits\n\n{two}\n".encode())
    assert [path.name for path in fetched(lists, tmp_path).paths] == ["one.fits", "two.fits"]
    away = site.put("/away.txt", f"http://localhost:{site.port}/night/one.fits\n".encode())
    with pytest.raises(ArchiveError, match=f"--host localhost:{site.port} takes files"):
        fetched(away, tmp_path)
    for odd in ("file:///etc/passwd", "http://127.0.0.1:1/x.fits", "//h/x.fits"):
        with pytest.raises(ArchiveError, match="not on the host you asked"):
            fetched(site.put("/odd.txt", odd.encode()), tmp_path)


def test_of_a_page_of_a_folder_its_fits_files_come(site, content, tmp_path):
    names = ("C.2012-06-01T08:51:46.fits", "b.fits", "a.fits.gz", "c.txt", "../secret.fits",
             "sub/d.fits", "/etc/e.fits",
             "http://localhost:1/f.fits", "%2e%2e/g.fits", "file:///h.fits", "b.fits")  # fmt: skip
    links = "".join(f'<a href="{name}">x</a>' for name in names)
    site.put("/night/", f"<!DOCTYPE html><html>{links}</html>".encode())
    site.put("/night/b.fits", content)
    site.put("/night/C.2012-06-01T08:51:46.fits", content)
    url = site.put("/night", b"", moved="/night/")
    got = fetched(url, tmp_path)
    assert [path.name for path in got.paths] == ["C.2012-06-01T08:51:46.fits", "b.fits"]
    assert [row.path.name for row in got.rows] == ["a.fits.gz"]
    assert {path for path, _ in site.asked} == {
        "/night", "/night/", "/night/b.fits", "/night/a.fits.gz",
        "/night/C.2012-06-01T08:51:46.fits",
    }  # fmt: skip


def test_a_page_in_a_page_and_a_list_without_end_are_not_followed(
    site, content, tmp_path, monkeypatch
):
    site.put("/inner.txt", b"/one.fits\n")
    got = fetched(site.put("/outer.txt", b"/inner.txt\n"), tmp_path)
    assert got.paths == []
    assert "is not a FITS file" in got.rows[0].message
    monkeypatch.setattr(download, "LARGEST_PAGE", 1 << 16)
    with pytest.raises(ArchiveError, match="too large for a list"):
        fetched(site.put("/long.txt", b"/one.fits\n" * 10000), tmp_path)
    monkeypatch.setattr(archive, "MOST_FILES", 2)
    with pytest.raises(ArchiveError, match="3 files, 2 are the most"):
        fetched(site.put("/many.txt", b"/1.fits\n/2.fits\n/3.fits"), tmp_path)


def test_some_files_are_fetched_at_once_and_no_more(site, content, tmp_path):
    names = [f"n{number}.fits" for number in range(12)]
    for name in names:
        site.put(f"/night/{name}", content, takes=0.3)
    page = "".join(f'<a href="{name}">{name}</a>' for name in names)
    told = []
    begin = time.monotonic()
    got = fetched(
        site.put("/night/", page.encode()), tmp_path / "in",
        progress=lambda done, of: told.append((done, of)),
    )  # fmt: skip
    spent = time.monotonic() - begin
    assert [path.name for path in got.paths] == names
    assert site.server.busiest == download.AT_ONCE
    # one after the other they would take 3.6 s
    assert spent < 3.0
    assert told[-1] == (12, 12)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_one_address_given_twice_comes_once(site, content, tmp_path):
    url = site.put("/a.fits", content, takes=0.2)
    got = fetched([url, url], tmp_path / "in")
    assert [path.name for path in got.paths] == ["a.fits"]
    assert "two files of this ingest are called a.fits" in got.rows[0].message
    assert got.paths[0].read_bytes() == content


def test_a_full_disk_ends_all_of_them(site, content, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    urls = [site.put(f"/{number}.fits", content, takes=0.1) for number in range(8)]
    with tiny_disk(small, f"{2 * len(content) // 1024 + 8}k"), pytest.raises(DiskFull):
        fetched(urls, small)


def test_two_files_of_one_name_are_told_apart(site, content, tmp_path):
    urls = [site.put("/1/x.fits", content), site.put("/2/x.fits", content)]
    got = fetched(urls, tmp_path)
    assert len(got.paths) == 1
    assert "did not come from" in got.rows[0].message


def test_tables_as_archives_give_them(site, content, tmp_path):
    one, two = site.put("/1.fits", content), site.put("/2.fits", content)
    table = Table(
        {
            "obs_id": ["a", "b", "c"],
            "access_url": MaskedColumn([one, two, ""], mask=[False, False, True]),
        }
    )
    assert [path.name for path in fetched(table, tmp_path).paths] == ["1.fits", "2.fits"]
    eso = archive.asked(
        Table({"dp_id": ["OMEGA.2012-06-01T08:51:46.312"], "access_url": ["http://h/x"]})
    )
    assert eso == [archive.Remote(archive.FITS_PAGE + "OMEGA.2012-06-01T08:51:46.312",
                                  "OMEGA.2012-06-01T08:51:46.312")]  # fmt: skip
    pairs = fetched(
        [("first", one), SimpleNamespace(name="second.fits", url=two)], tmp_path / "named"
    )
    assert [path.name for path in pairs.paths] == ["first.fits", "second.fits"]
    with pytest.raises(ArgumentError, match=r"no column of addresses.*its columns are a"):
        fetched(Table({"a": [1]}), tmp_path)


def test_a_datalink_leads_to_the_data_themselves(site, content, tmp_path):
    data, preview = site.put("/d.fits", content), site.put("/p.fits", content)
    cells = "".join(
        f"<TR><TD>{url}</TD><TD>{what}</TD></TR>"
        for url, what in ((preview, "#preview"), (data, "#this"))
    )
    link = site.put(
        "/link",
        f"""<?xml version="1.0"?>
        <VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
        <RESOURCE type="results"><TABLE>
        <FIELD name="access_url" datatype="char" arraysize="*"/>
        <FIELD name="semantics" datatype="char" arraysize="*"/>
        <DATA><TABLEDATA>{cells}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>""".encode(),
    )
    table = Table(
        {"access_url": [link], "access_format": ["application/x-votable+xml;content=datalink"]}
    )
    assert [path.name for path in fetched(table, tmp_path).paths] == ["d.fits"]
    with pytest.raises(ArchiveError, match="its VOTable cannot be read"):
        fetched(site.put("/broken", b"<?xml?><VOTABLE><RESOURCE>"), tmp_path)


# -- the command ---------------------------------------------------------------------------------


@pytest.fixture
def dataserver(db, tmp_path):
    server = Dataserver.start(db, tmp_path / "files")
    yield server.port
    server.stop()


def test_the_command_ingests_what_an_archive_has(db, dataserver, site, exposures, tmp_path):
    listed = "\n".join(path.name for path in exposures) + "\nbroken.fits\nlost.fits\n"
    for path in exposures:
        site.put(f"/night/{path.name}", path.read_bytes(), breaks=[100_000])
    site.put("/night/broken.fits", exposures[0].read_bytes()[:200_000])
    url = site.put("/night/all.txt", listed.encode())
    environment = db.environment("scientist", data_server="127.0.0.1", data_port=str(dataserver))
    home = tmp_path / "home"
    home.mkdir()

    def command(*arguments):
        return subprocess.run(
            [sys.executable, "-c", "import sys; from awe.ingest import main; sys.exit(main())",
             *map(str, arguments)], capture_output=True, text=True, check=False,
            env={**os.environ, **environment, "AWE_HOME": str(home)},
        )  # fmt: skip

    done = command("--from", url)
    assert done.returncode == 1
    assert done.stderr == ""
    assert "3 would be ingested; 1 refused; 1 failed, nothing stored" in done.stdout
    assert "broken.fits" in done.stdout
    assert "it has no such file" in done.stdout
    [folder] = (home / "fetched").iterdir()
    assert f"4 file(s) of the archive are in {folder}" in done.stdout
    site.asked.clear()
    done = command("--from", url, "-commit")
    assert "3 ingested; 1 refused" in done.stdout
    # nothing was sent again: only what is new is asked for whole
    assert all(wanted is None for _, wanted in site.asked)
    done = command("--from", url, "-commit")
    assert "3 ingested before, skipped" in done.stdout
    done = command("-i", exposures[0], "-commit")
    assert "ingested before, skipped" in done.stdout
    done = command("-i", exposures[0], "--into", tmp_path)
    assert done.stderr == "awe-ingest: --into and --host belong to --from URL, which is missing\n"
    done = command("--from", "file:///etc/passwd")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "is not an address of a file: expected http(s)://HOST/PATH" in done.stderr


@pytest.mark.parametrize("when", ["fetching", "ingesting"])
def test_who_stops_the_command_is_told_what_came_and_where(
    db, dataserver, site, exposures, tmp_path, when
):
    for path in exposures:
        site.put(f"/night/{path.name}", path.read_bytes())
    listed = "\n".join(path.name for path in exposures)
    url = site.put("/night/all.txt", listed.encode())
    script = tmp_path / "stopped.py"
    # Ctrl-C as soon as the second file is here, or as the first of them is examined
    script.write_text(
        "import os, signal, sys\n"
        "from awe.ingest import command, download\n"
        "def stop(*_, **__):\n"
        "    os.killpg(0, signal.SIGINT)\n"
        "class Second:\n"
        "    reached = 0\n"
        "    def reach(self, done, of):\n"
        "        self.reached = done\n"
        "        if done >= 2: stop()\n"
        f"if {when!r} == 'ingesting':\n"
        "    command.ingest = stop\n"
        "else:\n"
        "    fetch = command.fetched\n"
        "    command.fetched = lambda *a, progress, **k: fetch(*a, progress=Second().reach, **k)\n"
        "sys.exit(command.main())\n"
    )
    environment = db.environment("scientist", data_server="127.0.0.1", data_port=str(dataserver))
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, script, "--from", url], capture_output=True, text=True, check=False,
        env={**os.environ, **environment, "AWE_HOME": str(home)}, start_new_session=True,
    )  # fmt: skip
    [folder] = (home / "fetched").iterdir()
    said = re.fullmatch(
        rf"awe-ingest: stopped; (\d+) file\(s\) of the archive are in {re.escape(str(folder))}, "
        r"exposures committed so far stay, run it again\n", done.stderr
    )  # fmt: skip
    assert said is not None, done.stderr
    number = int(said[1])
    here = [path for path in folder.iterdir() if path.suffix == ".fits"]
    assert number == len(here)
    # others may have come while the second was told of: four are fetched at a time
    assert number == len(exposures) if when == "ingesting" else number >= 2
    assert done.returncode == 130


def test_a_plan_of_what_an_archive_has(db, dataserver, site, exposures, tmp_path):
    url = site.put(f"/{exposures[0].name}", exposures[0].read_bytes())
    context.start(
        Environment.load(**db.environment("scientist", data_port=str(dataserver), privileges="4"))
    )
    try:
        got = fetched(url, tmp_path / "here")
        ingest(got.paths).to_plan(tmp_path / "plan.csv")
        [row] = ingest(plan=tmp_path / "plan.csv", commit=True)
        assert row.state is State.INGESTED
        assert [one.filename for one in RawFitsData.select_all()] == [exposures[0].name]
    finally:
        database.close()

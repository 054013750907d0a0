"""The pages of objects: what they find is what the command they show finds."""

import csv
import datetime
import io
import re
import uuid
from html import unescape
from urllib.parse import quote

import pytest
from astropy.io import fits
from astropy.io.votable import parse_single_table

from awe.config import Environment
from awe.db.declare.registry import registry
from awe.db.query import paging
from awe.db.server import scope
from awe.db.server.connection import database
from awe.model import classes
from awe.web.search import Search

CAMERA, PLACE = uuid.UUID(int=1), "_creator, _project, _privileges, creation_date"
FRAMES = 130


@pytest.fixture(scope="module")
def frames(standing):
    """Raw frames of one camera: equal dates, missing dates, hostile names, hidden rows."""
    ask = standing.superuser().cursor().execute
    ids = "u.id, 1, %s, now() AT TIME ZONE 'UTC' FROM awe.users u WHERE u.role_name = 'awother'"
    ask(f"INSERT INTO awe.instrument (object_id, name, {PLACE}) SELECT %s, 'OMEGACAM', {ids}",
        (str(CAMERA), 4))
    for name in ("OCAM_r_SDSS", "OCAM_u_SDSS"):
        ask(f"INSERT INTO awe.filter (object_id, name, instrument, {PLACE})"
            f" SELECT gen_random_uuid(), %s, %s, {ids}", (name, str(CAMERA), 4))
    ask("INSERT INTO awe.raw_science_frame (object_id, filename, object, exptime, date_obs,"
        f" instrument, filter, is_valid, _privileges, {PLACE.replace('_privileges, ', '')})"
        " SELECT md5(n::text)::uuid, 'F' || n || '.fits',"
        " CASE n %% 3 WHEN 0 THEN '<script>alert(1)</script>' ELSE 'KIDS ' || n END, n %% 7,"
        " CASE WHEN n %% 10 > 0 THEN timestamp '2012-06-01' + n / 4 * interval '1 minute' END,"
        " %s, (SELECT object_id FROM awe.filter WHERE name = CASE n %% 2 WHEN 0 THEN"
        " 'OCAM_r_SDSS' ELSE 'OCAM_u_SDSS' END), n %% 3,"
        " CASE WHEN n %% 13 = 0 THEN 1 WHEN n %% 5 = 0 THEN 3 ELSE 4 END,"
        " u.id, 1, now() AT TIME ZONE 'UTC' FROM generate_series(1, %s) n, awe.users u"
        " WHERE u.role_name = 'awother'", (str(CAMERA), FRAMES))
    return standing


@pytest.fixture(scope="module")
def shown(frames, tmp_path_factory):
    from tests.dataserver.conftest import Running

    running = Running(frames, tmp_path_factory.mktemp("pages") / "files")
    running.start()
    running.logged_in = running.cookie("student")
    yield running
    running.stop()


@pytest.fixture
def student(frames):
    """The student at a prompt, in this process."""
    classes.load()
    database.connect(Environment.load(**frames.environment("student")))
    number = database.execute("SELECT awe.uid()")[0][0]
    scope.use(scope.Scope(user_id=number, user_name="AWSTUDENT", project_id=1,
                          project_name="ALL"))  # fmt: skip
    yield dict(registry)
    database.close()
    scope.use(None)


def page(shown, path):
    answer = shown.ask("GET", path, None, shown.logged_in)
    assert answer.status_code == 200, answer.text
    return answer.text


def command(text):
    [found] = re.findall(r'<p class="command">awe&gt; query = (.*)</p>', text)
    return unescape(found)


ASKED = [
    "", "f.EXPTIME=3", "f.EXPTIME=3&o.EXPTIME=ge", "f.EXPTIME=2 .. 4&o.EXPTIME=between",
    "f.OBJECT=KIDS*", "f.OBJECT=KIDS 1&o.OBJECT=is", "f.OBJECT=K*1&o.OBJECT=like",
    "f.filter=OCAM_r_SDSS", "f.filter=OCAM_u*&o.filter=like&f.is_valid=1",
    "f.DATE_OBS=2012-05-31&o.DATE_OBS=night", "o.DATE_OBS=none", "o.DATE_OBS=some",
    "f.DATE_OBS=2012-06-01T00:10&o.DATE_OBS=lt&f.EXPTIME=6&o.EXPTIME=not",
    f"f.instrument={CAMERA}", "f.OBJECT=<script>alert(1)</script>&sort=-EXPTIME",
    "ra=10&dec=-30&radius=1", "ra=22:04:00&dec=-31:12:00&radius=1", "f.EXPTIME=nonsense",
    "f.filename=F1.fits' OR 1=1 --", "sort=nonsense&after=%5B1%5D",
]  # fmt: skip


@pytest.mark.parametrize("asked", [one for one in ASKED if "nonsense" not in one])
def test_the_command_shown_finds_what_the_page_finds(shown, student, asked):
    address = quote(asked, safe="=&*.:%")
    text = page(shown, f"/objects/RawScienceFrame?{address}")
    query = eval(command(text), {**student, "datetime": datetime})
    assert f"<p>{len(query)} found" in text
    links = re.findall(r'href="/object/RawScienceFrame/([0-9a-f-]+)"', text)
    assert links[:1] == [str(item.object_id) for item in query[:1]] or "DATE_OBS" in asked
    assert len(links) == min(50, len(query))


def test_what_a_field_cannot_be_is_said_in_one_line(shown):
    answer = shown.ask("GET", "/objects/RawScienceFrame?f.EXPTIME=x%3Cb%3E", None, shown.logged_in)
    assert answer.status_code == 400
    assert 'role="alert">EXPTIME is &#39;x&lt;b&gt;&#39;; expected float</p>' in answer.text
    assert page(shown, "/objects/RawScienceFrame?sort=nonsense&after=%5B1%5D&c=nothing")


@pytest.mark.parametrize("sort", ["DATE_OBS", "-DATE_OBS", "EXPTIME", "-OBJECT", "object_id"])
@pytest.mark.parametrize("size", [7, 50])
def test_pages_behind_one_another_are_the_whole_once(student, sort, size):
    """Equal and missing values included, both ways; also by the place an address tells."""
    kind = student["RawScienceFrame"]
    found, after = [], None
    while True:
        rows = paging.page(kind.select_all(), ["filename"], sort=sort.lstrip("-"),
                           downwards=sort.startswith("-"), after=after, size=size)  # fmt: skip
        found += rows
        if len(rows) < size:
            break
        after = rows[-1].place
    everything = {item.object_id for item in kind.select_all()}
    assert [row.place.object_id for row in found] == list(
        dict.fromkeys(row.place.object_id for row in found))
    assert {row.place.object_id for row in found} == everything
    values = [row.place.value for row in found if row.place.value is not None]
    assert values == sorted(values, reverse=sort.startswith("-"))
    assert [row.place.value for row in found[len(values):]] == [None] * (len(found) - len(values))


def test_next_pages_lead_through_everything(shown):
    path, seen = "/objects/RawScienceFrame?sort=-DATE_OBS", []
    while path:
        text = page(shown, path)
        seen += re.findall(r'href="/object/RawScienceFrame/([0-9a-f-]+)"', text)
        following = re.findall(r'href="([^"]+)" rel="next"', text)
        path = unescape(following[0]) if following else None
    assert len(seen) == len(set(seen)) == FRAMES - FRAMES // 13


def test_the_world_and_others_find_what_the_database_shows_them(shown):
    for person, number in (("other", FRAMES), ("student", FRAMES - FRAMES // 13), (None, None)):
        headers = shown.cookie(person) if person else {}
        text = shown.ask("GET", "/objects/RawScienceFrame", None, headers).text
        [(visible,)] = shown.db.rows(person or "anonymous",
                                     "SELECT count(*) FROM awe.raw_science_frame")
        assert number in (None, visible)
        assert f"<p>{visible} found" in text


def test_tables_are_files_that_are_read_back(shown):
    behind = "f.filter=OCAM_r_SDSS&sort=-EXPTIME&c=filename&c=EXPTIME&c=DATE_OBS&c=filter"
    files = {}
    for name in ("csv", "fits", "vot"):
        answer = shown.ask("GET", f"/objects/RawScienceFrame/table.{name}?{behind}", None,
                           shown.logged_in)  # fmt: skip
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"].endswith(f'"RawScienceFrame.{name}"')
        files[name] = answer.content
    rows = list(csv.DictReader(io.StringIO(files["csv"].decode())))
    table = fits.getdata(io.BytesIO(files["fits"]))
    votable = parse_single_table(io.BytesIO(files["vot"])).to_table()
    assert len(rows) == len(table) == len(votable) == 60
    assert [float(row["EXPTIME"]) for row in rows] == sorted(table["EXPTIME"], reverse=True)
    assert set(votable["filter"]) == {"OCAM_r_SDSS"}
    assert votable["EXPTIME"].unit == "s"
    assert shown.ask("GET", "/objects/RawScienceFrame/table.exe", None,
                     shown.logged_in).status_code == 400  # fmt: skip


def test_every_class_has_a_form_that_works(shown):
    listed = re.findall(r'href="/objects/(\w+)"', page(shown, "/objects"))
    assert len(listed) > 40
    for name in listed:
        text = page(shown, f"/objects/{name}")
        assert "awe&gt; query = " in text
        assert text.count('name="f.') >= 3


def test_an_object_leads_to_what_was_made_of_it(shown):
    text = page(shown, f"/object/Instrument/{CAMERA}")
    assert f"/objects/RawScienceFrame?f.instrument={CAMERA}" in text
    [first] = re.findall(r'href="(/object/Filter/[0-9a-f-]+)">OCAM_u_SDSS', text)
    back = page(shown, first)
    assert f'href="/object/Instrument/{CAMERA}">OMEGACAM' in back


def test_what_a_form_means_does_not_depend_on_the_order_of_its_fields(student):
    kind = student["RawScienceFrame"]
    given = [("f.EXPTIME", "3"), ("o.EXPTIME", "lt"), ("f.OBJECT", "A"), ("c", "OBJECT")]
    one, other = Search.of(kind, given), Search.of(kind, given[::-1])
    assert one.command == other.command
    assert one.columns == ("OBJECT",)

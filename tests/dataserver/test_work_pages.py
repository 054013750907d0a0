"""Calibrations and targets in a browser: what is shown, what changes, and who may."""

import re
import uuid
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.dataserver.conftest import Running
from tests.dataserver.test_pages import Browser

CAMERA, CHIP = (str(uuid.UUID(int=number)) for number in (11, 12))
BIASES = {name: str(uuid.UUID(int=20 + n)) for n, name in enumerate(
    ("old", "good", "bad", "private"))}  # fmt: skip
ADDRESS = "/calibrations?instrument=OMEGACAM&chip=ESO_CCD_%2365"


def insert(db, table, object_id, level=4, person="other", **columns):
    names = "".join(f", {name}" for name in columns)
    places = ", %s" * len(columns)
    db.rows(
        "superuser",
        f"INSERT INTO awe.{table} (object_id, _creator, _project, _privileges, creation_date"
        f"{names}) SELECT %s, u.id, p.id, %s, now() AT TIME ZONE 'UTC'{places}"
        " FROM awe.users u, awe.project p WHERE u.role_name = %s AND p.name = 'TUTORIAL2015'",
        object_id, level, *columns.values(), db.user(person),
    )  # fmt: skip


@pytest.fixture(scope="module")
def shown(standing, tmp_path_factory):
    insert(standing, "instrument", CAMERA, name="OMEGACAM", utc_offset=-4.0)
    insert(standing, "chip", CHIP, name="ESO_CCD_#65", instrument=CAMERA)
    for number, (name, bias) in enumerate(BIASES.items()):
        insert(
            standing, "bias_frame", bias, level=1 if name == "private" else 4, person="student"
            if name == "private" else "other", instrument=CAMERA, chip=CHIP,
            filename=f"<b>{name}.fits", is_valid=0 if name == "bad" else 1, quality_flags=0,
            timestamp_start=f"2012-05-{20 + number}", timestamp_end=f"2012-06-{5 + number:02}",
        )  # fmt: skip
    running = Running(standing, tmp_path_factory.mktemp("pages") / "files")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def creator(shown):
    return Browser(shown, "other")


def get(browser, path):
    return browser.served.ask("GET", path, None, browser.cookie)


def test_what_is_valid_when_is_a_picture_and_a_table(shown, creator):
    text = get(creator, f"{ADDRESS}&date=2012-05-31").text
    assert "calibrations(&#39;OMEGACAM&#39;, &#39;ESO_CCD_#65&#39;, date=" in text
    bars = re.findall(r'<rect class="(\w+)" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', text)
    assert sorted(state for state, _, _ in bars) == ["chosen", "unusable", "valid"]
    assert all(float(x) >= 210 and float(x) + float(wide) <= 960 for _, x, wide in bars)
    assert text.count("<td><a href=\"/object/BiasFrame/") == 3
    assert "&lt;b&gt;good.fits" in text
    assert "<b>" not in text
    assert BIASES["private"] not in text
    assert BIASES["private"] in get(Browser(shown, "student"), ADDRESS).text
    nobody = shown.ask("GET", ADDRESS).text
    assert BIASES["good"] in nobody
    wrong = get(creator, f"{ADDRESS}&date=yesterday%3Cscript%3E")
    assert wrong.status_code == 400
    assert "<script>" not in wrong.text
    assert get(creator, "/calibrations?instrument=NONE&chip=%27").status_code == 400


def state(shown, name):
    return shown.db.rows(
        "superuser", "SELECT is_valid, timestamp_start::text, timestamp_end::text"
        " FROM awe.bias_frame WHERE object_id = %s", BIASES[name])[0]  # fmt: skip


def test_a_change_is_shown_first_and_made_by_the_second_button(shown, creator):
    path, before = f"/calibrations/BiasFrame/{BIASES['good']}", state(shown, "good")
    wanted = {"is_valid": "0", "timestamp_start": "2012-05-21",
              "timestamp_end": "2012-06-20T10:00"}  # fmt: skip
    asked = creator.send(path, **wanted)
    assert "This would change" in asked.text
    assert state(shown, "good") == before
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
    assert hidden.keys() == {"token", "confirmed", "is_valid", "timestamp_end"}
    assert creator.post(path, {**hidden, "token": "x"}).status_code == 403
    assert state(shown, "good") == before
    done = creator.post(path, hidden)
    assert done.status_code == 303
    assert state(shown, "good") == (0, "2012-05-21 00:00:00", "2012-06-20 10:00:00")
    note = parse_qs(urlsplit(done.headers["location"]).query)["note"][0]
    assert note == "is_valid is 0, timestamp_end is 2012-06-20 10:00:00 now"
    assert f'role="status">{note}' in unescape(get(creator, done.headers["location"]).text)


@pytest.mark.parametrize("form", [
    {"is_valid": "7"}, {"is_valid": ""}, {"timestamp_start": "x"},
    {"timestamp_end": "10000-01-01"}, {"timestamp_start": "2013-01-01"},
    {"timestamp_end": "2012-01-01", "confirmed": "yes"},
    {"is_valid": "1' OR 1=1", "confirmed": "yes"},
])  # fmt: skip
def test_nonsense_changes_nothing(shown, creator, form):
    before = state(shown, "old")
    answer = creator.send(f"/calibrations/BiasFrame/{BIASES['old']}", **form)
    assert answer.status_code == 400 or "nothing is different" in answer.text
    assert state(shown, "old") == before


def test_who_may_not_judge_is_refused_by_the_database(shown):
    before = state(shown, "old")
    for person, status in (("student", 403), ("outsider", 403), ("manager", 303)):
        answer = Browser(shown, person).send(
            f"/calibrations/BiasFrame/{BIASES['old']}", is_valid="0", confirmed="yes")
        assert answer.status_code == status, person
        assert (state(shown, "old") == before) is (status == 403)
    hidden = Browser(shown, "other").send(
        f"/calibrations/BiasFrame/{BIASES['private']}", is_valid="0", confirmed="yes")
    absent = Browser(shown, "other").send(
        f"/calibrations/BiasFrame/{uuid.uuid4()}", is_valid="0", confirmed="yes")
    assert (hidden.status_code, hidden.text) == (absent.status_code, absent.text)
    assert hidden.status_code == 404
    assert state(shown, "private")[0] == 1
    nobody = shown.ask("POST", f"/calibrations/BiasFrame/{BIASES['old']}", data={"is_valid": "1"})
    assert nobody.status_code == 401


def test_a_target_that_cannot_be_made_says_why(shown, creator):
    for asked, said in (
        ("raw=no-such.fits", "no RawScienceFrame"),
        ("raw=x&class=Instrument", "is not made of a raw frame"),
        ("raw=" + "x" * 400, "longer than the name of a file"),
    ):
        answer = get(creator, f"/targets?{asked}")
        assert answer.status_code == 400
        assert said in answer.text
    assert creator.send("/targets", raw="x.fits", plan="").status_code in (400, 404)
    assert shown.db.rows("superuser", "SELECT count(*) FROM awe.job") == [(0,)]

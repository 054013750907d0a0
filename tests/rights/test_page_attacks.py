"""Attacks on every route of the pages: no page shows or does what psql as that person does not.

A route that is not in the tables below fails the first test, so that none is forgotten.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import uuid
from urllib.parse import urlencode

import psycopg2
import pytest
from test_http_attacks import Scene
from test_sinks import HOSTILE, Tags
from victim import CANARY, fingerprint

from awe.web.pages import _ROUTES
from tests.dataserver.test_pages import Browser

PEOPLE = ("student", "manager", "scientist", "outsider")
#: What is asked of each route: its parts, and what is behind it.
ASKED = {
    "/": [({}, "")],
    "/static/{name}": [({"name": name}, "") for name in (
        "pages.css", "..%2fpages.py", "%2e%2e%2fpages.py", "pages.css%00", "layout.html")],
    "/login": [({}, "?link={secret}"), ({}, "?link={ticket}"), ({}, "")],
    "/jobs": [({}, ""), ({}, "?before=999999"), ({}, "?before={job}")],
    "/jobs/{job}": [({}, "")],
    "/runs/{run}": [({}, ""), ({}, "?after=-1")],
    "/members": [({}, ""), ({}, "?project=TUTORIAL2015"), ({}, "?project=FOREIGN")],
    "/objects": [({}, "")],
    "/objects/{class_name}": [({}, ""), ({}, "?f.filename=canary*"), ({}, "?sort=-filename"),
                              ({}, "?f.object_id={object}"), ({}, "?f.name=canary*"),
                              ({}, "?f.instrument=canary*&f.chip={other}")],
    "/objects/{class_name}/table.{format}": [({"format": "csv"}, "")],
    "/object/{class_name}/{object_id}": [({}, "")],
    "/calibrations": [({}, ""), ({}, "?instrument=canary-instrument-name&chip=canary-chip-name")],
    "/calibrations/{class_name}/{object_id}": [({}, "")],
    "/targets": [({}, ""), ({}, "?raw=canary-raw_science_frame-filename")],
}  # fmt: skip
#: What is sent to each route that changes something.
SENT = {
    "/login": {"link": "{secret}"},
    "/logout": {},
    "/scope": {"project": "FOREIGN"},
    "/jobs/{job}/cancel": {},
    "/jobs/{job}/retry": {},
    "/runs/{run}/cancel": {},
    "/calibrations/{class_name}/{object_id}": {"is_valid": "0", "confirmed": "yes"},
    "/targets": {"raw": "canary-raw_science_frame-filename", "plan": ""},
}  # fmt: skip


@pytest.fixture(scope="module")
def scene(standing, tmp_path_factory):
    made = Scene(standing, tmp_path_factory.mktemp("pages") / "files")
    made.browsers = {person: Browser(made.served, person) for person in (*PEOPLE, "other")}
    yield made
    made.served.stop()


def classes(scene):
    return {"".join(word.title() for word in table.split("_")): (table, number)
            for table, number in scene.victim.objects.items()}


def filled(scene, text, table="bias_frame"):
    victim = scene.victim
    known = {"job": victim.job, "run": victim.run, "secret": victim.secret, "other": victim.file,
             "ticket": victim.ticket, "object": victim.objects[table], "class_name": "BiasFrame",
             "object_id": victim.objects["bias_frame"]}  # fmt: skip
    return re.sub(r"{(\w+)}", lambda found: str(known[found[1]]), text)


def headers(scene, person):
    return {} if person is None else scene.browsers[person].cookie


def get(scene, person, path):
    return scene.ask("GET", path, headers(scene, person))


def test_every_route_is_attacked():
    routes = {(method, route.path) for route in _ROUTES for method in route.methods - {"HEAD"}}
    assert routes == {("GET", path) for path in ASKED} | {("POST", path) for path in SENT}


def test_no_page_shows_what_is_anothers(scene):
    """Every route, every class, everybody; the owner sees it, so that the test could fail."""
    seen = 0
    for person in (*PEOPLE, None, "other"):
        for path, asked in ASKED.items():
            for kind, (table, number) in classes(scene).items():
                place = path.replace("{class_name}", kind).replace("{object_id}", number)
                for parts, behind in asked:
                    full = filled(scene, place.format_map(Same(parts)) + behind, table)
                    status, _, body = get(scene, person, full)
                    assert status < 500, (person, full, body)
                    text = body.decode("utf-8", "replace")
                    for word in ("canary-", scene.victim.file, scene.victim.deleted):
                        asks = word in full or (word == "canary-" and "canary" in full)
                        if person == "other":
                            seen += word in text
                        else:
                            assert asks or word not in text, (person, full)
                if "{class_name}" not in path:
                    break
    assert seen > 100


class Same(dict):
    """Leaves what it does not know as it is."""

    def __missing__(self, key):
        return "{" + key + "}"


def test_a_page_lists_what_psql_lists_for_everybody(scene):
    for person in (*PEOPLE, "other", None):
        for kind, (table, _) in classes(scene).items():
            _, _, body = get(scene, person, f"/objects/{kind}")
            shown = set(re.findall(rf'href="/object/{kind}/([0-9a-f-]+)"', body.decode()))
            every = f'SELECT object_id::text FROM awe."{table}"'
            rows = scene.db.rows(person or "anonymous", every)
            assert shown == {row[0] for row in rows}, (person, kind)


def test_hidden_and_absent_objects_answer_alike_for_whoever_is_logged_in(scene):
    for person in (*PEOPLE, None):
        for kind, (_, number) in classes(scene).items():
            for place in ("object", "calibrations"):
                hidden, absent = (get(scene, person, f"/{place}/{kind}/{one}")
                                  for one in (number, uuid.UUID(int=4711)))
                assert hidden == absent, (person, place, kind)
                assert hidden[0] == 404


def rest(scene):
    """The whole database but the logins of these sessions."""
    return {one for one in fingerprint(scene.maker) if "page_" not in one[1]}


def send(scene, person, path, form, **more):
    told = {**headers(scene, person), "content-type": "application/x-www-form-urlencoded", **more}
    return scene.ask("POST", path, told, urlencode(form).encode())


def forms(scene):
    for path, form in SENT.items():
        if path != "/logout":
            yield filled(scene, path), {name: filled(scene, text) for name, text in form.items()}


def test_what_is_anothers_is_changed_by_nobody(scene):
    before = rest(scene)
    for person in PEOPLE:
        for path, form in forms(scene):
            token = {"token": scene.browsers[person].token}
            status, _, body = send(scene, person, path, {**form, **token})
            assert status in (400, 403, 404), (person, path, status)
            assert CANARY not in body.decode(), (person, path)
    assert rest(scene) == before


FORGED = {
    "no token": ({}, {}),
    "an empty one": ({"token": ""}, {}),
    "somebody else's": ({"token": "theirs"}, {}),
    "another site": ({"token": "mine"}, {"sec-fetch-site": "cross-site"}),
    "another port": ({"token": "mine"}, {"sec-fetch-site": "same-site"}),
    "another origin": ({"token": "mine"}, {"origin": "http://evil.example"}),
    "no origin": ({"token": "mine"}, {"origin": "null"}),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_form_changes_nothing_even_for_the_owner(scene, how):
    """CSRF: the owner's browser sends the owner's cookie with a form that others wrote."""
    given, more = FORGED[how]
    tokens = {"mine": scene.browsers["other"].token, "theirs": scene.browsers["student"].token}
    form = {name: tokens.get(value, value) for name, value in given.items()}
    before = rest(scene)
    for path, fields in [*forms(scene), ("/logout", {})]:
        if path == "/login" and not more:
            continue
        assert send(scene, "other", path, {**fields, **form}, **more)[0] == 403, (how, path)
    assert rest(scene) == before


def test_the_owner_can_so_that_these_tests_could_fail(scene):
    path = filled(scene, "/calibrations/{class_name}/{object_id}")
    for verdict in ("0", "1"):
        form = {"token": scene.browsers["other"].token, "is_valid": verdict, "confirmed": "yes"}
        assert send(scene, "other", path, form)[0] == 303
    number = scene.victim.objects["bias_frame"]
    assert scene.db.rows("other", "SELECT is_valid FROM awe.bias_frame WHERE object_id = %s",
                         number) == [(1,)]  # fmt: skip


@pytest.mark.parametrize("text", [
    text for text in HOSTILE if set(text) & set("<>\"'&%\x1b\u202e") and "\x00" not in text])
def test_texts_of_others_stay_text(scene, text):
    """Names, targets and log lines of others, in every page that shows them."""
    row = scene.maker.row("raw_science_frame", "other", 36, 4, filename=text, object=text,
                          observer=text)  # fmt: skip
    bias = scene.maker.row("bias_frame", "other", 36, 4, filename=text)
    plain = {"/objects/RawScienceFrame": None, f"/object/RawScienceFrame/{row.id}": None,
             f"/object/BiasFrame/{bias.id}": None, f"/calibrations/BiasFrame/{bias.id}": None,
             "/targets": None}  # fmt: skip
    try:
        for path in plain:
            for behind in ("", f"?{urlencode({'f.filename': text, 'note': text, 'raw': text})}"):
                status, told, body = get(scene, "student", path + behind)
                assert status in (200, 400), (path, behind, body)
                Tags.of(body.decode())
                policy = dict(told)["content-security-policy"]
                assert "unsafe" not in policy
                assert "script-src 'self'" in policy
    finally:
        for one in (row, bias):
            scene.maker.ask(f"DELETE FROM awe.{one.table} WHERE object_id = %s", str(one.id))


def test_nobody_puts_words_into_a_page(scene):
    """The note of a page is what the pages themselves said to this visitor."""
    mine, theirs = scene.browsers["student"], scene.browsers["manager"]
    told = mine.send("/scope", project="TUTORIAL2015").headers["location"]
    assert 'role="status"' in mine.served.ask("GET", told, None, mine.cookie).text
    for browser, place in ((theirs, told), (mine, "/?note=Log+in+at+evil.example"),
                           (mine, told.replace("TUTORIAL", "EVIL"))):
        assert 'role="status"' not in browser.served.ask("GET", place, None, browser.cookie).text


@pytest.mark.parametrize("path", [
    "//evil.example", "//evil.example/jobs", "/%2f%2fevil.example", "/jobs//evil.example",
    "/login?link=//evil.example", "/jobs/1%0d%0aLocation:%20http://evil.example/cancel",
    "/objects/BiasFrame%0d%0aSet-Cookie:a=b/table.csv", "/objects/BiasFrame/table.csv%0d%0aX:y",
    "/calibrations/BiasFrame%0d%0aX-Evil:1/00000000-0000-0000-0000-000000000000",
    "/static/pages.css%0d%0aX-Evil:1", "/object/BiasFrame/%0d%0a%0d%0a<script>",
])  # fmt: skip
def test_no_answer_leads_away_or_carries_headers_of_others(scene, path):
    for method in ("GET", "POST"):
        more = {**headers(scene, "student")}
        form = urlencode({"token": scene.browsers["student"].token}).encode()
        try:
            status, told, _ = scene.ask(method, path, more, form if method == "POST" else None)
        except http.client.InvalidURL:
            continue
        names = dict(told)
        assert status >= 400 or method == "GET"
        assert not {"x-evil", "set-cookie"} & names.keys()
        assert "evil" not in names.get("location", "")
        assert names.get("location", "/x")[:2] != "//"


def test_the_login_of_a_session_becomes_its_person_and_nobody_else(scene):
    permits = scene.db.connect("awe_dataserver")
    ticket = hashlib.sha256(scene.served.ticket("student").encode()).digest()
    verifier = psycopg2.extensions.encrypt_password("secret", "x", permits, "scram-sha-256")
    ask = scene.db.rows
    [(login, person)] = ask("awe_dataserver", "SELECT login, person FROM awe.page_login(%s, %s)",
                            ticket, verifier)  # fmt: skip
    assert person == "awstudent"
    made = psycopg2.connect(host=str(scene.db.cluster.socket), port=5432, dbname=scene.db.name,
                            user=login, password="secret")  # fmt: skip
    made.autocommit = True
    cursor = made.cursor()
    for refused in ("SELECT count(*) FROM awe.bias_frame", "SET ROLE awother",
                    "SET ROLE awe_dataserver", f"SELECT awe.page_login('x', '{verifier}')"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(refused)
    cursor.execute("SET ROLE awstudent")
    cursor.execute("SELECT awe.uid()")
    assert cursor.fetchone()[0] == scene.maker.user("student")
    for call in ("page_login('x', 'y')", "page_logout('x')", "page_sweep(true)", "page_name('x')",
                 "login_drop('awother')"):
        for role in ("student", "anonymous", "awe_runner"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                ask(role, f"SELECT awe.{call}")
    ask("awe_dataserver", "SELECT awe.page_logout(%s)", ticket)
    assert ask("superuser", "SELECT 1 FROM pg_roles WHERE rolname = %s", login) == []
    with pytest.raises(psycopg2.Error):
        cursor.execute("SELECT 1")
    for dead in ("login", "job", "file"):
        link = hashlib.sha256(f"{dead} {uuid.uuid4()}".encode()).digest()
        more = {"login": "page", "job": "job", "file": "file"}[dead]
        value = {"login": "login", "job": scene.victim.job, "file": scene.victim.file}[dead]
        scene.maker.ask(f"INSERT INTO awe.ticket (hash, user_id, {more}, expires) VALUES "
                        "(%s, %s, %s, now() + interval '5 minutes')", link,
                        scene.maker.user("other"), value)
        assert ask("awe_dataserver", "SELECT 1 FROM awe.page_login(%s, %s)", link, verifier) == []


def test_a_session_that_is_over_shows_what_the_world_sees(scene):
    browser = Browser(scene.served, "other")
    private = f"/object/BiasFrame/{scene.victim.objects['bias_frame']}"
    assert browser.served.ask("GET", private, None, browser.cookie).status_code == 200
    logins = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'page\\_%%'"
    before = scene.maker.ask(logins)[0][0]
    assert browser.send("/logout").status_code == 303
    assert browser.served.ask("GET", private, None, browser.cookie).status_code == 404
    assert scene.maker.ask(logins)[0][0] == before - 1
    browser = Browser(scene.served, "other")
    scene.maker.ask("DELETE FROM awe.ticket WHERE page = 'session' AND user_id = %s"
                    " AND expires = (SELECT max(expires) FROM awe.ticket WHERE page = 'session')",
                    scene.maker.user("other"))
    assert browser.served.ask("GET", private, None, browser.cookie).status_code == 404
    assert scene.maker.ask(logins)[0][0] == before - 1

"""The pages, asked over HTTP: what they show is escaped, and nobody else's."""

import os
import re
import subprocess
import sys
import uuid

import httpx
import pytest


class Browser:
    """A browser in which somebody has logged in, and the token of their forms."""

    def __init__(self, served, person):
        self.served = served
        self.cookie = served.cookie(person)
        page = served.ask("GET", "/", None, self.cookie).text
        [self.token] = set(re.findall(r'name="token" value="([^"]+)"', page))

    def post(self, path, form, headers=None):
        return self.served.ask("POST", path, None, {**self.cookie, **(headers or {})}, data=form)

    def send(self, path, **form):
        return self.post(path, {"token": self.token, **form})


def submit(served, person, message):
    args = "INSERT INTO awe.run (request, recipe, args, project, privileges) SELECT %s, 'Reduce',"
    args += " '{}', id, 1 FROM awe.project WHERE name = 'TUTORIAL2015' RETURNING id"
    [(run,)] = served.db.rows(person, args, str(uuid.uuid4()))
    served.db.rows(
        "superuser",
        "INSERT INTO awe.job (run, ordinal, user_id, recipe, args, project, privileges, message)"
        " SELECT id, 0, user_id, recipe, args, project, privileges, %s FROM awe.run WHERE id = %s",
        message,
        run,
    )


def test_jobs_are_shown_to_their_owner_only_and_escaped(served):
    submit(served, "student", "<script>alert(1)</script>")
    mine = served.ask("GET", "/jobs", "student")
    assert mine.status_code == 200
    assert "&lt;script&gt;" in mine.text
    assert "<script>" not in mine.text
    assert "<td>Reduce" not in served.ask("GET", "/jobs", "other").text
    assert served.ask("GET", "/jobs").status_code == 401


def test_login_link_becomes_a_cookie_that_scripts_cannot_read(served):
    submit(served, "student", "hello")
    link = served.login_ticket("student")
    asked = httpx.get(f"{served.url}/login?link={link}")
    assert asked.status_code == 200
    assert "Log in as AWSTUDENT" in asked.text
    assert "nobody is logged in" in asked.text
    assert "set-cookie" not in asked.headers
    answer = httpx.post(f"{served.url}/login", data={"link": link})
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    with httpx.Client(cookies=answer.cookies) as browser:
        assert "hello" in browser.get(f"{served.url}/jobs").text
        assert "AWSTUDENT" in browser.get(f"{served.url}/").text
    refused = served.ask(
        "PUT", f"/file/{served.reserve_file()}", None, served.cookie("student"), content=b"x"
    )
    assert refused.status_code == 400


def test_a_link_to_the_pages_works_once(served):
    link = served.login_ticket("student")
    assert httpx.post(f"{served.url}/login", data={"link": link}).status_code == 303
    assert httpx.post(f"{served.url}/login", data={"link": link}).status_code == 404
    assert httpx.get(f"{served.url}/login?link={link}").status_code == 404


def test_a_cookie_is_worthless_to_another_account(served):
    """Browsers send it to every port of this machine, so anybody who listens may have it."""
    if os.geteuid() != 0:
        pytest.skip("only root can ask as another account")
    cookie = served.cookie("student")["cookie"]
    asked = (
        "import encodings.idna, http.client, os, sys; os.setuid(int(sys.argv[3]));"
        "c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]));"
        "c.request('GET', '/jobs', headers={'cookie': sys.argv[2]});"
        "print(c.getresponse().status)"
    )
    command = [sys.executable, "-I", "-S", "-c", asked, str(served.port), cookie]
    told = {
        account: subprocess.run(
            [*command, str(account)], capture_output=True, text=True, check=True
        ).stdout.strip()
        for account in (0, 54321)
    }
    assert told == {0: "200", 54321: "401"}


def test_the_home_page_says_who_is_logged_in_and_how_to_be(served):
    page = served.ask("GET", "/")
    assert page.status_code == 200
    assert "dpu.url()" in page.text
    assert "nobody is logged in" in page.text
    mine = served.ask("GET", "/", None, served.cookie("student"))
    assert "logged in as AWSTUDENT" in mine.text
    assert 'href="/jobs"' in mine.text
    assert 'name="token"' in mine.text


def test_a_job_has_a_page_with_its_log_and_products(served):
    submit(served, "student", "hello")
    [(job,)] = served.db.rows("superuser", "SELECT max(id) FROM awe.job")
    product = uuid.uuid4()
    served.db.rows("superuser", "INSERT INTO awe.job_log (job, attempt, line_no, line)"
                   " VALUES (%s, 1, 1, '<i>first</i>'), (%s, 1, 2, 'last')", job, job)
    served.db.rows("superuser", "INSERT INTO awe.job_item (job, item, attempt, ok, class, product)"
                   " VALUES (%s, 'raw-1', 1, true, 'BiasFrame', %s)", job, str(product))
    cookie = served.cookie("student")
    assert f'href="/jobs/{job}"' in served.ask("GET", "/jobs", None, cookie).text
    page = served.ask("GET", f"/jobs/{job}", None, cookie).text
    assert "&lt;i&gt;first&lt;/i&gt;\nlast" in page
    assert f"/object/BiasFrame/{product}" in page
    absent = served.ask("GET", "/jobs/999999", None, cookie)
    for answer in (served.ask("GET", f"/jobs/{job}", None, served.cookie("other")),
                   served.ask("GET", f"/jobs/{'9' * 5000}", None, cookie)):
        assert (answer.status_code, answer.content) == (404, absent.content)
    answers = [served.ask("GET", f"/jobs/{number}") for number in (job, 999999)]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert "log in" in answers[0].text


def test_jobs_come_in_pages(served):
    submit(served, "student", "many")
    ask = served.db.rows
    [(run,)] = ask("superuser", "SELECT max(id) FROM awe.run")
    ask("superuser", "INSERT INTO awe.job (run, ordinal, user_id, recipe, args,"
        " project, privileges, message) SELECT run, ordinal + n, user_id, recipe, args,"
        " project, privileges, message FROM awe.job, generate_series(1, 202) n"
        " WHERE id = (SELECT max(id) FROM awe.job)")  # fmt: skip
    ask("superuser", "INSERT INTO awe.run (user_id, request, recipe, args, project, privileges)"
        " SELECT user_id, gen_random_uuid(), 'Bias', args, project, privileges"
        " FROM awe.run, generate_series(1, 60) WHERE id = %s", run)  # fmt: skip
    cookie = served.cookie("student")

    def shown(path):
        return served.ask("GET", path, None, cookie).text

    first = shown("/jobs")
    assert first.count("<td>Bias</td>") == 50
    [older] = re.findall(r'href="(/jobs\?before=\d+)"', first)
    assert (shown(older).count("<td>Bias</td>"), shown(older).count("<td>Reduce</td>")) == (10, 1)
    assert "0 of 203 over" in shown(older)
    jobs = shown(f"/runs/{run}")
    assert jobs.count("many") == 200
    [more] = re.findall(rf'href="(/runs/{run}\?after=\d+)"', jobs)
    assert shown(more).count("many") == 3
    for nonsense in ("0", "-1", "9" * 5000, "x", "%00"):
        assert served.ask("GET", f"/jobs?before={nonsense}", None, cookie).status_code == 200


def test_jobs_are_cancelled_and_retried_by_their_owner_with_a_form_of_theirs(served):
    submit(served, "student", None)
    [(job, run)] = served.db.rows("superuser", "SELECT id, run FROM awe.job")
    mine, theirs = Browser(served, "student"), Browser(served, "other")
    state = "SELECT cancel, state::text FROM awe.job"
    for browser, path, status in (
        (theirs, f"/jobs/{job}/cancel", 404), (theirs, f"/runs/{run}/cancel", 404),
        (theirs, f"/jobs/{job}/retry", 404), (mine, f"/jobs/{job}/retry", 303),
    ):
        assert browser.send(path).status_code == status, path
    for wrong in ({"token": ""}, {"token": theirs.token}, {"token": mine.token + "x"}):
        assert mine.post(f"/jobs/{job}/cancel", wrong).status_code == 403
    assert mine.post(f"/jobs/{job}/cancel", {"token": mine.token},
                     {"sec-fetch-site": "cross-site"}).status_code == 403
    assert served.db.rows("superuser", state) == [(False, "queued")]
    answer = mine.send(f"/jobs/{job}/cancel")
    assert answer.headers["location"].startswith(f"/jobs/{job}?note=")
    assert served.db.rows("superuser", state) == [(True, "cancelled")]
    mine.send(f"/jobs/{job}/retry")
    assert served.db.rows("superuser", state) == [(False, "queued")]
    mine.send(f"/runs/{run}/cancel")
    assert served.db.rows("superuser", "SELECT cancel FROM awe.job") == [(True,)]


def test_huge_jobs_keep_nobody_from_the_pages(served):
    """Arguments of a megabyte each, and notes of 10 MB of control characters, are cut."""
    submit(served, "student", "huge")
    ask = served.db.rows
    [(job,)] = ask("superuser", "SELECT max(id) FROM awe.job")
    args = "jsonb_build_object('x', repeat(E'\\x7f', 900000))"
    ask("superuser", f"UPDATE awe.job SET args = {args} WHERE id = %s", job)
    copied = "user_id, recipe, args, project, privileges"
    ask("superuser", f"INSERT INTO awe.job (run, ordinal, {copied}) SELECT run, n, {copied}"
        " FROM awe.job, generate_series(1, 100) n WHERE id = %s", job)  # fmt: skip
    ask("superuser", "INSERT INTO awe.job_item (job, item, attempt, ok, message)"
        " VALUES (%s, 'a', 1, true, repeat(E'\\x07', 10000000))", job)  # fmt: skip
    cookie = served.cookie("student")
    listed, shown = (
        served.ask("GET", path, None, cookie) for path in ("/jobs", f"/jobs/{job}")
    )
    assert (listed.status_code, shown.status_code) == (200, 200)
    assert len(listed.content) < 100_000
    assert len(shown.content) < 200_000


def test_every_page_fits_a_phone_and_can_be_read_aloud(served):
    cookie = served.cookie("student")
    submit(served, "student", "hello")
    world = filter_row(served, 4)
    for path in ("/", "/jobs", f"/object/Filter/{world}"):
        page = served.ask("GET", path, None, cookie).text
        assert "width=device-width" in page
        assert '<main id="main">' in page
        assert re.findall("<script[^>]*>", page) == ['<script src="/static/pages.js" defer>']
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
        if "<th" in page:
            assert "<th>" not in page


def filter_row(served, level):
    object_id = str(uuid.uuid4())
    served.db.rows(
        "superuser",
        "INSERT INTO awe.filter (object_id, name, _creator, _project, _privileges)"
        " SELECT %s, %s, u.id, p.id, %s FROM awe.users u, awe.project p"
        " WHERE u.role_name = 'awscientist' AND p.name = 'OMEGACAM@VST'",
        object_id,
        f"<b>r{level}",
        level,
    )
    return object_id


def test_object_page_shows_what_the_world_may_see(served):
    world = filter_row(served, 4)
    private = filter_row(served, 3)
    page = served.ask("GET", f"/object/Filter/{world}")
    assert page.status_code == 200
    assert "&lt;b&gt;r" in page.text
    assert "<dt>project</dt><dd>OMEGACAM@VST</dd>" in page.text
    assert "creator" not in page.text
    mine = served.ask("GET", f"/object/Filter/{private}", None, served.cookie("student"))
    assert "<dt>creator</dt><dd>AWSCIENTIST (Scientist)</dd>" in mine.text
    absent = served.ask("GET", f"/object/Filter/{uuid.uuid4()}")
    hidden = served.ask("GET", f"/object/Filter/{private}")
    assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content)
    for name in ("Users", "File", "Ticket", "NoSuchClass", "pg_class", "filter;drop"):
        answer = served.ask("GET", f"/object/{name}/{world}")
        assert (answer.status_code, answer.content) == (404, absent.content)

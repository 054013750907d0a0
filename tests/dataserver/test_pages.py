"""The pages, asked over HTTP: what they show is escaped, and nobody else's."""

import uuid

import httpx


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
    assert "<script" not in mine.text
    assert "Reduce" not in served.ask("GET", "/jobs", "other").text
    assert served.ask("GET", "/jobs").status_code == 401


def test_login_link_becomes_a_cookie_that_scripts_cannot_read(served):
    submit(served, "student", "hello")
    answer = httpx.get(f"{served.url}/login?link={served.ticket('student')}")
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    with httpx.Client(cookies=answer.cookies) as browser:
        assert "hello" in browser.get(f"{served.url}/jobs").text
    headers = {"cookie": f"awe_ticket={served.ticket('student')}"}
    refused = served.ask("PUT", f"/file/{served.reserve_file()}", None, headers, content=b"x")
    assert refused.status_code == 400


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
    absent = served.ask("GET", f"/object/Filter/{uuid.uuid4()}")
    hidden = served.ask("GET", f"/object/Filter/{private}")
    assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content)
    for name in ("Users", "File", "Ticket", "NoSuchClass", "pg_class", "filter;drop"):
        answer = served.ask("GET", f"/object/{name}/{world}")
        assert (answer.status_code, answer.content) == (404, absent.content)

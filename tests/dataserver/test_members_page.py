"""The page of members: for managers, what their people have shared."""

from __future__ import annotations

from tests.dataserver.test_pages import Browser

BIAS = """
INSERT INTO awe.bias_frame (object_id, _creator, _project, _privileges)
SELECT gen_random_uuid(), awe.uid(), id, %s FROM awe.project WHERE name = 'TUTORIAL2015'"""


def test_the_page_shows_a_manager_what_members_share(served, db):
    for level in (1, 2, 3):
        db.rows("student", BIAS, level)
    browsers = {who: Browser(served, who) for who in ("manager", "student", "outsider")}

    def shown(who, path):
        return served.ask("GET", path, None, browsers[who].cookie)

    page = shown("manager", "/members").text
    assert '<th scope="row">AWSTUDENT</th><td>2</td>' in page
    assert "context.progress(" in page
    assert 'href="/members"' in shown("manager", "/").text
    assert 'href="/members"' not in shown("student", "/").text
    assert shown("outsider", "/members?project=TUTORIAL2015").status_code == 404
    assert served.ask("GET", "/members").status_code == 401

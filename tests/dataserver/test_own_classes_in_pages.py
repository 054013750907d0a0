"""Classes that people declare: the pages say where they are found, and to nobody else."""

from __future__ import annotations

import json
from html import unescape

from tests.dataserver.test_pages import Browser

PERSON = {
    "name": "Person", "doc": "A person.", "indexes": [], "unique": [],
    "attributes": [{"name": "age", "column": "age", "kind": "value", "doc": "Age [yr]",
                    "type": "int", "default": 70}],
}  # fmt: skip


def test_the_pages_say_in_a_line_where_a_class_of_ones_own_is(served, db):
    db.rows("student", "SELECT awe.define_class(%s)", json.dumps(PERSON))
    browsers = {who: Browser(served, who) for who in ("student", "other")}

    def shown(who, path):
        cookie = browsers[who].cookie if who in browsers else None
        return served.ask("GET", path, None, {**(cookie or {}), "accept": "text/html"})

    line = "from awe.db.objects import class_of; class_of('Person').select_all()"
    assert line in unescape(shown("student", "/objects").text)
    for path in ("/objects/Person", "/objects/Person/table.csv"):
        told = shown("student", path)
        assert told.status_code == 400
        assert line in unescape(told.text)
        assert "a class of your own" in told.text
    for who in ("other", "nobody"):
        assert "Person" not in shown(who, "/objects").text
        told = shown(who, "/objects/Person")
        assert told.status_code == 404
        assert "class_of" not in told.text

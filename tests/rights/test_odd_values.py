"""Odd values in every part, query and field of every route: a line and a status, never a 500.

Of the values, NUL and two more go into each key of each route, other two for the next key;
`AWE_ODD_VALUES=all` sends all of them, in seven minutes.
"""

from __future__ import annotations

import os
import re
from itertools import count
from urllib.parse import quote, urlencode

import pytest
from test_http_attacks import Scene

from awe.config import Environment
from awe.db.server.connection import database
from awe.errors import QueryError
from awe.web.pages import _ROUTES
from tests.dataserver.test_pages import Browser

#: What nobody types and programs send.
ODD = {
    "nul": "\x00", "nul inside": "canary\x00name", "lone surrogate": b"\xed\xa0\x80",
    "not UTF-8": b"\xff\xfe", "overlong": b"\xc0\xaf", "negative": "-1", "zero": "0",
    "huge": str(10**400), "beyond 64 bits": str(2**63), "beyond 32 bits": str(2**31),
    "nan": "nan", "infinite": "-inf", "exponent": "1e999", "right to left": "\u202eabc",
    "escape": "\x1b[31m", "newline": "a\r\nb", "long": "x" * 5000, "empty": "", "blank": " ",
    "other digits": "\u0661\u0662", "superscript": "\u00b2", "star": "*", "percent": "%",
    "backslash": "\\", "quote": "';--", "noncharacter": "\uffff", "astral": "\U0001f600" * 50,
    "dots": "../..", "date": "9999-99-99", "year": "0000-00-00T00:00:00", "far": "99999-01-01",
    "range": "1..nan", "list": "[1,2", "float": "0x1p-3", "underscores": "1_0",
}  # fmt: skip
#: Keys that some page reads, and one that none does.
KEYS = (
    "after", "before", "sort", "size", "note", "link", "project", "raw", "plan", "instrument",
    "chip", "filter", "date", "night", "class", "is_valid", "confirmed", "token", "page", "at",
    "f.filename", "f.object_id", "f.NAXIS1", "f.EXPTIME", "f.DATE_OBS", "f.is_valid", "f.chip",
    "f.imstat.median", "f.creation_date", "f.nothing", "timestamp_start", "timestamp_end",
    "state", "recipe", "\x00", "f.\x00", "f.", "f.__class__", "f.commit",
)  # fmt: skip
PARTS = {
    "class_name": "RawScienceFrame", "object_id": "00000000-0000-0000-0000-000000000000",
    "name": "pages.css", "job": "1", "run": "1", "format": "csv",
}  # fmt: skip
#: Paths of files, whose last part or id is odd.
FILES = ("/{name}", "/file/{name}", "/file/{name}/preview", "/file/{name}/verify")


@pytest.fixture(scope="module")
def scene(standing, tmp_path_factory):
    made = Scene(standing, tmp_path_factory.mktemp("odd") / "files")
    made.browser = Browser(made.served, "student")
    yield made
    made.served.stop()


def placed(path, part, value):
    parts = PARTS | ({part: quote(value, safe="")} if part else {})
    return re.sub(r"{(\w+)}", lambda found: parts[found[1]], path)


def judge(answer, told):
    status, headers, body = answer
    assert status < 500, (told, body[:300])
    if status >= 400 and dict(headers).get("content-type", "").startswith("text/plain"):
        assert len(body.decode().strip().splitlines()) <= 1, (told, body)
    assert b"Traceback" not in body, told
    assert b"psycopg2" not in body, told


@pytest.mark.parametrize("name", ODD)
def test_odd_parts_of_every_path(scene, name):
    for route in _ROUTES:
        for part in re.findall(r"{(\w+)}", route.path):
            for method in route.methods - {"HEAD"}:
                more, form = dict(scene.browser.cookie), None
                if method == "POST":
                    more["content-type"] = "application/x-www-form-urlencoded"
                    form = urlencode({"token": scene.browser.token}).encode()
                path = placed(route.path, part, ODD[name])
                judge(scene.ask(method, path, more, form), (method, path[:200]))
    for path in FILES:
        for method in ("GET", "PUT", "POST"):
            full = placed(path, "name", ODD[name])
            judge(scene.ask(method, full, scene.bearer("student"), b""), (method, full[:200]))


def turns():
    """Yield for each key in turn which odd values it gets."""
    names = list(ODD)
    for turn in count():
        if os.environ.get("AWE_ODD_VALUES") == "all":
            yield names
        else:
            yield ["nul", *(names[(2 * turn + k) % len(names)] for k in range(2))]


def test_odd_values_behind_every_path(scene):
    turn = turns()
    for route in _ROUTES:
        if "GET" in route.methods:
            for key in KEYS:
                for name in next(turn):
                    path = placed(route.path, None, None) + "?" + urlencode({key: ODD[name]})
                    judge(scene.ask("GET", path, scene.browser.cookie), path[:200])


def test_odd_fields_of_every_form(scene):
    more = {**scene.browser.cookie, "content-type": "application/x-www-form-urlencoded"}
    turn = turns()
    for route in _ROUTES:
        if "POST" in route.methods and route.path != "/logout":
            for key in KEYS:
                for name in next(turn):
                    form = {"token": scene.browser.token, key: ODD[name]}
                    path = placed(route.path, None, None)
                    answer = scene.ask("POST", path, more, urlencode(form).encode())
                    judge(answer, (path, key, name))


def test_what_the_database_does_not_keep_is_said_in_one_line_at_the_prompt(standing):
    database.connect(Environment.load(**standing.environment("student")))
    try:
        for odd in ("a\x00b", "a\ud800b"):
            with pytest.raises(QueryError, match="leave that character out"):
                database.execute("SELECT %s", [odd])
        assert database.execute("SELECT 1") == [(1,)]
    finally:
        database.close()

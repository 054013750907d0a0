"""Every text of a row, a header, an answer or another person, and every place where it ends.

The page `docs/reference/sinks.md` lists the places; here each is given hostile text, and a place
that is not on the page is found.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
from dataclasses import replace
from html import parser
from pathlib import Path
from types import SimpleNamespace

import pytest

import awe
from awe import bars, columns, fits, terminal
from awe.config import Environment
from awe.db.rights import projects
from awe.db.server.scope import Scope
from awe.dpu.runner.attempt_files import clean
from awe.errors import NotFound, Refused
from awe.ingest.report import Report, Row
from awe.localfiles import data_name
from awe.prompt import errors
from awe.rules.freshness import Reason
from awe.web import html
from awe.web.runs import JOB_COLUMNS, RUN_COLUMNS
from awe.web.visitors import Visitor
from tests.test_localfiles import BAD_NAMES

PACKAGE = Path(awe.__file__).parent
PAGE = PACKAGE.parent / "docs" / "reference" / "sinks.md"

HOSTILE = [
    *BAD_NAMES, "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]52;c;cm0gLXJm\x07", "\x9b31m", "a\rb",
    "\u202egpj.exe", "\ud800", "\x00", "\x7f", "\u2028", "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", "\"' onmouseover='x", "&lt;b&gt;",
    "'; DROP TABLE awe.file; --", "%s%n{0.__class__}", "$(touch x)", "`touch x`", "; touch x",
    "| sh", "-rf", "--help", "x" * 5000,
]  # fmt: skip


#: Places where text reaches a terminal, a log or a window: what they show of a text.
SHOWN = {
    "message": lambda text: errors.one_line(NotFound(text)),
    "message of a column": lambda text: columns.text((text, "b"), [(text, 1)]),
    "line of a log": clean,
    "reason": lambda text: str(Reason(kind="input", text=text)),
    "person": lambda text: str(projects.User(id=1, name=text, full_name=text)),
    "ingest": lambda text: _printed(lambda: Report([Row(path=Path("a"), message=text)]).show()),
    "bar": lambda text: _printed(lambda: bars.say(text)),
    "out": lambda text: _printed(lambda: terminal.out(text)),
    "refused name": lambda text: _refusal(text),
    "card": fits.escape,
    "lineage card": lambda text: fits.lineage_cards([{"role": "r", "file": text}])[0][1],
}


def _printed(call):
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        call()
    return shown.getvalue()


def _refusal(text):
    try:
        return data_name(text)
    except Refused as error:
        return str(error)


@pytest.mark.parametrize("place", SHOWN)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_shown_steers_no_terminal(place, text):
    shown = SHOWN[place](text)
    assert all(letter.isprintable() or letter == "\n" for letter in shown), ascii(shown)[:300]
    if "card" in place:
        assert shown.isascii()
        assert "\n" not in shown


class Tags(parser.HTMLParser):
    """The tags of a page; only those and those attributes that awe writes."""

    ATTRIBUTES = ("lang", "charset", "name", "content", "scope", "class", "href", "rel", "id",
                  "src", "defer", "aria-label", "aria-current", "role", "tabindex", "alt",
                  "type", "value", "method", "action", "for", "selected", "max", "download",
                  "placeholder", "maxlength", "size", "viewbox", "x", "x1", "x2",
                  "y", "y1", "y2", "width", "height", "rx", "text-anchor", "autocomplete",
                  "checked", "open", "aria-sort")
    INSIDE = ("href", "src", "action")

    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        for name, value in attrs:
            assert name in self.ATTRIBUTES or name.startswith("data-"), attrs
            assert name not in self.INSIDE or re.match("/[a-z]|[/#]", value), attrs

    @classmethod
    def of(cls, text):
        tags = cls()
        tags.feed(text)
        return tags.found


VISITOR = Visitor(name="X", scope=Scope(user_id=1, user_name="X", project_id=1, project_name="Y"),
                  environment=Environment())  # fmt: skip


def pages_with(text):
    """Pages in which everything that other people write is this text."""
    who = replace(VISITOR, name=text, scope=replace(VISITOR.scope, project_name=text))
    common = {"title": text, "visitor": who, "path": text, "note": text}
    named = {"name": text, "meaning": text, "unit": text}
    job = dict.fromkeys(JOB_COLUMNS, text)
    run = {**dict.fromkeys(RUN_COLUMNS, text), "told": text, "number": 1}
    bar = dict.fromkeys(("kind", "id", "label", "state", "verdict", "quality", "start", "end",
                         "made"), text)  # fmt: skip
    field = SimpleNamespace(**named, operators=(text,), example=text, sortable=True)
    search = SimpleNamespace(asked={text: (text, text)}, columns=(text,), sort=text,
                             downwards=True, command=text)  # fmt: skip
    shown = {
        "classes.html": {"groups": [(text, [(text, text)])], "own": [text]},
        "objects.html": {
            "about": text, "kind": text, "search": search, "trouble": text, "count": text,
            "rows": [(text, [text, 1])], "columns": [field], "here": [field], "others": [field],
            "values": {f"f.{text}": text, "ra": text}, "words": {text: text}, "sky": True,
            "links": {"next": "/objects/a?b=1", "first": "/objects/a", "sort": lambda name: "/",
                      "files": [(text, "/objects/a")]},
        },
        "calibrations.html": {
            "cameras": [text], "camera": text, "chips": [text], "chip": text, "filters": [text],
            "asked": {"date": text, "filter": text}, "trouble": text, "found": True,
            "command": text, "rows": [bar], "picture": {
                "bars": [{**bar, "head": text, "x": 1, "y": 2, "wide": 3}], "ticks": [(1, text)],
                "width": 9, "height": 9, "line": 9, "left": 9, "date": 4.0},
        },
        "change.html": {
            "kind": text, "item": SimpleNamespace(object_id=text, is_valid=1),
            "trouble": text, "verdicts": {1: text}, "ranges": [(text, text)],
            "changes": [(text, text, text, text)],
        },
        "targets.html": {
            "raw": text, "kind": text, "kinds": [text], "plan": True, "trouble": text,
            "digest": text, "missing": 2, "recent": [text], "project": text,
            "steps": [{"kind": text, "place": "", "label": text, "recipe": text,
                       "arguments": [(text, text)], "because": text},
                      {"kind": text, "place": "/object/a", "label": text, "because": text}],
        },
        "home.html": {"full_name": text, "projects": [text], "manages": True},
        "members.html": {
            "projects": [text], "project": text, "trouble": text, "manages": True,
            "found": SimpleNamespace(heads=[text], rows=lambda: [[text, text]]),
        },
        "login.html": {"who": text, "link": text, "before": text},
        "absent.html": {"text": text},
        "runs.html": {"runs": [run], "older": 1, "newer": True, "live": True},
        "run.html": {"jobs": [job], "number": 1, "own": True, "live": True, "more": 3},
        "job.html": {"job": {**job, "total": 3, "done": 1}, "over": False, "again": True,
                     "arguments": text, "log": text, "live": 2,
                     "items": [{"item": text, "kind": text, "product": text, "message": text}]},
        "object.html": {
            "judged": True,
            "item": SimpleNamespace(object_id=text, filename=text), "kind": text, "file_id": text,
            "facts": {text: text}, "preview": True, "values": [{**named, "value": text}],
            "links": [{**named, "links": [(f"/object/{text}", text), (None, text)], "more": 2}],
            "uses": [{"kind": text, "name": text, "more": True, "links": [("/object/a", text)]}],
        },
    }
    return [html.page(name, **common, **more).body.decode() for name, more in shown.items()]


@pytest.mark.parametrize("text", [text for text in HOSTILE if text != "\ud800"],
                         ids=range(len(HOSTILE) - 1))
def test_what_is_in_a_page_is_text(text):
    """A hostile text adds no tag and no attribute to any page."""
    assert Tags.of(columns.html((text,), [(text,)], title=text)) <= {
        "div", "p", "table", "td", "th", "tr", "thead", "tbody", "caption"}
    for hostile, plain in zip(pages_with(text or "b"), pages_with("a"), strict=True):
        assert Tags.of(hostile) == Tags.of(plain)


@pytest.mark.parametrize("text", [name for name in HOSTILE if name not in ("x" * 5000,)],
                         ids=range(len(HOSTILE) - 1))
def test_no_hostile_text_is_the_name_of_a_file(text):
    with pytest.raises(Refused):
        data_name(text)


# -- the list ------------------------------------------------------------------------------------


def _called(node):
    """Return the dotted name of what is called."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


KINDS = {
    "processes": re.compile(r"(subprocess\.(run|Popen|call|check_\w+)|"
                            r"os\.(exec\w*|spawn\w*|system|popen)|detach)"),
    "modules": re.compile(r"(importlib\.import_module|__import__|exec|eval)"),
    "terminal": re.compile(r"(print|sys\.(stdout|stderr)\.write)"),
    "HTML": re.compile(r"((markup|html)\.escape|escape|HTMLResponse)"),
    "links": re.compile(r"(\w+\.)*(symlink_to|symlink|link|hardlink_to)"),
}


def sinks():
    """Return kind -> modules of awe that call such a thing."""
    found = {kind: set() for kind in [*KINDS, "SQL"]}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE.parent))
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = _called(node.func)
            for kind, pattern in KINDS.items():
                if pattern.fullmatch(called):
                    found[kind].add(name)
            executes = called.rpartition(".")[2] in ("execute", "stream", "executemany")
            if executes and node.args and isinstance(node.args[0], ast.JoinedStr):
                found["SQL"].add(name)
    return found


def listed():
    """Return kind -> modules the page names."""
    rows = re.findall(r"^\| (\w+) \| `([^`]+)` \|", PAGE.read_text(), re.MULTILINE)
    found = {}
    for kind, module in rows:
        found.setdefault(kind, set()).add(module)
    return found


def test_every_place_where_text_ends_is_on_the_page():
    """A new one is looked at: what text comes there, and who makes it harmless?"""
    known = listed()
    missing = {kind: sorted(some - known.get(kind, set())) for kind, some in sinks().items()}
    assert not {kind: some for kind, some in missing.items() if some}


def test_no_path_is_made_of_the_filename_of_a_row():
    """`folder / item.filename` was how files got where somebody else wanted them."""
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
                    and isinstance(node.right, ast.Attribute)
                    and node.right.attr in ("filename", "globalname")):
                wrong.append(f"{path.relative_to(PACKAGE)}:{ast.unparse(node)}")
    made_here = {"tasks/products.py:directory / product.filename",  # after data_name
                 "tasks/catalogues.py:folder / product.filename",  # after data_name
                 "demo/exposures.py:directory / planned.filename",  # of the simulation
                 # of the camera, the date, a number
                 "ingest/chipfiles.py:directory / frame.filename"}
    assert set(wrong) <= made_here

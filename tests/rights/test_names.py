"""Names are never paths: what a row calls its file decides nothing about where bytes go."""

from __future__ import annotations

import io
import json
import time
from contextlib import closing

import numpy as np
import psycopg2
import pytest
from astropy.io.fits import PrimaryHDU
from maker import Maker

from awe.config import Environment
from awe.context import context
from awe.db.schema import install as schema
from awe.db.server.connection import database
from awe.errors import FileTaken, Refused
from awe.model import classes
from tests.dataserver.conftest import Running
from tests.test_localfiles import BAD_NAMES

classes.load()

from awe.model.calibrations import BiasFrame  # noqa: E402


def frame() -> bytes:
    file = io.BytesIO()
    PrimaryHDU(np.zeros((100, 200), np.float32)).writeto(file)
    return file.getvalue()


CONTENT = frame()
HOSTILE = [name for name in BAD_NAMES if "\0" not in name]


class Scene:
    """A dataserver, a victim at the prompt, and somebody who names files."""

    def __init__(self, db, root):
        self.db, self.maker = db, Maker(db)
        self.served = Running(db, root)
        self.served.start()

    def planted(self, filename, stored="innocent.fits", content=CONTENT, level=2):
        """A colleague's calibration as an older database may hold it: nothing was compared."""
        file_id = self.served.put(content, "other", level=level)
        with closing(self.db.superuser()) as connection, connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            if stored != "a.fits":
                cursor.execute("ALTER TABLE awe.file "
                               "DROP CONSTRAINT IF EXISTS file_filename_check")
                cursor.execute("UPDATE awe.file SET filename = %s WHERE id = %s",
                               (stored, str(file_id)))
            row = self.maker.row
            self.maker.root, kept = connection, self.maker.root
            made = row("bias_frame", "other", 36, level, filename=filename, file=str(file_id))
            self.maker.root = kept
        return BiasFrame(object_id=made.id)


@pytest.fixture(scope="module")
def scene(standing, tmp_path_factory):
    made = Scene(standing, tmp_path_factory.mktemp("names") / "files")
    yield made
    made.served.stop()


@pytest.fixture
def home(scene, tmp_path, monkeypatch):
    """The victim's working directory, with directories around it that must stay as they are."""
    work = tmp_path / "home" / "work"
    work.mkdir(parents=True)
    (work / "a").mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    context.start(Environment.load(**scene.db.environment(
        "student", data_server="127.0.0.1", data_port=str(scene.served.port))))
    yield work
    database.close()


def file_classes(scene):
    """Every class of awe whose objects have a file, from the catalogue itself."""
    rows = scene.maker.ask(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = 'awe'::regnamespace AND c.relkind = 'r' AND a.attname = 'file' "
        "AND c.relname NOT IN ('reading', 'ticket') ORDER BY 1")
    return [row[0] for row in rows]


def test_no_class_takes_a_file_under_another_name(scene):
    tables = file_classes(scene)
    assert len(tables) > 10
    stored = scene.maker.stored_file("student", "innocent.fits")
    for table in tables:
        for name in [*HOSTILE, "other.fits", None]:
            with pytest.raises(psycopg2.Error) as told:
                scene.maker.as_person("student", table, 36, 1, file=stored, filename=name)
            assert told.value.pgcode == "AW016", (table, name)
    scene.maker.as_person("student", tables[0], 36, 1, file=stored, filename="innocent.fits")


def description(name, *attributes):
    made = [{"name": column, "column": column, "kind": kind, "type": type_}
            for column, kind, type_ in attributes]
    return json.dumps({"name": name, "attributes": made, "indexes": [], "unique": []})


FILE, NAME = ("file", "value", "UUID"), ("filename", "value", "str")
DODGES = [[FILE], [("file", "array", "UUID"), NAME], [("file", "value", "str"), NAME],
          [FILE, ("filename", "array", "str")], [FILE, ("filename", "value", "dict")],
          [("file", "value", "dict"), NAME]]  # fmt: skip


@pytest.mark.parametrize("attributes", DODGES, ids=range(len(DODGES)))
def test_an_own_class_cannot_dodge_the_rule(scene, attributes):
    declare = "SELECT awe.define_class(%s)"
    with pytest.raises(psycopg2.Error) as told:
        scene.db.rows("student", declare, description("Dodge", *attributes))
    assert told.value.pgcode == "AW012"


def test_an_own_class_with_a_file_is_held_to_the_rule_at_once_and_when_it_is_added_later(scene):
    declare = "SELECT awe.define_class(%s)"
    ((at_once,),) = scene.db.rows("student", declare, description("AtOnce", FILE, NAME))
    scene.db.rows("student", declare, description("Later2", NAME))
    ((later,),) = scene.db.rows("student", declare, description("Later2", NAME, FILE))
    for table in (at_once, later):
        stored = scene.maker.stored_file("student", "innocent.fits")
        with pytest.raises(psycopg2.Error) as told:
            scene.maker.as_person("student", table, 36, 1, file=stored, filename="/x.fits")
        assert told.value.pgcode == "AW016"
        scene.maker.as_person("student", table, 36, 1, file=stored, filename="innocent.fits")


def test_objects_of_older_databases_that_break_the_rule_are_named(scene, home):
    row = scene.planted("../../x\x1b[2J.fits")
    lines = [line for line in schema.misnamed(scene.db.cluster.superuser(), scene.db.name)
             if str(row.object_id) in line]
    assert len(lines) == 1
    assert lines[0].isprintable()
    assert "'innocent.fits'" in lines[0]
    assert scene.db.rows("student", "SELECT filename FROM awe.bias_frame WHERE object_id = %s",
                         str(row.object_id)) == [("../../x\x1b[2J.fits",)]
    for person in ("student", "anonymous", "awe_dataserver"):
        with pytest.raises(psycopg2.Error):
            scene.db.rows(person, "SELECT * FROM awe.misnamed()")


def below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("name", [*HOSTILE, "{work}/absolute.fits", "{home}/.bash_profile"],
                         ids=range(len(HOSTILE) + 2))
def test_a_row_with_a_path_for_a_name_brings_its_file_under_the_name_it_was_stored(
    scene, home, name, capsys
):
    row = scene.planted(name.format(work=home.parent / "a", home=home.parent))
    row.retrieve()
    assert below(home.parent) == ["work", "work/a", "work/innocent.fits"]
    assert row.header["SIMPLE"]
    said = capsys.readouterr().out
    assert said.startswith("innocent.fits: ")
    assert said.rstrip("\n").isprintable()


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_file_stored_under_a_name_that_is_not_of_data_is_not_fetched(scene, home, name):
    row = scene.planted("innocent.fits", stored=name)
    fetches = [lambda: row.retrieve(), lambda: row.header, lambda: row.data, lambda: row.wcs,
               lambda: row.to_ccddata()]
    for fetch in fetches:
        with pytest.raises(Refused, match="not taken as the name of a file") as told:
            fetch()
        assert str(told.value).isprintable()
    assert below(home.parent) == ["work", "work/a"]


def test_one_stores_nothing_under_a_name_that_is_not_of_data(scene, home):
    (home / "mine.py").write_text("print('mine')")
    with pytest.raises(Refused, match="end like data"):
        BiasFrame(pathname="mine.py").store()
    assert scene.db.rows("superuser", "SELECT 1 FROM awe.file WHERE filename = 'mine.py'") == []


def test_retrieve_replaces_another_content_when_asked(scene, home):
    row = scene.planted("innocent.fits")
    (home / "innocent.fits").write_text("mine")
    with pytest.raises(FileTaken, match="replace=True"):
        row.retrieve()
    assert (home / "innocent.fits").read_text() == "mine"
    row.retrieve(replace=True)
    assert (home / "innocent.fits").read_bytes() == CONTENT
    assert below(home) == ["a", "innocent.fits"]


def test_a_viewer_opens_a_frame_that_was_not_fetched(scene, home):
    viewer = home / "viewer.sh"
    viewer.write_text('#!/bin/sh\nprintf "%s\\n" "$#" "$@" > "$0.asked.tmp"\n'
                      'wc -c < "$1" >> "$0.asked.tmp"; mv "$0.asked.tmp" "$0.asked"\n')
    viewer.chmod(0o755)
    row = scene.planted("; touch x; $(touch y)")
    row.inspect(viewer=f"{viewer}")
    asked = home / "viewer.sh.asked"
    deadline = time.monotonic() + 20
    while not asked.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    from awe.inspect.frame import _viewers

    _viewers[-1].wait()
    number, path, size = asked.read_text().split()
    assert number == "1"
    assert path.endswith("/innocent.fits")
    assert int(size) == len(CONTENT)
    assert below(home.parent) == ["work", "work/a", "work/viewer.sh", "work/viewer.sh.asked"]


def test_a_header_comes_without_the_rest_of_the_file(scene, home, monkeypatch):
    from awe.dataserver.client import Client

    fetched = []
    monkeypatch.setattr(Client, "get", lambda *_, **__: fetched.append("whole"))
    rows = [scene.planted(f"f{n}.fits", stored=f"f{n}.fits") for n in range(5)]
    assert [row.header["SIMPLE"] for row in rows] == [True] * 5
    assert [row.pathname for row in rows] == [""] * 5
    assert fetched == []

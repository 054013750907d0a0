"""The rights in one minute's reading: short questions to a database whose answers are known.

`first_failure(db)` asks all of them in a database that has nothing but people and projects, and
returns the name of the first whose answer is wrong. Mutation testing asks it of every mistake.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import uuid
from collections.abc import Callable
from typing import Any

import psycopg2
from maker import Maker
from psycopg2.extensions import encrypt_password
from rights_model import PEOPLE, Row

from tests.conftest import MEMBERS

__all__ = ["PROBES", "first_failure"]

EVERYBODY = (*PEOPLE, "anonymous")
PROBES: list[Callable[[House], None]] = []
INSERT = "INSERT INTO awe.bias_frame (object_id, _creator, _project, _privileges) VALUES "
LINK = "INSERT INTO awe.bias_frame__raw_bias_frames VALUES (%s, %s, %s)"


class House:
    """A database and the people in it, one connection each."""

    def __init__(self, db: Any) -> None:
        self.db, self.maker = db, Maker(db)
        self._open: dict[str, Any] = {}

    def rows(self, person: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        if person not in self._open:
            superuser = person == "superuser"
            self._open[person] = self.maker.root if superuser else self.db.connect(person)
        with self._open[person].cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def refused(self, person: str, statement: str, *values: Any, code: str = "") -> None:
        try:
            self.rows(person, statement, *values)
        except psycopg2.Error as error:
            assert not code or (error.pgcode or "").startswith(code), error  # noqa: PT017
        else:
            raise AssertionError(statement)

    def together(self, person: str, *statements: tuple[Any, ...]) -> None:
        """Run statements in one transaction."""
        self.rows(person, "BEGIN")
        try:
            for statement, *values in statements:
                self.rows(person, statement, *values)
            self.rows(person, "COMMIT")
        except psycopg2.Error:
            self.rows(person, "ROLLBACK")
            raise

    def row(self, creator: str, project: int, level: int, table: str = "bias_frame",
            **columns: Any) -> str:
        return str(self.maker.row(table, creator, project, level, **columns).id)

    def change(self, person: str, number: str, clause: str) -> bool:
        statement = f"UPDATE awe.bias_frame SET {clause} WHERE object_id = %s RETURNING 1"
        return bool(self.rows(person, statement, number))

    def ticket(self, person: str, file: str | None = None) -> bytes:
        secret = hashlib.sha256(uuid.uuid4().bytes).digest()
        self.rows(person, "INSERT INTO awe.ticket (hash, file) VALUES (%s, %s)", secret, file)
        return secret

    def opens(self, ticket: bytes | None, file: str) -> bool:
        return bool(self.rows("awe_dataserver", "SELECT 1 FROM awe.ds_may_read(%s, %s)",
                              ticket, file))

    def file(self, creator: str, project: int, level: int, name: str = "f.fits") -> str:
        number = self.maker.stored_file(creator, name)
        self.maker.ask("UPDATE awe.file SET state = 'linked', _project = %s, _privileges = %s "
                       "WHERE id = %s", project, level, number)
        return number

    def job(self, person: str, level: int = 1) -> int:
        jobs = json.dumps([{"recipe": "Bias", "args": {}, "back_end": "local"}])
        number: int = self.rows(
            person, "SELECT awe.job_submit(gen_random_uuid(), 'Bias', '{}', 37, %s, %s)",
            level, jobs)[0][0]
        self.maker.ask("INSERT INTO awe.job_log VALUES (%s, 1, 1, now(), 'a line')", number)
        return number


def first_failure(db: Any) -> str | None:
    """Return the name of the first question with a wrong answer."""
    house = House(db)
    for probe in PROBES:
        try:
            probe(house)
        except (AssertionError, psycopg2.Error, IndexError) as error:
            return f"{probe.__name__}: {str(error).splitlines()[:1]}"
    return None


def probe(function: Callable[[House], None]) -> Callable[[House], None]:
    PROBES.append(function)
    return function


@probe
def rows_links_and_files_are_shown_by_the_rule(h: House) -> None:
    h.maker.ask("INSERT INTO awe.project (id, name) VALUES (40, 'CLOSED')")
    raw = h.row("student", 37, 5, "raw_bias_frame")
    made, files = [], {}
    for creator, project, level in itertools.product(("student", "scientist"), (36, 37, 40),
                                                     range(1, 6)):
        row = h.maker.row("bias_frame", creator, project, level)
        h.maker.ask(LINK, str(row.id), 0, raw)
        made.append(row)
        files[h.file(creator, project, level)] = row
    for person in EVERYBODY:
        seen = {str(row.id) for row in made if row.seen_by(person)}
        found = {row[0] for row in h.rows(person, "SELECT object_id::text FROM awe.bias_frame")}
        assert found == seen, person
        links = "SELECT owner::text FROM awe.bias_frame__raw_bias_frames"
        assert {row[0] for row in h.rows(person, links)} == seen, person
        shown = {n for n, row in files.items() if Row.seen_by(row, person)}
        assert {row[0] for row in h.rows(person, "SELECT id::text FROM awe.file")} == shown, person
        ticket = None if person == "anonymous" else h.ticket(person)
        assert {n for n in files if h.opens(ticket, n)} == shown, person


@probe
def the_directory_is_for_users(h: House) -> None:
    names = {row[0] for row in h.rows("anonymous", "SELECT name FROM awe.project")}
    assert names == {"ALL", "OMEGACAM@VST"}
    assert h.rows("anonymous", "SELECT 1 FROM awe.users") == []
    assert h.rows("outsider", "SELECT count(*) FROM awe.users") == [(5,)]


@probe
def one_makes_objects_as_oneself_in_ones_projects_up_to_the_maximum(h: House) -> None:
    user = h.maker.user
    for person, creator, project, level in [
        ("student", "other", 37, 1), ("outsider", "outsider", 37, 1),
        ("student", "student", 37, 5), ("student", "student", 1, 1),
        ("outsider", "outsider", 40, 1), ("student", "student", 37, 0),
    ]:
        values = (user(creator), project, level)
        h.refused(person, INSERT + "(gen_random_uuid(), %s, %s, %s)", *values)
    h.rows("student", INSERT + "(gen_random_uuid(), %s, 37, 4)", user("student"))
    h.refused("anonymous", INSERT + "(gen_random_uuid(), 1, 36, 4)")
    h.refused("student", "INSERT INTO awe.bias_frame (object_id, _project, _privileges, "
              "creation_date) VALUES (gen_random_uuid(), 37, 1, '2001-01-01')")


@probe
def creators_and_managers_judge(h: House) -> None:
    one, two = h.row("student", 37, 1), h.row("student", 37, 2)
    assert h.change("student", one, "is_valid = 2")
    assert not h.change("manager", one, "is_valid = 0")
    assert h.change("manager", two, "is_valid = 0")
    for person in ("other", "scientist", "outsider"):
        assert not h.change(person, two, "is_valid = 0"), person
    # Without a condition no policy for reading is asked: one need not see what one hits.
    h.rows("manager", "UPDATE awe.bias_frame SET is_valid = 9")
    h.rows("other", "UPDATE awe.bias_frame SET is_valid = 9")
    judged = h.maker.ask("SELECT is_valid FROM awe.bias_frame WHERE object_id = %s", one)
    assert judged == [(2,)]
    for column in ("_creator = 2", "_project = 36", "filename = 'x'"):
        h.refused("student", f"UPDATE awe.bias_frame SET {column} WHERE object_id = %s", two)
    h.refused("student", "TRUNCATE awe.bias_frame CASCADE", code="42501")


@probe
def levels_rise_by_their_creator_up_to_the_maximum(h: House) -> None:
    number = h.row("student", 37, 2)
    publish = "UPDATE awe.bias_frame SET _privileges = %s WHERE object_id = %s"
    h.refused("manager", publish, 3, number, code="AW003")
    h.refused("student", publish, 5, number, code="AW004")
    h.refused("student", publish, 1, number, code="AW002")
    h.rows("student", publish, 3, number)
    h.refused("student", publish, 2, number, code="AW002")


@probe
def ones_own_unpublished_objects_are_deleted(h: House) -> None:
    for level in range(1, 6):
        number = h.row("student", 37, level)
        delete = "DELETE FROM awe.bias_frame WHERE object_id = %s RETURNING 1"
        for person in ("other", "manager"):
            assert h.rows(person, delete, number) == []
        h.rows("outsider", "DELETE FROM awe.bias_frame")
        assert h.rows("student", "SELECT 1 FROM awe.bias_frame WHERE object_id = %s", number)
        assert h.rows("student", delete, number) == ([(1,)] if level <= 2 else [])


@probe
def hidden_and_absent_parents_fail_alike_and_before_the_keys(h: House) -> None:
    hidden = h.row("other", 37, 1)
    make = ("INSERT INTO awe.reduced_science_frame (object_id, _project, _privileges, bias) "
            "VALUES (gen_random_uuid(), 37, 1, %s)")
    for number in (hidden, str(uuid.uuid4())):
        h.refused("student", make, number, code="AW007")


@probe
def nothing_is_published_before_its_parents(h: House) -> None:
    bias = h.row("student", 37, 1)
    make = ("INSERT INTO awe.reduced_science_frame (object_id, _project, _privileges, bias) "
            "VALUES (gen_random_uuid(), 37, %s, %s) RETURNING object_id::text")
    h.refused("student", make, 3, bias, code="AW008")
    number = h.rows("student", make, 1, bias)[0][0]
    h.refused("student", "UPDATE awe.reduced_science_frame SET _privileges = 3 "
              "WHERE object_id = %s", number, code="AW008")


@probe
def lists_are_made_with_their_owner_and_obey_the_same(h: House) -> None:
    mine, hidden = (h.row(p, 37, 1, "raw_bias_frame") for p in ("student", "other"))
    insert = INSERT.replace("_creator, ", "") + "(%s, 37, %s)"
    for target, level, refused in [(hidden, 1, "AW007"), (mine, 3, "AW008"), (mine, 1, "")]:
        number = str(uuid.uuid4())
        statements = [(insert, number, level), (LINK, number, 0, target)]
        if not refused:
            h.together("student", *statements)
            continue
        try:
            h.together("student", *statements)
        except psycopg2.Error as error:
            assert error.pgcode == refused, error  # noqa: PT017
        else:
            raise AssertionError(refused)
    for person in ("student", "other"):
        h.refused(person, LINK, number, 1, mine, code="42501")
        h.refused(person, "DELETE FROM awe.bias_frame__raw_bias_frames", code="42501")
    h.refused("student", "UPDATE awe.bias_frame SET _privileges = 3 WHERE object_id = %s", number,
              code="AW008")
    theirs = str(uuid.uuid4())
    h.rows("other", "BEGIN")
    h.rows("other", insert, theirs, 2)
    h.rows("other", "COMMIT")
    h.refused("student", LINK, theirs, 0, mine, code="42501")


@probe
def links_are_not_added_to_what_another_makes_in_the_same_moment(h: House) -> None:
    rule = h.maker.ask("SELECT pg_get_expr(polwithcheck, polrelid) FROM pg_policy WHERE polname = "
                       "'make' AND polrelid = 'awe.bias_frame__raw_bias_frames'::regclass")[0][0]
    assert "o._creator = " in rule


@probe
def a_file_follows_its_object(h: House) -> None:
    number = h.maker.stored_file("student")
    make = ("INSERT INTO awe.bias_frame (object_id, _project, _privileges, filename, file) "
            "VALUES (gen_random_uuid(), 37, 1, 'frame.fits', %s) RETURNING object_id::text")
    h.refused("other", make, number)
    h.refused("student", make.replace("frame.fits", "../x.fits"), number, code="AW016")
    row = h.rows("student", make, number)[0][0]
    h.refused("student", make.replace("bias_frame", "master_flat_frame"), number, code="AW010")
    assert not h.opens(None, number)
    h.change("student", row, "_privileges = 4")
    assert h.opens(None, number)


@probe
def files_are_reserved_for_oneself_under_a_plain_name(h: House) -> None:
    for columns, values in [("filename, state", "'a.fits', 'stored'"),
                            ("filename, creator", "'a.fits', 2"),
                            ("filename", "'../x'"), ("filename", "'.x'"), ("filename", "'a/b'"),
                            ("filename", "'../x.fits'"), ("filename", "'.x.fits'"),
                            ("filename", "'colorsys.py'")]:
        h.refused("student", f"INSERT INTO awe.file ({columns}) VALUES ({values})")
    h.refused("student", "UPDATE awe.file SET state = 'linked'", code="42501")
    rules = h.maker.ask("SELECT pg_get_expr(polwithcheck, polrelid) FROM pg_policy WHERE "
                        "polrelid = 'awe.file'::regclass AND polname = 'reserve'")[0][0]
    assert "creator = " in rules
    assert "'open'" in rules


@probe
def own_classes_with_a_file_have_its_name(h: House) -> None:
    file = '[{"name": "file", "column": "file", "kind": "value", "type": "UUID"}]'
    h.refused("student", "SELECT awe.define_class(%s)",
              f'{{"name": "Nameless", "indexes": [], "unique": [], "attributes": {file}}}',
              code="AW012")


@probe
def files_are_stored_once_by_whoever_reserved_them(h: House) -> None:
    number = str(uuid.uuid4())
    h.rows("student", "INSERT INTO awe.file (id, filename) VALUES (%s, 'a.fits')", number)
    write = "SELECT awe.ds_may_write(%s, %s)"
    mine, theirs, link = h.ticket("student"), h.ticket("other"), h.ticket("student", number)
    assert h.rows("awe_dataserver", write, mine, number) == [("a.fits",)]
    for ticket in (theirs, link, b"x" * 32):
        assert h.rows("awe_dataserver", write, ticket, number) in ([(None,)], [])
    stored = "SELECT awe.ds_stored(%s, %s, %s)"
    assert h.rows("awe_dataserver", stored, number, 1, b"\0" * 32) == [(True,)]
    assert h.rows("awe_dataserver", stored, number, 2, b"\1" * 32) == [(False,)]


@probe
def files_are_stored_and_linked_within_quotas(h: House) -> None:
    setting = "SELECT awe.quota_set(%s, %s, %s)"
    for person in (*PEOPLE, "anonymous", "awe_dataserver"):
        h.refused(person, setting, "awother", None, 10, code="42501")
        for verb in ("SELECT most FROM awe.quota", "UPDATE awe.quota SET most = 1 << 40",
                     "DELETE FROM awe.quota", "INSERT INTO awe.quota (most) VALUES (1)"):
            h.refused(person, verb, code="42501")
    h.refused("student", "SELECT awe.ds_room(gen_random_uuid(), 1)", code="42501")
    h.refused("student", "SELECT awe.room_of(1, false)", code="42501")
    h.refused("anonymous", "SELECT * FROM awe.usage()", code="42501")

    def used(person: str) -> int:
        return int(h.maker.ask("SELECT coalesce(sum(size), 0) FROM awe.file WHERE creator = %s",
                               h.maker.user(person))[0][0])

    def stored(person: str, size: int) -> tuple[str, Any]:
        number = str(uuid.uuid4())
        h.rows(person, "INSERT INTO awe.file (id, filename) VALUES (%s, 'q.fits')", number)
        [(room,)] = h.rows("awe_dataserver", "SELECT awe.ds_room(%s, %s)", number, size)
        [(done,)] = h.rows("awe_dataserver", "SELECT awe.ds_stored(%s, %s, %s)", number, size,
                           b"\2" * 32)
        assert (room is None) == (done is True), (room, done)
        return number, done

    h.maker.ask(setting, None, None, used("student") + 100)
    h.maker.ask(setting, "awother", None, used("other") + 1000)
    assert stored("other", 900)[1] is True
    assert stored("other", 101)[1] is None
    first, done = stored("student", 100)
    assert done is True
    refused, done = stored("student", 1)
    assert done is None
    assert h.maker.ask("SELECT state FROM awe.file WHERE id = %s", refused) == [("open",)]
    # what was deleted counts until its bytes are gone
    h.maker.ask("UPDATE awe.file SET state = 'trash', trashed = now() WHERE id = %s", first)
    assert stored("student", 1)[1] is None
    h.maker.ask("DELETE FROM awe.file WHERE id = %s", first)
    assert stored("student", 50)[1] is True
    assert h.rows("awe_dataserver", "SELECT awe.ds_refuse(%s)", refused) == [(True,)]
    assert h.rows("awe_dataserver", "SELECT awe.ds_refuse(%s)", refused) == [(False,)]
    h.maker.ask(setting, None, None, None)
    h.maker.ask(setting, "awother", None, None)
    # a project is charged for the files of its objects
    has = int(h.maker.ask("SELECT coalesce(sum(size), 0) FROM awe.file WHERE _project = 37 "
                          "AND state = 'linked'")[0][0])
    h.maker.ask(setting, None, "TUTORIAL2015", has + 100)
    link = ("INSERT INTO awe.raw_bias_frame (object_id, _creator, _project, _privileges, file, "
            "filename) VALUES (gen_random_uuid(), %s, 37, 1, %s, 'q.fits')")
    for person, size, code in (("student", 60, ""), ("other", 60, "AW017"), ("other", 40, "")):
        number = stored(person, size)[0]
        values = (link, h.maker.user(person), number)
        if code:
            h.refused(person, *values, code=code)
        else:
            h.rows(person, *values)
    for person in PEOPLE:
        found = h.rows(person, "SELECT project, person, bytes, most FROM awe.usage()")
        own = [row for row in found if row[0] is None]
        name = h.db.user(person).upper()
        assert own == [(None, name, used(person), None)], person
        managed = {row[0] for row in found if row[0] is not None}
        assert managed == {project for project, who, manager in MEMBERS
                           if who == person and manager}, person
    [row] = h.rows("manager", "SELECT bytes, most FROM awe.usage() "
                   "WHERE project = 'TUTORIAL2015' AND person IS NULL")
    assert row == (has + 100, has + 100)
    h.maker.ask(setting, None, "TUTORIAL2015", None)


@probe
def tickets_die(h: House) -> None:
    number = h.file("student", 37, 1)
    another = h.file("student", 37, 1)
    ticket, link = h.ticket("student"), h.ticket("student", number)
    job = h.job("student")
    assert h.opens(ticket, number)
    assert h.opens(link, number)
    assert not h.opens(link, another)
    for death, life in [
        ("UPDATE awe.ticket SET expires = now() - interval '1s'",
         "UPDATE awe.ticket SET expires = now() + interval '1h'"),
        ("UPDATE awe.users SET removed = now() WHERE role_name = 'awstudent'",
         "UPDATE awe.users SET removed = NULL"),
        (f"UPDATE awe.ticket SET job = {job}", "UPDATE awe.ticket SET job = NULL"),
    ]:
        h.maker.ask(death)
        assert not h.opens(ticket, number), death
        h.maker.ask(life)
        assert h.opens(ticket, number), life


@probe
def only_a_login_ticket_of_somebody_who_is_there_logs_in_to_the_pages(h: House) -> None:
    job = h.job("student")
    name, login = "SELECT awe.ds_for_login(%s)", "SELECT awe.ds_login(%s, %s)"
    for death, life in [
        ("UPDATE awe.ticket SET expires = now() - interval '1s'",
         "UPDATE awe.ticket SET expires = now() + interval '1h'"),
        ("UPDATE awe.users SET removed = now() WHERE role_name = 'awstudent'",
         "UPDATE awe.users SET removed = NULL"),
        (f"UPDATE awe.ticket SET job = {job}", "UPDATE awe.ticket SET job = NULL"),
        ("UPDATE awe.ticket SET page = NULL", "UPDATE awe.ticket SET page = 'login'"),
    ]:
        ticket, session = (hashlib.sha256(uuid.uuid4().bytes).digest() for _ in range(2))
        h.rows("student", "INSERT INTO awe.ticket (hash, expires, page) "
               "VALUES (%s, now() + interval '10 minutes', 'login')", ticket)
        h.maker.ask(death)
        assert h.rows("awe_dataserver", name, ticket) in ([(None,)], []), death
        assert h.rows("awe_dataserver", login, ticket, session) == [(False,)], death
        h.maker.ask(life)
        assert h.rows("awe_dataserver", name, ticket) == [("AWSTUDENT",)], life
        assert not h.opens(ticket, h.file("student", 37, 1))
        assert h.rows("awe_dataserver", login, ticket, session) == [(True,)], life
        assert h.rows("awe_dataserver", login, ticket, session) == [(False,)]


@probe
def tickets_are_ones_own_and_short(h: House) -> None:
    h.ticket("student")
    assert h.rows("other", "SELECT 1 FROM awe.ticket WHERE user_id <> awe.uid()") == []
    for columns, values in [("hash, expires", "sha256('q'), now() + interval '13h'"),
                            ("hash, user_id", "sha256('q'), 2"), ("hash, job", "sha256('q'), 1")]:
        h.refused("student", f"INSERT INTO awe.ticket ({columns}) VALUES ({values})")
    h.refused("student", "UPDATE awe.ticket SET expires = now()", code="42501")


@probe
def a_name_stays_with_whoever_had_it(h: House) -> None:
    first, _ = (h.file(person, 36, 4, "name.fits") for person in ("other", "student"))
    find = "SELECT id::text FROM awe.ds_find(%s, 'name.fits')"
    assert h.rows("awe_dataserver", find, None)[0][0] == first
    assert h.rows("awe_dataserver", find, h.ticket("outsider"))[0][0] == first


@probe
def jobs_and_logs_are_their_owners_and_shared_ones_the_managers(h: House) -> None:
    private, shared = h.job("student"), h.job("student", 2)
    for person in EVERYBODY[:-1]:
        wanted = {"student": {private, shared}, "manager": {shared}}.get(person, set())
        some = (private, shared)
        for table, column in (("job", "id"), ("job_log", "job")):
            rows = h.rows(person, f"SELECT {column} FROM awe.{table} WHERE {column} IN %s", some)
            assert {row[0] for row in rows} == wanted, (person, table)
        if person != "student":
            assert h.rows(person, "SELECT awe.job_cancel(%s)", shared) == [(False,)], person
    h.maker.ask("UPDATE awe.job SET state = 'failed' WHERE id = %s", private)
    assert h.rows("manager", "SELECT awe.job_retry(%s)", private) == [(False,)]
    assert h.rows("student", "SELECT awe.job_retry(%s)", private) == [(True,)]


@probe
def jobs_are_made_in_ones_own_runs_and_projects(h: House) -> None:
    job = h.job("student", 2)
    run = h.maker.ask("SELECT run FROM awe.job WHERE id = %s", job)[0][0]
    h.refused("manager", "INSERT INTO awe.job (run, ordinal, recipe, args, project, privileges) "
              "VALUES (%s, 5, 'Bias', '{}', 37, 2)", run, code="42501")
    h.refused("outsider", "INSERT INTO awe.run (request, recipe, args, project, privileges) "
              "VALUES (gen_random_uuid(), 'Bias', '{}', 37, 1)", code="42501")
    h.maker.ask("UPDATE awe.job SET state = 'running', attempt = 2 WHERE id = %s", job)
    item = "INSERT INTO awe.job_item (job, item, attempt, ok) VALUES (%s, 'x', %s, true)"
    h.refused("student", item, job, 1, code="42501")
    h.rows("student", item, job, 2)
    h.maker.ask("UPDATE awe.job_item SET ok = false WHERE job = %s", job)
    again = "UPDATE awe.job_item SET attempt = %s, ok = true WHERE job = %s RETURNING 1"
    h.refused("student", again, 1, job, code="42501")
    h.maker.ask("UPDATE awe.job SET cancel = true WHERE id = %s", job)
    h.refused("student", again, 2, job, code="42501")
    h.maker.ask("UPDATE awe.job SET cancel = false WHERE id = %s", job)
    assert h.rows("student", again, 2, job) == [(1,)]
    assert h.rows("student", again, 2, job) == []


@probe
def the_login_of_a_job_is_for_a_running_attempt_and_inherits_nothing(h: House) -> None:
    job = h.job("student")
    h.maker.ask("UPDATE awe.job SET attempt = 1 WHERE id = %s", job)
    verifier = encrypt_password("x", f"job_{job}_1", h.maker.root, "scram-sha-256")
    make = "SELECT awe.job_login(%s, %s, %s)"
    h.refused("awe_runner", make, job, 1, verifier, code="AW020")
    h.maker.ask("UPDATE awe.job SET state = 'running' WHERE id = %s", job)
    h.refused("awe_runner", make, job, 1, "plain", code="AW021")
    h.refused("student", make, job, 1, verifier, code="42501")
    h.rows("awe_runner", make, job, 1, verifier)
    found = h.maker.ask("SELECT rolinherit FROM pg_roles WHERE rolname = %s", f"job_{job}_1")
    h.rows("awe_runner", "SELECT awe.job_logout(%s, 1)", job)
    assert found == [(False,)]


@probe
def managers_manage_their_own_project_within_its_bounds(h: House) -> None:
    add, remove = "SELECT awe.member_add(%s, %s, false)", "SELECT awe.member_remove(%s, %s)"
    for person in ("student", "outsider", "scientist"):
        h.refused(person, add, "TUTORIAL2015", "awoutsider", code="AW030")
    h.rows("manager", add, "TUTORIAL2015", "awoutsider")
    entry = "SELECT login::text, concerns = %s FROM awe.audit WHERE action = 'membership' " \
            "ORDER BY id DESC LIMIT 1"
    assert h.maker.ask(entry, h.maker.user("outsider")) == [("awmanager", True)]
    h.rows("manager", remove, "TUTORIAL2015", "awoutsider")
    change = "SELECT awe.project_change('TUTORIAL2015', %s)"
    h.rows("manager", change, '{"description": "ours"}')
    h.refused("manager", change, '{"max_privileges": 5}', code="AW031")
    h.refused("student", "SELECT awe.user_create('a', 'b', 'c')", code="42501")


@probe
def history_names_who_and_shows_it_to_those_concerned(h: House) -> None:
    private, shared = h.row("student", 37, 1), h.row("student", 37, 2)
    h.change("student", private, "is_valid = 0")
    h.change("manager", shared, "is_valid = 0")
    h.rows("student", "DELETE FROM awe.bias_frame WHERE object_id = %s", private)
    query = "SELECT action, login::text, user_id FROM awe.audit WHERE object_id = %s ORDER BY id"
    student, manager = h.maker.user("student"), h.maker.user("manager")
    own = [("validity", "awstudent", student), ("delete", "awstudent", student)]
    assert h.rows("student", query, private) == own
    assert h.rows("manager", query, private) == []
    for person in ("student", "manager"):
        assert h.rows(person, query, shared) == [("validity", "awmanager", manager)]
    for person in ("other", "outsider"):
        assert h.rows(person, query, shared) == h.rows(person, query, private) == []
    for verb in ("DELETE FROM awe.audit", "UPDATE awe.audit SET login = 'x'",
                 "INSERT INTO awe.audit (login, action, relation) VALUES ('a', 'delete', 'b')"):
        h.refused("student", verb, code="42501")


@probe
def the_trash_is_ones_own_for_seven_days_and_gives_back_what_went_in(h: House) -> None:
    number = h.row("student", 37, 1, filename="a.fits")
    h.rows("student", "DELETE FROM awe.bias_frame WHERE object_id = %s", number)
    for person in ("other", "manager"):
        assert h.rows(person, "SELECT 1 FROM awe.trash") == []
        h.refused(person, "DELETE FROM awe.trash", code="42501")
        assert h.rows(person, "SELECT awe.trash_forget(%s::uuid[])", [number]) == [(0,)]
        assert h.rows(person, "SELECT awe.undelete(%s::uuid[])", [number]) == [(0,)]
    h.refused("student", "INSERT INTO awe.bias_frame SELECT r.* FROM awe.trash t, "
              "jsonb_populate_record(NULL::awe.bias_frame, t.content || "
              "'{\"filename\": \"b.fits\"}') r WHERE t.object_id = %s", number, code="42501")
    assert h.rows("student", "SELECT awe.undelete(%s::uuid[])", [number]) == [(1,)]
    h.rows("student", "DELETE FROM awe.bias_frame WHERE object_id = %s", number)
    h.maker.ask("UPDATE awe.trash SET deleted = now() - interval '8 days'")
    assert h.rows("student", "SELECT awe.undelete(%s::uuid[])", [number]) == [(0,)]


@probe
def what_nobody_needs_is_closed(h: House) -> None:
    for call in ("lo_creat(-1)", "lo_from_bytea(0, 'x')", "pg_advisory_lock(1)",
                 "pg_try_advisory_xact_lock(1)", "awe.ds_loose('0s')"):
        h.refused("student", f"SELECT {call}", code="42501")


@probe
def a_camera_is_described_once_by_who_brought_it_in(h: House) -> None:
    number = h.row("student", 37, 2, "instrument", name="PROBECAM")
    keep = "INSERT INTO awe.camera (name, description) VALUES (%s, %s)"
    for person in ("other", "manager", "outsider"):
        h.refused(person, keep, "PROBECAM", "theirs", code="42501")
    h.refused("student", keep, "NOBODYS", "x", code="42501")
    h.refused("anonymous", keep, "PROBECAM", "x", code="42501")
    h.refused("student", "INSERT INTO awe.camera (name, description, kept) "
              "VALUES ('PROBECAM', 'x', '2001-01-01')", code="42501")
    rules = h.maker.ask("SELECT pg_get_expr(polwithcheck, polrelid) FROM pg_policy WHERE "
                        "polrelid = 'awe.camera'::regclass AND polname = 'make'")[0][0]
    assert "keeper = " in rules
    h.row("student", 37, 1, "instrument", name="probe cam")
    for name, text in (("probe cam", "x"), ("PROBECAM", ""), ("PROBECAM", "x" * (1 << 20) + "x")):
        h.refused("student", keep, name, text, code="23514")
    h.rows("student", keep, "PROBECAM", "mine")
    for person in PEOPLE:
        seen = bool(h.rows(person, "SELECT 1 FROM awe.instrument WHERE object_id = %s", number))
        found = h.rows(person, "SELECT description FROM awe.camera")
        assert found == ([("mine",)] if seen else []), person
        for verb in ("UPDATE awe.camera SET description = 'x'", "DELETE FROM awe.camera",
                     "TRUNCATE awe.camera"):
            h.refused(person, verb, code="42501")
    h.refused("anonymous", "SELECT 1 FROM awe.camera", code="42501")
    h.maker.ask("UPDATE awe.instrument SET _creator = %s WHERE object_id = %s",
                h.maker.user("other"), number)
    assert h.rows("other", "SELECT description FROM awe.camera") == []


@probe
def a_period_ends_where_and_when_a_manager_said(h: House) -> None:
    said = "SELECT awe.project_release('TUTORIAL2015', %s, %s, %s)"
    for person in ("student", "other", "outsider", "scientist"):
        h.refused(person, said, 4, 10, "3000-01-01", code="AW030")
    h.refused("manager", said, 4, 10, "2020-01-01", code="AW032")
    h.refused("manager", said, 5, 10, "3000-01-01", code="AW004")
    old, private, elsewhere, young = (
        h.row("student", *place) for place in ((37, 2), (37, 1), (36, 2), (37, 2)))
    h.maker.ask("UPDATE awe.bias_frame SET creation_date = creation_date - interval '11 days' "
                "WHERE object_id IN %s", (old, private, elsewhere))
    h.maker.ask("UPDATE awe.project SET release_level = 4, release_days = 10, "
                "release_begins = now() - interval '1 day' WHERE id = 37")
    h.refused("manager", said, 4, 9, "2020-01-01", code="AW032")
    call = "SELECT * FROM awe.ds_release('awe.bias_frame', '-infinity', gen_random_uuid(), 9)"
    for person in ("student", "manager", "anonymous"):
        h.refused(person, call, code="42501")
    raised = "UPDATE awe.bias_frame SET _privileges = %s WHERE object_id = %s RETURNING 1"
    h.maker.ask("SET ROLE awe_release")
    try:
        h.refused("superuser", raised, 3, old, code="42501")
        assert [bool(h.maker.ask(raised, 4, number))
                for number in (private, elsewhere, young, old)] == [False, False, False, True]
    finally:
        h.maker.ask("RESET ROLE")
    h.rows("manager", said, None, None, None)


@probe
def readings_are_told_to_creator_managers_and_reader(h: House) -> None:
    private, shared = h.file("student", 37, 1), h.file("student", 37, 2)
    reader = h.maker.user("outsider")
    note = "SELECT awe.ds_readings(%s::uuid[], %s, %s)"
    h.rows("awe_dataserver", note, [private, shared], [0, reader], [1, 2])
    h.refused("student", note, [shared], [reader], [1], code="42501")
    wanted = {"student": {1, 2}, "outsider": {2}, "manager": {2}}
    for person in PEOPLE:
        seen = h.rows(person, "SELECT times FROM awe.reading WHERE file IN %s", (private, shared))
        assert {times for (times,) in seen} == wanted.get(person, set()), person
    assert h.maker.ask("SELECT awe.ds_reader(%s)", h.ticket("student")) == [
        (h.maker.user("student"),)]


def _comment(h: House, person: str, about: str, content: str | None = "cloud", **more: Any) -> str:
    number = str(uuid.uuid4())
    given = {
        "object_id": number, "_creator": h.maker.user(person), "_project": 36, "_privileges": 5,
        "about": about, "about_class": "BiasFrame", "_relation": "bias_frame", "content": content,
        "author": "AWMANAGER", "_author": h.maker.user("manager"), **more,
    }
    holes = ", ".join(["%s"] * len(given))
    h.rows(person, f"INSERT INTO awe.comment ({', '.join(given)}) VALUES ({holes})",
           *given.values())
    return number


@probe
def comments_are_seen_and_written_by_whoever_sees_the_object(h: House) -> None:
    private, shared = h.row("student", 37, 1), h.row("student", 37, 2)
    seen = ("SELECT author, _author, _creator, _project, _privileges FROM awe.comment "
            "WHERE object_id = %s")
    number = _comment(h, "other", shared)
    other, student = h.maker.user("other"), h.maker.user("student")
    row = [(h.db.user("other").upper(), other, student, 37, 2)]
    for person in PEOPLE:
        inside = person in ("student", "other", "manager")
        assert h.rows(person, seen, number) == (row if inside else []), person
    for about in (private, str(uuid.uuid4())):
        try:
            _comment(h, "other", about)
        except psycopg2.Error as error:
            assert error.pgcode == "AW007"  # noqa: PT017
        else:
            raise AssertionError(about)
    for content, more in ((" ", {}), ("x" * 4001, {}), ("old", {"creation_date": "2000-01-01"})):
        try:
            _comment(h, "other", shared, content, **more)
        except psycopg2.Error as error:
            assert error.pgcode in ("23514", "42501")  # noqa: PT017
        else:
            raise AssertionError(content)
    change = "UPDATE awe.comment SET content = 'x' WHERE object_id = %s"
    h.refused("other", change, number, code="42501")
    delete = "DELETE FROM awe.comment WHERE object_id = %s RETURNING 1"
    for person in ("student", "manager", "outsider"):
        assert h.rows(person, delete, number) == [], person
    assert h.change("student", shared, "_privileges = 3")
    assert len(h.rows("outsider", seen, number)) == 1
    assert h.rows("other", delete, number) == [(1,)]
    assert h.rows("other", "SELECT 1 FROM awe.audit WHERE object_id = %s", number) == [(1,)]


@probe
def comments_go_and_come_back_with_their_object(h: House) -> None:
    about = h.row("student", 37, 2)
    number = _comment(h, "other", about)
    seen = "SELECT 1 FROM awe.comment WHERE object_id = %s"
    h.rows("student", "DELETE FROM awe.bias_frame WHERE object_id = %s", about)
    assert h.rows("other", seen, number) == []
    h.rows("awe_dataserver", "SELECT awe.ds_sweep_comments()")
    h.rows("other", "SELECT awe.comments_back(%s::uuid[])", [about])
    h.rows("student", "SELECT awe.comments_back(%s::uuid[])", [about])
    assert h.rows("other", seen, number) == []
    assert h.rows("student", "SELECT awe.undelete(%s::uuid[])", [about]) == [(1,)]
    assert h.rows("other", seen, number) == [(1,)]

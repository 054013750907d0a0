"""`awe-admin user` and `awe-admin project` as typed, and what the people concerned then can do."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg2
import pytest

from awe.config import Environment
from awe.db.server.address import connection_arguments

pytestmark = pytest.mark.services


def admin(home, *words, code=0):
    """Type `awe-admin ...` and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "awe.admin", *words], capture_output=True, text=True, check=False,
        env={**os.environ, "AWE_HOME": str(home)}, timeout=120)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def password(section):
    [line] = [line for line in section.splitlines() if line.startswith("database_password")]
    return line.partition(":")[2].strip()


def ask(person, secret, statement):
    arguments = connection_arguments(Environment.load().database_name, person, secret)
    connection = psycopg2.connect(**arguments)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()
    finally:
        connection.close()


def prompt(person, secret, project, code):
    """Run a line at a prompt of that person, with a home and a configuration of his own."""
    here = Environment.load()
    with tempfile.TemporaryDirectory() as home:
        configuration = Path(home, "Environment.cfg")
        configuration.touch(mode=0o600)
        configuration.write_text("\n".join([
            "[global]", f"database_name : {here.database_name}", f"database_user : {person}",
            f"database_password : {secret}", f"project : {project}",
            f"data_server : {here.data_server}", f"data_port : {here.data_port}", ""]))
        return awe(home, code)


def awe(home, code):
    done = subprocess.run(
        [str(Path(sys.executable).with_name("awe")), "-c", code],
        capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "AWE_HOME": str(home)})
    return done.stdout + done.stderr


def test_a_person_from_first_day_to_last(house):
    first = password(admin(house, "user", "add", "anna", "--full-name", "Anna A"))
    assert ask("anna", first, "SELECT current_user::text") == [("anna",)]
    second = password(admin(house, "user", "passwd", "anna"))
    with pytest.raises(psycopg2.OperationalError):
        ask("anna", first, "SELECT 1")
    assert ask("anna", second, "SELECT 1") == [(1,)]
    assert "ANNA" in admin(house, "user", "list")
    admin(house, "user", "remove", "anna")
    with pytest.raises(psycopg2.OperationalError):
        ask("anna", second, "SELECT 1")
    assert "removed" in admin(house, "user", "list")
    assert "not given twice" in admin(house, "user", "add", "anna", code=1)


def test_a_project_its_levels_its_manager_and_its_members(house):
    bert = password(admin(house, "user", "add", "bert"))
    cleo = password(admin(house, "user", "add", "cleo"))
    admin(house, "project", "add", "SURVEY", "--maximum", "3", "--default", "2",
          "--description", "ours")
    admin(house, "project", "member", "add", "SURVEY", "bert", "--manager")
    assert "BERT (manager)" in admin(house, "project", "list", "SURVEY")
    assert "SURVEY" in admin(house, "project", "list")
    ask("bert", bert, "SELECT awe.member_add('SURVEY', 'cleo', false)::text")
    said = prompt("cleo", cleo, "SURVEY", "print(context.get_current_project())")
    assert "Maximum Privileges: 3 (Astro-WISE)" in said
    assert "Current Privileges: 2 (Project)" in said
    said = prompt("cleo", cleo, "SURVEY", "context.set_privileges(4)")
    assert "allows privileges up to 3" in said
    admin(house, "project", "set", "SURVEY", "--maximum", "4", "--default", "1")
    said = prompt("cleo", cleo, "SURVEY", "print(context.get_current_project())")
    assert "Maximum Privileges: 4 (World)" in said
    assert "Current Privileges: 1 (MyDB)" in said
    admin(house, "project", "member", "remove", "SURVEY", "cleo")
    assert "not a member" in prompt("cleo", cleo, "SURVEY", "pass")
    assert "not a member" in admin(house, "project", "member", "remove", "SURVEY", "cleo", code=1)
    said = admin(house, "project", "set", "SURVEY", "--maximum", "1", "--default", "3", code=1)
    assert "default level would be above the maximum" in said


def test_cameras_that_come_with_awe_are_entered_for_projects_and_when_told(house):
    known = "SELECT name, _privileges FROM awe.instrument ORDER BY name"
    assert ask("anonymous", "anonymous", known) == [("OMEGACAM", 5)]
    admin(house, "project", "add", "VIRCAM@HOME", "--instrument", "VIRCAM")
    assert "in the database, for everybody" in admin(house, "instrument", "enter", "wfi")
    assert ask("anonymous", "anonymous", known) == [
        ("OMEGACAM", 5), ("VIRCAM", 5), ("WFI", 5),
    ]  # fmt: skip
    said = admin(house, "instrument", "enter", "TINYCAM", code=1)
    assert "no camera 'TINYCAM' comes with awe" in said


def test_the_world_logs_in_and_makes_nothing(house):
    assert ask("anonymous", "anonymous", "SELECT current_user::text") == [("anonymous",)]
    said = prompt("anonymous", "anonymous", "ALL", "print(context.get_current_user())")
    assert "ANONYMOUS" in said
    said = prompt("anonymous", "anonymous", "ALL",
                  "from awe.model.observing import Filter; Filter(name='x', mag_id='y').commit()")
    assert "Refused" in said or "nothing was stored" in said or "not allow" in said
    assert ask("anonymous", "anonymous", "SELECT count(*) FROM awe.filter WHERE name = 'x'") == [
        (0,)]


@pytest.mark.parametrize("name", ["x'; DROP TABLE awe.project; --", "$(id)", "a\nb", "../x", ""])
def test_names_that_are_statements_are_names_that_are_refused(house, name):
    for words in (("user", "add", name), ("project", "add", name),
                  ("project", "member", "add", name, "bert"), ("project", "list", name or "?")):
        assert admin(house, *words, code=1).count("\n") <= 2
    assert "OMEGACAM@VST" in admin(house, "project", "list")


def test_a_configuration_others_can_read_is_refused(house):
    path = house / "Environment.cfg"
    path.chmod(0o644)
    try:
        said = awe(house, "pass")
        assert "chmod 600" in said
    finally:
        path.chmod(0o600)


def test_a_proprietary_period_is_set_shown_refused_and_taken_away(house):
    admin(house, "project", "add", "LEGACY")
    period = ("project", "period", "LEGACY")
    assert "say --level 3, 4 or 5, or --none" in admin(house, *period, code=1)
    said = admin(house, *period, "--level", "4", "--days", "-1", code=1)
    assert "a whole number from 0 to 36500" in said
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2)
    said = admin(house, *period, "--level", "4", "--begins", f"{soon:%Y-%m-%d}", code=1)
    assert "seven days" in said
    assert admin(house, *period, "--level", "4", "--days", "365") == (
        "project LEGACY: what members share rises to level 4 365 days after it was made\n")
    anna = password(admin(house, "user", "add", "berta"))
    admin(house, "project", "member", "add", "LEGACY", "berta")
    shown = prompt("berta", anna, "LEGACY", "print(context.get_current_project())")
    assert "365 days" in shown
    assert admin(house, *period, "--none") == "project LEGACY: no level rises by itself\n"
    shown = prompt("berta", anna, "LEGACY", "print(context.get_current_project())")
    assert "365 days" not in shown
    assert "NOWHERE" in admin(house, "project", "period", "NOWHERE", "--level", "3", code=1)

"""Whoever asks, however he asks: everybody is shown exactly what the rule says, of every class.

Hypothesis draws members, managers, levels and creators for an object of every class in the
registry, files and jobs; the rule is written a second time here. Four ways of asking must agree
with it: the prompt's own queries, plain psql, the dataserver, and the lists of jobs.
`AWE_VISIBLE_SETS=1000` sets the number of cases.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from maker import Maker
from psql import login

from awe.db.declare import registry
from awe.db.query.compiler import table, table_name
from awe.model import classes
from tests.dataserver.conftest import Running

CASES = int(os.environ.get("AWE_VISIBLE_SETS", "12"))
PEOPLE = ("student", "other", "outsider", "manager")
EVERYBODY = (*PEOPLE, "anonymous")
#: Two projects by membership and one that is everybody's.
CLOSED, PUBLIC = (50, 51), 52
FILES, JOBS = 8, 6


class World:
    """One object of every class, some files and jobs, and five people who look at them."""

    def __init__(self, db: Any, root: Path) -> None:
        classes.load()
        self.db, self.maker = db, Maker(db)
        self.names = list(registry.registry)
        self.maker.ask("INSERT INTO awe.project (id, name, is_public, max_privileges) VALUES "
                       "(50, 'P50', false, 5), (51, 'P51', false, 5), (52, 'P52', true, 5)")
        self.maker.ask("SET session_replication_role = replica")
        self.users = {person: self.maker.user(person) for person in PEOPLE}
        self.ids = [str(self.maker.row(table_name(cls), "student", 52, 1).id)
                    for cls in registry.registry.values()]
        self.served = Running(db, root)
        self.served.start()
        self.files = [str(self.served.put(b"%d" % n, "student", f"f{n}.fits", level=1))
                      for n in range(FILES)]
        self.jobs = [self._job(n) for n in range(JOBS)]
        self.prompts = {person: self._prompt(person) for person in EVERYBODY}
        self.terminals = {person: self._terminal(person) for person in EVERYBODY}
        self.web = {person: httpx.Client(base_url=self.served.url, headers=(
            {} if person == "anonymous"
            else {"authorization": f"Bearer {self.served.ticket(person)}"}
        )) for person in EVERYBODY}
        self.cases = 0

    def _job(self, number: int) -> int:
        run = self.maker.ask(
            "INSERT INTO awe.run (user_id, request, recipe, args, project, privileges) "
            "VALUES (%s, %s, 'Bias', '{}', 52, 1) RETURNING id",
            self.users["student"], str(uuid.uuid4()))[0][0]
        job: int = self.maker.ask(
            "INSERT INTO awe.job (run, ordinal, user_id, recipe, args, project, privileges, "
            "state) VALUES (%s, %s, %s, 'Bias', '{}', 52, 1, 'done') RETURNING id",
            run, number, self.users["student"])[0][0]
        self.maker.ask("INSERT INTO awe.job_log (job, attempt, line_no, line) "
                       "VALUES (%s, 1, 1, 'a line')", job)
        return job

    def _prompt(self, person: str) -> subprocess.Popen[str]:
        worker = Path(__file__).with_name("prompt_worker.py")
        made = subprocess.Popen([sys.executable, str(worker)], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        self._say(made, json.dumps(self.db.environment(person, project="ALL")))
        return made

    def _terminal(self, person: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.db.cluster.program("psql")), "-XqAt"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**os.environ, **login(self.db, person)})

    @staticmethod
    def _say(process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()

    def arrange(self, case: Case) -> None:
        """Give everything the owners and levels of a case."""
        with self.maker.root.cursor() as cursor:
            cursor.execute("DELETE FROM awe.member WHERE project_id IN (50, 51, 52)")
            statements = [
                cursor.mogrify("INSERT INTO awe.member VALUES (%s, %s, %s)",
                               (self.users[person], project, manager))
                for (person, project), manager in case.members.items()
            ]
            for number, what, name in zip(self.ids, case.objects, self.names, strict=True):
                statements.append(cursor.mogrify(
                    f"UPDATE {table(registry.registry[name])} SET _creator = %s, _project = %s, "
                    "_privileges = %s WHERE object_id = %s", (*self._bound(what), number)))
            for number, what in zip(self.files, case.files, strict=True):
                statements.append(cursor.mogrify(
                    "UPDATE awe.file SET creator = %s, _project = %s, _privileges = %s "
                    "WHERE id = %s", (*self._bound(what), number)))
            for number, what in zip(self.jobs, case.jobs, strict=True):
                statements.append(cursor.mogrify(
                    "UPDATE awe.job SET user_id = %s, project = %s, privileges = %s "
                    "WHERE id = %s", (*self._bound(what), number)))
            cursor.execute(b";".join(statements))

    def _bound(self, what: tuple[str, int, int]) -> tuple[int, int, int]:
        return self.users[what[0]], what[1], what[2]

    def ask_prompts(self, level: int) -> dict[str, Any]:
        for process in self.prompts.values():
            self._say(process, json.dumps({"level": level, "jobs": self.jobs}))
        return {person: json.loads(process.stdout.readline())  # type: ignore[union-attr]
                for person, process in self.prompts.items()}

    def ask_terminals(self) -> dict[str, set[str]]:
        everything = " UNION ALL ".join(
            f"SELECT object_id FROM {table(cls)}" for cls in registry.registry.values())
        for process in self.terminals.values():
            self._say(process, f"{everything};\n\\echo end")
        found: dict[str, set[str]] = {}
        for person, process in self.terminals.items():
            assert process.stdout is not None
            found[person] = set(iter(lambda p=process: p.stdout.readline().strip(), "end"))
        return found

    def ask_dataserver(self, person: str) -> set[str]:
        statuses = {number: self.web[person].head(f"/file/{number}").status_code
                    for number in self.files}
        assert set(statuses.values()) <= {200, 404}
        return {number for number, status in statuses.items() if status == 200}

    def ask_page(self, person: str) -> set[int]:
        answer = self.web[person].get("/jobs")
        assert answer.status_code == (401 if person == "anonymous" else 200)
        if person == "anonymous":
            return set()
        pages = {n: self.web[person].get(f"/jobs/{n}").status_code for n in self.jobs}
        assert set(pages.values()) <= {200, 404}
        shown = {number for number, status in pages.items() if status == 200}
        assert {n for n in self.jobs if f'href="/jobs/{n}"' in answer.text} <= shown
        return shown

    def close(self) -> None:
        for process in (*self.prompts.values(), *self.terminals.values()):
            process.kill()
            process.communicate()
        for client in self.web.values():
            client.close()
        self.served.stop()


class Case:
    """Who is where, and what belongs to whom at which level."""

    def __init__(self, drawn: tuple[Any, ...]) -> None:
        self.members, objects, self.level = drawn
        self.objects = objects[FILES + JOBS:]
        self.files = objects[:FILES]
        self.jobs = objects[FILES:FILES + JOBS]

    def sees(self, person: str, what: tuple[str, int, int]) -> bool:
        """The rule of visibility, written a second time."""
        creator, project, level = what
        if level >= 4:
            return True
        if person == "anonymous":
            return False
        if level == 3 or creator == person:
            return True
        return level == 2 and (project == PUBLIC or (person, project) in self.members)

    def sees_job(self, person: str, what: tuple[str, int, int]) -> bool:
        """The rule for jobs: one's own, and as manager the shared ones of the project."""
        owner, project, level = what
        return person == owner or (level >= 2 and self.members.get((person, project), False))


@pytest.fixture(scope="module")
def world(standing, tmp_path_factory):
    made = World(standing, tmp_path_factory.mktemp("visible") / "files")
    yield made
    sys.stdout.write(f"{made.cases} cases, {len(made.names)} classes, 5 people\n")
    made.close()


OWNED = st.tuples(st.sampled_from(PEOPLE), st.sampled_from((*CLOSED, PUBLIC)), st.integers(1, 5))
MEMBERS = st.dictionaries(
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from((*CLOSED, PUBLIC))), st.booleans())


def cases() -> Any:
    classes.load()
    count = FILES + JOBS + len(registry.registry)
    objects = st.lists(OWNED, min_size=count, max_size=count)
    return st.tuples(MEMBERS, objects, st.integers(1, 5))


@pytest.mark.timeout(7200)
@settings(max_examples=CASES, deadline=None, database=None,
          phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck))
@given(drawn=st.deferred(cases))
def test_everybody_is_shown_what_the_rule_says(world, drawn):
    case = Case(drawn)
    world.cases += 1
    world.arrange(case)
    said = world.ask_prompts(case.level)
    typed = world.ask_terminals()
    for person in EVERYBODY:
        wanted = {number: what for number, what in zip(world.ids, case.objects, strict=True)
                  if case.sees(person, what)}
        assert typed[person] == set(wanted), person
        for name, number in zip(world.names, world.ids, strict=True):
            shown = number in wanted and wanted[number][2] >= case.level
            assert said[person]["objects"][name] == ([number] if shown else []), (person, name)
        files = {n for n, what in zip(world.files, case.files, strict=True)
                 if case.sees(person, what)}
        assert world.ask_dataserver(person) == files, person
        jobs = {n for n, what in zip(world.jobs, case.jobs, strict=True)
                if case.sees_job(person, what)}
        assert set(said[person]["jobs"]) == jobs, person
        assert world.ask_page(person) == jobs, person

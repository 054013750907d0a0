"""Attacks by name, each typed into psql with a person's own login: none shows or changes anything.

After every script all roles, rights, rules and rows are compared with what was there before.
"""

from __future__ import annotations

import pytest
import victim as victims
from attacks import EACH_CLASS, FRUITLESS, REFUSED
from maker import Maker
from psql import run

ATTACKERS = ("student", "manager", "scientist", "outsider", "anonymous")


@pytest.fixture(scope="module")
def scene(standing):
    """The victim, and the parameters each attacker has at hand."""
    maker = Maker(standing)
    # people have no temporary schema; the attacks that need one are tried as if they had
    maker.ask(f'GRANT TEMP ON DATABASE "{standing.name}" TO awe_user')
    victim = victims.make(standing, maker)
    busy = standing.connect(victims.ROLE)
    with busy.cursor() as cursor:
        cursor.execute(f"SELECT '{victims.CANARY}-statement'")
    known = {"victim": maker.user(victims.ROLE), "victim_role": standing.user(victims.ROLE),
             "database": standing.name, "id": victim.objects["bias_frame"],
             "raw": victim.objects["raw_bias_frame"], "verifier": victims.VERIFIER,
             "job": victim.job, "run": victim.run, "ticket": victim.ticket, "file": victim.file,
             "stored": victim.stored, "reserved": victim.reserved, "deleted": victim.deleted,
             "published": victim.published}
    own = {person: maker.row("bias_frame_parameters", person, 36, 1)
           for person in ATTACKERS if person != "anonymous"}
    for person in ATTACKERS:
        known[person] = str(own[person].id) if person in own else victim.deleted
    return standing, maker, victim, known


@pytest.fixture(scope="module")
def answers(scene):
    """What psql said to each attacker, and what is different afterwards."""
    db, maker, _, known = scene
    said = {}
    before = victims.fingerprint(maker)
    for person in ATTACKERS:
        given = {**known, "me": db.user(person), "own_parameters": known[person]}
        said[person] = run(db, person, {
            name: text.format(**given) for name, text in {**REFUSED, **FRUITLESS}.items()
        })
    return said, victims.fingerprint(maker) ^ before


def leaks(victim, text, *, given=""):
    """Return what of the victim appears in a text, apart from what the attacker wrote himself."""
    return {secret for secret in victim.hidden() if secret in text and secret not in given}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(scene, answers, name):
    for person in ATTACKERS:
        answer = answers[0][person][name]
        assert "ERROR:" in answer.error or "FATAL:" in answer.error, (person, answer)
        assert leaks(scene[2], answer.text, given=REFUSED[name].format(**scene[3], me="",
                     own_parameters="")) == set(), (person, answer)


@pytest.mark.parametrize("name", FRUITLESS)
def test_fruitless(scene, answers, name):
    for person in ATTACKERS:
        answer = answers[0][person][name]
        given = FRUITLESS[name].format(**scene[3])
        assert leaks(scene[2], answer.text, given=given) == set(), (person, answer)
        assert "already exists" not in answer.error


def test_the_same_statements_show_the_victim_himself_what_they_look_for(scene):
    """The control: an attack that could find nothing in any hands would prove nothing."""
    db, _, victim, known = scene
    looking = {name: text.format(**known) for name, text in FRUITLESS.items()
               if "TABLE awe." in text or "FROM awe.bias_frame" in text}
    said = run(db, victims.ROLE, looking)
    found = [name for name, answer in said.items() if leaks(victim, answer.out + answer.error)]
    assert len(found) > 30


def test_all_attacks_together_changed_nothing(answers):
    assert answers[1] == set()


@pytest.mark.parametrize("person", ATTACKERS)
def test_every_class_withstands_everybody(scene, person):
    db, maker, victim, known = scene
    before = victims.fingerprint(maker)
    tried = {
        f"{table}: {name}": text.format(table=table, id=number, victim=known["victim"])
        for table, number in victim.objects.items() for name, text in EACH_CLASS.items()
    }
    said = run(db, person, {name: text.lstrip("~") for name, text in tried.items()}, fresh=False)
    assert len(said) > 1000
    for name, answer in said.items():
        if not tried[name].startswith("~"):
            assert "ERROR:" in answer.error, (name, answer)
        assert leaks(victim, answer.text, given=tried[name]) == set(), (name, answer)
    assert victims.fingerprint(maker) ^ before == set()

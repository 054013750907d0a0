"""Files are read again in the background: what is damaged is found, and nobody else notices."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
from dataservers import _connection

from awe.dataserver import scrub as scrubbing
from awe.dataserver.authorisation import Permits
from awe.dataserver.scrub import scrub, scrub_forever

NUMBERS = random.Random(11)
DAY = 24 * 3600


@pytest.fixture
def permits(served):
    made = Permits(_connection(served.db))
    yield made
    made.close()


def age(served, file_id, days):
    statement = "UPDATE awe.file SET verified = now() - make_interval(secs => %s) WHERE id = %s"
    served.db.rows("superuser", statement, days * DAY, str(file_id))


def verified(served):
    rows = served.db.rows(
        "superuser", "SELECT id::text, extract(epoch FROM now() - verified) FROM awe.file"
    )
    return {row[0]: float(row[1]) for row in rows}


def changed(served, file_id, content):
    path = served.store.path(file_id)
    path.chmod(0o600)
    path.write_bytes(content)


def round_of(served, permits, **how):
    return scrub(served.store, permits, threading.Event(), rest=0.0, **how)


def test_each_kind_of_damage_is_found_and_marked_and_right_files_are_noted(served, permits):
    contents = [NUMBERS.randbytes(50_000) for _ in range(6)]
    right, flipped, cut, lost, young, bad = (served.put(content) for content in contents)
    for file_id in (right, flipped, cut, lost, bad):
        age(served, file_id, 40)
    age(served, young, 20)
    changed(served, flipped, contents[1][:-1] + bytes([contents[1][-1] ^ 1]))
    changed(served, cut, contents[2][:-1])
    served.store.path(lost).unlink()
    changed(served, young, b"not looked at before its time")
    permits.mark(bad, "bad")
    done = round_of(served, permits)
    assert done.read == 4
    assert {finding.file_id: finding.kind for finding in done.found} == {
        flipped: "flipped", cut: "truncated", lost: "missing",
    }  # fmt: skip
    states = {file_id: served.state(file_id)[1] for file_id in (right, flipped, cut, lost, young)}
    assert list(states.values()) == ["ok", "bad", "bad", "lost", "ok"]
    assert verified(served)[str(right)] < 60
    assert served.ask("GET", f"/file/{flipped}", "student").status_code == 410
    assert round_of(served, permits).read == 0


def test_the_oldest_is_read_first_and_a_round_ends_when_it_is_told(served, permits):
    ids = [served.put(NUMBERS.randbytes(1000)) for _ in range(5)]
    for number, file_id in enumerate(ids):
        age(served, file_id, 30 + number)
    stop = threading.Event()
    stop.set()
    assert scrub(served.store, permits, stop).read == 1
    ages = verified(served)
    assert [each for each in ids if ages[str(each)] < 60] == [ids[-1]]


def test_a_tenth_of_the_time_is_used(served, permits):
    ids = [served.put(NUMBERS.randbytes(4_000_000)) for _ in range(4)]
    for file_id in ids:
        age(served, file_id, 31)
    began, cpu = time.monotonic(), time.thread_time()
    assert scrub(served.store, permits, threading.Event()).read == 4
    wall, spent = time.monotonic() - began, time.thread_time() - cpu
    assert spent < 0.2 * wall


def test_in_sixty_days_no_file_is_unread_for_thirty_and_none_is_read_for_nothing(served, permits):
    """With the clock of the database: each round of the loop is a day later."""
    for number in range(10):
        age(served, served.put(NUMBERS.randbytes(1000)), 2.9 * number)
    reads = Counter()
    for _ in range(60):
        served.db.rows("superuser", "UPDATE awe.file SET verified = verified - interval '1 day'")
        before = verified(served)
        while round_of(served, permits).read:
            pass
        after = verified(served)
        reads.update(one for one, since in after.items() if since < DAY / 2 < before[one])
        assert max(after.values()) < 30 * DAY
    assert set(reads.values()) <= {2, 3}
    assert len(reads) == 10


def test_a_database_that_is_away_ends_nothing(served, monkeypatch, caplog):
    monkeypatch.setattr(scrubbing, "PAUSE", 0.05)
    away = Permits({**_connection(served.db), "password": "wrong"})
    stop = threading.Event()
    thread = threading.Thread(target=scrub_forever, args=(served.store, away, stop))
    thread.start()
    deadline = time.monotonic() + 20
    while not caplog.records and time.monotonic() < deadline:
        time.sleep(0.05)
    assert thread.is_alive()
    stop.set()
    thread.join(timeout=20)
    assert "not read again now" in caplog.records[0].message
    away.close()


SCRUBBER = """
import json, sys, threading
from pathlib import Path
from awe.dataserver import scrub
from awe.dataserver.authorisation import Permits
scrub.PAUSE = 0.01
scrub.REST = 0.2
print("ready", flush=True)
asked = json.loads(sys.argv[1])
scrub.scrub_forever(Store(Path(sys.argv[2]), reserve=0), Permits(asked), threading.Event())
"""


def test_killed_at_any_moment_it_marks_nothing_wrong_and_goes_on(served, permits):
    ids = [served.put(NUMBERS.randbytes(300_000)) for _ in range(40)]
    for file_id in ids:
        age(served, file_id, 31)
    served.store.path(ids[7]).unlink()
    command = [sys.executable, "-c", SCRUBBER, json.dumps(_connection(served.db))]
    left = [len(ids)]
    for _ in range(8):
        process = subprocess.Popen([*command, str(served.root)], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout.readline() == "ready\n"
            time.sleep(NUMBERS.uniform(0.05, 0.4))
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
        left.append(sum(age > DAY for age in verified(served).values()))
    assert left == sorted(left, reverse=True)
    while round_of(served, permits).read:
        pass
    states = [served.state(file_id)[1] for file_id in ids]
    assert states == ["lost" if number == 7 else "ok" for number in range(40)]
    assert sum(age > DAY for age in verified(served).values()) == 1

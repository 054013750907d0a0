"""Fifty people who click at the same time, and a table of many frames.

`AWE_CROWD_SECONDS=120 AWE_CROWD_FRAMES=1000000 pytest -s` is the long way, with the times.
"""

import os
import random
import statistics
import threading
import time

import httpx
import pytest

from tests.dataserver.conftest import Running

PEOPLE = 50
SECONDS = float(os.environ.get("AWE_CROWD_SECONDS", "4"))
FRAMES = int(os.environ.get("AWE_CROWD_FRAMES", "2000"))
PAGES = [
    "/", "/jobs", "/objects", "/objects/RawScienceFrame",
    "/objects/RawScienceFrame?sort=-DATE_OBS",
    "/objects/RawScienceFrame?f.OBJECT=KIDS_7", "/objects/BiasFrame", "/calibrations", "/targets",
    "/objects/RawScienceFrame?f.DATE_OBS=2012-06-01+..+2012-06-02&o.DATE_OBS=between",
]  # fmt: skip


@pytest.fixture
def filled(db, tmp_path):
    ask = db.superuser().cursor().execute
    ask("SET session_replication_role = replica")
    ask("INSERT INTO awe.raw_science_frame (object_id, filename, object, exptime, date_obs,"
        " is_valid, quality_flags, _privileges, _creator, _project, creation_date)"
        " SELECT md5(n::text)::uuid, 'F' || n || '.fits', 'KIDS_' || n %% 1500, n %% 7,"
        " timestamp '2011-08-01' + n / 32 * interval '2 minutes', 1, 0, 3 + n %% 2, u.id, 1,"
        " timestamp '2026-01-01' FROM generate_series(1, %s) n, awe.users u"
        " WHERE u.role_name = 'awother'", (FRAMES,))
    ask("ANALYZE awe.raw_science_frame")
    running = Running(db, tmp_path / "files")
    running.start()
    yield running
    running.stop()


def alone(filled, cookie):
    """Seconds each page takes for one person, the best of three."""
    with httpx.Client(headers=cookie, timeout=60) as client:
        found = {}
        for page in PAGES:
            took = []
            for _ in range(3):
                begun = time.perf_counter()
                assert client.get(filled.url + page).status_code == 200, page
                took.append(time.perf_counter() - begun)
            found[page] = min(took)
    return found


def test_fifty_people_click_and_nobody_meets_an_error(filled):
    people = ["student", "other", "manager", "scientist", "outsider"]
    cookies = [filled.cookie(people[number % 5]) for number in range(PEOPLE)]
    took = alone(filled, cookies[0])
    answers, wrong = [], []
    until = time.monotonic() + SECONDS

    def click(number):
        chosen = random.Random(number)
        with httpx.Client(headers=cookies[number], timeout=60) as client:
            while time.monotonic() < until:
                page = chosen.choice(PAGES)
                begun = time.perf_counter()
                try:
                    answer = client.get(filled.url + page)
                except httpx.HTTPError as error:
                    wrong.append((page, repr(error)))
                    continue
                answers.append(time.perf_counter() - begun)
                if answer.status_code != 200:
                    wrong.append((page, answer.status_code, answer.text[:300]))
                time.sleep(chosen.uniform(0.2, 1.5))

    threads = [threading.Thread(target=click, args=(number,)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = "\n".join(f"  {1000 * seconds:6.1f} ms {page}" for page, seconds in took.items())
    # shown with -s: what a page takes alone, and with everybody
    print(f"\n{FRAMES} frames, one person:\n{told}\n{PEOPLE} people, {len(answers)} pages in "  # noqa: T201
          f"{SECONDS:.0f} s, median {statistics.median(answers):.3f} s, longest "
          f"{max(answers):.3f} s, {len(wrong)} wrong")  # fmt: skip
    assert not wrong
    assert len(answers) > PEOPLE

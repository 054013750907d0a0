"""Work that is done side by side: results in order, errors heard, no thread left over."""

from __future__ import annotations

import os
import queue
import threading
import time
from functools import partial

import pytest

from awe.calib import threads


def slow(value):
    time.sleep(0.05 if value % 2 else 0.001)
    return value


def test_results_come_in_the_order_of_the_calls():
    assert threads.side_by_side([partial(slow, value) for value in range(9)]) == list(range(9))
    assert threads.side_by_side([]) == []
    assert not [one for one in threading.enumerate() if "ThreadPool" in one.name]


def test_calls_run_at_the_same_time():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one processor only")
    meeting = threading.Barrier(2, timeout=20)
    assert len(threads.side_by_side([meeting.wait, meeting.wait])) == 2


@pytest.mark.parametrize("place", [0, 3])
def test_an_error_is_raised_when_all_that_were_begun_have_ended(place):
    ended = []

    def one(number):
        if number == place:
            msg = f"call {number}"
            raise LookupError(msg)
        time.sleep(0.02)
        ended.append(number)

    before = threading.active_count()
    with pytest.raises(LookupError, match=f"call {place}"):
        threads.side_by_side([partial(one, number) for number in range(4)])
    assert threading.active_count() == before
    number = len(ended)
    time.sleep(0.05)
    assert len(ended) == number


def test_what_the_work_raises_is_heard_whatever_it_is():
    def empty():
        raise queue.Empty

    with pytest.raises(queue.Empty):
        threads.side_by_side([partial(slow, 1), empty, partial(slow, 3)])


def test_bands_cover_all_rows_once():
    for rows in (1, 255, 256, 1000, 4100):
        parts = threads.bands(lambda part: part, rows)
        covered = [row for part in parts for row in range(part.start, part.stop)]
        assert covered == list(range(rows))


def test_a_job_among_others_uses_its_share_of_the_processors():
    threads.narrow(1)
    try:
        assert threads.processors() == 1
        names = set(threads.bands(lambda _: threading.current_thread().name, 4096))
        assert names == {threading.current_thread().name}
    finally:
        threads.narrow(None)
    assert threads.processors() >= 1

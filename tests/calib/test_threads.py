"""Work that is done side by side: results in order, errors heard, no thread left over."""

from __future__ import annotations

import os
import queue
import threading
import time
from functools import partial

import numpy as np
import pytest

from awe.calib import statistics, threads


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


def test_threads_with_frames_of_their_own_share_the_processors():
    """Two threads that each have a frame do not start two more each; what is left goes back."""
    usable = threads.processors()
    meeting = threading.Barrier(3, timeout=20)
    found = []

    def one():
        with threads.sharing():
            meeting.wait()
            found.append(threads.processors())
            meeting.wait()

    crew = [threading.Thread(target=one) for _ in range(2)]
    for thread in crew:
        thread.start()
    meeting.wait()
    meeting.wait()
    for thread in crew:
        thread.join(timeout=20)
    assert found == [max(1, usable // 2)] * 2
    assert threads.processors() == usable


def test_bands_that_are_summed_do_not_depend_on_the_processors():
    """Mean and spread of a frame have the same digits on one processor as on all."""
    frame = np.random.default_rng(3).normal(500, 15, (1100, 300)).astype(np.float32)
    everywhere = statistics.image_statistics(frame)
    threads.narrow(1)
    try:
        assert statistics.image_statistics(frame) == everywhere
    finally:
        threads.narrow(None)

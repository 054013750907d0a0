"""The end of a log is there however long it is, and a line says what is left out."""

from __future__ import annotations

import os
import time

from jobs_waiting import until

from awe.dpu.runner import attempt_files as folder
from awe.dpu.runner import attempts
from awe.dpu.runner.attempt_files import Folder
from awe.dpu.runner.attempts import Running
from awe.dpu.runner.backends import Limits

LONG = '''
from awe.recipes import Argument, Task


class LongTask(Task):
    """Prints many lines, then fails."""

    arguments = (Argument(name="lines", type=int, default=0, doc="how many"),)

    def jobs(self):
        return [self._given()]

    def execute(self):
        print("\\n".join(f"line {n}" for n in range(self.lines)))
        raise RuntimeError("at the very end")
'''


class Said:
    """A queue that keeps what is said to it, as the database does: the first under a number."""

    def __init__(self):
        self.lines = {}

    def say(self, job, attempt, first, lines):
        for place, line in enumerate(lines):
            self.lines.setdefault(first + place, line)


def running(tmp_path, queue):
    place = Folder(tmp_path, 1, 1)
    place.make()
    return place, Running(1, 1, None, place, queue, Limits(seconds=60, memory=1 << 30))


def test_the_end_of_a_long_log_and_its_traceback_arrive(bench, db, runner, recipes):
    (recipes / "recipes" / "long.py").write_text(LONG)
    runner.start(workers=1)
    (job,) = bench.submit("student", {"recipe": "Long", "args": {"lines": 60000}})
    until(lambda: bench.state(job) == "failed", 60)
    sql = "SELECT line FROM awe.job_log WHERE job = %s ORDER BY line_no"
    lines = [row[0] for row in db.rows("superuser", sql, job)]
    assert [line for line in lines if line.startswith("line ")] == [
        f"line {n}" for n in range(60000)
    ]
    assert "RuntimeError: at the very end" in lines
    assert lines[-1] == "Long: RuntimeError: at the very end"


def test_lines_beyond_the_limit_are_counted_and_the_last_ones_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(attempts, "LINES_KEPT", 100)
    queue = Said()
    place, attempt = running(tmp_path, queue)
    attempt._last = type(attempt._last)(maxlen=10)
    place.log.write_text("".join(f"line {n}\n" for n in range(1, 151)))
    attempt.listen()
    assert queue.lines[100] == "line 100"
    assert queue.lines[101].startswith("... more than 100 lines")
    assert 102 not in queue.lines
    with place.log.open("a") as file:
        file.write("".join(f"line {n}\n" for n in range(151, 201)) + "Traceback, no end of line")
    attempt.listen(last=True)
    tail = [queue.lines[n] for n in range(102, 113)]
    assert tail[0] == "... 91 lines are left out here ..."
    assert tail[1:] == [*(f"line {n}" for n in range(192, 201)), "Traceback, no end of line"]


def test_of_a_huge_rest_the_end_is_read_and_a_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "LARGEST_REST", 10_000)
    monkeypatch.setattr(folder, "KEPT_REST", 1_000)
    queue = Said()
    place, attempt = running(tmp_path, queue)
    place.log.write_text("".join(f"line {n}\n" for n in range(100_000)))
    began = time.monotonic()
    attempt.listen(last=True)
    assert time.monotonic() - began < 1.0
    left_out = place.log.stat().st_size - 1_000
    assert queue.lines[1] == f"... {left_out} bytes of the log were left out here ..."
    assert queue.lines[max(queue.lines)] == "line 99999"


def test_a_notification_that_came_with_another_answer_wakes_the_runner(bench, queue):
    queue.tidy()
    bench.submit("student")
    time.sleep(0.2)
    queue.tidy()  # its answer brings the notification along
    began = time.monotonic()
    assert queue.wait(5.0)
    assert time.monotonic() - began < 1.0


def test_the_runner_waits_on_descriptors_of_any_number(bench, queue, soft_limit):
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert not queue.wait(0.01)
        bench.submit("student")
        assert queue.wait(5.0)
    finally:
        for number in held:
            os.close(number)

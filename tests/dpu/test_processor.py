"""`dpu` and `lpu` as they are typed."""

from __future__ import annotations

import datetime
import os
import re
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from jobs_waiting import log, until

from awe.dpu import LocalProcessor, totals
from awe.dpu import jobs as owned
from awe.dpu.client import DRY
from awe.dpu.planning import plan
from awe.errors import ArgumentError, JobUnknown, Refused
from awe.recipes.reduce import ReduceTask


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_run_splits_per_chip_and_shows_its_jobs(bench, session):
    dpu = session()
    ids = dpu.run("Probe", n=["a", "b"], chips=["A", "B", "C"], dpu_time=60)
    assert len(ids) == 3
    assert repr(ids) == f"{list(ids)}   Probe: 3 jobs submitted{DRY}"
    assert dpu.get_jobids() == ids
    found = owned.fetch(ids)
    assert [job.args["chip"] for job in found] == ["A", "B", "C"]
    assert repr(dpu.run("Probe")) == f"[{ids[-1] + 1}]   Probe: job {ids[-1] + 1} submitted{DRY}"


def test_a_loop_over_the_jobs_leaves_those_of_other_prompts_alone(bench, session):
    other, dpu = session(), session()
    (theirs,) = other.run("Probe")
    assert dpu.get_jobids() == []
    (mine,) = dpu.run("Probe")
    assert dpu.get_jobids() == [mine]
    assert dpu.get_jobids(days=1) == dpu.get_jobids(days=None) == [theirs, mine]
    for jobid in dpu.get_jobids():
        dpu.cancel_job(jobid)
    assert (bench.state(mine), bench.state(theirs)) == ("cancelled", "queued")


def test_a_chain_waits_chip_by_chip(session):
    dpu = session()
    made = plan("Probe>Probe", {"chips": ["A", "B"]}, "local")
    assert [job["after"] for job in made.jobs] == [[], [], [0], [1]]
    assert len(dpu.run("Probe>Probe", chips=["A", "B"])) == 4


@pytest.mark.parametrize(
    ("recipe", "arguments", "wanted"),
    [
        ("Prob", {}, "did you mean 'Probe'"),
        ("Probe>", {}, "no recipe ''"),
        (7, {}, "named by text"),
        (ReduceTask, {}, "dpu.run('Reduce', ...), not by ReduceTask"),
        ("Probe", {"nam": ["a"]}, "did you mean 'names'"),
        ("Probe", {"wait": "long"}, "wait"),
        ("Probe", {"dpu_tim": 3}, "did you mean 'dpu_time'"),
        ("Probe", {"dpu_time": -1}, "expected seconds"),
        ("Probe", {"dpu_time": True}, "expected seconds"),
        ("Probe", {"dpu_aweversion": "2.0"}, "this DPU has"),
        ("Probe", {"wait": float("nan")}, "finite"),
        ("Probe", {"do": "a\0b"}, "no database takes"),
        ("Probe", {"do": "\ud800"}, "no database takes"),
        ("Probe", {"do": "x" * 1_000_000}, "at most 900000"),
        ("Probe", {"names": [object()]}, "object of type object"),
        ("Probe", {"names": [[[[[["a"]]]]]]}, "nested"),
        ("Probe>Probe", {"nam": ["a"]}, "did you mean 'names'"),
    ],
)
def test_a_mistake_is_told_before_anything_is_queued(session, recipe, arguments, wanted):
    dpu = session()
    with pytest.raises(ArgumentError, match=re.escape(wanted)):
        dpu.run(recipe, **arguments)
    assert dpu.get_jobids() == []


def test_numbers_of_numpy_and_dates_become_plain():
    made = plan_arguments({"wait": np.float32(0.5), "names": np.array(["a"]),
                           "do": datetime.date(2012, 6, 1)})
    assert made == {"wait": 0.5, "names": ["a"], "do": "2012-06-01"}


def plan_arguments(arguments):
    from awe.dpu.planning import plain

    return {name: plain(value, name) for name, value in arguments.items()}


def test_a_project_one_may_not_use_is_refused_in_a_sentence(session):
    dpu = session("outsider")
    with pytest.raises(Refused, match=r"TUTORIAL2015.*set_project"):
        dpu.run("Probe")


def test_the_logs_are_waited_for_printed_and_kept_in_one_file(session, runner, here, capsys):
    runner.start()
    dpu = session()
    first = dpu.run("Probe", names=["a", "b"], wait=0.3)
    dpu.get_logs()
    printed = capsys.readouterr().out
    assert f"[Probe {first[0]}] probe at work A" in printed
    assert f"job {first[0]} (Probe) is done: 2 of 2 done" in printed
    second = dpu.run("Probe", chips=["X"])
    dpu.get_logs(second)
    dpu.get_logs(first)
    (file,) = here.glob("*.log")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.log", file.name)
    text = file.read_text()
    assert text.count("probe at work A") == 1
    assert text.count("probe at work X") == 1


def test_follow_prints_lines_as_they_come(session, runner, here, capsys):
    runner.start()
    dpu = session()
    ids = dpu.run("Probe", names=["a"], wait=0.5)
    dpu.get_logs(ids, follow=True)
    out = capsys.readouterr().out
    assert out.index("probe at work") < out.index("1 of 1 done")
    assert out.count("probe at work") == 1


def test_interrupting_the_wait_leaves_the_jobs_going(bench, session, runner, here, capsys):
    runner.start()
    dpu = session()
    (job,) = dpu.run("Probe", wait=3.0)
    until(lambda: bench.state(job) == "running")
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    started = time.monotonic()
    dpu.get_logs()
    assert time.monotonic() - started < 2.0
    assert f"jobs {job} go on" in capsys.readouterr().out
    assert not list(here.glob("*.log"))
    dpu.get_logs()
    assert bench.state(job) == "done"


def test_cancelling_says_what_happened(bench, db, session, runner, capsys):
    dpu = session()
    (queued,) = dpu.run("Probe")
    dpu.cancel_job(queued)
    assert capsys.readouterr().out == f"job {queued}: cancelled\n"
    dpu.cancel_job(queued)
    assert capsys.readouterr().out == f"job {queued}: already cancelled, nothing to cancel\n"
    runner.start()
    (job,) = dpu.run("Probe", names=["a"], wait=60.0)
    until(lambda: log(db, job))
    for jobid in dpu.get_jobids():
        dpu.cancel_job(jobid)
    assert f"job {job}: running on " in capsys.readouterr().out
    until(lambda: bench.state(job) == "cancelled", 3)
    dpu.retry_job(queued)
    assert capsys.readouterr().out == f"job {queued}: queued again\n"
    until(lambda: bench.state(queued) == "done")


def test_the_status_is_a_table(session, runner, here, capsys):
    dpu = session()
    dpu.get_status()
    assert "you have no jobs" in capsys.readouterr().out
    dpu.get_logs()
    assert "you have no jobs" in capsys.readouterr().out
    runner.start()
    ids = dpu.run("Probe", names=["a", "bad"], chips=["A", "B"])
    dpu.get_logs()
    capsys.readouterr()
    dpu.get_status(ids)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["job", "recipe", "arguments", "state", "done", "host", "age",
                                "last", "line"]
    assert lines[1].split()[:7] == [str(ids[0]), "Probe", "A", "2", "names", "dry", "run"]
    assert lines[-1] == "2 jobs: 2 failed"
    for ask in (dpu.get_status, dpu.get_logs):
        ask([])
        assert capsys.readouterr().out == "no job was requested: the list is empty\n"


def test_a_run_is_cancelled_at_once(bench, db, session, runner, capsys):
    dpu = session()
    dpu.cancel()
    assert capsys.readouterr().out.startswith("this session has submitted no jobs")
    (done,) = dpu.run("Probe")
    runner.start(workers=1)
    until(lambda: bench.state(done) == "done")
    ids = dpu.run("Probe", chips=["A", "B", "C"], names=["a"], wait=60.0)
    until(lambda: log(db, ids[0]))
    dpu.cancel(ids)
    assert capsys.readouterr().out == "3 jobs: 2 cancelled, 1 being stopped\n"
    until(lambda: bench.state(ids[0]) == "cancelled")
    dpu.cancel()
    assert capsys.readouterr().out == "4 jobs: 4 over before\n"
    # one that is named twice is one job, and an empty list is none
    dpu.cancel([done, done])
    assert capsys.readouterr().out == "1 job: 1 over before\n"
    dpu.cancel([])
    assert capsys.readouterr().out.startswith("the list is empty")
    (theirs,) = bench.submit("other")
    (mine,) = dpu.run("Probe", names=["a"], wait=60.0)
    with pytest.raises(JobUnknown, match=f"job {theirs}: no such job"):
        dpu.cancel([mine, theirs])
    assert bench.state(mine) in ("queued", "running")
    assert not db.rows("superuser", "SELECT 1 FROM awe.job WHERE id = %s AND cancel", mine)


def test_the_status_is_filtered_and_many_jobs_are_a_line_for_each_run(session, runner, capsys):
    dpu = session()
    chips = [f"chip{number}" for number in range(30)]
    first, second = dpu.run("Probe", chips=chips), dpu.run("Probe", names=["bad"])
    dpu.cancel(first[:2])
    capsys.readouterr()
    dpu.get_status(state="cancelled", recipe="Probe")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == [str(number) for number in first[:2]]
    dpu.get_status(state="lost")
    assert capsys.readouterr().out == "none of 31 jobs is lost\n"
    with pytest.raises(ArgumentError, match=r"'faild'.*did you mean 'failed'"):
        dpu.get_status(state="faild")
    dpu.run("Probe", chips=chips[:10])
    runner.start()
    dpu.get_logs(second)
    capsys.readouterr()
    dpu.get_status()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[1].split()[:3] == [f"{first[0]}-{first[-1]}", "Probe", "30"]
    assert lines[2].endswith("failed (0 of 1 done): bad: NotFound: no calibration for bad")
    assert lines[4].startswith("41 jobs: ")
    dpu.get_status(first, by_run=True)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_the_end_of_a_sessions_jobs_is_told_once(session, runner):
    dpu = session()
    assert dpu.news() == ""
    good, bad = dpu.run("Probe", names=["a"]), dpu.run("Probe", names=["bad"])
    assert dpu.news() == ""
    runner.start()
    told = until(dpu.news)
    assert told == (
        f"dpu: 2 jobs (Probe): 1 done, 1 failed; dpu.get_status({list(bad)}) says why"
    )
    assert dpu.news() == ""
    assert good[0] < bad[0]
    dpu.retry_job(bad[0])
    assert until(dpu.news).startswith("dpu: 1 job (Probe): 1 failed")
    # what somebody has just read is no news
    for look in (dpu.get_logs, dpu.get_status):
        (seen,) = dpu.run("Probe", names=["a"])
        dpu.get_logs(seen, follow=True)
        look(seen)
        assert dpu.news() == ""


@pytest.mark.parametrize("person", ["other", "outsider", "manager"])
def test_the_jobs_of_another_are_no_jobs(bench, session, runner, person):
    runner.start()
    (job,) = bench.submit("student", {"args": {"names": ["a"]}})
    until(lambda: bench.state(job) == "done")
    dpu = session(person)
    unknown = job + 100
    for call in (dpu.get_status, dpu.get_logs, dpu.cancel_job, dpu.get_job_result, dpu.retry_job):
        said = []
        for number in (job, unknown):
            with pytest.raises(JobUnknown) as caught:
                call(number)
            said.append(str(caught.value).replace(str(number), "N"))
        assert said[0] == said[1]


@pytest.mark.parametrize("bad", ["1; DROP", -1, 1.5, None, True, [True], "٣", 10**30])
def test_what_is_no_job_number_is_refused(session, bad):
    dpu = session()
    with pytest.raises(ArgumentError, match="not a job number"):
        dpu.cancel_job(bad)


def test_a_lost_answer_asked_again_is_the_same_run(session):
    import uuid

    session()
    made, request = plan("Probe", {"chips": ["A", "B"]}, "local"), uuid.uuid4()
    assert owned.submit(made, request) == owned.submit(made, request)


def test_results_are_the_objects_committed(bench, db, session, queue):
    from awe.model import classes

    classes.load()
    from awe.model.observing import Instrument

    session("scientist")
    from awe.db.server import scope

    here = scope.current()
    scope.use(scope.Scope(user_id=here.user_id, user_name=here.user_name, project_id=36,
                          project_name="OMEGACAM@VST", privileges=4))
    camera = Instrument(name="OMEGACAM")
    camera.commit()
    (job,) = bench.submit("student")
    queue.claim(["local"])
    db.rows("student", "INSERT INTO awe.job_item (job, item, attempt, ok, class, product) "
            "VALUES (%s, 'a', 1, true, 'Instrument', %s)", job, str(camera.object_id))
    dpu = session("student")
    (found,) = dpu.get_job_result(job)
    assert found.name == "OMEGACAM"


def test_places_and_recipes_are_told(session, capsys):
    dpu = session()
    assert dpu.get_dpu_identifiers() == ["local", "slurm"]
    dpu.show_dpu_identifiers()
    assert capsys.readouterr().out == "* local\n  slurm\n"
    with pytest.raises(ArgumentError, match="no dpu 'mars'"):
        dpu.select_dpu("mars")
    assert "Probe" in dpu.get_sequence_identifiers()
    assert dpu.get_sequence_options("Probe")[:2] == ["names", "chip"]
    dpu.show_sequence_options("Probe")
    assert re.search(r"names +n +inputs", capsys.readouterr().out)
    dpu.show_sequence_identifiers()
    assert "Does what the tests of the DPU ask for." in capsys.readouterr().out


def test_lpu_runs_here(recipes, here):
    recipe = recipes / "recipes" / "here.py"
    recipe.write_text(
        "from pathlib import Path\n"
        "from awe.recipes import Argument, Task\n\n\n"
        "class HereTask(Task):\n"
        '    """Leaves a file."""\n\n'
        "    arguments = (Argument(name='name', type=str, doc='name'),)\n\n"
        "    def jobs(self):\n        return [self._given()]\n\n"
        "    def execute(self):\n        Path(self.name).touch()\n        return [self.name]\n"
    )
    lpu = LocalProcessor()
    assert lpu.run("Here", name="result") == ["result"]
    assert Path("result").exists()


def test_many_jobs_are_counted_by_the_database_and_none_is_fetched(
    bench, session, runner, capsys, monkeypatch
):
    dpu = session()
    ids = list(dpu.run("Probe", chips=[f"chip{number}" for number in range(300)]))
    few = dpu.run("Probe", names=["a", "b"], chips=["A", "B"])
    some = ids[::2]  # as many ranges as numbers
    dpu.cancel(some)
    fetched = []
    fetch = owned.fetch
    monkeypatch.setattr(owned, "fetch", lambda asked: fetched.append(len(asked)) or fetch(asked))
    capsys.readouterr()
    dpu.get_status()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:6] == [f"{ids[0]}-{ids[-1]}", "Probe", "300", "150", "queued,", "150"]
    assert lines[3] == "302 jobs: 152 queued, 150 cancelled; by_run=False shows each"
    assert dpu.news() == ""
    now = totals.progress(ids)
    assert (now.jobs, now.over, now.running, now.bad, now.done) == (300, 150, 0, 0, 150)
    assert str(now) == "150 of 300 jobs over"
    assert totals.any_open(ids)
    assert not totals.any_open(some)
    assert not totals.any_open([])
    assert max(fetched) == 2  # the last line of each run
    dpu.cancel(ids)
    runner.start()
    until(lambda: not totals.any_open(few))
    now = totals.progress(few)
    assert (now.over, now.known, now.total, now.done, now.expected) == (2, 2, 4, 4, 4)
    with pytest.raises(JobUnknown, match=f"job {few[-1] + 7}: no such job"):
        dpu.get_status([ids[0], few[-1] + 7])


def test_inputs_expected_are_those_told_and_the_mean_of_them_for_the_rest(bench, session, queue):
    dpu = session()
    ids = dpu.run("Probe", chips=[f"chip{number}" for number in range(4)])
    for inputs in (10, 20):
        claim = queue.claim(["local"])
        queue.total(claim.job, claim.attempt, inputs)
    now = totals.progress(ids)
    assert (now.known, now.taken, now.running, now.total, now.expected) == (2, 2, 2, 30, 60)
    queue.end(claim.job, claim.attempt, "done", 0, "20 of 20 done")
    assert totals.progress(ids).done == 20
    assert str(totals.progress(ids)) == "1 of 4 jobs over, 1 running"


def test_a_manager_waits_for_the_end_of_jobs_of_the_project(bench, session, runner, here, capsys):
    (job,) = bench.submit("student", {"args": {"names": ["a"], "wait": 0.5}}, privileges=2)
    dpu = session("manager")
    runner.start()
    dpu.get_logs([job])
    assert f"job {job} (Probe) is done" in capsys.readouterr().out


def test_following_is_quiet_without_a_terminal_and_ends_at_an_interrupt(
    bench, session, runner, here, capsys
):
    dpu = session()
    (job,) = dpu.run("Probe", names=["a"], wait=30.0)
    runner.start()
    capsys.readouterr()
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    before = time.monotonic()
    dpu.get_status([job], follow=True)
    assert time.monotonic() - before < 5.0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert len(printed.out.splitlines()) == 2
    assert bench.state(job) == "running"

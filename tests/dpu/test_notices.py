"""A notice when jobs are over: one's own command, one line, nothing that others wrote."""

from __future__ import annotations

import stat
import threading
import time

import pytest

from awe.context import context
from awe.db.server import scope
from awe.db.server.connection import database
from awe.dpu import notices
from awe.errors import ConfigError


@pytest.fixture
def hook(tmp_path):
    """A program that keeps what it is told, and the file in which it does."""
    told = tmp_path / "told.txt"
    program = tmp_path / "tell me"
    program.write_text(f'#!/bin/sh\n(cat; echo "$AWE_NOTICE|$*") > "{told}.part"\n'
                       f'mv "{told}.part" "{told}"\n')  # fmt: skip
    program.chmod(stat.S_IRWXU)
    return f"'{program}' a '$(touch /tmp/x); b'", told


@pytest.fixture
def started(bench):
    def start(**more):
        environment = bench.environment("student", **more)
        context.start(environment)
        return environment

    yield start
    database.close()
    scope.use(None)


def end(bench, jobs, state):
    statement = "UPDATE awe.job SET state = %s, ended = now(), message = %s WHERE id = ANY (%s)"
    bench.db.rows("superuser", statement, state, "$(rm -rf /); \"evil\"", jobs)


def test_it_tells_when_the_last_job_is_over(bench, started, hook):
    command, told = hook
    environment = started(notice_command=command)
    jobs = bench.submit("student", {}, {"ordinal": 1}, {"ordinal": 2})
    end(bench, jobs[:2], "done")
    later = threading.Timer(0.3, end, (bench, jobs[2:], "failed"))
    later.start()
    begin = time.monotonic()
    text = notices.when_over(environment, jobs, pause=0.05)
    assert time.monotonic() - begin > 0.25
    later.join()
    assert text == "awe: 3 jobs (Probe): 2 done, 1 failed"
    assert notices.tell(environment, text) == ""
    assert told.read_text() == f"{text}\n{text}|a $(touch /tmp/x); b\n"


def test_the_process_goes_on_without_the_session(bench, started, hook, monkeypatch, tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("AWE_HOME", str(home))
    command, told = hook
    environment = started(notice_command=command)
    jobs = bench.submit("student")
    end(bench, jobs, "done")
    notices.watch(jobs, environment)
    deadline = time.monotonic() + 60
    while not (told.exists() and (home / notices.NAME_OF_LOG).exists()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert told.read_text().startswith("awe: 1 job (Probe): 1 done\n")


@pytest.mark.parametrize(
    ("command", "words"),
    [("mail 'me", "close the quotes"), ("no-such-program-here x", "no program"),
     ("./here.sh", "no program"), ("../here.sh", "no program"), ("/no/such", "no program")],
)
def test_a_command_that_cannot_be_run_is_refused_at_the_submission(started, command, words):
    environment = started(notice_command=command)
    with pytest.raises(ConfigError, match=words):
        notices.watch([1], environment)


def test_a_folder_of_the_path_that_is_not_absolute_does_not_count(started, monkeypatch, tmp_path):
    program = tmp_path / "mailer"
    program.write_text("#!/bin/sh\n")
    program.chmod(stat.S_IRWXU)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f".:{''}:/usr/bin")
    with pytest.raises(ConfigError, match="no program 'mailer'"):
        notices.command_of(started(notice_command="mailer"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin")
    assert notices.command_of(started(notice_command="mailer -s x")) == ["mailer", "-s", "x"]


def test_a_command_that_fails_is_told_of(started):
    with pytest.raises(ConfigError, match="notice_command false"):
        notices.tell(started(notice_command="false"), "awe: 1 job")


def test_without_a_command_nothing_is_started(started):
    assert notices.command_of(started()) == []
    notices.watch([1], started())

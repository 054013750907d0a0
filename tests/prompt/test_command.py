"""`awe script.py`, `awe -c`, exit codes, and what is said when something is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from prompt_process import AWE, environment

Run = Callable[..., "CompletedProcess[str]"]

pytestmark = pytest.mark.services


def test_code_runs_in_the_namespace_of_the_prompt(awe: Run) -> None:
    code = "print(len(RawScienceFrame.select_all()), context.get_current_project().name)"
    done = awe("-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 OMEGACAM@VST\n", "")


def test_a_script_sees_its_arguments_its_directory_and_main(awe: Run, tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("value = 7\n")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, neighbour\n"
        "def name():\n"
        "    return BiasFrame.__name__\n"
        "if __name__ == '__main__':\n"
        "    print(sys.argv[1:], neighbour.value, name(), __file__ == sys.argv[0])\n"
    )
    done = awe(str(script), "-x", "--version", "two words")
    assert done.stderr == ""
    assert done.stdout == "['-x', '--version', 'two words'] 7 BiasFrame True\n"


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("pass", 0, ""),
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('gone wrong')", 1, "gone wrong\n"),
        ("raise NoCalibration('no master flat;\\n make one')", 1,
         "NoCalibration: no master flat; make one\n"),
        ("raise KeyboardInterrupt", 130, "Interrupted\n"),
    ],
)  # fmt: skip
def test_exit_codes_are_pythons(awe: Run, code: str, status: int, said: str) -> None:
    done = awe("-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", said)


def test_a_defect_keeps_its_traceback_without_frames_of_awe(awe: Run) -> None:
    done = awe("-c", "1/0")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "script.py" not in done.stderr


def test_debug_shows_the_traceback_of_a_mistake(awe: Run) -> None:
    done = awe("-c", "raise NotFound('nothing')", debug="1")
    assert "Traceback" in done.stderr
    assert "NotFound: nothing" in done.stderr


def test_a_missing_script_is_python_s_exit_code_two(awe: Run) -> None:
    done = awe("no_such_script.py")
    assert done.returncode == 2
    assert done.stderr == "awe: can't open file 'no_such_script.py': No such file or directory\n"


def test_code_missing_after_c(awe: Run) -> None:
    done = awe("-c")
    assert done.returncode == 2
    assert "-c needs code" in done.stderr


def test_input_that_is_no_terminal_runs_as_a_script(awe: Run) -> None:
    done = awe(stdin="print(1 + 1)\nprint(Env['privileges'])\n")
    assert (done.returncode, done.stdout) == (0, "2\n1\n")


def test_help_and_version_start_nothing(tmp_path: Path) -> None:
    for option, wanted in (("--help", "script.py"), ("--version", "awe ")):
        done = subprocess.run(
            [AWE, option],
            env=environment(tmp_path / "home"),
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        assert wanted in done.stdout
    assert not (tmp_path / "home").exists()


def test_a_wrong_option_is_refused(awe: Run) -> None:
    done = awe("--tutorail")
    assert done.returncode == 2
    assert "--tutorail" in done.stderr


def test_a_dead_database_costs_seconds_and_one_line(tmp_path: Path) -> None:
    start = time.monotonic()
    done = subprocess.run(
        [AWE, "-c", "print(1 + 1)"],
        env=environment(
            tmp_path / "home",
            database_name="192.0.2.1:5432/awe",
            database_user="awnobody",
            database_password="x",
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert time.monotonic() - start < 6
    assert done.stdout == "2\n"
    assert len(done.stderr.splitlines()) == 1
    assert "192.0.2.1" in done.stderr


def test_a_wrong_password_is_one_line_without_the_password(awe: Run) -> None:
    done = awe("-c", "print('on')", database_password="wr0ng-secret")
    assert done.stdout == "on\n"
    assert len(done.stderr.splitlines()) == 1
    assert "wr0ng-secret" not in done.stderr


def test_a_configuration_others_can_read_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "Environment.cfg").write_text("[global]\ndatabase_password : x\n")
    (home / "Environment.cfg").chmod(0o644)
    done = subprocess.run(
        [AWE, "-c", "pass"],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("ConfigError: ")
    assert len(done.stderr.splitlines()) == 1


def test_interrupt_breaks_a_script_off(awe_home: Path, tmp_path: Path) -> None:
    code = "import time; print('on', flush=True); time.sleep(60)"
    child = subprocess.Popen(
        [AWE, "-c", code],
        env=environment(awe_home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "on\n"
    os.kill(child.pid, signal.SIGINT)
    _, said = child.communicate(timeout=10)
    assert (child.returncode, said) == (130, "Interrupted\n")


def test_a_reader_that_leaves_ends_the_output_without_a_word(awe_home: Path) -> None:
    done = subprocess.run(
        f"{AWE} -c 'for i in range(100000): print(i)' | head -1",
        shell=True,
        env=environment(awe_home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_script_s_unknown_name_gets_a_suggestion(awe: Run) -> None:
    assert "did you mean 'ReduceTask'?" in awe("-c", "Reduc").stderr

"""`import awe; awe.connect()` in plain Python: threads, several sessions, a test of one's own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from prompt_process import PATIENCE, environment

pytestmark = pytest.mark.services


def python(home: Path, directory: Path, code: str, *words: str) -> str:
    """What plain Python prints."""
    (directory / "script.py").write_text(textwrap.dedent(code))
    done = subprocess.run(
        [sys.executable, *(words or ("script.py",))], env=environment(home), cwd=directory,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_threads_have_a_connection_each_and_a_project_each(awe_home: Path, tmp_path: Path) -> None:
    said = python(awe_home, tmp_path, """
        from concurrent.futures import ThreadPoolExecutor
        import awe
        awe.connect()
        def ask(number):
            if number % 2:
                awe.connect(project='TUTORIAL2015')
            else:
                awe.connect()
            pid = awe.database.execute('SELECT pg_backend_pid()')[0][0]
            here = awe.context.get_current_project().name
            return pid, here, len(awe.RawScienceFrame.select_all())
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(ask, range(40)))
        print(len({pid for pid, *_ in found}) <= 4, {here for _, here, _ in found[1::2]})
        print(awe.context.get_current_project().name, {n for *_, n in found})
    """)
    assert said == "True {'TUTORIAL2015'}\nOMEGACAM@VST {0}\n"


def test_a_thread_that_connects_does_not_break_the_transaction_of_another(
    awe_home: Path, tmp_path: Path
) -> None:
    said = python(awe_home, tmp_path, """
        import threading
        import awe
        awe.connect()
        with awe.database.transaction():
            before = awe.database.execute('SELECT pg_backend_pid(), pg_current_xact_id()')
            other = threading.Thread(target=awe.connect)
            other.start(); other.join()
            after = awe.database.execute('SELECT pg_backend_pid(), pg_current_xact_id()')
        print(before == after)
    """)
    assert said == "True\n"


def test_a_thread_cannot_be_somebody_else(awe_home: Path, tmp_path: Path) -> None:
    said = python(awe_home, tmp_path, """
        import threading
        import awe
        awe.connect()
        def other():
            try:
                awe.connect(database_user='awother', database_password='x')
            except awe.Refused as error:
                print(error)
        thread = threading.Thread(target=other)
        thread.start(); thread.join()
        print(len(awe.RawScienceFrame.select_all()))
    """)
    line, rest = said.split("\n", 1)
    assert "a thread cannot be AWOTHER" in line
    assert "start a process for each person" in line
    assert rest == "0\n"


def test_without_connect_one_line_says_what_to_do(awe_home: Path, tmp_path: Path) -> None:
    said = python(awe_home, tmp_path, """
        import awe
        try:
            len(awe.RawScienceFrame.select_all())
        except awe.DatabaseError as error:
            print(error)
    """)
    assert "`import awe; awe.connect()`" in said


def test_the_page_about_scripts_runs_as_printed(awe_home: Path, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/howto/scripts.md").read_text()
    script, test = (block.split("```")[0] for block in page.split("```python\n")[1:3])
    assert python(awe_home, tmp_path, script) == ""  # no frames in this installation
    test = test.replace("assert abs(query[0].imstat.mean) < 10", "assert len(query) == 0")
    (tmp_path / "test_own.py").write_text(test)
    said = python(awe_home, tmp_path, "", "-m", "pytest", "-q", "test_own.py")
    assert "1 passed" in said


def test_workers_of_a_pool_connect_by_themselves(awe_home: Path, tmp_path: Path) -> None:
    said = python(awe_home, tmp_path, """
        import multiprocessing
        import os
        import awe
        def ask(number):
            return os.getpid(), len(awe.RawScienceFrame.select_all())
        if __name__ == '__main__':
            context = multiprocessing.get_context('spawn')
            with context.Pool(2, initializer=awe.connect) as pool:
                found = pool.map(ask, range(8), chunksize=1)
            print({n for _, n in found}, os.getpid() not in {pid for pid, _ in found})
    """)
    assert said == "{0} True\n"
    assert os.environ.get("AWE_HOME") != str(awe_home)

"""A course on an installation of its own: opened, enrolled, worked in, reset, removed."""

from __future__ import annotations

import csv
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from awe.admin.command import main
from awe.errors import ConfigError
from awe.services import courses, sharing, stack
from awe.services.cluster import Cluster
from awe.services.installation import Installation

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
AWE = Path(sys.executable).parent / "awe"
as_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root to become other people")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="awe-course-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def house(place: Path) -> Iterator[Path]:
    """A running installation with two chips of the tutorial night."""
    home = place / "home"
    home.mkdir(mode=0o711)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWE_HOME", str(home))
        try:
            made = run("-m", "awe.admin", "tutorial", "--chips", "65", "66")
            assert made.returncode == 0, made.stderr
            yield home
        finally:
            stack.destroy(Installation(home))


def run(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=ROOT, **more
    )


def awe(home: Path, code: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [AWE, "-c", code], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "AWE_HOME": str(home)}, **more,
    )  # fmt: skip


def passwords(folder: Path) -> list[dict[str, str]]:
    with (folder / "passwords.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def processes(word: str) -> list[str]:
    """Processes whose command or AWE_HOME names a place."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            said = (entry / "cmdline").read_bytes() + b"\0" + (entry / "environ").read_bytes()
        except OSError:
            continue
        if word.encode() in said and int(entry.name) != os.getpid():
            found.append(said.replace(b"\0", b" ")[:200].decode(errors="replace"))
    return found


def test_an_installation_is_closed_until_it_is_opened(house):
    assert sharing.opened(house) is None
    assert stack.status(Installation(house))["others"] == "no access"
    assert mode(Cluster(house).socket) == 0o700


def test_a_course_is_made_with_everything_a_student_needs(house, place, capsys):
    folder = place / "course"
    assert main(["course", "create", "TUTORIAL2015", "--students", "3", "--prefix", "pupil",
                 "--directory", str(folder)]) == 0  # fmt: skip
    said = capsys.readouterr().out
    assert "3 students, pupil01 to pupil03" in said
    listed = folder / "passwords.csv"
    assert (mode(folder), mode(listed)) == (0o700, 0o600)
    rows = passwords(folder)
    assert [row["login"] for row in rows] == ["pupil01", "pupil02", "pupil03"]
    for row in rows:
        assert row["password"] not in said
        assert mode(Path(row["configuration"])) == 0o600
        assert row["password"] in Path(row["configuration"]).read_text()
    opened = sharing.opened(house)
    assert opened is not None
    psql = re.search(r"psql \"(.*)\"", Path(rows[0]["configuration"]).read_text())
    assert psql is not None
    login = f"{psql[1]} password={rows[0]['password']}"
    with closing(psycopg2.connect(login)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("pupil01",)


def test_a_student_s_home_starts_no_services(house, place):
    home = place / "course" / "pupil01"
    assert (home / "Environment.cfg").exists()
    done = awe(home, "print(context); print(len(RawScienceFrame.select_all()))")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "<context: PUPIL01 in TUTORIAL2015, level 1 (MyDB)>\n10\n"
    assert sorted(path.name for path in home.iterdir()) == ["Environment.cfg"]
    there = {**os.environ, "AWE_HOME": str(home)}
    status = run("-m", "awe.admin", "status", env=there)
    assert status.returncode == 0
    assert "with no services of its own" in status.stdout
    assert f"running, {sharing.opened(house).database_name}" in status.stdout
    for words in (["start"], ["course", "list", "TUTORIAL2015"], ["user", "list"], ["share"]):
        refused = run("-m", "awe.admin", *words, env=there)
        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr
    assert sorted(path.name for path in home.iterdir()) == ["Environment.cfg"]


@as_root
def test_other_accounts_get_in_with_a_password_and_not_otherwise(house, place):
    opened = sharing.opened(house)
    row = passwords(place / "course")[0]
    program = Cluster(house).program("psql")
    for login, password, said in (
        ("pupil01", row["password"], "pupil01"),
        ("pupil01", "wrong", "password authentication failed"),
        ("pupil02", row["password"], "password authentication failed"),
        ("postgres", row["password"], "Peer authentication failed"),
        ("awe_runner", "", "no password supplied"),
    ):
        done = subprocess.run(
            [program, f"host={opened.directory} port=5432 dbname=awe user={login}", "-wtAc",
             "SELECT current_user"],
            user="daemon", extra_groups=[], capture_output=True, text=True, check=False, cwd="/",
            env={"PATH": os.defpath, **({"PGPASSWORD": password} if password else {})},
        )  # fmt: skip
        assert said in done.stdout + done.stderr
    closed = subprocess.run(
        [program, f"host={Cluster(house).socket} dbname=awe user=pupil01", "-wc", "SELECT 1"],
        user="daemon", extra_groups=[], capture_output=True, text=True, check=False, cwd="/",
        env={"PATH": os.defpath, "PGPASSWORD": row["password"]},
    )  # fmt: skip
    assert "Permission denied" in closed.stderr
    for path in (Path(opened.directory), house):
        assert mode(path) & 0o022 == 0


def test_where_students_find_the_services_survives_a_restart(house, place):
    before = sharing.opened(house)
    stack.stop(Installation(house))
    stack.start(Installation(house))
    assert sharing.opened(house) == before
    assert stack.status(Installation(house))["awe-server"].endswith(f":{before.data_port}")
    done = awe(place / "course" / "pupil02", "print(len(RawScienceFrame.select_all()))")
    assert done.stdout == "10\n", done.stderr


HOSTILE = [
    ["create", "../etc", "--students", "2"],
    ["create", "A B", "--students", "2"],
    ["create", 'X"; DROP SCHEMA awe; --', "--students", "2"],
    ["create", "", "--students", "2"],
    ["create", "x" * 65, "--students", "2"],
    ["create", "KURS\n", "--students", "2"],
    ["create", "NEW", "--students", "0"],
    ["create", "NEW", "--students", "-3"],
    ["create", "NEW", "--students", "100000"],
    ["create", "NEW", "--students", "2", "--prefix", "Big"],
    ["create", "NEW", "--students", "2", "--prefix", "a-b"],
    ["create", "NEW", "--students", "2", "--prefix", "../up"],
    ["create", "NEW", "--students", "2", "--prefix", "x" * 30],
    ["create", "NEW", "--students", "2", "--prefix", "awe_"],
    ["create", "NEW", "--students", "2", "--prefix", "pupil"],
    ["create", "ALL", "--students", "2"],
    ["create", "OMEGACAM@VST", "--students", "2"],
    ["create", "TUTORIAL2015", "--students", "2"],
    ["add", "TUTORIAL", "--students", "2"],
    ["list", "TUTORIAL2016"],
    ["reset", "TUTORIAL2015", "--student", "pupil99", "--yes"],
    ["reset", "TUTORIAL2015", "--student", "awscientist", "--yes"],
    ["remove", "TUTORIAL2015", "--student", "pupil01; DROP", "--yes"],
]


@pytest.mark.parametrize("words", HOSTILE, ids=lambda words: " ".join(words)[:40])
def test_names_that_cannot_be_are_refused_and_leave_nothing(house, place, capsys, words):
    folder = place / "never"
    before = courses.courses(house)
    more = ["--directory", str(folder)] if words[0] in ("create", "add") else []
    assert main(["course", *words, *more]) == 1
    said = capsys.readouterr().err
    assert said.startswith("awe-admin: ")
    assert len(said.splitlines()) <= 2
    assert not folder.exists()
    assert courses.courses(house) == before


def test_an_existing_directory_is_left_alone(house, place, capsys):
    assert main(["course", "add", "TUTORIAL2015", "--students", "2", "--directory",
                 str(place / "course")]) == 1  # fmt: skip
    assert "is there already" in capsys.readouterr().err
    assert len(courses.find(house, "TUTORIAL2015").students) == 3


def test_students_can_be_added_later(house, place, capsys):
    folder = place / "later"
    assert main(["course", "add", "TUTORIAL2015", "--students", "1", "--directory",
                 str(folder)]) == 0  # fmt: skip
    assert courses.find(house, "TUTORIAL2015").students[-1] == "pupil04"
    assert (folder / "pupil04" / "Environment.cfg").exists()


def test_a_reset_asks_and_does_nothing_without_an_answer(house, place, capsys, monkeypatch):
    code = (
        "task = ReduceTask(instrument='OMEGACAM', template='2012-06-01T08:51:44',"
        " chip='ESO_CCD_#65', commit=True); task.execute()"
    )
    folder = place / "work"
    folder.mkdir(exist_ok=True)
    done = awe(place / "course" / "pupil01", code, cwd=folder)
    assert done.returncode == 0, done.stderr
    stored = set((house / "files" / "objects").rglob("*-*"))
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert main(["course", "reset", "TUTORIAL2015"]) == 1
    said = capsys.readouterr()
    assert re.search(r"PUPIL01 +[1-9]\d* objects, 0 jobs", said.out)
    assert "nothing was changed" in said.err
    assert set((house / "files" / "objects").rglob("*-*")) == stored
    assert main(["course", "reset", "TUTORIAL2015", "--student", "PUPIL01", "--yes"]) == 0
    gone = stored - set((house / "files" / "objects").rglob("*-*"))
    assert len(gone) >= 5
    assert main(["course", "list", "TUTORIAL2015"]) == 0
    assert "PUPIL01                  0 objects, 0 jobs, 0 in trash" in capsys.readouterr().out
    left = awe(place / "course" / "pupil01", "print(len(ReducedScienceFrame.select_all()))")
    assert left.stdout == "0\n"
    assert run("-m", "awe.admin", "fsck").returncode == 0


def test_the_end_of_a_course_ends_logins_only(house, place, capsys):
    assert main(["course", "remove", "TUTORIAL2015", "--student", "pupil04", "--yes"]) == 0
    done = awe(place / "later" / "pupil04", "print(len(RawScienceFrame.select_all()))")
    assert done.returncode != 0
    assert "refused PUPIL04" in done.stderr
    assert main(["course", "remove", "TUTORIAL2015", "--yes"]) == 0
    assert courses.courses(house) == []
    assert main(["course", "list"]) == 0
    capsys.readouterr()
    assert main(["doctor"]) in (0, 1)
    assert "rights:" not in capsys.readouterr().out


def test_three_students_go_through_the_chapter_at_once(house):
    done = run("-m", "benchmarks.course", "--students", "3", timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "no trouble"


def test_closed_again_nobody_finds_the_socket(house):
    opened = sharing.opened(house)
    assert main(["share", "--off"]) == 0
    assert sharing.opened(house) is None
    assert not Path(opened.directory).exists()
    assert stack.status(Installation(house))["database"].startswith("running")
    assert main(["share", "--off"]) == 0


def test_unsafe_directories_are_refused(house, place):
    wide = place / "wide"
    wide.mkdir()
    wide.chmod(0o777)
    shut = place / "shut" / "in"
    shut.mkdir(parents=True)
    shut.parent.chmod(0o700)
    link = place / "link"
    link.symlink_to(place)
    deep = place / ("d" * 90)
    deep.mkdir(mode=0o711)
    for directory, said in (
        (wide, "others can write"), (shut, "has mode 0700"), (link, "not a directory"),
        (place / "absent", "not a directory"), (deep, "characters"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=said):
            sharing.opening(house, directory)
    assert sharing.opened(house) is None


def test_a_directory_of_the_teacher_s_own_serves(house, place):
    chosen = place / "chosen"
    chosen.mkdir(mode=0o711)
    made = stack.share(Installation(house), chosen)
    assert Path(made.directory).parent == chosen
    again = stack.share(Installation(house), chosen)
    assert stack.unshare(Installation(house))
    assert list(chosen.iterdir()) == []
    assert again.data_port == made.data_port


def test_stop_leaves_no_process(house):
    stack.start(Installation(house))
    assert processes(str(house))
    stack.stop(Installation(house))
    assert processes(str(house)) == []


@pytest.mark.parametrize("count", [1, 99, 100])
def test_logins_are_numbered_in_order(count):
    made = courses.names("TUTORIAL2015", count)
    assert made[0] == "tutorial2015_01"
    assert len(set(made)) == count


@pytest.mark.parametrize("name", ["2015", "@@", "Ü"])
def test_a_course_name_without_letters_still_gives_logins(name):
    assert re.fullmatch(r"[a-z][a-z0-9_]+01", courses.names(name, 1)[0])

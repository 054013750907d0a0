"""The installation as a whole: made once, joined, stopped, recovered; and awe-admin."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg2
import pytest

from awe.admin import command, doctor
from awe.config import Environment
from awe.errors import ConfigError, ServiceDown
from awe.inspect import qt
from awe.services import stack
from awe.services.installation import Installation
from awe.services.logins import account, owner_login, superuser
from awe.services.process import Identity
from awe.services.running import ensure

pytestmark = pytest.mark.services


def login(environment: Environment) -> list[tuple[object, ...]]:
    host, _, rest = environment.database_name.rpartition(":")
    port, _, name = rest.partition("/")
    connection = psycopg2.connect(
        host=host, port=port, dbname=name, user=environment.database_user,
        password=environment.database_password,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
        rows: list[tuple[object, ...]] = cursor.fetchall()
    connection.close()
    return rows


def test_the_owner_logs_in_as_an_ordinary_user(house):
    environment = Environment.load()
    assert environment.embedded
    assert login(environment) == [(owner_login(), False)]


def test_passwords_lie_in_files_only_the_owner_reads(house):
    for name in ("Environment.cfg", "services/secrets.json", "services/state.json"):
        assert stat.S_IMODE((house / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((house / "services").stat().st_mode) == 0o700


def test_no_password_is_in_a_log_or_a_command_line(house):
    secrets = [Environment.load().database_password, *Installation(house).secrets.values()]
    seen = "".join(p.read_text(errors="replace") for p in (house / "services").glob("*.log"))
    seen += subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
    assert not [s for s in secrets if s in seen]


def test_a_second_start_joins_the_running_services(house):
    before = stack.status(Installation(house))
    stack.start(Installation(house))
    ensure(Installation(house))
    assert stack.status(Installation(house)) == before


def test_ensure_is_quick_and_starts_no_process_when_everything_runs(house):
    ensure(Installation(house))
    best = min(_timed(lambda: ensure(Installation(house))) for _ in range(10))
    assert best < 0.02


def _timed(function):
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


@pytest.mark.parametrize("name", ["cluster", "server"])
def test_a_killed_service_is_back_at_the_next_prompt(house, name):
    victim = Identity.from_record(Installation(house).state[name])
    assert victim is not None
    os.kill(victim.pid, signal.SIGKILL)
    while victim.alive:
        time.sleep(0.01)
    ensure(Installation(house))
    again = Identity.from_record(Installation(house).state[name])
    assert again is not None
    assert again.alive
    assert again != victim
    assert login(Environment.load()) == [(owner_login(), False)]


def test_after_a_reboot_everything_starts_again(house):
    """Processes gone without a word, and their numbers given to strangers."""
    for name in ("server", "cluster"):
        victim = Identity.from_record(Installation(house).state[name])
        assert victim is not None
        os.kill(victim.pid, signal.SIGKILL)
        while victim.alive:
            time.sleep(0.01)
    me = {"pid": os.getpid(), "started": "another boot"}
    Installation(house).note_all({"cluster": me, "server": me})
    ensure(Installation(house))
    lines = stack.status(Installation(house))
    assert lines["database"].startswith("running")
    assert lines["awe-server"].startswith("running")


def test_two_starts_at_once_make_one_installation(house):
    stack.stop(Installation(house))
    failed = []

    def start() -> None:
        done = subprocess.run([sys.executable, "-m", "awe.admin", "start"], check=False,
                              capture_output=True, text=True)
        if done.returncode:
            failed.append(done.stderr)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert login(Environment.load()) == [(owner_login(), False)]


def test_a_lost_configuration_is_made_again_for_the_same_person(house):
    old = Environment.load().database_password
    stack.stop(Installation(house))
    (house / "Environment.cfg").unlink()
    stack.start(Installation(house))
    fresh = Environment.load()
    assert fresh.database_password != old
    assert login(fresh) == [(owner_login(), False)]


def test_secrets_that_others_can_read_are_refused(house):
    path = house / "services" / "secrets.json"
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        assert Installation(house).secrets
    path.chmod(0o600)


def test_an_account_for_awes_own_work_can_log_in(house):
    who = ("awcalib", "Calibration scientist")
    found = account(Installation(house), *who, manager=("OMEGACAM@VST",))
    assert account(Installation(house), *who, manager=("OMEGACAM@VST",)) == found
    assert login(Environment.load(**found)) == [("awcalib", False)]


def run(capsys, *words):
    code = command.main(words)
    out, err = capsys.readouterr()
    return code, out, err


def test_admin_registers_people_whose_login_works(house, capsys):
    code, out, _ = run(capsys, "user", "add", "jjoplin", "--project", "TUTORIAL2015")
    assert code == 0
    password = out.split(":")[-1].strip()
    person = {"database_user": "jjoplin", "database_password": password}
    assert login(Environment.load(**person)) == [("jjoplin", False)]
    assert "JJOPLIN" in run(capsys, "project", "list", "TUTORIAL2015")[1]
    assert run(capsys, "user", "remove", "jjoplin")[0] == 0
    with pytest.raises(psycopg2.OperationalError):
        login(Environment.load(**person))
    assert run(capsys, "user", "add", "jjoplin")[0] == 1


@pytest.mark.parametrize(("words", "said"), [
    (("user", "add", "awe_owner"), "not allowed"),
    (("user", "add", "Robert'); DROP TABLE awe.users;--"), "not allowed"),
    (("user", "remove", "noone"), "noone"),
    (("project", "list", "TUTORIAL2051"), "did you mean 'TUTORIAL2015'"),
    (("project", "member", "add", "TUTORIAL2015", "noone"), "there is no user noone"),
    (("project", "add", "TUTORIAL2015"), "taken"),
    (("project", "add", "a b"), "does not take"),
    (("project", "set", "TUTORIAL2015"), "nothing to change"),
])
def test_admin_says_in_one_line_what_was_wrong(house, capsys, words, said):
    code, out, err = run(capsys, *words)
    assert (code, out) == (1, "")
    assert said in err
    assert err.count("\n") == 1


def test_the_doctor_finds_nothing_and_then_finds_a_planted_hole(house, capsys, monkeypatch):
    # What other installations of this machine left behind is a note, never a fault of this one.
    monkeypatch.setattr(doctor, "orphans", lambda: [(Path("/var/lib/awe/old"), "/gone")])
    code, out, _ = run(capsys, "doctor")
    assert (code, out.splitlines()[0]) == (0, "all is well")
    assert "note: data of installations that are gone: /var/lib/awe/old (/gone)" in out
    connection = superuser(Installation(house))
    with connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE awe.bias_frame NO FORCE ROW LEVEL SECURITY")
    code, out, _ = run(capsys, "doctor")
    assert code == 1
    assert "awe.bias_frame" in out
    with connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE awe.bias_frame FORCE ROW LEVEL SECURITY")
    connection.close()


def test_the_doctor_names_the_packages_a_library_lacks(tmp_path, monkeypatch):
    source = tmp_path / "there.c"
    source.write_text("int there(void) { return 1; }\n")
    wanted, user = tmp_path / "libxcb-icccm.so.4", tmp_path / "libuser.so"
    if shutil.which("cc") is None or shutil.which("ldd") is None:
        pytest.skip("needs a C compiler and ldd")
    build = ["cc", "-shared", "-fPIC", "-Wl,-soname,libxcb-icccm.so.4", "-o", wanted, source]
    subprocess.run(build, check=True)
    subprocess.run(["cc", "-shared", "-Wl,--no-as-needed", "-o", user, wanted], check=True)
    wanted.unlink()
    lacking = {name for name in qt.missing(qt.linked(user)) if "icccm" in name}
    if lacking:  # this machine has none of its own
        assert lacking == {"libxcb-icccm4"}
    monkeypatch.setattr(qt, "PLATFORM", user)
    if lacking and importlib.util.find_spec("PySide6"):
        [note] = [line for line in doctor.notes() if "Qt" in line]
        assert note.startswith("Qt does not start: this machine lacks libraries; on Debian")
        assert "libxcb-icccm4" in note
        assert note.endswith("; until then inspect() falls back to Tk")


@pytest.mark.parametrize(("library", "package"), [
    ("libxcb-keysyms.so.1", "libxcb-keysyms1"),
    ("libX11-xcb.so.1", "libx11-xcb1"),
    ("libdbus-1.so.3", "libdbus-1-3"),
    ("libEGL.so.1", "libegl1"),
    ("libglib-2.0.so.0", "libglib2.0-0"),
])
def test_libraries_are_in_packages_named_by_debians_rule(library, package):
    assert qt.package(library) == package


def test_stop_stops_and_status_says_so(house, capsys):
    assert run(capsys, "stop")[1] == "stopped: awe-server, database\n"
    code, out, _ = run(capsys, "status")
    assert code == 1
    assert out.count("not running") == 2
    with pytest.raises(ServiceDown, match="awe-admin start"):
        superuser(Installation(house))
    assert run(capsys, "start")[0] == 0


def test_destroy_keeps_what_awe_did_not_make():
    place = Path(tempfile.mkdtemp(prefix="awe-stack-"))
    place.chmod(0o755)
    (place / "thesis").mkdir()
    (place / "thesis" / "chapter.txt").write_text("years of work")
    try:
        stack.start(Installation(place))
        assert (place / "Environment.cfg").exists()
        assert stack.destroy(Installation(place)) == [place / "thesis"]
        assert [entry.name for entry in place.iterdir()] == ["thesis"]
        assert (place / "thesis" / "chapter.txt").read_text() == "years of work"
    finally:
        shutil.rmtree(place)


def test_a_start_while_the_installation_is_destroyed_makes_a_whole_one_after_it():
    place = Path(tempfile.mkdtemp(prefix="awe-stack-"))
    place.chmod(0o755)
    home = place / "home"
    words = [sys.executable, "-m", "awe.admin"]
    environment = {**os.environ, "AWE_HOME": str(home)}
    try:
        stack.start(Installation(home))
        with Installation(home).lock():
            started = [
                subprocess.Popen([*words, *more], env=environment)
                for more in (["destroy", "--yes"], ["start"], ["start"])
            ]
            time.sleep(2)
        assert [each.wait(timeout=120) for each in started] == [0, 0, 0]
        stack.start(Installation(home))
        assert Installation(home).all_alive
    finally:
        stack.destroy(Installation(home))
        assert not home.exists()
        shutil.rmtree(place)

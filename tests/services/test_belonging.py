"""Homes that are copied, moved, linked or read-only: which database each may use and remove."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from awe.services import cluster as clusters
from awe.services.cluster import Cluster, ClusterSettings
from awe.services.installation import Installation
from awe.services.logins import superuser
from awe.services.place import Place

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

SETTINGS = ClusterSettings(durable=False, ballast_bytes=0, shared_buffers="16MB")


def admin(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "awe.admin", *words], env={**os.environ, "AWE_HOME": str(home)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=200,
    )


def done(home: Path, *words: str) -> str:
    found = admin(home, *words)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def refused(home: Path, *words: str) -> str:
    found = admin(home, *words)
    assert found.returncode == 1, found.stdout + found.stderr
    assert found.stderr.count("\n") == 1, found.stderr
    return found.stderr


def write(home: Path, text: str) -> None:
    opened = closing(superuser(Installation(home)))
    with opened as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS public.kept (text text)")
        cursor.execute("INSERT INTO public.kept VALUES (%s)", (text,))


def read(home: Path) -> list[str]:
    opened = closing(superuser(Installation(home)))
    with opened as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT text FROM public.kept ORDER BY 1")
        return [row[0] for row in cursor.fetchall()]


def names(text: str, *words: str) -> bool:
    return all(word in text for word in words)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("AWE_HOME", "/nowhere/at/all")
    made = Path(tempfile.mkdtemp(prefix="awe-belong-"))
    made.chmod(0o755)
    yield made
    for home in made.iterdir():
        if (home / "services").is_dir() and not home.is_symlink():
            admin(home, "adopt", "--anyway")
            admin(home, "destroy", "--yes")
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def first() -> Iterator[Path]:
    """A stopped installation with something in it, made once and copied for each test."""
    made = Path(tempfile.mkdtemp(prefix="awe-belong-"))
    made.chmod(0o755)
    home = made / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWE_HOME", "/nowhere/at/all")
        done(home, "start")
        write(home, "before")
        done(home, "stop")
        yield home
        admin(home, "destroy", "--yes")
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def original(first: Path, folder: Path) -> Path:
    """A running installation with something in it."""
    home = folder / "home"
    subprocess.run(["cp", "-a", str(first), str(home)], check=True)
    done(home, "adopt")
    done(home, "start")
    return home


def copy(home: Path, name: str = "copy") -> Path:
    target = home.with_name(name)
    subprocess.run(["cp", "-a", str(home), str(target)], check=True)
    return target


def test_nothing_below_the_home_is_recorded_by_its_full_path(original: Path) -> None:
    for path in (original / "services").glob("cluster.json"):
        record = json.loads(path.read_text())
        assert not Path(record["base"]).is_absolute()
        assert record["home"] == str(original.resolve())


def test_destroying_a_copy_leaves_the_original_alone(original: Path) -> None:
    done(original, "stop")
    second = copy(original)
    assert f"removed: {second}" in done(second, "destroy", "--yes")
    assert not second.exists()
    done(original, "start")
    assert read(original) == ["before"]


def test_destroying_a_copy_leaves_the_running_original_alone(original: Path) -> None:
    second = copy(original)
    done(second, "destroy", "--yes")
    assert "running" in done(original, "status")
    assert read(original) == ["before"]


def test_a_copy_is_recognised_and_starts_nothing_until_adopted(original: Path) -> None:
    done(original, "stop")
    second = copy(original)
    assert names(refused(second, "start"), "is a copy of", str(original), "adopt")
    status = admin(second, "status")
    assert status.returncode == 1
    assert "is a copy of" in status.stdout
    assert "is a copy of" in admin(second, "doctor").stdout
    assert done(second, "stop") == "stopped: nothing was running\n"
    assert "an installation of its own now" in done(second, "adopt")
    done(second, "start")
    done(original, "start")
    write(second, "in the copy")
    write(original, "in the original")
    assert read(second) == ["before", "in the copy"]
    assert read(original) == ["before", "in the original"]
    done(second, "destroy", "--yes")
    assert read(original) == ["before", "in the original"]


def test_a_copy_started_while_the_original_runs_touches_nothing_of_it(original: Path) -> None:
    before = admin(original, "status").stdout
    second = copy(original)
    assert "is a copy of" in refused(second, "start")
    assert "nothing was running" in done(second, "stop")
    prompt = subprocess.run(
        [sys.executable, "-m", "awe.prompt.command", "-c", "print(1)"], capture_output=True,
        env={**os.environ, "AWE_HOME": str(second)}, text=True, check=False, timeout=100,
    )
    assert "is a copy of" in prompt.stderr
    assert admin(original, "status").stdout == before
    assert "copied while its database ran" in refused(second, "adopt")
    done(second, "adopt", "--anyway")
    done(second, "start")
    assert read(second) == ["before"]
    assert admin(original, "status").stdout == before


def test_a_moved_home_goes_on_with_its_data_and_says_so(original: Path) -> None:
    done(original, "stop")
    elsewhere = original.rename(original.with_name("elsewhere"))
    said = done(elsewhere, "start")
    assert names(said, f"was {original} before", "adopted")
    assert read(elsewhere) == ["before"]
    assert not original.exists()
    assert "was" not in done(elsewhere, "start")


def test_a_home_moved_under_its_running_services_goes_on(original: Path) -> None:
    elsewhere = original.rename(original.with_name("elsewhere"))
    done(elsewhere, "start")
    assert read(elsewhere) == ["before"]
    assert not original.exists()
    postgres = [
        line for line in subprocess.run(["ps", "axww"], capture_output=True, text=True,
                                        check=True).stdout.splitlines()
        if f"{original}/" in line or f"{elsewhere}/" in line
    ]
    assert len([line for line in postgres if "bin/postgres" in line]) == 1


def test_a_home_is_the_same_through_a_link(original: Path) -> None:
    link = original.with_name("link")
    link.symlink_to(original)
    before = done(original, "status").splitlines()[1:]
    assert done(link, "status").splitlines()[1:] == before
    done(link, "start")
    assert done(original, "status").splitlines()[1:] == before
    done(link, "stop")
    done(original, "start")
    assert read(original) == ["before"]


def test_a_copy_by_hard_links_is_not_adopted(original: Path) -> None:
    done(original, "stop")
    second = original.with_name("linked")
    subprocess.run(["cp", "-al", str(original), str(second)], check=True)
    assert "one file with that of" in refused(second, "adopt")
    assert "is a copy of" in refused(second, "start")
    done(second, "destroy", "--yes")
    done(original, "start")
    assert read(original) == ["before"]


def test_a_copy_whose_files_are_a_link_is_not_adopted(original: Path) -> None:
    done(original, "stop")
    disk = original.with_name("disk")
    shutil.move(original / "files", disk)
    (original / "files").symlink_to(disk)
    second = copy(original)
    assert names(refused(second, "adopt"), "files leads to", str(disk))
    (second / "files").unlink()


def test_a_home_whose_database_is_gone_is_not_begun_anew(original: Path) -> None:
    done(original, "stop")
    kept = (original / "database").rename(original.with_name("kept-database"))
    assert names(refused(original, "start"), "is gone from", "restore a backup")
    assert not (original / "database" / "data").exists()
    shutil.rmtree(original / "database", ignore_errors=True)
    kept.rename(original / "database")
    done(original, "start")
    assert read(original) == ["before"]


def test_the_database_of_another_installation_is_refused(original: Path) -> None:
    other = original.with_name("other")
    done(other, "start")
    for home in (original, other):
        done(home, "stop")
    mine, theirs = original / "database", other / "database"
    mine.rename(original / "aside")
    shutil.copytree(theirs / "data", mine / "data")
    shutil.copy(original / "aside" / "installation", mine / "installation")
    if os.getuid() == 0:
        owner = (original / "aside" / "data").stat()
        for path in [mine / "data", *(mine / "data").rglob("*")]:
            os.chown(path, owner.st_uid, owner.st_gid)
    mine.chmod((original / "aside").stat().st_mode)
    assert names(refused(original, "start"), "is of installation", "adopt")


@pytest.fixture
def readonly(original: Path) -> Iterator[Path]:
    done(original, "stop")
    mounted = original.with_name("mounted")
    mounted.mkdir()
    try:
        subprocess.run(["mount", "--bind", original, mounted], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", mounted], check=True,
                       capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        subprocess.run(["umount", mounted], check=False, capture_output=True)
        pytest.skip("this account cannot mount anything")
    yield mounted
    subprocess.run(["umount", mounted], check=True)
    mounted.rmdir()


def test_a_read_only_home_is_refused_in_one_line(readonly: Path) -> None:
    assert names(refused(readonly, "start"), "cannot be written to", "Read-only")
    assert "Traceback" not in admin(readonly, "status").stderr


def test_the_record_of_an_older_awe_is_understood_where_the_home_was_moved(folder: Path) -> None:
    """Before paths were relative, all of them were absolute, and nobody said whose they were."""
    home = folder / "home"
    made = Cluster(home, SETTINGS)
    made.start()
    made.stop()
    record = home / "services" / "cluster.json"
    place = Place.read(home)
    old = {"base": str(place.base), "socket": str(place.socket), "software": str(place.software),
           "uid": place.account.uid, "gid": place.account.gid}
    record.write_text(json.dumps(old))
    (place.base / "installation").write_text(f"{home}\n")
    second = copy(home)
    assert Place.read(second).data == second / "database" / "data"
    assert "is a copy of" in refused(second, "start")
    shutil.rmtree(second)
    moved = home.rename(folder / "moved")
    assert Place.read(moved).data == moved / "database" / "data"
    assert "was" in done(moved, "start")
    assert not home.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root has data outside AWE_HOME")
def test_a_copy_whose_database_lies_outside_is_refused_for_good(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path_factory.mktemp("lib")
    for each in (base, *base.parents):
        if str(each) != "/" and each.stat().st_uid == os.getuid():
            each.chmod(each.stat().st_mode | 0o011)
    monkeypatch.setattr(clusters, "SYSTEM_BASE", base)
    folder.chmod(0o700)
    home = folder / "home"
    cluster = Cluster(home, SETTINGS)
    cluster.start()
    data = cluster.data
    assert data.is_relative_to(base)
    second = copy(home)
    assert names(refused(second, "start"), "is a copy of", str(home))
    assert names(refused(second, "adopt"), "has no database of its own", "awe-admin backup")
    said = done(second, "destroy", "--yes")
    assert f"kept, because it is another home's database: {data.parent}" in said
    with closing(psycopg2.connect(**cluster.superuser())) as connection:
        assert connection.status
    cluster.stop()
    third = home.rename(folder / "third")
    assert names(refused(third, "start"), f"was {home} before", "adopt")
    assert "adopted" in done(third, "adopt")
    moved = Cluster(third, SETTINGS)
    moved.start()
    assert moved.data == data
    moved.destroy()
    assert not data.exists()

"""All files of an installation moved into an object store, or a folder, and what works there."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3server import S3Server

from tests.services.test_backup import admin, awe, rows, run
from tests.services.typed import FETCH, STORE

pytestmark = [pytest.mark.services, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.stop()


def login(s3: S3Server) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": s3.options["key"], "AWS_SECRET_ACCESS_KEY": s3.options["secret"]}


def stored(home: Path, name: str) -> None:
    awe(home, STORE.format(name=name))


def comes_back(home: Path, name: str) -> bool:
    return awe(home, FETCH.format(name=name)).endswith("True")


def test_into_a_bucket_through_a_backup_and_back(
    house: Path, s3: S3Server, place: Path
) -> None:
    stored(house, "before.fits")
    words = ("store", "move", "s3://awe/here", "--endpoint", s3.endpoint)
    moved = run(house, "-m", "awe.admin", *words, **login(s3))
    assert moved.returncode == 0, moved.stderr
    assert "1 files, 0.1 MB, copied to s3://awe/here, and used there now" in moved.stdout
    record = house / "services" / "store.json"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    secret = s3.options["secret"]
    assert json.loads(record.read_text())["options"]["secret"] == secret
    # the bucket alone has the files now
    shutil.rmtree(house / "files" / "objects")
    stored(house, "after.fits")
    assert comes_back(house, "before.fits")
    assert comes_back(house, "after.fits")
    assert "2 files at s3://awe/here" in admin(house, "store")
    assert "2 files read, 0 findings" in admin(house, "fsck")
    assert list((house / "files" / "objects").rglob("*-*")) == []
    # a backup copies each file once
    assert "2 files, 0.2 MB of them copied" in admin(house, "backup", place / "backups")
    assert "2 files, 0.0 MB of them copied" in admin(house, "backup", place / "backups")
    for path in (place / "backups").rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    assert secret not in str(rows(house, "SELECT * FROM awe.file"))
    other = place / "restored"
    try:
        assert "all is well" in admin(other, "restore", place / "backups")
        assert comes_back(other, "before.fits")
        assert f"2 files at {other}/files" in admin(other, "store")
    finally:
        admin(other, "destroy", "--yes")
    # a folder, and home again
    assert "2 files" in admin(house, "store", "move", place / "elsewhere")
    stored(house, "third.fits")
    assert comes_back(house, "before.fits")
    assert f"3 files at {place}/elsewhere" in admin(house, "store")
    assert "3 files" in admin(house, "store", "move", "home")
    assert comes_back(house, "third.fits")
    assert "3 files read, 0 findings" in admin(house, "fsck")


def test_a_folder_whose_disk_is_not_mounted(house: Path, place: Path) -> None:
    stored(house, "kept.fits")
    admin(house, "store", "move", place / "disk")
    try:
        (place / "disk").rename(place / "unmounted")
        (place / "disk").mkdir(mode=0o700)
        for words in (("store",), ("fsck",), ("backup", place / "b")):
            said = admin(house, *words, code=1)
            assert "is its disk mounted? Nothing is called lost" in said
            assert said.count("\n") == 1
        admin(house, "stop")
        said = admin(house, "start", code=1)
        assert "is its disk mounted?" in said
    finally:
        (place / "disk").rmdir()
        (place / "unmounted").rename(place / "disk")
        admin(house, "start")
    assert comes_back(house, "kept.fits")
    admin(house, "store", "move", "home")


def test_mistakes_are_one_line_and_move_nothing(
    house: Path, s3: S3Server, place: Path
) -> None:
    (place / "full").mkdir()
    (place / "full" / "theirs").touch()
    for words, said in (
        (("home",), "the files are at home already"),
        ((place / "full",), "is not empty"),
        (("s3://nothing/x", "--endpoint", s3.endpoint), "make the bucket first"),
        (("s3://awe/x", "--endpoint", "http://127.0.0.1:9"), "is it there?"),
        (("nowhere://x/y",), "Protocol not known"),
        (("s3://awe/y", "--option", "nothing"), "expected NAME=VALUE"),
        ((place / "new", "--endpoint", s3.endpoint), "is a folder, which has no options"),
    ):
        found = run(house, "-m", "awe.admin", "store", "move", *words, **login(s3))
        assert (found.returncode, said in found.stderr) == (1, True), found.stderr
        assert found.stderr.count("\n") == 1
    assert f"files at {house}/files" in admin(house, "store")


def test_another_login(house: Path, s3: S3Server) -> None:
    assert "are not in an S3 store" in admin(house, "store", "login", code=1)
    words = ("store", "move", "s3://awe/there", "--endpoint", s3.endpoint)
    assert run(house, "-m", "awe.admin", *words, **login(s3)).returncode == 0
    fresh = {"AWS_ACCESS_KEY_ID": "another", "AWS_SECRET_ACCESS_KEY": "else"}
    changed = run(house, "-m", "awe.admin", "store", "login", **fresh)
    assert changed.returncode == 0, changed.stderr
    options = json.loads((house / "services" / "store.json").read_text())["options"]
    assert (options["key"], options["secret"]) == ("another", "else")
    stored(house, "login.fits")
    (house / "services" / "store.json").chmod(0o644)
    assert "others can read it" in admin(house, "store", code=1)
    (house / "services" / "store.json").chmod(0o600)
    admin(house, "store", "move", "home")
    assert comes_back(house, "login.fits")

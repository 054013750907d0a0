"""Names that others chose, files that appear whole, and scratch that goes with its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from awe import localfiles
from awe.errors import FileTaken, Refused

BAD_NAMES = ["../x", "../x.fits", "/x", "/x.fits", "a/b", "a/b.fits", ".x", ".x.fits", "x\0",
             "x\0.fits", "~", "~root", "~/x.fits", "~root.fits", "x\x1b[2J.fits", "x\n.fits",
             "x.fits\n", "x.py", "x.fits.py", "x.pth", "x.so", "x.sh", "x.ipynb", "x.html",
             "colorsys.py", "conftest.py", "x", "", ".", "..", "-rf.fits", "a..fits", "a b.fits",
             "x\u202efits.py", "caf\u00e9.fits", "$(id).fits", "`id`.fits", "a;b.fits",
             "%s.fits\r", "x" * 251 + ".fits"]  # fmt: skip
GOOD_NAMES = ["frame.fits", "OMEGACAM.2012-06-01T08:51:44.000_7.fits", "a.fits.fz", "a.FITS.gz",
              "table.csv", "plot.png", "Sci-AWE-OMEGACAM-------OCAM_r_SDSS-ESO_CCD_#65-Red.fits",
              "x" * 250 + ".fits"]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES, ids=range(len(BAD_NAMES)))
def test_a_name_that_is_not_plain_and_of_data_is_refused_in_one_harmless_line(name):
    with pytest.raises(Refused) as told:
        localfiles.data_name(name)
    assert str(told.value).isprintable()


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_names_of_data_are_taken(name):
    assert localfiles.data_name(name) == name


@pytest.mark.parametrize(
    ("name", "better"),
    [("my frame.fits", "my_frame.fits"), ("/data/a b.fits.gz", "a_b.fits.gz"),
     ("M 31, R (1).fits", "M_31__R__1_.fits"), ("a..fits", "a._fits"), ("x.py", "frame.fits"),
     ("caf\u00e9 1.FITS", "caf__1.FITS"), ("", "frame.fits"), ("...fits", "frame.fits")],
)  # fmt: skip
def test_a_name_that_is_refused_is_told_as_it_might_be(name, better):
    with pytest.raises(Refused) as told:
        localfiles.data_name(name)
    wanted = better if localfiles._wrong(better) == "" else "frame.fits"
    assert f"such as {wanted!r}" in str(told.value)


def test_of_many_writers_of_one_name_exactly_one_wins(tmp_path):
    won, refused = [], []
    start = threading.Barrier(8)

    def write(number):
        part = tmp_path / f".{number}.part"
        part.write_text(str(number))
        start.wait()
        try:
            localfiles.appear(part, tmp_path / "a.fits")
            won.append(str(number))
        except FileTaken:
            refused.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(refused) == 7
    assert (tmp_path / "a.fits").read_text() == won[0]


def test_a_dangling_link_of_that_name_is_not_followed(tmp_path):
    (tmp_path / "a.fits").symlink_to(tmp_path / "elsewhere")
    part = tmp_path / "part"
    part.write_text("x")
    with pytest.raises(FileTaken):
        localfiles.appear(part, tmp_path / "a.fits")
    assert not (tmp_path / "elsewhere").exists()


HOLDING = """
import sys, time
from awe.localfiles import own_scratch, scratch_directory
with scratch_directory() as path:
    (path / "big.fits").write_bytes(b"x" * 1000)
    print(path, own_scratch().path, flush=True)
    time.sleep(60)
"""


def holder(folder: Path) -> tuple[subprocess.Popen[str], list[Path]]:
    child = subprocess.Popen([sys.executable, "-c", HOLDING], stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "TMPDIR": str(folder)})
    assert child.stdout is not None
    return child, [Path(word) for word in child.stdout.readline().split()]


def test_scratch_of_a_killed_process_is_removed_and_of_a_living_one_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "awe-scratch-link").symlink_to(tmp_path)
    (tmp_path / "awe-notes").mkdir()
    living, kept = holder(tmp_path)
    killed, lost = holder(tmp_path)
    try:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        with localfiles.scratch_directory() as mine:
            assert mine.is_dir()
            assert [path.exists() for path in kept + lost] == [True, True, False, False]
        assert not mine.exists()
        assert (tmp_path / "awe-notes").exists()
    finally:
        living.kill()
        living.wait()
        for child in (living, killed):
            child.stdout.close()


def test_scratch_of_a_process_is_bounded(tmp_path):
    scratch = localfiles.Scratch(tmp_path, limit=2500)
    for number in range(6):
        (scratch.folder(str(number), 1000) / "a.fits").write_bytes(b"x" * 1000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["4", "5"]
    scratch.folder("big", 9000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big"]

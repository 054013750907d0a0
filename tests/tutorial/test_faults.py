"""Faults on the tutorial night, met at a real prompt: one line each, nothing lost, it goes on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_faults import admin, kill, mistake, nobody_keeps, tiny_disk
from prompt_process import AWE, PATIENCE, Prompt, environment

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

#: Chips no other test looks at.
CHIP, SPOILED = "ESO_CCD_#71", "ESO_CCD_#72"


@pytest.fixture
def prompt(tutorial_home: Path, tmp_path: Path) -> Iterator[Prompt]:
    opened = Prompt(tutorial_home, tmp_path, project="TUTORIAL2015")
    opened.type(f"query = RawScienceFrame.chip.name == {CHIP!r}")
    opened.type("raw = query.max('DATE_OBS')")
    yield opened
    opened.close()


def as_scientist(home: Path, code: str) -> str:
    """What the calibration scientist gets to see."""
    secrets = json.loads((home / "services" / "secrets.json").read_text())
    login = {"database_user": "awscientist", "database_password": secrets["awscientist"]}
    done = subprocess.run(
        [AWE, "-c", code],
        env=environment(home, **login, project="OMEGACAM@VST", privileges="1"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_dead_dataserver_costs_one_line_and_is_started_by_the_administrator(
    prompt: Prompt, tutorial_home: Path, tmp_path: Path
) -> None:
    with nobody_keeps(tutorial_home):
        kill(tutorial_home, "server")
        said = prompt.type("raw.retrieve()")
        mistake(said, "DataserverError", "http://127.0.0.1", "does not answer", "metadata is fine",
                "awe-admin start")  # fmt: skip
        assert not list(tmp_path.glob("*.fits"))
        assert prompt.type("print(len(query))") == "5"
    admin(tutorial_home, "start")
    assert "checksum verified" in prompt.type("raw.retrieve()")


def test_a_full_working_directory_is_told_and_holds_no_half_file(
    prompt: Prompt, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    with tiny_disk(small, "64k", busy=True):
        prompt.type("import os")
        prompt.type(f"os.chdir({str(small)!r})")
        said = prompt.type("raw.retrieve()")
        mistake(said, "DiskFull", str(small) if "/" in said else "no space", "free some")
        prompt.type("task = ReduceTask(instrument='OMEGACAM', raw_filenames=[raw.filename])")
        said = prompt.type("task.execute()")
        mistake(said.splitlines()[-1], "DiskFull", "no space", "free some")
        assert list(small.iterdir()) == []
        prompt.type(f"os.chdir({str(tmp_path)!r})")
    assert "checksum verified" in prompt.type("raw.retrieve()")


def test_a_missing_calibration_lists_what_was_ruled_out(
    prompt: Prompt, tutorial_home: Path
) -> None:
    judge = (
        f"for b in BiasFrame.chip.name == {SPOILED!r}: context.update_is_valid(b, {{}})"
    )
    as_scientist(tutorial_home, judge.format(0))
    try:
        prompt.type(f"bad = (RawScienceFrame.chip.name == {SPOILED!r}).max('DATE_OBS')")
        said = prompt.type(
            "ReduceTask(instrument='OMEGACAM', raw_filenames=[bad.filename]).execute()"
        )
        mistake(said.splitlines()[-1], "NoCalibration", "BiasFrame", SPOILED, "is_valid is 0",
                "make one with dpu.run('Bias'")  # fmt: skip
        assert prompt.type("print(len(query))") == "5"
    finally:
        as_scientist(tutorial_home, judge.format(1))


def test_a_file_name_that_does_not_exist_is_named(prompt: Prompt) -> None:
    said = prompt.type(
        "ReduceTask(instrument='OMEGACAM', raw_filenames=['no-such.fits']).execute()"
    )
    mistake(said, "NotFound", "no-such.fits")
    said = prompt.type(
        "dpu.run('Reduce', instrument='OMEGACAM', raw_filenames=['no-such.fits'], commit=True)"
    )
    mistake(said, "NotFound", "no-such.fits")
    assert prompt.type("print(len(query))") == "5"

"""The log of a product: of a run at the prompt and of a job, by levels, for nobody else."""

from __future__ import annotations

import stat

import pytest

from awe.dpu.levels import check, level_of
from awe.errors import ArgumentError, NotFound
from awe.model.science import ReducedScienceFrame
from awe.tasks.runlog import path_of

CHIP = "ESO_CCD_#65"


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("ReducedScienceFrame Sci-a.fits, median 502.8; committed", "INFO"),
        ("a.fits: WARNING: passed over, it cannot be used: gone", "WARNING"),
        ("ESO_CCD_#65: left out a.fits: its level strays", "WARNING"),
        ("a.fits: failed: no bias", "ERROR"),
        ("a.fits failed: no bias", "ERROR"),
        ("RuntimeError: at the very end", "ERROR"),
        ("Traceback (most recent call last):", "ERROR"),
        ("0 failed_frames", "INFO"),
    ],
)
def test_levels_are_told_from_lines(line, level):
    assert level_of(line) == level


def test_an_unknown_level_is_refused():
    assert check("warning") == "WARNING"
    with pytest.raises(ArgumentError, match=r"level is 'WARN'.*expected INFO, WARNING, ERROR"):
        check("WARN")


def test_a_run_at_the_prompt_leaves_a_log_of_each_product(calibrated, tmp_path, monkeypatch):
    from awe.recipes.reduce import ReduceTask

    monkeypatch.chdir(tmp_path)
    task = ReduceTask(instrument="OMEGACAM", chip=CHIP, date="2012-05-31", commit=True)
    products = task.execute()
    assert len(products) > 1
    first, second = products[:2]
    log = first.log()
    assert any(first.filename in line and line.endswith("committed") for line in log)
    assert not any(second.filename in line for line in log)
    assert all(" [Reduce] " in line for line in log)
    assert repr(log) == "\n".join(log)
    again = ReducedScienceFrame(filename=second.filename).log()
    assert any(second.filename in line for line in again)
    assert first.log(level="ERROR") == ()
    mode = path_of(first).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    path_of(first).unlink()
    with pytest.raises(NotFound, match=r"no log of .* is here that you may read"):
        first.log()


def test_a_number_without_a_file_has_a_log_too(calibrated):
    from tests.recipes.conftest import run

    [made] = run("ReadNoise", date="2012-05-31", chip=CHIP, commit=True)
    assert any("[ReadNoise]" in line for line in made.log())

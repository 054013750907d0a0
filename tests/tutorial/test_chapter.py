"""Every command of the chapter does what the chapter says it does."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits
from chapter import CHAPTER, TEXT, commands

from awe import errors

if TYPE_CHECKING:
    from conftest import Walk

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

MISTAKE = re.compile(
    rf"^({'|'.join(n for n in errors.__all__ if n != 'nearest')}): ", re.MULTILINE
)
RAW = "OMEGACAM.2012-06-01T09:18:55.636_1.fits"


def products(walk: Walk, kind: str) -> list[Path]:
    return sorted(walk.directory.glob(f"Sci-*-{kind}---Sci-*.fits"))


def check_fits(path: Path) -> None:
    with fits.open(path, checksum=True, disable_image_compression=True) as units:
        for unit in units:
            assert unit.verify_datasum() == 1, f"{path.name}: no good DATASUM"
            assert unit.verify_checksum() == 1, f"{path.name}: no good CHECKSUM"
    if shutil.which("fitsverify"):
        said = subprocess.run(
            ["fitsverify", "-q", path.name],
            cwd=path.parent,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        assert said.startswith("verification OK"), said


def test_the_chapter_is_listed_whole() -> None:
    found = [command.type for command in CHAPTER]
    assert len(found) == 40
    assert sum(command.endswith("raw_filenames=filenames, commit=True)") for command in found) == 2
    assert len([command for command in found if "\n" in command]) == 3


@pytest.mark.skipif(not TEXT.exists(), reason=f"the text of the chapter is not there: {TEXT}")
def test_the_list_is_what_the_text_prints() -> None:
    assert [command.type for command in CHAPTER] == commands(TEXT.read_text())
    page = [line.strip() for line in TEXT.read_text().split("\n")]
    start = next(i for i, line in enumerate(page) if "Project:     OMEGACAM@VST" in line)
    assert list(CHAPTER[0].lines) == page[start : start + 7]


def test_every_command_gives_what_it_must(walk: Walk) -> None:
    lost = {c.type: missing for c, output in walk.typed if (missing := c.missing(output))}
    assert not lost


def test_no_command_ends_in_an_error(walk: Walk) -> None:
    for command, output in walk.typed:
        assert "Traceback" not in output, f"{command.type}\n{output}"
        assert not MISTAKE.search(output), f"{command.type}\n{output}"


def test_the_current_project_is_printed_in_the_chapter_s_layout(walk: Walk) -> None:
    printed = walk.said("print(context.get_current_project())").split("\n")
    assert [line.strip() for line in printed] == list(CHAPTER[0].lines)
    assert printed[0] == "   Project:     OMEGACAM@VST  (id = 36)"
    assert printed[-1] == "   Current Privileges: 1 (MyDB)"


def test_the_queries_find_160_and_5(walk: Walk) -> None:
    assert walk.said("len(query)", 0) == "160"
    assert walk.said("len(query)", 1) == "5"


def test_info_is_about_the_last_frame(walk: Walk) -> None:
    said = walk.said("raw.info()")
    assert RAW in said
    assert "2012-06-01 09:18:55.636" in said
    assert "OCAM_r_SDSS" in said


def test_the_loop_prints_dates_filters_and_maxima_in_order(walk: Walk) -> None:
    lines = walk.said("for r in query: print").split("\n")
    assert len(lines) == 5
    dates = [datetime.fromisoformat(" ".join(line.split()[:2])) for line in lines]
    assert dates == sorted(dates)
    assert all(line.split()[2] == "OCAM_r_SDSS" for line in lines)
    assert all(1000 < float(line.split()[3]) <= 65535 for line in lines)


def test_retrieve_leaves_a_valid_file(walk: Walk) -> None:
    assert "checksum verified" in walk.said("raw.retrieve()")
    check_fits(walk.directory / RAW)
    with fits.open(walk.directory / RAW) as units:
        pixels = next(unit.data for unit in units if unit.data is not None)
        assert pixels.ndim == 2
        assert pixels.max() == 65535


@pytest.mark.parametrize("command", ["raw.inspect()", "qred[0].inspect()", "red.bias.raw_bias"])
def test_inspect_draws_a_picture_and_says_where(walk: Walk, command: str) -> None:
    from matplotlib import image

    said = re.search(r"no display: wrote (\S+\.png)", walk.said(command))
    assert said
    drawn = image.imread(said[1])
    assert drawn.shape[0] > 400
    assert np.unique(drawn[..., 0]).size > 20


def test_help_lists_the_keys(walk: Walk) -> None:
    said = walk.said("help(raw.inspect)")
    assert re.search(r"^\s+w  3-D wire-frame", said, re.MULTILINE)
    assert re.search(r"^\s+q  close", said, re.MULTILINE)


def test_both_dpu_runs_finish_and_commit_five_frames_each(walk: Walk) -> None:
    assert "submitted" in walk.said("dpu.run", 0)
    assert "submitted" in walk.said("dpu.run", 1)
    assert re.search(r"Reduce", walk.said("dpu.get_status()"))
    logs = walk.said("dpu.get_logs()")
    assert logs.count("5 of 5 done") >= 2
    # other sessions of this account have jobs of the same day
    jobs = [_job(walk.said("dpu.run", nth)) for nth in (0, 1)]
    assert walk.ask(f"print([len(dpu.get_job_result(job)) for job in {jobs}])") == "[5, 5]"
    assert walk.ask(f"print({set(jobs)} <= set(dpu.get_jobids(days=1)))") == "True"


def _job(said: str) -> int:
    found = re.search(r"job (\d+) submitted", said)
    assert found, said
    return int(found[1])


def test_the_logs_are_in_one_dated_file(walk: Walk) -> None:
    files = list(walk.directory.glob("*.log"))
    assert len(files) == 1
    datetime.fromisoformat(files[0].stem)
    assert files[0].read_text().count("committed") == 10


def test_finished_jobs_are_not_cancelled(walk: Walk) -> None:
    said = walk.said("for jobid in dpu.get_jobids()")
    assert said.count("nothing to cancel") == 2


@pytest.mark.parametrize("nth", [0, 1])
def test_local_tasks_print_one_line_per_committed_frame(walk: Walk, nth: int) -> None:
    assert walk.said("task.execute()", nth).count("; committed") == 5


def test_products_are_left_in_the_working_directory_and_are_valid(walk: Walk) -> None:
    frames = products(walk, "Red")
    assert len(frames) == 10
    assert len(products(walk, "Weight")) == 10
    check_fits(frames[0])
    check_fits(products(walk, "Weight")[0])


def test_weight_is_zero_exactly_where_a_reason_is_given(walk: Walk) -> None:
    pairs = walk.ask(
        "for red in ReducedScienceFrame.select_all():\n"
        "    print(red.filename, red.weight.filename)"
    )
    here = [line.split() for line in pairs.splitlines()]
    here = [names for names in here if (walk.directory / names[0]).exists()]
    assert len(here) >= 10
    for frame, weights in here:
        with (
            fits.open(walk.directory / frame) as units,
            fits.open(walk.directory / weights) as weight,
        ):
            flags = units["MASK"].data
            assert 0 < np.count_nonzero(flags) < flags.size / 2
            assert np.array_equal(weight["IMAGE"].data == 0, flags != 0)


def test_products_are_the_student_s_own_at_level_one(walk: Walk) -> None:
    mine = "ReducedScienceFrame.select_all().project_only('TUTORIAL2015').user_only()"
    assert walk.ask(f"print(len({mine}), {{r._privileges for r in {mine}}})") == "20 {1}"


def test_nobody_else_sees_them(walk: Walk) -> None:
    import json

    secrets = json.loads((walk.home / "services" / "secrets.json").read_text())
    other = {"database_user": "awscientist", "database_password": secrets["awscientist"]}
    code = "print(len(RawScienceFrame.select_all()), len(ReducedScienceFrame.select_all()))"
    from prompt_process import AWE, environment

    done = subprocess.run(
        [AWE, "-c", code],
        env=environment(walk.home, project="OMEGACAM@VST", **other),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "160 0"


def test_both_styles_of_narrowing_find_the_newest_frame(walk: Walk) -> None:
    assert walk.said("qred.project_only()").startswith("4 ReducedScienceFrame")
    assert walk.said("qred.user_only()").startswith("4 ReducedScienceFrame")
    newest = walk.ask(
        "raws = RawScienceFrame.chip.name == 'ESO_CCD_#65'\n"
        "q = (ReducedScienceFrame.raw == raws[0]).project_only().user_only()\n"
        "print(q.max('creation_date').filename)"
    )
    assert newest in {path.name for path in products(walk, "Red")[5:]}
    said = walk.said("qred[0].inspect()")
    assert newest.removesuffix(".fits") in said


def test_calibrations_were_chosen_from_the_calibration_scientist(walk: Walk) -> None:
    for command, name in (("qred[0].bias.info()", "Bias"), ("qred[0].flat.info()", "Mflat")):
        said = walk.said(command)
        assert f"-{name}---Cal-" in said
        assert "SCIENTIST" in said
        assert "OMEGACAM@VST" in said
        assert "4 (World)" in said


def test_help_on_the_task_lists_its_arguments(walk: Walk) -> None:
    said = walk.said("help(ReduceTask)")
    for argument in ("instrument", "raw_filenames", "template", "chip", "pars", "commit"):
        assert re.search(rf"\b{argument}\b", said)


def test_parameters_are_shown_set_and_returned(walk: Walk) -> None:
    assert "+--FRINGE_THRESHOLD_HIGH: 5.0" in walk.said("p.show()")
    assert walk.said("p.get()") == (
        "{'ReducedScienceFrame.process_params.FRINGE_THRESHOLD_HIGH': 6.0}"
    )


def test_a_dry_run_commits_nothing_but_leaves_its_files(walk: Walk) -> None:
    before = len(products(walk, "Red"))
    code = (
        "n = len(ReducedScienceFrame.select_all())\n"
        f"ReduceTask(instrument='OMEGACAM', raw_filenames=['{RAW}']).execute()\n"
        "print(len(ReducedScienceFrame.select_all()) - n)"
    )
    assert walk.ask(code).splitlines()[-1] == "0"
    assert len(products(walk, "Red")) == before + 1

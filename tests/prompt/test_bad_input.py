"""What goes wrong at a prompt: one line each that says what to do, and the prompt goes on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prompt_faults import admin, kill, mistake, tiny_disk
from prompt_process import PATIENCE, Prompt

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

def test_a_foreign_project_is_refused_by_name_and_the_old_one_stays(
    prompt: Prompt, awe_home: Path
) -> None:
    if "FOREIGN" not in admin(awe_home, "project", "list"):
        admin(awe_home, "project", "add", "FOREIGN")
    said = prompt.type("context.set_project('FOREIGN')")
    mistake(said, "ProjectUnknown", "FOREIGN", "not a member", "TUTORIAL2015", "ask its manager")
    said = prompt.type("context.set_project('TUTORIAL2051')")
    mistake(said, "ProjectUnknown", "'TUTORIAL2051'; did you mean 'TUTORIAL2015'? your projects")
    said = prompt.type("context.set_privileges(7)")
    mistake(said, "ArgumentError", "7", "1 (MyDB)")
    assert "OMEGACAM@VST" in prompt.type("print(context.get_current_project())")


def test_changing_place_tells_what_holds_now(prompt: Prompt) -> None:
    said = prompt.type("context.set_project('TUTORIAL2015')")
    assert re.fullmatch(r"project TUTORIAL2015 \(id = \d+\), privileges 1 \(MyDB\): only.*", said)
    said = prompt.type("context.set_privileges(2)")
    assert "privileges 2 (Project): members of the project see" in said


@pytest.mark.parametrize(
    ("typed", "kind", "words"),
    [
        ("RawScienceFrame(filename='no-such.fits')", "NotFound", ("no-such.fits",)),
        ("(RawScienceFrame.is_valid > 0).max('NO_SUCH')", "AttributeUnknown", ("NO_SUCH",)),
        ("RawScienceFrame.filtr == 'x'", "AttributeUnknown", ("filtr", "did you mean 'filter'")),
        ("ReduceTask(instrument='OMEGACAM', raw_filename=[])", "ArgumentError",
         ("raw_filename", "did you mean 'raw_filenames'")),
        ("Pars('Redcue', instrument='OMEGACAM')", "", ("Redcue", "Reduce")),
        ("dpu.cancel_job(987654)", "JobUnknown", ("987654",)),
    ],
)  # fmt: skip
def test_a_wrong_word_is_one_line(
    prompt: Prompt, typed: str, kind: str, words: tuple[str, ...]
) -> None:
    said = prompt.type(typed)
    mistake(said, kind or said.partition(":")[0], *words)
    assert prompt.type("6 * 7") == "42"


def test_a_killed_database_is_back_with_the_next_command(prompt: Prompt, awe_home: Path) -> None:
    prompt.type("context.set_project('TUTORIAL2015')")
    kill(awe_home, "cluster")
    said = prompt.type("len(RawScienceFrame.select_all())", timeout=PATIENCE)
    assert said.splitlines()[-1] == "0"
    assert "Traceback" not in said
    assert "TUTORIAL2015" in prompt.type("print(context.get_current_project())")


def test_a_database_brought_back_by_the_administrator_serves_the_same_prompt(
    prompt: Prompt, awe_home: Path
) -> None:
    prompt.type("len(RawScienceFrame.select_all())", timeout=PATIENCE)
    kill(awe_home, "cluster")
    admin(awe_home, "start")
    assert prompt.type("len(RawScienceFrame.select_all())", timeout=PATIENCE) == "0"


def test_a_full_file_server_is_told_and_leaves_nothing(
    prompt: Prompt, awe_home: Path, tmp_path: Path
) -> None:
    (tmp_path / "map.fits").write_bytes(bytes(2880))
    prompt.type("map_ = HotPixelMap(); map_.filename = map_.pathname = 'map.fits'")
    with tiny_disk(awe_home / "files", "1m", busy=True):
        said = prompt.type("map_.store()", timeout=PATIENCE)
        mistake(said, "DiskFull", "no space on the file server", "map.fits", "free some")
        assert list((awe_home / "files").iterdir()) == []
    prompt.type("map_.store()", timeout=PATIENCE)
    assert prompt.type("print(bool(map_.file))") == "True"

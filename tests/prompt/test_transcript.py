"""A session is written as a script, which can be run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prompt_process import Prompt


def test_a_session_is_written_and_run_again(prompt: Prompt, awe: Any, tmp_path: Path) -> None:
    prompt.type("before = 6 * 7")
    assert "this session is written to" in prompt.type("transcript('night.py')")
    prompt.type("before + 1")
    prompt.type("RawScienceFrame.filtre")
    prompt.type("%time 1 + 1")
    prompt.type("number = len(RawScienceFrame.select_all())")
    prompt.type("ids = dpu.run('ReadNoise', instrument='OMEGACAM', raw_filenames=['x.fits'])")
    prompt.type("print(before, number)")
    assert "is there already" in prompt.type("transcript('night.py')")
    assert "is written to" in prompt.type("transcript('other.py')")
    assert "ended" in prompt.type("transcript()")
    assert "is there already" in prompt.type("transcript('night.py')")
    prompt.type("after = 1")
    text = (tmp_path / "night.py").read_text()
    lines = text.splitlines()
    assert lines[0].startswith("# awe ")
    assert lines[0].endswith("run it again: awe night.py")
    assert lines[1].startswith("context.set_project('")
    assert lines.index("before = 6 * 7") < lines.index("before + 1")
    assert lines[lines.index("before + 1") + 1] == "# 43"
    assert lines[lines.index("# RawScienceFrame.filtre") + 1].startswith("# AttributeUnknown: ")
    assert "# %time 1 + 1" in lines
    assert "after" not in text
    assert "transcript(" not in text
    done = awe("night.py")
    assert done.returncode == 0, done.stderr
    assert "42 0\n" in done.stdout


def test_a_script_has_no_transcript(awe: Any) -> None:
    done = awe("-c", "transcript('night.py')")
    assert done.returncode == 1
    assert "Refused: transcript() writes down what is typed at a prompt" in done.stderr


@pytest.mark.parametrize("name", ["/proc/night.py", "no/folder/night.py"])
def test_a_file_that_cannot_be_written_is_told(prompt: Prompt, name: str) -> None:
    assert "cannot be written" in prompt.type(f"transcript({name!r})")

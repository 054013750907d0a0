"""Man pages and completion in the shell, made from the parsers of the three commands."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from awe.admin.manual import COMMANDS, completion, page
from awe.errors import ArgumentError

BIN = Path(sys.executable).parent


def test_every_page_has_its_command_and_every_option(tmp_path: Path) -> None:
    done = subprocess.run([BIN / "awe-admin", "manual", tmp_path], capture_output=True, text=True,
                          timeout=60, check=True)  # fmt: skip
    assert done.stdout.count("\n") == len(COMMANDS)
    for name, parser in COMMANDS.items():
        text = (tmp_path / "man1" / f"{name}.1").read_text()
        assert text.startswith(".TH ")
        for action in parser()._actions:
            options = set(action.option_strings) - {"-h", "--help"}
            for option in options:
                assert option in text.replace("\\-", "-"), f"{name} {option}"
    if shutil.which("man"):
        shown = subprocess.run(["man", "-l", tmp_path / "man1" / "awe-admin.1"], timeout=60,
                               capture_output=True, text=True, check=True)  # fmt: skip
        assert "Look after an awe installation" in shown.stdout


def test_a_page_names_the_nouns_of_awe_admin() -> None:
    assert "comments" not in page("awe")
    assert "quota" in page("awe-admin")


def completed(line: str, directory: Path) -> set[str]:
    """What bash offers after a line."""
    words = line.split(" ")
    script = f"""
{completion("bash")}
COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}
COMP_LINE={line!r}; COMP_POINT={len(line)}
$(complete -p {words[0]} | sed 's/.*-F \\([^ ]*\\).*/\\1/') {words[0]} {words[-1]!r}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "--norc", "-c", script], cwd=directory, capture_output=True,
                          text=True, timeout=60, check=True)  # fmt: skip
    return set(done.stdout.split())


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_completes_nouns_options_and_scripts(tmp_path: Path) -> None:
    (tmp_path / "reduce.py").write_text("")
    assert {"backup", "kernel", "manual"} <= completed("awe-admin ", tmp_path)
    assert completed("awe-admin kern", tmp_path) == {"kernel"}
    assert "--tutorial" in completed("awe --tu", tmp_path)
    assert "reduce.py" in completed("awe red", tmp_path)
    assert "--headers" in completed("awe-ingest --he", tmp_path)


def test_zsh_has_its_own_and_another_shell_is_told() -> None:
    assert "#compdef" in completion("zsh")
    with pytest.raises(ArgumentError, match=r"there is bash, zsh, tcsh$"):
        completion("fish")

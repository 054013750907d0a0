"""`%load_ext awe` in a plain `ipython`, typed at on a pseudo-terminal."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from prompt_process import CODES, PATIENCE, environment, hang_up

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]


class PlainIPython:
    """The `ipython` of this python, with a directory of its own."""

    def __init__(self, home: Path, directory: Path) -> None:
        self.child = pexpect.spawn(
            sys.executable, ["-m", "IPython", "--no-banner", "--no-tip"],
            env=environment(home, IPYTHONDIR=str(directory / "ipython")), cwd=str(directory),
            encoding="utf-8", timeout=PATIENCE, dimensions=(60, 200),
        )  # fmt: skip
        self.child.expect("In ")
        time.sleep(0.5)

    def type(self, line: str) -> str:
        """Type a line and return what it printed."""
        marker = f"end-{time.monotonic_ns()}"
        self.child.send(line + "\r")
        time.sleep(0.3)
        self.child.send(f"print('{marker[:4]}' + '{marker[4:]}')\r")
        self.child.expect(re.compile(rf"{marker}\r?\n"))
        text = CODES.sub("", self.child.before or "")
        kept = [p for p in text.split("\n") if not re.match(r"\s*In |.*print\('end-", p)]
        return "\n".join(kept).strip()

    def completed(self, text: str) -> str:
        """Type a text and Tab; return the line as it stands then."""
        self.child.send(text + "\t")
        time.sleep(2)
        self.child.send("\x05)\x01keep = r'''\x05'''\r")
        said = self.type("print('[' + keep + ']')")
        return said.splitlines()[-1]


@pytest.fixture
def ipython(awe_home: Path, tmp_path: Path) -> Iterator[PlainIPython]:
    opened = PlainIPython(awe_home, tmp_path)
    yield opened
    hang_up(opened.child)


def test_a_plain_ipython_gets_what_the_prompt_has_and_gives_it_back(
    ipython: PlainIPython,
) -> None:
    ipython.type("datetime, mine = 'my own', 5")
    assert "awe: AW" in ipython.type("%load_ext awe")
    assert "AttributeUnknown: RawScienceFrame has no attribute 'nix'" in ipython.type(
        "RawScienceFrame.nix == 3"
    )
    assert "Traceback" in ipython.type("%traceback")
    assert "Traceback" in ipython.type("%tb")
    assert "did you mean 'ReduceTask'?" in ipython.type("Reduc")
    assert "Traceback" in ipython.type("1 / 0")
    assert "RawScienceFrame" not in ipython.type("%whos")
    assert "do the tutorial" in ipython.type("awe_help()")
    assert "21" in ipython.type("awe> 20 + 1")
    drawn = ipython.type("import matplotlib.pyplot as plt; h = plt.hist([1, 2, 2])")
    assert "the figure is drawn" in drawn
    assert "NotFound: nothing" in ipython.type("raise NotFound('nothing')")
    assert ipython.completed("print(RawScienceFrame.templ") == "[print(RawScienceFrame.template)]"
    assert "'awe> '" in ipython.type("%config Awe.prompt")
    ipython.type("%unload_ext awe")
    assert "NameError" in ipython.type("RawScienceFrame")
    assert "did you mean 'ReduceTask'" not in ipython.type("Reduc")
    assert "Line magic function `%traceback` not found" in ipython.type("%traceback")
    assert "('my own', 5)" in ipython.type("datetime, mine")
    assert "name 'awe' is not defined" in ipython.type("awe> 20 + 1")
    assert ipython.type("get_ipython().Completer.use_jedi").endswith("True")
    assert "awe: AW" in ipython.type("%load_ext awe")
    assert ipython.type("len(RawScienceFrame.select_all())").endswith("0")

"""awe's completions in a real IPython shell: what IPython makes of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

#: A shell of its own, because one makes itself the main module of its process.
SHELL = """
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from awe.config import Environment
from awe.prompt import matchers, namespace

shell = InteractiveShell(user_ns=dict(namespace.build(Environment.load())))
matchers.install(shell)
for text in [
    "x = 'abc",
    "BiasTask(instrument='OMEGACAM', date='",
    "RawScienceFrame.template.start == '",
    "RawScienceFrame.DATE_OBS.night('2012",
    "open('nowhere/",
    "BiasTask(instrument='OMEGACAM', date='",
    "dpu.run('Redu",
]:
    with provisionalcompleter():
        found = [one.text for one in shell.Completer.completions(text, len(text))]
    print(found)
"""


def test_tab_where_nothing_can_be_offered_leaves_the_next_tab_alone(tmp_path: Path) -> None:
    """IPython writes into the answer it is given: an answer is used once."""
    home = {"AWE_HOME": str(tmp_path / "home"), "IPYTHONDIR": str(tmp_path / "ipython")}
    done = subprocess.run(
        [sys.executable, "-c", SHELL], cwd=tmp_path, env=os.environ | home,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]"] * 6 + ["['Reduce']"]

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
from awe.prompt import namespace, tab
from awe.prompt.traits import Awe

shell = InteractiveShell(user_ns=dict(namespace.build(Environment.load())))
tab.install(shell, Awe(parent=shell), lambda: None)
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


ADDED = """
import sys

import numpy as np
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from awe.config import Environment
from awe.db.server.connection import Database
from awe.model.data import DataObject
from awe.prompt import namespace, tab
from awe.prompt.traits import Awe

def touched(*_):
    print("TOUCHED")
    raise AssertionError

Database.execute = DataObject._here = touched  # whoever completes must not come here

class Loud:
    plain = [1]

    @property
    def loud(self):
        touched()

    def method(self, alpha, beta=1): ...

shell = InteractiveShell.instance(user_ns=dict(namespace.build(Environment.load())))
names = shell.user_ns
raw = names["RawScienceFrame"]()
raw.filename = "a.fits"
holder = Loud()
holder.raw = raw
names.update(
    np=np, s="abc", d={"key": [1]}, loud=Loud(), raw=raw, frames=[raw], holder=holder,
    query=names["RawScienceFrame"].select_all(), image=np.zeros((2, 2)),
)
shell.Completer.use_jedi = False
settings = Awe(parent=shell)
tab.install(shell, settings, lambda: None)
for text in eval(sys.argv[1]):
    if text == "off":
        settings.completion = False
        continue
    with provisionalcompleter():
        found = [
            text[: one.start] + one.text for one in shell.Completer.completions(text, len(text))
        ]
    print(repr(sorted(found)))
"""


def completed(tmp_path: Path, texts: list[str]) -> list[list[str]]:
    """What each text, up to the cursor, may become."""
    home = {"AWE_HOME": str(tmp_path / "home"), "IPYTHONDIR": str(tmp_path / "ipython")}
    done = subprocess.run(
        [sys.executable, "-c", ADDED, repr(texts)], cwd=tmp_path, env=os.environ | home,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "TOUCHED" not in done.stdout
    assert done.stderr == ""
    return [eval(line) for line in done.stdout.splitlines()]


def test_what_awe_does_not_know_completes_as_in_ipython(tmp_path: Path) -> None:
    wanted = {
        "np.zeros(3).argso": "np.zeros(3).argsort",
        "(np.zeros(3) + 1).argso": "(np.zeros(3) + 1).argsort",
        "s.upper().capi": "s.upper().capitalize",
        "'a'.upper().capi": "'a'.upper().capitalize",
        "[1].app": "[1].append",
        "{}.ke": "{}.keys",
        "d['key'].app": "d['key'].append",
        "d['k": "d['key",
        "np.linspace(0, 1, endp": "np.linspace(0, 1, endpoint=",
        "loud.method(al": "loud.method(alpha=",
        "loud.plain.app": "loud.plain.append",
        "%timei": "%timeit",
        "open('/etc/host": "open('/etc/hosts",
        "import colors": "import colorsys",
        "x = [1]\nx.app": "x = [1]\nx.append",
        "f'{s.capi": "f'{s.capitalize",
        "image[0].argso": "image[0].argsort",
        "\\alph": "\\alpha",
    }
    found = dict(zip(wanted, completed(tmp_path, list(wanted)), strict=True))
    missing = {text: found[text] for text, name in wanted.items() if name not in found[text]}
    assert not missing


def test_what_awe_knows_completes_without_the_database_or_the_file(tmp_path: Path) -> None:
    wanted = {
        "raw.data.argso": "raw.data.argsort",
        "(raw.data - 1).argso": "(raw.data - 1).argsort",
        "frames[0].data.argso": "frames[0].data.argsort",
        "holder.raw.data.argso": "holder.raw.data.argsort",
        "query[0].data.argso": "query[0].data.argsort",
        "query.max('DATE_OBS').data.argso": "query.max('DATE_OBS').data.argsort",
        "raw.filename.capi": "raw.filename.capitalize",
        "raw.filename.upper().capi": "raw.filename.upper().capitalize",
        "query[0].filename.upper().capi": "query[0].filename.upper().capitalize",
        "raw.url().capi": "raw.url().capitalize",
        "context.get_current_project().is_m": "context.get_current_project().is_mine",
        "f'{raw.filena": "f'{raw.filename",
        "x = list(query)\ns.capi": "x = list(query)\ns.capitalize",
    }
    found = dict(zip(wanted, completed(tmp_path, list(wanted)), strict=True))
    missing = {text: found[text] for text, name in wanted.items() if name not in found[text]}
    assert not missing


def test_nothing_expensive_is_evaluated_for_a_tab(tmp_path: Path) -> None:
    texts = ["loud.loud.", "list(query)[0].", "sorted(query)[0].", "[r for r in query][0].x",
             "raw.data.mean().", "frames[0].data.mean().", "holder.raw.data.mean().",
             "x = list(query)\nx.", "raw.data['", "dict(a=query)['a'].",
             "raw.bias.x.y."]  # fmt: skip
    assert completed(tmp_path, texts) == [[]] * len(texts)


def test_awe_s_answers_can_be_switched_off(tmp_path: Path) -> None:
    on, off = completed(tmp_path, ["dpu.run('Redu", "off", "dpu.run('Redu"])
    assert on == ["dpu.run('Reduce"]
    assert "dpu.run('Reduce" not in off

"""What a notebook shows as HTML: tables of what the prompt prints, and the picture of a frame."""

from __future__ import annotations

import html
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from prompt_process import AWE, PATIENCE, environment

pytestmark = pytest.mark.services

CODE = """
import json
raw = (RawScienceFrame.chip.name == 'ESO_CCD_#65').max('DATE_OBS')
bias = (BiasFrame.chip.name == 'ESO_CCD_#65')[0]
pars = Pars('Reduce', instrument='OMEGACAM')
pars.ReducedScienceFrame.process_params.IMAGE_THRESHOLD = 4.5
raw.comment('<b>cloud</b>')
things = dict(
    lineage=bias.lineage(), calibrations=calibrations('OMEGACAM', chip='ESO_CCD_#65'), pars=pars,
    context=context, project=context.get_current_project(), stale=bias.why_stale(), raw=raw,
    comments=raw.comments, why=MasterFlatFrame.select_all()[0].why(),
)
json.dump({name: [repr(thing), thing._repr_html_()] for name, thing in things.items()},
          open('shown.json', 'w'))
"""


class Tags(HTMLParser):
    """What is open at the end, and which tags there were."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def shown(tutorial_home: Path, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("shown")
    done = subprocess.run(
        [AWE, "-c", CODE], env=environment(tutorial_home), cwd=folder, capture_output=True,
        text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "shown.json").read_text())


WORDS = {
    "lineage": ["bias_frames", "RawBiasFrame"],
    "calibrations": ["BiasFrame", "====", "chosen"],
    "pars": ["IMAGE_THRESHOLD", "4.5", "default"],
    "context": ["1 (MyDB)"],
    "project": ["OMEGACAM@VST", "4 (World)"],
    "stale": ["up to date"],
    "raw": ["EXPTIME", "360 s"],
    "comments": ["<b>cloud</b>"],
    "why": ["may be chosen", "*"],
}


@pytest.mark.parametrize("name", WORDS)
def test_html_has_the_words_and_ends_what_it_begins(shown, name: str) -> None:
    text = shown[name][1]
    words = html.unescape(re.sub(r"<[^>]*>", " ", text))
    for word in WORDS[name]:
        assert word in words, f"{name}: {word}"
    tags = Tags(text)
    assert not tags.open
    assert tags.tags <= {"table", "caption", "tr", "th", "td", "p", "ul", "li", "pre", "img"}


def test_a_frame_shows_its_picture(shown) -> None:
    assert '<img alt="preview" src="data:image/png;base64,iVBOR' in shown["raw"][1]


def test_status_in_a_kernel_is_html_and_text_elsewhere(monkeypatch, capsys) -> None:
    import sys
    from types import SimpleNamespace

    from awe import terminal

    terminal.show("text", "<p>html</p>")
    assert capsys.readouterr().out == "text\n"
    published: list[dict[str, str]] = []
    shell = SimpleNamespace(kernel=1, display_pub=SimpleNamespace(publish=published.append))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    terminal.show("text", "<p>html</p>")
    assert published == [{"text/plain": "text", "text/html": "<p>html</p>"}]

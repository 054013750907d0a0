"""Blocks of Python and of configuration on the pages, each run or read as the page means it.

Python that begins `import` is a script of `python`, or of pytest where it imports that; other
Python is typed by somebody at the prompt, all of a page in one session. A block whose first line
names a file is put there. TOML is read by the loader it is for. What cannot run here says why on
the page, and the reasons are counted.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import reader_camera
from pages import DOCS, README, REASONS, account
from prompt_process import AWE, Prompt, environment, installation

from awe.instruments._described import described

BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+?) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
#: Languages of blocks that other tests run, and what is no language of a program.
OTHERS = {"awe", "sh", "console", "text"}


@dataclass(frozen=True)
class Block:
    """A block of a page; `reason` says why nobody can run it, or is empty."""

    kind: str
    text: str
    reason: str


def blocks_of(page: str) -> list[Block]:
    """The blocks of a page that this module runs or reads, in order."""
    found = BLOCK.finditer((DOCS / page).read_text())
    return [Block(one["kind"], one["text"], one["reason"] or "") for one in found
            if one["kind"] not in OTHERS]  # fmt: skip


def python_of(page: str) -> list[str]:
    """The texts of the blocks of Python of a page that are run."""
    return [one.text for one in blocks_of(page) if one.kind == "python" and not one.reason]


def toml_of(page: str) -> list[str]:
    return [one.text for one in blocks_of(page) if one.kind == "toml"]


PAGES = {
    Path(os.path.relpath(path, DOCS)).as_posix() for path in [README, *DOCS.rglob("*.md")]
}
#: Number of blocks of each page; who adds one adds how it is run.
COUNTED = {
    "howto/ingest.md": 2,
    "howto/own-camera.md": 7,
    "howto/own-recipe.md": 1,
    "howto/pars.md": 1,
    "howto/prompt.md": 2,
    "howto/scripts.md": 2,
    "howto/validity.md": 1,
}


def test_every_block_is_counted_and_what_is_not_run_has_a_reason() -> None:
    found = {page: blocks_of(page) for page in PAGES}
    assert {page: len(read) for page, read in found.items() if read} == COUNTED
    reasons = Counter(one.reason for read in found.values() for one in read)
    del reasons[""]
    assert reasons == {"it takes an archive in the net": 1}
    assert set(reasons) <= set(REASONS)


def ran(arguments: list[str | Path], home: Path, work: Path, **more: str) -> str:
    """Run a command in a directory; return what it printed, which must be no mistake."""
    found = environment(home, MPLBACKEND="agg", TQDM_DISABLE="1", **more)
    found["PATH"] = f"{Path(sys.executable).parent}:{found['PATH']}"
    done = subprocess.run(arguments, env=found, cwd=work, capture_output=True, text=True,
                          timeout=600, stdin=subprocess.DEVNULL, check=False)  # fmt: skip
    told = f"{arguments}\n{done.stdout}{done.stderr}"
    assert done.returncode == 0, told
    assert "Traceback" not in told, told
    return done.stdout


@pytest.fixture(scope="module")
def fresh() -> Iterator[Path]:
    """A place for an installation that its first command makes."""
    with installation("blocks") as home:
        yield home


@pytest.mark.services
@pytest.mark.timeout(900)
class TestOnTheNight:
    """Pages whose frames are those of the tutorial night."""

    @pytest.mark.parametrize("page", ["howto/prompt.md", "howto/scripts.md"])
    def test_scripts_of_python(self, page: str, tutorial_home: Path, tmp_path: Path) -> None:
        login = account(tutorial_home, f"python_{Path(page).stem}")
        run = 0
        for number, text in enumerate(python_of(page)):
            path = tmp_path / f"test_block{number}.py"
            path.write_text(text)
            if "import awe\n" in text:
                how = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if "pytest" in text else []
                ran([sys.executable, *how, path], tutorial_home, tmp_path, **login)
                run += 1
        assert run == {"howto/prompt.md": 1, "howto/scripts.md": 2}[page]

    def test_the_bias_with_another_limit(self, tutorial_home: Path, tmp_path: Path) -> None:
        [text] = python_of("howto/validity.md")
        path = tmp_path / "page.py"
        path.write_text(text)
        login = account(tutorial_home, "python_validity")
        printed = ran([AWE, path], tutorial_home, tmp_path, project="TUTORIAL2015", **login)
        assert re.search(r"^BiasFrame .*; committed$", printed, re.MULTILINE), printed

    def test_the_recipe_of_ones_own(self, tutorial_home: Path, tmp_path: Path) -> None:
        [text] = python_of("howto/own-recipe.md")
        assert text.startswith("# ~/.awe/recipes/cleanbias.py\n")
        own = tmp_path / "recipes"
        own.mkdir()
        (own / "cleanbias.py").write_text(text)
        login = account(tutorial_home, "python_recipe")
        printed = ran(
            [AWE, "-c", "[bias] = CleanBiasTask(i='OMEGACAM', d='2012-05-31', c='ESO_CCD_#65')"
             ".execute(); print(bias.recipe, abs(bias.imstat.median) < 1)"],
            tutorial_home, tmp_path, project="TUTORIAL2015", AWE_RECIPES=str(own), **login,
        )  # fmt: skip
        assert re.search(r"^own recipe CleanBias [0-9a-f]{8}, awe \S+ True$", printed, re.M)

    def test_parameters_of_a_file(self, tutorial_home: Path, tmp_path: Path) -> None:
        [text] = toml_of("howto/pars.md")
        (tmp_path / "reduce.toml").write_text(text)
        code = "p = Pars.load('reduce.toml'); print(p.get()); p.save('again.toml');"
        code += "print(Pars.load('again.toml').get() == p.get())"
        printed = ran([AWE, "-c", code], tutorial_home, tmp_path, project="TUTORIAL2015")
        assert "FRINGE_THRESHOLD_HIGH': 6.0" in printed
        assert printed.endswith("True\n")


@pytest.mark.services
@pytest.mark.timeout(900)
class TestOfAReader:
    """Pages whose frames are the reader's own, in a fresh installation."""

    def test_from_a_folder_of_files_to_a_reduced_frame(self, fresh: Path, tmp_path: Path) -> None:
        text = (DOCS / "howto" / "own-camera.md").read_text()
        section = text.split("## From a folder of files")[1].split("\n## ")[0]
        lines = [line.removeprefix("$ ") for line in section.splitlines() if line[:2] == "$ "]
        assert len(lines) == 6
        reader_camera.write(tmp_path / "night")
        for line in lines:
            if not line.startswith("nano "):
                ran(["bash", "-c", line], fresh, tmp_path)
        (tmp_path / "page.py").write_text("\n".join(python_of("howto/own-camera.md")))
        printed = ran([AWE, "page.py"], fresh, tmp_path)
        assert len(re.findall(r"^ReducedScienceFrame .*; committed$", printed, re.M)) == 2
        assert len(re.findall(r"^BiasFrame .*; committed$", printed, re.M)) == 2
        assert list(tmp_path.glob("Sci-*.inspect.png"))

    def test_headers_of_a_folder(self, fresh: Path, tmp_path: Path) -> None:
        reader_camera.write(tmp_path / "night")
        [text] = python_of("howto/ingest.md")
        (tmp_path / "page.py").write_text(f"{text.rstrip()}\nprint(len(table), table.colnames)\n")
        assert ran([sys.executable, "page.py"], fresh, tmp_path).startswith("22 ['file', ")

    def test_configuration_of_the_prompt(self, fresh: Path, tmp_path: Path) -> None:
        [text] = [text for text in python_of("howto/prompt.md") if "import awe" not in text]
        assert text.startswith("# AWE_HOME/prompt/ipython_config.py\n")
        (fresh / "prompt").mkdir(parents=True, exist_ok=True)
        ran([AWE, "-c", "pass"], fresh, tmp_path)
        # the prompt of the tests waits for `awe> `
        assert "c.Awe.prompt = '{project} [{n}]> '" in text
        kept = text.replace("'{project} [{n}]> '", "'{project} [{n}] awe> '")
        (fresh / "prompt" / "ipython_config.py").write_text(kept)
        prompt = Prompt(fresh, tmp_path, project="OMEGACAM@VST")
        try:
            assert "Welcome" not in prompt.banner
            assert prompt.banner.rstrip().endswith("OMEGACAM@VST [1]"), prompt.banner
            assert "'Context'" in prompt.type("get_ipython().InteractiveTB.mode")
            loaded = prompt.type("[*get_ipython().extension_manager.loaded]")
            assert "autoreload" in loaded.splitlines()[-1]
        finally:
            prompt.close()
        shutil.rmtree(fresh / "prompt")


def test_descriptions_of_cameras_are_read() -> None:
    whole, amplifiers, of_cards, crosstalk, bayer = toml_of("howto/own-camera.md")
    begin, end = whole.index("[chip]"), whole.index("[filters]")

    def read(chips: str, more: str = ""):
        text = whole[:begin] + chips + whole[end:].replace('chip = "EXTNAME"\n', "") + more
        return described(text.encode(), "tinycam.toml")

    camera = described(whole.encode(), "tinycam.toml")
    assert list(camera.chips) == ["TINY_1", "TINY_2"]
    [chip] = read(amplifiers).chips.values()
    assert [one.name for one in chip.amplifiers] == ["left", "right"]
    [chip] = read(amplifiers + crosstalk).chips.values()
    assert dict(chip.amplifiers[0].crosstalk) == {"right": 0.00121}
    camera = read("[chip]\nname = 'TINY_1'\nsize = [320, 260]\ngain = 1.5\nread_noise = 6.0\n"
                  + of_cards + re.sub(r'A"', 'B"', of_cards))  # fmt: skip
    header = {
        "INSTRUME": "TINYCAM", "DATE-OBS": "2020-03-01T20:08:00", "EXPTIME": 10.0,
        "IMAGETYP": "Light", "FILTER": "R", "NAXIS1": 320, "NAXIS2": 260,
        "DATASECA": "[1:150,1:260]", "BIASSECA": "[301:310,1:260]", "GAINA": 1.4, "RDNOISEA": 5,
        "DATASECB": "[151:300,1:260]", "BIASSECB": "[311:320,1:260]", "GAINB": 1.6, "RDNOISEB": 5,
    }  # fmt: skip
    geometry = camera.translate(header, header)["geometry"]
    assert [one.name for one in geometry.amplifiers] == ["A", "B"]
    split = described((whole + bayer).encode(), "tinycam.toml")
    assert len(split.chips) == 8

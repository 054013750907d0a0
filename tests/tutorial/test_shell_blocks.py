"""Shell blocks of the how-tos, run line by line in a fresh installation, in the order of the page.

Places of other machines (`/backup/awe`) are replaced by places of this one; a line that cannot run
here carries a reason, and reasons are counted. Sessions at the prompt are typed by
`test_sessions.py`.
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
from astropy.io import fits
from pages import DOCS, README
from prompt_process import environment, installation

from awe.demo.exposures import Night, write_night
from awe.services import stack
from awe.services.installation import Installation

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?<=\n\n)(?:    (?:awe|pip|AWE)[^\n]*\n)+")
COMMAND = re.compile(r"(?:\w+=\S+ )*(?:awe(?:-\w+)?|pip|python3|nano|libreoffice)(?: |$)")
#: What each page takes for granted, as commands.
BEFORE = {
    "howto/administration.md": [
        "awe-admin user add jones", "awe-admin project add KIDS",
        "awe-ingest -i night/*.fits --privileges 4 -commit",
    ],
    "howto/astrometry.md": ["printf 'ra,dec,mag\\n331.0,-31.2,15.1\\n' > stars.csv"],
    "howto/photometry.md": [
        "printf 'ra,dec,r_sdss,r_sdss_err\\n331.0,-31.2,15.1,0.01\\n' > landolt.csv",
    ],
    "howto/migrations.md": ["awe-admin stop"],
}  # fmt: skip
#: What is typed where a command asks.
ANSWERS = {"awe-admin course remove": "TUTORIAL2015\n"}
#: Lines that are left alone: how they begin, and why.
LEFT_ALONE = {
    "pip install": "it brings packages from a registry",
    "python3 -m venv": "it brings packages from a registry",
    "nano ": "a person edits",
    "libreoffice ": "a person edits",
    "awe notebook": "it goes on until it is ended",
    "awe-ingest --watch": "it goes on until it is ended",
    "awe-ingest --from": "it takes an archive in the net",
    "AWS_ACCESS_KEY_ID": "it takes a store in the net",
    "AWE_HOME=/srv/": "it takes several machines",
    "awe --tutorial": "the whole night, which the tests of the tutorial make",
    "awe-admin tutorial": "the whole night, which the tests of the tutorial make",
    ".venv/bin/awe": "the whole night, which the tests of the tutorial make",
    "AWE_HOME=/tmp/awe-try": "the whole night, which the tests of the tutorial make",
    "awe-admin instrument crosstalk": "it takes a camera of the reader's own",
    "awe-admin instrument new": "it takes a camera of the reader's own",
    "awe-admin instrument check night": "it takes a camera of the reader's own",
    "awe-admin project add TINYCAM": "it takes a camera of the reader's own",
    "awe-admin kernel install --prefix": "it writes outside the test",
    "awe-admin kernel install": "it writes outside the test",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A line of a shell block."""

    page: str
    text: str

    @property
    def reason(self) -> str:
        """Why it is left alone; empty if it is run."""
        found = (why for begin, why in LEFT_ALONE.items() if self.text.startswith(begin))
        return next(found, "")


def lines_of(page: Path) -> list[Line]:
    """The commands of the shell blocks of a page, in order."""
    text = page.read_text()
    blocks = [(found.start(), found["text"]) for found in BLOCK.finditer(text)
              if found["kind"] in ("", "sh", "console")]  # fmt: skip
    blocks += [(found.start(), found[0]) for found in INDENTED.finditer(text)]
    found = []
    for _, block in sorted(blocks):
        read = [line.strip() for line in block.splitlines()]
        marked = [line.removeprefix("$ ") for line in read if line.startswith("$ ")]
        found += [Line(os.path.relpath(page, DOCS), line) for line in marked or read
                  if COMMAND.match(line)]  # fmt: skip
    return found


PAGES = {
    lines[0].page: lines
    for page in [README, *sorted(DOCS.rglob("*.md"))] if (lines := lines_of(page))
}  # fmt: skip
RUN = sorted(page for page, lines in PAGES.items() if any(not line.reason for line in lines))


@pytest.fixture(scope="module")
def exposures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some exposures of the tutorial night, of one chip."""
    folder = tmp_path_factory.mktemp("exposures")
    made = write_night(folder / "all", Night(chips=("ESO_CCD_#65",)), processes=1)
    (folder / "night").mkdir()
    biases = [path for path in made if fits.getval(path, "OBJECT") == "BIAS"]
    for path in biases[:3]:
        shutil.copy(path, folder / "night")
    # some of the name on the page
    for path in [path for path in made if path.name.startswith("OMEGACAM.2012-06-01T")][:2]:
        shutil.copy(path, folder)
    shutil.rmtree(folder / "all")
    return folder


@pytest.fixture(scope="module")
def fresh() -> Iterator[Path]:
    """A fresh installation, started by its first command."""
    with installation("shell") as home:
        yield home


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[Path]:
    """Where a page restores to; gone at the end."""
    home = tmp_path / "data" / "awe"
    yield home
    if home.exists():
        stack.destroy(Installation(home))


def here(text: str, folder: Path) -> str:
    """Replace the places of the page by places of this test."""
    for place in ("/backup", "/data", "/mnt/big", "/opt/jupyter"):
        text = text.replace(f"{place}", f"{folder}{place}")
    return text


@pytest.mark.parametrize("page", RUN)
def test_the_shell_blocks_of_a_page_run(
    page: str, fresh: Path, restored: Path, exposures: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    shutil.copytree(exposures, work)
    for place in (restored.parent, tmp_path / "backup", tmp_path / "mnt" / "big"):
        place.mkdir(parents=True)
    found = environment(fresh, project="OMEGACAM@VST")
    found["PATH"] = f"{Path(sys.executable).parent}:{found['PATH']}"
    typed = ["awe-admin start", *BEFORE.get(page, [])]
    typed += [line.text for line in PAGES[page] if not line.reason]
    for line in typed:
        answer = next((told for begin, told in ANSWERS.items() if line.startswith(begin)), "")
        done = subprocess.run(["bash", "-c", here(line, tmp_path)], env=found, cwd=work, text=True,
                              input=answer, capture_output=True, timeout=600,
                              check=False)  # fmt: skip
        told = f"{page}: {line}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, told
        assert "Traceback" not in told, told


def test_what_is_left_alone_has_a_reason() -> None:
    lines = [line for lines in PAGES.values() for line in lines]
    reasons = Counter(line.reason for line in lines)
    assert set(reasons) - {""} == set(LEFT_ALONE.values())
    assert reasons[""] >= 20

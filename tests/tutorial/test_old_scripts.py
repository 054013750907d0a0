"""Lines of scripts written for Astro-WISE: what the page says of each is what happens."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from pages import DOCS
from prompt_process import AWE, environment

ROOT = DOCS.parent
LAYER = ROOT / "astrowise"
ROW = re.compile(r"^\| `(?P<line>.+?)` \| (?P<here>[a-z ]+) \| (?P<how>.*)\|$", re.MULTILINE)
VERDICTS = {"works", "differs", "not there"}
CHAIN = "## The science chain"


@dataclass(frozen=True)
class Row:
    """A line of a script, what the page says of it, and what happened."""

    line: str
    here: str
    chain: bool
    error: list | None

    @property
    def ran(self) -> bool:
        return self.error is None


def rows() -> list[tuple[str, str, bool]]:
    page = (DOCS / "reference" / "astrowise.md").read_text()
    found = ROW.finditer(page)
    return [(row["line"], row["here"], row.start() > page.index(CHAIN)) for row in found]


def with_layer(home: Path, **more: str) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(LAYER), os.environ.get("PYTHONPATH", ""))))
    return environment(home, PYTHONPATH=path, **more)


@pytest.fixture(scope="module")
def told(tutorial_home: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Every line of the page, run in one script in an empty directory."""
    folder = tmp_path_factory.mktemp("scripts")
    lines = [line for line, *_ in rows()]
    (folder / "lines.json").write_text(json.dumps(lines))
    script = Path(__file__).parent / "old_scripts.py"
    done = subprocess.run(
        [AWE, script, folder / "lines.json", folder / "said.json"],
        env=with_layer(tutorial_home), cwd=folder, capture_output=True, text=True, check=False,
        timeout=270,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads((folder / "said.json").read_text())
    return [Row(*row, error) for row, error in zip(rows(), said, strict=True)]


@pytest.mark.services
def test_what_works_or_differs_runs(told: list[Row]) -> None:
    runs = [row for row in told if row.here != "not there"]
    failed = [f"{row.line}\n  {row.error}" for row in runs if row.error]
    assert not failed, "\n".join(failed)


@pytest.mark.services
def test_what_is_not_there_says_in_one_line_what_to_use(told: list[Row]) -> None:
    absent = [row for row in told if row.here == "not there"]
    wrong = [
        f"{row.line}\n  {row.error}"
        for row in absent
        if row.error is None or not row.error[2] or "\n" in row.error[1] or ";" not in row.error[1]
    ]
    assert not wrong, "\n".join(wrong)
    assert absent


@pytest.mark.services
def test_of_what_awe_has_at_least_95_of_100_run(told: list[Row]) -> None:
    built = [row for row in told if not row.chain]
    assert len(built) >= 150
    assert sum(row.ran for row in built) >= 0.95 * len(built)


def test_the_page_knows_three_verdicts() -> None:
    page = (DOCS / "reference" / "astrowise.md").read_text()
    assert {here for _, here, _ in rows()} == VERDICTS
    assert page.count("\n| `") == len(rows())

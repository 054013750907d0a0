"""The site: its settings load, every page is on a shelf, every package has its page.

That it is built without a warning is seen by `.ci/run`, which builds it.
"""

from __future__ import annotations

import re
import runpy
import socket
import time
from pathlib import Path

import interface
import inventories
import pytest
import sessions

DOCS = Path(__file__).parents[2] / "docs"
TREE = re.compile(r"^```\{toctree\}\n(?:[^`]*\n\n)?([^`]*)```$", re.MULTILINE)
SHELVES = ("tutorial", "howto/index", "reference/index", "explanation/index")



def below(page: Path) -> list[Path]:
    lines = "\n".join(TREE.findall(page.read_text())).split("\n")
    found: list[Path] = []
    for line in filter(None, lines):
        if "*" in line:
            found += sorted(page.parent.glob(f"{line}.md"))
        else:
            found.append(page.parent / f"{line.partition('<')[2].rstrip('>') or line}.md")
    return [entry.resolve() for entry in found]


def test_every_page_is_on_a_shelf() -> None:
    wanted = {page.resolve() for page in DOCS.rglob("*.md")}
    index = (DOCS / "index.md").resolve()
    assert below(index) == [DOCS.resolve() / f"{shelf}.md" for shelf in SHELVES]
    found = [index]
    for page in found:
        found += [page for page in below(page) if page not in found]
    assert sorted(wanted.symmetric_difference(found)) == []


def test_tables_of_a_shelf_name_its_pages() -> None:
    for shelf in ("howto", "reference", "explanation"):
        index = DOCS / shelf / "index.md"
        named = re.findall(r"^\| \[.*?\]\((.*?\.md)\)", index.read_text(), re.MULTILINE)
        assert [(index.parent / name).resolve() for name in named] == below(index)


def test_decisions_are_found_by_theme_and_by_number() -> None:
    index = (DOCS / "decisions" / "index.md").read_text()
    numbers = re.findall(r"\b\d{4}\b(?=[^|]*\|)(?=, | \|)", index)
    assert len(numbers) == len(set(numbers)) > 85
    for numbered, name in re.findall(r"^\| (\d{4}.*?) \| \[.*?\]\((.*?)\) \|$", index, re.M):
        text = (DOCS / "decisions" / name).read_text()
        assert name.startswith(numbered[:4])
        assert all(f"## {also}: " in text for also in numbered.split(", ")[1:])


def test_the_settings_load_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWE_DOCS_OFFLINE", "1")
    settings = runpy.run_path(str(DOCS / "conf.py"))
    assert settings["intersphinx_mapping"] == {}
    assert settings["html_theme"] == "pydata_sphinx_theme"


def test_a_list_of_names_that_never_comes_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begin = time.monotonic()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert inventories.reachable(silent=address, absent="http://127.0.0.1:9/") == {}
        assert time.monotonic() - begin < 2 * inventories.PATIENCE


def test_what_packages_offer_has_a_page() -> None:
    pages = interface.pages()
    assert list(pages)[-1] == "awe"
    assert ".. autofunction:: awe.fits::read\n" in pages["awe.fits"]
    kernels = [text for name, text in pages.items() if name.startswith("awe.calib")]
    assert any("::measure\n" in text for text in kernels)
    entries = [line for text in pages.values() for line in text.splitlines() if "::" in line]
    described = [line for line in entries if line.startswith(".. auto") and "module" not in line]
    assert len(described) == len(set(described)) > 150


def test_a_session_is_read_as_it_is_typed() -> None:
    page = (
        "text\n\n<!-- not run: a second person -->\n```awe\nawe> f(1,\n       2)\n3\n"
        "awe> for x in y:\n...      x\n...\nawe> a \\\n     b\n```\n\n```awe\nawe> '('\n(\n```\n"
    )
    first, second = sessions.sessions(page)
    assert first.reason == "a second person"
    assert not second.reason
    assert [command.code for command in first.commands] == [
        "f(1,\n       2)", "for x in y:\n     x", "a \\\n     b"
    ]  # fmt: skip
    assert [command.output for command in first.commands] == [["3"], ["..."], []]
    assert [(command.code, command.output) for command in second.commands] == [("'('", ["("])]
    kinds = [str(kind) for kind, _ in sessions.SessionLexer().get_tokens(page)]
    assert "Token.Generic.Prompt" in kinds


def test_the_changelog_is_one_file_in_groups() -> None:
    text = (DOCS.parent / "CHANGELOG.md").read_text()
    found = list((DOCS / "changes").glob("*"))
    assert found == [], "a change is a line in CHANGELOG.md, at the end of its group"
    groups = re.findall(r"^### (.*)$", text.partition("## Unreleased\n")[2], re.MULTILINE)
    assert groups == ["Added", "Changed", "Fixed", "Documentation"]

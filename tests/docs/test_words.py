"""The project speaks plain English: no phrase of this list is in messages, docstrings or pages."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: what is not written, an example of it, and what is written instead
WORDS = (
    (r"(?<!there )\b(is|are|was|were) no\b(?! longer)", "5 is no name", "is not a"),
    (r"\bwants\b|[,;:] wanted\b(?!\[)", "wants int; wanted 1 to 3", "expects, expected"),
    (r"\btells? whether\b", "Tell whether it runs.", "return True if, says if"),
    (r"\bbeside\b(?! :|=)", "beside the frame", "next to, in addition to"),
    (r"\bso (many|much)\b(?! (that|as))", "At most so many rounds.", "maximum number of"),
    (r"\bwhere there (is|are|was|were) none\b", "None where there is none", "if there is none"),
    (r"\basked for\b(?! (it|its|a|the)\b)", "the one asked for", "requested"),
    (r"\bby hand\b(?!: )", "named by hand", "manually"),
    (r"\blikewise\b", "likewise", "the same, too"),
    (r"\bthe peer\b", "as the peer does", "its name, such as astroscrappy"),
    (r"\b(he|she|him|his|her|himself|herself)\b", "his own frames", "they"),
    (r"\blies?\b(?! (within|between|inside|outside|on|along)\b)", "where it lies", "is"),
    (r"\bstands?\b(?! (out|far out|for|in for)\b)", "it stands there", "is"),
    (r"\bstumbl\w+", "the runner stumbled", "an error in"),
    (r"\banswers all arguments\b", "answers all arguments", "matches all arguments"),
    (r"\beach other's way\b", "got into each other's way", "conflict"),
    (r"^\s*(\"\"\")?Of the \w+\.", "Of the chip.", "a whole noun phrase"),
    (r"(?<!there )(?-i:\bis none\b)", "a name that is none", "is not one"),
)
PATTERNS = {re.compile(pattern, re.IGNORECASE): instead for pattern, _, instead in WORDS}
CODE = re.compile(r"``[^`]*``|`[^`]*`")
TEXT = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def python_text(path):
    """Yield the lines of strings and comments with their numbers."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type in TEXT:
            for shift, line in enumerate(token.string.splitlines()):
                yield token.start[0] + shift, CODE.sub("``", line)


def plain_text(path):
    yield from enumerate(path.read_text().splitlines(), start=1)


def files():
    """Yield the files of the list with the function that reads them."""
    for path in sorted((ROOT / "awe").rglob("*.py")):
        if "versions" not in path.parts:
            yield path, python_text
    for path in sorted((ROOT / "awe").rglob("*.sql")):
        if "versions" not in path.parts:
            yield path, plain_text
    for path in sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]):
        if not {"decisions", "CHANGELOG.md"} & set(path.parts):
            yield path, plain_text


def found(paths):
    for path, reader in paths:
        for number, line in reader(path):
            for pattern, instead in PATTERNS.items():
                if pattern.search(line):
                    name = path.relative_to(ROOT)
                    yield f"{name}:{number}: {line.strip()} -> {instead}"


@pytest.mark.parametrize(("pattern", "example"), [row[:2] for row in WORDS])
def test_every_pattern_finds_its_example(pattern, example):
    assert re.search(pattern, example, re.IGNORECASE)


def test_text_of_modules_is_strings_and_comments_without_code(tmp_path):
    path = tmp_path / "module.py"
    path.write_text('"""It lies in `stands`."""\nlies = 1  # it stands\n')
    assert list(python_text(path)) == [(1, '"""It lies in ``."""'), (2, "# it stands")]


def test_no_phrase_of_the_list_is_written():
    assert list(found(files())) == []

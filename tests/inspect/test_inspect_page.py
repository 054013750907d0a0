from __future__ import annotations

from pathlib import Path

from awe.inspect.keys import KEYS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "inspect.md"


def test_the_page_lists_the_keys_as_the_table_declares_them() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert rows == [f"| `{entry.key}` | {entry.doc} |" for entry in KEYS.values()]

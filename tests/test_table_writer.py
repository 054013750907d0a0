from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from awe import columns
from awe.errors import ConfigError

DIGITS = "7d6077b81234567890123456789012345678abcd"
NAME = f"Cal-STUDENT-OMEGACAM-------OCAM_r_SDSS-ESO_CCD_#65-MasterFlat---Cal-61372.7-{DIGITS}.fits"
HEADS = ("filename", "chip.name", "timestamp_start", "is_valid")
ROWS = [
    (NAME, "ESO_CCD_#65", "2012-06-01 08:51:44", 1),
    (NAME, None, "2012-06-01 08:51:44", 10),
]


@pytest.mark.parametrize("width", [20, 40, 50, 80, 120, 200])
def test_tables_fit_the_terminal(width: int) -> None:
    lines = columns.lines(HEADS, ROWS, width=width)
    assert len(lines) == 3
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("filename"[: min(width, 8)])


def test_hashes_in_names_are_short_in_a_table_that_does_not_fit() -> None:
    for width in (80, 100, 140):
        line = columns.lines(HEADS, ROWS, width=width)[1]
        assert "7d6077b8.fits" in line
        assert DIGITS not in line
    assert DIGITS in columns.lines(HEADS, ROWS, width=200)[1]
    assert columns.short(NAME).endswith("-7d6077b8.fits")
    assert columns.short("2012-06-01") == "2012-06-01"


def test_in_a_pipe_nothing_is_cut() -> None:
    code = f"from awe import columns; print(columns.text({HEADS!r}, {ROWS!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert DIGITS in done.stdout


def test_on_a_terminal_a_table_is_as_wide_as_the_terminal() -> None:
    code = f"from awe import columns; print(columns.text({HEADS!r}, {ROWS!r}))"
    master, slave = pty.openpty()
    settings = {**os.environ, "COLUMNS": "70"}
    subprocess.run([sys.executable, "-c", code], stdout=slave, check=True, env=settings)
    os.close(slave)
    said = os.read(master, 10000).decode().splitlines()
    os.close(master)
    assert len(said) == 3
    assert max(map(len, said)) <= 70


def test_the_configuration_sets_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "max_width", None)
    columns.limit("60")
    assert max(map(len, columns.lines(HEADS, ROWS))) <= 60
    columns.limit("0")
    assert columns.room() is None
    with pytest.raises(ConfigError, match="max_width is 'wide'; expected a number of columns"):
        columns.limit("wide")


def test_columns_of_numbers_stand_right_and_wide_letters_count_twice() -> None:
    lines = columns.lines(("n", "who"), [(1, "漢字"), (22, "a")])
    assert lines == [" n  who", " 1  漢字", "22  a"]
    lines = columns.lines(("who", "n"), [("漢字", 1), ("ab", 2)])
    assert lines == ["who   n", "漢字  1", "ab    2"]
    assert columns.cut("漢字漢字漢字", 8) == "漢...字"


def test_what_would_steer_a_terminal_or_a_page_is_written_out() -> None:
    rows = [("\x1b[31mred", "<b>")]
    assert "\x1b" not in columns.text(("a", "b"), rows)
    assert "&lt;b&gt;" in columns.html(("a", "b"), rows, title="<i>")
    assert "<i>" not in columns.html(("a", "b"), rows, title="<i>")


def test_a_sentence_loses_its_end_and_a_name_its_middle() -> None:
    assert columns.cut("cannot be read: no such file", 12) == "cannot be..."
    assert columns.cut("2012-06-01 08:51:44", 12) == "2012-06-01"
    assert columns.cut("OMEGACAM.2012-06-01T08:51:44.367_1.fits", 15) == "OMEGAC...1.fits"

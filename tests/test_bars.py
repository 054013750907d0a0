"""Bars show on a terminal and nowhere else."""

from __future__ import annotations

import io
import re
import sys
import time

import pytest

from awe import bars


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_shows_count_and_total_on_a_terminal_and_lines_stay_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with bars.bar("Reduce", 3, "units") as bar:
        bar.advance()
        bars.say("a line")
        bar.reach(2, 4)
    assert "2/4" in terminal.getvalue()
    assert "Reduce" in terminal.getvalue()
    assert "a line" in capsys.readouterr().out


def test_no_bar_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with bars.bar("Reduce", 3, "units") as bar:
        bar.advance()
        bars.say("a line")
    assert capsys.readouterr() == ("a line\n", "")


def test_what_was_done_before_is_no_part_of_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with bars.bar("jobs", 2, "frames") as bar:
        bar.reach(5000, 10000, "3 running")
        assert bar._drawn.format_dict["initial"] == 5000
        time.sleep(0.2)
        bar.reach(5010, 10000, "3 running")
    last = terminal.getvalue().split("\r")[-3]
    rate = float(re.search(r"([0-9.]+) frames/s", last)[1])
    assert 10 < rate < 60
    assert "3 running" in last

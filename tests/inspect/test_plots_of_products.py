"""Plots in a window: S saves, q closes, and the lineage and the ranges of time are whole."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from matplotlib import pyplot as plt
from screens import NEEDED, Screen
from test_viewer import Lines, lines, middle  # noqa: F401 - fixture

from awe.inspect.periods import Bar, draw


def day(number: int) -> datetime.datetime:
    return datetime.datetime(2012, 5, 1) + datetime.timedelta(days=number)


def bars() -> list[Bar]:
    states = ("valid", "flagged", "bad", "chosen")
    return [
        Bar(kind="BiasFrame", name=f"{n:08x}", start=day(n), end=day(n + 7), state=states[n % 4])
        for n in range(12)
    ]


def test_ranges_are_drawn_where_they_are_and_nothing_is_cut_off(tmp_path: Path) -> None:
    figure = draw(bars(), (day(2), day(16)), title="OMEGACAM ESO_CCD_#65", moment=day(9))
    try:
        figure.savefig(tmp_path / "ranges.png")
        (axes,) = figure.axes
        assert axes.get_xlabel() == "valid [UTC]"
        drawn = axes.patches
        assert len(drawn) == 12
        for bar, patch in zip(bars(), drawn, strict=True):
            start = max(bar.start, day(2))
            end = min(bar.end, day(16))
            assert patch.get_width() == pytest.approx((end - start).days)
        legend = axes.get_legend()
        assert legend is not None
        for artist in (*axes.get_yticklabels(), legend):
            box = artist.get_window_extent()
            assert figure.bbox.containsx(box.x0)
            assert figure.bbox.containsx(box.x1)
    finally:
        plt.close(figure)


DRAW = (
    "from awe.inspect.shown import present; from matplotlib import pyplot as plt; "
    "present(lambda: plt.figure(figsize=(5, 4)), None, name='mine.png', title='a plot of mine')"
)


@pytest.mark.usefixtures("screen")
class TestInAWindow:
    pytestmark = NEEDED

    def test_s_saves_it_and_q_closes_it(
        self, lines: Lines, screen: Screen, tmp_path: Path  # noqa: F811 - fixture
    ) -> None:
        lines.do(DRAW)
        lines.do("plt.pause(1)")
        (window,) = screen.wait(lines, "^a plot of mine", 1)
        for key, done in (("S", lambda: (tmp_path / "mine.png").exists()),
                          ("q", lambda: not screen.windows("^a plot of mine"))):  # fmt: skip
            said = ""
            for _ in range(20):
                screen.press(window, key, *middle(screen, window))
                said += lines.do("plt.pause(1)")
                if done():
                    break
            assert done(), said
            if key == "S":
                assert f"saved {tmp_path / 'mine.png'}" in said

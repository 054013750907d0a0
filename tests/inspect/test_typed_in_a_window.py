"""Colon commands typed in a real window, and a viewer that is let go when nobody looks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prompt_process import PATIENCE
from screens import NEEDED, Screen
from test_viewer import Lines, middle

pytestmark = NEEDED


@pytest.fixture
def at_desk(tmp_path: Path, desktop: Screen, toolkit: dict[str, str]):
    opened = Lines(tmp_path, DISPLAY=desktop.name, **toolkit)
    yield opened
    opened.close()


def typed(lines: Lines, screen: Screen, window: str, line: str, wanted: str) -> None:
    """Type a line into the window; the prompt must say something."""
    screen.do("windowactivate", "--sync", window)
    screen.do("mousemove", "--window", window, *map(str, middle(screen, window)))
    time.sleep(0.4)
    screen.do("type", "--delay", "60", line)
    screen.do("key", "Return")
    end, said = time.monotonic() + PATIENCE, ""
    while wanted not in said:
        assert time.monotonic() < end, said
        said += lines.do("time.sleep(0.2)")


def test_colon_commands_are_typed_in_the_window(at_desk: Lines, desktop: Screen) -> None:
    at_desk.do("ins = inspect(Frame(), block=False)")
    (window,) = desktop.wait(at_desk, "^Star.fits", 1)
    desktop.press_until(at_desk, window, "l", middle(desktop, window), "^line - Star", 1)
    typed(at_desk, desktop, window, ":box 21", ":box 21")
    at_desk.do("reading = ins.press('m', 150, 200)")
    assert at_desk.do("print(reading.values['pixels'])") == "441"
    # letters of hot-keys (q closes) and digits go into the line, not to the picture
    typed(at_desk, desktop, window, ":quiz 3", "no setting 'quiz'")
    typed(at_desk, desktop, window, ":box 0", ":box 0: expected a whole number from 1 to 10000")
    typed(at_desk, desktop, window, ":x 10 40", ":x 10 40")
    typed(at_desk, desktop, window, ":radius 5", ":radius 5")
    said = at_desk.do("print(float(ins.press('a', 150, 200).values['radius']))")
    assert said.splitlines()[-1] == "5.0"
    # Escape leaves the line, and the next key is a hot-key again
    desktop.do("type", "--delay", "60", ":box 9")
    desktop.do("key", "Escape")
    typed(at_desk, desktop, window, "m", "m at (")
    said = at_desk.do("print(ins.table['pixels'][-1])")
    assert said.splitlines()[-1] == "441"


def test_a_viewer_without_windows_is_let_go_and_the_next_window_has_another(
    at_desk: Lines, desktop: Screen
) -> None:
    at_desk.do("viewer.IDLE = 3.0; ins = inspect(Frame(), block=False)")
    (one,) = at_desk.viewers()
    time.sleep(5)
    assert at_desk.viewers() == [one], "it has a window"
    at_desk.do("ins.close()")
    one.wait(PATIENCE)
    assert at_desk.do("time.sleep(0.5)") == ""
    at_desk.do("ins = inspect(Frame('Next.fits'), block=False)")
    desktop.wait(at_desk, "^Next.fits", 1)
    (other,) = at_desk.viewers()
    assert other != one

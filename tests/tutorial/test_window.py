"""inspect() on a screen: a real window, real key presses, and a prompt that goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pexpect
import pytest
from prompt_process import CODES, PATIENCE, Prompt
from screens import NEEDED, Screen

pytestmark = [pytest.mark.services, *NEEDED]


@dataclass
class Opener:
    """Opens prompts with the newest frame of a chip at hand; the screen is a setting of theirs."""

    home: Path
    directory: Path
    opened: list[Prompt] = field(default_factory=list)

    def __call__(self, **settings: str) -> Prompt:
        prompt = Prompt(self.home, self.directory, **settings)
        self.opened.append(prompt)
        prompt.type("raw = (RawScienceFrame.chip.name == 'ESO_CCD_#65').max('DATE_OBS')")
        return prompt


@pytest.fixture
def at_frame(tutorial_home: Path, tmp_path: Path) -> Iterator[Opener]:
    opener = Opener(tutorial_home, tmp_path)
    yield opener
    for prompt in opener.opened:
        prompt.close()


def test_w_draws_a_wire_frame_and_q_closes(
    screen: Screen, at_frame: Opener, tmp_path: Path, toolkit: dict[str, str]
) -> None:
    prompt = at_frame(DISPLAY=screen.name, **toolkit)
    prompt.type("ins = raw.inspect()")
    assert prompt.type("6 * 7") == "42"
    prompt.type("from awe.inspect import backend")
    assert prompt.type("print(backend.screen().name)") == toolkit["WANTED"]
    (window,) = screen.wait(prompt, "^OMEGACAM", 1)
    time.sleep(1)
    geometry = dict(
        line.split("=") for line in screen.do("getwindowgeometry", "--shell", window).split()
    )
    x, y = int(geometry["WIDTH"]) // 2, int(geometry["HEIGHT"]) // 2

    (plot,) = screen.press_until(prompt, window, "w", (x, y), "^wire-frame - OMEGACAM", 1)
    assert prompt.type("print(ins.table['key'][0])").splitlines()[-1] == "w"
    screen.press(window, "m", x, y)
    end = time.monotonic() + PATIENCE
    while prompt.type("print(ins.table['key'][-1])").splitlines()[-1] != "m":
        assert time.monotonic() < end
        time.sleep(0.5)
    assert prompt.type("print(ins.table['stdev'][-1] > 0)").splitlines()[-1] == "True"
    screen.picture(tmp_path / "windows.png")

    screen.press_until(prompt, plot, "q", (60, 60), "^wire-frame - OMEGACAM", 0)
    assert screen.windows("^OMEGACAM") == [window]
    screen.press_until(prompt, window, "q", (x, y), "OMEGACAM", 0)
    assert prompt.type("1 + 1") == "2"


def test_closing_the_image_takes_its_plots_with_it(
    screen: Screen, at_frame: Opener, toolkit: dict[str, str]
) -> None:
    prompt = at_frame(DISPLAY=screen.name, **toolkit)
    prompt.type("ins = raw.inspect()")
    (window,) = screen.wait(prompt, "^OMEGACAM", 1)
    prompt.type("reading = ins.press('r', 200, 200); reading = ins.press('s', 200, 200)")
    screen.wait(prompt, " - OMEGACAM", 2)
    screen.press_until(prompt, window, "q", (200, 200), "OMEGACAM", 0)
    assert prompt.type("1 + 1") == "2"


def test_a_screen_that_does_not_answer_is_no_obstacle(at_frame: Opener) -> None:
    prompt = at_frame(DISPLAY=":9876")
    said = prompt.type("ins = raw.inspect()")
    assert said.startswith("no display: wrote ")
    assert len(said.splitlines()) == 1


def shell_values(text: str) -> dict[str, int]:
    """Return the numbers xdotool writes as `X=1`."""
    pairs = (line.split("=") for line in text.split())
    return {name: int(value) for name, value in pairs}


def test_plot_keys_leave_the_keyboard_to_the_image(
    desktop: Screen, at_frame: Opener, toolkit: dict[str, str]
) -> None:
    prompt = at_frame(DISPLAY=desktop.name, **toolkit)
    prompt.type("ins = raw.inspect()")
    (window,) = desktop.wait(prompt, "^OMEGACAM", 1)
    place = shell_values(desktop.do("getwindowgeometry", "--shell", window))
    middle = (place["WIDTH"] // 3, place["HEIGHT"] // 2)
    (plot,) = desktop.press_until(
        prompt, window, "w", middle, "^wire-frame - OMEGACAM", 1
    )
    desktop.do("key", "x", "l")
    desktop.wait(prompt, "^line - OMEGACAM", 1)
    desktop.do("key", "x")
    end = time.monotonic() + PATIENCE
    while prompt.type("print([str(k) for k in ins.table['key'][-3:]])") != "['x', 'l', 'x']":
        assert time.monotonic() < end
        prompt.drain()
    assert desktop.do("getactivewindow").strip() == window
    # a plot that is clicked has the keyboard, and q closes it
    time.sleep(1)
    end = time.monotonic() + PATIENCE
    while desktop.do("getactivewindow").strip() != plot:
        assert time.monotonic() < end, "a click does not give the plot the keyboard"
        desktop.do("windowraise", plot, "mousemove", "--window", plot, "60", "60", "click", "1")
        time.sleep(1)
        prompt.drain()
    desktop.press_until(prompt, plot, "q", (60, 60), "^wire-frame - OMEGACAM", 0)


def test_the_window_fits_a_laptop_s_screen(
    desktop: Screen, at_frame: Opener, toolkit: dict[str, str]
) -> None:
    prompt = at_frame(DISPLAY=desktop.name, **toolkit)
    prompt.type("ins = raw.inspect()")
    (window,) = desktop.wait(prompt, "^OMEGACAM", 1)
    time.sleep(2)
    prompt.drain()
    place = shell_values(desktop.do("getwindowgeometry", "--shell", window))
    assert place["X"] >= 0
    assert place["X"] + place["WIDTH"] <= 1366
    assert place["Y"] >= 0
    # xdotool counts the height of the title twice with some window managers
    assert place["HEIGHT"] <= 768 - 24


def test_ctrl_d_with_open_windows_ends_without_a_word(
    screen: Screen, at_frame: Opener, toolkit: dict[str, str]
) -> None:
    prompt = at_frame(DISPLAY=screen.name, **toolkit)
    prompt.type("ins = raw.inspect(); other = raw.inspect()")
    screen.wait(prompt, "^OMEGACAM", 2)
    prompt.type("reading = ins.press('s', 200, 200)")
    screen.wait(prompt, "^surface", 1)
    prompt.child.sendcontrol("d")
    prompt.child.expect(pexpect.EOF, timeout=PATIENCE)
    said = CODES.sub("", prompt.child.before)
    prompt.child.close()
    assert prompt.child.exitstatus == 0
    assert "Traceback" not in said
    assert "TclError" not in said


def test_after_a_zoom_the_picture_fills_the_window(at_frame: Opener) -> None:
    prompt = at_frame()
    prompt.type("ins = raw.inspect(); axes = ins._figure.axes[0]")
    prompt.type("axes.set_xlim(100, 200); axes.set_ylim(100, 110); ins._figure.canvas.draw()")
    whole, now = "axes.get_position(original=True)", "axes.get_position()"
    assert prompt.type(f"print(({whole}.height - {now}.height) < 0.01)").endswith("True")
    assert prompt.type(f"print(({whole}.width - {now}.width) < 0.01)").endswith("True")


def test_a_key_is_answered_while_a_command_runs_and_leaves_what_is_half_typed(
    screen: Screen, at_frame: Opener, toolkit: dict[str, str]
) -> None:
    prompt = at_frame(DISPLAY=screen.name, **toolkit)
    prompt.type("import time; ins = raw.inspect()")
    (window,) = screen.wait(prompt, "^OMEGACAM", 1)
    screen.press_until(prompt, window, "l", (200, 300), "^line - OMEGACAM", 1)
    prompt.child.send("time.sleep(30); print('sle' + 'pt')\r")
    time.sleep(1)
    screen.press_until(prompt, window, "w", (200, 300), "^wire-frame - OMEGACAM", 1)
    prompt.child.expect("slept", timeout=PATIENCE)
    prompt.drain()
    assert prompt.type("print('w' in list(ins.table['key']))") == "True"
    prompt.child.send("6 * ")
    time.sleep(1)
    screen.press(window, "m", 200, 300)
    prompt.child.expect(r"m at \(", timeout=PATIENCE)
    assert prompt.type("7").splitlines()[-1] == "42"
    # Ctrl-C at the prompt is none of the windows' business
    prompt.child.sendintr()
    assert prompt.type("print(ins.press('m', 200, 300).values['pixels'])").endswith("2601")
    assert screen.windows("^OMEGACAM") == [window]


def test_n_shows_the_next_frame_of_the_query(
    screen: Screen, at_frame: Opener, toolkit: dict[str, str]
) -> None:
    prompt = at_frame(DISPLAY=screen.name, **toolkit)
    prompt.type("night = (RawScienceFrame.chip.name == 'ESO_CCD_#65')")
    prompt.type("ins = night[0].inspect(among=night)")
    screen.wait(prompt, "^OMEGACAM", 1)
    said = prompt.type("ins.press('n', 5, 5)")
    assert said.splitlines()[-1].startswith("2 of ")
    assert prompt.type("print(ins.name == night[1].filename)").splitlines()[-1] == "True"

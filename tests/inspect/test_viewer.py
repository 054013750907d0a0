"""Windows in a process of their own: alive while the prompt works, and no harm to it by their end.

A small process that runs the lines it is given plays the prompt; the windows are real.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from prompt_process import PATIENCE
from screens import NEEDED, Screen

pytestmark = NEEDED

#: Seconds in which a window has to answer; a machine that many share gets more.
ANSWER = 5.0

LOOP = """
import os, sys, time
import numpy as np
from awe.inspect import viewer
from awe.inspect.frame import inspect

class Frame:
    def __init__(self, name="Star.fits"):
        self.filename = self.pathname = name
        self.header = {"OBJECT": "star", "EXPTIME": 30.0}
        self.data = np.random.default_rng(1).normal(300, 3, (400, 300)).astype("f4")

for line in sys.stdin:
    try:
        exec(line)
    except Exception as error:
        print(type(error).__name__ + ":", error)
    print("<done>", flush=True)
"""


class Lines:
    """A process that runs the lines it is given and has its output read."""

    def __init__(self, directory: Path, **settings: str) -> None:
        kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", LOOP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=directory,
            env={**kept, **settings},
        )

    def start(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self) -> str:
        assert self.process.stdout is not None
        said = []
        while (line := self.process.stdout.readline()) != "<done>\n":
            assert line, "the process is gone"
            said.append(line)
        return "".join(said).rstrip("\n")

    def do(self, line: str) -> str:
        self.start(line)
        return self.end()

    def until(self, expression: str, wanted: str) -> None:
        end = time.monotonic() + PATIENCE
        while (found := self.do(f"print({expression})").splitlines()[-1]) != wanted:
            assert time.monotonic() < end, f"{expression} is {found}, not {wanted}"
            time.sleep(0.2)

    def drain(self) -> None:
        """Nothing is printed that fills the pipe."""

    def viewers(self) -> list[psutil.Process]:
        """Return the processes it started and that live."""
        children = psutil.Process(self.process.pid).children()
        return [one for one in children if one.status() != psutil.STATUS_ZOMBIE]

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def lines(tmp_path: Path, screen: Screen, toolkit: dict[str, str]) -> Iterator[Lines]:
    opened = Lines(tmp_path, DISPLAY=screen.name, **toolkit)
    yield opened
    opened.close()


def middle(screen: Screen, window: str) -> tuple[int, int]:
    text = screen.do("getwindowgeometry", "--shell", window)
    place = dict(line.split("=") for line in text.split())
    return int(place["WIDTH"]) // 3, int(place["HEIGHT"]) // 2


BUSY = {
    "sleep": "time.sleep(60)",
    # one call into C that keeps the lock of the interpreter
    "lock": "import ctypes; ctypes.PyDLL(None).sleep(60)",
}


@pytest.mark.parametrize("work", BUSY.values(), ids=BUSY)
def test_a_window_answers_while_the_prompt_works(lines: Lines, screen: Screen, work: str) -> None:
    lines.do("ins = inspect(Frame(), block=False)")
    (window,) = screen.wait(lines, "^Star.fits", 1)
    place = middle(screen, window)
    # the first plot of a kind loads what draws it
    (plot,) = screen.press_until(lines, window, "l", place, "^line - Star", 1)
    screen.press_until(lines, plot, "q", (60, 60), "^line - Star", 0)
    lines.start(work)
    start = time.monotonic()
    screen.do("windowfocus", window, "mousemove", "--window", window, *map(str, place))
    time.sleep(0.5)
    pressed = time.monotonic()
    screen.do("key", "l")
    while not screen.windows("^line - Star"):
        assert time.monotonic() < pressed + ANSWER
    assert lines.process.poll() is None
    assert time.monotonic() < start + 50, "the prompt did not work any more"


def test_what_was_measured_meanwhile_is_there_afterwards(lines: Lines, screen: Screen) -> None:
    lines.do("ins = inspect(Frame(), block=False)")
    (window,) = screen.wait(lines, "^Star.fits", 1)
    place = middle(screen, window)
    screen.press_until(lines, window, "l", place, "^line - Star", 1)
    lines.start("time.sleep(6)")
    screen.press(window, "m", *place)
    said = lines.end()
    assert said.splitlines()[-1].startswith("m at (")
    assert lines.do("print(ins.table['key'][-1], ins.table['pixels'][-1])") == "m 2601"
    assert lines.do("ins.press('x', 3, 4)").startswith("x at (3.0, 4.0): (3, 4) = ")
    assert "measurements in .table>" in lines.do("print(repr(ins))")


def test_a_killed_viewer_is_one_line_and_the_next_window_has_a_new_one(
    lines: Lines, screen: Screen
) -> None:
    lines.do("ins = inspect(Frame(), block=False); ins.press('m', 50, 50)")
    (one,) = lines.viewers()
    one.kill()
    end = time.monotonic() + PATIENCE
    while not (said := lines.do("time.sleep(0.2)")):
        assert time.monotonic() < end
    assert said == (
        "Star.fits: closed, the viewer was ended by SIGKILL; measurements are in .table, "
        "inspect() opens a new window"
    )
    assert lines.do("print(len(ins.table))") == "1"
    assert "is closed; inspect() opens another" in lines.do("ins.press('m', 50, 50)")
    lines.do("ins = inspect(Frame(), block=False)")
    screen.wait(lines, "^Star.fits", 1)
    assert lines.do("ins.press('x', 50, 50)").startswith("x at")


def test_a_display_that_goes_away_takes_its_windows_only(
    lines: Lines, screen: Screen, tmp_path: Path
) -> None:
    lines.do("ins = inspect(Frame(), block=False); ins.press('m', 50, 50)")
    screen.wait(lines, "^Star.fits", 1)
    screen.server.kill()
    end = time.monotonic() + PATIENCE
    while not (said := lines.do("time.sleep(0.2)")):
        assert time.monotonic() < end
    assert said == (
        "Star.fits: closed, the display does not answer any more; measurements are in .table, "
        "inspect() opens a new window"
    )
    said = lines.do("ins = inspect(Frame(), block=False)")
    assert said == f"no display: wrote {tmp_path / 'Star.inspect.png'}"
    assert lines.do("print(len(ins.table))") == "0"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_viewer_ends_with_the_prompt(
    lines: Lines, screen: Screen, number: signal.Signals
) -> None:
    lines.do("ins = inspect(Frame(), block=False)")
    (one,) = lines.viewers()
    lines.process.send_signal(number)
    one.wait(PATIENCE)
    screen.wait(lines, "^Star.fits", 0)


def test_a_prompt_that_is_stopped_or_interrupted_keeps_its_windows(
    lines: Lines, screen: Screen
) -> None:
    lines.do("ins = inspect(Frame(), block=False)")
    (window,) = screen.wait(lines, "^Star.fits", 1)
    (one,) = lines.viewers()
    assert os.getsid(one.pid) == one.pid, "Ctrl-C at the terminal would reach it"
    lines.process.send_signal(signal.SIGSTOP)
    screen.press_until(lines, window, "l", middle(screen, window), "^line - Star", 1)
    lines.process.send_signal(signal.SIGCONT)
    lines.until("len(ins.table) > 0", "True")


def test_a_script_waits_until_the_window_is_closed(lines: Lines, screen: Screen) -> None:
    lines.start("ins = inspect(Frame(), block=True); print('went on')")
    (window,) = screen.wait(lines, "^Star.fits", 1)
    screen.press_until(lines, window, "q", middle(screen, window), "^Star.fits", 0)
    assert lines.end() == "went on"


def test_ctrl_c_leaves_the_wait(lines: Lines, screen: Screen) -> None:
    lines.do("import signal; signal.signal(signal.SIGINT, signal.default_int_handler)")
    lines.start(
        "exec('try: inspect(Frame(), block=True)\\nexcept KeyboardInterrupt: print(\"left\")')"
    )
    screen.wait(lines, "^Star.fits", 1)
    time.sleep(0.5)
    lines.process.send_signal(signal.SIGINT)
    assert lines.end() == "left"
    assert screen.windows("^Star.fits"), "the window need not go"


def test_files_are_written_where_the_prompt_is(lines: Lines, tmp_path: Path) -> None:
    lines.do("ins = inspect(Frame(), block=False)")
    (tmp_path / "elsewhere").mkdir()
    lines.do("os.chdir('elsewhere')")
    said = lines.do("ins.save(); ins.save('mine.png')").splitlines()
    assert said[0] == f"saved {tmp_path / 'elsewhere' / 'Star.inspect.png'}"
    assert (tmp_path / "elsewhere" / "mine.png").read_bytes().startswith(b"\x89PNG")
    assert "x.nix cannot be written" in lines.do("ins.save('x.nix')")
    assert "no hot-key 'Q'; did you mean 'q'?" in lines.do("ins.press('Q', 1, 1)")


def test_ten_windows_share_one_process_and_leave_nothing(lines: Lines) -> None:
    lines.do("ins = [inspect(Frame(), block=False) for _ in range(3)]")
    lines.do("for one in ins: one.close()")
    (one,) = lines.viewers()
    ours = psutil.Process(lines.process.pid)
    time.sleep(1)
    before = (ours.num_fds(), one.num_fds(), ours.num_threads(), one.num_threads())
    for _ in range(2):
        lines.do("ins = [inspect(Frame(f'{n}.fits'), block=False) for n in range(10)]")
        assert lines.viewers() == [one]
        lines.do("for one in ins: one.press('l', 50, 50)")
        lines.do("for one in ins: one.close()")
    time.sleep(1)
    after = (ours.num_fds(), one.num_fds(), ours.num_threads(), one.num_threads())
    assert after == before
    shared = [m for m in one.memory_maps(grouped=True) if "awe-pixels" in m.path]
    assert shared == [], "pixels of closed windows are still mapped"


@pytest.mark.parametrize("kind", [">i2", "<u2", ">f8", "?", "<u8", "<f2"])
def test_pixels_of_every_type_arrive_unchanged(lines: Lines, kind: str) -> None:
    lines.do(f"f = Frame(); f.data = np.arange(600).reshape(20, 30).astype('{kind}')")
    lines.do("f.header = {}; ins = inspect(f, block=False)")
    assert lines.do("print(ins.press('x', 7, 3).values['value'] == float(f.data[2, 6]))").endswith(
        "True"
    )


def test_an_extension_module_that_aborts_the_viewer_is_one_line(lines: Lines) -> None:
    lines.do("ins = inspect(Frame(), block=False)")
    (one,) = lines.viewers()
    os.kill(one.pid, signal.SIGABRT)
    end = time.monotonic() + PATIENCE
    while not (said := lines.do("time.sleep(0.2)")):
        assert time.monotonic() < end
    assert "the viewer was ended by SIGABRT" in said
    assert len(said.splitlines()) == 1


def test_wheel_drag_and_keys_change_a_real_window(
    lines: Lines, screen: Screen, tmp_path: Path
) -> None:
    lines.do(f"os.environ['AWE_HOME'] = {str(tmp_path)!r}")
    lines.do("ins = inspect(Frame(), block=False)")
    (window,) = screen.wait(lines, "^Star.fits", 1)
    x, y = middle(screen, window)
    screen.press_until(lines, window, "l", (x, y), "^line - Star", 1)
    seen: list[bytes] = []

    def changed(*deeds: tuple[str, ...]) -> None:
        """Do it until the saved picture is another than all before."""
        end = time.monotonic() + PATIENCE
        while True:
            screen.do("windowfocus", window, "mousemove", "--window", window, str(x), str(y))
            for deed in deeds:
                screen.do(*deed)
            time.sleep(0.5)
            lines.do("ins.save('now.png')")
            if (now := (tmp_path / "now.png").read_bytes()) not in seen:
                seen.append(now)
                return
            assert time.monotonic() < end, f"{deeds} changed nothing"

    changed()
    changed(("click", "4"))
    away = ("mousemove_relative", "--", "30", "20")
    changed(("mousedown", "1"), away, away, ("mouseup", "1"))
    changed(("mousedown", "3"), away, away, ("mouseup", "3"))
    changed(("key", "i"))
    assert '"stretch": "log"' in (tmp_path / "inspect.json").read_text()
    changed(("key", "0"))


def test_the_next_frame_comes_while_the_prompt_sleeps(lines: Lines, screen: Screen) -> None:
    lines.do("ins = inspect([Frame(f'{n}.fits') for n in range(3)], block=False)")
    (window,) = screen.wait(lines, "^0.fits", 1)
    place = middle(screen, window)
    lines.start("time.sleep(20)")
    screen.press_until(lines, window, "n", place, "^[12].fits", 1)
    lines.end()
    assert lines.do("ins.press('n', 5, 5); ins.press('n', 5, 5)").endswith("this is the last of 3")
    assert lines.do("print(ins.name, ins.press('x', 5, 5) is None)").splitlines()[-1] == (
        "2.fits False"
    )
    assert lines.do("print(ins.table['frame'][-1])") == "2.fits"

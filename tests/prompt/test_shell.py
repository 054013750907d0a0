"""The prompt itself, typed at on a pseudo-terminal."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pexpect
import pytest
from prompt_process import CODES, Prompt

pytestmark = pytest.mark.services


def test_the_banner_tells_who_and_where(prompt: Prompt) -> None:
    assert re.search(r"^Python 3\.\d+", prompt.banner, re.MULTILINE)
    assert re.search(r"^ {15}Welcome to the awe Environment", prompt.banner, re.MULTILINE)
    profile = prompt.banner[prompt.banner.index("Current profile:") :]
    assert re.match(
        r"Current profile:\s*\n- username : AW\w+\s*\n- database : \S+\s*\n"
        r"- project  : OMEGACAM@VST\s*\n- current privileges : 1 \(MyDB\)",
        profile,
    )


def test_results_look_like_python_s(prompt: Prompt) -> None:
    assert prompt.type("1 + 1") == "2"
    assert prompt.type("_ + 40") == "42"
    assert prompt.type("None") == ""
    assert prompt.type("'abc'") == "'abc'"


def test_a_loop_on_one_line_runs_at_once(prompt: Prompt) -> None:
    assert prompt.type("for i in (1, 2): print(i)") == "1\n2"


def test_lines_continue_by_backslash_and_by_bracket(prompt: Prompt) -> None:
    prompt.type("x = \\\n     (1) + \\\n     (2)")
    assert prompt.type("x") == "3"
    assert prompt.type("print('a',\n             'b')") == "a b"


def test_a_prompt_copied_with_the_line_is_ignored(prompt: Prompt) -> None:
    assert prompt.type("awe> 20 + 1") == "21"


def test_a_mistake_is_one_line_and_its_traceback_one_command_away(prompt: Prompt) -> None:
    said = prompt.type("context.set_project('TUTORIAL2O15')")
    assert len(said.splitlines()) == 1
    assert "TUTORIAL2015" in said
    said = prompt.type("(RawScienceFrame.is_valid > 0).max('NO_SUCH')")
    assert re.fullmatch(r"\w+: .*NO_SUCH.*", said)
    assert "Traceback" in prompt.type("%traceback")
    assert prompt.type("1 + 1") == "2"


def test_a_defect_keeps_its_traceback(prompt: Prompt) -> None:
    said = prompt.type("1 / 0")
    assert said.startswith("Traceback")
    assert said.endswith("ZeroDivisionError: division by zero")


def test_interrupt_leaves_a_usable_prompt(prompt: Prompt) -> None:
    prompt.child.send("import time; time.sleep(60)\r")
    time.sleep(0.7)
    start = time.monotonic()
    prompt.child.sendintr()
    prompt.child.expect("Interrupted")
    prompt.wait()
    assert time.monotonic() - start < 2
    assert prompt.type("1 + 1") == "2"


def test_interrupt_in_a_query_cancels_it_on_the_server(prompt: Prompt) -> None:
    prompt.child.send("database.execute('SELECT pg_sleep(60)')\r")
    time.sleep(0.7)
    prompt.child.sendintr()
    prompt.child.expect("Interrupted")
    prompt.wait()
    left = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE %s AND pid <> pg_backend_pid()"
    running = f"database.execute({left!r} + \" AND state = 'active'\", ('%pg_sleep(60)%',))"
    assert prompt.type(running) == "[(0,)]"
    assert prompt.type("len(RawScienceFrame.select_all())") == "0"


def test_interrupt_clears_a_half_typed_line(prompt: Prompt) -> None:
    prompt.child.send("this is no python")
    time.sleep(0.3)
    prompt.child.sendintr()
    time.sleep(0.3)
    assert prompt.type("1 + 1").splitlines()[-1] == "2"


def test_tab_completes_through_a_link(prompt: Prompt) -> None:
    prompt.type("red = ReducedScienceFrame(); red.bias = BiasFrame()")
    prompt.child.send("red.bias.raw_bi\t")
    time.sleep(0.5)
    assert prompt.type("").splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("text", "rest", "wanted"),
    [
        ("context.set_project('TUTORIAL", "')", "TUTORIAL2015"),
        ("x = 'nothing of awe", "'", "'nothing of awe'"),
        ("Env.get('", "')", "Env.get('')"),
        ("x = open('/etc/hostn", "').name", "/etc/hostname"),
        # the chips of the cameras that come with awe are there before any frame
        ("RawScienceFrame.chip.name == '", "'", "name == 'ESO_CCD_#'"),
    ],
)
def test_tab_inside_quotes_types_values_and_never_a_magic(
    prompt: Prompt, text: str, rest: str, wanted: str
) -> None:
    for _ in range(2):  # the first may come before the database has answered
        prompt.child.send(text + "\t")
        time.sleep(1)
        prompt.child.send("\x05" + rest + "\r")
        prompt.wait()
    raw = prompt.type("print(get_ipython().history_manager.input_hist_raw[-2])")
    assert wanted in raw
    assert "%" not in raw


def test_help_lists_the_arguments_and_the_hot_keys(prompt: Prompt) -> None:
    prompt.type("import pydoc; pydoc.pager = pydoc.plainpager")
    said = prompt.type("help(RawScienceFrame.inspect)")
    assert re.search(r"w\s+3-D wire-frame", said)
    assert "kappa" in said
    assert "instrument" in prompt.type("help(BiasTask)")


OWN = """from awe.recipes import Task


class {name}Task(Task):
    \"\"\"A recipe of one's own.\"\"\"

    makes = ("BiasFrame",)
    raw = "RawBiasFrame"
{more}
"""


def test_a_recipe_that_came_while_the_prompt_is_open_is_found(
    prompt: Prompt, awe_home: Path
) -> None:
    folder = awe_home / "recipes"
    folder.mkdir(exist_ok=True)
    assert "NameError" in prompt.type("LateBiasTask")
    (folder / "latebias.py").write_text(OWN.format(name="LateBias", more=""))
    (folder / "spoilt.py").write_text(OWN.format(name="Spoilt", more="    nonsense = undeclared"))
    try:
        assert prompt.type("LateBiasTask.identifier()") == "'LateBias'"
        said = prompt.type("SpoiltTask")
        assert "recipe Spoilt left out: NameError: name 'undeclared' is not defined" in said
        assert f"({folder / 'spoilt.py'}, line " in said
    finally:
        (folder / "latebias.py").unlink()
        (folder / "spoilt.py").unlink()


def test_history_is_kept(awe_home: Path, tmp_path: Path) -> None:
    first = Prompt(awe_home, tmp_path)
    first.type("remembered_value = 4711")
    first.child.sendcontrol("d")
    first.child.expect(pexpect.EOF)
    second = Prompt(awe_home, tmp_path)
    second.child.send("\x1b[A\x1b[A")
    time.sleep(0.3)
    second.type("")
    assert second.type("remembered_value") == "4711"
    second.close()


@pytest.mark.parametrize(
    ("end", "status"),
    [("eof", 0), ("sys_exit", 3), ("term", 128 + signal.SIGTERM), ("hup", 128 + signal.SIGHUP)],
)
def test_every_way_out_closes_the_connection(
    awe_home: Path, tmp_path: Path, end: str, status: int
) -> None:
    leaving = Prompt(awe_home, tmp_path)
    number = int(leaving.type("database.execute('SELECT pg_backend_pid()')[0][0]"))
    if end == "eof":
        leaving.child.sendcontrol("d")
    elif end == "sys_exit":
        leaving.child.send("import sys; sys.exit(3)\r")
    else:
        leaving.child.kill(signal.SIGTERM if end == "term" else signal.SIGHUP)
    leaving.child.expect(pexpect.EOF, timeout=10)
    said = CODES.sub("", leaving.child.before)
    leaving.child.close()
    assert leaving.child.exitstatus == status
    assert "Traceback" not in said
    witness = Prompt(awe_home, tmp_path)
    gone = f"database.execute('SELECT count(*) FROM pg_stat_activity WHERE pid = {number}')"
    assert witness.type(gone) == "[(0,)]"
    witness.close()


def test_terminate_breaks_off_a_running_command(prompt: Prompt) -> None:
    prompt.child.send("import time; time.sleep(60)\r")
    time.sleep(0.7)
    prompt.child.kill(signal.SIGTERM)
    prompt.child.expect(pexpect.EOF, timeout=10)
    prompt.child.close()
    assert prompt.child.exitstatus == 128 + signal.SIGTERM


def test_the_profile_lies_below_awe_home(prompt: Prompt, awe_home: Path) -> None:
    assert (awe_home / "prompt" / "history.sqlite").exists()


def test_help_and_a_question_mark_lead_to_awe_s_page(prompt: Prompt) -> None:
    assert "New here? Type help." in prompt.banner
    for asked in ("help", "?", "help()", "awe_help()"):
        said = prompt.type(asked)
        assert "do the tutorial" in said, asked
        (path,) = re.findall(r"\S+tutorial\.md", said)
        assert Path(path).exists()


def test_a_class_with_a_question_mark_shows_attributes_with_units(prompt: Prompt) -> None:
    prompt.type("from IPython.core import page; page.page = lambda t, **k: print(t['text/plain'])")
    said = prompt.type("RawScienceFrame?")
    assert re.search(r"EXPTIME +float +Exposure time.* \[s(ec)?\]", said), said
    assert re.search(r"chip +Chip", said)
    assert "[None]" not in said


def test_a_loop_typed_by_hand_is_indented(prompt: Prompt) -> None:
    for line in ("for i in range(3):", "print(i * 10)", ""):
        prompt.child.send(line + "\r")
        time.sleep(0.3)
    prompt.child.expect("20\r?\n")
    prompt.wait()
    assert prompt.type("i") == "2"


def test_whos_lists_what_the_user_made(prompt: Prompt) -> None:
    assert "Interactive namespace is empty" in prompt.type("%whos")
    prompt.type("mine = 5")
    said = prompt.type("%whos")
    assert "mine" in said
    assert "RawScienceFrame" not in said
    assert len(said.splitlines()) == 3


def test_a_name_nobody_knows_gets_a_suggestion(prompt: Prompt) -> None:
    assert prompt.type("Reduc").endswith(
        "NameError: name 'Reduc' is not defined; did you mean 'ReduceTask'?"
    )
    assert prompt.type("qwertyuiop").endswith("NameError: name 'qwertyuiop' is not defined")


def test_a_mistake_in_what_prints_itself_is_one_line_too(prompt: Prompt) -> None:
    prompt.type("class Odd:\n    def __repr__(self): raise NotFound('nothing here')\n")
    assert prompt.type("Odd()") == "NotFound: nothing here"


def test_a_figure_that_was_drawn_is_told_of(prompt: Prompt) -> None:
    said = prompt.type("import matplotlib.pyplot as plt; drawn = plt.hist([1, 2, 2])")
    assert said == (
        "the figure is drawn; there is no display: plt.savefig('figure.png') writes it"
    )
    assert prompt.type("1 + 1") == "2"


def test_a_dumb_terminal_shows_each_letter_once(awe_home: Path, tmp_path: Path) -> None:
    dumb = Prompt(awe_home, tmp_path, TERM="dumb")
    dumb.child.send("print(6 * 7)\r")
    dumb.child.expect(r"42\r?\n")
    assert "print(6 * 7)\r" in CODES.sub("", dumb.child.before).replace("\n", "\r") + "\r"
    assert "7))" not in dumb.child.before
    dumb.close()

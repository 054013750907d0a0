"""The prompt as an application of IPython: what it reads, and what it refuses to read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from prompt_process import AWE, CODES, PATIENCE, Prompt, environment

from awe.errors import ConfigError
from awe.prompt import profile

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]


@pytest.fixture
def place(awe_home: Path) -> Iterator[Path]:
    """The profile of the prompt; what a test writes there is gone afterwards."""
    folder = awe_home / "prompt"
    (folder / "startup").mkdir(parents=True, exist_ok=True, mode=0o700)
    yield folder
    for path in [*folder.glob("ipython_config.*"), *folder.glob("startup/*.py")]:
        path.unlink()


def refused(home: Path, directory: Path) -> str:
    """What `awe` says that ends before its first prompt."""
    child = pexpect.spawn(
        str(AWE), env=environment(home), cwd=str(directory), encoding="utf-8", timeout=PATIENCE,
        dimensions=(60, 400),
    )  # fmt: skip
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    return CODES.sub("", child.before or "").strip()


def test_traits_extensions_and_startup_files_are_read(
    place: Path, awe_home: Path, tmp_path: Path
) -> None:
    (place / "ipython_config.py").write_text(
        "c.Awe.banner = False\n"
        "c.Awe.prompt = '{project} {level} {n} awe> '\n"
        "c.InteractiveShell.xmode = 'Minimal'\n"
        "c.InteractiveShellApp.extensions = ['autoreload']\n"
        "c.InteractiveShellApp.exec_lines = ['%autoreload 2']\n"
    )
    (place / "startup" / "10-first.py").write_text(
        "import math\nhalf = RawScienceFrame\nfull = ReduceTask, Pars\n"
    )
    (place / "startup" / "20-second.py").write_text("def twice(x):\n    return 2 * x\n1 / 0\n")
    (place / "startup" / "30-third.py").write_text("third = twice(3)\n")
    prompt = Prompt(awe_home, tmp_path)
    try:
        assert "Welcome" not in prompt.banner
        assert re.search(r"OMEGACAM@VST 1 1 \Z", prompt.banner)
        assert "ZeroDivisionError" in prompt.banner
        said = prompt.type("third, half is RawScienceFrame, math.pi > 3")
        assert said.endswith("(6, True, True)")
        assert prompt.type("1 / 0").endswith("\nZeroDivisionError: division by zero")
        assert "Traceback" not in prompt.type("1 / 0")
        assert "autoreload" in prompt.type("%load_ext autoreload")
        assert "Interactive namespace is empty" in prompt.type("%whos")
        prompt.type("%config Awe.prompt = 'awe> '")
        assert prompt.type("%config Awe.prompt").endswith("'awe> '")
    finally:
        prompt.close()


def test_autoreload_takes_a_changed_module(prompt: Prompt, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def f():\n    return 1\n")
    prompt.type(f"import sys; sys.path.append({str(tmp_path)!r})")
    prompt.type("%load_ext autoreload\n%autoreload 2")
    assert prompt.type("import own; own.f()") == "1"
    (tmp_path / "own.py").write_text("def f():\n    return 22 + 0\n")
    assert prompt.type("own.f()") == "22"


def test_nothing_is_read_from_the_working_directory_or_from_other_places(
    awe_home: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "read"
    trap = f"open({str(mark)!r}, 'a').write(__file__)\n"
    here, user = tmp_path / "here", tmp_path / "user"
    for folder in (here, here / "profile_default", user / ".ipython" / "profile_default"):
        (folder / "startup").mkdir(parents=True)
        (folder / "ipython_config.py").write_text(trap)
        (folder / "awe_config.py").write_text(trap)
        (folder / "ipython_config.json").write_text('{"Awe": {"prompt": "trap> "}}')
        (folder / "startup" / "00.py").write_text(trap)
    (here / "autoreload.py").write_text(trap)
    (here / "python_startup.py").write_text(trap)
    prompt = Prompt(
        awe_home, here, HOME=str(user), IPYTHONDIR=str(user / ".ipython"),
        PYTHONSTARTUP="python_startup.py",
    )  # fmt: skip
    try:
        prompt.type("%load_ext autoreload")
        assert prompt.type("import sys; '' in sys.path or '.' in sys.path") == "False"
    finally:
        prompt.close()
    assert not mark.exists()


def test_the_configuration_may_name_another_one(
    place: Path, awe_home: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "ipython_config.py"
    theirs.write_text("c.Awe.banner = False\n")
    theirs.chmod(0o600)
    (place / "ipython_config.py").write_text(f"load_subconfig({str(theirs)!r})\n")
    prompt = Prompt(awe_home, tmp_path)
    assert "Welcome" not in prompt.banner
    prompt.close()
    theirs.chmod(0o666)
    said = refused(awe_home, tmp_path)
    assert said.startswith(f"ConfigError: configuration {theirs} is not read: others can write")


@pytest.mark.parametrize("name", ["ipython_config.py", "ipython_config.json", "startup/1.py"])
def test_a_file_others_could_write_is_refused(
    place: Path, awe_home: Path, tmp_path: Path, name: str
) -> None:
    path = place / name
    path.write_text("{}" if name.endswith("json") else "print('was run')\n")
    path.chmod(0o664)
    said = refused(awe_home, tmp_path)
    assert said.endswith(
        f"ConfigError: configuration {path} is not read: others can write to {path} "
        f"(mode 0664); chmod go-w {path}"
    )
    assert "was run" not in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("c.Awe.prompt = 'awe> '\nc.Awe.bannr = 0\n", "`bannr` not recognized"),
        ("\nnonsense\n", "ipython_config.py line 2: NameError: name 'nonsense' is not defined;"),
        ("c.Awe.prompt = (\n", "line 1: SyntaxError: '(' was never closed"),
    ],
)
def test_a_mistake_in_the_configuration_is_named_and_the_prompt_opens(
    place: Path, awe_home: Path, tmp_path: Path, text: str, words: str
) -> None:
    (place / "ipython_config.py").write_text(text)
    prompt = Prompt(awe_home, tmp_path)
    assert words in prompt.banner
    assert prompt.type("1 + 1") == "2"
    prompt.close()


def test_a_value_a_trait_does_not_take_is_refused(
    place: Path, awe_home: Path, tmp_path: Path
) -> None:
    (place / "ipython_config.py").write_text("c.Awe.prompt = '{proj}> '\n")
    said = refused(awe_home, tmp_path)
    assert "Awe.prompt is '{proj}> '; expected text with no braces but {user}" in said
    assert "Traceback" not in said


def test_who_could_have_written_a_file(tmp_path: Path) -> None:
    home = tmp_path / "home"
    path = home / "prompt" / "startup" / "1.py"
    path.parent.mkdir(parents=True)
    path.write_text("")
    for each in (path, path.parent, path.parent.parent, home):
        each.chmod(0o644 if each == path else 0o755)
    profile.refuse_foreign(path, home)
    for each in (path, path.parent, home / "prompt", home):
        mode = each.stat().st_mode
        each.chmod(mode | 0o020)
        with pytest.raises(ConfigError, match=rf"chmod go-w {each}\Z"):
            profile.refuse_foreign(path, home)
        each.chmod(mode)
    link = tmp_path / "elsewhere.py"
    link.write_text("")
    link.chmod(0o602)
    path.unlink()
    path.symlink_to(link)
    with pytest.raises(ConfigError, match=f"others can write to {link}"):
        profile.refuse_foreign(path, home)
    link.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(link, 12345, -1)
        with pytest.raises(ConfigError, match="belongs to another account"):
            profile.refuse_foreign(path, home)

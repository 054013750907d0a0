"""`%load_ext awe` in a real kernel: names, one-line mistakes, completion, images in place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import numpy as np
import pytest
from prompt_process import PATIENCE, environment

from awe import fits

manager = pytest.importorskip("jupyter_client.manager", reason="jupyter-client is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

class Kernel:
    """A notebook's kernel, and what its cells give."""

    def __init__(self, home: Path, directory: Path) -> None:
        self._manager, self.client = manager.start_new_kernel(
            kernel_name="python3", startup_timeout=PATIENCE,
            env=environment(home), cwd=str(directory),
        )  # fmt: skip

    def run(self, code: str) -> dict[str, Any]:
        """Run a cell; return its text, its pictures, and its error if it ended in one."""
        found: dict[str, Any] = {"text": "", "pictures": [], "error": ""}

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                found["text"] += content["text"]
            elif message["msg_type"] in ("display_data", "execute_result"):
                found["text"] += content["data"].get("text/plain", "")
                found["pictures"] += [content["data"].get("image/png")]
            elif message["msg_type"] == "error":
                found["error"] = content["ename"]

        self.client.execute_interactive(code, output_hook=hear, timeout=PATIENCE)
        found["pictures"] = [picture for picture in found["pictures"] if picture]
        return found

    def completions(self, code: str) -> list[str]:
        number = self.client.complete(code)
        while True:
            try:
                reply = self.client.get_shell_msg(timeout=PATIENCE)
            except Empty:
                pytest.fail("the kernel does not complete")
            if reply["parent_header"].get("msg_id") == number:
                matches: list[str] = reply["content"]["matches"]
                return matches

    def close(self) -> None:
        self.client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel(awe_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    opened = Kernel(awe_home, tmp_path_factory.mktemp("notebook"))
    assert opened.run("%load_ext awe")["text"].startswith("awe: AW")
    yield opened
    opened.close()


def test_the_names_of_the_prompt_are_there(kernel: Kernel) -> None:
    assert kernel.run("print(len(RawScienceFrame.select_all()))")["text"] == "0\n"
    assert "TUTORIAL2015" in kernel.run("context.set_project('TUTORIAL2015')")["text"]
    assert kernel.run("__name__")["text"] == "'__main__'"


def test_a_mistake_is_one_line_and_a_defect_keeps_its_traceback(kernel: Kernel) -> None:
    said = kernel.run("context.set_project('TUTORIAL2051')")
    assert said["text"].startswith("ProjectUnknown: there is no project 'TUTORIAL2051'")
    assert said["text"].count("\n") == 1
    assert kernel.run("1 / 0")["error"] == "ZeroDivisionError"


def test_tab_completes_through_links(kernel: Kernel) -> None:
    assert any("template" in found for found in kernel.completions("RawScienceFrame.templ"))


def test_tab_inside_quotes_offers_values_and_arguments_and_no_magics(kernel: Kernel) -> None:
    assert kernel.completions("dpu.run('Redu") == ["Reduce"]
    kernel.completions("context.set_project('")
    assert "TUTORIAL2015" in kernel.completions("context.set_project('")
    assert kernel.completions("x = '") == []
    found = kernel.completions("BiasFrame().inspect(")
    assert "cmap=" in found
    assert len(found) < 30
    assert not [name for name in kernel.completions("x = ti") if name.startswith("%")]
    kernel.run("import numpy as np")
    assert any("sort" in name for name in kernel.completions("np.zeros(3).so"))


def test_inspect_draws_in_place(kernel: Kernel, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).normal(500, 10, (60, 80)).astype(np.float32)
    from astropy.io.fits import Header

    path = fits.write(tmp_path / "frame.fits", fits.Image(pixels, Header()))
    kernel.run("frame = BiasFrame(); frame.filename = 'frame.fits'")
    kernel.run(f"frame.pathname = {str(path)!r}")
    shown = kernel.run("ins = frame.inspect()")
    assert shown["error"] == ""
    assert len(shown["pictures"]) == 1, shown["text"]
    measured = kernel.run("ins.press('m', 40, 30)")
    assert measured["error"] == ""
    assert kernel.run("print(len(ins.table))")["text"] == "1\n"
    plotted = kernel.run("r = ins.press('w', 40, 30)")
    assert len(plotted["pictures"]) == 1, plotted


def test_custom_handlers_of_others_work_beside_it_and_stay_when_it_is_unloaded(
    awe_home: Path, tmp_path: Path
) -> None:
    opened = Kernel(awe_home, tmp_path)
    opened.run("def mine(shell, kind, error, trace, tb_offset=None): print('mine:', error)")
    opened.run("get_ipython().set_custom_exc((ZeroDivisionError,), mine)")
    opened.run("%load_ext awe")
    assert opened.run("1 / 0")["text"] == "mine: division by zero\n"
    assert opened.run("context.set_privileges(9)")["text"].startswith("ArgumentError: ")
    opened.run("%unload_ext awe")
    assert opened.run("1 / 0")["text"] == "mine: division by zero\n"
    opened.run("%load_ext awe")
    opened.run("get_ipython().set_custom_exc((KeyError,), mine)")
    opened.run("%unload_ext awe")
    assert opened.run("{}['later']")["text"] == "mine: 'later'\n"
    opened.close()


def test_unloaded_the_names_are_gone(awe_home: Path, tmp_path: Path) -> None:
    opened = Kernel(awe_home, tmp_path)
    opened.run("%load_ext awe")
    opened.run("context = 'mine'")
    assert opened.run("%unload_ext awe")["error"] == ""
    assert opened.run("RawScienceFrame")["error"] == "NameError"
    assert opened.run("context")["text"] == "'mine'"
    opened.close()

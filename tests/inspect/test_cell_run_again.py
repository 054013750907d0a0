"""A live window belongs to the last run of its cell: a real kernel is told which cell it runs."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from typing import Any

import pytest

lacks = [name for name in ("ipykernel", "ipympl") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(lacks), reason="no ipympl (awe-prompt[notebook])")

OPEN = """%matplotlib widget
import numpy as np
from awe.inspect.frame import inspect
import matplotlib.pyplot as plt
windows = [inspect(np.eye(40, dtype="f4")) for _ in range(2)]
print(plt.get_fignums())
"""


class Kernel:
    """A kernel of Jupyter, told of cells as JupyterLab does."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(self, code: str, cell: str | None = None) -> list[int]:
        """Run a cell; return the numbers it prints."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {},
                   "allow_stdin": False, "stop_on_error": True}  # fmt: skip
        asked = self._client.session.msg(
            "execute_request", content, metadata={"cellId": cell} if cell else {}
        )
        self._client.shell_channel.send(asked)
        printed = ""
        while True:
            message = self._client.get_iopub_msg(timeout=120)
            if message["parent_header"].get("msg_id") != asked["header"]["msg_id"]:
                continue
            kind, told = message["msg_type"], message["content"]
            assert kind != "error", told
            printed += told["text"] if kind == "stream" else ""
            if kind == "status" and told["execution_state"] == "idle":
                return list(json.loads(printed))


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(startup_timeout=120)
    try:
        yield Kernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_cell_that_is_run_again_closes_its_windows(kernel: Kernel) -> None:
    assert kernel.run(OPEN, "one") == [1, 2]
    assert kernel.run(OPEN, "one") == [3, 4]
    assert kernel.run(OPEN, "two") == [3, 4, 5, 6], "windows of another cell stay"
    assert kernel.run(OPEN, "one") == [5, 6, 7, 8]
    # one that was closed by hand is not kept, nor closed twice
    assert kernel.run("windows[0].close(); print(plt.get_fignums())", "three") == [5, 6, 8]
    assert kernel.run(OPEN, "one") == [5, 6, 9, 10]


def test_cells_without_a_name_keep_their_windows(kernel: Kernel) -> None:
    assert kernel.run(OPEN) == [1, 2]
    assert kernel.run(OPEN) == [1, 2, 3, 4]

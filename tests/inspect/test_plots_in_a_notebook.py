"""A plot in a notebook is shown once: below its cell, and not again as the value of the cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

PLOT = "present(lambda: plt.subplots()[0], None, name='x.png', title='t')"


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Any]:
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def pictures(client: Any, code: str) -> int:
    """Return how many pictures a cell shows."""
    client.execute(code)
    number = 0
    while True:
        message = client.get_iopub_msg(timeout=60)
        content = message["content"]
        assert message["msg_type"] != "error", content
        number += "image/png" in content.get("data", ())
        if content.get("execution_state") == "idle":
            return number


@pytest.mark.timeout(200)
def test_a_plot_is_shown_once_however_the_cell_ends(kernel: Any) -> None:
    begin = "from awe.inspect.shown import present; from matplotlib import pyplot as plt"
    assert pictures(kernel, begin) == 0
    assert pictures(kernel, PLOT) == 1
    assert pictures(kernel, f"figure = {PLOT}") == 1
    assert pictures(kernel, "figure") == 1
    assert pictures(kernel, f"figure = {PLOT}\nfigure") == 1
    assert pictures(kernel, PLOT.replace("None", "'written.png'", 1)) == 1

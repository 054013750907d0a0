"""Windows are drawn to files, in a directory and a home of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from screens import desktop, screen, toolkit  # noqa: F401 - fixtures

from awe.inspect import backend


@pytest.fixture(autouse=True)
def _no_display(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.chdir(tmp_path)
    # what somebody chose in a window of this machine is not what tests see
    monkeypatch.setenv("AWE_HOME", str(tmp_path / "home"))
    backend.forget()

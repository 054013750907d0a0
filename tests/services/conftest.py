"""An installation of its own for each module of these tests."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_process import installation

from awe.services import stack
from awe.services.cluster import Cluster, ClusterSettings
from awe.services.installation import Installation

SETTINGS = ClusterSettings(durable=False, ballast_bytes=0, shared_buffers="16MB")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that exists, is empty, and is removed afterwards."""
    made = Path(tempfile.mkdtemp(prefix=f"awe-{secrets.token_hex(3)}-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def house() -> Iterator[Path]:
    """One running installation for the module."""
    with installation("house") as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWE_HOME", str(home))
        stack.start(Installation(home))
        yield home


@pytest.fixture
def home(place: Path) -> Path:
    """An AWE_HOME that does not exist yet, below a directory everybody may pass."""
    place.chmod(0o755)
    return place / "home"


@pytest.fixture
def small(home: Path) -> Iterator[Cluster]:
    """A cluster of its own, not started; stopped and removed afterwards."""
    made = Cluster(home, SETTINGS)
    yield made
    made.destroy()

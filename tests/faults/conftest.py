"""A calibrated night with services of its own, to be killed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import taken
from tests.faults.bed import Bed
from tests.recipes.conftest import Made, _make


@pytest.fixture(scope="session")
def ingested_once(cluster, template, tmp_path_factory) -> Made:
    # not the database of tests/recipes, which may be there already
    folder = tmp_path_factory.mktemp("ingested")
    return _make(cluster, template, f"{template}_faults", folder)


@pytest.fixture(scope="session")
def calibrated_once(cluster, ingested_once, tmp_path_factory) -> Made:
    folder = tmp_path_factory.mktemp("calibrated")
    of = ingested_once.pool.template
    return _make(cluster, of, f"{of}_calibrated", folder, ingested_once)


@contextmanager
def laid(made: Made, workers: int) -> Iterator[Bed]:
    # sockets have short names
    folder = Path(tempfile.mkdtemp(prefix="awe-k-"))
    with taken(made.pool) as db:
        bed = Bed(db, made.folder / "files", folder, workers)
        try:
            yield bed
        finally:
            bed.close()
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def bed(calibrated_once: Made) -> Iterator[Bed]:
    with laid(calibrated_once, workers=4) as made:
        yield made


@pytest.fixture
def frames(calibrated_once: Made) -> list[tuple[str, str]]:
    """The chip and the name of every raw science frame."""
    return [
        (frame.chip.name, frame.filename)
        for frame in calibrated_once.night.frames
        if type(frame).__name__ == "RawScienceFrame"
    ]

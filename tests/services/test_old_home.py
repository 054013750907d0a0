"""Homes of earlier versions are brought back, migrated and worked in, with everything in them."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from awe.db.schema import install as schema
from tests.services import old_home

pytestmark = [pytest.mark.services, pytest.mark.timeout(400)]

KEPT = sorted(Path(__file__).parent.glob("home_schema_*.tar.xz"))
#: Nobody has typed this there yet.
MORE = """
bias = max(BiasFrame.is_valid == 1, key=lambda item: item.creation_date)
raw = (RawScienceFrame.chip.name == 'ESO_CCD_#65')[0]
made = ReduceTask(instrument='OMEGACAM', raw_filenames=[raw.filename], commit=True,
                  bias_filename=bias.filename, go_without='all').execute()[0]
print(len(ReducedScienceFrame.filename != ''), made.bias.filename == bias.filename)
"""


@pytest.fixture(params=KEPT, ids=lambda path: path.name.partition(".")[0])
def unpacked(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Give the folder of a kept backup, with what was seen in it."""
    place = Path(tempfile.mkdtemp(prefix="awe-old-"))
    place.chmod(0o755)
    with tarfile.open(request.param) as archive:
        # Python 3.11.2 has no such filter yet
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(place)
    yield place
    shutil.rmtree(place, ignore_errors=True)


def test_a_home_of_before_has_everything_after_its_migration(unpacked):
    home, work = unpacked / "home", unpacked / "work"
    work.mkdir()
    try:
        said = old_home.run(home, "awe.admin", "restore", unpacked / "backup", folder=work)
        kept = json.loads((unpacked / "backup" / "manifest.json").read_text())["schema"]
        if kept < schema.VERSION:
            assert f"its schema is {kept}: awe-admin migrate" in said
            said = old_home.run(home, "awe.admin", "migrate", folder=work)
            assert f"now schema {schema.VERSION}" in said
            old_home.run(home, "awe.admin", "start", folder=work)
        assert "0 findings" in old_home.run(home, "awe.admin", "fsck", folder=work)
        seen = json.loads((unpacked / "seen.json").read_text())
        assert old_home.look(home, work) == seen
        # and the work goes on
        before = len(seen["ReducedScienceFrame"])
        assert old_home.awe(home, work, MORE).splitlines()[-1] == f"{before + 1} True"
    finally:
        old_home.run(home, "awe.admin", "destroy", "--yes", folder=unpacked)

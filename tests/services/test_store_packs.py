"""Raw frames of an installation kept packed, and as they came again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.test_backup import admin, awe, run

pytestmark = [pytest.mark.services, pytest.mark.timeout(400)]

STORE = """
import os, tempfile
from pathlib import Path
import numpy as np
from astropy.io import fits
os.chdir(tempfile.mkdtemp())
rng = np.random.default_rng(1)
for name, shape in (("large.fits", (300, 400)), ("small.fits", (10, 10))):
    pixels = rng.normal(500, 5, shape).astype(np.uint16)
    fits.writeto(name, pixels, checksum=True)
    frame = RawBiasFrame(filename=name, DATE_OBS="2012-06-01T00:00:00")
    frame.pathname = name
    frame.store()
    frame.commit()
"""
READ = """
import hashlib, os, tempfile
from pathlib import Path
import numpy as np
from astropy.io import fits
os.chdir(tempfile.mkdtemp())
rng = np.random.default_rng(1)
pixels = rng.normal(500, 5, (300, 400)).astype(np.uint16)
frame = (RawBiasFrame.filename == "large.fits")[0]
part = frame.cutout(10, 20, 50, 60)
told = [
    (part.data == pixels[20 - 1:60, 10 - 1:50]).all() or part.data.shape,
    frame.header["NAXIS1"] == 400,
    frame.preview().grey.shape == (150, 200),
]
frame.retrieve()
with fits.open("large.fits", checksum=True) as hdus:
    told.append((hdus[0].data == pixels).all())
print(told)
"""


def test_all_raw_frames_and_back(house: Path, place: Path) -> None:
    awe(house, STORE)
    whole = awe(house, READ)
    assert whole.endswith("[True, True, True, True]") or "np.True_" in whole
    told = admin(house, "store", "pack")
    assert "1 raw frames are packed now, 0.1 MB less; 1 were so or are not worth it" in told
    assert len(list((house / "files" / "objects").rglob("*.fz"))) == 1
    assert "2 files at" in admin(house, "store")
    assert awe(house, READ) == whole
    assert "2 files read, 0 findings" in admin(house, "fsck")
    assert "0 raw frames are packed now" in admin(house, "store", "pack")
    # a backup has what came
    assert "2 files" in admin(house, "backup", place / "backups")
    assert list((place / "backups").rglob("*.fz")) == []
    told = admin(house, "store", "pack", "--undo")
    assert "1 raw frames are as they came again, 0.1 MB more" in told
    assert list((house / "files" / "objects").rglob("*.fz")) == []
    assert awe(house, READ) == whole


def test_a_damaged_one_is_named_and_left(house: Path) -> None:
    [path] = [p for p in (house / "files" / "objects").rglob("*-*") if p.stat().st_size > 100_000]
    path.chmod(0o600)
    with path.open("r+b") as stream:
        stream.seek(50_000)
        stream.write(b"damaged")
    told = run(house, "-m", "awe.admin", "store", "pack")
    assert told.returncode == 1
    assert "damaged: large.fits" in told.stdout
    assert path.exists()
    assert not path.with_suffix(".fz").exists()

"""Frames as arrays: pixels, header, coordinates, CCDData and back, local files without awe."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from awe.errors import FileGone, Refused

CHIP = "ESO_CCD_#65"


def reduced(night):
    from awe import recipes

    task = recipes.find("Reduce")
    return task(instrument="OMEGACAM", template=night.template.start, c=CHIP, C=1).execute()[0]


def fitsverify(path):
    """What fitsverify has against a file; nothing where the program is not installed."""
    if shutil.which("fitsverify") is None:
        return ""
    told = subprocess.run(["fitsverify", "-q", str(path)], capture_output=True, text=True)
    return "" if "verification OK" in told.stdout else told.stdout


def test_a_reduced_frame_goes_to_ccddata_and_back(calibrated, tmp_path):
    from astropy.nddata import CCDData

    from awe.model.science import ReducedScienceFrame

    red = reduced(calibrated)
    ccd = red.to_ccddata()
    assert ccd.unit == "adu"
    assert np.array_equal(ccd.data, red.data, equal_nan=True)
    assert np.array_equal(ccd.mask, ccd.flags != 0)
    assert ccd.uncertainty.array.shape == ccd.data.shape
    # the place of a pixel of the trimmed frame is that of the raw pixel it was
    raw = red.raw.wcs if red.raw.wcs.has_celestial else None
    sky = red.wcs.pixel_to_world_values(30, 40)
    assert red.header["CRPIX1"] == red.raw.astrom.CRPIX1 - 12
    assert raw is None or np.allclose(sky, raw.pixel_to_world_values(42, 40), atol=1e-9)
    half = ccd.divide(2.0)
    back = ReducedScienceFrame.from_ccddata(ccd, tmp_path / "copy.fits", raw=red.raw)
    again = back.to_ccddata()
    assert np.array_equal(again.data, ccd.data, equal_nan=True)
    assert np.array_equal(again.flags, ccd.flags)
    assert np.array_equal(again.mask, ccd.mask)
    assert np.allclose(again.uncertainty.array, ccd.uncertainty.array, equal_nan=True)
    assert np.allclose(again.wcs.pixel_to_world_values(30, 40), sky, atol=1e-9)
    assert again.meta["AWE ID"] == str(red.object_id)
    assert half.unit == ccd.unit
    ccd.write(tmp_path / "astropy.fits")
    for name in ("copy.fits", "astropy.fits"):
        assert fitsverify(tmp_path / name) == ""
    theirs = CCDData.read(tmp_path / "astropy.fits")
    assert np.array_equal(theirs.data, ccd.data, equal_nan=True)
    assert np.array_equal(theirs.mask, ccd.mask)
    assert np.allclose(theirs.wcs.pixel_to_world_values(30, 40), sky, atol=1e-9)
    with pytest.raises(FileGone, match=r"no file 'absent\.fits' here"):
        ReducedScienceFrame(pathname="absent.fits")


def test_other_readers_find_pixels_flags_and_variance(calibrated):
    from astropy.io import fits
    from astropy.nddata import CCDData

    red = reduced(calibrated)
    with fits.open(red.pathname) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "MASK", "UNCERT"]
        assert hdus[0].header["BUNIT"] == "adu"
        assert hdus["MASK"].data.dtype.kind == "u"
    assert CCDData.read(red.pathname, hdu_mask=None, hdu_uncertainty=None).unit == "adu"


WITHOUT = """
import sys
from awe.model.calibrations import BaseFrame
frame = BaseFrame(pathname=sys.argv[1])
print(frame.filename, frame.data.shape, frame.header["OBJECT"], frame.to_ccddata().unit)
frame.inspect()
"""


def test_any_local_file_is_wrapped_without_a_database(tmp_path):
    from astropy.io.fits import Header

    from awe import fits
    from awe.model.calibrations import BaseFrame

    path = tmp_path / "mine.fits"
    fits.write(path, fits.Image(np.ones((20, 30), np.float32), Header([("OBJECT", "M 5")])))
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(path)], capture_output=True, text=True, check=False,
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "MPLBACKEND": "agg"},
        timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "mine.fits (20, 30) M 5 adu" in ran.stdout
    assert list(tmp_path.glob("*.png"))
    with pytest.raises(Refused, match="wraps a local file"):
        BaseFrame(pathname=path)._ready()

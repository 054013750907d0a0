"""Science frames of real cameras get lists of their sources, and a place on the sky."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import Table
from astropy.wcs import WCS
from own_camera import observing

from awe import instruments
from awe.errors import AweError, NotFound, NoValidPixels
from awe.ingest import ingest
from awe.ingest.reference import ingest_reference
from awe.model.astrometry import AstrometricParameters
from awe.model.raw import RawScienceFrame
from awe.recipes.astrometry import AstrometryTask
from awe.recipes.bias import BiasTask
from awe.recipes.coldpixels import ColdPixelsTask
from awe.recipes.dark import DarkTask
from awe.recipes.domeflat import DomeFlatTask
from awe.recipes.hotpixels import HotPixelsTask
from awe.recipes.masterflat import MasterFlatTask
from awe.recipes.readnoise import ReadNoiseTask
from awe.recipes.reduce import ReduceTask
from awe.recipes.regrid import RegridTask
from awe.recipes.sourcelist import SourceListTask

REAL = Path(__file__).parents[3] / "shared" / "data"
CAMERAS = Path(__file__).with_name("cameras")
KELT = REAL / "kelt16_minireduction"
STE3 = REAL / "saao_ste3_raw" / "a8280271.fits.gz"
STRAYED = 256
FRAME = KELT / "kelt-16-b-S001-R001-C084-r.fit.gz"

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(not KELT.is_dir(), reason="no real frames here"),
    pytest.mark.filterwarnings("ignore::astropy.wcs.FITSFixedWarning"),
]


def write(folder, name, pixels, cards):
    hdu = fits.PrimaryHDU(np.rint(np.clip(pixels, 0, 65535)).astype(np.uint16))
    hdu.header.update(cards)
    hdu.writeto(folder / f"{name}.fits")


def night_of_aspen(folder):
    """Write single exposures whose means are the masters of the camera."""
    masters = {}
    for path in KELT.glob("combined_*.fit.gz"):
        masters[path.name.split("_")[1].split(".")[0]] = fits.getdata(path).astype(float)
    bias, dark, flat = (masters[name] for name in ("bias", "dark", "flat"))
    random = np.random.default_rng(16)
    common = {"INSTRUME": "AspenCG16", "XBINNING": 1, "YBINNING": 1, "CCD-TEMP": -20.0}
    kinds = {
        "bias": ("BIAS", 0.0, lambda: bias),
        "dark": ("DARK", 90.0, lambda: bias + dark),
        "flat": ("FLAT", 5.0, lambda: bias + random.poisson(flat * 30_000) / 1.5),
    }
    for hour, (kind, (word, seconds, light)) in enumerate(kinds.items()):
        for number in range(6):
            cards = {"IMAGETYP": word, "EXPTIME": seconds, "FILTER": "r",
                     "DATE-OBS": f"2018-08-23T0{hour + 3}:0{number}:00"}  # fmt: skip
            write(folder, f"{kind}{number}", light() + random.normal(0, 6.7, bias.shape),
                  {**common, **cards})  # fmt: skip


def night_of_ste3(folder):
    """Write biases and flats of a uniform lamp with the sections of the frame."""
    header = fits.getheader(STE3)
    random = np.random.default_rng(8)
    for kind, seconds, minute in (("bias", 0, 0), ("flat", 9, 10)):
        for number in range(6):
            pixels = 214 + random.normal(0, 3.2, (520, 536))
            if kind == "flat":
                pixels[:, 16:528] += random.poisson(38_000, (520, 512)) / 1.9
            cards = {word: header[word] for word in ("INSTRUME", "TRIMSEC", "BIASSEC", "FILTERS")}
            cards |= {"IMAGETYP": kind, "EXPTIME": seconds, "DATE-OBS": "2013-07-12",
                      "UT": f"19:{minute + number:02}:00"}  # fmt: skip
            write(folder, f"{kind}{number}", pixels, cards)


def reduced(folder, path, camera, date, filter, *, dark):
    """Bring in a night with one science frame, and return the frame reduced."""
    report = ingest([*sorted(folder.glob("*.fits")), path], commit=True, processes=1)
    assert report.ok, [row.message for row in report]
    [chip] = instruments.get(camera).chips
    common = {"instrument": camera, "chip": chip, "commit": True}
    for task in (ReadNoiseTask, BiasTask, HotPixelsTask, *([DarkTask] if dark else [])):
        task(date=date, **common).execute()
    for task in (DomeFlatTask, ColdPixelsTask, MasterFlatTask):
        task(date=date, filter=filter, **common).execute()
    names = [raw.filename for raw in RawScienceFrame.instrument.name == camera]
    [frame] = ReduceTask(raw_filenames=names, **common).execute()
    return frame


@pytest.fixture
def aspen(db, tmp_path, monkeypatch):
    folder = tmp_path / "night"
    folder.mkdir()
    night_of_aspen(folder)
    text = (CAMERAS / "aspen_cg16.toml").read_text()
    with observing(db, tmp_path, monkeypatch, "ASPEN_CG16", text):
        yield reduced(folder, FRAME, "ASPEN_CG16", "2018-08-22", "ASPEN_CG16_r", dark=True)


@pytest.fixture
def ste3(db, tmp_path, monkeypatch):
    folder = tmp_path / "night"
    folder.mkdir()
    night_of_ste3(folder)
    with observing(db, tmp_path, monkeypatch, "STE3", None):
        yield reduced(folder, STE3, "STE3", "2013-07-12", "STE3_48", dark=False)


def listed(frame):
    [sl] = SourceListTask(
        instrument=frame.instrument.name, red_filenames=[frame.filename], commit=True
    ).execute()
    return sl, sl.sources.to_table()


def test_an_aspen_has_its_place_its_sources_and_too_few_stars(aspen):
    raw = fits.getheader(FRAME)
    # PC and CDELT, and a distortion in SIP
    there = WCS(raw)
    corners = np.array([[0.0, 0.0], [199.0, 3.0], [80.0, 199.0]])
    np.testing.assert_allclose(
        aspen.wcs.all_pix2world(corners, 0), there.all_pix2world(corners, 0), atol=1e-9
    )
    assert pytest.approx(raw["PC2_1"]) == aspen.astrom.CD2_1
    maps = [aspen.weight, aspen.weight.saturated, aspen.weight.cosmic, aspen.weight.satellite]
    for one in (aspen, *maps):
        with fits.open(one.pathname) as hdus:
            there_are = [(hdu.is_image and hdu.shape, hdu.header) for hdu in hdus]
        for shape, header in there_are:
            # planes of astropy's readers, and maps and weights in files of their own
            if shape == aspen.data.shape:
                found = WCS(header).all_pix2world(corners, 0)
                np.testing.assert_allclose(found, there.all_pix2world(corners, 0), atol=1e-9)
                assert header["A_ORDER"] == raw["A_ORDER"]
            else:
                assert "A_ORDER" not in header
    for plane in ("MASK", "UNCERT"):
        ccd = CCDData.read(aspen.pathname, hdu=plane, unit="adu")
        assert ccd.wcs.pixel_to_world(5, 9).separation(aspen.wcs.pixel_to_world(5, 9)).deg < 1e-9
    middle = there.all_pix2world(100, 100, 0)
    query = RawScienceFrame.near(*map(float, middle), 1 / 3600)
    assert [one.filename for one in query] == [aspen.raw.filename]
    made, table = listed(aspen)
    assert made.quality_flags == 0
    assert made.noise == pytest.approx(11.5, abs=0.5)
    assert made.background == pytest.approx(51.0, abs=1.0)
    # the two stars of the cut-out, one of them next to a pixel that was hit
    stars = table[table["NPIX"] > 60]
    assert sorted(np.rint(stars["Xpos"]).astype(int)) == [143, 161]
    assert not (stars["FLAG"] & STRAYED).any()
    for row in stars:
        place = np.ravel(there.all_pix2world(row["XWIN_IMAGE"], row["YWIN_IMAGE"], 1))
        assert (row["RA"], row["DEC"]) == pytest.approx(place, abs=1e-7)
        assert row["FLUX_AUTO"] / row["FLUXERR_AUTO"] > 15
    solve = AstrometryTask(instrument="ASPEN_CG16", red_filenames=[aspen.filename])
    with pytest.raises(NotFound, match="awe-ingest --reference NAME"):
        solve.execute()
    # its own detections are the reference: the match would be perfect, and may be chance
    own = Table({"ra": table["RA"], "dec": table["DEC"], "mag": table["MAG_AUTO"]})
    own.write("own.ecsv")
    ingest_reference("own.ecsv", "own stars", epoch=2018.64, commit=True)
    with pytest.raises(NoValidPixels, match="own stars") as caught:
        solve.execute()
    assert "\n" not in str(caught.value)
    assert len(AstrometricParameters.reduced == aspen) == 0


def test_ste3_has_stars_without_hits_and_says_what_its_header_lacks(ste3):
    made, table = listed(ste3)
    assert made.quality_flags == 0
    assert made.background == pytest.approx(85.8, abs=0.5)
    assert made.noise == pytest.approx(7.4, abs=0.2)
    assert "RA" not in table.colnames
    # three sources and the shadow at the upper edge: none of the 174 pixels another program flags
    inner = table[table["Ypos"] < 500]
    assert list(np.rint(inner["Xpos"])) == [154, 387, 436]
    assert len(table) < 10
    assert (table["NPIX"] > 50).all()
    assert not inner["FLAG"].any()
    assert (inner["FWHM_IMAGE"] > 5).all()
    with pytest.raises(NoValidPixels, match="has no world coordinates to begin with"):
        AstrometryTask(instrument="STE3", red_filenames=[ste3.filename]).execute()
    with pytest.raises(AweError) as caught:
        RegridTask(instrument="STE3", red_filenames=[ste3.filename]).execute()
    assert "\n" not in str(caught.value)
    assert "coordinates" in str(caught.value)

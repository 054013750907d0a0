"""From single-image files of a camera that is a text file to reduced frames."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from astropy.io import fits
from own_camera import PURPOSES, observing

from awe.ingest import ingest
from awe.inspect.sight import _caption
from awe.inspect.source import source_of
from awe.model.raw import RawScienceFrame
from awe.recipes.bias import BiasTask
from awe.recipes.coldpixels import ColdPixelsTask
from awe.recipes.domeflat import DomeFlatTask
from awe.recipes.hotpixels import HotPixelsTask
from awe.recipes.masterflat import MasterFlatTask
from awe.recipes.readnoise import ReadNoiseTask
from awe.recipes.reduce import ReduceTask

DESCRIPTION = """
name = "SMALL9"
pixel_scale = 0.5
recognise.INSTRUME = "Small CCD 9"
site.longitude = 5.0
[chip]
name = "SMALL9_1"
size = [160, 120]
active = "[1:130,1:120]"
overscan_x = "[133:160,1:120]"
gain = 1.6
read_noise = 6.4
[filters]
V = "SMALL9_V"
[cards]
DATE_OBS = { keyword = "DATE-OBS", time = "UT" }
EXPTIME = "EXPTIME"
OBJECT = "OBJECT"
filter = "FILTER"
""" + PURPOSES
SKY = 300.0


@pytest.fixture
def scientist(db, tmp_path, monkeypatch):
    with observing(db, tmp_path, monkeypatch, "SMALL9", DESCRIPTION):
        yield


def night(folder):
    """Write five biases, five dome flats and one frame of the sky."""
    random = np.random.default_rng(9)
    response = 1 + 0.05 * np.cos(np.mgrid[0:120, 0:130][1] / 20)
    response *= random.normal(1, 0.01, response.shape)
    response /= response.mean()

    def expose(name, kind, light, clock):
        pixels = random.normal(900, 4.0, (120, 160))
        pixels[:, :130] += random.poisson(light * response * 1.6) / 1.6
        hdu = fits.PrimaryHDU(np.rint(pixels).astype(np.uint16))
        hdu.header.update({
            "INSTRUME": "Small CCD 9", "DATE-OBS": "2021-03-04", "UT": clock, "IMAGETYP": kind,
            "EXPTIME": 9.0, "FILTER": "V", "OBJECT": "field",
        })  # fmt: skip
        hdu.writeto(folder / f"{name}.fits.gz")

    for number in range(5):
        expose(f"b{number}", "Bias Frame", 0.0, f"18:0{number}:00")
        expose(f"f{number}", "Flat Field", 20_000.0, f"18:2{number}:00")
    expose("s0", "Light Frame", SKY, "22:00:00")


def test_a_night_of_single_images_is_reduced_by_a_text_file_alone(scientist, tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    night(folder)
    # the object of a plan goes before what its header says, in all that follows
    plan = tmp_path / "plan.csv"
    ingest(sorted(folder.glob("*.gz")), processes=1).to_plan(plan)
    lines = list(csv.DictReader(plan.read_text().splitlines()))
    assert [line.update(object="NGC 3587") for line in lines if line["purpose"] == "science"]
    with plan.open("w") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)
    report = ingest(plan=plan, commit=True, processes=1)
    assert report.ok, [row.message for row in report]
    common = {"instrument": "SMALL9", "chip": "SMALL9_1", "commit": True}
    nightly = {"date": "2021-03-04", **common}
    noise = ReadNoiseTask(**nightly).execute()[0]
    assert noise.read_noise == pytest.approx(4.0, rel=0.02)
    for task in (BiasTask, HotPixelsTask):
        task(**nightly).execute()
    for task in (DomeFlatTask, ColdPixelsTask):
        task(filter="SMALL9_V", **nightly).execute()
    MasterFlatTask(filter="SMALL9_V", combine=1, **nightly).execute()
    [raw] = RawScienceFrame.instrument.name == "SMALL9"
    assert raw.geometry["overscan_x"] == "[133:160,1:120]"
    assert raw.overscan_x_stat.mean == pytest.approx(900, abs=0.5)
    reduced = ReduceTask(raw_filenames=[raw.filename], **common).execute()[0]
    assert reduced.quality_flags == 0
    assert reduced.imstat.median == pytest.approx(SKY, abs=1)
    # photons and readout of the frame; the calibrations add a tenth
    expected = np.hypot(np.sqrt(SKY / 1.6), 4.0)
    assert expected < reduced.imstat.stdev < 1.15 * expected
    assert reduced.OBJECT == reduced.header["OBJECT"] == "NGC 3587"
    for frame in (raw, reduced):
        assert _caption(source_of(frame)).startswith("NGC 3587   ")


@pytest.mark.parametrize("method", ["RICE_1", "GZIP_2"])
def test_a_compressed_frame_is_reduced_to_the_bits_of_the_plain_one(scientist, tmp_path, method):
    folder = tmp_path / "night"
    folder.mkdir()
    night(folder)
    source = folder / "s0.fits.gz"
    with fits.open(source) as hdus:
        pixels, header = hdus[0].data, hdus[0].header
        hdus.writeto(folder / "plain.fits", checksum=True)
    source.unlink()
    # the same pixels ten seconds later: one moment of a chip comes in once
    header["UT"] = "22:00:10"
    packed = fits.CompImageHDU(pixels, header, compression_type=method)
    fits.HDUList([fits.PrimaryHDU(), packed]).writeto(folder / "packed.fits.fz", checksum=True)
    report = ingest([folder], commit=True, processes=1)
    assert report.ok, [row.message for row in report]
    common = {"instrument": "SMALL9", "chip": "SMALL9_1", "commit": True}
    for task in (ReadNoiseTask, BiasTask, HotPixelsTask):
        task(date="2021-03-04", **common).execute()
    for task in (DomeFlatTask, ColdPixelsTask):
        task(filter="SMALL9_V", date="2021-03-04", **common).execute()
    MasterFlatTask(filter="SMALL9_V", combine=1, date="2021-03-04", **common).execute()
    raws = sorted(RawScienceFrame.instrument.name == "SMALL9", key=lambda raw: raw.DATE_OBS)
    assert [raw.raw_fits.filename for raw in raws] == ["plain.fits", "packed.fits.fz"]
    names = [raw.filename for raw in raws]
    products = [ReduceTask(raw_filenames=[name], **common).execute()[0] for name in names]
    opened = [fits.open(tmp_path / product.filename) for product in products]
    try:
        planes = [[hdu.data for hdu in hdus if hdu.data is not None] for hdus in opened]
        assert len(planes[0]) == len(planes[1]) >= 1
        for plain, unpacked in zip(*planes, strict=True):
            assert plain.dtype == unpacked.dtype
            assert plain.tobytes() == unpacked.tobytes()
    finally:
        for hdus in opened:
            hdus.close()
    assert products[0].imstat.median == pytest.approx(SKY, abs=1)

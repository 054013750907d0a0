"""The simulated night as files: standard FITS, honest headers, pixels as recorded."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from awe import instruments
from awe.calib.detector import sections
from awe.demo import exposures
from awe.demo.headers import sidereal_time
from awe.demo.plan import SCIENCE_START, Window, plan

CHIPS = ("ESO_CCD_#65", "ESO_CCD_#90")
omegacam = instruments.get("OMEGACAM")


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    directory = tmp_path_factory.mktemp("night")
    paths = exposures.write_night(directory, exposures.Night(chips=CHIPS), processes=2)
    return directory, paths


def science(paths):
    return paths[5:10]


def test_the_plan_is_a_night():
    kinds = [item.exposure.kind for item in plan()]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "twilight": 5,
        "science": 5,
        "bias": 10,
        "dome": 5,
        "dark": 3,
    }
    assert len({item.filename for item in plan()}) == 28
    assert {omegacam.night(item.start).isoformat() for item in plan()} == {"2012-05-31"}


def test_headers_are_translated_without_a_problem(night):
    _, paths = night
    for planned, path in zip(plan(), paths, strict=True):
        with fits.open(path) as hdus:
            assert omegacam.purpose(hdus[0].header) == planned.exposure.kind
            found = [omegacam.translate(hdus[0].header, hdu.header) for hdu in hdus[1:]]
        assert [item["chip"] for item in found] == list(CHIPS)
        assert {item["DATE_OBS"] for item in found} == {planned.start}
        assert found[0]["geometry"].start_x == Window().x
        assert found[1]["geometry"].active == "[49:448,21:440]"


def test_five_exposures_share_one_template(night):
    _, paths = night
    starts = []
    for path in paths:
        with fits.open(path) as hdus:
            attributes = omegacam.translate(hdus[0].header, hdus[1].header)
        if attributes["template"]["start"] == SCIENCE_START:
            starts.append(attributes["DATE_OBS"])
    assert len(starts) == 5
    assert starts == sorted(starts)


@pytest.mark.skipif(not shutil.which("fitsverify"), reason="fitsverify is not installed")
def test_fitsverify_finds_nothing_to_complain_about(night):
    _, paths = night
    run = subprocess.run(
        ["fitsverify", "-q", *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0
    assert run.stdout.count("verification OK") == len(paths)


def test_a_flipped_bit_is_noticed(night, tmp_path):
    _, paths = night
    damaged = bytearray(paths[0].read_bytes())
    damaged[-5000] ^= 1
    copy = tmp_path / "damaged.fits"
    copy.write_bytes(damaged)
    with (
        pytest.warns(Warning, match="verification failed"),
        fits.open(copy, checksum=True) as hdus,
    ):
        len(hdus)


def test_stars_lie_where_the_header_says(night):
    directory, paths = night
    for path in science(paths):
        with fits.open(path) as hdus:
            wcs = WCS(hdus[1].header)
            attributes = omegacam.translate(hdus[0].header, hdus[1].header)
            pixels = hdus[1].data.astype(float)
        rows, columns = sections.parse(attributes["geometry"].active)
        truth = exposures.recall(directory, path.name, CHIPS[0])
        field = exposures.sky_field(20120601)
        x, y = wcs.all_world2pix(field.ra, field.dec, 0)
        for place, other in ((x - columns.start, truth.x), (y - rows.start, truth.y)):
            nearest = np.abs(np.subtract.outer(other, place)).min(axis=1)
            assert nearest.max() < 0.01
        brightest = np.argmax(truth.flux)
        star = pixels[rows, columns][int(truth.y[brightest]), int(truth.x[brightest])]
        assert star > 30_000


def test_the_truth_is_that_of_the_file(night):
    directory, paths = night
    path = science(paths)[2]
    truth = exposures.recall(directory, path.name.replace(".fits", "_1.fits"), CHIPS[0])
    pixels = fits.getdata(path, 1).astype(float)[:420, 48:448]
    good = ~(truth.saturated | truth.hot | truth.hit())
    drift = truth.drift[:420, np.newaxis]
    residual = (pixels - truth.level - drift - truth.bias - truth.expected)[good]
    assert np.mean((residual / truth.noise[good]) ** 2) == pytest.approx(1.0, abs=0.02)


def test_a_satellite_crosses_the_first_chip(night):
    directory, paths = night
    record = json.loads((directory / "truth.json").read_text())["chips"][CHIPS[0]]["exposures"]
    ((x0, _, x1, _),) = record[science(paths)[2].name]["tracks"]
    assert (x0, x1) == (0.0, 399.0)


def test_chips_have_their_character(night):
    directory, _ = night
    record = json.loads((directory / "truth.json").read_text())["chips"]
    assert "central ridge in the bias" in record["ESO_CCD_#90"]["remarks"]
    detector = exposures.Night(chips=CHIPS).detector("ESO_CCD_#90")
    profile = detector.bias.mean(axis=0)
    assert profile[180:220].mean() > profile[:20].mean() + 10


def test_a_repeated_making_gives_the_same_files(night, tmp_path):
    _, paths = night
    again = exposures.write_night(tmp_path, exposures.Night(chips=CHIPS), processes=1)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]


def test_sidereal_time_agrees_with_astropy():
    from astropy.time import Time

    wanted = Time(SCIENCE_START, scale="utc").sidereal_time(
        "mean", longitude="-70.404d", model="IAU1982"
    )
    assert sidereal_time(SCIENCE_START) / 3600 == pytest.approx(wanted.hour, abs=1e-3)

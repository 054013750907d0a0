"""The science field through the real services: frames are solved, and agree with the truth."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from prompt_process import AWE, environment, installation

from awe.demo import exposures
from awe.demo.scienceplan import CHIPS, DISTORTION, sky

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

CHIP = CHIPS[0]

SOLVE = """
import json
field = dict(instrument='OMEGACAM', date='2012-05-31', filter='OCAM_r_SDSS', chip='ESO_CCD_#65',
             object='FIELD_250.0_-31.2', commit=True)
reds = ReduceTask(**field).execute()
places = {}
for ap in AstrometryTask(**field).execute():
    red = ap.reduced
    middle = [list(map(float, wcs.all_pix2world(199.5, 209.5, 0))) for wcs in (ap.wcs(), red.wcs)]
    places[red.raw.filename] = [ap.NREF, ap.RMS, ap.scale, *middle]
print(json.dumps([len(reds), len(RawScienceFrame.select_all()), places,
                  len(PhotTransformation.select_all()), len(SourceList.epoch > 0)]))
"""


@pytest.fixture(scope="module")
def home():
    with installation("science") as place:
        for words in (["--chips", "65", "66", "--science"], ["--chips", "65", "66", "--science"]):
            done = subprocess.run(
                [AWE.with_name("awe-admin"), "tutorial", *words], env=environment(place),
                capture_output=True, text=True, timeout=800, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr[-2000:]
            assert "Traceback" not in done.stderr
        assert done.stdout.count("is there already") == 2
        yield place


def truly(directory, name):
    """Place of the middle of a window, from the sources that are there."""
    night = exposures.recorded(directory)
    planned = next(one for one in night.plan() if name.startswith(one.filename[:-5]))
    seen = night.sources()(planned)
    still = replace(planned, exposure=replace(planned.exposure, fwhm=3.0))
    _, truth = night.take(still, CHIP, night.detector(CHIP), seen)
    placed = np.isin(seen.flux * planned.exposure.exptime, truth.flux)
    terms = np.column_stack([np.ones_like(truth.x), truth.x - 199.5, truth.y - 209.5])
    fitted = [np.linalg.lstsq(terms, one[placed], rcond=None)[0] for one in (seen.ra, seen.dec)]
    return float(fitted[0][0]), float(fitted[1][0])


def test_places_by_the_header_are_seconds_wrong_and_those_of_the_solution_are_right(
    home, tmp_path
):
    done = subprocess.run(
        [AWE, "-c", SOLVE], env=environment(home, project="TUTORIAL2015"), cwd=tmp_path,
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    reduced, raws, places, transformations, references = json.loads(
        done.stdout.splitlines()[-1]
    )
    # 2 chips: 5 exposures of the night, 15 of the field and 9 of standards
    assert (reduced, raws, transformations, references) == (5, 58, 3, 2)
    assert len(places) == 5
    for name, (stars, rms, scale, solved, header) in places.items():
        ra, dec = truly(home / "tutorial" / "science", name)
        cosine = np.cos(np.radians(dec))
        wrong, left = (
            np.hypot((place[0] - ra) * cosine, place[1] - dec) * 3600
            for place in (header, solved)
        )
        assert stars >= 10
        assert rms < 0.06
        assert left < 0.02
        assert 2.0 < wrong < 6.0
        # a pixel away from the axis sees less sky: 1 + d r^2 across, 1 + 3 d r^2 along
        assert scale == pytest.approx(1 - 2 * DISTORTION * 0.59**2, abs=1e-3)
    assert sky(20120601, exposures.recorded(home / "tutorial" / "science").window).ra.size > 500


def test_a_night_without_its_chips_is_refused_before_it_is_made(tmp_path):
    done = subprocess.run(
        [AWE.with_name("awe-admin"), "tutorial", "--chips", "65", "--science"],
        env=environment(tmp_path), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "taken with ESO_CCD_#65 and ESO_CCD_#66" in done.stderr
    assert "give --chips 65 66" in done.stderr
    assert not (tmp_path / "tutorial").exists()

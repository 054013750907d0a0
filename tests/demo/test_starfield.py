"""The science field: sources, optics and air are what the plan says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from awe import instruments
from awe.demo import exposures, field
from awe.demo.headers import airmass
from awe.demo.plan import Window, plan
from awe.demo.scienceplan import CHIPS, DISTORTION, YEAR, field_plan, sky
from awe.demo.starfield import BANDS, EPOCH

NIGHT = exposures.Night(chips=CHIPS, programme="science")
WIDE = (201, 201)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("science")
    return directory, exposures.write_night(directory, NIGHT, processes=2)


def of(name, target):
    return [one for one in field_plan() if (one.filter, one.object) == (name, target)]


def ellipse(ratio, angle):
    one = np.array([1.0])
    return field.render(
        WIDE, 100 * one, 100 * one, 1e6 * one, 8 * one, 1e-4, minor=8 * ratio * one,
        angle=angle * one,
    )  # fmt: skip


def half_widths(image, angle):
    along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    steps = np.linspace(0, 12, 481)
    found = []
    for x, y in (along, (-along[1], along[0])):
        there = image[np.rint(100 + steps * y).astype(int), np.rint(100 + steps * x).astype(int)]
        found.append(steps[np.argmax(there < image[100, 100] / 2)])
    return found


@pytest.mark.parametrize("angle", [0.0, 90.0])
def test_a_galaxy_has_its_shape_and_all_its_light(angle):
    round_ = ellipse(1.0, angle)
    flat = ellipse(0.5, angle)
    assert flat.sum() == pytest.approx(round_.sum(), rel=2e-3)
    longer, shorter = half_widths(flat, angle)
    assert longer == pytest.approx(4.0, abs=0.6)
    assert shorter == pytest.approx(2.0, abs=0.6)
    turned = ellipse(0.5, 90.0 - angle).T
    assert np.allclose(turned, flat, atol=1e-2)


def test_the_plan_belongs_to_the_same_night_and_repeats_nothing():
    camera = instruments.get("OMEGACAM")
    assert {camera.night(one.start).isoformat() for one in field_plan()} == {"2012-05-31"}
    both = [one.filename for one in plan() + field_plan()]
    assert len(set(both)) == len(both)
    ends = sorted(
        (one.start, one.start + timedelta(seconds=one.exposure.exptime))
        for one in plan() + field_plan()
    )
    assert all(end < start for (_, end), (start, _) in pairwise(ends))
    starts = {one.template_start for one in of("r_SDSS", "SA113")}
    assert datetime(2012, 6, 1, 9, 38, 56) in starts


def test_the_same_night_gives_the_same_pixels_and_its_truth_is_recalled(files):
    directory, paths = files
    names = [one.filename for one in field_plan()]
    assert [path.name for path in paths] == names
    truth = exposures.recall(directory, names[6], CHIPS[0])
    with fits.open(paths[6]) as units:
        raw = units[CHIPS[0]].data[:, 48:-48][: truth.science.shape[0]]
    left = raw - truth.expected - truth.level
    assert abs(np.median(left)) < 1.0
    planned = field_plan()[6]
    again, _ = NIGHT.take(planned, CHIPS[0], NIGHT.detector(CHIPS[0]), NIGHT.sources()(planned))
    with fits.open(paths[6]) as units:
        assert np.array_equal(units[CHIPS[0]].data, again)


def test_the_optics_put_stars_seconds_from_where_the_header_says(files):
    _, paths = files
    planned = field_plan()[6]
    seen = NIGHT.sources()(planned)
    detector = NIGHT.detector(CHIPS[0])
    _, truth = NIGHT.take(planned, CHIPS[0], detector, seen)
    with fits.open(paths[6]) as units:
        plain = WCS(units[CHIPS[0]].header)
    ra, dec = plain.all_pix2world(truth.x + 48, truth.y, 0)
    placed = np.isin(seen.flux * planned.exposure.exptime, truth.flux)
    east = (ra - seen.ra[placed]) * np.cos(np.radians(dec)) * 3600
    north = (dec - seen.dec[placed]) * 3600
    wrong = np.hypot(east - planned.astray[0], north - planned.astray[1])
    # 0.59 degrees from the axis a cubic of 0.0051 per square degree is 3.8 arcsec
    assert np.median(wrong) == pytest.approx(DISTORTION * 0.59**3 * 3600, rel=0.05)
    straight = replace(planned, exposure=replace(planned.exposure, distortion=0.0))
    _, without = NIGHT.take(straight, CHIPS[0], detector, seen)
    ra, dec = plain.all_pix2world(without.x + 48, without.y, 0)
    placed = np.isin(seen.flux * planned.exposure.exptime, without.flux)
    assert abs(np.median((dec - seen.dec[placed]) * 3600) - planned.astray[1]) < 1e-3


def test_dithers_overlap_and_no_two_are_the_same():
    sources, detector = NIGHT.sources(), NIGHT.detector(CHIPS[1])
    kept = []
    for one in of("r_SDSS", "FIELD_250.0_-31.2"):
        seen = sources(one)
        _, truth = NIGHT.take(one, CHIPS[1], detector, seen)
        kept.append(set(np.flatnonzero(np.isin(seen.flux * one.exposure.exptime, truth.flux))))
    common = [len(kept[0] & other) / len(kept[0]) for other in kept[1:]]
    assert all(0.3 < part < 0.8 for part in common)


def test_the_air_dims_and_the_filter_has_a_colour_term():
    everything = sky(NIGHT.seed, NIGHT.window)
    sources = NIGHT.sources()
    for name, band in BANDS.items():
        first, _, last = of(name, "SA113")
        middles = [
            airmass(replace(one, astray=(0.0, 0.0)), one.start + timedelta(seconds=15))
            for one in (first, last)
        ]
        assert middles[0] - middles[1] > 0.7
        dimmed = 2.5 * np.log10(sources(last).flux / sources(first).flux)
        assert np.allclose(dimmed, band.extinction * (middles[0] - middles[1]), atol=1e-9)
        outside = -2.5 * np.log10(sources(last).flux) + band.zero_point
        colour = everything.g - everything.r
        told = outside - band.extinction * middles[1] - getattr(everything, band.letter)
        assert np.allclose(told, band.color_term * colour, atol=1e-9)


def test_the_catalogues_are_of_the_same_sky():
    everything = sky(NIGHT.seed, NIGHT.window)
    table = everything.reference(np.random.default_rng(1))
    ra, dec = table["ra"], table["dec"]
    moved = ra + (YEAR - EPOCH) * table["pmra"] / 3.6e6 / np.cos(np.radians(dec))
    there, _ = everything.places(YEAR)
    nearest = np.abs(there[:, None] - moved).min(axis=0) * 3600
    assert np.median(nearest) < 0.012
    still = np.abs(there[:, None] - ra).min(axis=0) * 3600
    assert np.median(still) > 1.5 * np.median(nearest)
    assert 500 < ra.size < 2000
    standards = everything.standards(np.random.default_rng(1))
    assert set(standards) >= {"gmag", "rmag", "imag", "rmag_err"}
    assert np.ptp(standards["gmag"] - standards["rmag"]) > 1.0
    assert standards["rmag"].max() < 17.6


def test_the_window_decides_what_is_made():
    narrow, whole = (sky(NIGHT.seed, window) for window in (NIGHT.window, Window.full()))
    assert whole.ra.size > 15 * narrow.ra.size
    assert (narrow.size > 0).sum() > 100
    assert narrow.ratio.min() < 0.5

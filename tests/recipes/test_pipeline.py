"""The grid of `benchmarks.pipeline` in short, and whether its truth and its scores are right."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from conftest import at_work

from benchmarks import grid, pipeline, scenes
from benchmarks.report import Row, markdown
from benchmarks.scores import REFUSED, Result, score

pytestmark = pytest.mark.filterwarnings("ignore")

CELL = grid.Cell(1500, 2000, 2.8, 700, "whole", 10)


@pytest.fixture(scope="module")
def scene():
    return scenes.scene(CELL, scenes.sensor(384, 5), 5)


def result(scene, **more):
    """What a side would return that knows the truth."""
    none = np.zeros(scene.light.shape, bool)
    hits = scene.charge > 0.5 * scene.noise
    image = scene.counts - scenes.LEVEL - scene.chip.bias
    return Result(
        **{
            "image": image / scene.chip.response,
            "variance": (scene.noise / scene.chip.response) ** 2,
            "hits": hits,
            "tracks": scene.track > 0.1,
            "bad": none | hits | scene.chip.defects | (scene.counts > 50000),
            "seeing": 2.8,
            "sky": scene.level,
            "cpu": 0.0,
            **more,
        }
    )


@pytest.mark.parametrize(("fwhm", "beta"), [(1.0, 2.5), (2.8, 4.8), (8.0, 2.5)])
def test_a_profile_has_its_light_its_place_and_its_width(fwhm, beta):
    table = scenes.profile(fwhm, beta)
    assert table.sum((2, 3)) == pytest.approx(1)
    at = np.arange(table.shape[2]) - table.shape[2] // 2
    assert (table[1, 7].sum(1) * at).sum() == pytest.approx(-3 / 8, abs=0.01)
    assert (table[1, 7].sum(0) * at).sum() == pytest.approx(3 / 8, abs=0.01)
    # a cut through the middle at an eighth of a pixel, as wide as profile and pixel are
    cut = table[4, :, at.size // 2, :].T[:, ::-1].ravel()
    wide = (cut > cut.max() / 2).sum() / 8
    assert fwhm - 0.13 < wide < np.hypot(fwhm, 0.95) + 0.13


def test_charge_that_spills_is_not_lost():
    light = np.zeros((40, 3))
    light[20, 1] = 5.5 * scenes.FULL_WELL
    spilled = scenes.spilled(light.copy())
    assert spilled.sum() == pytest.approx(light.sum())
    assert spilled.max() == pytest.approx(scenes.FULL_WELL)
    assert not spilled[:, [0, 2]].any()


def test_who_knows_the_truth_has_full_marks(scene):
    made = score(scene, result(scene))
    assert (made.events, made.purity, made.false, made.untrue) == (100, 100, 0, 0)
    assert made.pixels == pytest.approx(100)
    assert made.track == pytest.approx(100)
    assert made.chi2 == pytest.approx(1, abs=0.03)
    assert abs(made.flux) < 5


def test_who_misses_half_or_flags_stars_is_below(scene):
    right = score(scene, result(scene))
    hits = result(scene).hits
    half = hits & (np.arange(hits.shape[1]) < hits.shape[1] // 2)
    assert score(scene, result(scene, hits=half)).below(right, 0.5) == ["events", "pixels"]
    eager = hits | (scene.stars > 50 * scene.noise)
    worse = score(scene, result(scene, hits=eager))
    assert worse.below(right, 0.5) == ["purity"]
    assert worse.stars > 0
    assert right.below(worse, 0.5) == []
    assert REFUSED.below(right, 0.5) == ["refused"]
    assert " - / 100.0 " in markdown([Row(CELL, REFUSED, right)])


def test_cells_are_chosen_by_their_names():
    assert len(grid.full()) == 700
    assert {str(cell)[:13] for cell in grid.chosen(grid.full(), ["300/2000/1.5/*"])} == {
        f"300/2000/1.5/{sky:g}"[:13] for sky in grid.SKIES
    }
    assert len({str(cell) for cell in grid.full()}) == 700


def test_two_cells_through_the_pipeline_are_not_below_the_script(db, tmp_path, monkeypatch):
    with at_work(db, tmp_path):
        monkeypatch.chdir(tmp_path)
        night = pipeline.Night.taken(tmp_path, 512, 3)
        hits = night.row(0, CELL)
        none = night.row(1, dataclasses.replace(CELL, hits=0, sky=200.0, track=""))
    for row in (hits, none):
        assert not row.below, markdown([row])
        assert row.awe.chi2 == pytest.approx(1, abs=0.05)
        assert abs(row.awe.flux) < 10
        assert row.awe.untrue == 0
        assert isinstance(row, Row)
    assert hits.awe.track > 95
    assert hits.awe.cpu < hits.script.cpu

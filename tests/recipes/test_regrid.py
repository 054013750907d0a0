"""Recipe Regrid: one target for all chips, planes, weights, lineage, staleness, what lacks."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from awe.errors import ArgumentError, BadHeader, NotFound, QueryError, WrongShape
from awe.model.mixins import QualityFlag
from tests.recipes.conftest import CHIPS, run

TEMPLATE = "2012-06-01T08:51:44"


@pytest.fixture
def reduced(calibrated):
    calibrated.login("scientist", privileges=1)
    return run("Reduce", template=TEMPLATE, commit=True)


def judge(frame, verdict):
    from awe.context import context

    context.update_is_valid(frame, verdict)


def stars_in(pixels, radius=9):
    """Flux and place of the brightest peak: no other star is near."""
    y, x = np.unravel_index(np.nanargmax(np.where(np.isfinite(pixels), pixels, -1)), pixels.shape)
    box = np.s_[y - radius : y + radius + 1, x - radius : x + radius + 1]
    return float(pixels[box].sum()), y, x


def test_all_chips_are_on_one_target_with_weight_variance_and_bits(reduced, capsys):
    from awe.model.regridded import GridTarget, RegriddedFrame

    made = run("Regrid", template=TEMPLATE, commit=True)
    assert len(made) == 4
    targets = {frame.grid_target for frame in made}
    assert len(targets) == 1
    assert len(GridTarget.select_all()) == 1
    (target,) = targets
    assert (target.dec, target.pixelscale) == (-11.0, 0.213)
    assert abs(target.ra - 212.5) < 0.51
    one = (RegriddedFrame.filename == made[0].filename)[0]
    assert one.quality_flags == QualityFlag.ZEROPOINT, one.explain_quality()
    assert one.reduced in reduced
    assert one.weight.grid_target == target
    assert one.chip.name in CHIPS
    assert 500 / 1.2 < one.background < 500 * 1.2
    # the pixels of the grid are whole steps from the tangent point
    assert (target.ra, target.dec) == (one.astrom.CRVAL1, one.astrom.CRVAL2)
    assert one.astrom.CRPIX1 % 1 == 0
    image = one.to_ccddata()
    flux, y, x = stars_in(image.data)
    before = one.reduced.to_ccddata()
    sky = np.median(before.data)
    old, j, i = stars_in(before.data - sky)
    assert flux == pytest.approx(old, rel=0.02)
    here, there = one.wcs.pixel_to_world(x, y), one.reduced.wcs.pixel_to_world(i, j)
    assert here.separation(there).arcsec < 0.25
    weight = one.weight.data
    assert weight.shape == image.data.shape
    assert ((weight == 0) == ((image.flags & ~np.uint16(1 << 9)) != 0)).all()
    good = weight > 0
    pull = image.data[good & (image.data < 20)] / np.sqrt(
        image.uncertainty.array[good & (image.data < 20)]
    )
    assert 0.85 < 1.4826 * np.median(np.abs(pull)) < 1.1


def test_lineage_info_staleness_and_a_remake_bit_by_bit(reduced, capsys):
    from awe.model.science import ReducedScienceFrame

    (made,) = run("Regrid", red_filenames=[reduced[0].filename], commit=True)
    assert made.is_uptodate(), made.why_stale()
    assert "ReducedScienceFrame" in repr(made.lineage())
    made.info()
    assert "grid_target" in capsys.readouterr().out
    again = made.remake(exact=True)
    assert np.array_equal(again.data, made.data, equal_nan=True)
    assert again.grid_target.same(made.grid_target)
    newer = run("Reduce", raw_filenames=[reduced[0].raw.filename], commit=True)[0]
    assert made.why_stale()[0].kind == "newer input"
    assert newer.filename in str(made.why_stale()[0])
    assert made.remake().reduced == newer
    stale = type(made).select_all().stale()
    assert list(stale) == [made]
    judge(newer, 0)
    assert (type(made).filename == made.filename)[0].is_uptodate()
    judge(made.reduced, 0)
    assert made.why_stale()[0].kind == "bad input"
    assert ReducedScienceFrame.select_all().count() == len(reduced) + 1


def test_what_is_missing_is_listed_and_made_and_no_more(reduced, capsys):
    from awe.model.raw import RawBiasFrame, RawScienceFrame
    from awe.model.regridded import RegriddedFrame
    from awe.model.science import ReducedScienceFrame

    first = run("Regrid", template=TEMPLATE, chip=CHIPS[0], commit=True)
    query = ReducedScienceFrame.template.start == reduced[0].template.start
    left = query.missing(RegriddedFrame)
    assert {frame.chip.name for frame in left} == {CHIPS[1]}
    assert repr(left).startswith("2 of 4 ReducedScienceFrame have no RegriddedFrame")
    assert len(RawScienceFrame.select_all().missing(RegriddedFrame)) == 2
    second = run("Regrid", template=TEMPLATE, missing=True, commit=True)
    assert {frame.chip.name for frame in second} == {CHIPS[1]}
    assert first[0].grid_target == second[0].grid_target
    assert repr(query.missing(RegriddedFrame)).startswith("all 4 ")
    # on another target they are missing again
    assert len(run("Regrid", template=TEMPLATE, gra=212.5, gdec=-11.2, missing=True)) == 4
    with pytest.raises(QueryError, match="no link to a RawBiasFrame"):
        RawBiasFrame.select_all().missing(RegriddedFrame)


def test_arguments_choose_the_target_and_jobs_of_all_chips_get_the_same(reduced):
    from awe import recipes

    task = recipes.find("Regrid")(
        instrument="OMEGACAM", template=TEMPLATE, gra=212.4, gdec=-11.3, gps=0.3
    )
    jobs = task.jobs()
    assert {job["chip"] for job in jobs} == set(CHIPS)
    assert {(job["grid_ra"], job["grid_dec"], job["grid_pixelscale"]) for job in jobs} == {
        (212.4, -11.3, 0.3)
    }
    plain = recipes.find("Regrid")(instrument="OMEGACAM", template=TEMPLATE, chip=CHIPS[1])
    whole = recipes.find("Regrid")(instrument="OMEGACAM", template=TEMPLATE)
    assert plain.jobs()[0]["grid_ra"] == whole.jobs()[0]["grid_ra"]
    named = [frame.raw.filename for frame in reduced]
    by_raw = recipes.find("Regrid")(instrument="OMEGACAM", raw_filenames=named).jobs()
    assert [len(job["raw_filenames"]) for job in by_raw] == [2, 2]
    # jobs about raw frames name raw frames, whatever the recipe works on
    solving = recipes.find("Astrometry")(instrument="OMEGACAM", raw_filenames=named).jobs()
    assert sorted(name for job in solving for name in job["raw_filenames"]) == sorted(named)
    with pytest.raises(ArgumentError, match="gra is given without gdec"):
        recipes.find("Regrid")(instrument="OMEGACAM", template=TEMPLATE, gra=1.0).units()


def test_it_is_a_target_that_plans_the_reduction_too(calibrated, capsys):
    from awe.model.raw import RawScienceFrame
    from awe.model.regridded import RegriddedFrame

    calibrated.login("scientist", privileges=1)
    raw = (RawScienceFrame.chip.name == CHIPS[0])[0]
    with pytest.raises(NotFound, match="there is none; make=True makes it"):
        RegriddedFrame.get(raw=raw)
    capsys.readouterr()
    made = RegriddedFrame.get(raw=raw, make=True)
    told = capsys.readouterr().out
    assert "ReducedScienceFrame: make it" in told
    assert made.raw == raw
    assert RegriddedFrame.get(raw=raw.filename) == made


def test_frames_without_a_place_or_far_from_the_target_are_refused_before_any_work(
    reduced, calibrated
):
    from awe import recipes
    from awe.model.raw import RawScienceFrame

    task = recipes.find("Regrid")
    with pytest.raises(WrongShape, match=r"more than 5 degrees from the target gra=100\.0"):
        task(instrument="OMEGACAM", template=TEMPLATE, gra=100.0, gdec=-11.0).execute()
    at = reduced[0].DATE_OBS + datetime.timedelta(hours=1)
    raw = calibrated.put(RawScienceFrame, calibrated.raw(calibrated.sky()), at)
    (lost,) = run("Reduce", raw_filenames=[raw.filename], commit=True)
    with pytest.raises(BadHeader, match="no world coordinates; solve the astrometry"):
        task(
            instrument="OMEGACAM", red_filenames=[lost.filename, reduced[0].filename],
            gra=212.0, gdec=-11.0,
        ).execute()  # fmt: skip
    with pytest.raises(BadHeader, match="no world coordinates; solve the astrometry"):
        task(instrument="OMEGACAM", raw_filenames=[raw.filename]).jobs()
    raw = reduced[0].raw
    judge(reduced[0], 0)
    with pytest.raises(NotFound, match="reduce them first"):
        task(instrument="OMEGACAM", raw_filenames=[raw.filename]).execute()


def test_stars_that_become_wider_are_told(reduced):
    made = run(
        "Regrid", template=TEMPLATE, chip=CHIPS[0],
        pars={"RegriddedFrame.process_params.RESAMPLING_TYPE": "BILINEAR",
              "RegriddedFrame.process_params.MAXIMUM_PSF_DIFFERENCE": 0.0},
    )
    assert all(
        (frame.psf_radius is None) or (frame.quality_flags & QualityFlag.PSF) for frame in made
    )


def test_others_see_regridded_frames_only_where_they_may(reduced, calibrated):
    from awe.model.regridded import GridTarget, RegriddedFrame

    run("Regrid", template=TEMPLATE, commit=True)
    assert len(RegriddedFrame.select_all()) == 4
    calibrated.login("student", privileges=1)
    assert len(RegriddedFrame.select_all()) == 0
    assert len(GridTarget.select_all()) == 0

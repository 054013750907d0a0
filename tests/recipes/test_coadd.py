"""Recipe Coadd: all chips in one sum, who is in or out and at what cost, refusals, chains."""

from __future__ import annotations

import numpy as np
import pytest

from awe.errors import ArgumentError, NotFound, WrongShape
from tests.recipes.conftest import CHIPS, TEMPLATE, run

FEW = {"CoaddedRegriddedFrame.process_params.COMPARED_STARS": 2}


def test_all_chips_are_in_one_sum_that_is_deeper_than_each(regridded, capsys):
    from awe.model.regridded import CoaddedRegriddedFrame

    (made,) = run("Coadd", template=TEMPLATE, filter="OCAM_r_SDSS", commit=True, pars=FEW)
    one = (CoaddedRegriddedFrame.filename == made.filename)[0]
    assert {frame.filename for frame in one.regridded_frames} == {
        frame.filename for frame in regridded
    }
    assert [chip.name for chip in one.detectors] == sorted(CHIPS)
    assert one.chip is None
    assert one.EXPTIME == 720.0
    assert one.grid_target.same(regridded[0].grid_target)
    image = one.to_ccddata()
    assert image.unit == "adu / s"
    good = (one.weight.data > 0) & (np.abs(image.data) < 0.1)
    before = regridded[0].background_noise / regridded[0].EXPTIME
    assert one.background_noise == pytest.approx(before / 2, rel=0.1)
    spread = 1.4826 * np.median(np.abs(image.data[good]))
    assert spread == pytest.approx(one.background_noise, rel=0.25)
    pull = image.data[good] / np.sqrt(image.uncertainty.array[good])
    assert 0.7 < 1.4826 * np.median(np.abs(pull)) < 1.2
    # the light of the stars is that of one exposure a second
    single = regridded[0].data / regridded[0].EXPTIME
    assert np.nanmax(image.data) == pytest.approx(np.nanmax(single), rel=0.1)
    found = one.losses()
    assert len(found) == 4
    assert all(loss.used for loss in found)
    assert sum(loss.weight for loss in found) == pytest.approx(1.0)
    assert found.cost < 0.05
    assert "4 of 4 frames are in it" in repr(found)
    one.info()
    assert "regridded_frames" in capsys.readouterr().out
    assert one.is_uptodate(FEW), one.why_stale(FEW)
    assert "RegriddedFrame" in repr(one.lineage())


def test_a_frame_that_disagrees_is_named_and_left_out(regridded, calibrated, capsys):
    from awe.model.regridded import RegriddedFrame

    spoilt = regridded[0]
    # what a cloud does: all the light is less
    path = calibrated.folder / "wrong.fits"
    path.write_bytes(spoilt._here().read_bytes())
    wrong = RegriddedFrame(pathname=path, **{
        name: getattr(spoilt, name) for name in (
            "raw", "instrument", "chip", "filter", "OBJECT", "DATE_OBS", "NAXIS1", "NAXIS2",
            "reduced", "grid_target", "weight", "gain", "background_noise",
            "correlation", "area", "process_params", "template",
        )
    }, astrom=spoilt.astrom.copy(), EXPTIME=spoilt.EXPTIME / 0.6)
    wrong.store()
    wrong.commit()
    names = [frame.filename for frame in regridded[1:]]
    (made,) = run("Coadd", reg_filenames=[*names, wrong.filename], pars=FEW)
    told = capsys.readouterr().out
    assert "wrong.fits is left out: 3 stars have 0.6" in told
    assert len(made.regridded_frames) == 3
    first = made.losses()[0]
    assert (first.frame, first.used) == ("wrong.fits", False)
    assert first.flux == pytest.approx(0.6, abs=0.05)
    assert first.cost > 0.3


def test_what_cannot_be_added_is_refused_in_a_line(regridded):
    moved = run("Regrid", red_filenames=[regridded[0].reduced.filename], gra=212.4, gdec=-11.1,
                commit=True)  # fmt: skip
    names = [regridded[1].filename, moved[0].filename]
    with pytest.raises(WrongShape, match=r"on different targets cannot be added: on gra=.*Regrid"):
        run("Coadd", reg_filenames=names)
    with pytest.raises(ArgumentError, match="expects one of: date"):
        run("Coadd", filter="OCAM_r_SDSS")
    with pytest.raises(NotFound, match="none regridded; run Regrid first"):
        run("Coadd", date="2012-01-01")
    with pytest.raises(NotFound, match=r"no valid RegriddedFrame named nothing\.fits"):
        run("Coadd", reg_filenames=["nothing.fits"])


def test_a_newer_regridded_frame_makes_it_stale_and_a_remake_takes_it(regridded):
    (made,) = run("Coadd", template=TEMPLATE, chip=CHIPS[0], commit=True)
    assert made.chip.name == CHIPS[0]
    again = made.remake(exact=True)
    assert np.array_equal(again.data, made.data, equal_nan=True)
    (newer,) = run("Regrid", red_filenames=[made.regridded_frames[0].reduced.filename],
                   commit=True)  # fmt: skip
    assert made.why_stale()[0].kind == "newer input"
    assert newer in made.remake().regridded_frames


def test_a_chain_plans_one_sum_after_the_jobs_of_all_chips(calibrated):
    from awe.dpu.planning import plan

    calibrated.login("scientist", privileges=1)
    from awe.model.raw import RawScienceFrame

    raws = [raw.filename for raw in RawScienceFrame.template.start == TEMPLATE]
    chain = "Reduce>Astrometry>Regrid>Coadd>SourceList"
    for selection in ({"template": TEMPLATE}, {"raw": raws}):
        made = plan(chain, {"i": "OMEGACAM", "C": 1, "workers": 2, **selection}, "local")
        assert [job["recipe"] for job in made.jobs] == [
            *(2 * ["Reduce"]), *(2 * ["Astrometry"]), *(2 * ["Regrid"]), "Coadd", "SourceList",
        ]  # fmt: skip
        assert made.jobs[-2]["after"] == [4, 5]
        assert made.jobs[-1]["after"] == [6]
        assert made.jobs[-1]["args"]["frames"] == "coadded"
        assert not [job for job in made.jobs[-2:] if "chip" in job["args"]]
    made = plan("Reduce>Regrid>SourceList", {"i": "OMEGACAM", "template": TEMPLATE}, "local")
    assert [job["args"].get("frames") for job in made.jobs[-2:]] == 2 * ["regridded"]

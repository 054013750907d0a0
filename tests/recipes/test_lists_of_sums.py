"""Source lists of regridded and coadded frames, and of one frame measured in another."""

from __future__ import annotations

import numpy as np
import pytest

from awe.context import context
from awe.errors import ArgumentError, AweError, NotFound, Refused, WrongShape
from tests.recipes.conftest import CHIPS, product_of, run

TEMPLATE = "2012-06-01T08:51:44"
FEW = {"CoaddedRegriddedFrame.process_params.COMPARED_STARS": 2}
STARS = ((40, 50, 40000), (120, 90, 90000), (160, 30, 20000))


@pytest.fixture
def summed(shared):
    """The sum of the frames of the first chip, and the frames."""
    from awe.model.regridded import CoaddedRegriddedFrame

    shared.login("scientist", privileges=1)
    found = list(CoaddedRegriddedFrame.select_all())
    if not found:
        red = product_of("Reduce", template=TEMPLATE)
        run("Regrid", template=TEMPLATE, chip=red.chip.name, commit=True)
        [made] = run("Coadd", template=TEMPLATE, chip=red.chip.name, commit=True, pars=FEW)
        found = [CoaddedRegriddedFrame(object_id=made.object_id)]
    return found[0], list(found[0].regridded_frames)


def nearest(table, ra, dec):
    near = np.hypot((table["RA"] - ra) * np.cos(np.radians(dec)), table["DEC"] - dec)
    return table[int(np.argmin(near))], float(near.min()) * 3600


def test_a_list_of_a_sum_has_the_light_and_places_of_its_frames(summed):
    from awe.model.sources import SourceList

    coadd, frames = summed
    [made] = run("SourceList", coadd_filenames=[coadd.filename], commit=True)
    one = SourceList(object_id=made.object_id)
    assert one.frame == coadd
    assert [each.SLID for each in SourceList.frame == coadd][-1] == one.SLID
    table = one.sources.to_table()
    assert str(table["FLUX_AUTO"].unit) == "adu / s"
    for x, y, flux in STARS:
        ra, dec = frames[0].reduced.wcs.all_pix2world(x, y, 0)
        row, off = nearest(table, float(ra), float(dec))
        assert off < 0.05
        assert row["FLUX_AUTO"] * frames[0].EXPTIME == pytest.approx(flux, rel=0.05)
    assert 1.0 < one.correlation < 2.0
    assert one.is_uptodate(FEW), one.why_stale(FEW)
    assert f"{coadd.filename}: used" in str(one.why("frame"))
    assert "regridded_frames: 2" in str(coadd.why())
    assert f"{frames[0].filename}: used" in str(coadd.why())
    assert "astrom_params: none" in str(frames[0].why())
    again = one.remake(exact=True)
    assert again.source_count == one.source_count


def test_sources_of_one_frame_are_measured_in_another_of_its_grid(summed):
    from awe.model.sources import SourceList

    coadd, frames = summed
    mine = SourceList()
    mine.frame, mine.detection_frame = frames[0], coadd
    mine.make()
    mine.commit()
    other = SourceList()
    other.frame = coadd
    other.make()
    assert mine.source_count == other.source_count
    table = SourceList(object_id=mine.object_id).sources.to_table()
    # the ellipse is that of the sum, the light that of the frame
    from awe import fits

    alone = fits.read_table(other.pathname)
    assert np.allclose(table["KRON_RADIUS"], alone["KRON_RADIUS"])
    assert np.allclose(table["RA"], alone["RA"], atol=1e-9)
    bright = alone["FLUX_AUTO"] > 50
    ratio = table["FLUX_AUTO"][bright] / alone["FLUX_AUTO"][bright]
    assert np.allclose(ratio, frames[0].EXPTIME, rtol=0.05)
    assert "detection_frame" in str(mine.why())
    with pytest.raises(WrongShape, match="not on one grid: regrid both"):
        run("SourceList", red_filenames=[frames[0].reduced.filename], detection=coadd.filename)
    with pytest.raises(NotFound, match=r"detection: no valid frame named nothing\.fits"):
        run("SourceList", reg_filenames=[frames[0].filename], detection="nothing.fits")


def test_a_list_leaves_the_house_as_scamp_reads_it(summed, tmp_path):
    from astropy.io import fits

    from awe.errors import FileTaken
    from awe.model.sources import SourceList

    coadd, _ = summed
    made = SourceList()
    made.frame = coadd
    made.make()
    path = made.write_ldac(tmp_path / "sum.cat")
    with fits.open(path) as hdus:
        assert [hdu.name for hdu in hdus[1:]] == ["LDAC_IMHEAD", "LDAC_OBJECTS"]
        assert hdus[1].columns[0].name == "Field Header Card"
        rows = hdus[2].data
        ours = made.sources.to_table()
        assert np.array_equal(rows["XWIN_IMAGE"], ours["XWIN_IMAGE"])
        assert np.array_equal(rows["FLUX_APER"], ours["FLUX_APER_10"])
        cell = hdus[1].columns[0]
        assert (cell.dim, len(rows)) == ("(80, 36)", made.source_count)
        start = hdus[1]._data_offset
    raw = path.read_bytes()[start:][:2880]
    header = fits.Header.fromstring(raw.decode("ascii"))
    assert b"\0" not in raw
    assert raw.rstrip().endswith(b"END")
    assert header["DATE-OBS"] == "2012-06-01T08:51:44.000"
    assert (header["CRVAL1"], header["CTYPE1"]) == (coadd.astrom.CRVAL1, "RA---TAN")
    with pytest.raises(FileTaken, match="exists already"):
        made.write_ldac(path)
    with pytest.raises(ArgumentError, match="has no frame: there is nothing to hand to SCAMP"):
        SourceList(source_count=1).write_ldac(tmp_path / "nothing.cat")


def test_frames_of_a_kind_are_selected_like_others(summed):
    coadd, frames = summed
    [job] = run_jobs(frames="coadded", template=TEMPLATE)
    assert job["frames"] == "coadded"
    jobs = run_jobs(frames="regridded", template=TEMPLATE)
    assert {job["chip"] for job in jobs} == {CHIPS[0]}
    raws = [frame.raw.filename for frame in frames]
    for kind, number in (("reduced", 2), ("regridded", 2), ("coadded", 1)):
        assert len(units(frames=kind, raw_filenames=raws)) == number
    assert units(frames="coadded", object="SCI*")[0].frames[0] == coadd
    with pytest.raises(ArgumentError, match="expected one of reduced, regridded, coadded"):
        units(frames="flat", template=TEMPLATE)
    with pytest.raises(NotFound, match="no such frame is visible"):
        units(frames="coadded", object="NGC*")


def units(**arguments):
    from awe.recipes.sourcelist import SourceListTask

    return SourceListTask(instrument="OMEGACAM", **arguments).units()


def run_jobs(**arguments):
    from awe.recipes.sourcelist import SourceListTask

    return SourceListTask(instrument="OMEGACAM", **arguments).jobs()


def test_a_frame_with_lists_stays_and_nobody_lists_a_frame_they_do_not_see(summed, shared):
    from awe.db.server.connection import database
    from awe.model.sources import SourceList

    coadd, frames = summed
    [made] = run("SourceList", reg_filenames=[frames[1].filename], commit=True)
    with pytest.raises(AweError, match=r"SourceList .* refers to"):
        context.delete(frames[1], commit=True)
    # whatever asks: the database says so itself
    mine = run("SourceList", coadd_filenames=[coadd.filename], commit=True)
    with pytest.raises(Refused, match="another object depends on it"):
        database.execute(
            "DELETE FROM awe.coadded_regridded_frame WHERE object_id = %s", [coadd.object_id]
        )
    assert mine[0].frame == coadd
    # a list is not published before its frame, and not made of what one cannot see
    with pytest.raises(Refused, match="publish"):
        context.publish(SourceList(object_id=made.object_id), 3, commit=True)
    name = frames[1].filename
    shared.login("student", privileges=1)
    with pytest.raises(NotFound, match="no valid frame named"):
        run("SourceList", reg_filenames=[name])
    forged = SourceList(frame=coadd, source_count=0, instrument=coadd.instrument)
    with pytest.raises(AweError, match=r"not visible|does not exist"):
        forged.commit()

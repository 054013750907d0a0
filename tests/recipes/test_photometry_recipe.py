"""Standards are brought in, a night gets extinction and zero point, or one line why not."""

import datetime

import numpy as np
import pytest

from awe.errors import AweError, NoCalibration, NotFound
from tests.recipes.conftest import CHIPS, run

ZERO, EXTINCTION = 24.61, 0.11
"""Zero point outside the atmosphere [mag], and extinction [mag/airmass], of the frames."""

COLOUR = -0.08
"""Colour term of the camera: r = SloanR + COLOUR (SloanG - SloanR)."""

AIRMASSES = (1.05, 1.35, 1.8, 2.1)


def frame_of(night, number, places, light, airmass):
    """Expose one frame of the first chip with stars of so much light [ADU]."""
    from awe.model.raw import RawScienceFrame

    ny, nx = night.shape
    y, x = np.mgrid[0:ny, 0:nx]
    image = np.full(night.shape, 300.0)
    for (sx, sy), flux in zip(places, light, strict=True):
        image += flux * np.exp(-((x - sx) ** 2 + (y - sy) ** 2) / 4.5) / (2 * np.pi * 2.25)
    before = len(night.frames)
    night._expose(RawScienceFrame, "science", number, image)
    frame = night.frames[before]
    night.frames = night.frames[:before]
    frame.OBJECT = "STD,ZEROPOINT"
    frame.AIRMSTRT, frame.AIRMEND = airmass - 0.01, airmass + 0.01
    return frame


@pytest.fixture(scope="module")
def observed(standing_night, tmp_path_factory):
    """Four reduced frames of a standard field at four airmasses, and the table of its stars."""
    from awe.model.data import store

    night = standing_night
    night.login("scientist", privileges=4)
    random = np.random.default_rng(11)
    ny, nx = night.shape
    grid = np.mgrid[16 : nx - 10 : 26, 16 : ny - 10 : 26].reshape(2, -1).T
    places = grid + random.uniform(-2, 2, grid.shape)
    sloan_g = random.uniform(18.5, 20.0, len(places))
    colour = random.uniform(0.2, 1.0, len(places))
    sloan_r = sloan_g - colour
    true = sloan_r + COLOUR * colour
    scale, dec = 5.9e-5, -11.25
    # the header counts its pixels from the edge of the raw frame, 12 columns before
    up = dec + (places[:, 1] - 79) * scale
    ra = 212.5 - (places[:, 0] + 12 - 99) * scale / np.cos(np.radians(up))
    reds = []
    for number, airmass in enumerate(AIRMASSES):
        light = 360.0 * 10 ** (0.4 * (ZERO - EXTINCTION * airmass - true))
        frame = frame_of(night, 10 + number, places, light, airmass)
        store([frame])
        frame.commit()
        [red] = run("Reduce", raw_filenames=[frame.filename], chip=CHIPS[0], commit=True)
        reds.append(red)
    table = tmp_path_factory.mktemp("standards") / "landolt.csv"
    rows = [
        f"{a:.8f},{d:.8f},{g:.4f},{r:.4f},0.004,0,0"
        for a, d, g, r in zip(ra, up, sloan_g, sloan_r, strict=True)
    ]
    head = "ra,dec,SloanG,SloanR,SloanR_err,pmra,pmdec"
    table.write_text("\n".join([head, *rows, ""]))
    return night, [red.filename for red in reds], table


@pytest.fixture
def here(observed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    observed[0].login("scientist", privileges=4)
    return observed


def standards(table):
    from awe.ingest.reference import ingest_reference
    from awe.model.sources import SourceList

    known = list(SourceList.name == "landolt")
    return known[0] if known else ingest_reference(table, "landolt", epoch=2012.4, commit=True)


def transformation(night):
    from awe.model.photometry import PhotTransformation

    made = PhotTransformation(
        instrument=night.instrument, filter=night.filter, mag_id="SloanR",
        primary_band="SloanR", secondary_band="SloanG", tertiary_band="SloanR",
        color_term=COLOUR, timestamp_start=datetime.datetime(2012, 1, 1),
        timestamp_end=datetime.datetime(2013, 1, 1),
    )  # fmt: skip
    made.commit()
    return made


def test_what_is_missing_is_said_in_one_line_each(here):
    _, names, _ = here
    with pytest.raises(NoCalibration) as caught:
        run("Photom", red_filenames=names)
    assert "Extinction" in str(caught.value)
    assert "go_without=['extinction']" in str(caught.value)
    with pytest.raises(AweError, match="no catalogue that you may see has MAG_SloanR"):
        run("Photcat", red_filenames=names[:1])
    with pytest.raises(NoCalibration, match="no PhotTransformation is valid"):
        run("Photcat", red_filenames=names[:1], transform=1)
    with pytest.raises(AweError, match="given together"):
        run("Extinction", red_filenames=names, value=0.1)
    with pytest.raises(NotFound, match="no valid ReducedScienceFrame"):
        run("Photom", date="2012-05-31", filter="OCAM_g_SDSS")


def test_standards_of_a_frame_are_measured_and_transformed(here):
    from awe.model.photometry import PhotSrcCatalog

    night, names, table = here
    made = standards(table)
    assert "MAG_SloanR" in made.sexparam
    transformation(night)
    [cat] = run("Photcat", red_filenames=names[:1], transform=1, inspect=1, commit=1)
    assert cat.refcat == made
    assert cat.source_count > 20
    assert cat.airmass == pytest.approx(1.05)
    assert cat.raw_zeropnt == pytest.approx(ZERO - EXTINCTION * 1.05, abs=0.003)
    assert cat.raw_zeropnt_scatter < 0.01
    stars = cat.photsourcelist
    assert set(stars.colnames) >= {"index", "RA", "mag", "mag_err", "instmag", "instmag_err"}
    assert len(cat.get_list_of_raw_zeropoints()) == cat.source_count
    assert cat.is_uptodate()
    assert "landolt" not in str(cat.why("frame"))
    assert PhotSrcCatalog.get(raw=cat.frame.raw.filename) == cat
    assert len((PhotSrcCatalog.frame.filename == names[0]) & (PhotSrcCatalog.airmass < 1.1)) == 1
    assert run("Photcat", red_filenames=names[:1], transform=1, commit=1, skip=True) == [cat]


def test_a_night_gets_its_extinction_and_its_zero_point(here, capsys):
    from awe.model.photometry import AtmosphericExtinction, PhotometricParameters

    _, names, table = here
    standards(table)
    if not len(AtmosphericExtinction.select_all()):
        [given] = run("Extinction", red_filenames=names, value=0.3, error=0.05, commit=True)
        assert (given.kind, given.value) == ("given", 0.3)
    [ext] = run("Extinction", red_filenames=names, commit=True)
    assert ext.kind == "measured"
    assert abs(ext.value - EXTINCTION) < 3 * ext.error
    assert ext.error < 0.02
    assert AtmosphericExtinction.select(
        instrument="OMEGACAM", filter="OCAM_r_SDSS", date="2012-05-31"
    ) == ext  # fmt: skip
    [photom] = run("Photom", red_filenames=names, commit=True)
    assert photom.extinction == ext
    assert abs(photom.zeropnt.value - ZERO) < 3 * photom.zeropnt.error
    assert photom.zeropnt.error < 0.03
    assert len(photom.photcats) == 4
    assert photom.photcat == photom.photcats[0]
    assert photom.magnitude(360.0, 360.0, 0.0) == pytest.approx(photom.zeropnt.value)
    chosen = PhotometricParameters.select(
        instrument="OMEGACAM", chip=CHIPS[0], filter="OCAM_r_SDSS", date="2012-05-31"
    )
    assert chosen == photom
    assert photom.is_uptodate()
    assert "may be chosen" in str(photom.why("extinction"))
    assert "older than the newest" in str(photom.why("extinction"))
    assert photom.verify() == 0
    assert len(photom.plot(path="night.png").axes) == 2
    assert len(ext.plot(path="extinction.png").axes) == 2
    assert len(photom.photcat.plot(path="standards.png").axes) == 5
    assert run("Photom", red_filenames=names, commit=True, skip=True) == [photom]
    # a second zero point is compared with the first, and a newer extinction makes both stale
    [again] = run("Photom", red_filenames=names[:2], commit=True)
    assert again.compare()["zeropnt.value"].limit == 0.3
    run("Extinction", red_filenames=names, value=0.12, error=0.01, commit=True)
    assert "newer calibration" in str(again.why_stale())
    capsys.readouterr()
    again.info()
    assert "zero" in capsys.readouterr().out


def test_a_frame_without_standards_is_left_out_and_the_others_go_on(here, capsys):
    from awe.model.data import store

    night, names, table = here
    standards(table)
    frame = frame_of(night, 30, [(40.0, 50.0)], [3e5], 1.2)
    frame.AIRMSTRT = frame.AIRMEND = 0.0
    store([frame])
    frame.commit()
    [red] = run("Reduce", raw_filenames=[frame.filename], chip=CHIPS[0], commit=True)
    [photom] = run(
        "Photom", red_filenames=[*names[:2], red.filename], go_without=["extinction"]
    )
    assert len(photom.photcats) == 2
    told = capsys.readouterr().out
    assert f"left out: {red.filename}: its raw frame has no airmass" in told


def zero_point_of_night(names, table, night):
    """Return the zero point of the night, whose extinction is known."""
    from awe.model.photometry import PhotTransformation

    standards(table)
    if not len(PhotTransformation.select_all()):
        transformation(night)
    run("Extinction", red_filenames=names, value=EXTINCTION, error=0.005, commit=True)
    [photom] = run("Photom", red_filenames=names, commit=True)
    return photom


def magnitudes(made, table, band):
    """Return magnitudes of a list less those of the table, of the sources that are both."""
    from astropy.table import Table

    rows, truth = made.sources.to_table(), Table.read(table)
    # a sum is in the light of the camera
    wanted = truth["SloanR"] + COLOUR * (truth["SloanG"] - truth["SloanR"])
    away = np.hypot(
        (np.asarray(rows["RA"])[:, None] - np.asarray(truth["ra"])) * np.cos(np.radians(11.25)),
        np.asarray(rows["DEC"])[:, None] - np.asarray(truth["dec"]),
    )
    number = away.argmin(axis=1)
    near = (away.min(axis=1) < 1 / 3600) & (np.asarray(rows["FLAG"]) == 0)
    return np.asarray(rows[band])[near] - np.asarray(wanted)[number][near]


def test_frames_on_grids_have_the_zero_point_of_their_night_and_sums_one_of_all(here, capsys):
    from awe import fits
    from awe.errors import ArgumentError
    from awe.model.mixins import QualityFlag
    from awe.tasks.remake import from_header

    night, names, table = here
    before = run("Regrid", red_filenames=names[:2], commit=True)
    told = capsys.readouterr().out
    if before[0].photom is None:
        assert "goes on without a zero point (quality bit ZEROPOINT)" in told
        assert "dpu.run('Photom', instrument='OMEGACAM', date='2012-05-31', chip=" in told
        assert (before[0].zeropnt, before[0].FLXSCALE) == (None, 1.0)
        assert before[0].quality_flags & QualityFlag.ZEROPOINT
        assert "ZEROPNT" not in fits.read_header(before[0].pathname)
    photom = zero_point_of_night(names, table, night)
    stale = before[0].why_stale()
    assert stale[0].kind == "newer calibration"
    assert "photom" in str(stale)
    regs = run("Regrid", red_filenames=names, commit=True)
    for reg, airmass in zip(regs, AIRMASSES, strict=True):
        assert reg.photom == photom
        assert not reg.quality_flags & QualityFlag.ZEROPOINT
        assert reg.zeropnt == pytest.approx(ZERO - EXTINCTION * airmass, abs=0.01)
        assert 0 < reg.zeropnt_error < 0.03
        # light of magnitude 0 is 1
        assert reg.FLXSCALE * 360.0 * 10 ** (0.4 * reg.zeropnt) == pytest.approx(1.0)
        header = fits.read_header(reg.pathname)
        assert header["ZEROPNT"] == pytest.approx(reg.zeropnt)
        assert header["FLXSCALE"] == pytest.approx(reg.FLXSCALE)
    assert regs[0].is_uptodate(), regs[0].why_stale()
    assert "PhotometricParameters" in repr(regs[0].lineage())
    why = str(regs[0].why("photom"))
    assert "may be chosen" in why
    assert why in str(regs[0].why())
    again = regs[3].remake(exact=True)
    assert (again.photom, again.zeropnt) == (photom, regs[3].zeropnt)
    [single] = run("SourceList", reg_filenames=[regs[3].filename], commit=True)
    assert abs(np.median(magnitudes(single, table, "MAG_AUTO"))) < 0.05
    # light differs by 10 % from the first frame to the last; on one zero point it does not
    pars = {"CoaddedRegriddedFrame.process_params.COMPARED_STARS": 5}
    [coadd] = run(
        "Coadd", reg_filenames=[reg.filename for reg in regs], pars=pars, commit=True
    )
    assert len(coadd.regridded_frames) == 4
    for one in coadd.losses():
        assert one.flux == pytest.approx(1.0, abs=0.02)
    assert coadd.zeropnt == pytest.approx(np.mean([reg.zeropnt for reg in regs]))
    # the frames have one solution: four of them know no more than one
    assert coadd.zeropnt_error > 0.9 * min(reg.zeropnt_error for reg in regs)
    # photons of all frames, those a star has and not those of a pixel alone
    assert coadd.gain == pytest.approx(sum(360.0 * reg.gain for reg in regs), rel=0.05)
    assert coadd.mag_id == regs[0].mag_id == "SloanR OMEGACAM"
    assert not coadd.quality_flags & QualityFlag.ZEROPOINT
    assert coadd.verify() == coadd.quality_flags
    assert fits.read_header(coadd.pathname)["ZEROPNT"] == pytest.approx(coadd.zeropnt)
    assert np.array_equal(coadd.remake(exact=True).data, coadd.data, equal_nan=True)
    with pytest.raises(ArgumentError, match="drawn from regridded frames"):
        from_header(coadd.pathname)
    [deep] = run("SourceList", coadd_filenames=[coadd.filename], commit=True)
    off = magnitudes(deep, table, "MAG_AUTO")
    assert off.size > 20
    assert abs(np.median(off)) < 0.05
    capsys.readouterr()
    named = [regs[0].filename, before[1].filename]
    if before[1].zeropnt is None:
        [mixed] = run("Coadd", reg_filenames=named)
        assert f"1 of 2 frames have none: {before[1].filename}" in capsys.readouterr().out
        assert mixed.zeropnt is None
        assert mixed.quality_flags & QualityFlag.ZEROPOINT


def test_a_zero_point_is_named_by_hand_and_told(here):
    night, names, table = here
    first = zero_point_of_night(names, table, night)
    run("Photom", red_filenames=names[:2], commit=True)
    [reg] = run("Regrid", red_filenames=names[:1], photom=str(first.object_id), commit=True)
    assert reg.photom == first
    assert reg.choices == {"photom": "by hand: AWSCIENTIST"}
    assert "by hand: AWSCIENTIST" in str(reg.why("photom"))
    # a newer one does not make stale what was named
    assert reg.is_uptodate(), reg.why_stale()
    assert reg.remake().photom == first
    with pytest.raises(NotFound, match="no PhotometricParameters with the object_id"):
        run("Regrid", red_filenames=names[:1], photom="00000000-0000-0000-0000-000000000000")


def test_standards_are_begun_at_the_prompt_and_filled(here):
    from awe.errors import ArgumentError
    from awe.model.photometry import PhotSrcCatalog, PhotTransformation
    from awe.model.science import ReducedScienceFrame

    night, names, table = here
    made = standards(table)
    if not len(PhotTransformation.select_all()):
        transformation(night)
    mine = PhotSrcCatalog()
    with pytest.raises(ArgumentError, match="has no frame: set its frame to a reduced frame"):
        mine.make()
    [mine.frame] = ReducedScienceFrame.filename == names[1]
    [mine.transform] = PhotTransformation.select_all()
    mine.refcat = made
    mine.make(pars={"PhotSrcCatalog.process_params.APERTURE": 6.0})
    assert mine.source_count > 20
    assert mine.process_params.APERTURE == 6.0
    mine.commit()
    [kept] = PhotSrcCatalog.object_id == mine.object_id
    assert (kept.refcat, kept.transform) == (made, mine.transform)
    assert len(kept.photsourcelist) >= kept.source_count
    with pytest.raises(ArgumentError, match="committed and never changes"):
        kept.make()
    with pytest.raises(NotFound, match="no catalogue 'nothing' that you may see has MAG_Sloan"):
        run("Photcat", red_filenames=names[:1], reference="nothing")


def test_a_zero_point_is_a_target_with_all_it_lacks(here, capsys):
    from awe.context import context
    from awe.errors import ArgumentError
    from awe.model.photometry import (
        AtmosphericExtinction,
        PhotometricParameters,
        PhotTransformation,
    )
    from awe.model.science import ReducedScienceFrame

    _, names, table = here
    standards(table)
    [red] = ReducedScienceFrame.filename == names[0]
    for cls in (PhotometricParameters, AtmosphericExtinction):
        for one in cls.select_all():
            if one.is_valid:
                context.update_is_valid(one, 0)
    with pytest.raises(NotFound, match="none is valid; make=True makes it"):
        PhotometricParameters.get(raw=red.raw)
    capsys.readouterr()
    planned = PhotometricParameters.get(raw=red.raw, make=True, dry=True)
    assert [step.cls.__name__ for step in planned.steps][-2:] == [
        "AtmosphericExtinction", "PhotometricParameters",
    ]  # fmt: skip
    assert not len(PhotometricParameters.is_valid > 0)
    made = PhotometricParameters.get(raw=red.raw.filename, make=True)
    assert abs(made.zeropnt.value - ZERO) < 3 * made.zeropnt.error
    assert made.extinction.kind == "measured"
    assert PhotometricParameters.get(raw=red.raw) == made
    assert AtmosphericExtinction.get(raw=red.raw) == made.extinction
    assert "there is" in str(PhotometricParameters.get(raw=red.raw, make=True, dry=True))
    assert len(made.inspect(path="night.png").axes) == 2
    assert len(made.extinction.inspect(path="extinction.png").axes) == 2
    assert made.compare().verdict
    assert made.extinction.verify() == 0
    capsys.readouterr()
    made.info()
    told = capsys.readouterr().out
    assert "extinction" in told
    if not len(PhotTransformation.is_valid > 0):
        with pytest.raises(ArgumentError, match="no recipe makes PhotTransformation"):
            PhotTransformation.get(raw=red.raw, make=True)


def test_zero_points_that_do_not_go_together_are_not_mixed(here, capsys):
    from awe.model.data import store

    night, names, table = here
    photom = zero_point_of_night(names, table, night)
    [own] = run("Regrid", red_filenames=names[:1], commit=True)
    assert own.photom == photom
    [plain] = run("Photom", red_filenames=names, transform=0, commit=True)
    [other] = run("Regrid", red_filenames=names[1:2], commit=True)
    assert (other.photom, other.mag_id) == (plain, "SloanR")
    capsys.readouterr()
    [mixed] = run("Coadd", reg_filenames=[own.filename, other.filename])
    told = capsys.readouterr().out
    assert "of different magnitudes: 'SloanR', 'SloanR OMEGACAM'" in told
    assert (mixed.zeropnt, mixed.mag_id) == (None, "")
    # a frame without airmass keeps the link, and has no zero point
    frame = frame_of(night, 40, [(40.0, 50.0)], [3e5], 1.2)
    frame.AIRMSTRT = frame.AIRMEND = 0.0
    store([frame])
    frame.commit()
    [red] = run("Reduce", raw_filenames=[frame.filename], chip=CHIPS[0], commit=True)
    [reg] = run("Regrid", red_filenames=[red.filename], commit=True)
    assert "its raw frame has no airmass" in capsys.readouterr().out
    assert (reg.photom, reg.zeropnt, reg.FLXSCALE) == (plain, None, 1.0)
    # standards that were left as they are would be transformed today; the link itself is fresh
    assert [reason.kind for reason in reg.why_stale()] == ["stale calibration"]


def test_standards_made_again_exactly_have_the_catalogue_they_had(here, tmp_path):
    from awe.context import context
    from awe.errors import ArgumentError
    from awe.ingest.reference import ingest_reference
    from awe.model.photometry import PhotSrcCatalog, PhotTransformation
    from awe.model.science import ReducedScienceFrame

    night, names, table = here
    first = standards(table)
    if not len(PhotTransformation.select_all()):
        transformation(night)
    [ext] = run("Extinction", red_filenames=names, commit=True)
    [photom] = run("Photom", red_filenames=names, commit=True)
    [cat] = run("Photcat", red_filenames=names[:1], commit=True)
    head, *rows = table.read_text().split()
    brighter = [row.split(",") for row in rows]
    for row in brighter:
        row[2:4] = [f"{float(row[2]) - 0.5:.4f}", f"{float(row[3]) - 0.5:.4f}"]
    other = tmp_path / "brighter.csv"
    other.write_text("\n".join([head, *map(",".join, brighter), ""]))
    second = ingest_reference(other, "landolt", epoch=2012.4, commit=True)
    try:
        today = cat.remake()
        assert today.refcat == second
        assert today.raw_zeropnt == pytest.approx(cat.raw_zeropnt - 0.5, abs=0.001)
        again = cat.remake(exact=True)
        assert (again.refcat, again.raw_zeropnt) == (first, cat.raw_zeropnt)
        assert ext.remake(exact=True).value == ext.value
        [given] = run("Extinction", red_filenames=names, value=0.12, error=0.01, commit=True)
        for exact in (False, True):
            with pytest.raises(ArgumentError, match="was entered, not measured"):
                given.remake(exact=exact)
        again = photom.remake(exact=True)
        assert again.photcats == photom.photcats
        assert again.zeropnt.value == photom.zeropnt.value
        mine = PhotSrcCatalog()
        mine.frame, mine.refcat = ReducedScienceFrame(filename=names[0]), first
        mine.make()
        assert mine.refcat == first
        assert mine.raw_zeropnt == pytest.approx(cat.raw_zeropnt, abs=1e-9)
    finally:
        context.update_is_valid(second, 0)


def test_no_frame_is_seen_by_more_people_than_its_zero_point(here):
    night, names, table = here
    zero_point_of_night(names, table, night)
    night.login("scientist", privileges=1)
    [hidden] = run("Photom", red_filenames=names, commit=True)
    night.login("scientist", privileges=4)
    with pytest.raises(AweError, match=r"publish regridded_frame\.photom first"):
        run("Regrid", red_filenames=names[:2], photom=str(hidden.object_id), commit=True)


def test_frames_of_two_nights_give_a_zero_point_for_each(here):
    from awe.model.data import store
    from awe.model.photometry import PhotSrcCatalog
    from awe.model.science import ReducedScienceFrame

    night, names, table = here
    standards(table)
    (first,) = ReducedScienceFrame.filename == names[0]
    stars = (PhotSrcCatalog.frame == first).max("creation_date").photsourcelist
    places = list(zip(stars["Xpos"], stars["Ypos"], strict=True))
    light = 360.0 * 10 ** (-0.4 * np.asarray(stars["instmag"]))
    frame = frame_of(night, 22, places, light, 1.05)
    frame.DATE_OBS += datetime.timedelta(days=1)
    store([frame])
    frame.commit()
    [red] = run("Reduce", raw_filenames=[frame.filename], chip=CHIPS[0], commit=True)
    both = run("Photom", red_filenames=[names[0], red.filename], go_without=["extinction"])
    assert [len(one.photcats) for one in both] == [1, 1]
    assert {one.photcat.frame.filename for one in both} == {names[0], red.filename}
    # valid for one night each, not for both
    assert both[0].timestamp_end <= both[1].timestamp_start
    given = run(
        "Extinction", red_filenames=[names[0], red.filename], value=0.1, error=0.02
    )
    assert len(given) == 2
    assert given[0].timestamp_start < given[1].timestamp_start


def test_a_remake_takes_the_catalogue_and_the_magnitudes_that_were_requested(here):
    from awe.ingest.reference import ingest_reference
    from awe.tasks.renewal import Renewed

    night, names, table = here
    old = standards(table)
    transformation(night)
    [cat] = run("Photcat", red_filenames=names[:1], reference="landolt", transform=0, commit=1)
    assert cat.requested == {"reference": "landolt", "transform": False}
    assert cat.transform is None
    ingest_reference(table, "newer", epoch=2012.4, commit=True)
    today = cat.remake()
    assert today.refcat == old
    assert today.transform is None
    step = Renewed(product=cat, recipe="Photcat", because="", after=())
    again = step.arguments()
    assert (again["reference"], again["transform"]) == ("landolt", False)
    [plain] = run("Photcat", red_filenames=names[:1])
    assert plain.requested == {}
    assert plain.remake().refcat.name == "newer"
    [photom] = run(
        "Photom", red_filenames=names[:2], transform=0, go_without=["extinction"], commit=1
    )
    assert photom.remake().photcat.transform is None
    step = Renewed(product=photom, recipe="Photom", because="", after=())
    assert step.arguments()["transform"] is False


def test_what_a_stranger_requested_is_no_argument_of_ones_own_recipe(here):
    from awe.recipes import find
    from awe.tasks.requested import arguments_again

    night, names, table = here
    standards(table)
    [cat] = run("Photcat", red_filenames=names[:1], reference="landolt", commit=1)
    task = find("Photcat")
    assert arguments_again(cat, task)["reference"] == "landolt"

    class PhotcatTask(task):
        __module__ = "awe.recipes.user.photcat"

    assert arguments_again(cat, PhotcatTask)["reference"] == "landolt"
    night.login("student")
    assert arguments_again(cat, task)["reference"] == "landolt"
    assert "reference" not in arguments_again(cat, PhotcatTask)

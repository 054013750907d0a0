"""Recipe Astrometry: a reference is brought in, frames are solved, or refused in one line."""

import numpy as np
import pytest

from awe.errors import ArgumentError, AweError, BadFits, NotFound
from tests.recipes.conftest import CHIPS, run

SHIFT = (14.0, -9.0)
"""By how much the headers are wrong [arcsec]."""


@pytest.fixture(scope="module")
def solved(standing_night, tmp_path_factory):
    """A night with a frame full of stars whose header is wrong, and its reference."""
    from awe.model.data import store
    from awe.model.raw import RawScienceFrame
    from awe.model.science import ReducedScienceFrame

    night = standing_night
    night.login("scientist", privileges=4)
    random = np.random.default_rng(8)
    ny, nx = night.shape
    grid = np.mgrid[12 : nx - 8 : 24, 12 : ny - 8 : 24].reshape(2, -1).T
    places = grid + random.uniform(-5, 5, grid.shape)
    fluxes = 10 ** random.uniform(4.0, 5.2, len(places))
    y, x = np.mgrid[0:ny, 0:nx]
    light = np.full(night.shape, 300.0)
    for (sx, sy), flux in zip(places, fluxes, strict=True):
        light += flux * np.exp(-((x - sx) ** 2 + (y - sy) ** 2) / 4.5) / (2 * np.pi * 2.25)
    before = len(night.frames)
    night._expose(RawScienceFrame, "science", 9, light)
    frame = night.frames[before]
    night.frames = night.frames[:before]
    scale = 5.9e-5
    dec = -11.25
    up = dec + (places[:, 1] - 79) * scale
    ra = 212.5 - (places[:, 0] - 99) * scale / np.cos(np.radians(up))
    folder = tmp_path_factory.mktemp("reference")
    table = folder / "stars.csv"
    # the places of 2000; the stars move 100 mas a year to the east until 2012.41
    old = ra - 100 / 3.6e6 * (2012.414 - 2000.0) / np.cos(np.radians(dec))
    rows = [
        f"{a:.8f},{dec + (b - 79) * scale:.8f},{-2.5 * np.log10(f):.3f},100,0,2000.0"
        for a, b, f in zip(old, places[:, 1], fluxes, strict=True)
    ]
    table.write_text("\n".join(["ra,dec,mag,pmra,pmdec,epoch", *rows, ""]))
    frame.astrom.CRVAL1 = 212.5 + SHIFT[0] / 3600
    frame.astrom.CRVAL2 = dec + SHIFT[1] / 3600
    store([frame])
    frame.commit()
    [red] = run("Reduce", raw_filenames=[frame.filename], chip=CHIPS[0], commit=True)
    return night, ReducedScienceFrame(object_id=red.object_id), table, (places, ra, dec, scale)


@pytest.fixture
def here(solved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    solved[0].login("scientist", privileges=4)
    return solved


def test_without_a_reference_it_says_how_to_bring_one_in(here):
    _, red, _, _ = here
    from awe.model.sources import SourceList

    if not len(SourceList.epoch > 0):
        with pytest.raises(NotFound, match="awe-ingest --reference"):
            run("Astrometry", red_filenames=[red.filename])


def test_a_frame_is_solved_and_its_list_gets_the_places(here):
    from awe.ingest.reference import ingest_reference
    from awe.model.astrometry import AstrometricParameters

    _, red, table, (places, ra, dec, scale) = here
    made = ingest_reference(table, "stars of the night", commit=True)
    assert made.epoch == 2000.0
    assert len(made.sources) == len(places)
    assert AstrometricParameters.select_all().max("creation_date") is None
    [found] = run("Astrometry", red_filenames=[red.filename], commit=True)
    ap = (AstrometricParameters.reduced == red).max("creation_date")
    assert ap.object_id == found.object_id
    assert ap.NREF > 20
    assert 0.001 < ap.RMS < 0.1
    assert ap.quality_flags == 0
    assert ap.refcat_slid == made.SLID
    # the header counts its pixels from the edge of the raw frame, 12 columns before
    east = SHIFT[0] * np.cos(np.radians(dec)) - 12 * scale * 3600
    assert ap.shift == pytest.approx(np.hypot(east, SHIFT[1]), abs=0.2)
    told, up = ap.wcs().all_pix2world(places[:, 0], places[:, 1], 0)
    off = np.hypot((told - ra) * np.cos(np.radians(dec)), up - (dec + (places[:, 1] - 79) * scale))
    assert np.median(off) * 3600 < 0.03
    assert len(ap.residuals) == ap.NREF
    figure = ap.inspect(path="residuals.png")
    assert len(figure.axes) == 6
    assert f"{ap.NREF} stars" in figure.axes[1].get_title()
    assert ap.compare().verdict
    assert ap.write_head("frame.head").read_text().startswith("CTYPE1")
    assert ap.is_uptodate()
    assert red.filename in str(ap.why())
    assert run("Astrometry", red_filenames=[red.filename], commit=True, skip=True) == [ap]
    mine = AstrometricParameters()
    with pytest.raises(ArgumentError, match="has no frame: set its reduced to a reduced frame"):
        mine.make()
    mine.reduced, mine.refcat = red, made
    mine.make(pars={"AstrometricParameters.process_params.PDEG": 1})
    assert (pytest.approx(ap.NREF, abs=2), 1) == (mine.NREF, mine.process_params.PDEG)
    assert mine.refcat_slid == made.SLID
    [sources] = run("SourceList", red_filenames=[red.filename], commit=True)
    assert sources.astrom_params == ap
    rows = sources.sources.to_table()
    near = np.hypot(rows["Xpos"] - 1 - places[0, 0], rows["Ypos"] - 1 - places[0, 1]).argmin()
    assert rows["RA"][near] == pytest.approx(ra[0], abs=2e-5)


def test_what_cannot_be_solved_is_refused_with_the_numbers(here, tmp_path):
    from awe.ingest.reference import ingest_reference

    _, red, _, _ = here
    other = tmp_path / "other.csv"
    random = np.random.default_rng(3)
    rows = [f"{a:.7f},{d:.7f},{m:.2f}" for a, d, m in zip(
        212.5 + random.uniform(-0.02, 0.02, 60), -11.25 + random.uniform(-0.02, 0.02, 60),
        random.uniform(10, 15, 60), strict=True,
    )]  # fmt: skip
    other.write_text("\n".join(["ra,dec,mag", *rows, ""]))
    with pytest.raises(ArgumentError, match="no epoch"):
        ingest_reference(other, "other field")
    ingest_reference(other, "other field", epoch=2012.4, commit=True)
    with pytest.raises(AweError) as caught:
        run("Astrometry", red_filenames=[red.filename], reference="other field")
    assert "\n" not in str(caught.value)
    assert "chance" in str(caught.value)
    with pytest.raises(NotFound, match="no reference catalogue 'none'"):
        run("Astrometry", red_filenames=[red.filename], reference="none")
    for text, error in (("a,b\n1,2\n", ArgumentError), ("ra,dec\nx,y\n", ArgumentError)):
        (tmp_path / "bad.csv").write_text(text)
        with pytest.raises(error):
            ingest_reference(tmp_path / "bad.csv", "bad", epoch=2000)
    with pytest.raises(BadFits, match="no file"):
        ingest_reference(tmp_path / "absent.csv", "bad", epoch=2000)


@pytest.fixture(scope="module")
def dithered(solved):
    """The frame, and two more that are moved by some pixels, each with another wrong header."""
    from awe.model.data import store
    from awe.model.raw import RawScienceFrame

    night, red, table, (places, *_) = solved
    fluxes = 10 ** (-0.4 * np.loadtxt(table, delimiter=",", skiprows=1)[:, 2])
    night.login("scientist", privileges=4)
    ny, nx = night.shape
    y, x = np.mgrid[0:ny, 0:nx]
    made = [red]
    for number, (dx, dy) in enumerate(((12, 8), (20, 6))):
        light = np.full(night.shape, 300.0)
        for (sx, sy), flux in zip(places - (dx, dy), fluxes, strict=True):
            light += flux * np.exp(-((x - sx) ** 2 + (y - sy) ** 2) / 4.5) / (2 * np.pi * 2.25)
        before = len(night.frames)
        night._expose(RawScienceFrame, "science", 20 + number, light)
        frame = night.frames[before]
        night.frames = night.frames[:before]
        frame.astrom.CRPIX1 -= dx
        frame.astrom.CRPIX2 -= dy
        frame.astrom.CRVAL2 += (3 - 8 * number) / 3600
        store([frame])
        frame.commit()
        made += run("Reduce", raw_filenames=[frame.filename], chip=CHIPS[0], commit=True)
    return made


def test_frames_that_overlap_are_solved_together(here, dithered):
    from awe.ingest.reference import ingest_reference
    from awe.model.astrometry import AstrometricParameters, GAstrometric
    from awe.model.sources import SourceList

    _, _, table, (places, ra, dec, scale) = here
    if not len(SourceList.name == "stars of the night"):
        ingest_reference(table, "stars of the night", commit=True)
    names = [red.filename for red in dithered]
    [gas] = run("GAstrometry", red_filenames=names, reference="stars of the night", commit=True)
    assert type(gas) is GAstrometric
    assert gas.N_OVERLAP > 60
    assert 0 < gas.RMS_OVERLAP < 0.03
    assert gas.quality_flags == 0
    assert gas.alone == []
    assert len(gas.residuals) == gas.N_OVERLAP
    assert len(gas.inspect(path="overlaps.png").axes) == 6
    assert gas.is_uptodate()
    why = str(gas.why())
    assert "solutions: 3" in why
    assert "refcat: " in why
    for red, (dx, dy) in zip(dithered, ((0, 0), (12, 8), (20, 6)), strict=True):
        ap = (AstrometricParameters.reduced == red).max("creation_date")
        assert ap.gastrom == gas
        assert ap.N_OVERLAP > 10
        told, up = ap.wcs().all_pix2world(places[:, 0] - dx, places[:, 1] - dy, 0)
        east = (told - ra) * np.cos(np.radians(dec))
        off = np.hypot(east, up - (dec + (places[:, 1] - 79) * scale))
        assert np.median(off) * 3600 < 0.04
        assert len(ap.residuals) == ap.NREF
    again = run("GAstrom", red_filenames=names, reference="stars of the night", skip=True,
                commit=True)  # fmt: skip
    assert again == [gas]
    with pytest.raises(AweError, match="one frame has nothing to agree with"):
        run("GAstrom", red_filenames=names[:1], reference="stars of the night")
    with pytest.raises(AweError) as caught:
        run("GAstrom", red_filenames=names, reference="none")
    assert "\n" not in str(caught.value)

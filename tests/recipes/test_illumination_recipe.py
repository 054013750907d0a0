"""Illumination finds the error of the flat from stars, and Reduce then takes it out."""

import numpy as np
import pytest

from awe.errors import ArgumentError, NotFound, NoValidPixels

FILTER = "OCAM_r_SDSS"


@pytest.fixture
def dithered(night, monkeypatch):
    """The calibrated night, its science frames replaced by five dithered ones with a bad flat."""
    random = np.random.default_rng(11)
    ny, nx = night.shape
    y, x = np.mgrid[0:ny, 0:nx]
    u, v = 2 * x / (nx - 1) - 1, 2 * y / (ny - 1) - 1
    excess = 1 + 0.05 * u**2 + 0.03 * v
    night.excess = (excess / excess.mean()).astype(np.float32)
    grid = np.mgrid[-60:260:27, -60:260:27].reshape(2, -1).T
    places = grid + random.uniform(-4, 4, grid.shape)
    fluxes = 10 ** random.uniform(4.6, 5.2, len(places))
    night.pointing = [(0, 0), (36, 12), (-34, 20), (18, -38), (-20, -30)]

    def sky(number=0):
        dx, dy = night.pointing[number]
        light = np.full(night.shape, 300.0)
        for (sx, sy), flux in zip(places, fluxes, strict=True):
            star = np.exp(-((x - sx - dx) ** 2 + (y - sy - dy) ** 2) / (2 * 1.5**2))
            light += flux * star / (2 * np.pi * 1.5**2)
        return light * night.excess

    night.star_field = sky
    return night


def add_frames(night):
    """Ingest the dithered frames of the night."""
    from awe.model.data import store
    from awe.model.raw import RawScienceFrame

    for frame in RawScienceFrame.select_all():
        from awe.context import context

        context.update_is_valid(frame, 0)
    before = len(night.frames)
    for number, (dx, dy) in enumerate(night.pointing):
        night._expose(RawScienceFrame, "science", number + 4, night.star_field(number))
        for frame in night.frames[-len(night.chips):]:
            frame.astrom.CRPIX1 = 100.0 + dx
            frame.astrom.CRPIX2 = 80.0 + dy
    store(night.frames[before:])
    for frame in night.frames[before:]:
        frame.commit()


def run(name, **arguments):
    from awe import recipes

    return recipes.find(name)(
        instrument="OMEGACAM", chip="ESO_CCD_#65", commit=True, **arguments
    ).execute()


def test_dithered_frames_give_the_correction_and_reduce_uses_it(dithered):
    dithered.calibrate()
    add_frames(dithered)
    template = dithered.template.start
    reds = run("Reduce", template=template)
    assert len(reds) == 5
    assert reds[0].illumination is None
    pars = {
        "IlluminationCorrection.process_params.APERTURE": 6.0,
        "IlluminationCorrection.process_params.BOX": 64,
    }
    [frame] = run("Illumination", template=template, pars=pars)
    numbers = frame.illumination_correction
    assert numbers.stars >= 30
    assert numbers.rms < 0.03
    assert (frame.quality_flags, numbers.quality_flags) == (0, 0)
    assert [raw.object_id for raw in numbers.raw_science_frames] == [r.raw.object_id for r in reds]
    left = dithered.excess / frame.data
    assert dithered.excess.std() > 0.02
    assert left.std() / left.mean() < 0.006
    from awe import fits

    residuals = fits.read(frame.pathname, "RESIDUAL").pixels
    assert residuals.shape == (8, 4)
    assert np.nanmax(np.abs(residuals)) < 0.03

    again = run("Reduce", template=template)
    assert again[0].illumination == frame
    good = again[0].to_ccddata().flags == 0
    sky = again[0].data[good & (dithered.star_field(0) < 330)]
    assert np.std(sky) < np.std(reds[0].data[good & (dithered.star_field(0) < 330)])
    # frames that have a correction already give the same one again
    [second] = run("Illumination", template=template, pars=pars)
    assert np.abs(second.data / frame.data - 1).max() < 0.01
    assert second.prev == frame
    # the frames that were reduced with the correction are not those it was drawn from
    same = frame.remake(exact=True)
    assert np.array_equal(same.data, frame.data)
    assert same.illumination_correction.coefficients == numbers.coefficients
    assert same.process_params.APERTURE == 6.0
    anew = second.remake(pars=pars)
    assert np.abs(anew.data / second.data - 1).max() < 1e-3
    from awe.tasks.remake import from_header

    with pytest.raises(ArgumentError, match="remake that object instead"):
        numbers.remake()
    with pytest.raises(ArgumentError, match="drawn from reduced frames"):
        from_header(frame.pathname)


def test_a_table_of_standard_stars_gives_the_correction(dithered, tmp_path):
    dithered.calibrate()
    random = np.random.default_rng(8)
    ny, nx = dithered.shape
    lines = ["chip,x,y,difference"]
    for _ in range(200):
        x, y = random.uniform(1, nx), random.uniform(1, ny)
        true = -2.5 * np.log10(dithered.excess[round(y) - 1, round(x) - 1])
        lines.append(f"ESO_CCD_#65,{x:.2f},{y:.2f},{true + random.normal(0, 0.01):.4f}")
    lines.append("ESO_CCD_#66,5,5,9.9")
    table = tmp_path / "standards.csv"
    table.write_text("\n".join(lines) + "\n")
    night = {"date": dithered.date, "filter": FILTER}
    [frame] = run("Illumination", **night, photometry=str(table))
    left = dithered.excess / frame.data
    assert left.std() / left.mean() < 0.005
    assert frame.illumination_correction.stars > 190
    for exact in (False, True):
        with pytest.raises(ArgumentError, match="tables are not kept; make it again with"):
            frame.remake(exact=exact)

    table.write_text("x,y\n1,2\n")
    with pytest.raises(NoValidPixels, match="columns x, y, difference"):
        run("Illumination", **night, photometry=str(table))
    table.write_text("chip,x,y,difference\nESO_CCD_#66,1,2,0.1\n")
    with pytest.raises(NoValidPixels, match="holds no star of ESO_CCD_#65"):
        run("Illumination", **night, photometry=str(table))
    with pytest.raises(ArgumentError, match="cannot be read: No such file"):
        run("Illumination", **night, photometry=str(tmp_path / "absent.csv"))


def test_frames_that_are_not_reduced_yet_are_asked_for(dithered):
    with pytest.raises(NotFound, match="ReducedScienceFrame"):
        run("Illumination", template=dithered.template.start)

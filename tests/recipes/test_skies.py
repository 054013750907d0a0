"""Night-sky flats and fringe frames: sources, frames that do not belong, and what follows."""

import datetime

import numpy as np
import pytest

from awe.calib.detector.geometry import ChipGeometry
from awe.errors import NoCalibration, NoValidPixels

CHIP = "ESO_CCD_#65"
FILTER = "OCAM_r_SDSS"
AT = datetime.datetime(2012, 6, 1, 10)


def run(name, **arguments):
    from awe import recipes

    return recipes.find(name)(instrument="OMEGACAM", commit=True, **arguments).execute()


def skies(night, light=2000.0, number=7, shape=1.0):
    """Raw sky frames, a bright star in each at another place and one trail in the third."""
    from awe.model.raw import RawScienceFrame

    y, x = np.mgrid[0 : night.shape[0], 0 : night.shape[1]]
    frames = []
    for count in range(number):
        star = np.exp(-((x - 25 - 20 * count) ** 2 + (y - 30 - 15 * count) ** 2) / 18)
        sky = light * shape + 30000 * star
        if count == 2:
            sky = sky + 120.0 * (np.abs(y - 0.4 * x - 40) < 3)
        at = AT + datetime.timedelta(minutes=7 * count, days=count % 2)
        frames.append(night.put(RawScienceFrame, night.raw(sky), at))
    return frames


def spoilt(night):
    """One frame of every kind that cannot enter, and what is said of it."""
    from awe.model.raw import RawScienceFrame

    sky = night.raw(np.full(night.shape, 2000.0))
    tilted = night.raw(np.full(night.shape, 2000.0) * np.linspace(0.5, 1.5, night.shape[1]))
    holes = sky.astype(np.float32)
    holes[:, 40:60] = np.nan
    geometry = ChipGeometry.from_counts(nx=200, ny=100, prescan_x=12, overscan_x=12, overscan_y=10)
    at = AT + datetime.timedelta(hours=2)

    def put(pixels, **more):
        return night.put(RawScienceFrame, pixels, at, **more).filename

    return {
        put(np.full_like(sky, 65535)): "level 65535 ADU, expected 0 to 60000 (THRESHOLD_HIGH)",
        put(sky, spoil=lambda text: text[:30000]): "truncated",
        put(holes): "no finite value",
        put(sky[:100, :200], geometry=geometry): "window or binning",
        put(tilted): "off the shape of the others",
    }


@pytest.mark.parametrize("name", ["NightSkyFlat", "FringeFlat"])
def test_sources_and_frames_that_do_not_belong_stay_out(calibrated, capsys, name):
    good = [frame.filename for frame in skies(calibrated)]
    bad = spoilt(calibrated)
    capsys.readouterr()
    pars = {"FringeFrame.process_params.BOX": 64} if name == "FringeFlat" else {}
    [product] = run(name, raw_filenames=[*good, *bad], chip=CHIP, pars=pars)
    said = capsys.readouterr().out
    assert {raw.filename for raw in product.raw_science_frames} == set(good)
    assert product.quality_flags == 0
    for frame, reason in bad.items():
        assert f"left out {frame}" in said
        assert reason in product.rejected_inputs()[frame]
    image = product.data if name == "NightSkyFlat" else product.data / 2000.0 + 1.0
    assert np.isfinite(image).all()
    # 5000 electrons in each of seven frames: 0.5 per cent; nothing of stars and trail is left
    assert np.median(image) == pytest.approx(1, abs=0.002)
    assert image.std() < 0.012
    assert np.abs(image - 1).max() < 0.06


def test_when_no_sky_frame_is_left_the_reason_is_told_once(calibrated, capsys):
    from awe.model.raw import RawScienceFrame

    dark = calibrated.raw(np.zeros(calibrated.shape))
    white = [calibrated.put(RawScienceFrame, np.full_like(dark, 65535), AT) for _ in range(3)]
    names = [frame.filename for frame in white]
    with pytest.raises(NoValidPixels, match="all 3 frames: level 65535 ADU"):
        run("NightSkyFlat", raw_filenames=names, chip=CHIP)
    assert "left out" not in capsys.readouterr().out
    with pytest.raises(NoValidPixels, match="its one frame: level 65535 ADU"):
        run("Background", raw_filenames=names[:1], chip=CHIP)


def test_a_master_flat_is_corrected_by_the_night_sky(calibrated):
    from awe.model.calibrations import MasterFlatFrame

    where = {"date": calibrated.date, "chip": CHIP, "filter": FILTER}
    with pytest.raises(NoCalibration, match="NightSkyFlatFrame"):
        run("MasterFlat", **where, nightsky=True)
    lamp = np.linspace(0.95, 1.05, calibrated.shape[1])
    names = [frame.filename for frame in skies(calibrated, shape=lamp)]
    [nightsky] = run("NightSkyFlat", raw_filenames=names, chip=CHIP)
    before = MasterFlatFrame.select(instrument="OMEGACAM", **where)
    [after] = run("MasterFlat", **where, nightsky=True)
    assert (before.nightsky, after.nightsky) == (None, nightsky)
    assert after.quality_flags == 0
    ratio = np.median(after.data / before.data, axis=0)
    # boxes of 64 pixels on a chip of 192: a little of the tilt of 0.1 is left at the edges
    assert np.abs(ratio / (lamp / lamp.mean()) - 1).max() < 0.02
    # only large scales: the noise of the sky does not enter
    assert (after.data / before.data / ratio).std() < 0.003
    assert after.remake(exact=True).nightsky == nightsky
    assert after.is_uptodate()
    [again] = run("NightSkyFlat", raw_filenames=names, chip=CHIP)
    assert again.flat == after
    with pytest.raises(NoCalibration, match="of other dome and twilight flats"):
        run("MasterFlat", **where, nightsky=True)
    assert after.is_uptodate()

"""The recipes beyond the tutorial's chain, and the user's own."""

import datetime
from pathlib import Path

import numpy as np
import pytest

from awe import recipes
from awe.errors import ArgumentError, NotFound, NoValidPixels
from awe.model.mixins import QualityFlag


def run(name, **arguments):
    from awe import recipes

    return recipes.find(name)(instrument="OMEGACAM", commit=True, **arguments).execute()


def test_gain_is_measured_from_pairs_of_dome_flats(calibrated):
    [gain] = run("Gain", date=calibrated.date, chip="ESO_CCD_#65")
    assert gain.gain_error < 0.05
    assert gain.gain == pytest.approx(2.5, abs=3 * gain.gain_error)
    assert len(gain.raw_dome_flat_frames) == 4
    # half or twice the nominal gain of the chip is a mistake somewhere
    where = {"instrument": "OMEGACAM", "date": calibrated.date, "chip": "ESO_CCD_#65"}
    [dry] = recipes.find("Gain")(**where).execute()
    assert dry.quality_flags == 0
    dry.gain = 6.0
    assert dry.verify() == QualityFlag.LEVEL


def test_a_calibration_plan_gives_gain_read_noise_and_dark_current_within_a_percent(calibrated):
    from awe.model.raw import RawDarkFrame, RawDomeFlatFrame

    light = np.zeros(calibrated.shape)
    at = datetime.datetime(2012, 5, 31, 22)
    flats = []
    for seconds in (5, 10, 20, 30, 40, 50):
        for _ in range(4):
            pixels = calibrated.raw(light + 900.0 * seconds)
            flats.append(calibrated.put(RawDomeFlatFrame, pixels, at, exposure=float(seconds)))
            at += datetime.timedelta(minutes=1)
    names = [frame.filename for frame in flats]
    [gain] = run("Gain", raw_filenames=names, chip="ESO_CCD_#65")
    assert gain.gain == pytest.approx(2.5, rel=0.01)
    assert gain.linearity < 0.003
    assert abs(gain.curvature * 45000) < 0.003
    for _ in range(8):
        # the light of the flat-shaped source stands in for the current: mean of the flat is 1
        pixels = calibrated.raw(light + 50.0)
        calibrated.put(RawDarkFrame, pixels, at, exposure=1800.0)
        at += datetime.timedelta(minutes=31)
    [bright] = run("Dark", date=calibrated.date, chip="ESO_CCD_#65")
    assert quality(bright) == quality(bright.dark) == "LEVEL"
    pars = {"DarkCurrent.process_params.MAXIMUM_DARK_CURRENT": 1000.0}
    [dark] = run("Dark", date=calibrated.date, chip="ESO_CCD_#65", pars=pars)
    assert dark.dark_current == pytest.approx(50.0 / 0.5, rel=0.01)
    assert dark.dark.imstat.mean == pytest.approx(50.0 / 1800, rel=0.02)

    pars = {"ReducedScienceFrame.process_params.SUBTRACT_DARK": True}
    where = {"template": calibrated.template.start, "chip": "ESO_CCD_#65"}
    [without, _] = run("Reduce", **where)
    [red, _] = run("Reduce", **where, pars=pars)
    assert red.dark == dark.dark
    # not subtracted, it tells which pixels glow
    assert without.dark == dark.dark
    taken = without.imstat.median - red.imstat.median
    assert taken == pytest.approx(50.0 * 360 / 1800, rel=0.05)


def test_the_current_of_three_short_darks_is_no_step_of_whole_counts(calibrated):
    from awe.model.raw import RawBiasFrame, RawDarkFrame

    light = np.zeros(calibrated.shape)
    at = datetime.datetime(2012, 5, 31, 22)
    biases = [calibrated.put(RawBiasFrame, calibrated.raw(light), at) for _ in range(3)]
    # without strips, as CMOS cameras are: levels are means of three whole counts
    pars = {"BiasFrame.process_params.OVERSCAN_CORRECTION": 0}
    run("Bias", raw_filenames=[frame.filename for frame in biases], chip="ESO_CCD_#65", pars=pars)
    for _ in range(3):
        calibrated.put(RawDarkFrame, calibrated.raw(light + 1.5), at, exposure=60.0)
        at += datetime.timedelta(minutes=2)
    pars = {"DarkCurrent.process_params.OVERSCAN_CORRECTION": 0}
    [dark] = run("Dark", date=calibrated.date, chip="ESO_CCD_#65", pars=pars)
    # an error of 0.6: 2.4 ADU of a pixel in 3 darks and 3 biases of 160 x 192 pixels
    truth = 1.5 * float(calibrated.flat.mean()) * 60
    assert dark.dark_current == pytest.approx(truth, abs=2.5)
    assert abs(np.median(dark.dark.data) * 3600 - truth) > 4


def test_fringes_are_recovered_and_taken_out_at_their_strength(calibrated):
    from awe.model.raw import RawScienceFrame

    y, x = np.mgrid[0 : calibrated.shape[0], 0 : calibrated.shape[1]]
    waves = (200 * np.sin(x / 4.0 + y / 7.0)).astype(np.float32)
    at = datetime.datetime(2012, 6, 1, 10)
    frames = []
    for _ in range(6):
        pixels = calibrated.raw(4000.0 + waves)
        frames.append(calibrated.put(RawScienceFrame, pixels, at))
        at += datetime.timedelta(minutes=7)
    names = [frame.filename for frame in frames]
    pars = {"FringeFrame.process_params.BOX": 64}
    [fringe] = run("FringeFlat", raw_filenames=names, chip="ESO_CCD_#65", pars=pars)
    inner = np.zeros(calibrated.shape, bool)
    inner[16:-16, 16:-16] = True
    assert fringe.quality_flags == 0
    inner &= fringe.data != 0
    slope = np.polyfit(waves[inner], fringe.data[inner], 1)[0]
    assert slope == pytest.approx(1.0, abs=0.05)
    strong = calibrated.put(RawScienceFrame, calibrated.raw(4000.0 + 1.7 * waves), at)
    limits = {
        "ReducedScienceFrame.process_params.FRINGE_THRESHOLD_LOW": 2.0,
        "ReducedScienceFrame.process_params.FRINGE_THRESHOLD_HIGH": 400.0,
    }
    [red] = run("Reduce", raw_filenames=[strong.filename], chip="ESO_CCD_#65", pars=limits)
    assert red.fringe == fringe
    white = calibrated.put(RawScienceFrame, np.full_like(calibrated.raw(waves), 65535), at)
    [empty] = run("Reduce", raw_filenames=[white.filename], chip="ESO_CCD_#65", pars=limits)
    assert empty.fringe == fringe
    assert quality(empty) == "SATURATED | EMPTY"
    good = inner & (red.to_ccddata().flags == 0)
    left = np.polyfit(waves[good], red.data[good], 1)[0]
    assert abs(left) < 0.08


def test_a_quick_check_compares_the_lamp_with_the_master(calibrated, capsys):
    checks = run("QuickCheck", date=calibrated.date, chip="ESO_CCD_#65")
    assert "times the level of the master" in capsys.readouterr().out
    assert len(checks) == 5
    assert all(check.lamp_ratio == pytest.approx(1, abs=0.01) for check in checks)
    assert all(check.quality_flags == 0 for check in checks)


def test_the_background_of_a_frame_is_its_sky(calibrated):
    first, _ = run("Background", date=calibrated.date, chip="ESO_CCD_#65")
    assert np.median(first.data) == pytest.approx(500, rel=0.02)
    assert first.raw.OBJECT == "SCIENCE"


def test_a_night_sky_flat_of_a_true_flat_is_one(calibrated):
    [flat] = run("NightSkyFlat", date=calibrated.date, chip="ESO_CCD_#65")
    assert np.median(flat.data) == pytest.approx(1, abs=0.01)
    assert "FEW_INPUTS" in quality(flat)


def quality(product):
    from awe.model.mixins import QualityFlag

    return QualityFlag.explain(product.quality_flags)


def test_the_choice_of_flats_follows_combine(calibrated):
    arguments = {"date": calibrated.date, "chip": "ESO_CCD_#65", "filter": "OCAM_r_SDSS"}
    [twilight] = run("MasterFlat", **arguments, combine=3)
    assert (twilight.dome, twilight.combine) == (None, 3)
    assert twilight.noise == twilight.twilight.noise
    pars = {"MasterFlatFrame.process_params.MINIMUM_RESPONSE": 0.5}
    [dome] = run("MasterFlat", **arguments, combine=1, pars=pars)
    assert dome.twilight is None
    without = np.argwhere(~np.isfinite(dome.data))
    assert {tuple(place) for place in without} == set(calibrated.cold)
    assert dome.quality_flags == 0
    with pytest.raises(ArgumentError, match="expects 1 to 3, got 4"):
        run("MasterFlat", **arguments, combine=4)


def test_without_a_filter_every_filter_of_the_night_is_made(calibrated):
    from awe.model.observing import Filter
    from awe.model.raw import RawDomeFlatFrame

    calibrated.filter = Filter(name="OCAM_g_SDSS", instrument=calibrated.instrument)
    light = np.full(calibrated.shape, 15000.0)
    at = datetime.datetime(2012, 5, 31, 23)
    for _ in range(3):
        calibrated.put(RawDomeFlatFrame, calibrated.raw(light), at)
    both = {"OCAM_g_SDSS", "OCAM_r_SDSS"}
    night = {"date": calibrated.date, "chip": "ESO_CCD_#65"}
    assert {flat.filter.name for flat in run("DomeFlat", **night)} == both
    assert {cold.filter.name for cold in run("ColdPixels", **night)} == both
    assert {flat.filter.name for flat in run("MasterFlat", **night, combine=1)} == both
    [twilight] = run("MasterFlat", **night, combine=3)
    assert twilight.filter.name == "OCAM_r_SDSS"


def test_a_later_recipe_of_a_chain_waits_for_what_the_earlier_ones_make(calibrated):
    from awe.dpu.planning import plan

    where = {"i": "OMEGACAM", "template": calibrated.template.start.isoformat()}
    made = plan("Reduce>Illumination", {**where, "C": 1}, "local")
    assert [(job["recipe"], job["args"]["chip"], job["after"]) for job in made.jobs] == [
        ("Reduce", "ESO_CCD_#65", []),
        ("Reduce", "ESO_CCD_#66", []),
        ("Illumination", "ESO_CCD_#65", [0]),
        ("Illumination", "ESO_CCD_#66", [1]),
    ]
    assert all(job["args"].get("commit", job["args"].get("C")) == 1 for job in made.jobs)
    with pytest.raises(NotFound, match="no valid ReducedScienceFrame"):
        plan("Illumination", where, "local")


def test_flats_outside_the_levels_are_refused_with_the_levels_found(calibrated):
    pars = {"DomeFlatFrame.process_params.MINIMUM_LEVEL": 30000.0}
    with pytest.raises(NoValidPixels, match=r"20[0-9]{3}"):
        run("DomeFlat", date=calibrated.date, chip="ESO_CCD_#65", pars=pars)


OWN = '''
from awe.recipes import Task, Unit


class MeanLevelTask(Task):
    """Measure nothing but the mean level of biases."""

    makes = ("BiasFrame",)
    raw = "RawBiasFrame"

    def make(self, unit: Unit):
        from awe.model.statistics import Imstat

        return Imstat(mean=sum(frame.imstat.median for frame in unit.frames) / len(unit.frames))

    def _finish(self, unit, product):
        pass
'''


def test_a_recipe_of_the_users_own_is_found_and_runs(night, tmp_path, monkeypatch):
    from awe import recipes

    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "meanlevel.py").write_text(OWN)
    monkeypatch.setenv("AWE_RECIPES", str(folder))
    assert "MeanLevel" in recipes.available()
    [one, _] = recipes.find("MeanLevel")(i="OMEGACAM", d=night.date).execute()
    assert one.mean == pytest.approx(250, abs=2)
    from awe.pars import Pars

    assert "BiasFrame" in dir(Pars("MeanLevel", instrument="OMEGACAM"))


def test_the_recipe_of_the_documentation_runs(calibrated, tmp_path, monkeypatch):
    from awe import recipes

    page = Path(__file__).parents[2] / "docs" / "howto" / "own-recipe.md"
    code = page.read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "cleanbias.py").write_text(code)
    monkeypatch.setenv("AWE_RECIPES", str(tmp_path / "own"))
    [bias] = recipes.find("CleanBias")(i="OMEGACAM", d=calibrated.date, c="ESO_CCD_#65").execute()
    assert bias.imstat.median == pytest.approx(0, abs=0.5)
    assert bias.read_noise is not None


def test_a_recipe_of_ones_own_that_does_not_load_says_why(tmp_path, monkeypatch):
    from awe import recipes

    (tmp_path / "broken.py").write_text("class BrokenTask(Task):\n    pass\n")
    monkeypatch.setenv("AWE_RECIPES", str(tmp_path))
    with pytest.raises(ArgumentError, match="'Broken' of your own does not load: NameError"):
        recipes.find("Broken")


def test_an_unknown_recipe_is_refused_with_the_nearest():
    from awe import recipes

    with pytest.raises(ArgumentError, match="did you mean 'Reduce'"):
        recipes.find("Reduse")

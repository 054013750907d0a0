"""The recipes beyond the tutorial's chain, and the user's own."""

from pathlib import Path

import numpy as np
import pytest

from awe.errors import ArgumentError, NoValidPixels


def run(name, **arguments):
    from awe import recipes

    return recipes.find(name)(instrument="OMEGACAM", commit=True, **arguments).execute()


def test_gain_is_measured_from_pairs_of_dome_flats(calibrated):
    [gain] = run("Gain", date=calibrated.date, chip="ESO_CCD_#65")
    assert gain.gain == pytest.approx(2.5, rel=0.03)
    assert gain.gain_error < 0.05
    assert len(gain.raw_dome_flat_frames) == 4


def test_a_quick_check_compares_the_lamp_with_the_master(calibrated):
    checks = run("QuickCheck", date=calibrated.date, chip="ESO_CCD_#65")
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
    from awe.db.mixins import QualityFlag

    return QualityFlag.explain(product.quality_flags)


def test_the_choice_of_flats_follows_combine(calibrated):
    arguments = {"date": calibrated.date, "chip": "ESO_CCD_#65", "filter": "OCAM_r_SDSS"}
    [twilight] = run("MasterFlat", **arguments, combine=3)
    assert (twilight.dome, twilight.combine) == (None, 3)
    assert twilight.noise == twilight.twilight.noise
    [dome] = run("MasterFlat", **arguments, combine=1)
    assert dome.twilight is None


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
        from awe.db.statistics import Imstat

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

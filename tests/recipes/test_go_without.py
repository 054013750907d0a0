"""Recipes go on without a calibration where they are told to, loudly and with a bit."""

import numpy as np
import pytest

from awe import recipes
from awe.errors import ArgumentError, NoCalibration
from awe.model.calibrations import BiasFrame, MasterFlatFrame
from awe.model.mixins import QualityFlag
from awe.model.raw import RawScienceFrame
from tests.recipes.conftest import run

CHIP = "ESO_CCD_#65"
FILTER = "OCAM_r_SDSS"


def science():
    return (RawScienceFrame.chip.name == CHIP).min("DATE_OBS").filename


def test_a_frame_is_reduced_with_what_calibrations_there_are(night, capsys):
    raw = science()
    with pytest.raises(NoCalibration, match="no BiasFrame"):
        run("Reduce", raw_filenames=[raw])
    with pytest.raises(NoCalibration, match="no MasterFlatFrame"):
        run("Reduce", raw_filenames=[raw], go_without=["bias", "hot", "cold", "read_noise"])
    [red] = run("Reduce", raw_filenames=[raw], go_without="all", commit=True)
    said = capsys.readouterr().out
    for name in ("BiasFrame", "MasterFlatFrame", "HotPixelMap", "ColdPixelMap", "ReadNoise"):
        assert f"{raw}: WARNING: no {name} fits, goes on without it; quality bit MISSING" in said
    assert (red.bias, red.flat, red.hot, red.cold, red.read_noise) == (None,) * 5
    assert set(red.choices.values()) == {"missing"}
    assert red.header["AWE CHOICE FLAT"] == "missing"
    for product in (red, red.weight, red.weight.cosmic):
        assert product.quality_flags & QualityFlag.MISSING
        assert "MISSING" in product.explain_quality()
    red.verify(red.data)
    assert red.quality_flags & QualityFlag.MISSING
    good = red.to_ccddata().flags == 0
    assert good.mean() > 0.9
    # nothing but the level was taken out: the flat is still in it
    ratio = red.data[good] / (night.sky() * night.flat)[good]
    assert np.median(ratio) == pytest.approx(1, abs=0.01)
    assert "newer calibration" not in [reason.kind for reason in red.why_stale()]
    again = red.remake(exact=True)
    assert np.array_equal(again.data, red.data, equal_nan=True)
    assert again.choices == red.choices
    assert again.quality_flags & QualityFlag.MISSING
    [same] = run("Reduce", raw_filenames=[raw], go_without="all", skip=True, commit=True)
    assert same == red
    # what comes later makes it stale, and a remake takes it
    run("ReadNoise", date=night.date, chip=CHIP, commit=True)
    [bias] = run("Bias", date=night.date, chip=CHIP, commit=True)
    reasons = [str(reason) for reason in red.why_stale()]
    assert f"newer calibration: bias {bias.filename}; none was used" in reasons
    new = red.remake()
    assert new.bias == bias
    assert new.choices["flat"] == "missing"
    assert new.choices["bias"] == "validity"


def test_every_recipe_goes_on_and_what_it_makes_is_not_chosen(night):
    where = {"date": night.date, "chip": CHIP, "commit": True, "go_without": "all"}
    flagged = {}
    for name in ("Bias", "DomeFlat", "TwilightFlat", "NightSkyFlat"):
        place = where if name == "Bias" else {**where, "filter": FILTER}
        [made] = run(name, **place)
        assert made.quality_flags & QualityFlag.MISSING, name
        assert "missing" in made.choices.values()
        flagged[name] = made
    assert flagged["DomeFlat"].bias is None
    level = flagged["DomeFlat"].data / night.flat
    good = night.flat > 0.8
    assert np.std(level[good]) < 0.01
    with pytest.raises(NoCalibration, match="quality_flags: MISSING"):
        run("HotPixels", date=night.date, chip=CHIP)
    # by hand it may be taken
    named = {"dome_filename": flagged["DomeFlat"].filename, "go_without": ["twilight", "cold"]}
    [flat] = run("MasterFlat", date=night.date, chip=CHIP, filter=FILTER, commit=True, **named)
    assert (flat.combine, flat.dome, flat.twilight) == (1, flagged["DomeFlat"], None)
    [red] = run(
        "Reduce", raw_filenames=[science()], bias=flagged["Bias"].filename, flat=flat.filename,
        go_without=["hot", "cold", "read_noise"],
    )  # fmt: skip
    assert red.flat == flat
    assert (BiasFrame.chip.name == CHIP)[0] == red.bias
    assert (MasterFlatFrame.chip.name == CHIP)[0] == red.flat
    for name in ("Background", "FringeFlat"):
        [made] = run(name, raw_filenames=[science()], go_without="all")
        assert made.quality_flags & QualityFlag.MISSING
        assert np.isfinite(made.data).mean() > 0.9


def test_where_nothing_is_missing_nothing_is_said(calibrated, capsys):
    [red] = run("Reduce", raw_filenames=[science()], go_without="all")
    assert red.quality_flags & QualityFlag.MISSING == 0
    assert "WARNING" not in capsys.readouterr().out
    assert "missing" not in red.choices.values()


def test_what_a_recipe_needs_it_does_not_go_on_without():
    with pytest.raises(ArgumentError, match=r"Reduce cannot go on without 'flats'; did you mean"):
        recipes.find("Reduce")(instrument="OMEGACAM", go_without=["flats"])
    with pytest.raises(ArgumentError, match="no argument 'go_without'"):
        recipes.find("HotPixels")(instrument="OMEGACAM", go_without=["bias"])
    with pytest.raises(ArgumentError, match="QuickCheck cannot go on without 'flat'"):
        recipes.find("QuickCheck")(instrument="OMEGACAM", go_without=["flat"])

"""The calibration recipes recover what was put into the frames."""

from pathlib import Path

import numpy as np
import pytest


def test_the_masters_of_a_night_recover_the_truth(calibrated):
    from awe.model.calibrations import (
        BiasFrame,
        ColdPixelMap,
        HotPixelMap,
        MasterFlatFrame,
        ReadNoise,
    )

    where = {"instrument": "OMEGACAM", "date": calibrated.date, "chip": "ESO_CCD_#65"}
    noise = ReadNoise.select(**where)
    assert noise.read_noise == pytest.approx(calibrated.read_noise, rel=0.01)
    assert len(noise.raw_bias_frames) == 4

    bias = BiasFrame.select(**where)
    assert bias.read_noise == noise
    assert bias.quality_flags == 0
    good = np.ones(calibrated.shape, bool)
    for place in calibrated.hot:
        good[place] = False
    residual = (bias.data - calibrated.pattern)[good]
    assert residual.std() == pytest.approx(calibrated.read_noise / np.sqrt(5), rel=0.1)

    hot = HotPixelMap.select(**where)
    assert all(hot.data[place] == 0 for place in calibrated.hot)
    assert hot.count < 10
    assert hot.bias == bias

    cold = ColdPixelMap.select(**where, filter="OCAM_r_SDSS")
    assert all(cold.data[place] == 0 for place in calibrated.cold)

    flat = MasterFlatFrame.select(**where, filter="OCAM_r_SDSS")
    ratio = (flat.data / calibrated.flat)[good & (cold.data == 1)]
    assert ratio.std() < 0.006
    assert flat.dome.bias == bias
    assert calibrated.shape[1] == flat.NAXIS1


def test_files_of_calibrations_are_named_and_documented(calibrated):
    from awe.model.calibrations import BiasFrame

    bias = BiasFrame.select(instrument="OMEGACAM", date=calibrated.date, chip="ESO_CCD_#65")
    assert bias.filename.startswith("Cal-SCIENTIST-OMEGACAM--------ESO_CCD_#65-Bias---Cal-")
    header = bias.header
    assert header["AWE ID"] == str(bias.object_id)
    assert header["AWE PAR SIGMA_CLIP"] == 3.0
    assert header["AWE LIN1 FILE"] == bias.raw_bias_frames[0].filename
    assert (Path.cwd() / bias.filename).exists()


def test_a_dry_run_stores_nothing_and_says_so(night, capsys):
    from awe import recipes
    from awe.model.calibrations import ReadNoise

    task = recipes.find("ReadNoise")(i="OMEGACAM", d=night.date, c="ESO_CCD_#66")
    [product] = task.execute()
    assert "dry run" in capsys.readouterr().out
    assert product.read_noise == pytest.approx(night.read_noise, rel=0.05)
    assert len(ReadNoise.select_all()) == 0


def test_one_bad_chip_is_reported_and_the_other_goes_on(night, capsys):
    from awe import recipes
    from awe.context import context
    from awe.model.calibrations import ReadNoise
    from awe.model.raw import RawBiasFrame

    for frame in list(RawBiasFrame.chip.name == "ESO_CCD_#65")[1:]:
        context.update_is_valid(frame, 0)
    products = recipes.find("ReadNoise")(i="OMEGACAM", d=night.date, C=1).execute()
    assert [product.chip.name for product in products] == ["ESO_CCD_#66"]
    assert "ESO_CCD_#65: failed: the read noise" in capsys.readouterr().out
    assert len(ReadNoise.select_all()) == 1

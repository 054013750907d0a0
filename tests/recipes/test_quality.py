"""Every product judges itself, compares itself with its predecessor and draws its plot."""

from pathlib import Path

import numpy as np
import pytest

CHIP = "ESO_CCD_#65"


def run(name, **arguments):
    from awe import recipes

    return recipes.find(name)(instrument="OMEGACAM", chip=CHIP, commit=True, **arguments).execute()


def test_every_class_that_recipes_make_can_verify_compare_and_plot():
    from awe import recipes
    from awe.db import quality
    from awe.db.classes import load
    from awe.db.parameters import parameters_class
    from awe.db.registry import registry

    load()
    made = {name for one in recipes.available() for name in recipes.find(one).makes}
    limits = {check.parameter for check in quality.CHECKS} | {"MAXIMUM_DEVIATION"}
    for name in sorted(made):
        for method in ("verify", "compare", "plot"):
            assert callable(getattr(registry[name], method)), f"{name} has no {method}()"
        declared = parameters_class(registry[name]._attribute("process_params").target.product)
        assert limits & set(declared.declarations), f"{name} declares no limit"


def test_products_are_plotted_without_a_display(calibrated, monkeypatch, capsys):
    from awe.db import calfiles
    from awe.inspect import backend

    monkeypatch.setattr(backend, "screen", lambda: backend.Screen.FILE)
    where = {"instrument": "OMEGACAM", "date": calibrated.date, "chip": CHIP}
    products = [
        calfiles.BiasFrame.select(**where),
        calfiles.ReadNoise.select(**where),
        calfiles.HotPixelMap.select(**where),
        calfiles.MasterFlatFrame.select(**where, filter="OCAM_r_SDSS"),
        calfiles.IlluminationCorrection(
            chip=calibrated.chips[0], degree=1, coefficients=[0.0, 0.1, 0.2, 0.0], stars=40,
            rms=0.01,
        ),
        run("Reduce", template=calibrated.template.start)[0],
    ]
    from matplotlib import pyplot as plt

    for product in products:
        capsys.readouterr()
        figure = product.plot()
        path = capsys.readouterr().out.rsplit(": ", 1)[1].strip()
        assert Path(path).read_bytes()[:4] == b"\x89PNG"
        assert len(figure.axes) >= 1
        plt.close(figure)
    figure = products[0].plot("bias.pdf")
    plt.close(figure)


def test_a_product_that_left_its_predecessor_behind_is_flagged(calibrated):
    from awe.db.mixins import QualityFlag

    pars = {"BiasFrame.process_params.MAXIMUM_STDEV_DIFFERENCE": 0.0}
    [second] = run("Bias", date=calibrated.date, pars=pars)
    found = second.compare()
    assert set(found) == {"imstat.median", "imstat.stdev"}
    assert found["imstat.stdev"][0] == pytest.approx(found["imstat.stdev"][1], rel=0.01)
    assert second.quality_flags == 0
    from awe.db.raw import RawBiasFrame

    names = [raw.filename for raw in RawBiasFrame.chip.name == CHIP][:4]
    [third] = run("Bias", raw_filenames=names, pars=pars)
    assert third.quality_flags == QualityFlag.CHANGED


def test_two_reductions_of_one_frame_are_compared(calibrated):
    template = calibrated.template.start
    [first, _] = run("Reduce", template=template)
    assert first.compare() == {}
    [again, _] = run("Reduce", template=template)
    now, before = again.compare()["imstat.median"]
    assert now == before
    assert np.isfinite(now)

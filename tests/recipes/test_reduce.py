"""Reduce takes the marks of the camera out, chooses calibrations and documents what it did."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from awe.errors import (
    ArgumentError,
    Defect,
    NoCalibration,
    NotFound,
    ParameterError,
    Refused,
    WrongShape,
)

TEMPLATE = "2012-06-01T08:51:44"


def reduce(**arguments):
    from awe import recipes

    return recipes.find("Reduce")(instrument="OMEGACAM", **arguments).execute()


def test_the_sky_is_recovered_and_flagged_pixels_have_no_weight(calibrated):
    calibrated.login("student")
    first, second = reduce(template=TEMPLATE, chip="ESO_CCD_#65", commit=True)
    assert first.DATE_OBS < second.DATE_OBS
    science = first.data
    flags, variance = first.to_ccddata().flags, first.to_ccddata().uncertainty.array
    good = flags == 0
    pull = ((science - calibrated.sky()) / np.sqrt(variance))[good]
    assert np.std(pull) == pytest.approx(1.0, abs=0.05)
    assert abs(np.mean(pull)) < 0.1
    assert np.array_equal(first.weight.data > 0, good)
    for place in (*calibrated.hot, *calibrated.cold):
        assert first.weight.data[place] == 0
    assert first.psf_radius == pytest.approx(1.8 * 2.355 * 0.2134, rel=0.15)


def test_the_map_of_hits_counts_them(calibrated):
    from awe.model.raw import RawScienceFrame

    sky = calibrated.raw(np.full(calibrated.shape, 500.0))
    for row, column in ((30, 40), (90, 150), (120, 60)):
        sky[row : row + 3, column] += 3000
    at = calibrated.template.start
    raw = calibrated.put(RawScienceFrame, sky, at)
    [red] = reduce(raw_filenames=[raw.filename], chip="ESO_CCD_#65")
    cosmic = red.weight.cosmic
    assert cosmic.events == 3
    assert cosmic.count >= 9


def test_a_product_carries_its_lineage_and_coordinates(calibrated):
    calibrated.login("student")
    red = reduce(template=TEMPLATE, chip="ESO_CCD_#65", commit=True)[0]
    assert red.filename.startswith("Sci-STUDENT-OMEGACAM-------OCAM_r_SDSS-ESO_CCD_#65-Red---Sci-")
    assert red.bias.raw_bias_frames[0].OBJECT == "BIAS"
    assert red.flat.dome.bias == red.bias
    assert red.astrom.CRPIX1 == 100.0 - 12
    assert red.header["CRPIX1"] == 100.0 - 12
    assert red.header["AWE PAR OVERSCAN_CORRECTION"] == 6
    roles = {card for card in red.header.values() if card in ("raw", "bias", "flat", "weight")}
    assert roles == {"raw", "bias", "flat", "weight"}
    tree = str(red.lineage())
    assert red.bias.raw_bias_frames[3].filename in tree
    assert red in red.raw.used_by()
    assert red in calibrated_biases(red).used_by()


def calibrated_biases(red):
    return red.bias.raw_bias_frames[0]


@pytest.mark.skipif(shutil.which("fitsverify") is None, reason="fitsverify is not installed")
def test_every_file_left_behind_passes_fitsverify(calibrated):
    calibrated.login("student")
    reduce(template=TEMPLATE, chip="ESO_CCD_#65")
    files = sorted(Path.cwd().glob("*.fits"))
    assert len([f for f in files if "-Red-" in f.name]) == 2
    for path in files:
        found = subprocess.run(
            ["fitsverify", "-q", str(path)], capture_output=True, text=True, check=False
        )
        assert "verification OK" in found.stdout, found.stdout


def test_a_dry_run_leaves_files_but_no_objects(calibrated, capsys):
    from awe.model.science import ReducedScienceFrame

    calibrated.login("student")
    products = reduce(template=TEMPLATE, chip="ESO_CCD_#65")
    assert len(products) == 2
    assert Path(products[0].pathname).exists()
    assert len(ReducedScienceFrame.select_all()) == 0
    assert "dry run" in capsys.readouterr().out


def test_without_a_calibration_the_error_lists_candidates_and_reasons(calibrated):
    from awe.context import context
    from awe.model.calibrations import BiasFrame

    bias = (BiasFrame.chip.name == "ESO_CCD_#65")[0]
    context.update_is_valid(bias, 0)
    with pytest.raises(NoCalibration) as caught:
        reduce(template=TEMPLATE, chip="ESO_CCD_#65")
    assert bias.filename in str(caught.value)
    assert "is_valid is 0" in str(caught.value)
    assert "dpu.run('Bias'" in str(caught.value)


def test_a_calibration_named_by_hand_is_recorded(calibrated):
    from awe.model.calibrations import BiasFrame

    calibrated.login("student")
    bias = (BiasFrame.chip.name == "ESO_CCD_#65")[0]
    red = reduce(template=TEMPLATE, chip="ESO_CCD_#65", bias_filename=bias.filename)[0]
    assert red.choices["bias"] == "by hand: AWSTUDENT"
    assert red.choices["flat"] == "validity"
    assert "by hand" in str(red.why("bias"))


def test_a_calibration_of_another_chip_is_refused(calibrated):
    from awe.model.calibrations import BiasFrame

    bias = (BiasFrame.chip.name == "ESO_CCD_#66")[0]
    with pytest.raises(WrongShape, match=r"is for chip ESO_CCD_#66, .* is of chip ESO_CCD_#65"):
        reduce(template=TEMPLATE, chip="ESO_CCD_#65", bias_filename=bias.filename)


def test_another_overscan_method_than_the_bias_is_refused(calibrated):
    with pytest.raises(ParameterError, match="overscan method"):
        reduce(template=TEMPLATE, chip="ESO_CCD_#65", oc=5)


def test_parameters_reach_the_product(calibrated):
    from awe.pars import Pars
    from awe.recipes.reduce import ReduceTask

    p = Pars(ReduceTask, instrument="OMEGACAM")
    p.ReducedScienceFrame.process_params.FRINGE_THRESHOLD_HIGH = 6.0
    red = reduce(template=TEMPLATE, chip="ESO_CCD_#65", pars=p.get())[0]
    assert red.process_params.FRINGE_THRESHOLD_HIGH == 6.0
    assert red.header["AWE PAR FRINGE_THRESHOLD_HIGH"] == 6.0


def test_jobs_are_split_by_chip(calibrated):
    from awe import recipes
    from awe.model.raw import RawScienceFrame

    names = [raw.filename for raw in RawScienceFrame.select_all()]
    task = recipes.find("Reduce")(instrument="OMEGACAM", raw_filenames=names, commit=True)
    jobs = task.jobs()
    assert [job["chip"] for job in jobs] == ["ESO_CCD_#65", "ESO_CCD_#66"]
    assert all(len(job["raw_filenames"]) == 2 for job in jobs)
    by_template = recipes.find("Reduce")(instrument="OMEGACAM", template=TEMPLATE).jobs()
    assert by_template[0] == {
        "instrument": "OMEGACAM", "template": TEMPLATE, "chip": "ESO_CCD_#65",
    }  # fmt: skip


def test_one_broken_frame_is_reported_and_the_other_is_reduced(calibrated, capsys):
    from awe import recipes

    class Stumbling(recipes.find("Reduce")):
        def make(self, unit):
            if unit.name.endswith("08:51:44.000_1.fits"):
                msg = "this one is broken"
                raise NotFound(msg)
            return super().make(unit)

    products = Stumbling(i="OMEGACAM", template=TEMPLATE, c="ESO_CCD_#65", C=1).execute()
    assert len(products) == 1
    assert "failed: this one is broken" in capsys.readouterr().out


def test_a_mistake_of_ours_in_one_frame_does_not_cost_the_others(calibrated, capsys, caplog):
    from awe import recipes
    from awe.model.science import ReducedScienceFrame

    class Defective(recipes.find("Reduce")):
        def make(self, unit):
            product = super().make(unit)
            if unit.name.endswith("08:51:44.000_1.fits"):
                msg = "a mistake of ours"
                raise ZeroDivisionError(msg)
            return product

    caplog.set_level("DEBUG", "awe.tasks.task")
    products = Defective(i="OMEGACAM", template=TEMPLATE, c="ESO_CCD_#65", C=1).execute()
    assert len(products) == len(ReducedScienceFrame.select_all()) == 1
    said = capsys.readouterr().out
    assert "failed: awe defect: ZeroDivisionError: a mistake of ours; please report it" in said
    assert "Traceback" in caplog.text
    assert len(list(Path.cwd().glob("*-Red-*.fits"))) == 1
    one = products[0].raw.filename
    with pytest.raises(Defect) as caught:
        Defective(i="OMEGACAM", raw=one.replace("08:57", "08:51"), c="ESO_CCD_#65").execute()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_interrupt_leaves_no_file_of_the_unit(calibrated):
    from awe import recipes
    from awe.model.science import ReducedScienceFrame

    before = set(Path.cwd().glob("*.fits"))

    class Interrupted(recipes.find("Reduce")):
        def write(self, product, pixels, extensions=(), **details):
            super().write(product, pixels, extensions, **details)
            if type(product).__name__ == "WeightFrame":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupted(i="OMEGACAM", template=TEMPLATE, c="ESO_CCD_#65", C=1).execute()
    assert set(Path.cwd().glob("*.fits")) == before
    assert len(ReducedScienceFrame.select_all()) == 0


def test_a_dry_run_that_is_interrupted_leaves_no_file_and_says_so(calibrated, capsys):
    from awe import recipes

    before = set(Path.cwd().glob("*.fits"))
    begun = []

    class Interrupted(recipes.find("Reduce")):
        def make(self, unit):
            begun.append(unit)
            if len(begun) > 1:
                raise KeyboardInterrupt
            return super().make(unit)

    with pytest.raises(KeyboardInterrupt):
        Interrupted(i="OMEGACAM", template=TEMPLATE, c="ESO_CCD_#65", workers=1).execute()
    assert set(Path.cwd().glob("*.fits")) == before
    assert "dry run broken off: its files are removed" in capsys.readouterr().out


class Recorder:
    """What the DPU lends to a task, without a job."""

    def __init__(self):
        from awe.dpu.worker.items import JobItems

        self._done, self._errors, self._recorded, self.seen = {}, {}, set(), []
        self._total = None
        self.summary = lambda: JobItems.summary(self)
        self.finished = lambda name: JobItems.finished(self, name)
        self.record = lambda name, product: JobItems.record(self, name, product)
        self.failed = lambda name, error: JobItems.failed(self, name, error)
        self._take_back = lambda name: JobItems._take_back(self, name)

    def total(self, number):
        self._total = number

    def _write(self, name, ok, *_):
        self.seen.append((name, ok))


def test_a_unit_whose_commit_fails_counts_once_and_is_told_once(
    calibrated, capsys, monkeypatch
):
    from awe import recipes
    from awe.db.server.connection import database

    task = recipes.find("Reduce")(i="OMEGACAM", template=TEMPLATE, c="ESO_CCD_#65", C=1)
    task.items = recorder = Recorder()
    finish = database._finish

    def refused():
        if recorder.seen and recorder.seen[-1][1] and len(recorder.seen) == 1:
            msg = "the commit is refused"
            raise Refused(msg)
        finish()

    monkeypatch.setattr(database, "_finish", refused)
    task.execute()
    state, text = recorder.summary()
    assert (state, text.count("1 of 2 done")) == ("failed", 1)
    assert capsys.readouterr().out.count("the commit is refused") == 1


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"instrumnt": "OMEGACAM"}, ArgumentError, "did you mean 'instrument'"),
        ({"i": "OMEGACAM", "overscan": 11}, ArgumentError, "0 to 10"),
        ({"i": "OMEGACAM", "date": "1 June"}, ArgumentError, "CCYY-MM-DD"),
        ({"i": "OMEGACAM", "i_": 1}, ArgumentError, "no argument"),
        ({}, ArgumentError, "expects instrument"),
        ({"i": "OMEGACAM", "pars": {"BiasFrame.process_params.SIGMA_CLIP": 2.0}},
         ParameterError, "not a parameter of Reduce"),
        ({"i": "OMEGACAM", "pars": {"ReducedScienceFrame.process_params.FRINGE": 2.0}},
         ParameterError, "FRINGE_THRESHOLD"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_before_anything_runs(arguments, error, text):
    from awe import recipes

    with pytest.raises(error, match=text):
        recipes.find("Reduce")(**arguments)


def test_unknown_file_names_are_named(calibrated):
    with pytest.raises(NotFound, match=r"OMEGACAM\.nothing\.fits"):
        reduce(raw_filenames=["OMEGACAM.nothing.fits"])


def test_a_frame_without_values_somewhere_says_so():
    from awe.calib.flags import PixelFlag
    from awe.model.mixins import QualityFlag
    from awe.rules.quality import verdict

    reasons = np.full((4, 4), int(PixelFlag.SATURATED), np.uint16)
    assert verdict(reasons) == QualityFlag.EMPTY | QualityFlag.SATURATED
    reasons[:] = 0
    assert verdict(reasons) == 0
    reasons[0, 0] = int(PixelFlag.NON_FINITE)
    assert verdict(reasons) == QualityFlag.NOT_FINITE


def test_what_no_chip_has_is_consulted_all_the_same(calibrated):
    """One statement tells that there is none of four; each is recorded, a later one is seen."""
    from awe.db.server.connection import database
    from awe.model.calibrations import DarkFrame, GainLinearity
    from awe.tasks import inputs

    [red, _] = reduce(template=TEMPLATE, c="ESO_CCD_#65", workers=1)
    none = ("GainLinearity", "DarkFrame", "IlluminationCorrectionFrame", "FringeFrame")
    assert {name: red.consulted[name] for name in none} == dict.fromkeys(none)
    unit = recipes_unit(red)
    before = database.statements
    assert inputs.absent(unit, [GainLinearity, DarkFrame]) == {GainLinearity, DarkFrame}
    assert database.statements == before + 1
    GainLinearity(instrument=red.instrument, chip=red.chip, gain=2.5, is_valid=0).commit()
    assert inputs.absent(unit, [GainLinearity, DarkFrame]) == {DarkFrame}


def recipes_unit(red):
    """The unit of the raw frame of a product."""
    from awe.tasks.selection import one_each

    return one_each([red.raw])[0]

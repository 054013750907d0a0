"""Pars: the tree of parameters, setting with checks, and what get() gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awe.db.declare.registry import registry
from awe.errors import ArgumentError, AttributeUnknown, ParameterError
from awe.model.calibrations import Calibration
from awe.model.observing import Instrument
from awe.pars import Pars
from awe.recipes import available
from awe.recipes.dark import DarkTask
from awe.rules import quality, remedy
from awe.tasks.finding import chain


@pytest.fixture(autouse=True)
def _classes():
    from awe.model.classes import load

    load()


def forms():
    from awe.model.science import ReducedScienceFrame
    from awe.recipes.reduce import ReduceTask

    return [ReduceTask, "Reduce", ReducedScienceFrame, "ReducedScienceFrame"]


@pytest.mark.parametrize("number", range(4))
def test_all_forms_of_the_tutorial_change_the_same_parameter(number):
    p = Pars(forms()[number], instrument="OMEGACAM")
    p.ReducedScienceFrame.process_params.FRINGE_THRESHOLD_HIGH = 6.0
    assert p.get() == {"ReducedScienceFrame.process_params.FRINGE_THRESHOLD_HIGH": 6.0}


def test_show_prints_the_tree_of_the_handbook(capsys):
    Pars("BiasFrame", instrument="OMEGACAM", chip="ESO_CCD_#77").show()
    shown = capsys.readouterr().out
    assert shown.startswith(
        "BiasFrame\n |\n +--process_params\n |   |\n |   +--MAXIMUM_ABS_MEAN: 10.0\n"
    )
    assert " |   +--SIGMA_CLIP: 3.0\n" in shown
    assert " |   +--MAXIMUM_SUBWIN_STDEV: 20.0\n" in shown


def test_a_reduction_shows_all_classes_it_makes():
    p = Pars("Reduce", instrument="OMEGACAM")
    assert {"ReducedScienceFrame", "WeightFrame", "CosmicMap", "SatelliteMap"} <= set(dir(p))
    assert "FRINGE_THRESHOLD_LOW" in dir(p.ReducedScienceFrame.process_params)


def test_a_sequence_joins_its_recipes():
    assert {"ReadNoise", "BiasFrame"} <= set(dir(Pars("ReadNoise>Bias", instrument="OMEGACAM")))


def flagged():
    """Yield each calibration a recipe makes, with every bit whose limit is a parameter."""
    for name in available():
        for task in chain(name):
            for made in task.makes:
                cls = registry[made]
                if issubclass(cls, Calibration) and "process_params" in cls._attributes:
                    yield name, cls


def test_the_lines_of_every_remedy_can_be_typed():
    """What a message says to type sets what it names, in the recipe that makes the product."""
    seen = set()
    for recipe, cls in flagged():
        parameters = cls._attributes["process_params"].target.make("OMEGACAM", {})
        for check in quality.CHECKS:
            if check.parameter not in parameters.declarations:
                continue
            item = cls(instrument=Instrument(name="OMEGACAM"), process_params=parameters)
            item.quality_flags = check.flag
            text = remedy.other_limits(item)
            lines = text.partition("set other limits: ")[2].strip("; ")
            # half of every limit; this one has no inputs, and no limit may be that
            for name, limit in parameters.values().items():
                lines = lines.replace(f".{name} = ...", f".{name} = {type(limit)(limit / 2)}")
            lines = lines.replace("MINIMUM_INPUTS = 0", "MINIMUM_INPUTS = 2")
            lines = lines.replace("MIN_SOURCE_COUNT = 1", "MIN_SOURCE_COUNT = 2")
            space = {"Pars": Pars}
            exec(lines, space)
            assert any(check.parameter in key for key in space["p"].get()), lines
            task = chain(recipe)[0](instrument="OMEGACAM", pars=space["p"].get())
            task._check_parameters()
            assert f"dpu.run({recipe!r}, " in remedy.make_it(
                cls, {"instrument": "OMEGACAM", "chip": "A", "filter": "B"}, item
            )
            seen.add(cls.__name__)
    assert {"DarkFrame", "DarkCurrent", "FringeFrame", "BiasFrame"} <= seen


def test_a_parameter_of_a_class_without_any_is_told_where_it_is():
    with pytest.raises(ParameterError, match=r"'DarkFrame.*with the classes DarkCurrent$"):
        DarkTask(
            instrument="OMEGACAM", date="2012-05-31",
            pars={"DarkFrame.process_params.MINIMUM_INPUTS": 2},
        )._check_parameters()  # fmt: skip


def test_setting_the_default_is_no_change():
    p = Pars("Reduce", instrument="OMEGACAM")
    default = p.CosmicMap.process_params.SIGMA_LIMIT
    p.CosmicMap.process_params.SIGMA_LIMIT = 9.0
    p.CosmicMap.process_params.SIGMA_LIMIT = default
    assert p.get() == {}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("FRINGE_THRESHOLD_HIHG", 6.0, "did you mean 'FRINGE_THRESHOLD_HIGH'"),
        ("FRINGE_THRESHOLD_HIGH", "six", "expects float"),
        ("OVERSCAN_CORRECTION", 11, "0 to 10"),
        ("FRINGE_THRESHOLD_LOW", float("nan"), "got nan"),
        ("OVERSCAN_CORRECTION", 2.5, "expects int"),
        ("OVERSCAN_CORRECTION", True, "expects int"),
    ],
)
def test_a_wrong_name_type_or_range_is_refused_at_once(name, value, text):
    p = Pars("Reduce", instrument="OMEGACAM")
    with pytest.raises(ParameterError, match=text):
        setattr(p.ReducedScienceFrame.process_params, name, value)
    assert p.get() == {}


def test_wrong_places_in_the_tree_are_refused():
    p = Pars("Reduce", instrument="OMEGACAM")
    with pytest.raises(AttributeUnknown, match="did you mean 'ReducedScienceFrame'"):
        _ = p.ReducedScienceFrames
    with pytest.raises(AttributeUnknown, match="process_params"):
        p.ReducedScienceFrame.FRINGE_THRESHOLD_HIGH = 6.0
    with pytest.raises(AttributeUnknown, match="set a parameter"):
        p.FRINGE_THRESHOLD_HIGH = 6.0
    with pytest.raises(ArgumentError, match="no recipe"):
        Pars("Nothing")
    with pytest.raises(ArgumentError, match="expects a recipe"):
        Pars(42)


@given(value=st.floats(min_value=1.0, max_value=50.0))
def test_any_value_in_range_comes_back(value):
    p = Pars("Bias", instrument="OMEGACAM")
    p.BiasFrame.process_params.SIGMA_CLIP = value
    assert value == p.BiasFrame.process_params.SIGMA_CLIP
    assert p.get() == ({} if value == 3.0 else {"BiasFrame.process_params.SIGMA_CLIP": value})


def test_every_parameter_is_documented_with_unit_range_and_a_default_in_range():
    from awe.model.parameters import ProcessParameters

    classes = ProcessParameters.known.values()
    assert len(classes) >= 20
    for cls in classes:
        assert cls.declarations, cls
        for name, one in cls.declarations.items():
            assert one.doc, name
            assert one.unit, name
            assert one.check(name, one.default) == one.default

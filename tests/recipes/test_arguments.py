"""Arguments and parameters: numbers of numpy are numbers, and refusals say what is accepted."""

from __future__ import annotations

import numpy as np
import pytest

from awe.errors import ArgumentError, ParameterError
from awe.model.parameters import parameters_class
from awe.pars import Pars
from awe.recipes import Argument, find
from awe.tasks.tables import as_table


def test_numbers_of_numpy_are_arguments_and_parameters() -> None:
    task = find("Reduce")(instrument="OMEGACAM", overscan=np.int64(6), commit=np.bool_(True))
    assert (task.overscan, type(task.overscan), task.commit) == (6, int, True)
    pars = Pars("Reduce", instrument="OMEGACAM")
    pars.ReducedScienceFrame.process_params.FRINGE_THRESHOLD_HIGH = np.float32(6.5)
    pars.ReducedScienceFrame.process_params.OVERSCAN_CORRECTION = np.int64(5)
    given = pars.get()
    assert set(map(type, given.values())) <= {int, float}
    assert given["ReducedScienceFrame.process_params.FRINGE_THRESHOLD_HIGH"] == 6.5


def test_an_array_where_one_value_is_expected_is_one_line() -> None:
    with pytest.raises(ArgumentError, match=r"argument commit expects True or False, got array"):
        find("Reduce")(instrument="OMEGACAM", commit=np.array([1, 2]))
    cls = parameters_class("ReducedScienceFrame")
    assert cls is not None
    with pytest.raises(ParameterError, match="expects float"):
        cls.check("FRINGE_THRESHOLD_HIGH", np.array([1.0, 2.0]))


def test_a_number_that_is_none_is_refused_and_open_ranges_are_said() -> None:
    argument = Argument(name="n", type=float, doc="", low=1)
    with pytest.raises(ArgumentError, match="expects float, got nan"):
        argument.check(float("nan"))
    with pytest.raises(ArgumentError, match="expects 1 or more, got 0"):
        argument.check(0)
    with pytest.raises(ArgumentError, match="expects 3 or less, got 4"):
        Argument(name="n", type=int, doc="", high=3).check(4)


def test_a_number_larger_than_numbers_are_is_one_line() -> None:
    argument = Argument(name="wait", type=float, doc="seconds")
    assert argument.check(3) == 3.0
    with pytest.raises(ArgumentError, match="argument wait expects float, got 1000"):
        argument.check(10**400)
    with pytest.raises(ArgumentError, match="column 'x' of photometry holds more than numbers"):
        as_table({"x": [1, 10**400]}, "photometry")

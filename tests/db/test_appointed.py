"""Whose calibration is chosen: one's own and appointed people's before others'."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from awe.errors import ArgumentError, NoCalibration
from awe.model import classes
from awe.rules import appointed

classes.load()

from awe.context import context  # noqa: E402
from awe.model.calibrations import BiasFrame, DomeFlatFrame  # noqa: E402
from awe.model.observing import Chip, Instrument  # noqa: E402
from awe.rules import validity  # noqa: E402
from awe.tasks import inputs  # noqa: E402
from awe.tasks.task import Unit  # noqa: E402

DATE = datetime.datetime(2012, 6, 1, 8, 51, 44)
DAY = datetime.timedelta(days=1)
PLACE = {"instrument": "OMEGACAM", "chip": "ESO_CCD_#65", "date": DATE}


@pytest.fixture
def made(login: Any) -> Any:
    login("scientist", project="OMEGACAM@VST", privileges=4)
    instrument = Instrument(name="OMEGACAM")
    chip = Chip(name="ESO_CCD_#65", instrument=instrument)

    def make(person: str, privileges: int = 2) -> Any:
        project = "OMEGACAM@VST" if person == "scientist" else "TUTORIAL2015"
        login(person, project=project, privileges=privileges)
        bias = BiasFrame(
            filename=f"{person}.fits", instrument=instrument, chip=chip,
            timestamp_start=DATE - DAY, timestamp_end=DATE + DAY,
        )  # fmt: skip
        bias.commit()
        return bias.object_id

    make("scientist", 4)
    return make


def chosen(**more: Any) -> Any:
    return validity.choose(BiasFrame, **PLACE, **more).object_id


def test_a_made_up_calibration_of_a_fellow_is_not_chosen(made: Any, login: Any) -> None:
    made("other")
    login("student")
    best = validity.choose(BiasFrame, **PLACE)
    assert best.filename == "scientist.fits"
    assert not appointed.stranger(best)
    judged = {str(one.calibration.filename): one for one in validity.judge(BiasFrame, **PLACE)}
    assert "made by AWOTHER" in str(judged["other.fits"])


def test_ones_own_and_those_of_the_manager_go_by_age(made: Any, login: Any) -> None:
    own = made("student")
    made("other")
    login("student")
    assert chosen() == own
    managers = made("manager")
    login("student")
    assert chosen() == managers
    assert chosen(of="mine") == own


def test_the_parameter_says_whose_may_be_used(made: Any, login: Any) -> None:
    fellows = made("other")
    login("student")
    assert chosen(of="awother") == fellows
    with pytest.raises(NoCalibration, match="CALIBRATIONS_OF does not allow"):
        chosen(of="mine")
    with pytest.raises(ArgumentError, match="there is no user NOBODY"):
        chosen(of="nobody")


def test_a_fellows_is_used_and_told_where_there_is_nothing_better(made: Any, login: Any) -> None:
    fellows = made("other")
    login("scientist", project="OMEGACAM@VST", privileges=4)
    (bias,) = BiasFrame.filename == "scientist.fits"
    context.update_is_valid(bias, 0)
    login("student")
    assert chosen() == fellows
    assert appointed.stranger(validity.choose(BiasFrame, **PLACE))


@pytest.mark.parametrize("end", ["1960-01-01", None, "soon", 5])
def test_a_range_of_validity_that_holds_nothing_is_refused(
    made: Any, login: Any, end: Any
) -> None:
    made("student")
    login("student")
    (bias,) = BiasFrame.filename == "student.fits"
    with pytest.raises(ArgumentError):
        context.update_timestamp_end(bias, end)


def test_the_database_refuses_a_range_that_holds_nothing(made: Any, db: Any) -> None:
    import psycopg2

    made("student")
    for value in ("'1960-01-01'", "NULL"):
        with pytest.raises(psycopg2.errors.CheckViolation):
            db.rows("student", f"UPDATE awe.bias_frame SET timestamp_end = {value}")


def test_a_product_made_with_a_strangers_calibration_says_so(
    made: Any, login: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fellows, own = made("other"), made("student")
    login("student")
    of_fellow, of_oneself = (BiasFrame.object_id == fellows)[0], (BiasFrame.object_id == own)[0]
    unit = Unit(name="unit", instrument=None, chip=None, frames=(), date=DATE)
    products = []
    for bias in (of_fellow, of_oneself):
        product = DomeFlatFrame(filename="flat.fits", bias=bias, quality_flags=0)
        inputs.mark_others(product)
        inputs._tell(unit, bias)
        products.append(product)
    assert [item.explain_quality() for item in products] == ["OTHERS", "fine"]
    assert capsys.readouterr().out.splitlines() == [
        "unit: other.fits is of AWOTHER, who is not appointed; "
        "CALIBRATIONS_OF says whose may be used"
    ]

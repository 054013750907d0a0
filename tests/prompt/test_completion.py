from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

from awe.config import Environment
from awe.model import classes
from awe.prompt import namespace, strings, values
from awe.prompt.completion import complete


class Loud:
    """Something whose attributes do things when they are read."""

    plain = 1

    @property
    def dangerous(self) -> str:
        pytest.fail("completion read a property")

    def __getitem__(self, index: int) -> str:
        pytest.fail("completion evaluated a subscript")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    classes.load()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWE_HOME", str(tmp_path_factory.mktemp("home")))
        found = namespace.build(Environment.load())
    found["red"] = found["ReducedScienceFrame"]()
    found["qred"] = [found["red"]]
    found["query"] = found["RawScienceFrame"].chip.name == "ESO_CCD_#65"
    found["loud"] = Loud()
    return found


def offered(text: str, names: dict[str, Any]) -> tuple[str, ...]:
    found = complete(text, names)
    return found.names if found else ()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("red.bi", "bias"),
        ("red.bias.raw", "raw_bias_frames"),
        ("red.bias.ins", "inspect"),
        ("red.bias.raw_bias_frames[0].DATE", "DATE_OBS"),
        ("red.raw.chip.na", "name"),
        ("qred[0].fl", "flat"),
        ("qred[i].bias.inf", "info"),
        ("query[0].file", "filename"),
        ("query.user_", "user_only"),
        ("query.max('DATE_OBS').im", "imstat"),
        ("query.project_only().user_only().max('creation_date').imst", "imstat"),
        ("(ReducedScienceFrame.raw == 1).proj", "project_only"),
        ("(RawScienceFrame.is_valid > 0).max('DATE_OBS').chip.n", "name"),
        ("RawScienceFrame.template.st", "start"),
        ("RawScienceFrame.instrument.", "name"),
        ("print(red.weight.", "filename"),
        ("[r for r in red.bias.", "raw_bias_frames"),
        ("x = red.fla", "flat"),
        ("RawSci", "RawScienceFrame"),
        ("BiasT", "BiasTask"),
        ("conte", "context"),
        ("context.set_", "set_project"),
        ("datetime.datetime.fromiso", "fromisoformat"),
        ("for r in que", "query"),
    ],
)
def test_what_fits_is_offered(text: str, wanted: str, names: dict[str, Any]) -> None:
    assert wanted in offered(text, names)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("BiasTask(", "instrument="),
        ("BiasTask(instrument='OMEGACAM', ch", "chip="),
        ("dpu.run('Bias', instrument='OMEGACAM', comm", "commit="),
        ("raw = red.inspect(kap", "kappa="),
        ("Pars('Bias', instr", "instrument="),
    ],
)
def test_arguments_of_a_call_are_offered(text: str, wanted: str, names: dict[str, Any]) -> None:
    assert wanted in offered(text, names)


def test_an_argument_already_given_is_not_offered_again(names: dict[str, Any]) -> None:
    assert "chip=" not in offered("BiasTask(chip='ESO_CCD_#65', ", names)


def test_parameters_of_a_recipe_are_offered(names: dict[str, Any]) -> None:
    names["p"] = names["Pars"]("Bias", instrument="OMEGACAM")
    assert "BiasFrame" in offered("p.Bias", names)
    assert "SIGMA_CLIP" in offered("p.BiasFrame.process_params.SIG", names)


def test_nothing_is_evaluated(names: dict[str, Any]) -> None:
    assert offered("loud.dangerous.", names) == ()
    assert offered("loud[0].", names) == ()
    assert "plain" in offered("loud.pl", names)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("dpu.run('", "Reduce"),
        ("lpu.run('Red", "Reduce"),
        ("lpu.run('ReadNoise>Bi", "ReadNoise>Bias"),
        ('Pars("Red', "Reduce"),
        ("query.max('DATE", "DATE_OBS"),
        ("query.order_by('-DATE", "-DATE_OBS"),
        ("query.values('filename', 'filter.na", "filter.name"),
        ("RawScienceFrame.select_all().distinct('chip.", "chip.name"),
        ("Env['data_s", "data_server"),
        ("red.inspect(cmap='vir", "viridis"),
        ("red.inspect(interpolation='nea", "nearest"),
    ],
)
def test_tab_inside_quotes_offers_the_values_that_may_stand_there(
    text: str, wanted: str, names: dict[str, Any]
) -> None:
    assert wanted in offered(text, names)


@pytest.mark.parametrize(
    "text", ["Env['%", "query.max('NOTHING", "RawScienceFrame.DATE_OBS == '20", "dpu.get_status('"]
)
def test_inside_quotes_nothing_is_made_up(text: str, names: dict[str, Any]) -> None:
    found = complete(text, names)
    assert found is not None
    assert found.names == ()


@pytest.mark.parametrize("text", ["open('", "nobody('", "x = 'a", "d['"])
def test_strings_of_others_are_left_to_others(text: str, names: dict[str, Any]) -> None:
    assert complete(text, {**names, "d": {"a": 1}}) is None


def test_tab_waits_a_tenth_of_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def slow() -> list[str]:
        release.wait(20)
        return ["late"]

    taken = []
    for number in range(5):  # the machine may be busy with something else in one of them
        start = time.monotonic()
        assert values._remembered(f"slow server {number}", slow) == []
        assert values._remembered(f"slow server {number}", slow) == []
        taken.append(time.monotonic() - start)
    assert min(taken) < 0.1
    release.set()
    while values._remembered("slow server 0", slow) != ["late"]:
        assert time.monotonic() - start < 20
        time.sleep(0.01)


def test_values_that_need_an_escape_are_not_offered() -> None:
    typed, found = strings.shared("f('a", 2, ["ab", "a'b", "a\\b", "a\x1b[2J", "b"])
    assert (typed, found) == ("a", ("ab",))


def test_attributes_of_what_numpy_returns_are_offered(names: dict[str, Any]) -> None:
    assert "sort" in offered("np.zeros(3).so", {**names, "np": np})


@pytest.mark.parametrize("text", ["'red.bi", 'print("red.bi', "# red.bi", "1.", "", "x = 3."])
def test_strings_comments_and_numbers_are_left_alone(text: str, names: dict[str, Any]) -> None:
    assert offered(text, names) == ()


def test_unknown_names_give_nothing_and_no_error(names: dict[str, Any]) -> None:
    for text in ("nobody.att", "red.nothing.x", "red..x", "red.bias[0].x", "((.a", "red[.b"):
        assert offered(text, names) == ()


def test_hidden_names_wait_for_the_underscore(names: dict[str, Any]) -> None:
    assert not [name for name in offered("red.", names) if name.startswith("_")]
    assert "_project" in offered("red._pro", names)

"""Parameters for a filter or a chip only, differences between sets, and sets in files."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awe.errors import ArgumentError, FileTaken, NotFound, ParameterError
from awe.model.classes import load
from awe.model.given import Key, values_for
from awe.pars import Pars

load()
CHIP, OTHER = "ESO_CCD_#65", "ESO_CCD_#66"
FILTER = "OCAM_r_SDSS"
LIMIT = "CosmicMap.process_params.SIGMA_LIMIT"


class Named:
    def __init__(self, name):
        self.name = name


@pytest.fixture
def pars():
    return Pars("Reduce", instrument="OMEGACAM")


def test_a_value_holds_for_a_filter_or_chip_only(pars):
    default = pars.CosmicMap.process_params.SIGMA_LIMIT
    pars.at(filter=FILTER).CosmicMap.process_params.SIGMA_LIMIT = 6.0
    pars.at(chip=CHIP).CosmicMap.process_params.SIGMA_LIMIT = 7
    pars.at(filter=FILTER, chip=CHIP).CosmicMap.process_params.SIGMA_LIMIT = 8.0
    assert default == pars.CosmicMap.process_params.SIGMA_LIMIT
    assert pars.get() == {
        f"{LIMIT} @ chip={CHIP}": 7.0,
        f"{LIMIT} @ filter={FILTER}": 6.0,
        f"{LIMIT} @ filter={FILTER} @ chip={CHIP}": 8.0,
    }
    assert pars.at(filter=FILTER, chip=OTHER).CosmicMap.process_params.SIGMA_LIMIT == 6.0
    for names, value in (((FILTER, CHIP), 8.0), ((FILTER, OTHER), 6.0), (("x", CHIP), 7.0)):
        filter_, chip = map(Named, names)
        found = values_for(pars.get(), "CosmicMap", filter=filter_, chip=chip)
        assert found == {"SIGMA_LIMIT": value}
    assert values_for(pars.get(), "CosmicMap", chip=Named(OTHER)) == {}
    assert f"CosmicMap, only filter {FILTER}\n |\n +--SIGMA_LIMIT: 6.0" in repr(pars)


def test_the_default_for_a_filter_is_kept_where_something_else_holds_for_all(pars):
    default = pars.CosmicMap.process_params.SIGMA_LIMIT
    pars.CosmicMap.process_params.SIGMA_LIMIT = 9.0
    pars.at(filter=FILTER).CosmicMap.process_params.SIGMA_LIMIT = default
    assert pars.get() == {LIMIT: 9.0, f"{LIMIT} @ filter={FILTER}": default}


def test_places_that_are_none_are_refused(pars):
    for place, error, words in (
        ({}, ArgumentError, "expects a filter or a chip"),
        ({"chip": "ESO_CCD_#99"}, NotFound, "has no chip"),
        ({"filter": "OCAM_r_SDS"}, ArgumentError, "did you mean 'OCAM_r_SDSS'"),
    ):
        with pytest.raises(error, match=words):
            pars.at(**place)
    with pytest.raises(ParameterError, match="expects float"):
        pars.at(chip=CHIP).CosmicMap.process_params.SIGMA_LIMIT = "high"
    for text, words in (
        ("SIGMA_LIMIT", "is not a parameter"),
        (f"{LIMIT} @ chp=1", "is not filter=NAME or chip=NAME; did you mean 'chip'"),
        (f"{LIMIT} @ chip=", "is not filter=NAME or chip=NAME"),
    ):
        with pytest.raises(ParameterError, match=words):
            Key.parse(text)


@given(
    filter=st.sampled_from(["", FILTER, "OCAM_i_SDSS"]), chip=st.sampled_from(["", CHIP, OTHER])
)
def test_a_key_is_read_as_it_was_written(filter, chip):
    key = Key(product="CosmicMap", name="SIGMA_LIMIT", filter=filter, chip=chip)
    assert Key.parse(str(key)) == key


def test_differences_from_the_defaults_and_from_another_set(pars):
    assert repr(pars.diff()) == "no difference from default of OMEGACAM"
    default = pars.CosmicMap.process_params.SIGMA_LIMIT
    pars.CosmicMap.process_params.SIGMA_LIMIT = 9.0
    [one] = pars.diff()
    assert (one.key, one.value, one.other, one.unit) == (LIMIT, 9.0, default, "sigma")
    heads, row = repr(pars.diff()).splitlines()
    assert heads.split() == ["parameter", "here", "default", "of", "OMEGACAM", "unit"]
    assert row.split() == ["CosmicMap.SIGMA_LIMIT", "9.0", f"{default}", "sigma"]
    other = Pars("Reduce", instrument="OMEGACAM")
    other.CosmicMap.process_params.SIGMA_LIMIT = 9.0
    assert pars.diff(other) == pars.diff(other.get()) == []
    other.at(chip=CHIP).CosmicMap.process_params.SIGMA_LIMIT = 5.0
    [one] = pars.diff(other)
    assert (one.key, one.value, one.other) == (f"{LIMIT} @ chip={CHIP}", 9.0, 5.0)
    with pytest.raises(ArgumentError, match="a mapping of parameters or a product, not 3"):
        pars.diff(3)


def test_a_set_is_saved_and_comes_back(pars, tmp_path, capsys):
    pars.CosmicMap.process_params.SIGMA_LIMIT = 9.0
    pars.ReducedScienceFrame.process_params.SUBTRACT_DARK = True
    pars.at(filter=FILTER).CosmicMap.process_params.SIGMA_LIMIT = 6.0
    pars.at(filter=FILTER, chip=CHIP).WeightFrame.process_params.MINIMUM_RESPONSE = 0.25
    path = tmp_path / "reduce.toml"
    pars.save(path)
    assert capsys.readouterr().out == f"4 parameters: {path}\n"
    text = path.read_text()
    assert tomllib.loads(text)["CosmicMap"] == {"SIGMA_LIMIT": 9.0}
    assert "# Hits are this far above" in text or "[sigma]" in text
    back = Pars.load(path)
    assert back.get() == pars.get()
    assert back.diff(pars) == []
    with pytest.raises(FileTaken, match="replace=True"):
        pars.save(path)
    pars.save(path, replace=True)
    with pytest.raises(ArgumentError, match="cannot be written: No such file"):
        pars.save(tmp_path / "no" / "x.toml")


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("target = ", ArgumentError, "is not TOML"),
        ("target = " + "[" * 20_000, ArgumentError, "is not TOML: maximum recursion"),
        ("instrument = 'OMEGACAM'", ArgumentError, 'write target = "Reduce"'),
        ("target = 'Reduce'\n[CosmicMpa]\nA = 1", ParameterError, "did you mean 'CosmicMap'"),
        ("target = 'Reduce'\nCosmicMap = 3", ParameterError, "CosmicMap is not one of"),
        ("target = 'Reduce'\n[CosmicMap]\nSIGMA_LIMT = 3", ParameterError, "'SIGMA_LIMIT'"),
        ("target = 'Reduce'\n[CosmicMap]\nSIGMA_LIMIT = 'x'", ParameterError, "expects float"),
        ("target = 'Reduce'\n[[at]]\n", ArgumentError, "at number 1: at.. expects a filter"),
        ("target = 'Reduce'\nat = 3", ArgumentError, "expected a table"),
    ],
)
def test_a_file_that_is_wrong_is_told_in_one_line(tmp_path, text, error, words):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(error, match=words) as told:
        Pars.load(path)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_a_task_uses_the_value_of_the_frame_in_hand(calibrated):
    from awe.model.raw import RawBiasFrame
    from awe.recipes.bias import BiasTask

    pars = Pars("Bias", instrument="OMEGACAM")
    pars.BiasFrame.process_params.SIGMA_CLIP = 4.0
    pars.at(chip=CHIP).BiasFrame.process_params.SIGMA_CLIP = 5.0
    task = BiasTask(instrument="OMEGACAM", date=calibrated.date, pars=pars.get(), commit=True)
    made = {item.chip.name: item for item in task.execute()}
    clips = {chip: item.process_params.SIGMA_CLIP for chip, item in made.items()}
    assert clips == {CHIP: 5.0, OTHER: 4.0}
    for item in made.values():
        assert item.is_uptodate(pars.get()), item.why_stale(pars.get())
        assert not item.is_uptodate()
        assert pars.diff(item) == []
    [one] = Pars("Bias", instrument="OMEGACAM").diff(made[CHIP])
    assert (one.key, one.value, one.other) == ("BiasFrame.process_params.SIGMA_CLIP", 3.0, 5.0)
    again = BiasTask(
        instrument="OMEGACAM", date=calibrated.date, pars=pars.get(), commit=True, skip=True
    )
    assert again.execute() == list(made.values())
    assert len(RawBiasFrame.select_all()) == 10
    for key, error, words in (
        ("BiasFrame.process_params.SIGMA_CLIP @ chip=ESO_CCD_#99", NotFound, "no chip"),
        ("BiasFrame.process_params.SIGMA_CLIP @ filter=r", ArgumentError, "has no filter 'r'"),
        ("BiasFrame.process_params.SIGMA_CLIP @ x=1", ParameterError, "filter=NAME"),
    ):
        with pytest.raises(error, match=words):
            BiasTask(instrument="OMEGACAM", date=calibrated.date, pars={key: 3.0})


def test_a_file_of_a_product_says_its_own_value(calibrated):
    from awe.recipes.domeflat import DomeFlatTask

    key = f"DomeFlatFrame.process_params.SIGMA_CLIP @ filter={FILTER}"
    [flat] = DomeFlatTask(
        instrument="OMEGACAM", date=calibrated.date, filter=FILTER, chip=CHIP, pars={key: 6.0}
    ).execute()
    assert flat.process_params.SIGMA_CLIP == 6.0
    assert flat.header["AWE PAR SIGMA_CLIP"] == 6.0
    assert Path(flat.pathname).exists()

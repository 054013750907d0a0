"""The camera of the handbook: its headers are read, or refused with reasons."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from awe import instruments
from awe.db.server.scope import Scope, using
from awe.errors import BadHeader, Defect, NotFound
from awe.ingest.run import _told
from awe.instruments._described import described
from awe.localfiles import data_name
from awe.tasks.products import product_name

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "own-camera.md"
PRIMARY = {
    "INSTRUME": "TINYCAM", "DATE-OBS": "2020-03-01T20:08:00", "EXPTIME": 10.0,
    "IMAGETYP": "Light", "FILTER": "R",
}  # fmt: skip
SIZE = {"NAXIS1": 320, "NAXIS2": 260}


@pytest.fixture
def camera():
    text = PAGE.read_text().split("```toml\n")[1].split("```")[0]
    return described(text.encode(), "tinycam.toml")


def answering(camera, **answer):
    """The same camera with a reader that gives this answer."""
    given = {name: getattr(camera, name) for name in camera.__dataclass_fields__}
    return instruments.Instrument(**{**given, "reader": lambda *headers: answer})


def test_what_follows_from_the_rest_is_filled_in(camera):
    found = camera.translate(PRIMARY, {"EXTNAME": "TINY_2", **SIZE})
    assert (found["NAXIS1"], found["NAXIS2"]) == (320, 260)
    assert found["MJD_OBS"] == pytest.approx(58909.8388889)
    assert (found["filter"], found["OBJECT"], found["template"]) == ("TINY_R", "", {})
    assert camera.purpose(PRIMARY) == "science"


def test_its_headers_are_refused_with_reasons(camera):
    bad = {**PRIMARY, "DATE-OBS": "yesterday", "FILTER": "Q"}
    with pytest.raises(BadHeader, match=r"DATE-OBS.*EXTNAME is missing.*FILTER = 'Q' is not"):
        camera.translate(bad, {})
    with pytest.raises(BadHeader, match="EXTNAME = 'TINY_3' is not one of TINY_1, TINY_2"):
        camera.translate(PRIMARY, {"EXTNAME": "TINY_3", **SIZE})
    with pytest.raises(NotFound, match="TINYCAM has no chip 'TINY_3'; did you mean"):
        camera.chip("TINY_3")


def test_a_reader_that_returns_too_little_is_told_what_is_needed(camera):
    with pytest.raises(Defect, match="the reader of TINYCAM returns no DATE_OBS, chip, geometry"):
        answering(camera).translate(PRIMARY, {})
    whole = camera.translate(PRIMARY, {"EXTNAME": "TINY_1", **SIZE})
    with pytest.raises(Defect, match=r"returns no template\['start'\]: a raw frame needs"):
        answering(camera, **{**whole, "template": {"id": "x"}}).translate(PRIMARY, {})


@pytest.mark.parametrize(
    "numbers", [{"gain": 0.0}, {"gain": -1.0}, {"gain": float("nan")}, {"read_noise": -1.0}]
)
def test_a_chip_without_a_noise_is_no_chip(camera, numbers):
    chip = camera.chip("TINY_1")
    [(name, value)] = numbers.items()
    with pytest.raises(Defect, match=f"TINY_1 has the {name} {value}, expected a number"):
        dataclasses.replace(chip, **numbers)


def test_a_camera_whose_name_has_blanks_has_products_with_plain_names(camera):
    named = SimpleNamespace(name="Tiny Cam")
    product = SimpleNamespace(instrument=named, chip=SimpleNamespace(name="chip 1"), object_id=1)
    scope = Scope(user_id=1, user_name="de Vries", project_id=1, project_name="ONE")
    with using(scope):
        name = product_name(product, datetime.datetime(2020, 3, 1))
    assert data_name(name) == name
    assert "Tiny_Cam" in name
    assert "chip_1" in name


def test_an_error_of_a_reader_is_reported_with_its_kind():
    assert _told(KeyError("TINY_3")) == "KeyError: 'TINY_3'"
    assert _told(MemoryError()) == "MemoryError"

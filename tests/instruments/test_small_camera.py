"""The camera of the handbook: its headers are read, or refused with reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

from awe import instruments
from awe.errors import BadHeader, Defect, NotFound
from awe.ingest.run import _told

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "own-camera.md"
PRIMARY = {
    "INSTRUME": "TINYCAM", "DATE-OBS": "2020-03-01T20:08:00", "EXPTIME": 10.0,
    "IMAGETYP": "Light", "FILTER": "R",
}  # fmt: skip


@pytest.fixture
def camera():
    names = {"__name__": "tinycam"}
    exec(PAGE.read_text().split("```python\n")[1].split("```")[0], names)
    return names["instrument"]


def answering(camera, **answer):
    """The same camera with a reader that gives this answer."""
    given = {name: getattr(camera, name) for name in camera.__dataclass_fields__}
    return instruments.Instrument(**{**given, "reader": lambda *headers: answer})


def test_what_follows_from_the_rest_is_filled_in(camera):
    found = camera.translate(PRIMARY, {"EXTNAME": "TINY_2"})
    assert (found["NAXIS1"], found["NAXIS2"]) == (320, 260)
    assert found["MJD_OBS"] == pytest.approx(58909.8388889)
    assert (found["filter"], found["OBJECT"], found["template"]) == ("TINY_R", "", {})
    assert camera.purpose(PRIMARY) == "science"


def test_its_headers_are_refused_with_reasons(camera):
    bad = {**PRIMARY, "DATE-OBS": "yesterday", "FILTER": "Q"}
    with pytest.raises(BadHeader, match=r"DATE-OBS.*EXTNAME is missing.*FILTER = 'Q' is not"):
        camera.translate(bad, {})
    with pytest.raises(NotFound, match="TINYCAM has no chip 'TINY_3'; did you mean"):
        camera.translate(PRIMARY, {"EXTNAME": "TINY_3"})


def test_a_reader_that_returns_too_little_is_told_what_is_needed(camera):
    with pytest.raises(Defect, match="the reader of TINYCAM returns no DATE_OBS, chip, geometry"):
        answering(camera).translate(PRIMARY, {})
    whole = camera.translate(PRIMARY, {"EXTNAME": "TINY_1"})
    with pytest.raises(Defect, match=r"returns no template\['start'\]: a raw frame needs"):
        answering(camera, **{**whole, "template": {"id": "x"}}).translate(PRIMARY, {})


def test_an_error_of_a_reader_is_reported_with_its_kind():
    assert _told(KeyError("TINY_3")) == "KeyError: 'TINY_3'"
    assert _told(MemoryError()) == "MemoryError"

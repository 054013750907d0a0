"""Headers as cameras write them: drafted, read, and the same exposure each time, or refused.

Made here from what the FITS standard, observatories and camera programs say of their headers.
"""

from __future__ import annotations

from datetime import datetime
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from handmade import card, write

from awe.errors import BadHeader
from awe.ingest.draft import draft
from awe.ingest.split import examine

BEGAN = datetime(2021, 3, 4, 5, 6, 7, 500_000)
TIME = "'05:06:07.5'"
DATES = {
    "iso": [card("DATE-OBS", "'2021-03-04T05:06:07.500'")],
    "iso with a zone": [card("DATE-OBS", "'2021-03-04T05:06:07.500Z'")],
    "date and TIME-OBS": [card("DATE-OBS", "'2021-03-04'"), card("TIME-OBS", TIME)],
    "date and UT": [card("DATE-OBS", "'2021-03-04'"), card("UT", TIME)],
    "date and UTSTART": [card("DATE-OBS", "'2021-03-04'"), card("UTSTART", TIME)],
    "dd/mm/yy": [card("DATE-OBS", "'04/03/21'"), card("UT", TIME)],
    "DATE-BEG": [card("DATE-BEG", "'2021-03-04T05:06:07.5'")],
    "UTDATE": [card("UTDATE", "'2021-03-04'"), card("UTC-OBS", TIME)],
    "MJD": [card("DATE-OBS", "'2021-03-04'"), card("MJD-OBS", "59277.212586805558")],
    "JD": [card("JD", "2459277.712586805558")],
}
TIMES = {
    "EXPTIME": [card("EXPTIME", "12.5")],
    "EXPOSURE": [card("EXPOSURE", "1.25E1")],
    "both": [card("EXPTIME", "12.5"), card("EXPOSURE", "12.50")],
    "ITIME": [card("ITIME", "'12.5'")],
    "ms": [card("EXPTIME", "12500.0") + " / exposure time [ms]"],
    "foreign": [card("EXPTIME", "1.25D1")],
}
KINDS = {
    "Light Frame": ("science", [card("IMAGETYP", "'Light Frame'"), card("FILTER", "'R'")]),
    "object": ("science", [card("IMAGETYP", "'object  '"), card("FILTERS", "'R'")]),
    "ESO": ("twilight", ["HIERARCH ESO DPR TYPE = 'FLAT,SKY'",
                         "HIERARCH ESO INS FILT1 NAME = 'R'"]),
    "EXPOSE": ("science", [card("OBSTYPE", "'EXPOSE'"), card("FILTER", "'R'")]),
}  # fmt: skip
EVERY = [
    pytest.param(date, time, kind, id=f"{date}, {time}, {kind}")
    for date, time, kind in product(DATES, TIMES, KINDS)
]
PIXELS = np.random.default_rng(4).normal(500, 5, (40, 60)).astype(np.int16)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AWE_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "instruments").mkdir(parents=True)
    return tmp_path / "home"


def described(home: Path, path: Path) -> None:
    name, sheet = draft([path])
    (home / "instruments" / f"{name.lower()}.toml").write_text(sheet.text())


def test_there_are_200_at_least():
    assert len(EVERY) >= 200


@pytest.mark.parametrize(("date", "time", "kind"), EVERY)
def test_a_header_gives_the_right_attributes(tmp_path, home, date, time, kind):
    purpose, cards = KINDS[kind]
    always = [card("INSTRUME", "'Some CCD'"), card("OBJECT", "'M 67'"), card("AIRMASS", "1.5")]
    path = write(tmp_path / "a.fits", PIXELS, *always, *cards, *DATES[date], *TIMES[time])
    described(home, path)
    exposure = examine(path)
    attributes = exposure.frames[0].attributes
    assert abs((exposure.DATE_OBS - BEGAN).total_seconds()) < 1e-4
    assert attributes["EXPTIME"] == pytest.approx(12.5)
    assert (exposure.purpose, attributes["filter"]) == (purpose, "SOME_CCD_R")
    assert (attributes["OBJECT"], attributes["AIRMSTRT"]) == ("M 67", 1.5)


GOOD = {
    "INSTRUME": "'Some CCD'", "DATE-OBS": "'2021-03-04T05:06:07'", "EXPTIME": "12.5",
    "IMAGETYP": "'object'", "FILTER": "'R'", "AIRMASS": "1.5",
}  # fmt: skip


@pytest.mark.parametrize(
    ("keyword", "value", "told"),
    [
        ("DATE-OBS", "'2021-13-04T05:06:07'", "is not a moment in UTC"),
        ("DATE-OBS", "'2021-03-04T25:06:07'", "is not a moment in UTC"),
        ("DATE-OBS", "'2021-03-04'", "is a date without a time of day"),
        ("DATE-OBS", "'yesterday'", "is a date without a time of day"),
        ("DATE-OBS", "20210304", "is a date without a time of day"),
        ("EXPTIME", "-1.0", "is outside 0 to 1e+07"),
        ("EXPTIME", "'12,5'", "is not a number"),
        ("EXPTIME", "'long'", "is not a number"),
        ("EXPTIME", "1E99", "is outside"),
        ("FILTER", "'Q'", "is not one of R"),
        ("IMAGETYP", "'whatever'", "fits no [[purpose]] of SOME_CCD"),
        ("AIRMASS", "0.5", "is outside 1 to 50"),
    ],
)
def test_a_wrong_card_is_refused_by_file_card_and_value(tmp_path, home, keyword, value, told):
    lines = {word: card(word, text) for word, text in GOOD.items()}
    described(home, write(tmp_path / "a.fits", PIXELS, *lines.values()))
    lines[keyword] = card(keyword, value)
    path = write(tmp_path / "b.fits", PIXELS, *lines.values())
    with pytest.raises(BadHeader) as refused:
        examine(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert f"{keyword} = " in message
    assert told in message


def test_a_missing_date_is_refused_and_a_missing_airmass_is_not(tmp_path, home):
    lines = {word: card(word, text) for word, text in GOOD.items()}
    described(home, write(tmp_path / "a.fits", PIXELS, *lines.values()))
    del lines["AIRMASS"]
    assert examine(write(tmp_path / "b.fits", PIXELS, *lines.values())).purpose == "science"
    del lines["DATE-OBS"]
    with pytest.raises(BadHeader, match="DATE-OBS is missing"):
        examine(write(tmp_path / "c.fits", PIXELS, *lines.values()))

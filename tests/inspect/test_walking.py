"""Several frames in one window, one after the other, at the same place and in the same way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io.fits import Header

from awe import fits
from awe.errors import ArgumentError
from awe.inspect.frame import inspect


@pytest.fixture
def night(tmp_path: Path) -> list[str]:
    """Three files of one camera, the second of another size, each with its number as value."""
    made = []
    for number, shape in enumerate([(60, 80), (90, 70), (60, 80)], start=1):
        image = fits.Image(np.full(shape, number, np.float32), Header({"OBJECT": f"o{number}"}))
        flags = fits.Image(np.full(shape, number, np.uint16), Header({"EXTNAME": "MASK"}))
        path = tmp_path / f"night{number}.fits"
        made.append(str(fits.write(path, [flags], primary=image)))
    return made


def value(window: Any) -> float:
    return float(window.press("x", 5, 5).values["value"])


def test_n_and_p_walk_and_say_where_they_are(night: list[str], capsys: Any) -> None:
    window: Any = inspect(night)
    assert value(window) == 1
    window.press("p", 5, 5)
    assert "this is the first of 3" in capsys.readouterr().out
    window.press("n", 5, 5)
    assert "2 of 3: night2.fits" in capsys.readouterr().out
    assert value(window) == 2
    window.press("n", 5, 5)
    window.press("n", 5, 5)
    assert "this is the last of 3" in capsys.readouterr().out
    assert value(window) == 3
    assert repr(window).startswith("<inspect night3.fits")
    assert list(window.table["frame"]) == ["night1.fits", "night2.fits", "night3.fits"]
    assert {text.get_text() for text in window.every_figure[-1].texts} >= {"night3.fits", "o3"}


def test_place_zoom_stretch_and_layers_stay(night: list[str]) -> None:
    window: Any = inspect(night[0], among=night)
    picture = window._picture
    window.press("i", 5, 5)
    window.press("f", 5, 5)
    picture.view(10.5, 30.5, 10.5, 30.5)
    window.press("n", 5, 5)
    assert picture.axes.get_xlim() == (10.5, 30.5)
    assert picture.stretch == "log"
    assert "COLD" not in picture.axes.format_coord(5, 5)
    assert picture.axes.format_coord(5, 5) != picture.readout(5, 5), "flags are shown"
    # the range follows the values of the frame, unless a hand has set it
    assert picture.lower < 2 < picture.upper
    picture.show_range(-5, 5)
    window.press("n", 5, 5)
    assert (picture.lower, picture.upper) == (-5, 5)
    picture.view(*picture.limits)
    window.press("p", 5, 5)
    assert picture.whole
    assert picture.limits == (0.5, 70.5, 0.5, 90.5)
    window._figure.canvas.draw()


def test_a_frame_that_vanished_is_one_line_and_passed_over(night: list[str], capsys: Any) -> None:
    window = inspect(night)
    Path(night[1]).unlink()
    window.press("n", 5, 5)
    assert capsys.readouterr().out.splitlines()[-1].startswith("FileGone: there is no file")
    window.press("n", 5, 5)
    assert value(window) == 3


def test_one_frame_has_no_next_and_an_empty_list_nothing(night: list[str], capsys: Any) -> None:
    inspect(night[0]).press("n", 5, 5)
    assert "no other frames were given; inspect(query)" in capsys.readouterr().out
    with pytest.raises(ArgumentError, match="there is no frame in it"):
        inspect([])
    with pytest.raises(ArgumentError, match="not one of the 2 in among="):
        inspect(night[0], among=night[1:])
    with pytest.raises(ArgumentError, match="among=3: expected a query or a list"):
        inspect(night[0], among=3)


def test_arrays_walk_and_a_list_of_rows_is_an_image() -> None:
    window = inspect([np.ones((9, 9)), np.zeros((9, 9))])
    window.press("n", 5, 5)
    assert value(window) == 0
    assert value(inspect([[1.0] * 9] * 9)) == 1

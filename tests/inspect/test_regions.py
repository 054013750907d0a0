"""Regions of DS9 and places of tables over a picture: read, drawn where they are, written."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from astropy.wcs import WCS

from awe import fits
from awe.errors import ArgumentError
from awe.inspect.frame import inspect


def wcs(shift: float = 0.0) -> WCS:
    made = WCS(naxis=2)
    made.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    made.wcs.crval, made.wcs.crpix = [10.0, 60.0], [50 + shift, 40]
    made.wcs.cdelt = [-0.2 / 3600, 0.2 / 3600]
    return made


@pytest.fixture
def window(tmp_path: Path) -> Any:
    for name, shift in (("a", 0.0), ("b", 12.0)):
        image = fits.Image(np.zeros((90, 120), np.float32), wcs(shift).to_header())
        fits.write(tmp_path / f"{name}.fits", image)
    return inspect([str(tmp_path / "a.fits"), str(tmp_path / "b.fits")])


FILE = """# Region file format: DS9 version 4.1
global color=green dashlist=8 3 width=1 select=1 highlite=1 dash=0 fixed=0 edit=1 include=1
icrs
circle(0:40:00.0,+60:00:00.0,2.0") # color=red text={the star}
physical
box(30,20,10,6,0)
"""


def test_a_file_of_ds9_is_drawn_where_it_says(window: Any, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "ds9.reg").write_text(FILE)
    window.regions(tmp_path / "ds9.reg")
    assert "2 regions are drawn" in capsys.readouterr().out
    circle, box = window._picture.axes.patches
    assert circle.center == pytest.approx((50, 40), abs=0.01)
    assert circle.radius == pytest.approx(10, rel=1e-3)
    assert (float(box.get_x()) + 5, float(box.get_y()) + 3) == pytest.approx((30, 20))
    assert "the star" in {text.get_text() for text in window._picture.axes.texts}
    window._figure.canvas.draw()
    # of another frame, what is in coordinates of the sky moves with it
    window.press("n", 5, 5)
    circle, box = window._picture.axes.patches
    assert circle.center == pytest.approx((62, 40), abs=0.01)
    assert float(box.get_x()) + 5 == pytest.approx(30)
    window.regions(None)
    assert not window._picture.axes.patches


def test_keys_draw_regions_that_are_written_and_read(window: Any, tmp_path: Path) -> None:
    window.set("region", 7)
    window.press("R", 60, 33)
    window.press("X", 20, 22)
    window.press("X", 90, 80)
    window.press("U", 5, 5)
    path = window.save_regions(tmp_path / "mine.reg")
    lines = path.read_text()
    assert "circle(60.0" in lines
    assert "box(20.0" in lines
    assert "90.0" not in lines
    window.regions(None)
    window.regions(path)
    circle, _ = window._picture.axes.patches
    assert circle.center == pytest.approx((60, 33))
    assert "icrs" in window.save_regions(tmp_path / "sky.reg", sky=True).read_text()


def test_places_of_tables_and_tracks_are_drawn(window: Any, capsys: Any) -> None:
    place = [float(v) for v in wcs().all_pix2world(70, 30, 1)]
    window.overlay(Table({"RA": [place[0], np.nan], "Dec": [place[1], 60.0]}))
    window.overlay({"x": [5, 6], "y": [7, 8]})
    sky, pixel = window._picture.axes.lines
    assert sky.get_xydata()[0] == pytest.approx((70, 30), abs=1e-3)
    assert pixel.get_xydata().tolist() == [[5, 7], [6, 8]]
    one = SimpleNamespace(x_start=1.0, y_start=2.0, x_end=50.0, y_end=60.0)
    window.overlay(SimpleNamespace(filename="red.fits", tracks=[one]))
    track = window._picture.axes.get_lines()[0]  # marks are drawn anew, regions first
    assert track.get_xydata() == pytest.approx(np.array([[1, 2], [50, 60]]))
    window._figure.canvas.draw()


def test_what_cannot_be_drawn_is_one_line(window: Any, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "bad.reg").write_text("image\ncircle(1,a,3)\n")
    (tmp_path / "none.reg").write_text("nothing here\n")
    for path, match in (("bad.reg", "cannot be read"), ("none.reg", "0 regions"),
                        ("gone.reg", "No such file")):  # fmt: skip
        with pytest.raises(ArgumentError, match=match):
            window.regions(tmp_path / path)
    with pytest.raises(ArgumentError, match="columns ra and dec, or x and y, is expected"):
        window.overlay({"u": [1]})
    with pytest.raises(ArgumentError, match="has no satellite tracks"):
        window.overlay(SimpleNamespace(filename="raw.fits"))
    plain = inspect(np.ones((9, 9)))
    plain.overlay({"ra": [1.0], "dec": [2.0]})
    assert "1 are not drawn, array has no coordinates" in capsys.readouterr().out
    with pytest.raises(ArgumentError, match="leave out sky=True"):
        plain.save_regions(tmp_path / "x.reg", sky=True)

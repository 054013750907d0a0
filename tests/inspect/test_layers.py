"""What is drawn over the picture: reason bits, north and east, lines of coordinates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS

from awe import fits
from awe.calib.flags import PixelFlag
from awe.errors import ArgumentError
from awe.inspect.compass import directions
from awe.inspect.facts import facts_of
from awe.inspect.frame import inspect
from awe.inspect.overlay import COLOURS


@pytest.fixture
def flagged(tmp_path: Path) -> Path:
    """A file of 1300 x 50 pixels with a hit, a dead column and nothing else wrong."""
    flags = np.zeros((50, 1300), np.uint16)
    flags[10, 20] = PixelFlag.COSMIC
    flags[:, 700] = PixelFlag.DEAD | PixelFlag.COSMIC
    image = fits.Image(np.ones((50, 1300), np.float32), Header({"OBJECT": "x"}))
    return fits.write(
        tmp_path / "red.fits", [fits.Image(flags, Header({"EXTNAME": "MASK"}))], primary=image
    )


def layers(window: Any) -> Any:
    (axes,) = window.every_figure[-1].axes
    return axes


def coloured(axes: Any) -> np.ndarray:
    """Return the columns of the image whose flags colour the screen."""
    canvas = axes.figure.canvas
    canvas.draw()
    drawn, left, _, _ = axes.images[-1].make_image(canvas.get_renderer())
    columns = (drawn[..., 3] > 0).any(axis=0).nonzero()[0] + left + 0.5
    return axes.transData.inverted().transform([(column, 0) for column in columns])[:, 0]


def test_flags_follow_the_wheel(flagged: Path) -> None:
    window = inspect(str(flagged))
    window.press("f", 1, 1)
    window._picture.view(690.5, 710.5, 5.5, 15.5)
    assert {round(float(place)) for place in coloured(layers(window))} == {701}
    window._picture.view(*window._picture.limits)
    assert (np.abs(coloured(layers(window)) - 21) < 3).any()


def test_flags_are_drawn_counted_named_and_taken_away(flagged: Path, capsys: Any) -> None:
    window = inspect(str(flagged))
    axes = layers(window)
    before = len(axes.images)
    window.press("f", 1, 1)
    assert "dead 50, cosmic ray 51" in capsys.readouterr().out
    # several pixels share a column of the screen, and one that is flagged colours it
    found = coloured(axes)
    assert {round(float(place)) for place in found if abs(place - 21) < 3}
    assert {round(float(place)) for place in found if abs(place - 701) < 3}
    assert all(min(abs(place - 21), abs(place - 701)) < 3 for place in found)
    assert "cosmic ray" in axes.format_coord(21, 11)
    assert "dead, cosmic ray" in axes.format_coord(701, 30)
    assert "cosmic" not in axes.format_coord(22, 11)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["dead", "cosmic ray"]
    axes.set_xlim(690.5, 710.5)
    assert {round(float(place)) for place in coloured(axes)} == {701}
    window.press("f", 1, 1)
    assert len(axes.images) == before
    assert axes.get_legend() is None
    assert "cosmic" not in axes.format_coord(21, 11)


def test_every_bit_has_a_colour_of_its_own() -> None:
    assert {*COLOURS} == {*PixelFlag}
    assert len({*COLOURS.values()}) == len(PixelFlag)


def test_a_zone_has_its_own_flags(flagged: Path) -> None:
    window = inspect(str(flagged), zone=(701, 1, 760, 50))
    window.press("f", 710, 10)
    axes = layers(window)
    assert "dead" in axes.format_coord(701, 30)
    assert "dead" not in axes.format_coord(702, 30)


@pytest.mark.parametrize("what", [np.ones((9, 9)), np.ones((9, 9, 3))])
def test_images_without_flags_or_coordinates_say_so(what: Any) -> None:
    window = inspect(what)
    with pytest.raises(ArgumentError, match="no reason bits"):
        window.press("f", 1, 1)
    with pytest.raises(ArgumentError, match="does not tell where on the sky"):
        window.press("g", 1, 1)


def sky(turn: float, parity: int = -1) -> Header:
    """A header turned by degrees, with east to the left or to the right."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [10.0, 60.0], [150, 150]
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    wcs.wcs.cd = np.array([[parity * c, -parity * s], [s, c]]) * 0.2 / 3600
    return wcs.to_header()


@pytest.mark.parametrize("turn", [0, 30, 135, -90])
@pytest.mark.parametrize("parity", [-1, 1])
def test_north_and_east_point_as_the_header_tells(turn: float, parity: int) -> None:
    place = facts_of(sky(turn, parity), "").sky
    assert place is not None
    found = directions(place, 140, 160)
    step = 5.0
    ra0, dec0 = place(140, 160)
    ra, dec = place(140 + step * found["N"][0], 160 + step * found["N"][1])
    assert dec - dec0 == pytest.approx(step * 0.2 / 3600, rel=1e-3)
    assert ra == pytest.approx(ra0, abs=1e-5)
    ra, dec = place(140 + step * found["E"][0], 160 + step * found["E"][1])
    assert (ra - ra0) * np.cos(np.radians(dec0)) == pytest.approx(step * 0.2 / 3600, rel=1e-3)
    assert dec == pytest.approx(dec0, abs=1e-5)


def test_compass_and_grid_come_and_go(tmp_path: Path, capsys: Any) -> None:
    image = fits.Image(np.ones((300, 300), np.float32), sky(20))
    window = inspect(fits.write(tmp_path / "sky.fits", image))
    axes = layers(window)
    before = len(axes.get_children())
    window.press("g", 1, 1)
    assert "scale 0.2 arcsec/pixel" in capsys.readouterr().out
    assert {text.get_text() for text in axes.texts} >= {"N", "E"}
    grids = [one for one in axes.collections if len(getattr(one, "levels", ()))]
    assert len(grids) == 2
    for grid in grids:
        assert 2 <= len(grid.levels) <= 20
    window.press("g", 1, 1)
    assert len(axes.get_children()) == before

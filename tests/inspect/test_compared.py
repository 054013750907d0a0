"""Two frames in one window, matched by the sky: in turns with B, or next to each other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS
from matplotlib.backend_bases import KeyEvent, MouseEvent

from awe import fits
from awe.errors import ArgumentError
from awe.inspect.frame import inspect
from awe.inspect.match import Match
from awe.inspect.sight import Sight

#: places of stars on the sky [deg]
STARS = [(10.0, 60.0), (10.004, 60.003), (9.994, 59.998)]


def wcs(turn: float, shape: tuple[int, int], scale: float = 0.2) -> WCS:
    made = WCS(naxis=2)
    made.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    made.wcs.crval, made.wcs.crpix = [10.0, 60.0], [shape[1] / 2 + 7, shape[0] / 2 - 9]
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    made.wcs.cd = np.array([[-c, s], [s, c]]) * scale / 3600
    return made


def sky(path: Path, turn: float, shape: tuple[int, int], scale: float = 0.2) -> str:
    """Write an image of the stars on a sky of 100, FWHM 4 pixels, and flags on the first star."""
    there = wcs(turn, shape, scale)
    y, x = np.mgrid[1 : shape[0] + 1, 1 : shape[1] + 1]
    pixels = np.random.default_rng(3).normal(100, 1, shape)
    flags = np.zeros(shape, np.uint16)
    for number, star in enumerate(STARS):
        a, b = there.all_world2pix(*star, 1)
        pixels += 4000 * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * 1.7**2))
        if number == 0:
            flags[round(float(b)) - 1, round(float(a)) - 1] = 1
    image = fits.Image(pixels.astype(np.float32), there.to_header())
    mask = fits.Image(flags, Header({"EXTNAME": "MASK"}))
    return str(fits.write(path, [mask], primary=image))


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    return sky(tmp_path / "a.fits", 0, (150, 130)), sky(tmp_path / "b.fits", 35, (170, 160), 0.25)


def brightest(window: Any, panel: Any, star: tuple[float, float]) -> float:
    """Return how far from a star's place the light within 20 pixels of the screen is, in them."""
    canvas = window._figure.canvas
    canvas.draw()
    place = wcs(0, (150, 130)).all_world2pix(*star, 1)
    sx, sy = panel.axes.transData.transform([float(v) for v in place])
    seen = np.asarray(canvas.buffer_rgba())[::-1, :, 0].astype(float)
    x, y = int(sx), int(sy)
    box = np.clip(seen[y - 20 : y + 21, x - 20 : x + 21] - 8, 0, None)  # above the sky
    rows, columns = np.indices(box.shape) - 20
    return float(np.hypot((box * rows).sum(), (box * columns).sum()) / box.sum())


def test_blinking_shows_the_same_sky(pair: tuple[str, str], capsys: Any) -> None:
    window: Any = inspect(pair[0], blink=pair[1], lower=0, upper=5000)
    (panel,) = window._panels
    for star in STARS:
        assert brightest(window, panel, star) < 1.5
    limits = panel.axes.get_xlim()
    window.press("B", 5, 5)
    assert "b.fits, matched by the sky" in capsys.readouterr().out
    assert panel.axes.get_xlim() == limits
    for star in STARS:
        assert brightest(window, panel, star) < 1.5
    window.press("B", 5, 5)
    assert window.name == "a.fits"


def test_what_is_measured_is_the_frame_that_is_shown(pair: tuple[str, str]) -> None:
    window: Any = inspect(pair[0], blink=pair[1])
    place = [float(v) for v in wcs(0, (150, 130)).all_world2pix(*STARS[1], 1)]
    window.press("B", *place)
    values = window.press("a", *place).values
    own = [float(v) for v in wcs(35, (170, 160), 0.25).all_world2pix(*STARS[1], 1)]
    assert (values["x_centre"], values["y_centre"]) == pytest.approx(own, abs=0.05)
    assert (values["ra"], values["dec"]) == pytest.approx(STARS[1], abs=1e-5)
    assert values["fwhm"] == pytest.approx(4.0, rel=0.02)
    assert window.table["frame"][0] == "b.fits"
    assert window.table["x"][0] == pytest.approx(own[0])
    # the flags that are drawn are those of the frame that is shown, in its place
    window.press("f", *place)
    axes, first = window._panel.axes, wcs(0, (150, 130)).all_world2pix(*STARS[0], 1)
    told = [axes.format_coord(float(first[0]) + dx, float(first[1])) for dx in (0, 30)]
    assert told[0].count(",") + len(told[0]) > len(told[1])


def test_frames_are_next_to_each_other_and_move_together(pair: tuple[str, str]) -> None:
    window: Any = inspect(*pair, lower=0, upper=5000)
    left, right = window._panels
    assert (left.sight.name, right.sight.name) == ("a.fits", "b.fits")
    for star in STARS:
        assert brightest(window, right, star) < 1.5
    for moving, other in ((left, right), (right, left)):
        box = moving.axes.bbox
        canvas = window._figure.canvas
        event = MouseEvent(
            "scroll_event", canvas, int(box.x0) + 40, int(box.y0) + 50, step=2
        )
        canvas.callbacks.process("scroll_event", event)
        canvas.draw()
        assert moving.axes.get_xlim() == pytest.approx(other.axes.get_xlim())
        assert moving.axes.get_ylim() == pytest.approx(other.axes.get_ylim())
        assert not moving.picture.whole
    window.press("B", 5, 5)
    assert (left.sight.name, right.sight.name) == ("b.fits", "a.fits")


def test_a_key_acts_on_the_frame_under_the_pointer(pair: tuple[str, str], capsys: Any) -> None:
    window: Any = inspect(*pair)
    canvas = window._figure.canvas
    canvas.draw()
    for panel, name in zip(window._panels, ("a.fits", "b.fits"), strict=True):
        x, y = panel.axes.transData.transform((70, 70))
        window._on_key(KeyEvent("key_press_event", canvas, "x", int(x), int(y)))
        assert window.table["frame"][-1] == name
    assert window.press("x", 70, 70) is not None


def test_frames_without_coordinates_are_matched_by_pixel(tmp_path: Path, capsys: Any) -> None:
    window: Any = inspect(np.zeros((40, 50)), blink=np.ones((30, 60)))
    window.press("B", 5, 5)
    assert "matched by pixel numbers" in capsys.readouterr().out
    assert window.press("x", 50, 30).values["value"] == 1
    with pytest.raises(ArgumentError, match="is not on array"):
        window.press("x", 5, 35)
    window._figure.canvas.draw()
    with pytest.raises(ArgumentError, match="no second frame was given"):
        inspect(np.ones((9, 9))).press("B", 1, 1)


def test_the_next_frame_takes_the_place_of_the_first(pair: tuple[str, str]) -> None:
    window: Any = inspect(pair[0], blink=pair[1], among=[pair[0], pair[1]])
    window.press("B", 5, 5)
    window.press("n", 5, 5)
    assert window._panel.which == 0
    assert window.name == "b.fits"


def test_a_cutout_is_of_the_frame_that_is_shown(pair: tuple[str, str], tmp_path: Path) -> None:
    window: Any = inspect(pair[0], blink=pair[1])
    place = [float(v) for v in wcs(0, (150, 130)).all_world2pix(*STARS[0], 1)]
    window.press("B", *place)
    window.set("t", 21)
    window.press("t", *place)
    (path,) = tmp_path.glob("b_*.fits")
    image = fits.read(path)
    assert np.unravel_index(image.pixels.argmax(), (21, 21)) == (10, 10)


def test_the_grid_is_that_of_the_world_coordinates(tmp_path: Path) -> None:
    shapes = ((4200, 2144), (4200, 2144))
    sights = [
        Sight(pixels=np.zeros((1, 1)), name=str(turn), header=wcs(turn, shape).to_header())
        for turn, shape in zip((0, 80), shapes, strict=True)
    ]
    match = Match(*sights)
    x, y = np.linspace(1, 2144, 500), np.linspace(1, 4200, 900)
    began = time.process_time()
    found = match.grid(x, y)
    assert time.process_time() - began < 0.2
    exact = match.places(*np.meshgrid(x, y))
    for one, other in zip(found, exact, strict=True):
        assert np.abs(one - (other - 0.5)).max() < 0.01

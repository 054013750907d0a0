"""A mosaic: every chip in its place, pixel by pixel, and a chip opens by a click or by Return."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest
from screens import NEEDED, Screen
from test_viewer import Lines, lines  # noqa: F401 - fixture

from awe.errors import ArgumentError
from awe.inspect import frame as frames
from awe.inspect.mosaic import Piece, composed, in_rows, nearer
from awe.inspect.placing import apart, by_headers, coordinates


def needed(test):
    """Mark a test that opens windows."""
    for mark in NEEDED:
        test = mark(test)
    return test


def chip(number, corner, *, block=4, shape=(40, 24), binning=(1, 1), active=None):
    """A chip of a sky whose value is 1000 y + x of the focal plane, in means of blocks."""
    ny, nx = shape
    x0, y0, x1, y1 = active or (0, 0, nx, ny)
    y, x = np.mgrid[0:ny, 0:nx] + 0.5
    along = [(x - x0) * abs(binning[0]), (y - y0) * abs(binning[1])]
    for axis, (step, low, high) in enumerate(zip(binning, (x0, y0), (x1, y1), strict=True)):
        if step < 0:
            along[axis] = (high - low) * -step - along[axis]
    pixels = 1000 * (corner[1] + along[1]) + corner[0] + along[0]
    blocks = pixels.reshape(ny // block, block, nx // block, block).mean(axis=(1, 3))
    return Piece(
        name=f"CCD{number}", values=blocks, block=block, active=(x0, y0, x1, y1), corner=corner,
        binning=binning,
    )  # fmt: skip


@pytest.mark.parametrize("binning", [(1, 1), (-1, 1), (1, -1), (2, 2), (-2, -2)])
@pytest.mark.parametrize("active", [None, (4, 8, 20, 36)])
def test_every_pixel_is_where_its_chip_is(binning, active):
    first = chip(1, (-100.0, 50.0), binning=binning, active=active)
    second = chip(2, (-10.0, 130.0), binning=binning, active=active)
    mosaic = composed([first, second])
    assert mosaic.scale == 4 * abs(binning[0])
    rows, columns = np.nonzero(np.isfinite(mosaic.pixels))
    x = mosaic.origin[0] + (columns + 0.5) * mosaic.scale
    y = mosaic.origin[1] + (rows + 0.5) * mosaic.scale
    shown = mosaic.pixels[rows, columns]
    # 1000 y + x of the focal plane, as exact as a block is wide
    assert np.abs(np.round((shown - x) / 1000) - np.floor(y)).max() <= mosaic.scale / 2 + 1
    assert rows.size == sum(
        round(one.size[0] / mosaic.scale) * round(one.size[1] / mosaic.scale)
        for one in (first, second)
    )
    for tile, piece in zip(mosaic.tiles, (first, second), strict=True):
        left, right, low, high = tile.edges
        ends = sorted((tile.on_chip(left, low)[0], tile.on_chip(right, high)[0]))
        # edges of the pixels that see light, in FITS pixels of the frame
        assert ends == pytest.approx([piece.active[0] + 0.5, piece.active[2] + 0.5], abs=2.01)


def test_a_place_on_the_mosaic_is_that_of_the_frame():
    mosaic = composed([chip(1, (0.0, 0.0)), chip(2, (30.0, 0.0))])
    second = mosaic.tiles[1]
    # the focal plane at (31.5, 0.5) is the second column of the second chip
    x, y = second.on_chip((31.5 - mosaic.origin[0]) / 4 + 0.5, 0.5 / 4 + 0.5)
    assert (x, y) == pytest.approx((2.0, 1.0))


def test_windows_far_apart_are_drawn_nearer_and_keep_their_order():
    far = [chip(n, (n % 4 * 2000.0, n // 4 * 4000.0)) for n in range(8)]
    near, moved = nearer(far)
    assert moved
    assert apart(near)
    sizes = composed(near).pixels.shape
    assert sizes == pytest.approx((20, 24), abs=2)
    for axis in (0, 1):
        order = np.argsort([one.corner[axis] for one in far], kind="stable")
        assert (np.diff([near[n].corner[axis] for n in order]) >= 0).all()
    assert nearer(near) == (near, False)


def test_chips_nobody_knows_the_places_of_are_side_by_side():
    placed = in_rows([chip(n, (0.0, 0.0)) for n in range(7)])
    assert apart(placed)
    assert not apart([chip(1, (0.0, 0.0)), chip(2, (1.0, 1.0))])


SECTIONS = [{"DETSEC": "[1:24,1:40]"}, {"DETSEC": "[60:37,41:80]"}]
#: two chips with one reference point: it is 10 pixels right of the first, 6 left of the second,
#: which is mirrored in y
TURNED = [
    {"CRVAL1": 10.0, "CRVAL2": 5.0, "CRPIX1": 34.5, "CRPIX2": 20.5,
     "CD1_1": -5e-5, "CD2_2": 5e-5},
    {"CRVAL1": 10.0, "CRVAL2": 5.0, "CRPIX1": -5.5, "CRPIX2": 20.5,
     "CD1_1": -5e-5, "CD2_2": -5e-5},
]  # fmt: skip


def test_headers_place_chips_by_their_sections_or_by_the_sky():
    plain = [chip(1, (0.0, 0.0)), chip(2, (0.0, 0.0))]
    found = by_headers(plain, SECTIONS)
    assert [(one.corner, one.binning) for one in found] == [
        ((1.0, 1.0), (1, 1)), ((37.0, 41.0), (-1, 1)),
    ]  # fmt: skip
    found = by_headers(plain, TURNED)
    assert [(one.corner, one.binning) for one in found] == [
        ((-34.0, -20.0), (1, 1)), ((6.0, -20.0), (1, -1)),
    ]  # fmt: skip
    assert by_headers(plain, [{}, {}]) is None
    assert by_headers(plain, [TURNED[0], {**TURNED[1], "CRVAL1": 11.0}]) is None


def test_coordinates_of_the_first_chip_hold_on_all():
    from astropy.wcs import WCS

    pieces = [chip(1, (0.0, 0.0)), chip(2, (30.0, 0.0))]
    mosaic = composed(pieces)
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 5.0,
             "CRPIX1": 12.0, "CRPIX2": 20.0, "CD1_1": -5e-5, "CD1_2": 1e-6, "CD2_1": 1e-6,
             "CD2_2": 5e-5}  # fmt: skip
    on_chip, on_mosaic = WCS(cards), WCS(coordinates(mosaic, cards))
    for place in ((2.0, 3.0), (8.0, 9.5)):
        there = mosaic.tiles[0].on_chip(*place)
        assert on_mosaic.wcs_pix2world([place], 1)[0] == pytest.approx(
            on_chip.wcs_pix2world([there], 1)[0], abs=1e-9
        )


class Camera:
    """Four chips as `inspect` takes them."""

    pathname = ""
    filename = "CAMERA_4_chips"

    def __init__(self):
        self.header = {}
        corners = [(0.0, 0.0), (110.0, 0.0), (0.0, 210.0), (110.0, 210.0)]
        pieces = [chip(n, corner, shape=(200, 100)) for n, corner in enumerate(corners, 1)]
        mosaic = composed(pieces)
        self.data, self.tiles = mosaic.pixels, mosaic.tiles
        self.opened = []

    def chosen(self, name):
        self.opened.append(name)


def test_return_opens_the_chip_and_not_what_is_between(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    camera = Camera()
    ins = frames.inspect(camera, kappa=0)
    assert (tmp_path / "CAMERA_4_chips.inspect.png").exists()
    readout = ins._picture.axes.format_coord
    assert readout(3, 3).startswith("CCD1  x 10  y 10  value ")
    assert readout(26, 3) == "between the chips"
    with pytest.raises(ArgumentError, match="between the chips"):
        ins.press("enter", 26, 3)  # the middle: the pointer was nowhere
    ins._tiles.choose(40, 60)
    assert camera.opened == ["CCD4"]
    plain = frames.inspect(np.ones((9, 9)))
    with pytest.raises(ArgumentError, match="array is one chip; query"):
        plain.press("enter", 3, 3)


@needed
def test_a_click_opens_the_chip_in_its_own_window(lines: Lines, screen: Screen) -> None:  # noqa: F811
    here = [str(Path(__file__).parent), str(Path(__file__).parents[1]), *sys.path]
    lines.do(f"sys.path[:] = {here!r}")
    lines.do("from test_chips_in_their_place import Camera; camera = Camera(); import threading")
    lines.do("show = lambda n: camera.opened.append((n, inspect(Frame(n), block=False)))")
    # the thread that hears the viewer must not wait for it
    lines.do("camera.chosen = lambda n: threading.Thread(target=show, args=(n,)).start()")
    lines.do("ins = inspect(camera, block=False)")
    (window,) = screen.wait(lines, "^CAMERA", 1)
    size = dict(
        line.split("=") for line in screen.do("getwindowgeometry", "--shell", window).split()
    )
    x, y = int(size["WIDTH"]) // 2, int(size["HEIGHT"]) // 2
    end = time.monotonic() + 60
    while not screen.windows("^CCD1"):
        assert time.monotonic() < end
        screen.do("mousemove", "--window", window, str(x - 60), str(y + 60), "click", "1")
        time.sleep(2)
    lines.do("for name, one in camera.opened: one.close()")
    assert lines.do("print({name for name, _ in camera.opened})") == "{'CCD1'}"
    screen.wait(lines, "^CCD1", 0)  # it was over the mosaic
    screen.press_until(lines, window, "Return", (x + 60, y - 60), "^CCD4", 1)

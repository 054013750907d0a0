"""The picture under the mouse: what is drawn where, how fast, and how it is shown."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from matplotlib.backend_bases import MouseButton, MouseEvent

from awe.inspect import backend, remembered, viewer
from awe.inspect.frame import inspect
from awe.inspect.norm import Norm
from awe.inspect.pyramid import Pyramid, halved
from awe.inspect.stretch import COLOURS, RANGES, STRETCHES, block_mean, found_range


class Frame:
    """A frame that was never in a database."""

    filename = pathname = "Star.fits"
    header: ClassVar[dict[str, Any]] = {}

    def __init__(self, shape: tuple[int, int] = (420, 214)) -> None:
        self.data = np.random.default_rng(1).normal(300, 3, shape).astype(np.float32)


@pytest.fixture
def window() -> Any:
    opened: Any = inspect(Frame())
    opened._figure.canvas.draw()
    return opened


def mouse(window: Any, name: str, place: tuple[float, float], **more: Any) -> None:
    canvas = window._figure.canvas
    canvas.callbacks.process(name, MouseEvent(name, canvas, *place, **more))


def under(window: Any, place: tuple[float, float]) -> np.ndarray:
    return window._picture.axes.transData.inverted().transform(place)


def inside(window: Any) -> np.ndarray:
    """Return the colours within the axes, without their edge."""
    canvas = window._figure.canvas
    box = window._picture.axes.bbox
    rows = slice(int(canvas.get_width_height()[1] - box.y1) + 4,
                 int(canvas.get_width_height()[1] - box.y0) - 4)  # fmt: skip
    return np.asarray(canvas.buffer_rgba())[rows, int(box.x0) + 4 : int(box.x1) - 4].copy()


def test_the_wheel_zooms_about_the_pointer(window: Any) -> None:
    box = window._picture.axes.bbox
    place = (int(box.x0) + 40, int(box.y0) + 90)
    for step in (1, 1, 1, 3, -2, 5):
        before = under(window, place)
        mouse(window, "scroll_event", place, step=step)
        window._figure.canvas.draw()
        assert under(window, place) == pytest.approx(before, abs=0.02)
    for _ in range(12):
        mouse(window, "scroll_event", place, step=-1)
    assert window._picture.whole
    mouse(window, "scroll_event", place, step=60)
    x0, x1 = window._picture.axes.get_xlim()
    assert 3.9 < x1 - x0 < 8, "nobody zooms into nothing"


def test_a_drag_moves_what_is_under_the_pointer(window: Any) -> None:
    box = window._picture.axes.bbox
    start = (int(box.x0) + 60, int(box.y0) + 60)
    mouse(window, "button_press_event", start, button=MouseButton.LEFT)
    mouse(window, "motion_notify_event", (start[0] + 9, start[1]))
    assert window._picture.whole, "the whole image stays where it is"
    mouse(window, "button_release_event", start, button=MouseButton.LEFT)
    mouse(window, "scroll_event", start, step=6)
    window._figure.canvas.draw()
    before = under(window, start)
    mouse(window, "button_press_event", start, button=MouseButton.LEFT)
    mouse(window, "motion_notify_event", (start[0] + 33, start[1] + 21))
    mouse(window, "button_release_event", (start[0] + 33, start[1] + 21), button=MouseButton.LEFT)
    assert under(window, (start[0] + 33, start[1] + 21)) == pytest.approx(before, abs=0.02)
    mouse(window, "motion_notify_event", start)
    assert under(window, (start[0] + 33, start[1] + 21)) == pytest.approx(before, abs=0.02)


def test_a_right_drag_changes_the_contrast_and_a_double_click_brings_it_back(window: Any) -> None:
    picture = window._picture
    box, first = picture.axes.bbox, (picture.lower, picture.upper)
    start = (int(box.x0) + 60, int(box.y0) + 60)
    mouse(window, "button_press_event", start, button=MouseButton.RIGHT)
    mouse(window, "motion_notify_event", (start[0], start[1] - 120))
    mouse(window, "button_release_event", start, button=MouseButton.RIGHT)
    assert picture.upper - picture.lower == pytest.approx((first[1] - first[0]) / 2)
    assert picture.upper + picture.lower == pytest.approx(sum(first))
    window._figure.canvas.draw()
    (bar,) = picture.axes.child_axes
    assert bar.get_ylim() == pytest.approx((picture.lower, picture.upper))
    mouse(window, "button_press_event", start, button=MouseButton.RIGHT, dblclick=True)
    assert (picture.lower, picture.upper) == first


def test_a_tool_of_the_toolbar_has_the_mouse_for_itself(window: Any) -> None:
    canvas = window._figure.canvas
    canvas.widgetlock(window)
    box = window._picture.axes.bbox
    mouse(window, "scroll_event", (int(box.x0) + 40, int(box.y0) + 90), step=5)
    assert window._picture.whole


def test_a_frame_while_the_mouse_works_is_what_is_drawn_when_it_rests(window: Any) -> None:
    box = window._picture.axes.bbox
    for step, stretch in ((4, "linear"), (3, "asinh"), (-2, "log")):
        window._picture.choose_stretch(stretch)
        mouse(window, "scroll_event", (int(box.x0) + 40, int(box.y0) + 90), step=step)
        window._figure.canvas.draw()
        window._hand.zoom_here(1.3)
        window._hand._frame()
        moving = inside(window)
        window._figure.canvas.draw()
        assert np.array_equal(moving, inside(window))


def test_every_pixel_is_drawn_where_it_is(window: Any) -> None:
    picture = window._picture
    pixels = np.zeros((420, 214), np.float32)
    pixels[100, 50] = 1.0  # FITS pixel (51, 101)
    window = inspect(Frame(), pixels=pixels, lower=0, upper=1)
    picture = window._picture
    window._figure.canvas.draw()
    place = picture.axes.transData.transform((51, 101))
    window._hand.zoom(9, *place)
    window._figure.canvas.draw()
    high = window._figure.canvas.get_width_height()[1]
    seen = np.asarray(window._figure.canvas.buffer_rgba())[..., 0]
    for dx, dy, grey in ((0, 0, 255), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0.4, -0.4, 255)):
        x, y = picture.axes.transData.transform((51 + dx, 101 + dy))
        assert seen[int(high - y), int(x)] == grey, (dx, dy)


def test_a_full_frame_moves_at_twenty_frames_a_second() -> None:
    window: Any = inspect(Frame((4200, 2144)))
    window._figure.canvas.draw()
    box = window._picture.axes.bbox
    window._hand.zoom(3, box.x0 + 40, box.y0 + 90)
    window._figure.canvas.draw()
    window._hand._frame()
    start = time.process_time()
    for number in range(20):
        window._hand._show(300 + 10 * number, 500 + 20 * number, 2.5)
        window._hand._frame()
        window._hand.zoom(1.1 if number % 2 else 0.9, box.x0 + 40, box.y0 + 90)
        window._hand._frame()
    assert (time.process_time() - start) / 40 < 1 / 20


@pytest.mark.parametrize("name", STRETCHES)
def test_a_stretch_rises_and_comes_back(name: str) -> None:
    norm = Norm(100.0, 900.0, name)
    values = np.linspace(0.0, 1000.0, 201)
    levels = np.asarray(norm(values))
    assert np.all(np.diff(levels) > 0)
    assert norm(np.array([100.0, 900.0])).tolist() == pytest.approx([0.0, 1.0])
    assert norm.inverse(levels) == pytest.approx(values)


def test_the_ranges_are_what_their_names_say() -> None:
    pixels = np.random.default_rng(2).normal(100, 5, (300, 301)).astype(np.float32)
    pixels[:3] = 60000
    pixels[5, 5] = np.nan
    assert found_range(pixels, "full") == (pytest.approx(np.nanmin(pixels)), 60000)
    low, high = found_range(pixels, "percentile")
    assert low == pytest.approx(np.nanpercentile(pixels, 0.25), abs=0.1)
    assert found_range(pixels, "zscale")[1] < 150
    half = np.arange(600).reshape(20, 30).astype(np.float16)
    assert all(found_range(half, name)[1] > 500 for name in RANGES)
    for name in RANGES[1:]:
        low, high = found_range(np.full((4, 4), 3.0), name)
        assert low < 3 < high
        assert found_range(np.full((4, 4), np.nan), name) == (0.0, 1.0)


def test_a_level_of_the_pyramid_is_the_mean_of_its_blocks() -> None:
    pixels = np.random.default_rng(2).normal(100, 5, (37, 50)).astype(np.float32)
    pixels[3, 3] = np.nan
    assert np.allclose(halved(pixels), block_mean(pixels, 2))
    assert np.allclose(halved(pixels[:36, 4:]), block_mean(pixels[:36, 4:], 2))
    values, (rows, columns) = Pyramid(pixels).seen(np.arange(-2, 60) + 0.5, np.arange(40) + 0.5)
    assert (rows, columns) == (slice(0, 37), slice(2, 52))
    assert np.array_equal(values, pixels, equal_nan=True)


def test_keys_change_the_picture_and_what_was_chosen_is_remembered(
    window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("AWE_HOME", str(tmp_path))
    for _ in range(2):
        window.press("i", 1, 1)
    window.press("Z", 1, 1)
    window.press("C", 1, 1)
    assert window._picture.stretch == "sqrt"
    assert window._picture.cmap == COLOURS[1]
    kept = json.loads((tmp_path / "inspect.json").read_text())
    assert kept == {"stretch": "sqrt", "range": "zscale", "cmap": COLOURS[1]}
    window.press("+", 1, 1)
    assert not window._picture.whole
    window.press("0", 1, 1)
    assert window._picture.whole
    window._figure.canvas.draw()

    capsys.readouterr()
    monkeypatch.setattr(backend, "on_desktop", lambda: True)
    monkeypatch.setattr(viewer, "apart", lambda **_: False)
    again: Any = inspect(Frame())
    assert (again._picture.stretch, again._picture.range) == ("sqrt", "zscale")
    assert again._picture.cmap == COLOURS[1]
    again = inspect(Frame(), cmap="viridis", kappa=3)
    assert (again._picture.cmap, again._picture.range) == ("viridis", "sigma")
    for damage in ("{", "[1]", '{"stretch": "no", "range": 3, "cmap": null}'):
        (tmp_path / "inspect.json").write_text(damage)
        again = inspect(Frame())
        assert (again._picture.stretch, again._picture.cmap) == ("linear", "gray")
    said = capsys.readouterr().out
    assert said.count("inspect.json is not heeded") == 2
    remembered.keep(cmap="gray_r")
    assert remembered.recalled() == ({"cmap": "gray_r"}, "")


def test_no_range_of_huge_values_warns() -> None:
    window: Any = inspect(np.geomspace(1e-300, 1e300, 3000).reshape(50, 60))
    for _ in RANGES:
        window.press("Z", 1, 1)
        assert window._picture.lower < window._picture.upper

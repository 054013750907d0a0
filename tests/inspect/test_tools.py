"""What the hot-keys measure, on images whose truth is known, and images with nothing in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from awe.errors import ArgumentError
from awe.inspect.frame import inspect
from awe.inspect.keys import KEYS, help_text
from awe.inspect.spot import Spot
from awe.inspect.stretch import block_mean, display_range

STAR = (140.3, 88.7)
SIGMA = 2.0
FLUX = 50_000.0


class Frame:
    """A frame that was never in a database."""

    filename = "Star.fits"
    pathname = "Star.fits"

    def __init__(self, pixels: NDArray[np.float32]) -> None:
        self.data = pixels
        self.header = {"OBJECT": "star", "EXPTIME": 30.0}


@pytest.fixture
def star() -> Frame:
    """A star of known place, width and flux on a noisy sky of 300; place in FITS pixels."""
    noise = np.random.default_rng(1).normal(300, 3, (200, 260))
    y, x = np.mgrid[1:201, 1:261]
    shape = np.exp(-((x - STAR[0]) ** 2 + (y - STAR[1]) ** 2) / (2 * SIGMA**2))
    return Frame((noise + FLUX * shape / (2 * np.pi * SIGMA**2)).astype(np.float32))


def test_radial_profile_recovers_the_star(star: Frame) -> None:
    reading = inspect(star).press("r", STAR[0] + 2, STAR[1] - 2)
    values = reading.values
    assert values["x_centre"] == pytest.approx(STAR[0], abs=0.05)
    assert values["y_centre"] == pytest.approx(STAR[1], abs=0.05)
    assert values["fwhm"] == pytest.approx(2.3548 * SIGMA, rel=0.05)
    assert values["flux"] == pytest.approx(FLUX, rel=0.02)
    assert values["sky"] == pytest.approx(300, abs=1)


@pytest.mark.parametrize("fwhm", [1.3, 1.65, 2.35, 3.5, 6.1, 12.0, 23.5])
@pytest.mark.parametrize("slope", [2.5, 4.0, 100.0])
def test_the_width_is_that_of_the_star_wherever_in_a_pixel_it_is(
    fwhm: float, slope: float
) -> None:
    random = np.random.default_rng(round(fwhm * 100 + slope))
    core = fwhm / 2 / np.sqrt(2 ** (1 / slope) - 1)
    parts = (np.arange(5) - 2) / 5
    for x0, y0 in ((90.0, 90.0), (90.5, 90.5), (90.25, 89.6)):
        y, x = np.mgrid[1:181, 1:181]
        light = sum(
            (1 + ((x + i - x0) ** 2 + (y + j - y0) ** 2) / core**2) ** -slope
            for i in parts
            for j in parts
        )
        pixels = random.normal(300 + 8000 * light / light.max(), 10).astype(np.float32)
        values = inspect(Frame(pixels)).press("r", x0 + 2, y0 - 1).values
        assert values["fwhm"] == pytest.approx(fwhm, rel=0.025)
        assert values["x_centre"] == pytest.approx(x0, abs=0.015)
        assert values["y_centre"] == pytest.approx(y0, abs=0.015)


def test_an_object_that_fills_the_box_has_no_width() -> None:
    y, x = np.mgrid[1:301, 1:301]
    wide = 300 + 900 * np.exp(-((x - 150) ** 2 + (y - 150) ** 2) / (2 * 30.0**2))
    reading = inspect(Frame(wide.astype(np.float32))).press("r", 150, 150)
    assert np.isnan(reading.values["fwhm"])
    assert "fills the box" in str(reading)


def test_a_neighbour_does_not_change_the_width() -> None:
    y, x = np.mgrid[1:101, 1:101]
    star, other = (
        np.exp(-((x - a) ** 2 + (y - 50) ** 2) / (2 * 1.5**2)) for a in (50.3, 60.3)
    )
    noise = np.random.default_rng(4).normal(300, 5, x.shape)
    pixels = (noise + 5000 * star + 20000 * other).astype(np.float32)
    values = inspect(Frame(pixels)).press("r", 50, 50).values
    assert values["fwhm"] == pytest.approx(2.3548 * 1.5, rel=0.03)


def test_a_profile_of_empty_sky_or_of_a_saturated_star_says_so(star: Frame) -> None:
    assert "(" not in str(inspect(star).press("r", STAR[0], STAR[1]))
    assert "no object here" in str(inspect(star).press("r", 40, 150))
    star.data = np.minimum(star.data, 800).astype(np.float32)
    assert "saturated?" in str(inspect(star).press("r", STAR[0], STAR[1]))


def test_pixel_value_is_that_of_the_fits_pixel(star: Frame) -> None:
    window = inspect(star)
    assert window.press("x", 1, 1).values["value"] == pytest.approx(float(star.data[0, 0]))
    assert window.press("x", 260.4, 200.4).values["value"] == pytest.approx(
        float(star.data[199, 259])
    )


def test_statistics_agree_with_numpy(star: Frame) -> None:
    values = inspect(star).press("m", 50, 60).values
    box = star.data[59 - 25 : 59 + 26, 49 - 25 : 49 + 26]
    assert values["pixels"] == box.size
    assert values["median"] == pytest.approx(float(np.median(box)))
    assert values["stdev"] == pytest.approx(float(box.astype(float).std()))


def test_every_reading_becomes_a_row(star: Frame) -> None:
    window = inspect(star)
    for key in "wselchrmxz":
        window.press(key, 100, 100)
    table = window.table
    assert list(table["key"]) == list("wselchrmxz")
    assert set(table["x"]) == {100}
    assert table["fwhm"].mask.sum() == 9


def test_a_zone_keeps_the_coordinates_of_the_frame(star: Frame) -> None:
    window = inspect(star, zone=(101, 51, 160, 120))
    assert window.press("x", 101, 51).values["value"] == pytest.approx(float(star.data[50, 100]))
    assert window.press("r", *STAR).values["x_centre"] == pytest.approx(STAR[0], abs=0.05)
    with pytest.raises(ArgumentError, match="x 101 to 160, y 51 to 120"):
        window.press("x", 100, 60)


@pytest.mark.parametrize("value", [np.nan, 7.0, np.inf, -np.inf, 0.0])
def test_an_image_of_one_value_or_none_is_no_trouble(value: float) -> None:
    window = inspect(Frame(np.full((40, 30), value, dtype=np.float32)))
    for key in "wselchrmxz":
        assert window.press(key, 5, 5) is not None


def test_one_row_and_colour_images_work() -> None:
    inspect(Frame(np.arange(50, dtype=np.float32).reshape(1, 50))).press("e", 3, 1)
    colour = np.random.default_rng(2).random((40, 50, 3))
    window = inspect(Frame(np.zeros((2, 2), dtype=np.float32)), pixels=colour)
    assert window.press("x", 10, 5).values["value"] == pytest.approx(colour[4, 9].mean())


def test_the_frame_is_never_modified(star: Frame) -> None:
    before = star.data.copy()
    window = inspect(star)
    for key in "wselchrmxz":
        window.press(key, 100, 100)
    assert np.array_equal(star.data, before)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"zone": (0, 1, 5, 5)}, r"zone \(0, 1, 5, 5\).*260, 200"),
        ({"zone": "all"}, "zone"),
        ({"cmap": "viridsi"}, "did you mean 'viridis'"),
        ({"interpolation": "nearst"}, "did you mean 'nearest'"),
        ({"pixels": np.zeros(5)}, r"shape \(5,\)"),
        ({"viewer": "no-such-viewer-anywhere"}, "no-such-viewer-anywhere"),
    ],
)
def test_bad_arguments_are_named(star: Frame, arguments: dict, match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        inspect(star, **arguments)


def test_an_unknown_key_is_named(star: Frame) -> None:
    with pytest.raises(ArgumentError, match="no hot-key 'Q'"):
        inspect(star).press("Q", 5, 5)


def test_without_a_display_a_picture_is_written_and_named(
    star: Frame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inspect(star)
    path = tmp_path / "Star.inspect.png"
    assert capsys.readouterr().out == f"no display: wrote {path}\n"
    assert path.read_bytes().startswith(b"\x89PNG")


def test_help_is_made_from_the_one_table() -> None:
    for entry in KEYS.values():
        assert f"{entry.key}  {entry.doc}" in help_text()
        assert f"{entry.key}  {entry.doc}" in inspect.__doc__


def test_block_mean_keeps_the_flux_and_leaves_nan_out() -> None:
    image = np.arange(35, dtype=np.float32).reshape(5, 7)
    image[0, 0] = np.nan
    small = block_mean(image, 3)
    assert small.shape == (2, 3)
    assert small[0, 0] == pytest.approx(np.nanmean(image[:3, :3]))
    assert small[1, 2] == pytest.approx(image[3:, 6:].mean())
    assert np.isnan(block_mean(np.full((4, 4), np.nan), 2)).all()


def test_display_range_is_robust_and_never_empty() -> None:
    noise = np.random.default_rng(3).normal(100, 5, (300, 300))
    noise[:10, :10] = 65535
    lower, upper = display_range(noise, kappa=4, iterations=5)
    assert lower == pytest.approx(80, abs=1.5)
    assert upper == pytest.approx(120, abs=1.5)
    assert display_range(noise, kappa=0, iterations=5)[1] == 65535
    lower, upper = display_range(np.full((5, 5), 3.0), kappa=4, iterations=5)
    assert lower < 3 < upper


def test_a_box_is_cut_at_the_edge() -> None:
    spot = Spot(pixels=np.arange(20.0).reshape(4, 5), x=1, y=4)
    box = spot.box(2)
    assert list(box.x) == [1, 2, 3]
    assert list(box.y) == [2, 3, 4]
    assert box.pixels[0, 0] == 5

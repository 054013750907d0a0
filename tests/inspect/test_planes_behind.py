"""The planes behind an image: shown in its place with W, cut out of it with t."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS

from awe import fits
from awe.errors import ArgumentError
from awe.fits import planes
from awe.inspect.frame import inspect

SHAPE = (90, 120)


def header() -> Header:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [10.0, 60.0], [50, 40]
    wcs.wcs.cdelt = [-0.2 / 3600, 0.2 / 3600]
    cards = wcs.to_header()
    cards["GAIN"], cards["BUNIT"], cards["DATASEC"] = 2.5, "adu", "[1:120,1:90]"
    return cards


@pytest.fixture
def reduced(tmp_path: Path) -> str:
    """A file with flags, variance and weight, each of which tells where its pixels are."""
    place = np.arange(SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(SHAPE)
    behind = [
        fits.Image((place % 512).astype(np.uint16), Header({"EXTNAME": "MASK"})),
        fits.Image(place + 1, Header({"EXTNAME": "UNCERT", "UTYPE": "VarianceUncertainty"})),
        fits.Image(1 / (place + 1), Header({"EXTNAME": "WEIGHT"})),
    ]
    path = fits.write(tmp_path / "red.fits", behind, primary=fits.Image(place, header()))
    return str(path)


def test_weight_variance_and_the_image_again(reduced: str, capsys: Any) -> None:
    window: Any = inspect(reduced, lower=3, upper=4)
    picture = window._picture
    picture.view(10.5, 40.5, 10.5, 40.5)
    for name, value in (("red.fits weight", 1 / 243), ("red.fits variance", 243.0)):
        window.press("W", 1, 1)
        assert window.name == name
        assert window.press("x", 3, 3).values["value"] == pytest.approx(value)
        assert picture.axes.get_xlim() == (10.5, 40.5)
        assert (picture.lower, picture.upper) != (3, 4)
    window.press("W", 1, 1)
    assert window.press("x", 3, 3).values["value"] == 242
    assert (picture.lower, picture.upper) == (3, 4)
    assert list(window.table["frame"]) == ["red.fits weight", "red.fits variance", "red.fits"]


def test_the_range_of_the_mouse_comes_back(reduced: str) -> None:
    window: Any = inspect(reduced)
    window._picture.show_range(5, 6)
    for _ in range(3):
        window.press("W", 1, 1)
    assert (window._picture.lower, window._picture.upper) == (5, 6)


def test_a_zone_shows_its_part_of_the_weight(reduced: str) -> None:
    window = inspect(reduced, zone=(11, 21, 60, 50))
    window.press("W", 20, 30)
    assert window.press("x", 11, 21).values["value"] == pytest.approx(1 / (20 * 120 + 10 + 1))


def test_an_image_without_planes_says_so(capsys: Any) -> None:
    inspect(np.ones((9, 9))).press("W", 1, 1)
    assert "array has no weight and no variance" in capsys.readouterr().out


def test_a_cutout_has_every_plane_and_its_coordinates(
    reduced: str, tmp_path: Path, capsys: Any
) -> None:
    window = inspect(reduced)
    window.set("t", 10)
    window.press("t", 60, 70)
    path = tmp_path / "red_56_66_65_75.fits"
    assert capsys.readouterr().out.splitlines()[-1] == f"wrote {path}"
    whole, part = fits.read(reduced), fits.read(path)
    where = (slice(65, 75), slice(55, 65))
    assert np.array_equal(part.pixels, whole.pixels[where])
    for name in ("MASK", "UNCERT", "WEIGHT"):
        assert np.array_equal(fits.read(path, name).pixels, fits.read(reduced, name).pixels[where])
    assert planes.extensions(path) == ["", "MASK", "UNCERT", "WEIGHT"]
    assert part.header["GAIN"] == 2.5
    assert "DATASEC" not in part.header
    for header in (part.header, fits.read(path, "WEIGHT").header):
        there = np.array(WCS(whole.header).all_pix2world(56, 66, 1))
        assert np.array(WCS(header).all_pix2world(1, 1, 1)) == pytest.approx(there, abs=1e-9)
    window.press("t", 60, 70)
    assert (tmp_path / "red_56_66_65_75-2.fits").exists(), "nothing is written over"


def test_a_cutout_ends_where_the_frame_does_and_keeps_its_numbers(
    reduced: str, tmp_path: Path, capsys: Any
) -> None:
    window = inspect(reduced, zone=(11, 21, 60, 50))
    window.press("W", 20, 30)
    window.press("t", 60, 50)
    part = fits.read(tmp_path / "red_11_21_60_50.fits")
    assert np.array_equal(part.pixels, fits.read(reduced).pixels[20:50, 10:60])
    with pytest.raises(ArgumentError, match=r"is not on red\.fits"):
        window.press("t", 1, 1)


def test_arrays_are_cut_and_colours_are_refused(tmp_path: Path, capsys: Any) -> None:
    pixels = np.arange(100).reshape(10, 10) > 50
    window = inspect(pixels)
    window.set("cutout", 3)
    window.press("t", 2, 6)
    assert np.array_equal(fits.read(tmp_path / "array_1_5_3_7.fits").pixels, pixels[4:7, :3])
    inspect(np.ones((9, 9, 3))).press("t", 2, 2)
    assert "array has colours" in capsys.readouterr().out

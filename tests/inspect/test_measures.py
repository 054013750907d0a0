"""What the measuring keys tell of stars, lines and places whose truth is known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.io.fits import Header
from astropy.nddata import CCDData
from astropy.wcs import WCS
from matplotlib.backend_bases import KeyEvent
from stars import Frame, light, observed

from awe import fits
from awe.errors import ArgumentError, FileGone
from awe.inspect.examination import aperture
from awe.inspect.facts import facts_of, read, written
from awe.inspect.frame import examine, inspect
from awe.inspect.keys import KEYS
from awe.inspect.overlap import inside_circle

SKY = 500.0


def star(
    fwhm: float, beta: float | None, flux: float, seed: int, **shape: float
) -> tuple[Frame, float, float]:
    """Return a frame with one star at a place between pixels, and the place."""
    side = int(max(90, 18 * fwhm))
    x, y = np.random.default_rng(seed).uniform(-0.5, 0.5, 2) + side // 2
    model = SKY + flux * light((side, side), (x, y), fwhm, beta, **shape)
    return Frame(observed(model, seed), GAIN=1.5), float(x), float(y)


@pytest.mark.parametrize("fwhm", [2.0, 3.0, 5.0, 15.0])
@pytest.mark.parametrize("beta", [None, 4.0, 2.5])
def test_flux_and_width_are_those_of_the_star(fwhm: float, beta: float | None) -> None:
    flux = 2e5 * max(1, fwhm / 4)
    found = []
    for seed in range(6):
        frame, x, y = star(fwhm, beta, flux, seed)
        values = aperture(frame, x + 0.2, y - 0.2).values
        assert values["snr"] > 100
        assert math.hypot(values["x_centre"] - x, values["y_centre"] - y) < 0.02 * fwhm
        found.append((values["flux"] / flux, values["fwhm"] / fwhm))
    ratio, width = np.mean(found, axis=0)
    # means of six stars: the noise of one is a third of a per cent
    assert ratio == pytest.approx(1, abs=0.005)
    assert width == pytest.approx(1, abs=0.01)


def test_errors_of_fluxes_cover_the_truth() -> None:
    pulls = []
    for seed in range(30):
        frame, x, y = star(4.0, 4.0, 3e4, 100 + seed)
        values = aperture(frame, x, y).values
        pulls.append((values["flux"] - 3e4) * values["snr"] / values["flux"])
    assert abs(np.mean(pulls)) < 0.6
    assert 0.7 < np.std(pulls) < 1.5


def test_shape_is_that_of_the_star() -> None:
    frame, x, y = star(6.0, 3.5, 5e5, 3, ellipticity=0.3, angle=35)
    values = aperture(frame, x, y).values
    assert values["ellipticity"] == pytest.approx(0.3, abs=0.01)
    assert values["angle"] == pytest.approx(35, abs=1)
    assert values["beta"] == pytest.approx(3.5, abs=0.3)
    gaussian, x, y = star(6.0, None, 5e5, 4)
    assert aperture(gaussian, x, y).values["fwhm_gauss"] == pytest.approx(6, rel=0.01)


def test_circles_and_pixels_have_the_exact_area_in_common() -> None:
    y, x = (grid.ravel() for grid in np.mgrid[-30:31, -30:31].astype(float))
    for radius in (0.2, 0.5, 0.8, 3, 5.5, 25):
        total = inside_circle(x - 0.31, y + 0.17, radius).sum()
        assert total == pytest.approx(math.pi * radius**2, rel=1e-12)
    fine = (np.arange(100) + 0.5) / 100 - 0.5
    near = (np.abs(x) < 7) & (np.abs(y) < 7)
    part = inside_circle(x[near] - 0.31, y[near] + 0.17, 5.3)
    for dx, dy, found in zip(x[near] - 0.31, y[near] + 0.17, part, strict=True):
        counted = np.mean((dx + fine[None, :]) ** 2 + (dy + fine[:, None]) ** 2 < 5.3**2)
        assert found == pytest.approx(counted, abs=1e-3)


def test_a_radius_of_ones_own_gives_the_light_within_it() -> None:
    frame, x, y = star(4.0, None, 1e5, 5)
    values = aperture(frame, x, y, radius=2.0).values
    # 1 - exp(-r**2 / 2 s**2) of a Gaussian is within r; pixels, and parts of them, widen it by
    # 1/12 of a square pixel each
    variance = 4.0**2 / (8 * math.log(2)) + 2 / 12
    assert values["flux"] == pytest.approx(1e5 * (1 - math.exp(-2 / variance)), rel=0.01)
    assert values["radius"] == 2.0
    assert values["mag"] == pytest.approx(25 - 2.5 * math.log10(values["flux"]))
    zero = aperture(frame, x, y, radius=2.0, magzero=30).values["mag"]
    assert zero == pytest.approx(values["mag"] + 5)


def test_the_curve_of_growth_ends_at_the_flux() -> None:
    frame, x, y = star(5.0, None, 2e5, 6)
    measured = examine(frame)
    values = measured.growth(x, y).values
    # half the light of a Gaussian is within half its FWHM
    assert values["half_light"] == pytest.approx(2.5, rel=0.03)
    (axes,) = measured.figure.axes  # type: ignore[union-attr]
    radii, curve = axes.lines[0].get_data()
    assert curve[-1] == pytest.approx(values["flux"], rel=0.01)
    assert radii[-1] == pytest.approx(25, rel=0.03)


@pytest.mark.parametrize(("call", "axis"), [("fit_line", 0), ("fit_column", 1)])
def test_a_gaussian_along_a_line_has_its_centre_and_width(call: str, axis: int) -> None:
    frame, x, y = star(4.0, None, 3e5, 7)
    values = getattr(examine(frame), call)(x + 1, y - 1).values
    assert values["centre"] == pytest.approx((x, y)[axis], abs=0.05)
    assert values["fwhm_gauss"] == pytest.approx(4.0, rel=0.02)
    assert values["sky"] == pytest.approx(SKY, rel=0.02)


def test_doubts_are_said() -> None:
    frame, x, y = star(4.0, None, 3e5, 8)
    assert not aperture(frame, x, y).warning
    frame.header["SATURATE"] = 5000.0
    assert "saturated" in aperture(frame, x, y).warning
    del frame.header["SATURATE"]
    frame.data = np.minimum(frame.data, 6000).astype(np.float32)
    assert "the top is flat: saturated?" in aperture(frame, x, y).warning
    assert "no object here" in aperture(frame, 15, 15).warning
    assert "outside the image" in aperture(frame, 3, 3).warning


def test_a_saturated_star_keeps_its_width() -> None:
    frame, x, y = star(6.0, 3.5, 2e6, 9)
    whole = aperture(frame, x, y).values["fwhm"]
    frame.data = np.minimum(frame.data, 20_000).astype(np.float32)
    cut = aperture(frame, x, y)
    assert "saturated" in cut.warning
    assert cut.values["fwhm"] == pytest.approx(whole, rel=0.06)
    assert cut.values["sky"] == pytest.approx(SKY, abs=30)
    # what is lost is not made up
    assert cut.values["flux"] == pytest.approx(cut.values["inside"])


def test_a_star_that_is_saturated_all_over_changes_no_sky() -> None:
    frame, x, y = star(5.0, 3.0, 3e8, 15)
    frame.data = np.minimum(frame.data, 60_000).astype(np.float32)
    frame.header["SATURATE"] = 50_000.0
    reading = aperture(frame, x, y)
    assert "saturated" in reading.warning
    assert reading.values["sky"] > SKY - 30


def test_boxes_vectors_and_offsets_need_two_places(capsys: Any) -> None:
    ramp = np.add.outer(100.0 * np.arange(60), np.arange(80)).astype(np.float32)
    window = inspect(Frame(ramp))
    assert window.press("b", 10, 20) is None
    assert "and now b at the other place" in capsys.readouterr().out
    reading = window.press("b", 14, 22)
    assert reading is not None
    assert reading.text.startswith("[10:14,20:22] pixels 15")
    assert reading.values["mean"] == pytest.approx(ramp[19:22, 9:14].mean())
    measured = examine(ramp)
    # columns are 1 apart and rows 100: along a row from 10 to 40 values rise by 30
    values = measured.vector(10, 20, 40, 20).values
    assert values["max"] - values["min"] == pytest.approx(30)
    assert values["length"] == pytest.approx(30)
    assert measured.centred_vector(30, 20, 40, 20).values["length"] == pytest.approx(20)
    assert window.press("y", 5, 5).values["distance"] == 0  # type: ignore[union-attr]
    assert window.press("y", 8, 9).values["distance"] == pytest.approx(5)  # type: ignore[union-attr]


def tangent() -> Header:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [150.0, 2.0], [50, 50]
    wcs.wcs.cdelt = [-0.21 / 3600, 0.21 / 3600]
    return wcs.to_header()


def test_places_are_on_the_sky_where_the_header_tells() -> None:
    frame, x, y = star(4.0, None, 3e5, 10)
    frame.header = tangent()  # type: ignore[assignment]
    measured = examine(frame)
    reading = measured.value(50, 50)
    assert reading.values["ra"] == pytest.approx(150)
    assert "10:00:00.00 +02:00:00.0" in reading.text
    values = measured.aperture(x, y).values
    assert values["fwhm_sky"] == pytest.approx(0.21 * values["fwhm"])
    north = measured.offset(50, 50, 50, 70).values
    assert north["separation"] == pytest.approx(4.2)
    assert north["position_angle"] == pytest.approx(0, abs=1e-3)
    east = measured.offset(50, 50, 30, 50).values
    assert east["position_angle"] == pytest.approx(90, abs=1e-3)


def test_a_header_crosses_to_another_process() -> None:
    cards = tangent()
    cards["GAIN"] = 1.5
    again = read(written(cards))
    assert facts_of(again, "ADU").gain == 1.5
    sky = facts_of(again, "ADU").sky
    assert sky is not None
    assert sky(50, 50) == pytest.approx((150, 2))
    assert sky.scale == pytest.approx(0.21)
    assert read(written({})) == {}
    assert facts_of({"GAIN": "much", "CTYPE1": "RA---TAN", "CD1_1": "x"}, "").gain is None
    assert facts_of({"CTYPE1": "RA---TAN", "CD1_1": "x"}, "").sky is None


def test_the_table_has_units_and_a_log_has_lines(tmp_path: Path) -> None:
    frame, x, y = star(4.0, None, 3e5, 11)
    measured = examine(frame)
    measured.log(tmp_path / "night.log")
    measured.aperture(x, y)
    measured.statistics(20, 20)
    measured.aperture(15, 15)
    table = measured.table
    assert table["fwhm"].unit == u.pix
    assert table["flux"].unit == u.adu
    assert table["mag"].unit == u.mag
    assert list(table["key"]) == ["a", "m", "a"]
    assert table["flux"].mask.tolist() == [False, True, False]
    assert "no object here" in table["warning"][2]
    table.write(tmp_path / "t.ecsv")
    lines = (tmp_path / "night.log").read_text().splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("Star.fits  key a  x ")
    with pytest.raises(ArgumentError, match="cannot be written"):
        measured.log(tmp_path / "nowhere" / "x.log")


def test_settings_are_typed_in_the_window_and_at_the_prompt(capsys: Any) -> None:
    frame, x, y = star(4.0, None, 1e5, 12)
    window = inspect(frame)
    window.set("radius", 2)
    assert window.press("a", x, y).values["radius"] == 2  # type: ignore[union-attr]
    window.set("radius")
    assert window.press("a", x, y).values["radius"] == pytest.approx(12, rel=0.02)  # type: ignore[union-attr]
    window.press(":", 1, 1)
    assert ":magzero" in capsys.readouterr().out
    for name, values in (("radius", ["wide"]), ("radius", [-1]), ("average", [2.5]),
                         ("x", [1]), ("x", [2, 2]), ("box", [1, 2])):  # fmt: skip
        with pytest.raises(ArgumentError, match=f":{name}"):
            window.set(name, *values)
    with pytest.raises(ArgumentError, match="no setting 'radios'; did you mean 'radius'"):
        window.set("radios", 3)
    window.set("ncstat", 11)
    assert window.press("m", 40, 40).values["pixels"] == 121  # type: ignore[union-attr]


def test_a_key_that_means_nothing_says_where_keys_are_listed() -> None:
    frame, _, _ = star(4.0, None, 1e5, 14)
    window = inspect(frame)
    canvas = window.every_figure[-1].canvas
    window._on_key(KeyEvent("key_press_event", canvas, "Q"))
    (hint,) = (text for text in window.every_figure[-1].texts if "hot-key" in text.get_text())
    assert hint.get_text() == "Q is not a hot-key; ? lists the hot-keys"


def test_limits_are_those_of_the_next_plots_and_overplots_stay() -> None:
    frame, x, y = star(4.0, None, 1e5, 13)
    window = inspect(frame)
    window.set("x", 0, 9)
    window.press("r", x, y)
    figure = window.every_figure[0]
    assert figure.axes[0].get_xlim() == (0, 9)
    window.press("l", x, y)
    window.press("o", x, y)
    window.press("l", x, y + 3)
    lines = window.every_figure[1]
    (axes,) = lines.axes
    assert len(axes.lines) == 4
    window.press("l", x, y)
    (axes,) = lines.axes
    assert len(axes.lines) == 2


def test_files_arrays_and_ccddata_are_looked_at(tmp_path: Path) -> None:
    planes = [
        fits.Image(np.full((30, 40), value, np.float32), Header({"EXTNAME": name}))
        for name, value in (("A", 1.0), ("B", 7.0))
    ]
    path = fits.write(tmp_path / "mef.fits", planes)
    for target in (f"{path}[2]", f"{path}[B]", Path(f"{path}[B]")):
        assert examine(target).value(3, 3).values["value"] == 7.0
        assert inspect(target).press("x", 3, 3).values["value"] == 7.0
    assert examine(path).value(3, 3).values["value"] == 1.0
    assert examine(str(path), extension="B").value(3, 3).values["value"] == 7.0
    ccd = CCDData(np.full((9, 9), 4.0), unit="electron")
    measured = examine(ccd)
    measured.value(1, 1)
    assert measured.table["value"].unit == u.electron
    cube = np.arange(5)[:, None, None] * np.ones((5, 20, 20))
    assert examine(cube).value(3, 3).values["value"] == 0
    assert inspect(cube, plane=4).press("x", 3, 3).values["value"] == 3
    with pytest.raises(ArgumentError, match="plane=6; expected 1 to 5"):
        inspect(cube, plane=6)
    with pytest.raises(FileGone, match=r"there is no file .*none\.fits"):
        inspect("none.fits")
    with pytest.raises(ArgumentError, match="holds no numbers"):
        inspect(object())
    with pytest.raises(ArgumentError, match="only files have extensions"):
        inspect(np.ones((4, 4)), extension=1)
    with pytest.raises(ArgumentError, match="is not on"):
        examine(np.ones((4, 4))).value(9, 1)


ODD = {
    "nan": np.full((30, 30), np.nan), "one value": np.ones((30, 30)), "one pixel": np.ones((1, 1)),
    "range": np.logspace(-30, 30, 900).reshape(30, 30), "infinite": np.full((30, 30), np.inf),
    "big endian": np.arange(900, dtype=">i2").reshape(30, 30), "one row": np.arange(50.0)[None, :],
    "bytes": np.arange(200, dtype=np.uint8).reshape(10, 20), "bool": np.eye(12, dtype=bool),
    "negative": -np.arange(900.0).reshape(30, 30), "huge": np.full((30, 30), 1e308),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_every_key_on_odd_images_measures_or_says_why(name: str) -> None:
    pixels = ODD[name]
    window = inspect(pixels)
    random = np.random.default_rng(1)
    ny, nx = pixels.shape
    for key in KEYS.values():
        if key.of_window:
            continue
        for _ in range(key.places):
            x, y = random.uniform(0.5, nx + 0.49), random.uniform(0.5, ny + 0.49)
            window.press(key.key, x, y)
        with pytest.raises(ArgumentError, match="is not on"):
            window.press(key.key, nx + 3, 1)
    window.table.pformat()
    window.close()

"""Regridding: the light of stars is kept, holes stay small, and errors are what they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS

from awe.calib import threads
from awe.calib.flags import PixelFlag
from awe.calib.resample import Kernel, Mapping, mapping, regrid
from awe.errors import WrongShape

SHAPE = (400, 420)
RATIO = 0.938


def scaled(shape: tuple[int, int] = SHAPE, ratio: float = RATIO, angle: float = 0.0) -> Mapping:
    """Return a mapping to a grid whose pixels are a little smaller, turned by an angle [deg]."""
    c, s = np.cos(np.radians(angle)) * ratio, np.sin(np.radians(angle)) * ratio
    ny, nx = (int(size / ratio) for size in shape)
    x0, y0 = (shape[1] - c * nx + s * ny) / 2, (shape[0] - s * nx - c * ny) / 2
    return mapping(
        lambda x, y: (x0 + c * x - s * y + 0.17, y0 + s * x + c * y - 0.31), (ny, nx),
        tolerance=1e-4,
    )  # fmt: skip


def stars(fwhm: float, seed: int = 3, shape: tuple[int, int] = SHAPE) -> tuple[Any, Any, Any]:
    """Return an image of gaussian stars of one flux, 40 pixels apart, and their places."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[30 : shape[0] - 30 : 40, 30 : shape[1] - 30 : 40].astype(float)
    x, y = (part.ravel() + rng.uniform(-0.5, 0.5, part.size) for part in (x, y))
    image = np.zeros(shape)
    s = fwhm / 2.3548
    rows, columns = np.mgrid[-16:17, -16:17]
    for a, b in zip(x, y, strict=True):
        i, j = round(a), round(b)
        r2 = (columns + i - a) ** 2 + (rows + j - b) ** 2
        image[j - 16 : j + 17, i - 16 : i + 17] += np.exp(-r2 / (2 * s * s)) / (2 * np.pi * s * s)
    return (image * 1e5).astype(np.float32), x, y


def whole(image: np.ndarray[Any, Any], place: Mapping, **more: Any) -> Any:
    ones = np.ones(image.shape, np.float32)
    flags = more.pop("flags", np.zeros(image.shape, np.uint16))
    return regrid(image, more.pop("variance", ones), flags, ones, place, **more)


def fluxes(image: np.ndarray[Any, Any], place: Mapping, x: Any, y: Any, angle: float = 0) -> Any:
    """Return the sums within 15 pixels of where stars are on the new grid."""
    c, s = np.cos(np.radians(angle)) * RATIO, np.sin(np.radians(angle)) * RATIO
    a, b = x - place.x[0, 0], y - place.y[0, 0]
    new_x, new_y = (c * a + s * b) / RATIO**2, (c * b - s * a) / RATIO**2
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    found = []
    for i, j in zip(new_x, new_y, strict=True):
        box = np.s_[int(j) - 18 : int(j) + 19, int(i) - 18 : int(i) + 19]
        r2 = (columns[box] - i) ** 2 + (rows[box] - j) ** 2
        found.append(float(image[box][r2 < 15**2].astype(float).sum()))
    return np.array(found)


@pytest.mark.parametrize("fwhm", [2.0, 3.0, 3.8, 5.0])
def test_the_default_kernel_keeps_the_flux_of_every_star(fwhm: float) -> None:
    image, x, y = stars(fwhm)
    place = scaled()
    ratio = fluxes(whole(image, place).image, place, x, y) / 1e5
    assert np.sqrt(np.mean((ratio - 1) ** 2)) < 1e-4
    assert np.abs(ratio - 1).max() < 5e-4


def test_lanczos_does_not_at_this_ratio_and_turned_frames_keep_theirs_too() -> None:
    image, x, y = stars(3.8)
    place = scaled()
    lanczos = fluxes(whole(image, place, kernel=Kernel.LANCZOS3).image, place, x, y) / 1e5
    assert 3e-3 < np.sqrt(np.mean((lanczos - 1) ** 2)) < 8e-3
    turned = scaled(angle=7.0)
    ratio = fluxes(whole(image, turned).image, turned, x, y, 7.0)
    inside = ratio > 9e4
    assert inside.sum() > 50
    assert np.sqrt(np.mean((ratio[inside] / 1e5 - 1) ** 2)) < 1e-4


@pytest.mark.parametrize("kernel", list(Kernel))
def test_a_grid_of_the_same_pixels_gives_them_back(kernel: Kernel) -> None:
    image, _, _ = stars(3.0)
    same = mapping(lambda x, y: (x, y), SHAPE, tolerance=1e-6)
    new = whole(image, same, kernel=kernel)
    good = (new.flags & int(PixelFlag.OUTSIDE)) == 0
    assert good.mean() > 0.96
    assert np.abs(new.image - image)[good].max() < 0.02
    assert np.isnan(new.image[~good]).all()
    assert (new.weight[~good] == 0).all()


def test_bad_pixels_and_a_column_cost_less_than_one_per_cent_of_the_area() -> None:
    rng = np.random.default_rng(5)
    flags = np.where(rng.random(SHAPE) < 0.002, int(PixelFlag.HOT), 0).astype(np.uint16)
    flags[:, 111] = int(PixelFlag.COLD)
    image = rng.normal(100, 5, SHAPE).astype(np.float32)
    image[flags != 0] = np.nan
    place = scaled()
    with_them, without = whole(image, place, flags=flags), whole(image, place)
    usable = without.weight > 0
    # a column of 420 is wider here than one of 2048
    lost = (usable & (with_them.weight == 0)).sum() / usable.sum()
    assert lost < 0.005 + 0.008
    assert np.isfinite(with_them.image[usable]).all()
    # 0 if and only if there is a bit other than that of a filled neighbour
    reasons = with_them.flags & ~np.uint16(int(PixelFlag.INTERPOLATED))
    assert ((with_them.weight == 0) == (reasons != 0)).all()
    touched = with_them.flags & np.uint16(int(PixelFlag.INTERPOLATED))
    assert 0.02 < (touched != 0)[usable].mean() < 0.08
    assert set(np.unique(reasons)) == {0, 16, 32, 48, 1 << 10}


def test_nothing_within_the_reach_of_a_saturated_pixel_is_used() -> None:
    image = np.full((60, 60), 10, np.float32)
    image[30, 30] = 60000
    flags = np.zeros(image.shape, np.uint16)
    flags[30, 30] = int(PixelFlag.SATURATED)
    place = mapping(lambda x, y: (x + 0.5, y + 0.5), (58, 58), tolerance=1e-6)
    new = whole(image, place, flags=flags)
    dropped = (new.flags & int(PixelFlag.SATURATED)) != 0
    assert dropped.sum() == 16
    assert (new.weight[dropped] == 0).all()
    assert np.abs(new.image[(new.weight > 0)] - 10).max() < 1e-3


@pytest.mark.parametrize("kernel", [Kernel.CUBIC, Kernel.LANCZOS3, Kernel.BILINEAR])
def test_the_variance_is_that_of_the_pixels_and_the_correlation_that_of_areas(
    kernel: Kernel,
) -> None:
    rng = np.random.default_rng(8)
    place = scaled((900, 900))
    noise = rng.normal(0, 7, (900, 900)).astype(np.float32)
    new = whole(noise, place, variance=np.full((900, 900), 49, np.float32), kernel=kernel)
    inner = new.image[20:900, 20:900]
    assert inner.var() == pytest.approx(float(new.variance[20:900, 20:900].mean()), rel=0.01)
    boxes = inner.reshape(44, 20, 44, 20).sum(axis=(1, 3))
    from_pixels = 20 * inner.std()
    # pixels at the edge of a box share their light with its neighbours
    assert boxes.std() / from_pixels == pytest.approx(new.correlation, rel=0.06)


@pytest.mark.parametrize("distortion", ["TAN", "TPV", "SIP"])
def test_places_between_nodes_are_within_the_tolerance(distortion: str) -> None:
    old, new = WCS(naxis=2), WCS(naxis=2)
    header: dict[str, Any] = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": -5.0,
        "CRPIX1": -900.0, "CRPIX2": 3000.0, "CD1_1": -5.9e-5, "CD1_2": 1e-7, "CD2_1": 1e-7,
        "CD2_2": 5.9e-5, "NAXIS": 2, "NAXIS1": 2048, "NAXIS2": 4100,
    }  # fmt: skip
    if distortion == "TPV":
        header |= {"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "PV1_0": 0.0, "PV1_1": 1.0,
                   "PV1_4": 1e-3, "PV1_7": 0.02, "PV2_0": 0.0, "PV2_1": 1.0, "PV2_7": 0.02}
    if distortion == "SIP":
        header |= {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 3, "B_ORDER": 3,
                   "A_2_0": 1e-6, "A_3_0": 2e-10, "B_0_2": -1e-6, "B_0_3": 2e-10}
    old = WCS(header)
    new.wcs.ctype, new.wcs.crval = ["RA---TAN", "DEC--TAN"], [150.2, -5.2]
    new.wcs.cdelt, new.wcs.crpix = [-5.5e-5, 5.5e-5], [5000.0, 700.0]

    def exact(x: Any, y: Any) -> Any:
        return old.all_world2pix(*new.all_pix2world(x, y, 0), 0)

    place = mapping(exact, (1500, 1300), tolerance=0.002)
    assert place.error <= 0.002
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0, 1299, 500), rng.uniform(0, 1499, 500)
    i, j = (x // place.step).astype(int), (y // place.step).astype(int)
    u, v = x / place.step - i, y / place.step - j
    for nodes, truth in zip((place.x, place.y), exact(x, y), strict=True):
        near = (nodes[j, i] * (1 - u) + nodes[j, i + 1] * u) * (1 - v)
        near += (nodes[j + 1, i] * (1 - u) + nodes[j + 1, i + 1] * u) * v
        assert np.abs(near - truth).max() < 0.0025


def test_coordinates_that_fold_over_are_refused() -> None:
    with pytest.raises(WrongShape, match="does not hold over the whole frame"):
        mapping(lambda x, y: (50 * np.sin(x), y), (300, 300), tolerance=0.002)


def test_bands_give_the_same_pixels_as_the_whole_and_inputs_stay() -> None:
    image, _, _ = stars(3.0, shape=(900, 420))
    before = image.copy()
    place = scaled((900, 420))
    several = whole(image, place)
    threads.narrow(1)
    try:
        alone = whole(image, place)
    finally:
        threads.narrow(None)
    for name in ("image", "weight", "variance", "flags"):
        assert np.array_equal(getattr(several, name), getattr(alone, name), equal_nan=True)
    assert np.array_equal(image, before)


def test_headers_of_scamp_are_read_as_tpv_however_few_terms_they_have() -> None:
    from astropy.io.fits import Header

    from awe import fits

    cards = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": -5.0,
        "CRPIX1": 100.0, "CRPIX2": 80.0, "CD1_1": -5.9e-5, "CD1_2": 0.0, "CD2_1": 0.0,
        "CD2_2": 5.9e-5, "PV1_0": 0.0, "PV1_1": 1.0, "PV2_0": 0.0, "PV2_1": 1.001,
    }  # fmt: skip
    ra, dec = fits.wcs_of(Header(cards), "x.fits").all_pix2world(200.0, 180.0, 1)
    assert float(ra) == pytest.approx(150 - 5.9e-3 / np.cos(np.radians(5)), abs=1e-5)
    assert float(dec) == pytest.approx(-5 + 5.9e-3 * 1.001, abs=1e-6)
    plain = {name: value for name, value in cards.items() if not name.startswith("PV")}
    assert list(fits.wcs_of(Header(plain), "x.fits").wcs.ctype) == ["RA---TAN", "DEC--TAN"]

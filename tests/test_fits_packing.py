"""Planes packed in tiles: sizes of errors, who else reads them, and what is left plain."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from astropy.nddata import CCDData

from awe import fits
from awe.fits import packing
from awe.fits.blocks import image_header_end
from awe.fits.planes import VARIANCE_WITHIN, WEIGHT_WITHIN

Header = astropy_fits.Header
SHAPE = (301, 512)


@pytest.fixture(scope="module")
def planes():
    """Science, variance, flags, weight and map of a sky with stars, NaN, zeros and bad rows."""
    rng = np.random.default_rng(11)
    sky = rng.normal(500, 15, SHAPE).astype(np.float32)
    sky[rng.integers(0, SHAPE[0], 40), rng.integers(0, SHAPE[1], 40)] = 60000
    variance = np.maximum(sky, 0) / np.float32(2.4) + np.float32(6)
    flags = np.where(rng.random(SHAPE) < 3e-3, 1 << rng.integers(0, 9, SHAPE), 0)
    flags = flags.astype(np.uint16)
    weight = (rng.normal(1, 0.004, SHAPE) * (flags == 0)).astype(np.float32)
    sky[5, 7] = variance[5, 7] = np.nan
    variance[6, 8] = 0.1
    weight[17] = 0
    weight[40, 3] = -0.0
    return {"SCIENCE": sky, "UNCERT": variance, "MASK": flags, "WEIGHT": weight,
            "MAP": (flags == 0).astype(np.uint8)}  # fmt: skip


WITHIN = {"UNCERT": VARIANCE_WITHIN, "MASK": 0.0, "WEIGHT": WEIGHT_WITHIN, "MAP": 0.0}


def packed(name, planes):
    return fits.Image(planes[name], Header({"EXTNAME": name}), WITHIN[name])


@pytest.fixture(scope="module")
def product(planes, tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "product.fits"
    images = [packed(name, planes) for name in WITHIN]
    return fits.write(path, images, primary=fits.Image(planes["SCIENCE"], Header()))


def assert_kept(back, plane, within):
    """Assert that a plane is what was written: exactly, or within a relative error."""
    assert back.shape == plane.shape
    if not within:
        assert np.array_equal(back, plane, equal_nan=plane.dtype.kind == "f")
        return
    assert np.array_equal(np.isnan(back), np.isnan(plane))
    assert np.array_equal(back == 0, plane == 0)
    good = plane > 0
    error = np.abs(back[good].astype(float) / plane[good].astype(float) - 1)
    assert 0 < error.max() <= within


@pytest.mark.parametrize("name", ["SCIENCE", *WITHIN])
def test_planes_come_back_within_what_was_promised(product, planes, name):
    back = fits.read(product, 0 if name == "SCIENCE" else name)
    assert back.pixels.dtype == planes[name].dtype
    assert back.pixels.dtype.isnative
    assert_kept(back.pixels, planes[name], WITHIN.get(name))
    part = fits.read_pixels(product, 0 if name == "SCIENCE" else name, np.s_[30:70, 100:230])
    assert np.array_equal(part, back.pixels[30:70, 100:230], equal_nan=part.dtype.kind == "f")


def test_science_is_plain_in_the_primary_and_the_rest_small(product, planes):
    infos = fits.judge(product)
    assert [info.kind for info in infos] == ["PRIMARY", *["COMPRESSED"] * 4]
    assert [info.verified for info in infos] == [True] * 5
    assert infos[0].data_size == planes["SCIENCE"].nbytes
    sizes = {info.name: info.data_size / planes[info.name].nbytes for info in infos[1:]}
    assert sizes["UNCERT"] < 0.26
    assert sizes["WEIGHT"] < 0.12
    assert sizes["MASK"] < 0.04
    assert sizes["MAP"] < 0.04


def test_astropy_reads_them_and_agrees_with_the_sums(product, planes):
    with astropy_fits.open(product, checksum=True) as hdus:
        for hdu in hdus[1:]:
            assert_kept(hdu.data, planes[hdu.name], WITHIN[hdu.name])
    with astropy_fits.open(product, disable_image_compression=True) as hdus:
        assert all(hdu.verify_datasum() == hdu.verify_checksum() == 1 for hdu in hdus)


def test_astropy_finds_mask_and_uncertainty_by_itself(planes, tmp_path):
    variance = packed("UNCERT", planes)
    variance.header["UTYPE"] = "VarianceUncertainty"
    science = fits.Image(planes["SCIENCE"], Header({"BUNIT": "adu"}))
    path = fits.write(tmp_path / "a.fits", [packed("MASK", planes), variance], primary=science)
    ccd = CCDData.read(path)
    assert np.array_equal(ccd.mask, planes["MASK"] != 0)
    assert ccd.uncertainty.uncertainty_type == "var"
    assert_kept(ccd.uncertainty.array, planes["UNCERT"], VARIANCE_WITHIN)


@pytest.mark.skipif(shutil.which("funpack") is None, reason="apt-get install libcfitsio-bin")
def test_funpack_unpacks_them(product, planes, tmp_path):
    path = tmp_path / "plain.fits"
    subprocess.run(["funpack", "-O", path, product], check=True)
    with astropy_fits.open(path) as hdus:
        assert [type(hdu) for hdu in hdus[1:]] == [astropy_fits.ImageHDU] * 4
        for hdu in hdus[1:]:
            assert_kept(hdu.data, planes[hdu.name], WITHIN[hdu.name])


@pytest.mark.skipif(shutil.which("fitsverify") is None, reason="apt-get install fitsverify")
def test_fitsverify_has_nothing_to_say(product, planes, tmp_path):
    alone = fits.write(tmp_path / "w.fits", fits.Image(planes["WEIGHT"], Header(), 5e-3))
    for path in (product, alone):
        done = subprocess.run(["fitsverify", "-q", path], capture_output=True, check=False)
        assert b"verification OK" in done.stdout, done.stdout


def test_cfitsio_jumps_between_the_hdus_of_a_file(product, planes):
    fitsio = pytest.importorskip("fitsio", reason="pip install fitsio")
    # what a program has read of one packed plane must not change how it reads the next
    with fitsio.FITS(str(product)) as file:
        for number in (2, 1, 4, 1, 3, 0, 1, 2, 3, 1, 4, 2):
            name = ("SCIENCE", *WITHIN)[number]
            assert_kept(file[number].read(), planes[name], WITHIN.get(name))


def test_an_image_alone_stands_behind_a_primary_with_its_cards(planes, tmp_path):
    header = Header([("OBJECT", "NGC 1"), ("BUNIT", "adu"), ("HIERARCH AWE CLASS", "WeightFrame")])
    path = fits.write(tmp_path / "w.fits", fits.Image(planes["WEIGHT"], header, WEIGHT_WITHIN))
    assert path.stat().st_size < planes["WEIGHT"].nbytes / 4
    assert_kept(fits.read_pixels(path, None), planes["WEIGHT"], WEIGHT_WITHIN)
    assert_kept(astropy_fits.getdata(path), planes["WEIGHT"], WEIGHT_WITHIN)
    assert_kept(CCDData.read(path, hdu=1).data, planes["WEIGHT"], WEIGHT_WITHIN)
    assert fits.extensions(path) == ["", "IMAGE"]
    for place in (0, 1, None):
        assert fits.read_header(path, place)["AWE CLASS"] == "WeightFrame"


def test_the_header_is_known_from_the_first_bytes(planes, tmp_path):
    header = Header([("OBJECT", "NGC 1"), ("CTYPE1", "RA---TAN"), ("CRVAL1", 10.0)])
    path = fits.write(tmp_path / "w.fits", fits.Image(planes["WEIGHT"], header, WEIGHT_WITHIN))
    head = path.read_bytes()
    end = image_header_end(head)
    found, whole = fits.parse_header(head[:end], "w.fits"), fits.read_header(path, None)
    assert list(found.items()) == list(whole.items())
    assert (found["NAXIS1"], found["NAXIS2"]) == SHAPE[::-1]
    assert not {"ZIMAGE", "TFORM1", "ZSCALE"} & set(found)
    assert found["CRVAL1"] == 10.0
    # fitsverify warns of places where there are no pixels
    assert "CRVAL1" not in fits.read_header(path, 0)
    assert image_header_end(head[: end - 2880]) == 0


@pytest.mark.parametrize("value", [1.0, 0.37, 1234.5])
def test_where_one_value_is_all_there_is_it_is_kept(tmp_path, value):
    image = np.full((40, 50), value, np.float32)
    image[3:5, 7] = 0
    path = fits.write(tmp_path / "a.fits", fits.Image(image, Header(), 5e-3))
    assert fits.judge(path)[1].kind == "COMPRESSED"
    assert np.array_equal(fits.read_pixels(path, None), image)


def plain(pixels, within):
    return packing.pack(np.asarray(pixels), within) is None


def test_what_cannot_be_packed_stays_plain(tmp_path):
    ones = np.ones((40, 50), np.float32)
    assert not plain(ones, 1e-3)
    assert plain(ones, 0.0)
    assert plain(ones.astype(np.float64), 1e-3)
    assert plain(ones[None], 1e-3)
    assert plain(np.zeros((0, 5), np.uint8), 0.0)
    for odd in (-1.0, np.inf, -np.inf, 1e30):
        ones[3, 4] = odd
        assert plain(ones, 1e-3)
        path = fits.write(tmp_path / f"{odd}.fits", fits.Image(ones, Header(), 1e-3))
        assert np.array_equal(fits.read_pixels(path), ones)
    # noise in all bits would only grow
    assert plain(np.random.default_rng(1).integers(0, 256, (40, 50), np.uint8), 0.0)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4"])
@pytest.mark.parametrize("shape", [(1, 40), (33, 31), (64, 1), (70, 257)])
def test_every_jump_between_integers_is_kept(tmp_path, dtype, shape):
    rng = np.random.default_rng(shape[0])
    bounds = np.iinfo(dtype)
    image = np.full(shape, bounds.max // 3, dtype)
    jumps = rng.random(shape) < 0.02
    image[jumps] = rng.choice(np.array([bounds.min, bounds.max, 0, 1], dtype), jumps.sum())
    path = fits.write(tmp_path / "a.fits", [fits.Image(image, Header(), 0.0)])
    assert fits.judge(path)[1].kind == "COMPRESSED" or image.size < 200
    assert np.array_equal(fits.read_pixels(path, 1), image)
    assert np.array_equal(astropy_fits.getdata(path, 1), image)


@pytest.mark.parametrize("spread", [1, 1e3, 1e5])
def test_errors_hold_over_wide_ranges(tmp_path, spread):
    rng = np.random.default_rng(5)
    image = np.exp(rng.uniform(0, np.log(spread) + 1e-6, (80, 90))).astype(np.float32)
    image[rng.random(image.shape) < 0.1] = 0
    path = fits.write(tmp_path / "a.fits", [fits.Image(image, Header({"EXTNAME": "X"}), 1e-3)])
    back = fits.read_pixels(path, "X")
    assert np.array_equal(back == 0, image == 0)
    good = image > 0
    assert np.abs(back[good] / image[good].astype(float) - 1).max() <= 1e-3


@pytest.mark.parametrize("dtype", ["u1", "<u2", "<i2", ">u2"])
@pytest.mark.parametrize("shape", [(1, 31), (3, 32), (70, 33), (33, 129), (64, 2048)])
def test_blocks_of_one_value_are_kept_among_others(tmp_path, dtype, shape):
    """Whole blocks of 32 are skipped: what changes only at their edges must not be."""
    values = [0, 255] if dtype == "u1" else [0, 1, 255, 256, 32767]
    plane = np.zeros(shape, dtype)
    line = plane.reshape(-1)
    steps = np.random.default_rng(len(line)).choice([1, 31, 32, 33, 64, 500], len(line))
    for number, place in enumerate(np.cumsum(steps)):
        line[place:] = values[number % len(values)]
    path = fits.write(tmp_path / "map.fits", fits.Image(plane, Header(), 0.0))
    with astropy_fits.open(path) as hdus:
        assert np.array_equal(hdus[-1].data, plane)
    assert np.array_equal(fits.read_pixels(path, None), plane)

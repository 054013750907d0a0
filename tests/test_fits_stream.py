"""Files written in one pass are those astropy would have written: sums, padding, byte order."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest
from astropy.io import fits as astropy_fits

from awe import fits
from awe.fits import _counting
from awe.ingest import stored as stored_pixels

DTYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]


def pixels(dtype, shape):
    rng = np.random.default_rng(sum(shape))
    if np.dtype(dtype).kind == "f":
        image = rng.normal(0, 1e3, shape).astype(dtype)
        image.flat[0] = np.nan
        return image
    bounds = np.iinfo(dtype)
    return rng.integers(bounds.min, bounds.max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 9), (1, 1440), (3, 5, 7), (500, 601)])
def test_astropy_reads_what_was_written_and_agrees_with_its_sums(tmp_path, dtype, shape):
    image = pixels(dtype, shape)
    header = astropy_fits.Header({"EXTNAME": "ONE"})
    path = fits.write(
        tmp_path / "a.fits", [fits.Image(image[::-1], header)], primary=fits.Image(image, header)
    )
    assert path.stat().st_size % 2880 == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with astropy_fits.open(path, checksum=True) as hdus:
            hdus.verify("exception")
            assert all(hdu.verify_datasum() == hdu.verify_checksum() == 1 for hdu in hdus)
            np.testing.assert_array_equal(hdus[0].data, image)
            np.testing.assert_array_equal(hdus["ONE"].data, image[::-1])
    assert [info.verified for info in fits.judge(path)] == [True, True]


def test_pixels_in_the_order_of_fits_are_written_as_they_are(tmp_path):
    image = pixels("f4", (40, 50)).astype(">f4")
    path = fits.write(tmp_path / "a.fits", fits.Image(image, astropy_fits.Header()))
    np.testing.assert_array_equal(fits.read(path).pixels, image)


def test_an_image_without_pixels_in_it_is_a_header_alone(tmp_path):
    image = fits.Image(np.zeros((0, 5), np.float32), astropy_fits.Header({"OBJECT": "none"}))
    path = fits.write(tmp_path / "a.fits", image)
    assert path.stat().st_size == 2880
    assert fits.read_header(path)["NAXIS2"] == 0


STRANGE = [
    "AAA     = 1 / x", "AAA     = 2", "BBB     = 1.0E3 / e", "CCC     = 'it''s  '", "DDD     =",
    "EEE     = NaN", "FFF     = 3,5", "GGG     = 1.50D2", "XXX     = T", "COMMENT some",
    "HISTORY some", "EXTNAME = 5", "BLANK   = 3", "CONT    = 'abc&'", "CONTINUE  'def'",
    "HIERARCH a.b-c_d = 'q'", "        just text", "DP1     = 'AXIS.1: 1.5'", "PC1_1   = 1.0",
    "CD1_1   = 2.0", "ONE     = 1", "FLOAT   = 1.0", "TRUE    = T", "ZERO    = 0.0",
    "MINUS   = -0.0", "LONG    = 'zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz&'",
    "CONTINUE  'zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz' / long",
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "f4"])
def test_headers_are_those_astropy_would_have_written(tmp_path, dtype):
    def header():  # astropy takes a card nobody can read for text when it is read again
        return astropy_fits.Header.fromstring("".join(card.ljust(80) for card in STRANGE))

    image = pixels(dtype, (3, 5))
    path = fits.write(
        tmp_path / "a.fits", [fits.Image(image, header())], primary=fits.Image(image, header())
    )
    front = fits.clean(header())
    del front["EXTNAME"]
    front["HIERARCH AWE PLANES"] = (1, "extensions behind the image")
    wanted = astropy_fits.HDUList(
        [astropy_fits.PrimaryHDU(image, front), astropy_fits.ImageHDU(image, fits.clean(header()))]
    )
    wanted.verify("silentfix")
    wanted.update_extend()
    with astropy_fits.open(path, do_not_scale_image_data=True) as hdus:
        for found, one in zip(hdus, wanted, strict=True):
            lines = [str(card) for card in found.header.cards]
            assert lines[-2].startswith("DATASUM")
            assert lines[-1].startswith("CHECKSUM")
            assert lines[:-2] == [str(card) for card in one.header.cards]


@pytest.mark.parametrize("columns", [slice(None), slice(3, -2), slice(2, 3)])
def test_how_often_each_integer_of_two_bytes_occurs_is_counted(columns):
    stored = pixels("i2", (60, 71)).astype(">i2")
    stored[3] = -32768
    stored[4:6] = 32767
    part = stored[:, columns]
    expected = np.bincount(part.ravel().astype(int) + 32768, minlength=1 << 16)
    loop = _counting.loop()
    assert loop is not None
    np.testing.assert_array_equal(_counting.occurrences(part, loop), expected)
    np.testing.assert_array_equal(stored_pixels.by_rows(part), expected)


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 8), ">i2")[:, ::2], np.zeros((4, 8), "<i2"), np.zeros((4, 8), ">i4")]
)
def test_what_the_loop_would_miscount_is_refused(wrong):
    loop = _counting.loop()
    assert loop is not None
    with pytest.raises(ValueError, match="cannot be counted"):
        _counting.occurrences(wrong, loop)


@pytest.mark.parametrize("source", ["this is no language", "define void @other() { ret void }"])
def test_where_llvm_does_not_take_the_loop_numpy_counts(monkeypatch, source):
    monkeypatch.setattr(_counting, "SOURCE", source)
    monkeypatch.setattr(_counting, "loop", functools.cache(_counting.loop.__wrapped__))
    monkeypatch.setattr(stored_pixels, "REPAID", 0)
    assert _counting.loop() is None
    frame = pixels("i2", (1024, 1030)).astype(">i2")
    found = stored_pixels.Stored(bitpix=16).numbers(frame)
    assert found is not None
    assert (found["median"], found["max"]) == (np.median(frame), frame.max())


@pytest.mark.parametrize("blank", [None, 17, -32768, 40_000])
def test_statistics_of_a_large_frame_are_those_of_all_its_values(monkeypatch, blank):
    monkeypatch.setattr(stored_pixels, "SMALL", 4000)
    frame = np.random.default_rng(2).normal(20, 60, (80, 90)).astype(">i2")
    frame[:3] = -32768
    image = stored_pixels.Stored(bitpix=16, scale=2, zero=5, blank=blank)
    found = image.numbers(frame[:, 4:-4])
    assert found is not None
    values = frame[:, 4:-4].astype(float)
    known = 5 + 2 * values[values != (np.inf if blank is None else blank)]
    expected = [known.min(), known.max(), known.mean(), np.median(known), known.std()]
    assert list(found.values()) == pytest.approx(expected, rel=1e-12)
    assert (found["median"], found["min"]) == (np.median(known), known.min())


def test_a_large_frame_without_a_value_has_no_statistics(monkeypatch):
    monkeypatch.setattr(stored_pixels, "SMALL", 1)
    image = stored_pixels.Stored(bitpix=16, blank=3)
    assert image.numbers(np.full((5, 7), 3, ">i2")) is None

"""A corpus of bad files, made here: each is refused in one line, or accepted with a note."""

import gzip
import random
import struct
import time

import numpy as np
import pytest
from astropy.io import fits as astropy_fits

from awe import fits
from awe.errors import BadFits, ChecksumMismatch, FileGone

BLOCK = 2880


def card(keyword, value):
    return f"{keyword:<8}= {value:>20}".ljust(80).encode("latin-1")


def header(*cards, first=None):
    text = b"".join([first or card("SIMPLE", "T"), *cards]) + b"END".ljust(80)
    return text + b" " * (-len(text) % BLOCK)


def plain(bitpix=16, axes=(20, 10), extra=()):
    cards = [card("BITPIX", bitpix), card("NAXIS", len(axes))]
    cards += [card(f"NAXIS{n}", length) for n, length in enumerate(axes, 1)]
    return header(*cards, *extra)


def table(width, rows, form, *, pcount=0, extra=(), heap=b"", data=b""):
    first = "XTENSION= 'BINTABLE'".ljust(80).encode()
    cards = [card("BITPIX", 8), card("NAXIS", 2), card("NAXIS1", width), card("NAXIS2", rows)]
    cards += [card("PCOUNT", pcount), card("GCOUNT", 1), card("TFIELDS", 1)]
    cards += [f"TFORM1  = '{form}'".ljust(80).encode(), *extra]
    body = data + heap
    return plain(8, ()) + header(*cards, first=first) + body + bytes(-len(body) % BLOCK)


def good(tmp_path):
    image = fits.Image(np.arange(3000, dtype="u2").reshape(50, 60), astropy_fits.Header())
    path = fits.write(tmp_path / "good.fits", [image])
    return path.read_bytes()


BODY = bytes(BLOCK)
NOISE = random.Random(1).randbytes(9000)

REFUSED = {
    "empty": (b"", "an empty file"),
    "text": (b"hello, this is the night log\n" * 9, "looks like text"),
    "html": (b"\n<!DOCTYPE html><html>404</html>", "HTML"),
    "html with mark": (b"\xef\xbb\xbf<html><body>", "HTML"),
    "xml": (b"<?xml version='1.0'?><VOTABLE/>", "XML"),
    "jpeg": (b"\xff\xd8\xff\xe0" + NOISE, "JPEG"),
    "png": (b"\x89PNG\r\n\x1a\n" + NOISE, "PNG"),
    "pdf": (b"%PDF-1.7" + NOISE, "PDF"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + NOISE, "HDF5"),
    "gzip": (gzip.compress(plain() + BODY), "gzip: unpack it"),
    "bzip2": (b"BZh91AY&SY" + NOISE, "bzip2"),
    "xz": (b"\xfd7zXZ\x00" + NOISE, "xz"),
    "zip": (b"PK\x03\x04" + NOISE, "zip"),
    "noise": (b"\x00\x01" + NOISE, "unknown binary"),
    "only SIMPLE": (b"SIMPLE  =", "truncated in the header"),
    "SIMPLE misplaced": (b"SIMPLE = T".ljust(BLOCK), "damaged FITS header"),
    "SIMPLE is F": (header(card("BITPIX", 8), first=card("SIMPLE", "F")), "SIMPLE is 'F'"),
    "header cut": (plain()[:1000], "truncated in the header"),
    "no END": (plain().replace(b"END", b"   "), "truncated in the header"),
    "data cut": ((plain() + BODY)[: BLOCK + 100], "header promises 3280 bytes, file has 2980"),
    "last byte cut": (plain(8, (BLOCK,)) + BODY[:-1], "header promises 5760 bytes, file has 5759"),
    "no data": (plain(), "truncated: header promises"),
    "trailing": (plain() + BODY + b"x" * 10, "10 trailing bytes.*head -c 5760"),
    "trailing block": (plain() + BODY + BODY + b"x", "2881 trailing bytes"),
    "BITPIX 7": (plain(7) + BODY, "BITPIX is 7, expected one of"),
    "BITPIX text": (plain("'a'") + BODY, "BITPIX is 'a', expected a whole number"),
    "BITPIX missing": (header(card("NAXIS", 0)), "BITPIX is None"),
    "NAXIS -1": (header(card("BITPIX", 8), card("NAXIS", -1)), "NAXIS is -1"),
    "999 axes": (plain(8, (1,) * 999) + BODY, "NAXIS is 999"),
    "NAXIS1 missing": (header(card("BITPIX", 8), card("NAXIS", 1)), "header begins with"),
    "NAXIS1 negative": (plain(8, (-5, 5)) + BODY, "negative"),
    "32 TB": (plain(64, (2_000_000, 2_000_000)) + BODY, "header promises 32000000002880"),
    "overflow": (plain(64, (2**62, 2**62)) + BODY, "truncated: header promises"),
    "beyond 20 digits": (plain(8, (10**30,)) + BODY, "expected a whole number"),
    "NAXIS1 real": (plain(8, ("1.5",)) + BODY, "expected a whole number"),
    "order": (header(card("NAXIS", 0), card("BITPIX", 8)), "header begins with"),
    "BITPIX twice": (plain(extra=[card("BITPIX", 8)]) + BODY, "given more than once"),
    "BSCALE 0": (plain(extra=[card("BSCALE", 0)]) + BODY, "BSCALE is 0"),
    "BZERO NaN": (plain(extra=[card("BZERO", "NaN")]) + BODY, "BZERO is 'NaN'"),
    "groups": (plain(8, (0, 3), [card("GROUPS", "T")]) + BODY, "random groups"),
    "PCOUNT negative": (plain(extra=[card("PCOUNT", -400)]) + BODY, "PCOUNT is -400"),
    "GCOUNT 9": (plain(extra=[card("GCOUNT", 9)]) + BODY, "GCOUNT is 9"),
    "binary card": (plain(extra=[b"\x00\xff" * 40]) + BODY, "not a FITS card"),
    "10 MB of cards": (plain(8, (), [b"COMMENT x".ljust(80)] * 131072), "more than 1048576"),
    "endless header": (card("SIMPLE", "T") * 40000, "more than 1048576 bytes"),
    "a billion empty rows": (table(0, 10**9, "0B"), "1000000000 rows without a byte"),
    "columns too wide": (table(8, 2, "4J", data=bytes(16)), "columns take 16 bytes"),
    "TFORM nonsense": (table(8, 2, "8Z", data=bytes(16)), "not a column format"),
    "THEAP outside": (
        table(8, 2, "1K", extra=[card("THEAP", 999)], data=bytes(16)),
        "THEAP is 999",
    ),
    "descriptor outside": (
        table(8, 2, "1PB(9)", pcount=8, data=struct.pack(">4i", 8, 0, 8, 1), heap=bytes(8)),
        "column 1, row 2 points outside the heap",
    ),
    "descriptor negative": (
        table(8, 1, "1PB(9)", pcount=8, data=struct.pack(">2i", -1, 0), heap=bytes(8)),
        "points outside the heap",
    ),
    "bomb of tiles": (
        table(8, 1, "1PB(8)", pcount=8, data=struct.pack(">2i", 8, 0), heap=bytes(8), extra=[
            card("ZIMAGE", "T"), card("ZBITPIX", 32), card("ZNAXIS", 2),
            card("ZNAXIS1", 10**6), card("ZNAXIS2", 10**6)]),
        "compressed bytes promise an image",
    ),
    "extension cut": (plain(8, ()) + b"XTENSION= 'IMAGE'".ljust(80), "HDU 1: truncated in the"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_bad_file_is_refused_in_one_line_and_at_once(tmp_path, kind):
    content, words = REFUSED[kind]
    path = tmp_path / "bad.fits"
    path.write_bytes(content)
    began = time.monotonic()
    with pytest.raises(BadFits, match=words) as caught:
        fits.judge(path)
    assert time.monotonic() - began < 1
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_every_flipped_bit_of_a_file_with_checksums_is_noticed(tmp_path):
    content = good(tmp_path)
    path = tmp_path / "flipped.fits"
    chooser = random.Random(3)
    names = [content.find(name, at) for at in (0, BLOCK) for name in (b"CHECKSUM=", b"DATASUM =")]
    for _ in range(150):
        flipped = bytearray(content)
        place = chooser.randrange(len(flipped))
        if any(name <= place < name + 10 for name in names):
            continue  # without its name a sum is not there to be compared
        flipped[place] ^= 1 << chooser.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises((ChecksumMismatch, BadFits)):
            fits.judge(path)


def test_flipped_pixel_names_both_sums(tmp_path):
    content = bytearray(good(tmp_path))
    content[2 * BLOCK + 5] ^= 1
    path = tmp_path / "f.fits"
    path.write_bytes(content)
    with pytest.raises(ChecksumMismatch, match=r"HDU 1: DATASUM promises \d+, the bytes give \d+"):
        fits.judge(path)
    assert len(fits.judge(path, verify=False)) == 2


def test_every_truncation_of_a_good_file_is_refused(tmp_path):
    content = good(tmp_path)
    path = tmp_path / "cut.fits"
    path.write_bytes(content)
    ends = [info.data_start + info.data_size for info in fits.judge(path)]
    for length in range(0, len(content), 397):
        if any(end <= length <= end + -end % BLOCK for end in ends):
            continue  # all pixels of some HDUs, and none of the next
        path.write_bytes(content[:length])
        with pytest.raises(BadFits, match=r"truncated|empty"):
            fits.judge(path)


def test_file_without_checksum_is_accepted_as_unverified(tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(plain() + BODY)
    [info] = fits.judge(path)
    assert info.verified is None
    assert (info.bitpix, info.shape, info.kind) == (16, (10, 20), "PRIMARY")


def test_trailing_bytes_may_be_allowed(tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(plain() + BODY + b"tail")
    assert len(fits.judge(path, allow_trailing=True)) == 1


def test_control_bytes_in_a_value_are_noted_not_refused(tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(plain(extra=["OBJECT  = '\x1b[2Jx'".ljust(80).encode()]) + BODY)
    [info] = fits.judge(path)
    assert "escaped" in info.notes[0]


def test_compressed_image_shows_its_unpacked_shape(tmp_path):
    image = np.arange(3000, dtype="i4").reshape(50, 60)
    path = fits.write(tmp_path / "c.fits", [fits.Image(image, astropy_fits.Header(), 0)])
    info = fits.judge(path)[1]
    assert (info.kind, info.bitpix, info.shape) == ("COMPRESSED", 32, (50, 60))


def test_absent_file_and_directory_are_named(tmp_path):
    with pytest.raises(FileGone, match="nothing there"):
        fits.judge(tmp_path / "no.fits")
    with pytest.raises(FileGone, match="a directory"):
        fits.judge(tmp_path)


def test_corpus_has_forty_kinds():
    assert len(REFUSED) >= 40
